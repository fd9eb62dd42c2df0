/**
 * Packets as text: the 5-tuple shorthand `tcp 192.0.2.1:40000 > 192.0.2.2:80` (`arp 192.0.2.1 > 192.0.2.2`: who has the
 * second address?), and the flow syntax of `ovs-appctl ofproto/trace` (`in_port=1,tcp,nw_src=…,nw_dst=…,tp_src=…,tp_dst=…`,
 * `arp,arp_spa=…,arp_tpa=…,arp_op=1`, see ovs-fields(7)).
 */
import { ipv4Number, ipv4Text, ipv6Number, ipv6Text, macNumber, macText } from "./address.js";
import { PlumblineError } from "./errors.js";
import { CT, FIELDS, type Field, findField, TCP } from "./fields.js";
import { get, getBig, getBits, newRow, type Row, set, slice } from "./row.js";

export interface ParsedPacket {
  readonly row: Row;
  /** `in_port=` as written, a number or a name; undefined if absent. */
  readonly inPort?: string;
}

const KEYWORDS: Record<string, readonly [type: number, proto: number]> = {
  ip: [0x0800, 0],
  tcp: [0x0800, 6],
  udp: [0x0800, 17],
  icmp: [0x0800, 1],
  sctp: [0x0800, 132],
  ipv6: [0x86dd, 0],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  icmp6: [0x86dd, 58],
  sctp6: [0x86dd, 132],
  arp: [0x0806, 0],
  rarp: [0x8035, 0],
};
const ARP = 0x0806;
/** An ARP packet with its Ethernet header, without padding. */
const ARP_BYTES = 42;
/** What ovs-fields(7) calls by the names of IP in an ARP packet. */
const ARP_NAMES: Record<string, string> = { ip_src: "arp_spa", ip_dst: "arp_tpa", ip_proto: "arp_op" };
const L4: Record<string, number> = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmp6: 58 };

function bad(text: string, why: string): never {
  throw new PlumblineError("PACKET_BAD", [text, why]);
}

/** Parses either form. Errors name the token. */
export function parsePacket(text: string): ParsedPacket {
  const t = text.trim();
  return />/.test(t) && /^[a-z0-9]+\s/i.test(t) ? { row: parseTuple(t) } : parseFlow(t);
}

function endpoint(whole: string, s: string): { address: string; port: number | null } {
  let m = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(s);
  if (!m && !/:.*:/.test(s)) m = /^([^:]+)(?::(\d+))?$/.exec(s);
  if (!m) m = /^([0-9a-fA-F:.]+)()$/.exec(s);
  if (!m) bad(whole, `'${s}' is not ADDRESS or ADDRESS:PORT`);
  const port = m[2] ? Number(m[2]) : null;
  if (port !== null && port > 65535) bad(whole, `port ${m[2]} is above 65535`);
  return { address: m[1], port };
}

function parseTuple(text: string): Row {
  const m = /^(\S+)\s+(\S+)\s*(?:>|->)\s*(\S+)$/.exec(text);
  if (!m) bad(text, "expected 'PROTO SRC[:PORT] > DST[:PORT]'");
  const proto = m[1].toLowerCase().replace(/^(tcp|udp|sctp)6$/, "$1");
  if (proto === "arp") return arpRequest(text, m[2], m[3]);
  if (L4[proto] === undefined) bad(text, `'${m[1]}' is not tcp, udp, sctp, icmp, icmp6 or arp`);
  const src = endpoint(text, m[2]);
  const dst = endpoint(text, m[3]);
  const row = newRow();
  const v4 = [ipv4Number(src.address), ipv4Number(dst.address)];
  const v6 = [ipv6Number(src.address), ipv6Number(dst.address)];
  if (v4[0] !== null && v4[1] !== null) {
    set(row, "eth_type", 0x0800);
    set(row, "ip_src", v4[0]);
    set(row, "ip_dst", v4[1]);
    set(row, "ip_proto", L4[proto]);
  } else if (v6[0] !== null && v6[1] !== null) {
    set(row, "eth_type", 0x86dd);
    set(row, "ipv6_src", v6[0]);
    set(row, "ipv6_dst", v6[1]);
    set(row, "ip_proto", proto.startsWith("icmp") ? 58 : L4[proto]);
  } else bad(text, `'${v4[0] === null && v6[0] === null ? src.address : dst.address}' is not an address of the same family`);
  if (proto.startsWith("icmp")) {
    set(row, "icmp_type", get(row, "ip_proto") === 58 ? 128 : 8);
    set(row, "icmp_id", src.port ?? dst.port ?? 1);
  } else {
    if (dst.port === null) bad(text, `the destination needs a port: ${m[3]}:PORT`);
    set(row, "tp_src", src.port ?? 40000);
    set(row, "tp_dst", dst.port);
  }
  return row;
}

