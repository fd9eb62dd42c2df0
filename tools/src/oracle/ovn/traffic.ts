/** Random microflows aimed at what a topology has, and what connection tracking and load balancers are to decide for them. */
import type { Random } from "../random.js";
import type { SwitchPort, Topology } from "./topology.js";
import type { Question } from "./tracer.js";

/** A port by which packets can enter, as the southbound database has it. */
export interface Entrance {
  readonly datapath: string;
  readonly port: string;
}

const STATES = [
  "new",
  "new",
  "est",
  "est,rpl",
  "rel",
  "rel,rpl",
  "inv",
  "est,dnat",
  "est,rpl,dnat",
  "new,snat",
  "new,rel",
  "est,snat,dnat",
  "trk",
];

export const randomState = (r: Random) => r.pick(STATES);

export function randomQuestion(r: Random, t: Topology, entrances: readonly Entrance[]): Question {
  const { datapath, port } = r.pick(entrances);
  return { datapath, terms: randomMicroflow(r, t, port), ct: [] };
}

function randomMicroflow(r: Random, t: Topology, inport: string): string[] {
  const vms = t.switches.flatMap((s) => s.ports);
  const lrps = t.routers.flatMap((x) => x.ports);
  const own: SwitchPort = vms.find((p) => p.name === inport) ?? lrps.find((p) => p.name === inport) ?? r.pick(vms);
  const beside = t.switches.find((s) => s.ports.includes(own));
  const gateways = beside ? lrps.filter((p) => p.to === beside) : lrps;
  const onward: SwitchPort = r.pick([...(gateways.length > 0 ? [...gateways, ...gateways] : []), ...(beside?.ports ?? vms)]);
  const into = lrps.find((p) => p.name === inport);
  const src = r.chance(0.88) ? (into ? r.pick(into.to.ports).mac : own.mac) : r.pick(t.macs);
  const dst = r.chance(0.06)
    ? r.pick(["ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03", "33:33:00:00:00:01"])
    : into
      ? into.mac
      : r.chance(0.9)
        ? onward.mac
        : r.pick(t.macs);
  const f = [`inport == "${inport}"`, `eth.src == ${src}`, `eth.dst == ${dst}`];
  if (r.chance(0.03)) f.push("vlan.present", `vlan.vid == ${r.pick([1, 10, 100])}`);
  const kind = r.fraction();
  if (kind < 0.1) return [...f, ...arp(r, t, own, dst)];
  if (kind < 0.14) return [...f, "eth.type == 0x88cc"];
  if (kind < 0.2) return [...f, ...control(r, own)];
  const v6 = kind > 0.72;
  const known = v6 ? [...vms, ...lrps].map((p) => p.v6).concat(t.addresses6) : [...vms, ...lrps].map((p) => p.v4).concat(t.addresses4);
  const some = () =>
    r.chance(0.04)
      ? v6
        ? r.pick(["2001:db8::1", "ff02::1", "fe80::1", "ff05::5"])
        : r.pick(["8.8.8.8", "224.0.0.251", "239.1.1.1", "255.255.255.255", "0.0.0.0", "10.0.1.77"])
      : r.pick(known);
  const ip = v6 ? "ip6" : "ip4";
  const service = t.services.length > 0 && r.chance(0.3) ? r.pick(t.services) : undefined;
  if (service && service.vip.includes("[") === v6 && service.vip.includes(".") !== v6) {
    const m = /^\[?([0-9a-f.:]+?)\]?(?::(\d+))?$/.exec(service.vip.includes("[") ? service.vip : service.vip.replace(/^([^:]*)$/, "$1"))!;
    const port = service.vip.includes("[") || service.vip.split(":").length === 2 ? (m[2] ?? "80") : "80";
    f.push(`${ip}.src == ${r.chance(0.8) ? (v6 ? own.v6 : own.v4) : some()}`, `${ip}.dst == ${m[1]}`, ttl(r));
    return [
      ...f,
      service.protocol,
      `${service.protocol}.src == ${r.pick([1234, 40000])}`,
      `${service.protocol}.dst == ${r.chance(0.9) ? port : 81}`,
    ];
  }
  f.push(`${ip}.src == ${r.chance(0.75) ? (v6 ? own.v6 : own.v4) : some()}`, `${ip}.dst == ${some()}`, ttl(r));
  if (r.chance(0.04)) f.push(r.pick(["ip.is_frag", "ip.later_frag", "ip.first_frag", "ip.dscp == 10", "ip.ecn == 1"]));
  return [...f, ...transport(r, t, v6, known)];
}

