/**
 * Runs one packet through hosts given as files and prints its way: rules with an origin, what was emitted, how it ended.
 */
import {
  asFirstPacket,
  EV,
  type Fact,
  type FrrRouteFact,
  get,
  getBig,
  type HookChain,
  Interpreter,
  ipv4Number,
  ipv4Text,
  LEAF,
  type LowerContext,
  type Machine,
  macText,
  type NetworkBuilder,
  newRow,
  numbering,
  type Plugin,
  packetText,
  parsePacket,
  type Row,
  set,
  textOf,
} from "@plumbline/model";
import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import linux from "../src/index.js";

/** "client:eth0 router:lan": two interfaces on one wire. */
export type Cable = readonly [string, string];

export function build(
  files: Readonly<Record<string, string>>,
  cables: readonly Cable[] = [],
  chains: (ctx: LowerContext) => HookChain[] = () => [],
  more: readonly Fact[] = [],
) {
  const { facts, problems } = readFiles([linux], files);
  for (const f of more) facts.add(f);
  const hooks: Plugin = {
    id: "hooks",
    title: "hooks of a test",
    claims: () => null,
    parse: () => {},
    lower: { hooks: (ctx) => void ctx.hooks.push(...chains(ctx)) },
  };
  const join = (net: NetworkBuilder) => {
    for (const [a, b] of cables) {
      const [da, pa] = end(net, a);
      const [db, pb] = end(net, b);
      net.join(da, pa, db, pb, "proven", "a cable of the test");
    }
  };
  const lowered = lowerFacts([hooks, linux], facts, { join });
  return { net: lowered.net, problems: [...problems, ...lowered.problems], machine: new Interpreter(lowered.net) as Machine };
}

function end(net: NetworkBuilder, at: string) {
  const [host, name] = at.split(":");
  const device = net.findDevice(host)!;
  return [device, device.ports.find((p) => p.name === name)!.number] as const;
}

/** `tcp 192.0.2.1:4000 > 192.0.2.2:80`; the source may be left to the host: `tcp > 192.0.2.2:80`. Plus fields: `ttl=1`. */
export function packet(text: string): Row {
  if (text.startsWith("arp")) return asFirstPacket(parsePacket(text).row);
  const m = /^(tcp|udp|icmp) (?:([\d.]+):(\d+) )?> ([\d.]+)(?::(\d+))?(.*)$/.exec(text)!;
  const [, proto, src, sport, dst, dport, more] = m;
  const r = newRow();
  set(r, "eth_type", 0x0800);
  set(r, "ip_proto", { tcp: 6, udp: 17, icmp: 1 }[proto]!);
  set(r, "ip_ttl", 64);
  set(r, "packet_len", 74);
  if (src) set(r, "ip_src", ipv4Number(src)!);
  set(r, "ip_dst", ipv4Number(dst)!);
  if (proto === "icmp") set(r, "icmp_type", 8);
  else {
    set(r, "tp_src", Number(sport ?? 4000));
    set(r, "tp_dst", Number(dport));
  }
  if (proto === "tcp") set(r, "tcp_flags", 2);
  for (const [, name, value] of more.matchAll(/(\w+)=(\S+)/g)) set(r, name, BigInt(value));
  return r;
}

const NAMES: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp" };

function show(r: Row): string {
  if (get(r, "eth_type") === 0x0806) return `${packetText(r)}, ${macText(getBig(r, "arp_sha"))} to ${macText(getBig(r, "eth_dst"))}`;
  const proto = get(r, "ip_proto");
  const ports =
    proto === 1 ? [` type ${get(r, "icmp_type")}/${get(r, "icmp_code")}`, ""] : [`:${get(r, "tp_src")}`, `:${get(r, "tp_dst")}`];
  const flags = proto === 6 ? ` flags ${get(r, "tcp_flags")}` : "";
  return `${NAMES[proto] ?? proto} ${ipv4Text(get(r, "ip_src"))}${ports[0]} > ${ipv4Text(get(r, "ip_dst"))}${ports[1]}${flags} ttl ${get(r, "ip_ttl")}`;
}

/** The way of a packet; `from` is "host" (from its socket) or "host:interface" (arriving there). */
export function walk(built: ReturnType<typeof build>, from: string, text: string, script: readonly number[] = [], keep = false): string {
  const { net, machine } = built;
  if (!keep) machine.reset();
  const [host, name] = from.split(":");
  const device = net.findDevice(host)!;
  const port = name === undefined ? null : device.ports.find((p) => p.name === name)!.number;
  const num = numbering(net);
  const out: string[] = [];
  for (const e of machine.run(packet(text), device.id, port, { script, beyond: "first" })) {
    const say = (s: string) => out.push(`${e.thread > 0 ? `[${e.thread}] ` : ""}${s}`);
    if (e.kind === EV.enter)
      say(
        `${net.devices[e.a].name}: ${e.c ? "from a socket" : `in ${net.devices[e.a].ports.find((p) => p.number === e.b)?.name}`}, ${show(e.row)}`,
      );
    else if (e.kind === EV.hit) {
      const r = net.rules[e.b];
      const t = net.tables[e.a];
      if (t.stage !== "hook" && (r.origin || r.certainty !== "proven"))
        say(
          `  ${t.name}: ${r.origin ? `${r.origin.text.replace(/\s+/g, " ")}` : "-"}${r.certainty === "proven" ? "" : ` (${r.certainty}: ${r.why})`}`,
        );
    } else if (e.kind === EV.choice) say(`  takes option ${e.b + 1} of ${e.c}`);
    else if (e.kind === EV.nat) say(`  translated: ${show(e.row)}`);
    else if (e.kind === EV.note) say(`  ${textOf(num.texts[e.a])}`);
    else if (e.kind === EV.leaf) {
      const kind = Object.entries(LEAF).find(([, v]) => v === e.a)![0];
      say(`  ${kind}${e.c ? ", the sender is told" : ""}: ${e.a !== LEAF.unlinked && num.texts[e.b] ? textOf(num.texts[e.b]) : ""}`);
    }
  }
  return out.join("\n");
}

/** A route of FRR on `router`: `bgp 203.0.113.0/24 via 192.0.2.1 eth0, 192.0.2.2 eth0`; a connected one has `- eth0`. */
export function frrRoute(text: string, line: number, file = "router/vtysh_show_ip_route"): Fact<"frr.route"> {
  const [, protocol, prefix, hops] = /^(\S+) (\S+) via (.*)$/.exec(text)!;
  const data: FrrRouteFact = {
    family: 4,
    vrf: "default",
    prefix,
    protocol,
    selected: true,
    fib: true,
    distance: 0,
    metric: 0,
    nexthops: hops.split(", ").map((h) => {
      const [via, dev] = h.split(" ");
      return { via: via === "-" ? "" : via, dev, weight: 1, onlink: false, fib: true, recursive: false, blackhole: false };
    }),
  };
  return { kind: "frr.route", host: "router", origin: { file, line, text }, data };
}
