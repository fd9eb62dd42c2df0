/**
 * A chain of 10,000 rules, `-d X -p tcp --dport N -j ACCEPT|DROP`, every packet of a different flow: packets a second of the running
 * kernel (legacy tables and nf_tables) and of our core, side by side in one run. `npm run build && node tools/dist/bench-netfilter.js`
 * (as root; `--rules N --flows N --rounds N`; `--mixed`: networks and ranges of ports between the single ones).
 *
 * The kernel: in a network namespace of its own, packets are written to a TAP device, walk the chain in FORWARD and leave by
 * another TAP device or are dropped; nothing tracks connections, nothing is traced. The time of the same packets through an empty
 * chain is subtracted, so that the walk alone is measured: the writing, routing and forwarding are not. The core: the same packets,
 * packed, through the hook that `plumbline netfilter trace --hook forward` opens; all of its time is counted. Of both the
 * fastest is taken, of 64 packets in a row or of all flows in one batch, because others may use the machine.
 *
 * Which packets pass is compared first, of all flows.
 */
import { parseArgs } from "node:util";
import { Core, pack } from "@plumbline/core-wasm";
import { oneHost } from "@plumbline/engine";
import { ipv4Number, LEAF, macNumber, newRow, type Row, set } from "@plumbline/model";
import linux from "@plumbline/plugin-linux";
import { netfilterAlone, openNetfilter } from "@plumbline/plugin-netfilter";
import { hostWith } from "./oracle/kernel/host.js";
import { Namespace, whyNoNamespace } from "./oracle/kernel/namespace.js";
import { rowText } from "./oracle/kernel/row-text.js";
import { wireOf } from "./oracle/kernel/wire.js";
import { Random } from "./oracle/random.js";

const { values } = parseArgs({
  options: {
    rules: { type: "string", default: "10000" },
    flows: { type: "string", default: "4000" },
    rounds: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    mixed: { type: "boolean", default: false },
  },
});
const RULES = Number(values.rules);
const FLOWS = Number(values.flows);
const ROUNDS = Number(values.rounds);

interface Rule {
  readonly dst: string;
  /** Bits of its prefix. */
  readonly bits: number;
  /** First and last port. */
  readonly port: number;
  readonly to: number;
  readonly accept: boolean;
}

function ruleAt(i: number, r: Random): Rule {
  const port = 1024 + r.int(60000);
  const one = { dst: `20.1.${i >> 8}.${i & 255}`, bits: 32, port, to: port, accept: r.chance(0.5) };
  if (!values.mixed) return one;
  if (i % 7 === 3) return { ...one, dst: `20.1.${i >> 8}.0`, bits: 24, to: port + r.int(1000) };
  if (i % 11 === 2) return { ...one, dst: `20.1.${i >> 8}.${i & 0xf0}`, bits: 28 };
  if (i % 5 === 1) return { ...one, to: port + r.int(1000) };
  return one;
}

const why = whyNoNamespace("iptables-legacy", "iptables-nft");
if (why) console.log(`\n======== SKIPPED: the kernel is not measured: ${why} ========\n`);
else await main();

