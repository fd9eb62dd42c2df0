/**
 * The match of a flow: conditions parted by commas, with the protocol shorthands of ovs-ofctl(8) (lib/ofp-flow.c, parse_ofp_str__).
 *
 * Most conditions repeat from flow to flow. What one says is therefore worked out once and kept by its text; a match is
 * put together of such pieces. Where pieces bear on each other (a field twice, two parts of a VLAN tag, a field that the packet
 * need not have) the match is made the long way, as OVS makes it, see `flowMatch.ts`.
 */
import type { MatchTerm, ParseProblem } from "../ast.js";
import { type Needs, ovsField, parseFieldSlice, plainField } from "../fields.js";
import { BadArgument, bad } from "./badArgument.js";
import { parseFieldValue } from "./fieldValue.js";
import { ETH, FlowMatch, PROTO } from "./flowMatch.js";
import { ANY_NAMES, type Names } from "./names.js";
import { scanInteger } from "./numbers.js";
import { type KeyValue, nextKeyValue } from "./scan.js";
import { sent } from "./sentMatch.js";
import { termsOf } from "./terms.js";

/** Shorthand → Ethernet type, IP protocol; 0 where any protocol matches (lib/ofp-parse.c, ofp_parse_protocol). */
const SHORTHANDS: Readonly<Record<string, readonly [ethType: number, proto: number]>> = {
  ip: [ETH.ip, 0],
  ipv4: [ETH.ip, 0],
  ip4: [ETH.ip, 0],
  arp: [ETH.arp, 0],
  icmp: [ETH.ip, PROTO.icmp],
  tcp: [ETH.ip, PROTO.tcp],
  udp: [ETH.ip, PROTO.udp],
  sctp: [ETH.ip, PROTO.sctp],
  ipv6: [ETH.ipv6, 0],
  ip6: [ETH.ipv6, 0],
  icmp6: [ETH.ipv6, PROTO.icmp6],
  tcp6: [ETH.ipv6, PROTO.tcp],
  udp6: [ETH.ipv6, PROTO.udp],
  sctp6: [ETH.ipv6, PROTO.sctp],
  rarp: [ETH.rarp, 0],
  mpls: [ETH.mpls, 0],
  mplsm: [ETH.mplsMulticast, 0],
};
/** Shorthands of dumps alone: OVS until 2.17 printed igmp, megaflows print icmpv6. */
const OLD_SHORTHANDS: Readonly<Record<string, readonly [ethType: number, proto: number]>> = {
  igmp: [ETH.ip, 2],
  icmpv6: [ETH.ipv6, PROTO.icmp6],
};
/** Names that only a whole match's text has. */
const PRINTED_NAMES: Readonly<Record<string, string>> = {
  gtpu_flags: "tun_gtpu_flags",
  gtpu_msgtype: "tun_gtpu_msgtype",
  nd_options: "nd_options_type",
};

export function shorthand(name: string): readonly [ethType: number, proto: number] | undefined {
  return Object.hasOwn(SHORTHANDS, name) ? SHORTHANDS[name] : undefined;
}

/** Names of ports, and whether what dumps alone print is understood too. */
export interface MatchOptions {
  readonly names: Names;
  /** Only what ovs-ofctl understands. */
  readonly strict: boolean;
}
const LENIENT: MatchOptions = { names: ANY_NAMES, strict: false };

/**
 * Adds what one key says to a match. False if the key is no condition. `used` is told each field. Throws {@link BadArgument}
 * where the value is none.
 */
export function applyKey(m: FlowMatch, key: string, value: string, o: MatchOptions, used?: (name: string) => void): boolean {
  const protocol = shorthand(key) ?? (o.strict ? undefined : OLD_SHORTHANDS[key]);
  if (protocol) {
    m.setProtocol(...protocol);
    return true;
  }
  if (key === "eth") {
    m.put("packet_type", 0n, 0xffffffffn);
    return true;
  }
  const plain = o.strict ? plainField(key) : ovsField(PRINTED_NAMES[key] ?? key);
  const f = plain && o.strict && plain.newer ? null : plain;
  if (f) {
    used?.(f.name);
    if (!o.strict && value === "NP" && f.storage.startsWith("tun_metadata")) {
      m.options.set(Number(f.storage.slice(12)), { value: 0n, mask: 0n, bytes: 0, masked: true, present: false });
      return true;
    }
    // Without a value a match asks for the field's presence, which only geneve options can lack.
    m.setField(f, parseFieldValue(f, value === "" ? "0/0" : value, o.names));
    return true;
  }
  if (!key.includes("[")) return vlanOfDump(m, key, value, o);
  const part = parseFieldSlice(key);
  if (!part || (o.strict && ovsField(part.field)!.newer)) bad(`${key}: unknown field \`${key.replace(/[[-].*$/, "")}'`);
  const field = ovsField(part.field)!;
  const v = scanInteger(value, field.bytes);
  if (v === null || v === "range" || v.rest !== "") bad(`${key}: cannot parse integer value: ${value}`);
  if (v.value >> BigInt(part.bits) !== 0n) bad(`${key}: value ${value} does not fit into ${part.bits} bits`);
  used?.(field.name);
  m.addToField(field, v.value << BigInt(part.ofs), ((1n << BigInt(part.bits)) - 1n) << BigInt(part.ofs));
  return true;
}

