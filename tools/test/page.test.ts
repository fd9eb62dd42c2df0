/**
 * The page in a real browser, against a real server with the demo's snapshots: each view's main task by clicking, Ask by keyboard alone,
 * and axe over all of them. PAGE_SHOTS=DIR keeps screenshots.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserIsHere, openPage, startBrowser } from "../src/browser.js";

const root = resolve(import.meta.dirname, "../..");
const examples = join(root, "examples");
const shots = process.env["PAGE_SHOTS"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

if (!browserIsHere()) console.warn("SKIPPED: the page is not tested, there is no Chromium here (tools/setup-browser.sh installs it)");

describe.skipIf(!browserIsHere())("the page", () => {
  let server: ChildProcess;
  let browser: Browser;
  let address = "";
  const data = mkdtempSync(join(tmpdir(), "plumbline-page-"));
  const complaints: string[] = [];

  beforeAll(async () => {
    server = spawn(process.execPath, [join(root, "packages/cli/bin/plumbline.js"), "serve", "--demo", "--port", "0", "--data", data], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    address = await new Promise<string>((found, failed) => {
      const hear = (chunk: Buffer) => {
        said += chunk;
        const url = /http:\/\/[^\s"]+#token=[\w.-]+/.exec(said)?.[0];
        if (url) found(url);
      };
      server.stdout!.on("data", hear);
      server.stderr!.on("data", hear);
      server.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${said}`)));
    });
    browser = await startBrowser();
    if (shots) mkdirSync(shots, { recursive: true });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    if (server && server.exitCode === null) {
      const ended = new Promise((r) => server.on("exit", r));
      server.kill("SIGTERM");
      await ended;
    }
    rmSync(data, { recursive: true, force: true });
  });

  const open = async (hash = "", options = {}) => {
    const page = await openPage(browser, { viewport: { width: 1400, height: 900 }, ...options }, complaints);
    await page.goto(address);
    await page.getByRole("form", { name: "Ask" }).waitFor();
    if (hash) await page.evaluate((h) => void (location.hash = h), hash);
    return page;
  };
  const shot = async (page: Page, name: string) =>
    shots && (await page.screenshot({ path: join(shots, `${name}.jpg`), type: "jpeg", quality: 75 }));
  const faults = async (page: Page) => {
    await page.evaluate(AXE);
    const { violations } = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    };
    return violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 200)}`);
  };
  const pick = async (page: Page, snapshot: string) => {
    const option = page.getByLabel("Snapshot").locator("option").filter({ hasText: snapshot });
    await option.first().waitFor({ state: "attached" });
    await page.getByLabel("Snapshot").selectOption({ label: (await option.first().textContent())! });
  };
  const askAsDemo = async (page: Page) => {
    await pick(page, "cluster");
    await page.getByRole("combobox", { name: "From" }).fill("client");
    await page.getByRole("combobox", { name: "To", exact: true }).fill("egress-identity");
    await page
      .getByRole("option", { name: /egress-identity/ })
      .first()
      .click();
    await page.getByRole("button", { name: "Trace" }).click();
    await page.getByRole("heading", { name: /delivered tcp 192\.168\.55\.10/ }).waitFor();
  };

  test("Ask: a question by clicking, its branches, the evidence of a hop, a picture to keep, an address to share", async () => {
    const page = await open();
    await askAsDemo(page);
    expect(await page.getByRole("radio").count()).toBe(6);
    expect(await page.getByLabel("Port").inputValue()).toBe("8080");
    await page.getByRole("radio").nth(2).click();
    await page.getByRole("button", { name: /^GR_master-\d+-demo.*gateway router/ }).click();
    const evidence = page.getByRole("region", { name: "Evidence of the hop" });
    await evidence.locator("li.this").waitFor();
    // Step on to the hop that chose the backend.
    await page
      .getByRole("button", { name: /lr_in_dnat/ })
      .first()
      .click();
    await evidence.getByText("ct_lb_mark").first().waitFor();
    expect(await evidence.locator("li.this").textContent()).toMatch(/table=\d+.*group:/);
    expect(await evidence.getByRole("heading", { level: 4 }).allTextContents()).toContain("Logical");
    await shot(page, "ask");
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as SVG" }).click();
    const svg = readFileSync(await (await saved).path(), "utf8");
    expect(svg).toMatch(/^<\?xml[^>]*>\n<svg[^>]+xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain("GR_master");
    const link = page.url();
    expect(link).not.toContain("plb_");
    await page.goto("about:blank");
    await page.goto(link);
    await evidence.locator("li.this").waitFor();
    expect(await page.getByRole("radio", { checked: true }).textContent()).toContain("16.7 %");
    // The host has a DNAT rule for this address that no packet from outside ever sees.
    await page.getByText(/^Present, never reached/).click();
    await page
      .getByText(/^-A OVN-KUBE-EXTERNALIP.* -d 192\.168\.66\.100/)
      .first()
      .waitFor();
    await shot(page, "beside");
    await page.getByRole("button", { name: "All 6 branches" }).click();
    await page.getByRole("region", { name: "Picture of all branches" }).waitFor();
    await shot(page, "branches");
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  test("Ask by keyboard alone", async () => {
    const page = await open();
    const { keyboard } = page;
    await page.locator("#main").focus();
    const tabTo = async (name: RegExp) => {
      for (let i = 0; i < 80; i++) {
        await keyboard.press("Tab");
        const label = await page.evaluate(() => {
          const e = document.activeElement as HTMLInputElement | null;
          return e?.getAttribute("aria-label") ?? e?.labels?.[0]?.textContent ?? e?.textContent ?? "";
        });
        if (name.test(label)) return;
      }
      throw new Error(`no Tab leads to ${name}`);
    };
    await tabTo(/^Snapshot/);
    await keyboard.type("cluster");
    await tabTo(/^From/);
    await keyboard.type("client");
    await tabTo(/^To$/);
    await keyboard.type("egress-id");
    // Names may still be on their way.
    await page
      .getByRole("option", { name: /egress-identity/ })
      .first()
      .waitFor();
    await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    await tabTo(/^Port/);
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: /delivered/ }).waitFor();
    await shot(page, "keyboard");
    await tabTo(/^GR_master/);
    await keyboard.press("Enter");
    await page.getByRole("region", { name: "Evidence of the hop" }).waitFor();
    await page.context().close();
  });

  test("Ask: where a connection is refused, the failing hop stands out", async () => {
    const page = await open();
    await pick(page, "local-negative");
    await page.getByRole("combobox", { name: "From" }).fill("client");
    await page.getByRole("combobox", { name: "To", exact: true }).fill("192.168.66.100");
    await page.getByLabel("Port").fill("8080");
    await page.getByRole("button", { name: "Trace" }).click();
    await page.getByRole("heading", { name: /refused tcp/ }).waitFor();
    expect(await page.locator(".box.failing").count()).toBe(1);
    await page.locator(".box.failing").click();
    await page.getByRole("region", { name: "Evidence of the hop" }).waitFor();
    await shot(page, "refused");
    await page.context().close();
  });

  test("Replay: upload a capture, see where its flows went, filter, open a class", async () => {
    const page = await open("#/replay");
    await pick(page, "cluster");
    await page.locator("input[type=file]").setInputFiles(join(examples, "cluster.router.enp7s0.pcap.gz"));
    const at = page.getByPlaceholder("by its name, or DEVICE:PORT");
    await at.first().waitFor();
    await at.first().fill("router:enp7s0");
    await page.getByRole("button", { name: "Replay", exact: true }).click();
    const delivered = page.getByRole("button", { name: /^verdict delivered/ });
    await delivered.waitFor({ timeout: 60_000 });
    await shot(page, "replay");
    const all = await page.getByRole("region", { name: "Table of classes" }).locator("tbody tr").count();
    await page.getByRole("button", { name: /^entry master-01-demo/ }).click();
    await page.getByRole("button", { name: "Remove the filter node master-01-demo" }).waitFor();
    await delivered.click();
    await page.getByRole("button", { name: "Remove the filter verdict delivered" }).waitFor();
    const classes = page.getByRole("region", { name: "Table of classes" }).locator("tbody tr");
    await expect.poll(async () => new Set(await classes.locator("td:nth-child(3)").allTextContents())).toEqual(new Set(["master-01-demo"]));
    expect(await classes.count()).toBeLessThan(all);
    await classes.first().getByRole("button").click();
    await page.getByRole("region", { name: "Path picture" }).waitFor();
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  test("Snapshots: upload, what is in it, what is missing, the topology", async () => {
    const page = await open("#/snapshots");
    await page.locator("input[type=file]").setInputFiles(join(examples, "local.tar.gz"));
    await page.getByRole("region", { name: "Hosts and sources" }).waitFor({ timeout: 60_000 });
    await page.getByText("What is missing, and how to get it").waitFor();
    const boxes = page.getByRole("region", { name: "Topology" }).locator(".box");
    await expect.poll(() => boxes.count()).toBeGreaterThan(5);
    await shot(page, "snapshots");
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  test("dark, and on a phone: no serious fault either", async () => {
    const page = await open("", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await askAsDemo(page);
    await page.getByRole("button", { name: /^GR_master/ }).click();
    await page.getByRole("region", { name: "Evidence of the hop" }).waitFor();
    await shot(page, "phone");
    expect(await faults(page)).toEqual([]);
    // Nothing sticks out of the screen: only regions scroll sideways.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.context().close();
  });

  test("without a token the page asks for one", async () => {
    const page = await openPage(browser, {}, []);
    await page.goto(new URL("/", address).href);
    await page.getByLabel("API token").fill("plb_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("That token is not valid").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.context().close();
  });

  test("nothing was complained of meanwhile", () => {
    expect(complaints).toEqual([]);
  });
});
