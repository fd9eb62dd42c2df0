/**
 * Tags, labels and TTLs as programs of the IR (lib/flow.c: flow_push_vlan_uninit, flow_pop_vlan, flow_push_mpls, flow_pop_mpls;
 * ofproto-dpif-xlate.c, compose_dec_ttl and its like).
 *
 * What depends on the packet is a helper table that is made once; a TTL expires where it stands, for that ends the list of actions.
 */
import { type Action, FIELDS, type Match, matchField, slice } from "@plumbline/model";
import type { Switch } from "./switch.js";

const IP4 = matchField([], "eth_type", 0x0800);
const IP6 = matchField([], "eth_type", 0x86dd);
const MPLS = [matchField([], "eth_type", 0x8847), matchField([], "eth_type", 0x8848)];
const TYPE = slice("eth_type");
const TTL = slice("ip_ttl");
const LSE = [slice("mpls_lse"), slice("mpls_lse1"), slice("mpls_lse2")];
const LSE_TTL = slice("mpls_lse", 0, 8);
const LSE_BOS = slice("mpls_lse", 8, 1);
const LSE_TC = slice("mpls_lse", 9, 3);
const LSE_LABEL = slice("mpls_lse", 12, 20);
const NSH_TTL = slice("nsh_ttl");
const VLAN_TCI = slice("vlan_tci");
const VLAN_TCI2 = slice("vlan_tci2");
const PRESENT = 0x1000n;
const DEFAULT_TTL = 64n;
const IPV6_EXPLICIT_NULL = 2n;

const set = (dst: Extract<Action, { op: "set" }>["dst"], value: bigint): Action => ({ op: "set", dst, value });
const move = (src: Extract<Action, { op: "move" }>["src"], dst: Extract<Action, { op: "move" }>["dst"]): Action => ({
  op: "move",
  src,
  dst,
});

export function pushVlan(): Action[] {
  return [move(VLAN_TCI, VLAN_TCI2), set(VLAN_TCI, PRESENT)];
}
/** What is no tag (bits were written where none is) stays. */
export function popVlan(sw: Switch, tagged: boolean): Action[] {
  const pop = [move(VLAN_TCI2, VLAN_TCI), set(VLAN_TCI2, 0n)];
  return tagged ? pop : [sw.when("pop_vlan", [matchField([], "vlan_tci", PRESENT, PRESENT)], pop)];
}

/**
 * What an outer header hides (lib/flow.c, flow_push_mpls; lib/nsh.h): all behind the Ethernet header and its tags, and the connection's
 * addresses and ports, which stand there too.
 */
export const HIDDEN_BY_HEADER: readonly string[] = FIELDS.filter(
  (f) =>
    (f.cls === "header" || f.cls === "inner" || /^ct_(nw_src|nw_dst|ipv6_src|ipv6_dst|tp_src|tp_dst)$/.test(f.name)) &&
    !/^(packet_len|packet_type|eth_|vlan_|mpls_)/.test(f.name),
).map((f) => f.name);
/** A label ends the datapath's hash too. */
export const HIDDEN_BY_LABEL: readonly string[] = [...HIDDEN_BY_HEADER, "dp_hash"];
const HIDDEN: readonly Action[] = HIDDEN_BY_LABEL.map((f) => set(slice(f), 0n));

