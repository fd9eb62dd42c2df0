/**
 * Measures the core against Open vSwitch itself on the same tables and packets: how many traces a second.
 *
 *     node tools/dist/bench-openflow.js [--packets 20000] [--seconds 5] [--seed 1]
 *
 * A private switch (dummy devices, a directory of its own) gets a pipeline of a few thousand flows, and answers `ofproto/trace`
 * over one control connection with many questions under way. The core gets what the switch's own dumps become, and runs the
 * packets as one batch: each with its digest, connection states as the trace takes them. Before it is timed, a part of the packets is
 * compared hit by hit. Prints traces a second of both, their ratio and the checksum of the digests; and beside them how many answers of
 * `plumbline ofproto trace` are written as lines of JSON.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Core, pack } from "@plumbline/core-wasm";
import { EV, get, type Network, parsePacket, type Row, type RunOptions } from "@plumbline/model";
import ovs, { openOfproto } from "@plumbline/plugin-ovs";
import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import { whyNoSwitch } from "./oracle/ovs/daemons.js";
import { BRIDGE, PORTS, PrivateSwitch } from "./oracle/ovs/private-switch.js";
import { readPasses } from "./oracle/ovs/trace-text.js";
import { Random } from "./oracle/random.js";

const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "20000" },
    seconds: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
  },
});

const VERSION = "OpenFlow15";
/** What `ofproto/trace` takes connections for. */
const OPTIONS: RunOptions = { script: [], beyond: "hash", ctStates: [] };
/** Questions under way. */
const DEPTH = 64;
/** Packets whose hits are compared. */
const COMPARED = 200;

const HOSTS = 64;
const NEIGHBOURS = 256;
const hex = (n: number): string => n.toString(16).padStart(2, "0");
const hostMac = (port: number, n: number): string => `02:00:00:00:${hex(port)}:${hex(n)}`;
const hostAddress = (port: number, n: number): string => `10.${port}.0.${n + 1}`;
const nextMac = (n: number): string => `02:00:00:01:00:${hex(n)}`;

/** Port, port security, filter by priorities, connections, longest prefix, neighbour, output. */
function pipeline(r: Random): { flows: string[]; prefixes: string[] } {
  const flows = PORTS.map((p) => `table=0,priority=100,in_port=${p},actions=load:${p}->OXM_OF_METADATA[],resubmit(,1)`);
  for (const p of PORTS)
    for (let n = 0; n < HOSTS; n++)
      flows.push(
        `table=1,priority=90,metadata=${p},ip,dl_src=${hostMac(p, n)},nw_src=${hostAddress(p, n)},actions=load:${n}->NXM_NX_REG1[],resubmit(,2)`,
      );
  for (let i = 0; i < 1000; i++) {
    const p = r.pick(PORTS);
    const parts = [`table=2,priority=${r.between(1000, 2000)},metadata=${p}`, r.pick(["tcp", "tcp", "udp", "ip"])];
    if (r.chance(0.6)) parts.push(`nw_src=${hostAddress(p, r.int(HOSTS))}${r.chance(0.3) ? "/28" : ""}`);
    if (r.chance(0.6)) parts.push(`nw_dst=192.${r.int(256)}.0.0/${r.pick([12, 16, 20])}`);
    if (parts[1] !== "ip" && r.chance(0.7)) parts.push(`tp_dst=${r.pick([22, 53, 80, 443, 8080])}`);
    flows.push(`${parts.join(",")},actions=${r.chance(0.1) ? "drop" : "resubmit(,3)"}`);
  }
  flows.push("table=2,priority=1,ip,actions=resubmit(,3)");
  flows.push("table=3,priority=100,ct_state=-trk,tcp,actions=ct(table=4,zone=5)", "table=3,priority=1,ip,actions=resubmit(,5)");
  for (const state of ["+new+trk", "+est+trk", "+rel+trk"]) flows.push(`table=4,priority=100,ct_state=${state},ip,actions=resubmit(,5)`);
  const prefixes = Array.from({ length: 500 }, () => `192.${r.int(256)}.${r.int(256)}.0/${r.pick([16, 20, 24, 24])}`);
  for (const prefix of new Set(["192.0.0.0/8", ...prefixes]))
    flows.push(
      `table=5,priority=${10 * Number(prefix.split("/")[1])},ip,nw_dst=${prefix},actions=dec_ttl,set_field:02:00:00:02:00:01->eth_src,load:${r.int(NEIGHBOURS)}->NXM_NX_REG0[],resubmit(,6)`,
    );
  for (let n = 0; n < NEIGHBOURS; n++) {
    flows.push(`table=6,priority=100,reg0=${n},actions=set_field:${nextMac(n)}->eth_dst,resubmit(,7)`);
    flows.push(`table=7,priority=100,dl_dst=${nextMac(n)},actions=output:${r.pick(PORTS)}`);
  }
  return { flows, prefixes };
}

function packet(r: Random, prefixes: readonly string[]): string {
  const p = r.pick(PORTS);
  const n = r.int(HOSTS);
  const proto = r.pick(["tcp", "tcp", "udp"]);
  const [a, b] = (r.chance(0.9) ? r.pick(prefixes) : "192.7.7.0").split(".").slice(1);
  const ends = `dl_src=${hostMac(p, n)},dl_dst=02:00:00:02:00:01,nw_src=${hostAddress(p, n)},nw_dst=192.${a}.${b}.${r.int(256)}`;
  return `in_port=${p},${proto},${ends},nw_ttl=64,${proto}_src=${r.between(1024, 65535)},${proto}_dst=${r.pick([22, 53, 80, 443, 8080, 9000])}`;
}

