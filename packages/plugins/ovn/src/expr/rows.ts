/**
 * Normalised expressions as masked rows (lib/expr.c of OVN, expr_to_matches).
 *
 * `ip4.src == {A, B} && ip4.dst == {C, D}` is four rows or, with OpenFlow's conjunctive match, four parts and a row that finds
 * them complete. {@link toMatches} does as ovn-controller does; {@link toRows} multiplies out as far as that stays small.
 */
import { type Chunk, type Conjunction, chunks, field, lowMask, type Match, type WordMatch } from "@plumbline/model";
import { type AndOr, type Comparison, type Expr, uniqueSymbol } from "./ast.js";
import type { PacketField } from "./fields.js";

const CONJ_ID = field("conj_id").word;

/** The number of a port or multicast group by name, undefined if there is none on the datapath. */
export type LookupPort = (name: string) => number | undefined;

/** One flow. With `conj` it is part of conjunctions and has no actions; `conjId` rows match on a conjunction's number. */
export interface FlowMatch {
  readonly match: Match;
  readonly conj: readonly Conjunction[];
  /** The number that a flow for complete conjunctions matches (`conj_id` is in `match` as well); 0 for others. */
  readonly conjId: number;
}

export interface FlowOptions {
  /** Number of the first conjunction. */
  readonly firstId?: number;
  /** Also what ovn-controller leaves out of its flows, {@link isLost}. */
  readonly whole?: boolean;
}

/**
 * Whether ovn-controller's flows do not match on a field though the expression asks for it. It always gives a mask, and Open vSwitch
 * (lib/meta-flow.c, mf_set) takes none that is not whole bytes for fields that OpenFlow cannot mask: ip.dscp and ip.ecn. The same
 * function makes packets of microflows, where ovn-trace 23.03 and 25.03 show the loss. Expressions evaluated as such do compare these fields.
 */
export function isLost(f: PacketField): boolean {
  return !f.maskable && f.bits % 8 !== 0;
}

/**
 * The flows of a normalised expression, as ovn-controller makes them. Flows with the same match become one; an ordinary one makes
 * the parts with its match superfluous.
 */
export function toMatches(e: Expr, lookupPort: LookupPort, options: FlowOptions = {}): FlowMatch[] {
  return new Flows(lookupPort, options.firstId ?? 1, !options.whole).of(e);
}

/**
 * Any-of rows without conjunctive parts, or undefined if there would be more than `limit` (then {@link toMatches} has the flows).
 * What no port name resolves to is no row.
 */
export function toRows(e: Expr, lookupPort: LookupPort, limit = 4096): Match[] | undefined {
  const out: Match[] = [];
  const terms = e.type === "or" && !uniqueSymbol(e) ? e.subs : [e];
  for (const t of terms) {
    let rows: Match[] = [[]];
    for (const f of t.type === "and" ? t.subs : [t]) {
      if (f.type === "boolean") {
        if (!f.value) rows = [];
        continue;
      }
      // Ports that are not there are no alternatives: of a group's ports a datapath has few.
      const cmps = ((f.type === "or" ? f.subs : [f]) as readonly Comparison[]).filter(
        (c) => c.symbol.width > 0 || lookupPort(c.text) !== undefined,
      );
      if (rows.length * cmps.length > limit) return undefined;
      rows = rows.flatMap((r) => cmps.map((c) => constrained(r, c, lookupPort)).filter((x) => x !== undefined));
    }
    out.push(...rows);
    if (out.length > limit) return undefined;
  }
  return out;
}

/** `row` where `c` holds as well; undefined if that is nowhere. */
function constrained(row: Match, c: Comparison, lookupPort: LookupPort): Match | undefined {
  const m = comparisonMatch(c, lookupPort);
  return m && (row.length === 0 ? m : merged(row, m));
}

/** Both rows, which ascend by word; undefined if they contradict. */
function merged(a: Match, b: Match): Match | undefined {
  const out: WordMatch[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i];
    const y = b[j];
    if (x && (!y || x.w < y.w)) {
      out.push(x);
      i++;
    } else if (y && (!x || y.w < x.w)) {
      out.push(y);
      j++;
    } else if (x && y) {
      if (((x.v ^ y.v) & x.m & y.m) !== 0) return undefined;
      out.push({ w: x.w, v: (x.v | y.v) >>> 0, m: (x.m | y.m) >>> 0 });
      i++;
      j++;
    }
  }
  return out;
}

