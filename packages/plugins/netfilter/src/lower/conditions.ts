/**
 * Matches as rows of the IR: `(rows[0] or rows[1] or …)`.
 *
 * A match that cannot be told from the evidence (an interface of a host whose interfaces are unknown, an ipset without its
 * members) is `opaque`: why, and the command that would tell. The rule is then unknown for packets that match the rest.
 * Cost: rows multiply over the matches of a rule; ROW_LIMIT bounds that, beyond it the match is opaque as well.
 */
import { addMatch, CT, field, intersect, type Match, matchField, type Slice, slice } from "@plumbline/model";
import type { Family, Selector, Statement, TableAst, Tuple, Value } from "../ast.js";
import { CONFIRMED, ETH_IPV4, ETH_IPV6, HAS_CONNECTION, IS_CONFIRMED, NOTRACK, placeOf, STATES } from "./fields.js";
import type { HostView } from "./host.js";
import { complement, type Interval, joined, ones, prefixes, type Ternary } from "./ternary.js";

/** Rows a rule may have. Real rules have a handful; a negated set of a thousand addresses has some 20 thousand. */
const ROW_LIMIT = 65536;
/** Rows beyond which the matches of a rule are asked one behind the other instead of multiplied. */
export const WIDE = 2048;

export interface Opaque {
  readonly why: string;
  readonly command: string;
}
export type Rows = readonly Match[];
export const isOpaque = (x: Rows | Opaque): x is Opaque => "why" in x;

export const EVERYTHING: Rows = [[]];

/** Rows that hold where one of `a` and one of `b` hold. */
export function both(a: Rows, b: Rows): Rows | Opaque {
  if (a.length * b.length > ROW_LIMIT) return { why: `the rule's matches need more than ${ROW_LIMIT} combinations`, command: "" };
  const out: Match[] = [];
  for (const x of a)
    for (const y of b) {
      const m = intersect(x, y);
      if (m) out.push(m);
    }
  return out;
}

/** One selector's values as masked values of one slice, for packets that fulfil `needs`. */
interface Axis {
  readonly slice: Slice;
  readonly needs: Match;
  readonly ternaries: readonly Ternary[];
}

function rowsOf(axes: readonly Axis[], not: boolean): Rows | Opaque {
  const out: Match[] = [];
  for (const a of axes) {
    const set = not ? complement(a.ternaries, a.slice.n, ROW_LIMIT) : a.ternaries;
    if (set === null) return { why: `a negated match needs more than ${ROW_LIMIT} rows`, command: "" };
    for (const t of set) {
      const m = addMatch(a.needs, a.slice, t.value, t.mask);
      if (m) out.push(m);
    }
  }
  return out;
}

export interface ConditionContext {
  readonly view: HostView;
  readonly family: Family;
  readonly table: TableAst;
  /** The chain runs before connection tracking: raw at PREROUTING and OUTPUT. */
  readonly early: boolean;
  /** Packets of known connections have had their translations here. */
  readonly done: { readonly dst: boolean; readonly src: boolean };
}

/** The set of a match whose members come and go with the traffic, if it is such. */
export function movingSet(s: Extract<Statement, { s: "match" }>, ctx: ConditionContext): string | null {
  if (!("name" in s.set)) return null;
  const { name } = s.set;
  return ctx.table.sets.find((x) => x.name === name)?.dynamic ? name : null;
}

/** Rows of a match statement. */
export function matchRows(s: Extract<Statement, { s: "match" }>, ctx: ConditionContext): Rows | Opaque {
  let tuples: readonly Tuple[];
  if ("tuples" in s.set) tuples = s.set.tuples;
  else {
    const name = s.set.name;
    const set = ctx.table.sets.find((x) => x.name === name);
    if (!set) return { why: `set @${name} is not in evidence`, command: `nft list set ${ctx.table.family} ${ctx.table.name} ${name}` };
    if (set.unreadable !== undefined)
      return { why: `set @${name}: ${set.unreadable}`, command: `nft list set ${ctx.table.family} ${ctx.table.name} ${name}` };
    tuples = set.tuples;
  }
  return tupleRows(s.selectors, tuples, s.not, ctx);
}