/** The tables and cookies that a packet meets, in order. */
function hitsOf(net: Network, core: Core, row: Row): string[] {
  return core
    .run(row, 0, get(row, "in_port"), OPTIONS)
    .filter((e) => (e.kind === EV.hit || e.kind === EV.miss) && /^\d+$/.test(net.tables[e.a].name))
    .map((e) => `${net.tables[e.a].name}/${e.kind === EV.miss ? "none" : `0x${(net.rules[e.b].cookie ?? 0n).toString(16)}`}`);
}

async function main(): Promise<void> {
  const why = whyNoSwitch();
  if (why) throw new Error(`no private switch can be started: ${why}`);
  const r = new Random(Number(values.seed));
  const { flows, prefixes } = pipeline(r);
  const lines = Array.from({ length: Number(values.packets) }, () => packet(r, prefixes));
  const limit = Number(values.seconds);
  const sw = await PrivateSwitch.start();
  try {
    const refused = await sw.load(
      flows.map((f, i) => `cookie=0x${(i + 1).toString(16)},${f}`),
      [],
      VERSION,
    );
    if (refused.size > 0) throw new Error(`the switch refused ${refused.size} flows: ${[...refused.values()][0]}`);
    const net = await lowered(sw);
    const core = Core.createSync(net);
    const rows = lines.map((l) => parsePacket(l).row);
    let hits = 0;
    for (let i = 0; i < Math.min(COMPARED, rows.length); i++) {
      const passes = readPasses(await sw.ask("ofproto/trace", BRIDGE, lines[i]));
      const switched = passes.flatMap((p) => p.hits).join(" ");
      const ours = hitsOf(net, core, rows[i]);
      hits += ours.length;
      if (switched !== ours.join(" ")) throw new Error(`${lines[i]}\nswitch: ${switched}\ncore:   ${ours.join(" ")}`);
    }
    const theirs = await switchRate(sw, lines, limit);
    const own = coreRate(core, rows, limit);
    const written = await writtenRate(sw, lines, limit);
    console.log(`${cpus()[0]?.model ?? "?"}, ${cpus().length} CPUs, Node ${process.version}`);
    console.log(
      `${flows.length} flows, ${rows.length} packets, ${(hits / Math.min(COMPARED, rows.length)).toFixed(1)} tables a packet (${COMPARED} compared with the switch)`,
    );
    console.log(`ofproto/trace ${Math.round(theirs)} traces a second`);
    console.log(`core          ${Math.round(own.rate)} traces a second, checksum ${own.checksum.toString(16)}`);
    console.log(`ratio         ${(own.rate / theirs).toFixed(1)}`);
    console.log(`as NDJSON     ${Math.round(written.rate)} answers of \`ofproto trace\` a second, ${Math.round(written.bytes)} bytes each`);
  } finally {
    await sw.stop();
  }
}

/** What the switch's own dumps become. */
async function lowered(sw: PrivateSwitch): Promise<Network> {
  const dumped = await sw.dump(VERSION);
  const read = readFiles([ovs], {
    // A dummy datapath tracks connections as the userspace datapath does.
    "node/ovs/ovs-vsctl_show": sw.described.show.replaceAll("datapath_type: dummy", "datapath_type: netdev"),
    "node/ovs/ovs-ofctl_dump-ports-desc_br0": sw.described.ports,
    [`node/ovs/ovs-ofctl_-O_${VERSION}_dump-flows_br0`]: dumped.flows,
  });
  const { net, problems } = lowerFacts([ovs], read.facts);
  const wrong = [...read.problems, ...problems].find((p) => p.severity !== "info");
  if (wrong) throw new Error(`${wrong.file}:${wrong.line}: ${wrong.message}`);
  return net;
}

async function switchRate(sw: PrivateSwitch, lines: readonly string[], seconds: number): Promise<number> {
  const begin = performance.now();
  let done = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() - begin < 1000 * seconds) {
      await sw.ask("ofproto/trace", BRIDGE, lines[done++ % lines.length]);
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, ask));
  return (1000 * done) / (performance.now() - begin);
}

function coreRate(core: Core, rows: readonly Row[], seconds: number): { rate: number; checksum: bigint } {
  const packed = pack(rows);
  const once = () => core.batch(packed, { device: 0, port: "in_port", options: OPTIONS, fresh: false });
  const { checksum } = once();
  const begin = performance.now();
  let done = 0;
  while (performance.now() - begin < 1000 * seconds) {
    if (once().checksum !== checksum) throw new Error("the same packets gave another checksum");
    done += rows.length;
  }
  return { rate: (1000 * done) / (performance.now() - begin), checksum };
}

/** The whole of `plumbline ofproto trace`: lines read, run with recording, told in the switch's words, and made lines of JSON. */
async function writtenRate(sw: PrivateSwitch, lines: readonly string[], seconds: number): Promise<{ rate: number; bytes: number }> {
  const dumped = await sw.dump(VERSION);
  const file = (name: string, text: string) => ({ name, text });
  const layer = openOfproto({
    bridges: [{ name: BRIDGE, flows: file("flows", dumped.flows), fdb: file("fdb", dumped.fdb), ports: file("ports", sw.described.ports) }],
    patches: [],
  });
  const core = Core.createSync(layer.network);
  let bytes = 0;
  let done = 0;
  let begin = 0;
  // The first second is for the compiler.
  for (const warm = performance.now(); begin === 0 || performance.now() - begin < 1000 * seconds; done++) {
    if (begin === 0 && performance.now() - warm > 1000) {
      begin = performance.now();
      done = 0;
      bytes = 0;
    }
    const question = layer.ask(lines[done % lines.length]);
    const { row, device, port, options } = question.run;
    bytes += JSON.stringify(layer.answer(question, core.run(row, device, port, options))).length + 1;
  }
  return { rate: (1000 * done) / (performance.now() - begin), bytes: bytes / done };
}

await main();