/** A request of the owner of `sender` for the owner of `target`. */
function arpRequest(text: string, sender: string, target: string): Row {
  const row = newRow();
  set(row, "eth_type", ARP);
  set(row, "arp_op", 1);
  for (const [name, address] of [
    ["arp_spa", sender],
    ["arp_tpa", target],
  ]) {
    const n = ipv4Number(address);
    if (n === null) bad(text, `'${address}' is not an IPv4 address`);
    set(row, name, n);
  }
  return row;
}

function splitTop(s: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < s.length; i++) {
    if (s[i] === "(") depth++;
    else if (s[i] === ")") depth--;
    else if ((s[i] === "," || s[i] === " " || s[i] === "\t") && depth === 0) {
      out.push(s.slice(from, i));
      from = i + 1;
    }
  }
  out.push(s.slice(from));
  return out.map((x) => x.trim()).filter(Boolean);
}

function parseFlow(text: string): ParsedPacket {
  const row = newRow();
  let inPort: string | undefined;
  if (text === "") bad(text, "it is empty");
  for (const token of splitTop(text)) {
    const eq = token.indexOf("=");
    const name = eq < 0 ? token : token.slice(0, eq);
    if (eq < 0) {
      const k = KEYWORDS[name];
      if (!k) bad(text, `'${name}' is not a protocol keyword or FIELD=VALUE`);
      set(row, "eth_type", k[0]);
      if (k[1]) set(row, "ip_proto", k[1]);
      continue;
    }
    const value = token.slice(eq + 1);
    if (name === "in_port") {
      inPort = value.replace(/^"|"$/g, "");
      if (/^\d+$/.test(inPort)) set(row, "in_port", Number(inPort));
      continue;
    }
    if (name === "dl_vlan" || name === "vlan_vid") {
      set(row, "vlan_tci", (get(row, "vlan_tci") & 0xe000) | 0x1000 | (Number(value) & 0xfff));
      continue;
    }
    if (name === "dl_vlan_pcp" || name === "vlan_pcp") {
      set(row, "vlan_tci", (get(row, "vlan_tci") & 0x1fff) | 0x1000 | ((Number(value) & 7) << 13));
      continue;
    }
    if (name === "nw_ecn" || name === "ip_ecn") {
      set(row, "nw_tos", (get(row, "nw_tos") & 0xfc) | (Number(value) & 3));
      continue;
    }
    if (name === "ip_dscp") {
      set(row, "nw_tos", (get(row, "nw_tos") & 3) | ((Number(value) & 0x3f) << 2));
      continue;
    }
    const named = findField(name);
    if (!named) bad(text, `'${name}' is not a field`);
    const f = (get(row, "eth_type") === ARP && findField(ARP_NAMES[named.name] ?? "")) || named;
    const v = parseValue(f, value);
    if (v === null) bad(text, `'${value}' is not a value of ${name}`);
    set(row, f.name, v);
    if (get(row, "eth_type") === 0 && f.name.startsWith("arp_")) set(row, "eth_type", ARP);
    if (get(row, "eth_type") === 0 && f.name.startsWith("ip_") && f.format === "ipv4") set(row, "eth_type", 0x0800);
  }
  return inPort === undefined ? { row } : { row, inPort };
}

const FRAG: Record<string, bigint> = { no: 0n, yes: 1n, first: 1n, later: 3n, not_later: 0n };

/** A field's value as text to a number, or null. Accepts what OVS prints and decimal or hexadecimal numbers. */
export function parseValue(f: Field, text: string): bigint | null {
  let v: bigint | null = null;
  const n = () => (/^(0x[0-9a-fA-F]+|\d+)$/.test(text) ? BigInt(text) : null);
  switch (f.format) {
    case "ipv4": {
      const x = ipv4Number(text);
      v = x === null ? n() : BigInt(x);
      break;
    }
    case "ipv6":
      v =
        ipv6Number(text) ??
        (f.name.startsWith("inner_") || f.name === "nexthop" ? (ipv4Number(text) === null ? n() : BigInt(ipv4Number(text)!)) : n());
      break;
    case "mac":
      v = macNumber(text) ?? n();
      break;
    case "ct_state":
      v = n() ?? flagBits(text, CT);
      break;
    case "tcp_flags":
      v = n() ?? flagBits(text, TCP);
      break;
    case "frag":
      v = FRAG[text] ?? n();
      break;
    default:
      v = n();
  }
  return v !== null && v < 1n << BigInt(f.bits) ? v : null;
}
function flagBits(text: string, bits: Readonly<Record<string, number>>): bigint | null {
  let v = 0;
  const words = text.split(/[|+]/).filter(Boolean);
  for (const w of words) {
    if (w.startsWith("-")) continue;
    const b = bits[w.replace(/-.*$/, "")];
    if (b === undefined) return null;
    v |= b;
  }
  return BigInt(v);
}

function flagText(v: number, bits: Readonly<Record<string, number>>): string {
  const words = Object.entries(bits)
    .filter(([, b]) => v & b)
    .map(([k]) => k);
  return words.join("|") || "0";
}