/** Rows of "the selectors' values are one of these tuples", or of its opposite. */
export function tupleRows(selectors: readonly Selector[], tuples: readonly Tuple[], not: boolean, ctx: ConditionContext): Rows | Opaque {
  // A catch-all element holds everything.
  if (tuples.some((t) => t.length === 0)) return not ? [] : needsOf(selectors, ctx);
  if (selectors.length === 1) {
    const axes = axesOf(
      selectors[0],
      tuples.map((t) => t[0]),
      ctx,
    );
    return "why" in axes ? axes : rowsOf(axes, not);
  }
  if (!not) {
    const out: Match[] = [];
    for (const t of tuples) {
      let rows: Rows | Opaque = EVERYTHING;
      for (let i = 0; i < selectors.length && !isOpaque(rows); i++) {
        const axes = axesOf(selectors[i], [t[i]], ctx);
        if ("why" in axes) return axes;
        const part = rowsOf(axes, false);
        rows = isOpaque(part) ? part : both(rows, part);
      }
      if (isOpaque(rows)) return rows;
      out.push(...rows);
      if (out.length > ROW_LIMIT) return { why: `a set needs more than ${ROW_LIMIT} rows`, command: "" };
    }
    return out;
  }
  // Outside of every tuple: it differs from each in at least one place. What the selectors need holds all the same.
  let left: Rows | Opaque = needsOf(selectors, ctx);
  for (const t of tuples) {
    const differs: Match[] = [];
    for (let i = 0; i < selectors.length; i++) {
      const axes = axesOf(selectors[i], [t[i]], ctx);
      if ("why" in axes) return axes;
      const part = rowsOf(axes, true);
      if (isOpaque(part)) return part;
      differs.push(...part);
    }
    left = both(left, differs);
    if (isOpaque(left)) return left;
  }
  return left;
}

/** What the packet must be for these selectors to mean anything. */
export function needsOf(selectors: readonly Selector[], ctx: ConditionContext): Rows {
  let rows: Rows = EVERYTHING;
  for (const s of selectors) {
    const axes = axesOf(s, [], ctx);
    if ("why" in axes) continue;
    const r = both(
      rows,
      axes.map((a) => a.needs),
    );
    if (!isOpaque(r)) rows = r;
  }
  return rows;
}