const ttl = (r: Random) => `ip.ttl == ${r.pick([64, 64, 64, 64, 255, 1, 2, 0])}`;

function transport(r: Random, t: Topology, v6: boolean, known: readonly string[]): string[] {
  const numbers = [...t.numbers, 80, 443, 53, 8080, 9090, 22, 179, 3784, 65535];
  const pick = r.fraction();
  if (pick < 0.65) {
    const p = r.pick(["tcp", "tcp", "udp", "udp", "sctp"]);
    const flags = p === "tcp" && r.chance(0.15) ? [`tcp.flags == ${r.pick([2, 4, 16, 18])}`] : [];
    return [p, `${p}.src == ${r.pick(r.chance(0.3) ? numbers : [3, 1, 40000])}`, `${p}.dst == ${r.pick(numbers)}`, ...flags];
  }
  if (pick > 0.95) return [`ip.proto == ${r.pick([2, 47, 50, 132])}`];
  if (!v6) return [`icmp4.type == ${r.pick([8, 8, 0, 3, 11, 5])}`, `icmp4.code == ${r.pick([0, 0, 1, 4])}`];
  if (r.chance(0.4)) return [`icmp6.type == ${r.pick([128, 129, 1, 3, 133, 134, 143])}`, "icmp6.code == 0"];
  const target = `nd.target == ${r.pick(known)}`;
  const link = r.pick(t.macs);
  return r.chance(0.7) ? ["nd_ns", target, `nd.sll == ${link}`].map(noTtl) : ["nd_na", target, `nd.tll == ${link}`].map(noTtl);
}
/** nd_ns and nd_na want a TTL of 255 of their own: the parts are said instead. */
function noTtl(term: string): string {
  if (term === "nd_ns") return "icmp6.type == 135 && icmp6.code == 0";
  return term === "nd_na" ? "icmp6.type == 136 && icmp6.code == 0" : term;
}

function arp(r: Random, t: Topology, own: SwitchPort, dst: string): string[] {
  const known = [...t.switches.flatMap((s) => s.ports), ...t.routers.flatMap((x) => x.ports)].map((p) => p.v4).concat(t.addresses4);
  return [
    `arp.op == ${r.pick([1, 1, 1, 2, 3])}`,
    `arp.spa == ${r.chance(0.8) ? own.v4 : r.pick(known)}`,
    `arp.tpa == ${r.pick(known)}`,
    `arp.sha == ${r.chance(0.85) ? own.mac : r.pick(t.macs)}`,
    `arp.tha == ${r.chance(0.7) ? "00:00:00:00:00:00" : dst}`,
  ];
}

/** What OVN answers itself: DHCP, DNS, router solicitations, multicast membership, BFD. */
function control(r: Random, own: SwitchPort): string[] {
  const v4 = `ip4.src == ${own.v4}`;
  return r.pick([
    ["ip4.src == 0.0.0.0", "ip4.dst == 255.255.255.255", "ip.ttl == 64", "udp.src == 68", "udp.dst == 67"],
    [v4, `ip4.dst == ${own.v4.replace(/\d+$/, "1")}`, "ip.ttl == 64", "udp.src == 68", "udp.dst == 67"],
    [`ip6.src == ${own.v6}`, "ip6.dst == ff02::1:2", "ip.ttl == 64", "udp.src == 546", "udp.dst == 547"],
    [v4, "ip4.dst == 8.8.4.4", "ip.ttl == 64", "udp.src == 4000", "udp.dst == 53"],
    [`ip6.src == ${own.v6}`, "ip6.dst == ff02::2", "ip.ttl == 255", "icmp6.type == 133", "icmp6.code == 0"],
    [v4, "ip4.dst == 224.0.0.22", "ip.ttl == 1", "ip.proto == 2"],
    [`ip6.src == ${own.v6}`, "ip6.dst == ff02::16", "ip.ttl == 1", "icmp6.type == 143", "icmp6.code == 0"],
    [v4, "ip4.dst == 239.1.2.3", "ip.ttl == 64", "udp.src == 1000", "udp.dst == 2000"],
    [v4, `ip4.dst == ${own.v4.replace(/\d+$/, "1")}`, "ip.ttl == 255", "udp.src == 50000", "udp.dst == 3784"],
  ]);
}
