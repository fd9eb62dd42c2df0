/**
 * Random matches of nft, each with what makes a packet pass it. Kinds are named as in nft(8).
 */
import { macNumber, set } from "@plumbline/model";
import {
  address,
  anyAddress,
  type Draw,
  type Hint,
  MARKS,
  NEIGHBOUR_MACS,
  network,
  PORTS,
  setAddress,
  setProtocol,
  within,
} from "./draw.js";
import { nothing, type Piece, sportOf } from "./pieces-iptables.js";

export type NftHook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** What a chain of a table may hold. */
export interface NftPlace {
  readonly family: "ip" | "ip6" | "inet";
  readonly type: "filter" | "nat" | "route";
  readonly hook: NftHook;
  /** Before connection tracking. */
  readonly early: boolean;
}

/** Named sets of a table, by what their elements are. */
export interface NftSets {
  readonly addresses: readonly { readonly name: string; readonly elements: readonly string[] }[];
  readonly ports: readonly { readonly name: string; readonly elements: readonly string[] }[];
}

type Maker = (d: Draw, at: NftPlace, sets: NftSets) => Piece | null;

const not = (d: Draw) => (d.random.chance(0.15) ? "!= " : "");
const ip = (d: Draw) => (d.version === 6 ? "ip6" : "ip");
const braces = (items: readonly string[]) => `{ ${items.join(", ")} }`;

/** Elements that do not overlap. */
export function someAddresses(d: Draw, count: number): string[] {
  return [...new Set(Array.from({ length: count }, () => anyAddress(d)))];
}

const somePort = (d: Draw) => d.random.pick(PORTS);

function addressValue(d: Draw, sets: NftSets): { kind: string; text: string; inside: string } {
  const { random: r } = d;
  const kind = r.int(6);
  if (kind === 0) {
    const s = r.pick(sets.addresses);
    if (s) return { kind: "named set", text: `@${s.name}`, inside: within(d, r.pick(s.elements)) };
  }
  if (kind === 1) {
    const list = someAddresses(d, r.between(2, 4));
    return { kind: "set", text: braces(list), inside: r.pick(list) };
  }
  if (kind === 2) {
    const lo = address(d, "near");
    const hi = lo.replace(/(\d+)$/, (x) => `${Number(x) + 3}`);
    return { kind: "range", text: `${lo}-${hi}`, inside: r.pick([lo, hi]) };
  }
  const text = kind < 5 ? network(d) : anyAddress(d);
  return { kind: kind < 5 ? "prefix" : "address", text, inside: within(d, text) };
}

function portValue(d: Draw, sets: NftSets): { kind: string; text: string; inside: number } {
  const { random: r } = d;
  const p = somePort(d);
  switch (r.int(5)) {
    case 0: {
      const s = r.pick(sets.ports);
      if (s) return { kind: "named set", text: `@${s.name}`, inside: Number(r.pick(s.elements).split("-")[0]) };
      return { kind: "port", text: `${p}`, inside: p };
    }
    case 1: {
      const list = r.sample(PORTS, r.between(2, 4));
      return { kind: "set", text: braces(list.map(String)), inside: r.pick(list) };
    }
    case 2:
      return { kind: "range", text: `${p}-${p + 20}`, inside: p };
    default:
      return { kind: "port", text: `${p}`, inside: p };
  }
}

const comparison = (d: Draw) => d.random.pick(["<", ">", "<=", ">="]);