/** Where a field's bits lie in a row, by ascending word. */
const PLACES = new WeakMap<PacketField, readonly Chunk[]>();
function placesOf(f: PacketField): readonly Chunk[] {
  let places = PLACES.get(f);
  if (!places) {
    places = chunks(f.slice).sort((a, b) => a.word - b.word);
    PLACES.set(f, places);
  }
  return places;
}

/** The row of one comparison for equality; undefined if it names a port that is not there. */
export function comparisonMatch(c: Comparison, lookupPort: LookupPort): Match | undefined {
  const { field } = c.symbol;
  if (!field) throw new Error(`${c.symbol.name} is no field of the packet`);
  const places = placesOf(field);
  if (c.symbol.width === 0) {
    const port = lookupPort(c.text);
    return port === undefined ? undefined : [{ w: places[0]!.word, v: port >>> 0, m: 0xffffffff }];
  }
  const out: WordMatch[] = [];
  for (const { word, shift, bits, at } of places) {
    const low = BigInt(lowMask(bits));
    const m = (Number((at === 0 ? c.mask : c.mask >> BigInt(at)) & low) << shift) >>> 0;
    if (m !== 0) out.push({ w: word, v: (Number((at === 0 ? c.value : c.value >> BigInt(at)) & low) << shift) >>> 0, m });
  }
  return out;
}

class Flows {
  private readonly flows = new Map<string, { match: Match; conj: Conjunction[]; conjId: number; whole: boolean }>();

  constructor(
    private readonly lookupPort: LookupPort,
    private nextId: number,
    private readonly lossy: boolean,
  ) {}

  of(e: Expr): FlowMatch[] {
    if (e.type === "boolean") {
      if (e.value) this.add([]);
    } else if (e.type === "or")
      for (const s of e.subs) {
        if (s.type === "and") this.conjunction(s);
        else this.disjunction([s as Comparison], []);
      }
    else if (e.type === "and") this.conjunction(e);
    else this.disjunction([e as Comparison], []);
    return [...this.flows.values()].map(({ match, conj, conjId }) => ({ match, conj, conjId }));
  }

  private constrained(match: Match, c: Comparison): Match | undefined {
    const lost = this.lossy && c.symbol.field && isLost(c.symbol.field);
    return lost ? match : constrained(match, c, this.lookupPort);
  }

  private conjunction(e: AndOr): void {
    let match: Match = [];
    const ors: (readonly Comparison[])[] = [];
    for (const s of e.subs) {
      if (s.type === "or") {
        ors.push(s.subs as readonly Comparison[]);
        continue;
      }
      const narrower = this.constrained(match, s as Comparison);
      if (!narrower) return;
      match = narrower;
    }
    if (ors.length === 0) this.add(match);
    else if (ors.length === 1) this.disjunction(ors[0]!, match);
    else {
      const id = this.nextId++;
      // An alternative none of whose ports is there completes never.
      for (const [i, or] of ors.entries()) if (!this.disjunction(or, match, { id, clause: i + 1, of: ors.length })) return;
      const whole = merged(match, [{ w: CONJ_ID, v: id, m: 0xffffffff }]);
      if (whole) this.add(whole, undefined, id);
    }
  }

  private disjunction(or: readonly Comparison[], match: Match, conj?: Conjunction): boolean {
    let any = false;
    for (const c of or) {
      const m = this.constrained(match, c);
      if (!m) continue;
      this.add(m, conj);
      any = true;
    }
    return any;
  }

  private add(match: Match, conj?: Conjunction, conjId = 0): void {
    const key = match.map((x) => `${x.w}:${x.v}/${x.m}`).join();
    const old = this.flows.get(key);
    if (!old) this.flows.set(key, { match, conj: conj ? [conj] : [], conjId, whole: !conj });
    else if (!conj || old.whole) {
      old.conj = [];
      old.whole = true;
    } else old.conj.push(conj);
  }
}
