/**
 * Random matches of iptables, each with what makes a packet pass it. Kinds are named as in iptables-extensions(8).
 *
 * Most are those whose outcome the packet, its connection and the host's addresses decide; what depends on rates, clocks, random
 * numbers, sockets or the contents of packets is drawn by {@link undecided} alone. `bpf` is not drawn: rules with it are unknown.
 */
import { field, macNumber, set } from "@plumbline/model";
import {
  address,
  anyAddress,
  type Draft,
  type Draw,
  type Hint,
  MARKS,
  NEIGHBOUR_MACS,
  network,
  PORTS,
  PROTO,
  setAddress,
  setProtocol,
  within,
} from "./draw.js";

export type HookName = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT" | "POSTROUTING";

export interface Place {
  readonly tool: "legacy" | "iptables-nft";
  readonly table: "raw" | "mangle" | "nat" | "filter" | "security";
  readonly hook: HookName;
  readonly inUserChain: boolean;
}

/** Words of a rule. */
export interface Piece {
  readonly kind: string;
  readonly text: string;
  readonly hint?: Hint;
}

export const nothing: Hint = () => {};
const not = (d: Draw) => d.random.chance(0.15);
const bang = (n: boolean) => (n ? "! " : "");

type Maker = (d: Draw, at: Place) => Piece | null;

const sees =
  (...hooks: HookName[]) =>
  (at: Place) =>
    hooks.includes(at.hook);
const hasInput = sees("PREROUTING", "INPUT", "FORWARD");
const hasOutput = sees("FORWARD", "OUTPUT", "POSTROUTING");

function someInterface(d: Draw): { text: string; name: string } {
  const name = d.random.pick(d.interfaces);
  if (d.random.chance(0.2)) return { text: `${name.slice(0, 3)}+`, name };
  return { text: name, name };
}

/** Leads a packet out of an interface: its destination lies behind it. */
function towards(d: Draw, name: string): Hint {
  return (p) => setAddress(p.row, "dst", address(d, d.random.pick(["near", "far"]), d.interfaces.indexOf(name)));
}

function range(d: Draw): string {
  const p = d.random.pick(PORTS);
  return d.random.pick([`${p}`, `${p}`, `${p}`, `${p}:${p + d.random.int(100)}`, `${Math.max(0, p - 10)}:${p}`, `:${p}`, `${p}:`]);
}
const portOf = (text: string) => Number(text.split(/[:,]/).find((x) => x !== "") ?? 80);

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT"] as const;