export const NFT_MATCHES: Readonly<Record<string, Maker>> = {
  address: (d, _, sets) => {
    const end = d.random.pick(["saddr", "daddr"] as const);
    const n = not(d);
    const v = addressValue(d, sets);
    return {
      kind: `${end} ${v.kind}`,
      text: `${ip(d)} ${end} ${n}${v.text}`,
      hint: n ? nothing : (p) => setAddress(p.row, end === "saddr" ? "src" : "dst", v.inside),
    };
  },
  masked: (d) =>
    d.version === 4
      ? { kind: "daddr & mask", text: `ip daddr & 0.0.0.7 ${d.random.pick(["==", "!="])} 0.0.0.${d.random.between(5, 7)}` }
      : null,
  in: (d, at) => {
    if (at.hook === "output" || at.hook === "postrouting") return null;
    const n = not(d);
    const name = d.random.pick(d.interfaces);
    const text = d.random.pick([
      `"${name}"`,
      `"${name}"`,
      `"${name.slice(0, 3)}*"`,
      braces(d.random.sample(d.interfaces, 2).map((x) => `"${x}"`)),
    ]);
    const word = text.startsWith('"') && !text.includes("*") && d.random.chance(0.2) ? "iif" : "iifname";
    return {
      kind: word,
      text: `${word} ${n}${text}`,
      hint: n || text.startsWith("{") ? nothing : (p) => void (p.in = p.in === null ? null : name),
    };
  },
  out: (d, at) => {
    if (at.hook === "prerouting" || at.hook === "input") return null;
    const n = not(d);
    const name = d.random.pick(d.interfaces);
    const text = d.random.pick([`"${name}"`, `"${name}"`, `"${name.slice(0, 3)}*"`]);
    return {
      kind: "oifname",
      text: `oifname ${n}${text}`,
      hint: n ? nothing : (p) => setAddress(p.row, "dst", address(d, d.random.pick(["near", "far"]), d.interfaces.indexOf(name))),
    };
  },
  state: (d, at) => {
    if (at.early) return null;
    const states = d.random.sample(["new", "established", "related", "invalid", "untracked"], d.random.between(1, 3));
    return { kind: "ct state", text: `ct state ${not(d)}${states.length > 1 && d.random.chance(0.5) ? braces(states) : states.join(",")}` };
  },
  status: (d, at) =>
    at.early
      ? null
      : { kind: "ct status", text: `ct status ${d.random.pick(["dnat", "snat", "assured", "confirmed", "seen-reply", "dnat,snat"])}` },
  direction: (d, at) => (at.early ? null : { kind: "ct direction", text: `ct direction ${not(d)}${d.random.pick(["original", "reply"])}` }),
  original: (d, at) => {
    if (at.early) return null;
    const of = ip(d);
    return d.random.pick<() => Piece>([
      () => ({ kind: "ct original saddr", text: `ct original ${of} saddr ${not(d)}${network(d)}` }),
      () => ({ kind: "ct original daddr", text: `ct original ${of} daddr ${anyAddress(d)}` }),
      () => ({ kind: "ct reply saddr", text: `ct reply ${of} saddr ${network(d)}` }),
      () => ({ kind: "ct original proto-dst", text: `ct original protocol tcp ct original proto-dst ${somePort(d)}` }),
      () => ({ kind: "ct protocol", text: `ct original protocol ${d.random.pick(["tcp", "udp"])}` }),
    ])();
  },
  mark: (d) => {
    const m = d.random.pick(MARKS);
    return {
      kind: "meta mark",
      text: d.random.pick([
        `meta mark ${not(d)}${m}`,
        `meta mark & 0x${(m | 0x10).toString(16)} ${d.random.pick(["==", "!="])} ${m}`,
        `meta mark ${braces(["1", "2"])}`,
      ]),
    };
  },
  ctmark: (d, at) => {
    if (at.early) return null;
    const m = d.random.pick(MARKS);
    return { kind: "ct mark", text: d.random.pick([`ct mark ${not(d)}${m}`, `ct mark & 0xff == ${m & 0xff}`]) };
  },
  fib: (d, at) => {
    const type = d.random.pick([
      "local",
      "local",
      "unicast",
      "broadcast",
      "multicast",
      ...(d.version === 4 ? ["blackhole", "unreachable"] : []),
    ]);
    const end = d.random.pick(["saddr", "daddr"] as const);
    const iface = at.hook !== "output" && at.hook !== "postrouting" && at.hook !== "forward" && d.random.chance(0.15) ? " . iif" : "";
    const hint: Hint = type === "local" && end === "daddr" ? (p) => setAddress(p.row, "dst", address(d, "own")) : nothing;
    const text = d.random.chance(0.2) ? braces(["local", "broadcast", "multicast"]) : type;
    return { kind: `fib ${end}${iface} type`, text: `fib ${end}${iface} type ${not(d)}${text}`, hint };
  },
  rpf: (d, at) =>
    at.hook === "prerouting" ? { kind: "fib oif", text: `fib saddr . iif oif ${d.random.pick(["exists", "missing", "0", "!= 0"])}` } : null,
  length: (d) => ({
    kind: "meta length",
    text: `meta length ${comparison(d)} ${d.random.pick([60, 86, 150])}`,
    hint: (p) => set(p.row, "packet_len", d.random.pick([0, 100, 200])),
  }),
  pkttype: (d) => ({ kind: "meta pkttype", text: `meta pkttype ${not(d)}${d.random.pick(["host", "broadcast", "multicast", "other"])}` }),
  mac: (d, at) => {
    if (at.hook === "output" || at.hook === "postrouting") return null;
    const mac = d.random.pick(NEIGHBOUR_MACS);
    return { kind: "ether saddr", text: `ether saddr ${mac}`, hint: (p) => set(p.row, "eth_src", macNumber(mac)!) };
  },
  ttl: (d) => {
    const value = d.random.pick([2, 63, 64, 128]);
    return {
      kind: d.version === 6 ? "hoplimit" : "ttl",
      text: `${d.version === 6 ? "ip6 hoplimit" : "ip ttl"} ${d.random.pick(["", "!= ", "< ", "> "])}${value}`,
    };
  },
  dscp: (d) => ({
    kind: "dscp",
    text: `${ip(d)} dscp ${not(d)}${d.random.pick(["ef", "0x04", "cs0", "af11"])}`,
    hint: (p) => set(p.row, "nw_tos", d.random.pick([0xb8, 0x10, 0x28])),
  }),
  protocol: (d) => {
    const name = d.random.pick(["tcp", "udp"] as const);
    const text = d.random.pick([
      `meta l4proto ${name}`,
      `meta l4proto ${braces(["tcp", "udp"])}`,
      ...(d.version === 4 ? [`ip protocol ${name}`] : [`ip6 nexthdr ${name}`]),
    ]);
    return { kind: text.split(" ").slice(0, 2).join(" "), text, hint: (p) => setProtocol(d, p.row, name, sportOf(p)) };
  },
  family: (d, at) =>
    at.family === "inet" ? { kind: "meta nfproto", text: d.random.pick([`meta nfproto ipv${d.version}`, `meta protocol ${ip(d)}`]) } : null,
};

