/**
 * Measures the core on long chains: a sequence of rules `-d ADDRESS -p tcp --dport PORT -j TARGET`, each packet another flow.
 *
 *     node tools/dist/bench-chain.js [--rules 10000] [--packets 100000] [--seconds 3]
 *
 * Packets fall on the rules evenly, one of sixteen on none, so that a walk would compare half the chain. Prints packets a second for three
 * chains: rules of one form; of many forms (prefixes, protocols, without a port); and rules that only count, behind which
 * the chain goes on.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Core, pack } from "@plumbline/core-wasm";
import {
  type Action,
  addMatch,
  type Match,
  type Network,
  NetworkBuilder,
  newRow,
  type Row,
  type RunOptions,
  set,
  slice,
} from "@plumbline/model";
import { Random } from "./oracle/random.js";

const { values } = parseArgs({
  options: {
    rules: { type: "string", default: "10000" },
    packets: { type: "string", default: "100000" },
    seconds: { type: "string", default: "3" },
  },
});
const RULES = Number(values.rules);
const OPTIONS: RunOptions = { script: [], beyond: "hash" };
const TCP = 6;

const match = (fields: readonly (readonly [name: string, value: number, prefix?: number])[]): Match => {
  let m: Match = [];
  for (const [name, value, prefix = 32] of fields) {
    const s = slice(name);
    const mask = prefix < 32 ? (0xffffffffn << BigInt(32 - prefix)) & 0xffffffffn : undefined;
    m = addMatch(m, s, BigInt(value), mask)!;
  }
  return m;
};
const address = (i: number): number => 0x0a000000 + (Math.imul(i, 2654435761) >>> 9);
const port = (i: number): number => 1 + (i % 60000);

/** A host whose only table is the chain. `row` gives a rule's match, `program` what it does. */
function chain(row: (i: number) => Match, program: (i: number) => readonly Action[]): Network {
  const net = new NetworkBuilder();
  const host = net.device({ name: "host", kind: "host", host: "host" });
  const table = net.table(host, "filter FORWARD", "netfilter", "sequence");
  for (let i = 0; i < RULES; i++) net.rule(table, { rows: [row(i)], program: program(i), number: i + 1 });
  table.miss = [{ op: "local" }];
  host.entry = table.id;
  return net;
}

const exact = (i: number): Match =>
  match([
    ["eth_type", 0x0800],
    ["ip_dst", address(i)],
    ["ip_proto", TCP],
    ["tp_dst", port(i)],
  ]);
const mixed = (i: number): Match => {
  const dst = ["ip_dst", address(i), i % 5 === 0 ? 24 : i % 11 === 0 ? 16 : 32] as const;
  const parts = [["eth_type", 0x0800] as const, dst];
  if (i % 3 === 0) return match(parts);
  return match(i % 7 === 0 ? [...parts, ["ip_proto", TCP]] : [...parts, ["ip_proto", TCP], ["tp_dst", port(i)]]);
};

function packets(r: Random): Row[] {
  return Array.from({ length: Number(values.packets) }, (_, n) => {
    const row = newRow();
    const i = r.int(RULES);
    set(row, "eth_type", 0x0800);
    set(row, "ip_src", 0xc0000000 + n);
    set(row, "ip_dst", address(i));
    set(row, "ip_proto", TCP);
    set(row, "ip_ttl", 64);
    set(row, "tp_src", 1024 + (n % 60000));
    set(row, "tp_dst", n % 16 === 0 ? 65000 : port(i));
    return row;
  });
}

const rows = packets(new Random(1));
const packed = pack(rows);
console.log(`${cpus()[0]?.model ?? "?"}, ${cpus().length} CPUs, Node ${process.version}; ${RULES} rules, ${rows.length} packets`);
const drop = (): readonly Action[] => [{ op: "drop" }];
const cases: readonly (readonly [string, Network])[] = [
  ["one form", chain(exact, drop)],
  ["many forms", chain(mixed, drop)],
  ["every tenth ends it", chain(mixed, (i) => (i % 10 === 0 ? [{ op: "drop" }] : []))],
];
for (const [name, net] of cases) {
  const begin = performance.now();
  const core = Core.createSync(net);
  const compiled = performance.now() - begin;
  const once = () => core.batch(packed, { device: 0, port: 1, options: OPTIONS, fresh: false });
  const { checksum } = once();
  const from = performance.now();
  let done = 0;
  while (performance.now() - from < 1000 * Number(values.seconds)) {
    once();
    done += rows.length;
  }
  const rate = (1000 * done) / (performance.now() - from);
  console.log(
    `${name.padEnd(20)} ${Math.round(rate).toString().padStart(9)} packets a second, checksum ${checksum.toString(16)}, compiled in ${compiled.toFixed(0)} ms`,
  );
}