export function pushMpls(sw: Switch, ethertype: number): Action {
  const first = (label: bigint): Action[] => [set(LSE[0], 0n), set(LSE_LABEL, label), set(LSE_BOS, 1n)];
  const ip = (m: Match, label: bigint): [Match[], Action[]][] => [
    [[matchField(m, "ip_ttl", 0)], [...first(label), move(slice("nw_tos", 2, 3), LSE_TC), set(LSE_TTL, DEFAULT_TTL), ...HIDDEN]],
    [[m], [...first(label), move(slice("nw_tos", 2, 3), LSE_TC), move(TTL, LSE_TTL), ...HIDDEN]],
  ];
  const push = sw.cases(
    "push_mpls",
    [
      [MPLS.map((m) => LSE.reduce((row, l) => matchField(row, l.field, 0), m)), [...first(0n), set(LSE_TTL, DEFAULT_TTL), ...HIDDEN]],
      [MPLS, [move(LSE[1], LSE[2]), move(LSE[0], LSE[1]), set(LSE_BOS, 0n)]],
      ...ip(IP4, 0n),
      ...ip(IP6, IPV6_EXPLICIT_NULL),
    ],
    [...first(0n), set(LSE_TTL, DEFAULT_TTL), ...HIDDEN],
  );
  // A packet that is labelled below loses nothing that is not hidden already.
  return sw.shared(`push_mpls 0x${ethertype.toString(16)}`, () => [push, set(TYPE, BigInt(ethertype))]);
}

export function popMpls(sw: Switch, ethertype: number): Action {
  const bottom = (depth: number): Match[] =>
    MPLS.map((m) => LSE.slice(0, depth).reduce((row, s, i) => matchField(row, s.field, i === depth - 1 ? 0x100 : 0, 0x100), m));
  // A stack without an end: as deep as it has entries that are not zero; all three are too many to tell what is below.
  const zeros = (...which: number[]): Match[] => MPLS.map((m) => which.reduce((row, i) => matchField(row, LSE[i].field, 0), m));
  const type = set(TYPE, BigInt(ethertype));
  const one = [set(LSE[0], 0n), type];
  const two = [move(LSE[1], LSE[0]), set(LSE[1], 0n), type];
  return sw.cases(`pop_mpls 0x${ethertype.toString(16)}`, [
    [bottom(1), one],
    [bottom(2), two],
    [bottom(3), [move(LSE[1], LSE[0]), move(LSE[2], LSE[1]), set(LSE[2], 0n), type]],
    [zeros(0, 1, 2), []],
    [[...zeros(0, 1), ...zeros(0, 2), ...zeros(1, 2)], one],
    [[...zeros(0), ...zeros(1), ...zeros(2)], two],
  ]);
}

/** A write to a labelled packet. */
export function ifMpls(sw: Switch, name: string, actions: readonly Action[]): Action {
  return sw.when(name, MPLS, actions);
}

function expiry(controllers: readonly number[], what: string): Action[] {
  const told: Action[] =
    controllers.length > 0 ? [{ op: "punt", text: `${what}: the TTL expired, to controllers ${controllers.join(", ")}` }] : [];
  return [...told, { op: "clone", actions: [{ op: "drop", reason: "TTL expired" }] }];
}

/** Does nothing to what is no IP packet. */
export function decTtl(sw: Switch, controllers: readonly number[], isIp: boolean): Action[] {
  const dec: Action = { op: "decTtl", expired: expiry(controllers, "dec_ttl") };
  if (isIp) return [dec];
  // Other packets get a TTL for as long as it takes, so that it does not expire.
  const lend = sw.cases("no IP packet: a TTL to decrement", [[[IP4, IP6], []]], [set(TTL, 2n)]);
  const back = sw.cases("no IP packet: no TTL", [[[IP4, IP6], []]], [set(TTL, 0n)]);
  return [lend, dec, back];
}

/** A packet without a label has no TTL to decrement: it expires. */
export function decMplsTtl(): Action[] {
  return decElsewhere(LSE_TTL, "dec_mpls_ttl");
}
export function decNshTtl(): Action[] {
  return decElsewhere(NSH_TTL, "dec_nsh_ttl");
}
function decElsewhere(ttl: typeof TTL, what: string): Action[] {
  const restore: Action = { op: "pop", dst: TTL };
  return [{ op: "push", src: TTL }, move(ttl, TTL), { op: "decTtl", expired: [restore, ...expiry([0], what)] }, move(TTL, ttl), restore];
}