/** A field's value as OVS prints it. */
export function formatValue(f: Field, v: bigint): string {
  switch (f.format) {
    case "ipv4":
      return ipv4Text(v);
    case "ipv6":
      return (f.name === "nexthop" || f.name.startsWith("inner_")) && v <= 0xffffffffn ? ipv4Text(v) : ipv6Text(v);
    case "mac":
      return macText(v);
    case "ct_state":
      return flagText(Number(v), CT);
    case "tcp_flags":
      return flagText(Number(v), TCP);
    case "frag":
      return v === 0n ? "no" : v === 3n ? "later" : "first";
    case "hex":
      return v === 0n ? "0" : `0x${v.toString(16)}`;
    default:
      return v.toString();
  }
}

const PROTO: Record<number, string> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp" };

/** The address of a packet's end as text (of an ARP packet: its sender's or its target's), "" if it has none. */
export function addressOf(row: Row, end: "src" | "dst"): string {
  const type = get(row, "eth_type");
  if (type === ARP) return ipv4Text(get(row, end === "src" ? "arp_spa" : "arp_tpa"));
  if (type === 0x0800) return ipv4Text(get(row, `ip_${end}`));
  if (type === 0x86dd) return ipv6Text(getBig(row, `ipv6_${end}`));
  return "";
}

/** One end with its port: `192.0.2.1:80`, `[2001:db8::1]:80`, an ICMP packet without. */
export function endText(row: Row, end: "src" | "dst"): string {
  const a = addressOf(row, end);
  const proto = get(row, "ip_proto");
  if (proto !== 6 && proto !== 17 && proto !== 132) return a;
  return `${a.includes(":") ? `[${a}]` : a}:${get(row, `tp_${end}`)}`;
}

/** `tcp`, `udp`, `icmp`, `arp`, `ip proto 47`, `ethertype 0x88cc`. */
export function protocolText(row: Row): string {
  const type = get(row, "eth_type");
  if (type === 0x0800 || type === 0x86dd) return PROTO[get(row, "ip_proto")] ?? `ip proto ${get(row, "ip_proto")}`;
  if (type === ARP) return "arp";
  return `ethertype 0x${type.toString(16)}`;
}

/** The packet in one short line, for people. */
export function packetText(row: Row): string {
  const type = get(row, "eth_type");
  if (type === ARP) return `arp ${ipv4Text(get(row, "arp_spa"))} > ${ipv4Text(get(row, "arp_tpa"))} op ${get(row, "arp_op")}`;
  const p = protocolText(row);
  if (type !== 0x0800 && type !== 0x86dd) return p;
  let s = `${p} ${endText(row, "src")} > ${endText(row, "dst")}`;
  if (p === "tcp" && get(row, "tcp_flags")) s += ` ${flagText(get(row, "tcp_flags"), TCP)}`;
  if (p.startsWith("icmp")) s += ` type ${get(row, "icmp_type")} code ${get(row, "icmp_code")}`;
  if (get(row, "inner_proto")) {
    const f = findField("inner_src")!;
    const show = (n: string) => formatValue(f, getBits(row, slice(n)));
    s += ` about ${PROTO[get(row, "inner_proto")] ?? get(row, "inner_proto")} ${show("inner_src")}:${get(row, "inner_tp_src")} > ${show("inner_dst")}:${get(row, "inner_tp_dst")}`;
  }
  return s;
}

/** The field that owns each word, overlays left out. */
const OWNER: (Field | undefined)[] = [];
for (const f of FIELDS) if (!/^xx?reg/.test(f.name)) for (let i = 0; i < f.words; i++) OWNER[f.word + i] = f;

/** Fields that differ between two rows, in registry order, overlays left out. */
export function changedFields(before: Row, after: Row): { field: Field; before: string; after: string }[] {
  const out: { field: Field; before: string; after: string }[] = [];
  for (let w = 0; w < before.length; w++) {
    const f = before[w] === after[w] ? undefined : OWNER[w];
    if (!f || out.at(-1)?.field === f) continue;
    out.push({ field: f, before: formatValue(f, getBig(before, f.name)), after: formatValue(f, getBig(after, f.name)) });
  }
  return out;
}

/** Fills in what a sender's first packet has and the text left out: TTL 64, SYN for TCP, a length, broadcast-free Ethernet type. */
export function asFirstPacket(row: Row): Row {
  const r = row.slice();
  if (get(r, "eth_type") === ARP) {
    if (get(r, "arp_op") === 0) set(r, "arp_op", 1);
    if (get(r, "packet_len") === 0) set(r, "packet_len", ARP_BYTES);
    return r;
  }
  if (get(r, "ip_ttl") === 0) set(r, "ip_ttl", 64);
  if (get(r, "ip_proto") === 6 && get(r, "tcp_flags") === 0) set(r, "tcp_flags", TCP.syn);
  if (get(r, "packet_len") === 0) set(r, "packet_len", get(r, "ip_proto") === 6 ? 74 : 98);
  if (get(r, "ip_proto") === 1 && get(r, "icmp_type") === 0 && get(r, "inner_proto") === 0) set(r, "icmp_type", 8);
  return r;
}
