/**
 * A host small enough to test rules on: interfaces and addresses, and the hooks of one hook point in a row.
 *
 * What comes in at a port, or from the socket, is tracked, walks the hook's chains as the kernel would, and ends as
 * `local` with the note "accepted". `walk` tells the way as text: rules by line, what changed, the end.
 */
import {
  type AddressFact,
  CT,
  EV,
  get,
  type Hook,
  Interpreter,
  ipv4Number,
  ipv4Text,
  LEAF,
  matchField,
  type Network,
  NetworkBuilder,
  newRow,
  numbering,
  type Problem,
  type Row,
  set,
  slice,
  textOf,
} from "@plumbline/model";
import { FactStore, inlineFile, readFile } from "@plumbline/plugin-sdk";
import plugin from "../src/index.js";

export interface TestHost {
  readonly net: Network;
  readonly problems: Problem[];
  /** Ways of one packet: `script` gives the options of the choices met. */
  walk(packet: Packet, script?: number[]): string;
  /** Forgets connections. */
  reset(): void;
}

export interface Packet {
  in?: string;
  out?: string;
  src?: string;
  dst?: string;
  proto?: "tcp" | "udp" | "icmp";
  sport?: number;
  dport?: number;
  flags?: number;
  mark?: number;
  icmp?: [type: number, code: number];
  ttl?: number;
  nexthop?: string;
}

const INTERFACES: readonly (readonly [name: string, index: number, addresses: readonly string[]])[] = [
  ["lo", 1, ["127.0.0.1/8"]],
  ["eth0", 2, ["192.0.2.10/24", "192.0.2.11/24"]],
  ["eth1", 3, ["198.51.100.10/24", "203.0.113.10/24"]],
];

/** Builds host "h" from files (path → text); all hooks of `hooks` are built, each point as a pipeline of its own. */
export function testHost(files: Readonly<Record<string, string>>, hook: Hook = "prerouting", alone = true): TestHost {
  const facts = new FactStore();
  const problems: Problem[] = [];
  for (const [path, text] of Object.entries(files)) {
    const file = inlineFile(`h/${path}`, text);
    if (!plugin.claims(file)) throw new Error(`${path} is not claimed`);
    const r = readFile(plugin, file);
    for (const f of r.facts) facts.add(f);
    problems.push(...r.problems);
  }
  // Without any nft listing every test would have to speak of nftables' own tables and of IPv6.
  if (alone && !Object.keys(files).some((f) => f.startsWith("nft")))
    facts.add({
      kind: "netfilter.ruleset",
      host: "h",
      origin: { file: "h/nft", line: 0, text: "" },
      data: { form: "nft", family: "all", variant: "" },
    });
  for (const [ifname, , addresses] of INTERFACES)
    addresses.forEach((a, i) => {
      const [address, len] = a.split("/");
      const data: AddressFact = {
        ifname,
        address,
        prefixLen: Number(len),
        family: 4,
        scope: ifname === "lo" ? "host" : "global",
        secondary: ifname === "eth0" && i > 0,
      };
      facts.add({ kind: "linux.address", host: "h", origin: { file: "h/ip_addr", line: 1, text: `inet ${a}` }, data });
    });
  const net = new NetworkBuilder();
  const hooks: import("@plumbline/model").HookChain[] = [];
  const ctx = { facts, net, hooks, punts: [], nodeOf: () => "", problem: (p: Problem) => void problems.push(p) };
  plugin.lower?.hooks?.(ctx);
  const device = net.device({ name: "h", kind: "host", host: "h" });
  for (const [name, number] of INTERFACES) net.port(device, number, name, { kind: "none" });
  const tracker = net.tracker("h/linux", "linux");
  const done = net.table(device, "done", "hook", "priority");
  done.miss = [{ op: "confirm" }, { op: "local", note: "accepted" }];
  const answer = net.table(device, "answer", "hook", "priority");
  answer.miss = [{ op: "local", note: "answer" }];
  device.origin = answer.id;
  let next = done.id;
  const here = hooks.map((h, i) => ({ h, i })).filter(({ h }) => h.hook === hook);
  const sorted = here.sort((a, b) => a.h.priority - b.h.priority || a.i - b.i).map(({ h }) => h);
  let tracked = false;
  const track = () => {
    const t = net.table(device, "conntrack", "hook", "priority");
    const goOn = next;
    net.rule(t, { rows: [matchField([], "reg13", 1)], program: [{ op: "goto", table: goOn, unwind: true }] });
    t.miss = [
      { op: "ct", tracker, zone: 0, commit: false, force: false, nat: null, exec: [], resume: "inplace" },
      { op: "goto", table: goOn, unwind: true },
    ];
    next = t.id;
    tracked = true;
  };
  for (const h of [...sorted].reverse()) {
    if (!tracked && h.priority < -200) track();
    const chain = h.build(device, next);
    if (h.type !== "nat") {
      next = chain;
      continue;
    }
    const type = hook === "prerouting" || hook === "output" ? "dst" : "src";
    const after = next;
    const t = net.table(device, `nat ${hook}`, "hook", "priority");
    const bound = type === "dst" ? CT.dnat : CT.snat;
    net.rule(t, { rows: [matchField([], "ct_state", CT.new, CT.new | bound)], program: [{ op: "goto", table: chain, unwind: true }] });
    t.miss = [{ op: "goto", table: after, unwind: true }];
    next = t.id;
  }
  if (!tracked) track();
  const first = next;
  // Fields of class device are cleared when a packet enters; this table puts those of the packet under test back.
  const front = net.table(device, "front", "hook", "priority");
  device.entry = front.id;
  plugin.lower?.linked?.(ctx);
  const machine = new Interpreter(net);
  return {
    net,
    problems,
    reset: () => machine.reset(),
    walk(packet, script = []) {
      front.miss = [
        { op: "set", dst: slice("out_port"), value: BigInt(packet.out ? portOf(packet.out) : 0) },
        { op: "set", dst: slice("nexthop"), value: BigInt(ipv4Number(packet.nexthop ?? packet.dst ?? "192.0.2.10")!) },
        { op: "set", dst: slice("pkt_mark"), value: BigInt(packet.mark ?? 0) },
        { op: "goto", table: first, unwind: true },
      ];
      return walk(net, machine, packet, script);
    },
  };
}