async function main(): Promise<void> {
  const r = new Random(Number(values.seed));
  const rules = Array.from({ length: RULES }, (_, i) => ruleAt(i, r));
  // Each flow has a source port and address of its own. Any 64 in a row meet rules evenly from the whole chain (multiples of the golden section).
  const rows = Array.from({ length: FLOWS }, (_, i) => rowOf(rules[Math.floor(((i * 0.6180339887498949) % 1) * RULES)], i));
  const frames = rows.map((row) => Buffer.from(wireOf(row)).toString("hex"));

  const ns = Namespace.open();
  const kernel: Record<string, { passed: boolean[]; perPacket: number; empty: number }> = {};
  for (const tool of ["legacy", "nft"]) {
    const complaint = await ns.fresh(hostWith(["eth0", "eth1"]));
    if (complaint) throw new Error(complaint);
    await load(ns, tool, []);
    const empty = await ns.pump("eth0", frames, Math.max(3, ROUNDS));
    await load(ns, tool, rules);
    const passed = (await ns.packets(frames.map((hex) => ({ in: "eth0", hex })))).map((o) => o.out.some(([dev]) => dev === "eth1"));
    const full = await ns.pump("eth0", frames, ROUNDS);
    kernel[tool] = { passed, perPacket: full - empty, empty };
  }
  const saved = (await ns.run(["iptables-nft-save"])).out;
  await ns.close();

  const ours = await core(saved, rows);
  for (const [tool, k] of Object.entries(kernel)) {
    const wrong = k.passed.findIndex((p, i) => p !== ours.passed[i]);
    if (wrong >= 0)
      throw new Error(`${tool}: flow ${wrong} ${k.passed[wrong] ? "passes" : "is dropped"}, not with us: ${rowText(rows[wrong])}`);
  }
  const passed = ours.passed.filter(Boolean).length;
  console.log(
    `${RULES} rules, ${FLOWS} flows: ${passed} pass and ${FLOWS - passed} are dropped, the same in legacy tables, nf_tables and the core`,
  );
  const show = (name: string, per: number, more: string) =>
    console.log(
      `${name.padEnd(14)} ${Math.round(1 / per)
        .toLocaleString("en")
        .padStart(12)} packets/s  ${(per * 1e6).toFixed(3)} µs a packet${more}`,
    );
  for (const [tool, k] of Object.entries(kernel))
    show(`kernel ${tool}`, k.perPacket, ` for the walk (and ${(k.empty * 1e6).toFixed(1)} µs for all else, not counted)`);
  show("core", ours.perPacket, ` (${ours.events.toFixed(1)} events each; opened in ${ours.opened.toFixed(2)} s)`);
  for (const [tool, k] of Object.entries(kernel))
    console.log(
      `the core walks ${Math.round(k.perPacket / ours.perPacket)} times as fast as ${tool === "nft" ? "iptables-nft" : "iptables-legacy"}`,
    );
}

function rowOf(rule: Rule, flow: number): Row {
  const row = newRow();
  set(row, "eth_type", 0x0800);
  set(row, "eth_dst", macNumber("02:00:00:00:00:01")!);
  set(row, "eth_src", macNumber("02:00:00:00:00:aa")!);
  set(row, "ip_src", ipv4Number(`10.200.${(flow >> 8) & 255}.${flow & 255}`)!);
  set(row, "ip_dst", ipv4Number(rule.dst)!);
  set(row, "ip_proto", 6);
  set(row, "ip_ttl", 64);
  set(row, "tp_src", 1024 + (flow % 60000));
  set(row, "tp_dst", rule.port);
  set(row, "tcp_flags", 2);
  return row;
}

function text(rules: readonly Rule[]): string {
  const ports = (x: Rule) => (x.port === x.to ? `${x.port}` : `${x.port}:${x.to}`);
  const lines = rules.map((x) => `-A FORWARD -d ${x.dst}/${x.bits} -p tcp -m tcp --dport ${ports(x)} -j ${x.accept ? "ACCEPT" : "DROP"}`);
  return ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ...lines, "COMMIT", ""].join("\n");
}

/** An empty chain accepts, so that its packets take the whole way. */
async function load(ns: Namespace, tool: string, rules: readonly Rule[]): Promise<void> {
  const given = rules.length > 0 ? text(rules) : text([]).replace("FORWARD DROP", "FORWARD ACCEPT");
  const { rc, err } = await ns.run([`iptables-${tool}-restore`], given);
  if (rc !== 0) throw new Error(`iptables-${tool}-restore: ${err}`);
}

async function core(saved: string, rows: readonly Row[]) {
  const began = performance.now();
  const host = oneHost([{ path: "iptables-save", command: "", text: saved }], [netfilterAlone, linux]);
  const layer = openNetfilter(host, { hook: "forward", in: "eth0", out: "eth1" });
  const machine = await Core.create(layer.network);
  const opened = (performance.now() - began) / 1000;
  const questions = rows.map((row) => layer.ask(rowText(row)).run);
  const packed = pack(questions.map((q) => q.row));
  const { device, port, options } = questions[0];
  const run = () => machine.batch(packed, { device, port, options, fresh: true });
  const result = run();
  const passed = rows.map((_, i) => result.digest(i).leaf === LEAF.local);
  // The fastest run, as of the kernel the fastest bunch: others use this machine, too.
  let least = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1500; performance.now() < end; ) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  const events = rows.reduce((n, _, i) => n + result.digest(i).events, 0) / rows.length;
  return { passed, perPacket: least / 1000 / rows.length, opened, events };
}