/** A match whose outcome is not in any dump: a rate, a clock, a random number, a socket, contents. */
export function nftUndecided(d: Draw, at: NftPlace): Piece {
  const { random: r } = d;
  const sent = at.hook === "output" || at.hook === "postrouting";
  const options: (readonly [kind: string, text: string])[] = [
    ["numgen random", "numgen random mod 2 0"],
    ["numgen inc", "numgen inc mod 3 < 2"],
    ["jhash", `jhash ${ip(d)} saddr . ${ip(d)} daddr mod 4 seed 0xdeadbeef < 2`],
    ["limit rate", `limit rate ${r.pick(["", "over "])}5/minute burst 3 packets`],
    ["quota", `quota ${r.pick(["until", "over"])} 2000 bytes`],
    ["meta hour", 'meta hour "00:00"-"12:00"'],
    ["meta random", "meta random <= 0x7fffffff"],
    ["raw payload", "@nh,32,16 & 0x1 == 0"],
    ...(at.hook === "prerouting" || at.hook === "input" ? ([["socket", "socket transparent 1"]] as const) : []),
    ...(sent ? ([["meta skuid", `meta skuid ${not(d)}0`]] as const) : []),
  ];
  const [kind, text] = r.pick(options);
  return { kind, text };
}

/** Matches of transport headers. The first sets the protocol. */
export function nftTransport(d: Draw, sets: NftSets): Piece {
  const { random: r, version } = d;
  const name = r.pick(["tcp", "tcp", "tcp", "udp", "udp", "sctp", "icmp", "th"] as const);
  const be =
    (proto: "tcp" | "udp" | "sctp" | "icmp"): Hint =>
    (p) =>
      setProtocol(d, p.row, proto, sportOf(p));
  if (name === "icmp") {
    const type = r.pick(["echo-request", "echo-reply", "destination-unreachable"]);
    const word = version === 6 ? "icmpv6" : "icmp";
    return {
      kind: `${word} type`,
      text: `${word} type ${not(d)}${r.chance(0.3) ? braces(["echo-request", "destination-unreachable"]) : type}`,
      hint: be("icmp"),
    };
  }
  const v = portValue(d, sets);
  const n = not(d);
  const proto = name === "th" ? r.pick(["tcp", "udp"] as const) : name;
  const hint: Hint = (p) => {
    be(proto)(p);
    if (!n) set(p.row, "tp_dst", v.inside);
  };
  if (r.chance(0.1))
    return {
      kind: `${name} sport`,
      text: `${name === "th" ? `meta l4proto ${proto} th` : name} sport ${r.pick(["20000-40000", "!= 20001", "> 1023"])}`,
      hint: be(proto),
    };
  return { kind: `${name} dport ${v.kind}`, text: `${name === "th" ? `meta l4proto ${proto} th` : name} dport ${n}${v.text}`, hint };
}

export function nftTcpFlags(d: Draw): Piece {
  const text = d.random.pick([
    "tcp flags syn",
    "tcp flags & (syn | ack) == syn",
    "tcp flags & (fin | syn | rst | ack) != syn",
    "tcp flags & syn != 0",
    "tcp flags == syn",
    "tcp flags & (syn|rst) == 0",
  ]);
  return { kind: "tcp flags", text, hint: (p) => setProtocol(d, p.row, "tcp", sportOf(p)) };
}
