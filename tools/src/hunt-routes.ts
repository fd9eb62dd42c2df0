/**
 * A long hunt: `node tools/dist/hunt-routes.js [--lookups N] [--nets N] [--seed N] [--out DIR]`; with case files, asks those again.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Namespace } from "./oracle/kernel/namespace.js";
import { huntRoutes, RouteMirror, readRouteCase, routeDumps, routeSummary, setUp } from "./oracle/route/hunt.js";
import { askKernel, routeDifferences } from "./oracle/route/kernel-answer.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lookups: { type: "string", default: "50000" },
    nets: { type: "string", default: "100" },
    seed: { type: "string" },
    out: { type: "string", default: "route-differences" },
    most: { type: "string", default: "20" },
  },
});

if (positionals.length > 0) await replay(positionals);
else {
  mkdirSync(values.out, { recursive: true });
  const found = await huntRoutes({
    seed: values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed),
    lookups: Number(values.lookups),
    nets: Number(values.nets),
    most: Number(values.most),
    told(d) {
      const file = join(values.out, `route-${d.seed}.txt`);
      writeFileSync(file, d.text);
      console.log(`${file}: ${d.differences[0]}`);
    },
  });
  console.log(routeSummary(found));
  if (found.differences.length > 0) process.exitCode = 1;
}

async function replay(files: readonly string[]): Promise<void> {
  const ns = Namespace.open();
  for (const file of files) {
    const c = readRouteCase(readFileSync(file, "utf8"));
    await setUp(ns, c.net);
    const kernel = await askKernel(
      ns,
      c.net.version,
      c.questions.map((q) => q.question),
    );
    const mirror = new RouteMirror(await routeDumps(ns, "text"));
    const told = c.questions.flatMap((q, i) => routeDifferences(kernel[i], mirror.ask(q.question)));
    console.log(`${file}: ${told.length === 0 ? "equal" : "DIFFERS"}${told.map((t) => `\n  ${t}`).join("")}`);
  }
  await ns.close();
}
