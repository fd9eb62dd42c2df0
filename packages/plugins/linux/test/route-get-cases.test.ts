/**
 * Look-ups that a real kernel answered, with routes of a real zebra and of `ip route`. Needs the recorded cases (PLUMBLINE_SHARED); without them it
 * is skipped.
 */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Interpreter } from "@plumbline/model";
import { expect, test } from "vitest";
import { openRoutes, type RouteAnswer } from "../src/route-get/index.js";

const SHARED = process.env["PLUMBLINE_SHARED"] ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
const CASES = `${SHARED}/cases/routes/frr-live.jsonl`;
const there = existsSync(CASES);
if (!there) console.warn(`SKIPPED: ${CASES} is not there: route look-ups are not held against the kernel's answers. Set PLUMBLINE_SHARED.`);

interface Net {
  readonly k: "net";
  readonly id: number;
  readonly ip: Readonly<Record<string, string>>;
}
interface Get {
  readonly k: "get";
  readonly net: number;
  readonly args: string;
  readonly out: string | { readonly error: string };
}

/** What a kernel's answer says, in the words of ours. */
function kernel(out: Get["out"]) {
  if (typeof out !== "string") return { error: out.error.replace(/^RTNETLINK answers: /, "") };
  const m = /^(?:(local|broadcast|multicast) )?(\S+)(.*?) cache/.exec(out)!;
  const word = (w: string) => new RegExp(` ${w} (\\S+)`).exec(m[3])?.[1] ?? "";
  return { error: "", type: m[1] ?? "unicast", via: word("via"), dev: word("dev"), table: word("table") || "main", src: word("src") };
}

/** Ours in the same words; of several next hops the one that the kernel took. */
function ours(a: RouteAnswer, k: ReturnType<typeof kernel>) {
  if (a.error !== "") return { error: a.error };
  const h = a.nexthops.find((x) => x.via === k.via && x.dev === k.dev) ?? a.nexthops[0];
  return { error: "", type: a.type, via: h?.via ?? "", dev: h?.dev ?? "", table: a.table, src: h?.src ?? "" };
}

test.skipIf(!there)("every look-up is answered as the kernel did", { timeout: 120_000 }, async () => {
  const layers = new Map<number, { layer: ReturnType<typeof openRoutes>; machine: Interpreter }[]>();
  const differences: string[] = [];
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(CASES, "utf8") })) {
    const c = JSON.parse(line) as Net | Get;
    if (c.k === "net") {
      const file = (name: string) => ({ file: `ip ${name}`, text: c.ip[name]! });
      const forms = [
        openRoutes({ routes: [file("route show table all")], rules: [file("rule show")], addresses: [file("-br addr")] }),
        openRoutes({ routes: [file("-j route show table all")], rules: [file("-j rule show")] }),
      ];
      for (const f of forms) expect(f.problems.filter((p) => p.severity !== "info")).toEqual([]);
      layers.set(
        c.id,
        forms.map((layer) => ({ layer, machine: new Interpreter(layer.network) })),
      );
      continue;
    }
    const k = kernel(c.out);
    layers.get(c.net)!.forEach(({ layer, machine }, form) => {
      const q = layer.ask(c.args);
      const { row, device, port, options } = q.run;
      const a = ours(layer.answer(q, machine.run(row, device, port, options)), k);
      count++;
      if (JSON.stringify(a) !== JSON.stringify(k))
        differences.push(`net ${c.net}${form ? " (JSON)" : ""}: ${c.args}\n  kernel ${JSON.stringify(k)}\n  ours   ${JSON.stringify(a)}`);
    });
  }
  console.log(`${count} look-ups, ${differences.length} differ`);
  expect(differences.slice(0, 20)).toEqual([]);
});
