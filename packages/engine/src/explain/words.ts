/** A rule in words: what a packet must be, and what is done to it. What has no word is said as the IR prints it. */
import {
  type Action,
  type Device,
  FIELDS,
  type Field,
  formatValue,
  ipv4Text,
  ipv6Text,
  type Match,
  type Network,
  printAction,
  type Slice,
} from "@plumbline/model";
import { addressText, allBits, maskedOf } from "./fields.js";

const PROTOCOLS: Readonly<Record<string, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };
const TYPES: Readonly<Record<string, string>> = { 2048: "IPv4", 2054: "ARP", 34525: "IPv6" };
const NAMES: Readonly<Record<string, string>> = {
  ip_src: "source",
  ip_dst: "destination",
  ipv6_src: "source",
  ipv6_dst: "destination",
  tp_src: "source port",
  tp_dst: "destination port",
  eth_src: "source MAC",
  eth_dst: "destination MAC",
  arp_tpa: "asked ARP address",
  arp_spa: "ARP sender's address",
  pkt_mark: "packet mark",
  nexthop: "next hop",
  ip_ttl: "TTL",
};
const ADDRESS = /^(ip|ipv6)_(src|dst)$/;

const WRITTEN: Field[] = FIELDS.filter((f) => !/^xx?reg/.test(f.name));

/** What one row of a match asks, a condition an entry; empty where it asks nothing. */
function matchWords(m: Match, device: Device): string[] {
  return WRITTEN.flatMap((f) => {
    const { value, mask } = maskedOf(m, f.name);
    return mask === 0n ? [] : [conditionWords(f, value, mask, device)];
  });
}