function axesOf(selector: Selector, values: readonly Value[], ctx: ConditionContext): readonly Axis[] | Opaque {
  switch (selector) {
    case "meta iifname":
    case "meta oifname":
      return interfaceAxis(slice(selector === "meta iifname" ? "in_port" : "out_port"), values, ctx);
    case "ct state":
      return stateAxes(values, ctx.early);
    case "ct status":
      return statusAxes(values);
    case "ct reply ip saddr":
    case "ct reply ip daddr":
    case "ct reply ip6 saddr":
    case "ct reply ip6 daddr":
    case "ct reply proto-src":
    case "ct reply proto-dst":
      return replyAxes(selector, values, ctx);
    case "fib saddr type":
    case "fib daddr type":
      return typeAxes(selector === "fib saddr type" ? "src" : "dst", values, ctx);
    case "meta nfproto":
      return [
        {
          slice: slice("eth_type"),
          needs: [],
          ternaries: values.flatMap((v) => ("lo" in v ? (v.lo === 2n ? [full(ETH_IPV4)] : v.lo === 10n ? [full(ETH_IPV6)] : []) : [])),
        },
      ];
    case "meta pkttype":
      return [{ slice: slice("eth_dst"), needs: [], ternaries: values.flatMap(packetType) }];
    default: {
      const place = placeOf(selector);
      if (!place) return { why: `'${selector}' is not translated`, command: "" };
      const out: Ternary[] = [];
      for (const v of values) {
        if (v.k === "range") out.push(...prefixes(v.lo + place.add, least(v.hi + place.add, ones(place.slice.n)), place.slice.n));
        else if (v.k === "mask" && place.add === 0n) out.push({ value: v.value, mask: v.mask & ones(place.slice.n) });
        else return { why: `'${selector}' with a value of another kind`, command: "" };
      }
      return [{ slice: place.slice, needs: place.needs, ternaries: out }];
    }
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const full = (v: number): Ternary => ({ value: BigInt(v), mask: 0xffffn });

function interfaceAxis(at: Slice, values: readonly Value[], ctx: ConditionContext): readonly Axis[] | Opaque {
  const { ports, host } = ctx.view;
  if (ports === null) return { why: `the interfaces of ${host} are not in evidence`, command: "ip -d link" };
  const numbers = new Set<number>();
  for (const v of values) {
    if (v.k !== "ifname") return { why: "an interface given by something else than its name", command: "ip -d link" };
    // A name that no interface of the host has matches nothing; the interface may come and go.
    for (const [name, number] of ports) if (v.wildcard ? name.startsWith(v.name) : name === v.name) numbers.add(number);
  }
  return [{ slice: at, needs: [], ternaries: [...numbers].map((n) => ({ value: BigInt(n), mask: ones(32) })) }];
}

function stateAxes(values: readonly Value[], early: boolean): readonly Axis[] | Opaque {
  const out: Ternary[] = [];
  const before: Ternary[] = [];
  for (const v of values) {
    const state = v.k === "state" ? STATES.get(v.name) : undefined;
    if (!state) return { why: `connection status '${v.k === "state" ? v.name : "?"}' is not translated`, command: "conntrack -L" };
    if (early && v.k === "state" && v.name === "untracked") before.push({ value: 1n, mask: 1n });
    else out.push({ value: BigInt(state.value), mask: BigInt(state.mask) });
    if (v.k === "state" && v.name === "invalid") before.push({ value: 0n, mask: 1n });
  }
  const states = slice("ct_state", 0, 8);
  if (!early) return [{ slice: states, needs: [], ternaries: out }];
  // A packet that nobody has looked up yet counts as invalid (xt_conntrack.c), but for one that a rule took out of tracking, or gave a template.
  const unseen = matchField([], "ct_state", 0, CT.trk);
  const anew = values.some((v) => v.k === "state" && v.name === "new") ? [{ value: 0n, mask: 0n }] : [];
  return [
    { slice: states, needs: matchField([], "ct_state", CT.trk, CT.trk), ternaries: out },
    { slice: NOTRACK, needs: matchField(unseen, "reg13", 0, 2), ternaries: before },
    { slice: NOTRACK, needs: matchField(unseen, "reg13", 2, 2), ternaries: anew },
  ];
}

type ReplySelector = Extract<Selector, `ct reply ${string}`>;

/**
 * The reply direction's tuple is not in the row; the packet's own header has it wherever its translation has been done, or is not yet
 * to be undone: the originator's packet has the reply's source as its destination, the answer as its source. An end that is not translated
 * is told by the original direction's tuple.
 */
function replyPlaces(
  selector: ReplySelector,
  ctx: ConditionContext,
): { fields: [orig: string, reply: string]; sure: Match[]; unsure: Match[]; plain: { row: Match; field: string } } {
  const of = (rpl: 0 | 1, more: Match = []) => {
    const m = intersect(matchField(HAS_CONNECTION, "ct_state", rpl ? CT.rpl | CT.trk : CT.trk, CT.rpl | CT.rel | CT.trk | CT.inv), more);
    return m ? [m] : [];
  };
  const source = /saddr|src/.test(selector);
  const family = selector.includes("ip6") ? "ipv6" : "ip";
  const fields: [string, string] = selector.includes("proto")
    ? source
      ? ["tp_dst", "tp_src"]
      : ["tp_src", "tp_dst"]
    : source
      ? [`${family}_dst`, `${family}_src`]
      : [`${family}_src`, `${family}_dst`];
  const bit = source ? CT.dnat : CT.snat;
  const plain = matchField([], "ct_state", 0, bit);
  const changed = matchField([], "ct_state", bit, bit);
  const [origDone, replyKept] = source ? [ctx.done.dst, !ctx.done.src] : [ctx.done.src, !ctx.done.dst];
  const pending = intersect(changed, matchField([], "ct_label", 0n, 1n << 127n))!;
  const known = intersect(changed, IS_CONFIRMED)!;
  const sure = [...(origDone ? of(0, changed) : of(0, pending)), ...(replyKept ? of(1, changed) : [])];
  const related = intersect(matchField([], "ct_state", CT.trk | CT.rel, CT.trk | CT.rel), changed)!;
  const unsure = [...(origDone ? [] : of(0, known)), ...(replyKept ? [] : of(1, changed)), related];
  const own = selector.includes("proto")
    ? `ct_tp_${source ? "dst" : "src"}`
    : `ct_${family === "ip" ? "nw" : "ipv6"}_${source ? "dst" : "src"}`;
  return { fields, sure, unsure, plain: { row: intersect(HAS_CONNECTION, plain)!, field: own } };
}

function replyAxes(selector: ReplySelector, values: readonly Value[], ctx: ConditionContext): readonly Axis[] | Opaque {
  const { fields, sure, plain } = replyPlaces(selector, ctx);
  const family = selector.includes("ip6") ? ETH_IPV6 : selector.includes("ip ") ? ETH_IPV4 : null;
  const out: Axis[] = [];
  const port = selector.includes("proto");
  const add = (needs: Match | null, name: string, constant?: bigint): string | null => {
    if (needs === null) return null;
    const at = slice(name);
    const ternaries: Ternary[] = [];
    for (const v of values) {
      if (constant !== undefined) {
        if (holds(v, constant)) ternaries.push({ value: 0n, mask: 0n });
      } else if (v.k === "range") ternaries.push(...prefixes(v.lo, least(v.hi, ones(at.n)), at.n));
      else if (v.k === "mask") ternaries.push({ value: v.value, mask: v.mask & ones(at.n) });
      else return `'${selector}' with a value of another kind`;
    }
    out.push({ slice: at, needs, ternaries });
    return null;
  };
  for (const row of [plain.row, ...sure]) {
    const reply = row.some((x) => (x.v & x.m & CT.rpl) !== 0 && x.w === CT_STATE_WORD);
    const name = row === plain.row ? plain.field : fields[reply ? 1 : 0];
    const faults: (string | null)[] = [];
    if (!port) faults.push(add(family === null ? row : intersect(row, matchField([], "eth_type", family)), name));
    else {
      // An ICMP error about a connection is of that connection's protocol.
      const proto = row === plain.row ? "ct_nw_proto" : "ip_proto";
      for (const p of NOT_ICMP) faults.push(add(intersect(row, matchField([], proto, p.value, p.mask)), name));
      // The tuple of an echo has its identifier as the one port, and type and code of the answer as the other.
      for (const [echo, type] of ECHO_ANSWERS) {
        const icmp = intersect(row, matchField([], proto, echo));
        faults.push(selector === "ct reply proto-src" ? add(icmp, "icmp_id") : add(icmp, "icmp_id", BigInt(type << 8)));
      }
    }
    const fault = faults.find((f) => f !== null);
    if (fault) return { why: fault, command: "" };
  }
  return out;
}

const ECHO_ANSWERS = [
  [1, 0],
  [58, 129],
] as const;
/** ip_proto but for ICMP's two. */
const NOT_ICMP: readonly Ternary[] = complement(
  ECHO_ANSWERS.map(([p]) => ({ value: BigInt(p), mask: 0xffn })),
  8,
  256,
)!;

function holds(v: Value, n: bigint): boolean {
  return v.k === "range" ? n >= v.lo && n <= v.hi : v.k === "mask" && (n & v.mask) === v.value;
}

/** Packets of which a row does not tell what this selector asks. */
export function unsureRows(selector: Selector, ctx: ConditionContext): Rows {
  return selector.startsWith("ct reply") ? replyPlaces(selector as ReplySelector, ctx).unsure : [];
}

/** Bits of a connection's status that a row tells. None of them is there without a connection, be it asked for or denied. */
function statusAxes(values: readonly Value[]): readonly Axis[] | Opaque {
  const bits: Ternary[] = [];
  const entered: Ternary[] = [];
  for (const v of values) {
    const name = v.k === "state" ? v.name : "?";
    // Expectations of helpers are not followed: no packet is of one.
    if (name === "expected") continue;
    const told = STATES.get(name);
    if (name === "confirmed") entered.push({ value: 1n, mask: 1n });
    else if (told) bits.push({ value: BigInt(told.value), mask: BigInt(told.mask) });
    else return { why: `connection status '${name}' is not translated`, command: "conntrack -L" };
  }
  const state = slice("ct_state", 0, 8);
  if (entered.length > 0 && bits.length > 0)
    // One of the bits is enough.
    return [
      { slice: state, needs: intersect(HAS_CONNECTION, IS_CONFIRMED)!, ternaries: [{ value: 0n, mask: 0n }] },
      { slice: state, needs: intersect(HAS_CONNECTION, matchField([], "ct_label", 0n, 1n << 127n))!, ternaries: bits },
    ];
  if (entered.length > 0) return [{ slice: CONFIRMED, needs: HAS_CONNECTION, ternaries: entered }];
  return [{ slice: state, needs: HAS_CONNECTION, ternaries: bits }];
}

const CT_STATE_WORD = field("ct_state").word;
const GROUP_BIT = 1n << 40n;

function packetType(v: Value): Ternary[] {
  const broadcast: Ternary = { value: ones(48), mask: ones(48) };
  const host: Ternary = { value: 0n, mask: GROUP_BIT };
  if (v.k !== "range") return [];
  if (v.lo === 0n) return [host];
  if (v.lo === 1n) return [broadcast];
  // Frames for others do not reach these hooks.
  if (v.lo === 3n) return [];
  return complement([host, broadcast], 48, ROW_LIMIT) ?? [];
}

/** Neither :: nor multicast. */
const UNICAST6: Interval = { lo: 1n, hi: (0xffn << 120n) - 1n };

function typeAxes(end: "src" | "dst", values: readonly Value[], ctx: ConditionContext): readonly Axis[] | Opaque {
  const families = ctx.family === "ip" ? ([4] as const) : ctx.family === "ip6" ? ([6] as const) : ([4, 6] as const);
  const axes: Axis[] = [];
  for (const family of families) {
    const at = slice(`${family === 4 ? "ip" : "ipv6"}_${end}`);
    const needs = matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6);
    const intervals: Interval[] = [];
    if (
      family === 6 &&
      ctx.table.source === "iptables" &&
      values.some((v) => v.k === "addrtype" && v.name !== "local") &&
      values.length > 1
    )
      return { why: "several IPv6 address types in one match", command: "ip -6 route show table local" };
    for (const v of values) {
      if (v.k !== "addrtype") return { why: "an address type that is not a name", command: "" };
      if (family === 6 && ctx.table.source === "iptables" && v.name === "unicast") {
        // Told by the address alone (match_type6, xt_addrtype.c): what is neither :: nor multicast.
        intervals.push(UNICAST6);
        continue;
      }
      if (v.iface !== undefined) return { why: "an address type narrowed to one interface together with other values", command: "ip addr" };
      const found = ctx.view.ofType(v.name, family);
      // A host without IPv6 in evidence has no IPv6 addresses worth a question.
      if (found === null && !(family === 6 && families.length === 2))
        return {
          why: `which addresses of ${ctx.view.host} are of type ${v.name} is not in evidence`,
          command: "ip addr; ip route show table local",
        };
      intervals.push(...(found ?? []));
    }
    axes.push({ slice: at, needs, ternaries: intervals.flatMap((i) => prefixes(i.lo, i.hi, at.n)) });
  }
  return axes;
}

/** `--dst-type LOCAL --limit-iface-in`, `fib daddr . iif type`: each interface with what the local table has of it. Null if the statement is no such match. */
export function limitedTypeRows(s: Extract<Statement, { s: "match" }>, ctx: ConditionContext): Rows | Opaque | null {
  const selector = s.selectors[0];
  if ((selector !== "fib saddr type" && selector !== "fib daddr type") || s.selectors.length !== 1 || !("tuples" in s.set)) return null;
  const values = s.set.tuples.map((t) => t[0]);
  const limited = values.find((v) => v.k === "addrtype" && v.iface !== undefined);
  if (limited?.k !== "addrtype") return null;
  if (ctx.view.ports === null) return { why: `the interfaces of ${ctx.view.host} are not in evidence`, command: "ip -d link" };
  const out: Match[] = [];
  for (const family of ctx.family === "ip" ? ([4] as const) : ctx.family === "ip6" ? ([6] as const) : ([4, 6] as const)) {
    const at = slice(`${family === 4 ? "ip" : "ipv6"}_${selector === "fib saddr type" ? "src" : "dst"}`);
    const needs = ctx.family === "inet" ? matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6) : [];
    for (const [name, number] of ctx.view.ports) {
      const intervals: Interval[] = [];
      for (const v of values) {
        if (v.k !== "addrtype") return { why: "an address type that is not a name", command: "" };
        const found =
          family === 6 && ctx.table.source === "iptables" && v.name === "unicast" ? [UNICAST6] : ctx.view.ofTypeOn(v.name, family, name);
        if (found === null) {
          if (family === 6 && ctx.family === "inet") continue;
          return { why: `address type ${v.name} narrowed to one interface`, command: "ip addr; ip route show table local" };
        }
        intervals.push(...found);
      }
      const here = matchField(needs, limited.iface === "in" ? "in_port" : "out_port", number);
      const rows = rowsOf([{ slice: at, needs: here, ternaries: joined(intervals).flatMap((i) => prefixes(i.lo, i.hi, at.n)) }], s.not);
      if (isOpaque(rows)) return rows;
      out.push(...rows);
    }
  }
  return out;
}

/** Packets of the host's own sockets, and all others. */
export const FROM_SOCKET: Match = matchField([], "reg15", 1);
export const FROM_ELSEWHERE: Match = matchField([], "reg15", 0);

/** Packets of a new connection whose destination was translated at this host just now. */
export const NEWLY_TRANSLATED: Match = matchField([], "ct_state", CT.trk | CT.new | CT.dnat, CT.trk | CT.new | CT.dnat);
