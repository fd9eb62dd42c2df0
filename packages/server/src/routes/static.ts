/** The page: files that vite has built. Without them, a page that says how to build them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { App } from "./app.js";

export async function servePage(app: App, folder: string): Promise<void> {
  if (!existsSync(join(folder, "index.html"))) {
    app.get("/", { config: { scope: "open" }, schema: { hide: true } }, async (_request, reply) =>
      reply.type("text/html; charset=utf-8").send(UNBUILT),
    );
    return;
  }
  await app.register(fastifyStatic, {
    root: folder,
    index: "index.html",
    wildcard: true,
    decorateReply: true,
    dotfiles: "deny",
    schemaHide: true,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // vite names assets by their content.
      reply.header("cache-control", /[\\/]assets[\\/]/.test(path) ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}

const UNBUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Plumbline</title>
<p>The page is not built. Run <code>npm run build</code> in the repository, then start the service again. The interface is described at <a href="/docs">/docs</a>.</p></html>
`;