/** `dl_vlan1`, `dl_vlan_pcp1`: the second tag, as dumps print it (lib/match.c). */
function vlanOfDump(m: FlowMatch, key: string, value: string, o: MatchOptions): boolean {
  if (o.strict || !/^dl_vlan(_pcp)?1$/.test(key)) return false;
  const n = scanInteger(value, 2);
  if (n === null || n === "range" || n.rest !== "") bad(`${value}: bad syntax for ${key} value`);
  const [bits, mask] = key === "dl_vlan1" ? [(n.value & 0xfffn) | 0x1000n, 0x1fffn] : [((n.value & 7n) << 13n) | 0x1000n, 0xf000n];
  const old = m.get("vlan_tci1");
  m.put("vlan_tci1", (old.value & ~mask) | bits, old.mask | mask);
  return true;
}

// -- Pieces --------------------------------------------------------------------------------------------------------------------

/** What a packet must be for OVS to send a condition at all, see `sentMatch.ts`. */
type Need = "" | "mpls" | "ip4" | "ip6" | "ip" | "arp" | "ports" | "icmp" | "tcp" | "nd";
const NEED: Readonly<Record<Needs, Need>> = {
  "-": "",
  eth: "",
  vlan: "",
  nsh: "",
  ct: "",
  mpls: "mpls",
  ip4: "ip4",
  ip6: "ip6",
  ip: "ip",
  arp: "arp",
  tcp: "ports",
  udp: "ports",
  sctp: "ports",
  icmp4: "icmp",
  icmp6: "icmp",
  nd: "nd",
  ns: "nd",
  na: "nd",
};

/** One condition, worked out. */
interface Piece {
  readonly terms: readonly MatchTerm[];
  /** Places that it bears on, one bit each. */
  readonly places0: number;
  readonly places1: number;
  readonly places2: number;
  readonly places3: number;
  readonly places4: number;
  readonly need: Need;
  /** What it asks for, 0 if it does not. */
  readonly ethType: number;
  readonly proto: number;
}

const PLACES = new Map<string, number>();
function placeNumber(name: string): number {
  let n = PLACES.get(name);
  if (n === undefined) PLACES.set(name, (n = PLACES.size));
  return n;
}

/** A copy of a text that does not hold on to the much longer one that it is a part of. */
export function ownText(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}

const PIECES = new Map<string, Piece | null>();
/** Conditions that are kept; the addresses of a large table do not repeat, and are worked out again. */
const PIECES_KEPT = 250_000;

/** The piece of `key=value`; null if the key is no condition. Throws {@link BadArgument}. */
function pieceOf(given: string): Piece | null {
  const known = PIECES.get(given);
  if (known !== undefined) return known;
  const text = ownText(given);
  const kv = nextKeyValue(text, 0);
  const made = kv && !kv.open && kv.end === text.length ? makePiece(kv.key, kv.value ?? "") : null;
  if (PIECES.size >= PIECES_KEPT) PIECES.clear();
  PIECES.set(text, made);
  return made;
}

function makePiece(key: string, value: string): Piece | null {
  const m = new FlowMatch();
  let field = "";
  if (!applyKey(m, key, value, LENIENT, (f) => (field = f))) return null;
  const needs = field === "" ? "-" : ovsField(field)!.needs;
  return {
    terms: termsOf(m, undefined, field === "" ? null : ovsField(field)).map((t) => ({ ...t, name: key })),
    ...placesOf([
      ...[...m.entries()].map(([p]) => p).filter((p) => p !== "packet_type" || key === p || key === "eth"),
      ...m.options.keys(),
    ]),
    need: field === "tcp_flags" ? "tcp" : NEED[needs],
    ethType: m.ethType(),
    proto: field === "" || field === "nw_proto" ? m.value("nw_proto") : 0,
  };
}

function placesOf(names: readonly (string | number)[]): Pick<Piece, "places0" | "places1" | "places2" | "places3" | "places4"> {
  const words = [0, 0, 0, 0, 0];
  for (const name of names) {
    const n = placeNumber(String(name));
    // Beyond these, and there are none, two conditions would be taken to bear on one place: the long way is then right too.
    words[Math.min(n >> 5, 4)] |= 1 << (n & 31);
  }
  const [places0, places1, places2, places3, places4] = words;
  return { places0, places1, places2, places3, places4 };
}

