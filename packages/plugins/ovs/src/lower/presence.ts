/**
 * Which packets have a field (lib/meta-flow.c, mf_are_prereqs_ok): what is written to a field that is not there is left out.
 */
import { type Action, field, type Match, matchField, slice } from "@plumbline/model";
import type { MatchTerm } from "../ast.js";
import { type Needs, ovsField } from "../fields.js";
import { knownValue } from "./match.js";
import type { Switch } from "./switch.js";

/** Packets that have a field of these needs; null: all have. */
export function whenPresent(needs: Needs): readonly Match[] | null {
  const type = (...types: number[]) => types.map((t) => matchField([], "eth_type", t));
  const proto = (p: number, on: readonly Match[]) => on.map((m) => matchField(m, "ip_proto", p));
  // Of ICMP it does not matter whether this fragment has it.
  const ports = (p: number) => proto(p, type(0x0800, 0x86dd)).map((m) => matchField(m, "ip_frag", 0, 2));
  const nd = (...types: number[]) =>
    types.flatMap((t) => proto(58, type(0x86dd)).map((m) => matchField(matchField(m, "icmp_type", t), "icmp_code", 0)));
  switch (needs) {
    case "-":
    case "ct":
      return null;
    case "eth":
      return [matchField([], "packet_type", 0)];
    case "vlan":
      return [matchField([], "vlan_tci", 0x1000, 0x1000)];
    case "arp":
      return type(0x0806, 0x8035);
    case "ip4":
      return type(0x0800);
    case "ip6":
      return type(0x86dd);
    case "ip":
      return type(0x0800, 0x86dd);
    case "mpls":
      return type(0x8847, 0x8848);
    case "nsh":
      return type(0x894f);
    case "tcp":
      return ports(6);
    case "udp":
      return ports(17);
    case "sctp":
      return ports(132);
    case "icmp4":
      return proto(1, type(0x0800));
    case "icmp6":
      return proto(58, type(0x86dd));
    case "nd":
      return nd(135, 136);
    case "ns":
      return nd(135);
    case "na":
      return nd(136);
  }
}

/** What is known of a packet where an action stands; null: not known. */
export interface KnownPacket {
  readonly ethType: number | null;
  readonly proto: number | null;
}
export const NOTHING_KNOWN: KnownPacket = { ethType: null, proto: null };

export function knownPacket(terms: readonly MatchTerm[]): KnownPacket {
  const known = (name: string) => {
    const v = knownValue(terms, slice(name));
    return v === null ? null : Number(v);
  };
  return { ethType: known("eth_type"), proto: known("ip_proto") };
}

const ETH_TYPE = field("eth_type").word;
const PROTO = field("ip_proto").word;

/** Rows of packets that have all of these fields, as far as it is not known; null: all packets that come here have them. */
function rowsOf(needs: readonly Needs[], known: KnownPacket): Match[] | null {
  let rows: Match[] = [[]];
  for (const n of needs) {
    const more = whenPresent(n);
    if (more) rows = rows.flatMap((a) => more.flatMap((b) => joined(a, b) ?? []));
  }
  const settled = (w: number) => (w === ETH_TYPE ? known.ethType : w === PROTO ? known.proto : null);
  const left = rows
    .filter((row) => row.every((x) => settled(x.w) === null || settled(x.w) === x.v))
    .map((row) => row.filter((x) => settled(x.w) === null));
  return left.some((row) => row.length === 0) ? null : left;
}

/** One row that asks for what both ask for, in an array; null if they exclude each other. */
function joined(a: Match, b: Match): [Match] | null {
  const out = [...a];
  for (const word of b) {
    const i = out.findIndex((x) => x.w === word.w);
    if (i < 0) out.push(word);
    else if (((out[i].v ^ word.v) & out[i].m & word.m) !== 0) return null;
    else out[i] = { w: word.w, v: (out[i].v | word.v) >>> 0, m: (out[i].m | word.m) >>> 0 };
  }
  return [out.sort((x, y) => x.w - y.w)];
}

/** `actions` where the packet has all of the fields. `what` names them: the same name means the same actions. */
export function ifPresent(
  sw: Switch,
  fields: readonly string[],
  known: KnownPacket,
  what: string,
  actions: readonly Action[],
): readonly Action[] {
  return ifMet(
    sw,
    fields.map((f) => ovsField(f)?.needs ?? "-"),
    known,
    what,
    actions,
  );
}

/** {@link ifPresent} by what the fields need. */
export function ifMet(
  sw: Switch,
  needs: readonly Needs[],
  known: KnownPacket,
  what: string,
  actions: readonly Action[],
): readonly Action[] {
  const rows = rowsOf(sw.bareFrames ? needs : needs.filter((n) => n !== "eth"), known);
  if (!rows) return actions;
  if (rows.length === 0) return [];
  const key = rows.map((row) => row.map((x) => `${x.w}=${x.v}/${x.m}`).join(" ")).join(", ");
  return [sw.when(`${what} if it is there (${key})`, rows, actions)];
}
