/**
 * `ip route get`: kept cases always; look-ups that a kernel with a real FRR has answered, where they lie beside the clone; random
 * hosts against the running kernel where a network namespace can be made. ORACLE_LOOKUPS sets how many look-ups are tried.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Interpreter } from "@plumbline/model";
import { openRoutes, type RouteAnswer } from "@plumbline/plugin-linux";
import { describe, expect, test } from "vitest";
import { whyNoNamespace } from "../src/oracle/kernel/namespace.js";
import { huntRoutes, RouteMirror, readRouteCase, routeSummary } from "../src/oracle/route/hunt.js";
import { readRouteGet, routeDifferences } from "../src/oracle/route/kernel-answer.js";

const CASES = new URL("cases/", import.meta.url);
const kept = readdirSync(CASES)
  .filter((f) => f.startsWith("route-") && f.endsWith(".txt"))
  .map((name) => ({ name, case: readRouteCase(readFileSync(new URL(name, CASES), "utf8")) }));

const shared = process.env.PLUMBLINE_SHARED ?? new URL("../../../shared", import.meta.url).pathname;
const frrLive = `${shared}/cases/routes/frr-live.jsonl`;
const why = whyNoNamespace();
if (!existsSync(frrLive)) console.warn(`\n======== SKIPPED: recorded look-ups: no ${frrLive} ========\n`);
if (why) console.warn(`\n======== SKIPPED: look-ups against the running Linux kernel: ${why} ========\n`);

describe("look-ups that the kernel has answered", () => {
  test.each(kept)("$name", ({ case: c }) => {
    const mirror = new RouteMirror(c.dumps);
    expect(c.questions.flatMap((q) => routeDifferences(q.kernel, mirror.ask(q.question)))).toEqual([]);
  });
});

type Line = { k: "net"; id: number; ip: Record<string, string> } | { k: "get"; net: number; args: string; out: string | { error: string } };

describe.skipIf(!existsSync(frrLive))("routes of a real FRR in the kernel", () => {
  const lines = existsSync(frrLive)
    ? readFileSync(frrLive, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((l) => JSON.parse(l) as Line)
    : [];
  test.each(["text", "json"])("all look-ups are equal, from the %s of ip", (form) => {
    const nets = new Map<number, (question: string) => RouteAnswer>();
    for (const l of lines) {
      if (l.k !== "net") continue;
      const file = (name: string) => ({ file: name, text: l.ip[form === "json" ? `-j ${name}` : name] });
      const layer = openRoutes({
        routes: [file("route show table all")],
        rules: [file("rule show")],
        addresses: [{ file: "-br addr", text: l.ip["-br addr"] }],
      });
      const machine = new Interpreter(layer.network);
      nets.set(l.id, (line) => {
        const q = layer.ask(line);
        return layer.answer(q, machine.run(q.run.row, q.run.device, q.run.port, q.run.options));
      });
    }
    let asked = 0;
    const different: string[] = [];
    for (const l of lines) {
      if (l.k !== "get") continue;
      asked++;
      const kernel =
        typeof l.out === "string"
          ? readRouteGet(l.out)
          : { ...readRouteGet(""), type: "", error: l.out.error.replace(/^RTNETLINK answers: /, "") };
      const d = routeDifferences(kernel, nets.get(l.net)!(l.args));
      if (d.length > 0) different.push(`net ${l.net}: ${l.args}: ${d.join("; ")}`);
    }
    console.log(`${asked} recorded look-ups on ${nets.size} hosts (${form})`);
    expect(asked).toBeGreaterThan(10_000);
    expect(different).toEqual([]);
  });
});

describe.skipIf(why !== null)("the running kernel", () => {
  const lookups = Number(process.env.ORACLE_LOOKUPS ?? 3000);
  const seed = process.env.ORACLE_SEED === undefined ? Date.now() % 1_000_000_000 : Number(process.env.ORACLE_SEED);
  test(`${lookups} random look-ups, from seed ${seed} on`, { timeout: 120_000 + 5 * lookups }, async () => {
    const found = await huntRoutes({ seed, lookups, nets: Math.max(1, Math.round(lookups / 500)), most: 3 });
    console.log(routeSummary(found));
    for (const d of found.differences) console.log(`seed ${d.seed} differs; to keep it, as tools/test/cases/route-NAME.txt:\n${d.text}`);
    expect(found.differences.map((d) => d.seed)).toEqual([]);
  });
});