function rowOf(p: Packet): Row {
  const row = newRow();
  set(row, "eth_type", 0x0800);
  set(row, "ip_src", ipv4Number(p.src ?? "192.0.2.99")!);
  set(row, "ip_dst", ipv4Number(p.dst ?? "192.0.2.10")!);
  set(row, "ip_ttl", p.ttl ?? 64);
  const proto = p.proto ?? "tcp";
  set(row, "ip_proto", proto === "tcp" ? 6 : proto === "udp" ? 17 : 1);
  if (proto === "icmp") {
    set(row, "icmp_type", p.icmp?.[0] ?? 8);
    set(row, "icmp_code", p.icmp?.[1] ?? 0);
  } else {
    set(row, "tp_src", p.sport ?? 40000);
    set(row, "tp_dst", p.dport ?? 80);
    if (proto === "tcp") set(row, "tcp_flags", p.flags ?? 2);
  }
  return row;
}

const portOf = (name: string) => INTERFACES.find(([n]) => n === name)?.[1] ?? 0;

function walk(net: NetworkBuilder, machine: Interpreter, p: Packet, script: number[]): string {
  const row = rowOf(p);
  const out: string[] = [];
  const texts = numbering(net).texts;
  let before = row;
  const events = machine.run(row, 0, portOf(p.in ?? "eth0"), { script, beyond: "first" });
  for (const e of events) {
    const where = e.thread === 0 ? "" : `[${e.thread}] `;
    if (e.kind === EV.hit) {
      const r = net.rules[e.b];
      if (net.tables[e.a].stage === "netfilter")
        out.push(
          `${where}${net.tables[e.a].name}${r.number === undefined ? "" : ` #${r.number}`}${r.certainty === "proven" ? "" : ` (${r.certainty})`}`,
        );
    } else if (e.kind === EV.miss) {
      const t = net.tables[e.a];
      if (t.stage === "netfilter" && t.missOrigin) out.push(`${where}${t.name} policy`);
    } else if (e.kind === EV.note || e.kind === EV.leaf) {
      const index = e.kind === EV.note ? e.a : e.b;
      const text = texts[index] ? textOf(texts[index]) : "";
      const kind = e.kind === EV.note ? "note" : (Object.entries(LEAF).find(([, v]) => v === e.a)?.[0] ?? "?");
      out.push(`${where}${kind}: ${text}${e.kind === EV.leaf && e.c ? " (rejected)" : ""}`);
    } else if (e.kind === EV.choice) out.push(`${where}choice ${e.b + 1} of ${e.c}`);
    if (e.thread === 0) {
      const change = changed(before, e.row);
      if (change && e.kind !== EV.enter) out.push(`  ${change}`);
      before = e.row;
    } else if (e.kind === EV.leaf)
      out.push(
        `  ${ipv4Text(get(e.row, "ip_src"))}:${get(e.row, "tp_src")} > ${ipv4Text(get(e.row, "ip_dst"))}:${get(e.row, "tp_dst")} type ${get(e.row, "icmp_type")} code ${get(e.row, "icmp_code")}`,
      );
  }
  return out.join("\n");
}

function changed(a: Row, b: Row): string {
  const out: string[] = [];
  for (const f of ["ip_src", "ip_dst"]) if (get(a, f) !== get(b, f)) out.push(`${f}=${ipv4Text(get(b, f))}`);
  for (const f of ["tp_src", "tp_dst", "pkt_mark", "ct_mark"]) if (get(a, f) !== get(b, f)) out.push(`${f}=${get(b, f)}`);
  return out.join(" ");
}
