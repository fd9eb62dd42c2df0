/**
 * Broken and hostile tables for `ofproto trace`: each ends with a message or a bounded verdict. FUZZ_SECONDS sets how long mutations are
 * tried (default 5), ORACLE_SEED where they begin (else a fresh one, which is printed).
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ENDLESS, FLOW_LINES, GROUP_LINES, mutate, PACKETS, PORT_LINES, truncations } from "../src/oracle/ofproto/fuzz.js";
import { Ours } from "../src/oracle/ofproto/ours.js";
import { Random } from "../src/oracle/random.js";

const SHARED = process.env.PLUMBLINE_SHARED ?? new URL("../../../shared", import.meta.url).pathname;
const file = (name: string, text: string) => ({ name, text });

/** A bridge of these texts. */
function opened(flows: string, groups = "", ports = ""): Ours {
  return new Ours([
    { name: "br0", flows: file("flows", flows), groups: file("groups", groups), ...(ports ? { ports: file("ports", ports) } : {}) },
  ]);
}
/** Answers or refuses every packet; anything else that is thrown is a fault. */
function asked(ours: Ours, packets: readonly string[] = PACKETS): void {
  for (const p of packets) {
    const { trace, error } = ours.ask(p);
    if (!trace) expect(error).not.toBe("");
    else expect(["output", "drop", "unknown"]).toContain(trace.verdict);
  }
}
const headOf = (line: string) => line.slice(0, line.indexOf(" actions=") + 1) || line;

/** Lines of dumps of many versions, where they are at hand. */
function dumpLines(): string[] {
  try {
    return readFileSync(`${SHARED}/cases/openflow/dump-lines.jsonl`, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((l) => JSON.parse(l).line)
      .filter((l) => typeof l === "string");
  } catch {
    console.warn(`\n======== SKIPPED: lines of ${SHARED}/cases/openflow/dump-lines.jsonl are not at hand ========\n`);
    return [];
  }
}

describe("broken and hostile tables", () => {
  test("lines cut at every byte are rules or problems with their line", { timeout: 300_000 }, () => {
    for (const [lines, open] of [
      [FLOW_LINES, (text: string) => opened(text)],
      [GROUP_LINES, (text: string) => opened("table=0,actions=group:1\n", text)],
      [PORT_LINES, (text: string) => opened("table=0,actions=NORMAL\n", "", text)],
    ] as const)
      for (const line of lines) {
        const cut = [...truncations(line)];
        const ours = open(`${cut.join("\n")}\n`);
        asked(ours);
        ours.close();
        // What is no rule must be told of; groups and ports have no rules of their own.
        if (lines !== FLOW_LINES) continue;
        const known = new Set([...ours.ruleLines, ...ours.problemLines]);
        // A flow takes the place of an earlier one with its match.
        const heads = new Set([...known].map((n) => headOf(cut[n - 1])));
        const silent = cut.flatMap((text, i) => (known.has(i + 1) || /^\s*$/.test(text) || heads.has(headOf(text)) ? [] : [text]));
        expect(silent).toEqual([]);
      }
  });

  test("a packet cut at every byte is answered or refused", () => {
    const ours = opened(`${FLOW_LINES.join("\n")}\n`, `${GROUP_LINES.join("\n")}\n`);
    for (const p of PACKETS) asked(ours, [...truncations(p)]);
    ours.close();
  });

  // That it ends is what matters: how soon is the machine's affair.
  test.each(ENDLESS)("$what", { timeout: 600_000 }, ({ flows, groups }) => {
    const heap = process.memoryUsage().heapUsed;
    const ours = opened(flows, groups ?? "");
    asked(ours);
    ours.close();
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(1 << 30);
  });

  const seconds = Number(process.env.FUZZ_SECONDS ?? 5);
  const seed = Number(process.env.ORACLE_SEED ?? (Date.now() % 1_000_000) + 1);
  test(`mutations for ${seconds} s from seed ${seed}`, { timeout: 120_000 + 2000 * seconds }, () => {
    const recorded = dumpLines();
    const until = Date.now() + 1000 * seconds;
    let count = 0;
    for (let s = seed; Date.now() < until; s++) {
      const r = new Random(s);
      const some = (of: readonly string[], n: number) =>
        `${Array.from({ length: n }, () => (r.chance(0.7) ? mutate(r, r.pick(of)) : r.pick(of))).join("\n")}\n`;
      const lines = recorded.length > 0 && r.chance(0.5) ? recorded : FLOW_LINES;
      const flows = some(lines, r.between(1, 40));
      const groups = some(GROUP_LINES, r.int(6));
      const ports = r.chance(0.3) ? some(PORT_LINES, r.between(1, 6)) : "";
      const packets = [...PACKETS.slice(0, 2), ...Array.from({ length: 10 }, () => mutate(r, r.pick(PACKETS)))];
      try {
        const ours = opened(flows, groups, ports);
        asked(ours, packets);
        ours.close();
      } catch (e) {
        throw new Error(`seed ${s}: ${e instanceof Error ? e.stack : e}\n${JSON.stringify({ flows, groups, ports, packets })}`);
      }
      count++;
    }
    console.log(`${count} mutated sets of tables from seed ${seed}`);
    expect(count).toBeGreaterThan(0);
  });
});
