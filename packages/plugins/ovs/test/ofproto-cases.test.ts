/** `ofproto/trace` from files against what Open vSwitch answered (cases recorded from 3.1.0). */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Interpreter } from "@plumbline/model";
import { expect, test } from "vitest";
import { type OfprotoBridge, type OfprotoPatch, type OfprotoTrace, openOfproto } from "../src/index.js";

interface Case {
  readonly id: string;
  readonly args: readonly string[];
  readonly bridges: Record<
    string,
    {
      readonly ports: Record<string, { readonly ofport: number; readonly dp: number | null; readonly type: string }>;
      readonly groups: string;
      readonly flows: string;
      readonly fdb: string;
      readonly tlv_map: string;
    }
  >;
  readonly expected: {
    readonly datapath_actions: readonly string[];
    readonly threads: readonly { readonly final_flow: string; readonly datapath_actions: string }[];
    readonly tables_hit: readonly {
      readonly thread: number;
      readonly bridge: string;
      readonly table: number;
      readonly match: string | null;
      readonly priority: number | null;
      readonly cookie: string | null;
      readonly note?: string;
    }[];
  };
  readonly out: string;
}

const shared = process.env.PLUMBLINE_SHARED ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
const file = `${shared}/cases/openflow/traces.jsonl`;
const cases: Case[] = existsSync(file)
  ? readFileSync(file, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((l) => JSON.parse(l) as Case)
  : [];

/** Ids of recirculation by appearance, ports of a flood as a set. */
function normal(texts: readonly string[]): string[] {
  const ids = new Map<string, number>();
  return texts.map((t) =>
    t
      .replace(/(recirc(?:_id)?[(=])(0x[0-9a-f]+|\d+)/g, (all, what: string, id: string) => {
        const n = String(Number(id));
        if (n === "0") return all;
        if (!ids.has(n)) ids.set(n, ids.size + 1);
        return `${what}#${ids.get(n)}`;
      })
      .replace(/(?<![\w.=:/-])\d+(?:,\d+)+(?![\w.=:/-])/g, (list) => list.split(",").sort().join(",")),
  );
}

function run(c: Case): OfprotoTrace {
  const bridges: OfprotoBridge[] = [];
  const patches: OfprotoPatch[] = [];
  for (const [name, b] of Object.entries(c.bridges)) {
    const ports = Object.entries(b.ports).map(
      ([p, { ofport, dp }]) => `${ofport === 65534 ? "LOCAL" : ofport} ${p}${dp === null ? "" : ` ${dp}`}`,
    );
    bridges.push({
      name,
      flows: { name: `${name}.flows`, text: b.flows },
      groups: { name: `${name}.groups`, text: b.groups },
      ports: { name: `${name}.ports`, text: `${ports.join("\n")}\n` },
      fdb: { name: `${name}.fdb`, text: b.fdb },
      tlvMap: { name: `${name}.tlv`, text: b.tlv_map },
    });
    for (const [p, { type }] of Object.entries(b.ports)) {
      const peer = /^patch: peer=(\S+)/.exec(type)?.[1];
      const other = Object.entries(c.bridges).find(([, x]) => peer !== undefined && x.ports[peer])?.[0];
      if (peer && other && name < other) patches.push({ a: { bridge: name, port: p }, b: { bridge: other, port: peer } });
    }
  }
  const layer = openOfproto({ bridges, patches });
  const question = layer.ask(c.args.join(" "));
  const { row, device, port, options } = question.run;
  const answer = layer.answer(question, new Interpreter(layer.network).run(row, device, port, options));
  layer.text(answer, question);
  return answer;
}

function steps(c: Case): string[] {
  return c.expected.tables_hit.map((h) =>
    h.priority === null
      ? `${h.thread} ${h.bridge} ${h.table} miss`
      : `${h.thread} ${h.bridge} ${h.table} ${h.priority} ${h.match} ${Number(h.cookie ?? 0)}`,
  );
}

test.skipIf(cases.length === 0)("recorded traces: steps, final flow, datapath actions", () => {
  const wrong: unknown[] = [];
  for (const c of cases) {
    try {
      const answer = run(c);
      const mine = answer.threads.flatMap((t, i) =>
        t.steps.map((s) =>
          s.priority === undefined
            ? `${i} ${s.bridge} ${s.table} miss`
            : `${i} ${s.bridge} ${s.table} ${s.priority} ${s.match} ${Number(s.cookie)}`,
        ),
      );
      const texts = (threads: readonly { finalFlow: string; datapathActions: string }[]) =>
        normal(threads.flatMap((t) => [t.datapathActions, t.finalFlow]));
      const theirs = c.expected.threads.map((t) => ({ finalFlow: t.final_flow, datapathActions: t.datapath_actions }));
      const got = { steps: mine, texts: texts(answer.threads) };
      const want = { steps: steps(c), texts: texts(theirs) };
      if (JSON.stringify(got) !== JSON.stringify(want))
        wrong.push({ id: c.id, args: c.args.join(" ").slice(0, 200), got, want, notes: answer.notes });
    } catch (e) {
      wrong.push({ id: c.id, error: String((e as Error).stack).slice(0, 500) });
    }
  }
  expect(wrong).toEqual([]);
});

if (cases.length === 0) console.warn(`skipped: ${file} is not there`);