export const MATCHES: Readonly<Record<string, Maker>> = {
  source: (d) => {
    const n = not(d);
    const a = d.random.chance(0.5) ? network(d) : anyAddress(d);
    return { kind: "-s", text: `${bang(n)}-s ${a}`, hint: n ? nothing : (p) => setAddress(p.row, "src", within(d, a)) };
  },
  destination: (d) => {
    const n = not(d);
    const a = d.random.chance(0.4) ? network(d) : anyAddress(d);
    return { kind: "-d", text: `${bang(n)}-d ${a}`, hint: n ? nothing : (p) => setAddress(p.row, "dst", within(d, a)) };
  },
  in: (d, at) => {
    if (!hasInput(at) && !at.inUserChain) return null;
    const n = not(d);
    const i = someInterface(d);
    return {
      kind: "-i",
      text: `${bang(n)}-i ${i.text}`,
      hint: n ? nothing : (p) => void (p.in = p.in === null ? null : i.name),
    };
  },
  out: (d, at) => {
    if (!hasOutput(at) && !at.inUserChain) return null;
    const n = not(d);
    const i = someInterface(d);
    return { kind: "-o", text: `${bang(n)}-o ${i.text}`, hint: n ? nothing : towards(d, i.name) };
  },
  mac: (d, at) => {
    if (!hasInput(at)) return null;
    const mac = d.random.pick(NEIGHBOUR_MACS);
    return { kind: "mac", text: `-m mac ${bang(not(d))}--mac-source ${mac}`, hint: (p) => set(p.row, "eth_src", macNumber(mac)!) };
  },
  state: (d) => ({
    kind: "state",
    text: `-m state ${bang(not(d))}--state ${d.random.sample(STATES.slice(0, 5), d.random.between(1, 3)).join(",")}`,
  }),
  ctstate: (d) => ({
    kind: "conntrack --ctstate",
    text: `-m conntrack ${bang(not(d))}--ctstate ${d.random.sample(STATES, d.random.between(1, 3)).join(",")}`,
  }),
  ctother: (d, at) => {
    // Behind `CT --zone` the kernel asks an empty connection (docs/limitations.md).
    if (at.table === "raw") return null;
    const b = bang(not(d));
    const [option, text] = d.random.pick([
      ["--ctproto", `${d.random.pick(["tcp", "udp"])}`],
      ["--ctorigsrc", d.random.chance(0.5) ? network(d) : anyAddress(d)],
      ["--ctorigdst", d.random.chance(0.5) ? network(d) : anyAddress(d)],
      ["--ctreplsrc", d.random.chance(0.5) ? network(d) : anyAddress(d)],
      ["--ctrepldst", d.random.chance(0.5) ? network(d) : anyAddress(d)],
      ["--ctorigdstport", `${d.random.pick(PORTS)}`],
      ["--ctreplsrcport", `${d.random.pick(PORTS)}`],
      ["--ctorigsrcport", "20000:40000"],
      ["--ctrepldstport", "20000:40000"],
      ["--ctstatus", d.random.pick(["NONE", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SEEN_REPLY,CONFIRMED"])],
      ["--ctdir", d.random.pick(["ORIGINAL", "REPLY"])],
    ] as const);
    return { kind: `conntrack ${option}`, text: `-m conntrack ${option === "--ctdir" ? "" : b}${option} ${text}` };
  },
  mark: (d) => {
    const mark = d.random.pick(MARKS);
    return {
      kind: "mark",
      text: `-m mark ${bang(not(d))}--mark 0x${mark.toString(16)}${d.random.chance(0.5) ? `/0x${(mark | 0x10).toString(16)}` : ""}`,
    };
  },
  connmark: (d, at) => {
    if (at.table === "raw") return null;
    const mark = d.random.pick(MARKS);
    return { kind: "connmark", text: `-m connmark ${bang(not(d))}--mark 0x${mark.toString(16)}${d.random.chance(0.5) ? "/0xff" : ""}` };
  },
  comment: (d) => ({
    kind: "comment",
    text: `-m comment --comment "${d.random.pick(["web", "it's -j DROP", "default/web:http cluster IP"])}"`,
  }),
  iprange: (d) => {
    const lo = address(d, "near");
    const end = d.random.pick(["src", "dst"] as const);
    const top = lo.replace(/(\d+)$/, (x) => `${Number(x) + 2}`);
    const n = not(d);
    return {
      kind: "iprange",
      text: `-m iprange ${bang(n)}--${end}-range ${lo}-${top}`,
      hint: n ? nothing : (p) => setAddress(p.row, end, d.random.pick([lo, top])),
    };
  },
  length: (d) => {
    const length = d.random.pick(["0:60", "61:150", "86", "100:2000", "186:"]);
    return {
      kind: "length",
      text: `-m length ${bang(not(d))}--length ${length}`,
      hint: (p) => set(p.row, "packet_len", d.random.pick([0, 100, 200])),
    };
  },
  pkttype: (d) => ({
    kind: "pkttype",
    text: `-m pkttype ${bang(not(d))}--pkt-type ${d.random.pick(["unicast", "broadcast", "multicast"])}`,
  }),
  addrtype: (d, at) => {
    const type = d.random.pick([
      "LOCAL",
      "LOCAL",
      "UNICAST",
      "MULTICAST",
      // Of IPv6 xt_addrtype refuses it, and with it the whole table.
      ...(d.version === 4 || at.tool !== "legacy" ? ["BROADCAST"] : []),
      ...(d.version === 4 ? ["BLACKHOLE", "UNREACHABLE", "PROHIBIT"] : ["ANYCAST"]),
    ]);
    const end = d.random.pick(["src", "dst"] as const);
    const limit =
      d.random.chance(0.15) && !at.inUserChain
        ? hasInput(at) && at.hook !== "FORWARD"
          ? " --limit-iface-in"
          : hasOutput(at) && at.hook !== "FORWARD"
            ? " --limit-iface-out"
            : ""
        : "";
    const n = not(d);
    return {
      kind: `addrtype${limit}`,
      text: `-m addrtype ${bang(n)}--${end}-type ${type}${limit}`,
      hint: n || type !== "LOCAL" || end === "src" ? nothing : (p) => setAddress(p.row, "dst", address(d, "own")),
    };
  },
  rpfilter: (d, at) =>
    at.hook === "PREROUTING" && (at.table === "raw" || at.table === "mangle")
      ? {
          kind: "rpfilter",
          text: `-m rpfilter${d.random.chance(0.4) ? " --loose" : ""}${d.random.chance(0.3) ? " --validmark" : ""}${d.random.chance(0.4) ? " --invert" : ""}`,
        }
      : null,
  ttl: (d) => {
    const value = d.random.pick([1, 2, 63, 64, 128]);
    const m = d.version === 4 ? "ttl" : "hl";
    const how = d.random.pick(["eq", "lt", "gt"]);
    const n = how === "eq" && not(d);
    return {
      kind: m,
      text: `-m ${m} ${bang(n)}--${m}-${how} ${value}`,
      hint: n
        ? nothing
        : (p) => set(p.row, "ip_ttl", Math.min(255, how === "eq" ? value : how === "lt" ? Math.max(1, value - 1) : value + 1)),
    };
  },
  dscp: (d) => {
    const value = d.random.pick([4, 2, 46, 10]);
    return {
      kind: "dscp",
      text: `-m dscp ${bang(not(d))}--dscp 0x${value.toString(16).padStart(2, "0")}`,
      hint: (p) => set(p.row, "nw_tos", value << 2),
    };
  },
  tos: (d) => {
    const value = d.random.pick([0x10, 0x08, 0xb8]);
    return {
      kind: "tos",
      text: `-m tos ${bang(not(d))}--tos 0x${value.toString(16)}${d.random.chance(0.5) ? "/0x3f" : "/0xff"}`,
      hint: (p) => set(p.row, "nw_tos", value),
    };
  },
  physdev: (d) => ({ kind: "physdev", text: `-m physdev ${bang(d.random.chance(0.5))}--physdev-is-bridged` }),
  policy: (d, at) =>
    hasInput(at) && at.hook !== "FORWARD" ? { kind: "policy", text: `-m policy --dir in --pol ${d.random.pick(["none", "ipsec"])}` } : null,
  u32: (d) =>
    d.version === 4 && d.random.chance(0.5)
      ? {
          kind: "u32",
          text: `-m u32 --u32 "${d.random.pick(["6&0xff=0x6", "6&0xff=0x11", "8>>24&0xff=64:255", "0>>22&0x3c@0&0xffff=0x50,0x1bb", "12&0xffff0000=0x0a000000"])}"`,
        }
      : null,
};

/** Protocol matches; the protocol itself is set by the first hint. */
export function protocolPieces(d: Draw): { proto: "tcp" | "udp" | "icmp" | "sctp" | "other"; pieces: Piece[] } {
  const { random: r, version } = d;
  const name = r.pick(["tcp", "tcp", "tcp", "udp", "udp", "icmp", "sctp"] as const);
  const n = r.chance(0.04);
  const number = name === "icmp" && version === 6 ? PROTO.icmp6 : PROTO[name];
  const word = name === "icmp" && version === 6 ? "ipv6-icmp" : r.chance(0.1) ? `${number}` : name;
  const be: Hint = n
    ? nothing
    : (p: Draft) => {
        // The source port (or the echo identifier) is the flow's own and stays.
        setProtocol(d, p.row, name, sportOf(p));
      };
  const pieces: Piece[] = [{ kind: "-p", text: `${bang(n)}-p ${word}`, hint: be }];
  if (n) return { proto: "other", pieces };
  if (name === "icmp") {
    if (r.chance(0.6)) pieces.push(icmpPiece(d));
    return { proto: name, pieces };
  }
  if (r.chance(0.8)) pieces.push(r.chance(0.25) ? multiport(d) : ports(d, name));
  if (name === "tcp" && r.chance(0.3)) pieces.push(tcpFlags(d));
  if (name === "sctp" && r.chance(0.1))
    pieces.push({ kind: "sctp --chunk-types", text: `-m sctp --chunk-types ${r.pick(["any INIT", "only INIT", "any DATA"])}` });
  return { proto: name, pieces };
}

/** A match whose outcome is not in any dump: a rate, a clock, a random number, a memory of earlier packets, a socket's owner. */
export function undecided(d: Draw, at: Place): Piece {
  const sent = at.hook === "OUTPUT" || at.hook === "POSTROUTING";
  const options: (readonly [kind: string, text: string])[] = [
    ["statistic random", "-m statistic --mode random --probability 0.50000000000"],
    ["statistic nth", "-m statistic --mode nth --every 2 --packet 0"],
    ["limit", "-m limit --limit 5/min --limit-burst 3"],
    ["hashlimit", "-m hashlimit --hashlimit-upto 5/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h"],
    ["recent", `-m recent --name r ${d.random.pick(["--set", "--rcheck", "--update"])}`],
    ["time", "-m time --timestart 00:00:00 --timestop 12:00:00"],
    ["connlimit", "-m connlimit --connlimit-upto 2"],
    ["string", '-m string --algo bm --string "plum"'],
    ...(at.hook === "PREROUTING" || at.hook === "INPUT"
      ? ([["socket", `-m socket${d.random.pick(["", " --transparent", " --nowildcard"])}`]] as const)
      : []),
    ...(sent ? ([["owner", `-m owner ${bang(not(d))}--uid-owner 0`]] as const) : []),
  ];
  const [kind, text] = d.random.pick(options);
  return { kind, text };
}

export function sportOf(p: Draft): number {
  return p.row[SPORT] || p.row[ICMP_ID];
}
const SPORT = field("tp_src").word;
const ICMP_ID = field("icmp_id").word;

function icmpPiece(d: Draw): Piece {
  const { random: r, version } = d;
  const b = bang(r.chance(0.1));
  if (version === 6) {
    const [text, type, code] = r.pick([
      ["echo-request", 128, 0],
      ["128", 128, 0],
      ["echo-reply", 129, 0],
      ["1/4", 1, 4],
    ] as const);
    return {
      kind: "icmp6",
      text: `-m icmp6 ${b}--icmpv6-type ${text}`,
      hint: (p) => {
        if (type !== 128) return;
        set(p.row, "icmp_type", type);
        set(p.row, "icmp_code", code);
      },
    };
  }
  const [text, type] = r.pick([
    ["echo-request", 8],
    ["8", 8],
    ["8/0", 8],
    ["any", 8],
    ["echo-reply", 0],
    ["timestamp-request", 13],
    ["3/1", 3],
  ] as const);
  return {
    kind: "icmp",
    text: `-m icmp ${b}--icmp-type ${text}`,
    hint: (p) => void ((type === 8 || type === 0) && set(p.row, "icmp_type", type)),
  };
}

function ports(d: Draw, name: "tcp" | "udp" | "sctp"): Piece {
  const which = d.random.chance(0.85) ? "dport" : "sport";
  const text = which === "sport" ? d.random.pick(["20000:40000", "1024:65535", "20000:30000"]) : range(d);
  const n = d.random.chance(0.08);
  return {
    kind: `${name} --${which}`,
    text: `-m ${name} ${bang(n)}--${which} ${text}`,
    hint: n || which === "sport" ? nothing : (p) => set(p.row, "tp_dst", portOf(text)),
  };
}

function multiport(d: Draw): Piece {
  const { random: r } = d;
  const which = r.pick(["dports", "dports", "sports", "ports"]);
  const picked = r.sample(PORTS, r.between(1, 4));
  const list = picked.map((p) => (r.chance(0.25) ? `${p}:${p + 50}` : `${p}`));
  const n = r.chance(0.1);
  return {
    kind: "multiport",
    text: `-m multiport ${bang(n)}--${which} ${(which === "sports" ? ["20000:25000", ...list] : list).join(",")}`,
    hint: n || which === "sports" ? nothing : (p) => set(p.row, "tp_dst", r.pick(picked)),
  };
}

function tcpFlags(d: Draw): Piece {
  const { random: r } = d;
  const b = bang(r.chance(0.2));
  const text = r.pick([
    "--syn",
    "--tcp-flags SYN,ACK SYN,ACK",
    "--tcp-flags RST RST",
    "--tcp-flags FIN,SYN,RST,ACK SYN",
    "--tcp-flags ALL NONE",
    "--tcp-flags SYN,RST SYN",
  ]);
  if (r.chance(0.05)) return { kind: "tcp --tcp-option", text: `-m tcp ${b}--tcp-option ${r.pick([2, 5])}` };
  return { kind: "tcp --tcp-flags", text: `-m tcp ${b}${text}` };
}
