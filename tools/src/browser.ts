/** Debian's Chromium, driven by playwright-core: found, started, and listened to for what a page complains of. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PATH = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export const browserIsHere = (): boolean => existsSync(PATH);

/** Nothing of it asks the network for anything by itself. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const startBrowser = (): Promise<Browser> => chromium.launch({ executablePath: PATH, args: ARGUMENTS });

/** A page in a profile of its own. What it logs as an error, throws or is forbidden (content policy) is put into `complaints`. */
export async function openPage(browser: Browser, options: BrowserContextOptions, complaints: string[]): Promise<Page> {
  const page = await (await browser.newContext({ acceptDownloads: true, ...options })).newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  return page;
}