function conditionWords(f: Field, value: bigint, mask: bigint, device: Device): string {
  const whole = mask === allBits(f);
  const name = NAMES[f.name] ?? f.name;
  if (whole && f.name === "ip_proto" && PROTOCOLS[String(value)] !== undefined) return PROTOCOLS[String(value)]!;
  if (whole && f.name === "eth_type" && TYPES[String(value)] !== undefined) return TYPES[String(value)]!;
  if (whole && (f.name === "in_port" || f.name === "out_port"))
    return `${f.name === "in_port" ? "came in by" : "goes out by"} ${portWords(device, Number(value))}`;
  if (f.name === "ct_state") return `connection state ${stateWords(value, mask)}`;
  if (whole) return `${name} ${formatValue(f, value)}`;
  const len = prefixLen(mask, f.bits);
  if (ADDRESS.test(f.name) && len !== undefined) return `${name} ${f.bits === 32 ? ipv4Text(value) : ipv6Text(value)}/${len}`;
  return `${name} 0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** Number of leading ones of a mask that is a prefix's; undefined if it is none. */
function prefixLen(mask: bigint, bits: number): number | undefined {
  const text = mask.toString(2).padStart(bits, "0");
  return /^1*0*$/.test(text) ? text.replace(/0/g, "").length : undefined;
}

const STATES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
export function stateWords(value: bigint, mask: bigint): string {
  return STATES.flatMap((s, i) => ((mask >> BigInt(i)) & 1n ? [`${(value >> BigInt(i)) & 1n ? "+" : "-"}${s}`] : [])).join("");
}

export function portWords(device: Device, number: number): string {
  const p = device.ports.find((x) => x.number === number);
  return p ? `${p.name} (port ${number})` : `port ${number}`;
}

/** The rows of a rule, the first ones in words. */
export function whenWords(rows: readonly Match[], device: Device): string[] {
  const MOST = 12;
  if (rows.length === 0) return ["never"];
  const words = rows.slice(0, MOST).map((m) => matchWords(m, device).join(", ") || "every packet");
  return rows.length > MOST ? [...words, `or one of ${rows.length - MOST} more rows`] : words;
}

/** What a program does, a step an entry; what is nested is set off by two blanks. */
export function programWords(program: readonly Action[], net: Network, device: Device): string[] {
  if (program.length === 0) return ["nothing"];
  return program.flatMap((a) => actionWords(a, net, device));
}

const indented = (lines: readonly string[]) => lines.map((l) => `  ${l}`);

function tableWords(net: Network, id: number): string {
  const t = net.tables[id];
  return t ? `${t.stage} ${t.name}` : `table ${id}`;
}

function valueWords(dst: Slice, value: bigint, device: Device): string {
  const f = FIELDS.find((x) => x.name === dst.field)!;
  const whole = dst.ofs === 0 && dst.n === f.bits;
  if (dst.field === "out_port") return `goes out by ${portWords(device, Number(value))}`;
  if (dst.field === "nexthop") return `next hop ${addressText(value)}`;
  const name = NAMES[f.name] ?? f.name;
  return `sets ${name}${whole ? "" : `[${dst.ofs}..${dst.ofs + dst.n - 1}]`} to ${whole ? formatValue(f, value) : `0x${value.toString(16)}`}`;
}

function rangeWords(r: { min?: bigint; max?: bigint; portMin?: number; portMax?: number }): string {
  const span = (a: string | undefined, b: string | undefined) => (a === undefined ? "" : b === undefined || a === b ? a : `${a} to ${b}`);
  const address = span(r.min === undefined ? undefined : addressText(r.min), r.max === undefined ? undefined : addressText(r.max));
  const port = span(r.portMin?.toString(), r.portMax?.toString());
  return [address === "" ? "" : address, port === "" ? "" : `port ${port}`].filter(Boolean).join(" ") || "itself";
}

function actionWords(a: Action, net: Network, device: Device): string[] {
  const inside = (p: readonly Action[]) => indented(programWords(p, net, device));
  switch (a.op) {
    case "set":
      return [valueWords(a.dst, a.value, device)];
    case "call":
      return [`looks in ${tableWords(net, a.table)}, then goes on`];
    case "goto":
      return [`goes to ${tableWords(net, a.table)}`];
    case "output": {
      if (typeof a.port !== "number") return [`outputs to the port in ${a.port.field}`];
      const link = net.links.find((l) => l.device === device.id && l.port === a.port);
      return [`outputs to ${portWords(device, a.port)}${link ? `, which leads to ${net.devices[link.toDevice].name}` : ""}`];
    }
    case "local":
      return [`gives it to this device's own stack${a.note ? ` (${a.note})` : ""}`];
    case "drop":
      return [`${a.rejected ? "throws it away, the sender is told" : "throws it away"}${a.reason ? ` (${a.reason})` : ""}`];
    case "emit":
      return [
        `answers with ${a.kind === "tcp-reset" ? "a TCP reset" : `an ICMP error ${a.icmpType}/${a.icmpCode}`}, which:`,
        ...inside(a.then),
      ];
    case "ct": {
      const zone = typeof a.zone === "number" ? String(a.zone) : `in ${a.zone.field}`;
      const parts = [
        a.commit ? "commits the connection" : "looks the connection up",
        a.nat === null
          ? ""
          : a.nat === "existing"
            ? "translates as it is known"
            : `translates the ${a.nat.type === "src" ? "source" : "destination"} to ${rangeWords(a.nat.range)}`,
        a.resume === null ? "" : a.resume === "inplace" ? "goes on tracked" : `a tracked copy goes on in ${tableWords(net, a.resume)}`,
      ];
      return [`connection tracking (${net.trackers[a.tracker]?.name ?? a.tracker}, zone ${zone}): ${parts.filter(Boolean).join(", ")}`];
    }
    case "nat":
      return [`translates the ${a.type === "src" ? "source" : "destination"} of a new connection to ${rangeWords(a.range)}`];
    case "choose": {
      const total = a.weights.reduce((x, y) => x + y, 0);
      return [
        `chooses one of ${a.options.length} by ${a.how}:`,
        ...a.options.flatMap((o, i) => [`  ${Math.round((a.weights[i]! / total) * 1000) / 10} %:`, ...indented(inside(o))]),
      ];
    }
    case "clone":
      return ["a copy:", ...inside(a.actions)];
    case "note":
      return [a.text];
    case "unknown":
      return [`unknown: ${a.why}${a.command === "" ? "" : ` (${a.command}${a.on === "" ? "" : ` on ${a.on}`} would tell)`}`];
    default:
      return [printAction(a)];
  }
}