function isMet(need: Need, ethType: number, proto: number): boolean {
  switch (need) {
    case "":
      return true;
    case "mpls":
      return ethType === ETH.mpls || ethType === ETH.mplsMulticast;
    case "ip4":
      return ethType === ETH.ip;
    case "ip6":
      return ethType === ETH.ipv6;
    case "ip":
      return ethType === ETH.ip || ethType === ETH.ipv6;
    case "arp":
      return ethType === ETH.arp || ethType === ETH.rarp;
    case "ports":
      return (ethType === ETH.ip || ethType === ETH.ipv6) && (proto === PROTO.tcp || proto === PROTO.udp || proto === PROTO.sctp);
    case "tcp":
      return (ethType === ETH.ip || ethType === ETH.ipv6) && proto === PROTO.tcp;
    case "icmp":
      return ethType === ETH.ip ? proto === PROTO.icmp : ethType === ETH.ipv6 && proto === PROTO.icmp6;
    // Whether it is a solicitation or an advertisement is told by the type, which may stand anywhere.
    case "nd":
      return false;
  }
}

/** A match while its keys are read. One is used for flow after flow. */
export class MatchReader {
  private readonly pieces: Piece[] = [];
  private readonly texts: string[] = [];
  private ethType = 0;
  private proto = 0;
  private terms = 0;
  private needs = false;
  private plain = true;
  private seen0 = 0;
  private seen1 = 0;
  private seen2 = 0;
  private seen3 = 0;
  private seen4 = 0;

  begin(): void {
    this.pieces.length = 0;
    this.texts.length = 0;
    this.ethType = 0;
    this.proto = 0;
    this.terms = 0;
    this.needs = false;
    this.plain = true;
    this.seen0 = this.seen1 = this.seen2 = this.seen3 = this.seen4 = 0;
  }

  /** Adds `key=value`. False if the key is no condition. Throws {@link BadArgument}. */
  add(text: string): boolean {
    const p = pieceOf(text);
    if (p === null) return false;
    const again =
      (p.places0 & this.seen0) | (p.places1 & this.seen1) | (p.places2 & this.seen2) | (p.places3 & this.seen3) | (p.places4 & this.seen4);
    if (again !== 0) this.plain = false;
    this.seen0 |= p.places0;
    this.seen1 |= p.places1;
    this.seen2 |= p.places2;
    this.seen3 |= p.places3;
    this.seen4 |= p.places4;
    this.pieces.push(p);
    this.texts.push(text);
    this.terms += p.terms.length;
    if (p.need !== "") this.needs = true;
    if (p.ethType !== 0) this.ethType = p.ethType;
    if (p.proto !== 0) this.proto = p.proto;
    return true;
  }

  /** The terms; what OVS leaves out becomes a harmless problem. */
  end(problems: ParseProblem[]): MatchTerm[] {
    const { pieces, ethType, proto } = this;
    let plain = this.plain;
    if (this.needs)
      for (let i = 0; plain && i < pieces.length; i++) if (pieces[i].need !== "") plain = isMet(pieces[i].need, ethType, proto);
    if (!plain) return this.endTheLongWay(problems);
    const out = new Array<MatchTerm>(this.terms);
    let n = 0;
    for (const p of pieces) for (const t of p.terms) out[n++] = t;
    return out;
  }

  private endTheLongWay(problems: ParseProblem[]): MatchTerm[] {
    const m = new FlowMatch();
    const called = new Map<string, string>();
    for (const text of this.texts) {
      const kv = nextKeyValue(text, 0)!;
      const before = new Map(m.entries());
      applyKey(m, kv.key, kv.value ?? "", LENIENT);
      for (const [place, b] of m.entries()) if (before.get(place) !== b) called.set(place, kv.key);
    }
    const left = sent(m, false);
    for (const [place] of m.entries())
      if (!left.has(place) && called.has(place)) {
        const name = called.get(place)!;
        problems.push({
          at: 0,
          token: name,
          message: `OVS leaves '${name}' out of this match: the other conditions do not say that a packet has it`,
          harmless: true,
        });
      }
    // tun_ttl, tun_tos and skb_priority are in no message; a megaflow's text has them.
    for (const place of ["tun_ttl", "tun_tos", "skb_priority", "vlan_tci1", "mpls_lse1", "mpls_lse2"]) {
      const b = m.get(place);
      left.put(place, b.value, b.mask);
    }
    return termsOf(left, (place) => called.get(place));
  }
}

/** A match by itself: `tcp,nw_dst=192.0.2.1,tp_dst=80`. */
export function parseMatch(text: string): { terms: MatchTerm[]; problems: ParseProblem[] } {
  const problems: ParseProblem[] = [];
  const reader = new MatchReader();
  const unknown: MatchTerm[] = [];
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) addKey(reader, text, kv, unknown, problems);
  return { terms: [...reader.end(problems), ...unknown], problems };
}

/** Adds a key; one that is not understood becomes a problem and a term that nobody can decide. */
function addKey(reader: MatchReader, text: string, kv: KeyValue, unknown: MatchTerm[], problems: ParseProblem[]): void {
  const token = text.slice(kv.at, kv.end);
  let message = `'${kv.key}' is not a match field`;
  try {
    if (reader.add(token)) return;
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    message = e.message;
  }
  problems.push({ at: kv.at, token, message });
  unknown.push(notUnderstood(kv.key));
}

/** A condition that is not understood: what matches is not known. */
export function notUnderstood(name: string): MatchTerm {
  return { name, slice: null, value: 0n, mask: 0n };
}
