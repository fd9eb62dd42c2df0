/**
 * One part of a rule as rows with programs.
 *
 * A part is one alternative, or several where the packet decides (map elements, address families, a translated
 * connection's REJECT): they become IR rules one behind the other, with the same origin and number.
 */
import { type Action, assertNever } from "@plumbline/model";
import type { Statement } from "../ast.js";
import { branchAlternatives } from "./branches.js";
import {
  both,
  EVERYTHING,
  FROM_ELSEWHERE,
  FROM_SOCKET,
  isOpaque,
  limitedTypeRows,
  matchRows,
  movingSet,
  needsOf,
  type Opaque,
  type Rows,
  unsureRows,
  WIDE,
} from "./conditions.js";
import { type Alternative, notTranslated, type RuleContext, unknown } from "./context.js";
import { HAS_CONNECTION, NO_CONNECTION, placeOf } from "./fields.js";
import { ipsetRows } from "./ipset.js";
import { markActions } from "./marks.js";
import { type EffectStatement, harmless, type Part } from "./parts.js";
import { routeAlternatives } from "./reverse.js";

function rowsOfMatch(m: Extract<Statement, { s: "match" | "ipset" }>, ctx: RuleContext): Rows | Opaque {
  let rows = ctx.known.get(m);
  if (!rows) ctx.known.set(m, (rows = m.s === "ipset" ? ipsetRows(m, ctx.ipsets, ctx) : (limitedTypeRows(m, ctx) ?? matchRows(m, ctx))));
  return rows;
}

/** Rows beyond which a set is asked in a table of its own: there a look-up finds it. */
const SET_ROWS = 64;

/**
 * Cuts a part: matches that would multiply to too many rows are asked one behind the other, large sets and sets of negated
 * concatenations in tables of their own.
 */
export function narrowParts(part: Part, ctx: RuleContext): Part[] {
  const out: Part[] = [];
  const sets: Part[] = [];
  let matches: Part["matches"] = [];
  let rows = 1;
  for (const m of part.matches) {
    if (m.s === "route" || (m.s === "match" && movingSet(m, ctx) === null && isLookUp(m, ctx))) {
      sets.push({ matches: [], effects: [], branch: null, incomplete: true, asks: m });
      continue;
    }
    const own = (m.s === "match" && movingSet(m, ctx) === null) || m.s === "ipset" ? rowsOfMatch(m, ctx) : EVERYTHING;
    const n = isOpaque(own) ? 1 : own.length;
    if (rows > 1 && n > 1 && rows * n > WIDE) {
      out.push({ matches, effects: [], branch: null, incomplete: true });
      matches = [];
      rows = 1;
    }
    matches.push(m);
    rows *= n;
  }
  if (sets.length === 0) out.push({ ...part, matches });
  else {
    // Chances are taken last: a throw of the dice is for packets that match.
    const drawn = (m: Part["matches"][number]) => m.s === "chance" || m.s === "outside" || m.s === "bridged";
    const chances = matches.filter(drawn);
    const others = matches.filter((m) => !drawn(m));
    if (others.length > 0) out.push({ matches: others, effects: [], branch: null, incomplete: true });
    out.push(...sets);
    out.push({ ...part, matches: chances });
  }
  return out;
}

function isLookUp(m: Extract<Statement, { s: "match" }>, ctx: RuleContext): boolean {
  const tuples = "tuples" in m.set ? m.set.tuples : ctx.table.sets.find((s) => s.name === (m.set as { name: string }).name)?.tuples;
  if (!tuples || tuples.some((t) => t.length === 0)) return false;
  return tuples.length > SET_ROWS || (m.not && m.selectors.length > 1 && tuples.length > 1);
}

/** A set in its own table: null if that cannot be told from the evidence. */
function setAlternatives(m: Extract<Statement, { s: "match" }>, ctx: RuleContext): Alternative[] | Opaque {
  const { leave, fail } = ctx;
  if (!leave || !fail) throw new Error("a set's part stands in tables of its own");
  const within = matchRows({ ...m, not: false }, ctx);
  if (isOpaque(within)) return within;
  const members = within.length > 0 ? [{ rows: within, program: [m.not ? fail : leave], text: "", otherwise: false }] : [];
  // What the selectors need holds of what is in the set and of what is not.
  return [{ rows: needsOf(m.selectors, ctx), program: [ctx.lookup(members, m.not ? leave : fail)] }];
}

/** What decides besides the rows: a draw, or something outside, of which both ways are followed. */
type Gate = Extract<Statement, { s: "chance" | "outside" }>;

/** The alternatives of a part. */
export function lowerPart(part: Part, ctx: RuleContext): Alternative[] {
  if (part.asks) {
    const found = part.asks.s === "route" ? routeAlternatives(part.asks, ctx) : setAlternatives(part.asks, ctx);
    if (!("why" in found)) return found;
    ctx.complain(found.why, "Packets that match the rest of the rule end as unknown here.");
    return [{ rows: EVERYTHING, program: [unknown(found, ctx)] }];
  }
  const asking = part.matches.findIndex((m) => m.s === "match" && m.selectors.some((x) => unsureRows(x, ctx).length > 0));
  const told = asking < 0 ? [] : unsure(part, asking, ctx);
  const of = part.matches.findIndex((m) => m.s === "outside" && m.local === true && m.elsewhere === true);
  if (of >= 0) {
    // Packets without a socket pass; for those of sockets it has to be followed both ways.
    const m = part.matches[of] as Extract<Statement, { s: "outside" }>;
    const others = part.matches.filter((_, i) => i !== of);
    const socket = lowerPart({ ...part, matches: [...others, { s: "outside", how: m.how, usual: m.usual, local: true }] }, ctx);
    const rest = lowerPart({ ...part, matches: others }, ctx).flatMap((a) => {
      const rows = both(a.rows, [FROM_ELSEWHERE]);
      return isOpaque(rows) ? [] : [{ ...a, rows }];
    });
    return [...socket, ...rest];
  }
  return [...told, ...sure(part, ctx)];
}

/** Packets of which the evidence does not tell whether the match at `index` holds, and the others do. */
function unsure(part: Part, index: number, ctx: RuleContext): Alternative[] {
  const m = part.matches[index] as Extract<Statement, { s: "match" }>;
  let rows: Rows | Opaque = m.selectors.flatMap((x) => unsureRows(x, ctx));
  for (const other of part.matches) {
    if (other === m || (other.s !== "match" && other.s !== "ipset")) continue;
    const r = rowsOfMatch(other, ctx);
    if (!isOpaque(r) && !isOpaque(rows)) rows = both(rows, r);
  }
  if (isOpaque(rows) || rows.length === 0) return [];
  const why = `'${m.selectors.join(" . ")}' of a translated connection is not told at this hook`;
  return [{ rows, program: [unknown({ why, command: "conntrack -L" }, ctx)] }];
}

/** The alternatives of a part whose matches are told by the packet. */
function sure(part: Part, ctx: RuleContext): Alternative[] {
  let rows: Rows = EVERYTHING;
  const gates: Gate[] = [];
  const unknowns: Opaque[] = [];
  for (const m of part.matches) {
    if (m.s === "chance") gates.push(m);
    else if (m.s === "outside") {
      gates.push(m);
      if (m.local) rows = narrowed(rows, [FROM_SOCKET], unknowns);
    } else if (m.s === "bridged") {
      if (ctx.view.bridges) gates.push({ s: "outside", how: m.how, usual: m.otherwise });
      else if (!m.otherwise) return [];
    } else if (m.s === "route") throw new Error("a question to the routes is a part of its own");
    else if (m.s === "opaque") unknowns.push(m);
    else if (m.s === "ipset" && ctx.ipsets.get(m.name)?.timeout)
      gates.push({ s: "outside", how: `membership in ipset ${m.name}, whose members leave by themselves`, usual: m.not });
    else if (m.s === "match" && movingSet(m, ctx) !== null)
      gates.push({
        s: "outside",
        how: `membership in set @${movingSet(m, ctx)}, whose elements come and go with the traffic`,
        usual: m.not,
      });
    else {
      const r = rowsOfMatch(m, ctx);
      if (isOpaque(r)) unknowns.push(r);
      else rows = narrowed(rows, r, unknowns);
    }
  }
  if (rows.length === 0) return [];
  if (ctx.last && harmless(part) && (gates.length > 0 || unknowns.length > 0)) {
    // Whether it is logged or counted does not matter to the packet.
    if (gates.some((g) => g.s === "outside" && !g.usual)) return [];
    const notes = part.effects.flatMap((e): Action[] => (e.s === "note" ? [{ op: "note", text: `perhaps ${e.text}` }] : []));
    return notes.length > 0 ? [{ rows, program: finish(notes, ctx) }] : [];
  }
  if (unknowns.length > 0) {
    const [first] = unknowns;
    // What the reader did not understand it has said already.
    for (const u of unknowns) if (!("s" in u)) ctx.complain(u.why, "Packets that match the rest of the rule end as unknown here.");
    return [{ rows, program: [unknown(first, ctx)] }];
  }
  if (part.effects.some(ofConnection)) {
    const withOne = narrowed(rows, [HAS_CONNECTION], unknowns);
    const without = narrowed(rows, NO_CONNECTION, unknowns);
    const out = withOne.length > 0 ? alternatives(withOne, gates, part, ctx) : [];
    if (without.length === 0) return out;
    const reads =
      ctx.table.source === "nft" ? part.effects.findIndex((e) => e.s === "mark" && e.value.terms.some((t) => t.from === "ct mark")) : -1;
    if (reads < 0) {
      // Without a connection CONNMARK and `ct mark set` do nothing.
      out.push(...alternatives(without, gates, { ...part, effects: part.effects.filter((e) => !ofConnection(e)) }, ctx));
      return out;
    }
    // Without a connection reading `ct mark` ends nft's rule; what stood before it has happened, and the rule is no hit.
    const before = part.effects.slice(0, reads).filter((e) => !ofConnection(e));
    if (before.length > 0)
      out.push(
        ...alternatives(without, gates, { matches: [], effects: before, branch: null }, { ...ctx, leave: ctx.fail }).map((a) => ({
          ...a,
          failed: true,
        })),
      );
    return out;
  }
  return alternatives(rows, gates, part, ctx);
}

/** True for an effect that needs the packet's connection. */
function ofConnection(e: EffectStatement): boolean {
  return e.s === "mark" && (e.dst === "ct mark" || e.value.terms.some((t) => t.from === "ct mark"));
}

/** A part's effects and branch for packets of these rows. */
function alternatives(rows: Rows, gates: readonly Gate[], part: Part, ctx: RuleContext): Alternative[] {
  const effects: Action[] = [];
  for (const e of part.effects) {
    const a = effectActions(e, ctx);
    effects.push(...a);
    if (a.some((x) => x.op === "unknown")) return [gated(rows, gates, effects, ctx)];
  }
  const branches = part.branch ? branchAlternatives(part.branch, ctx) : [{ rows: EVERYTHING, program: [] }];
  const out: Alternative[] = [];
  for (const b of branches) {
    const here = both(rows, b.rows);
    if (isOpaque(here)) {
      ctx.complain(here.why, "");
      return [{ rows, program: [unknown(here, ctx)] }];
    }
    if (here.length > 0) out.push(gated(here, gates, [...effects, ...b.program], ctx));
  }
  return out;
}

function narrowed(rows: Rows, by: Rows, unknowns: Opaque[]): Rows {
  const r = both(rows, by);
  if (!isOpaque(r)) return r;
  unknowns.push(r);
  return rows;
}

/** True if the walk of the chain does not go on behind this program. */
export function terminal(program: readonly Action[]): boolean {
  const last = program.at(-1);
  return last !== undefined && (last.op === "goto" || last.op === "return" || last.op === "drop" || (last.op === "unknown" && !last.go));
}

function finish(program: readonly Action[], ctx: RuleContext): Action[] {
  return ctx.leave && !terminal(program) ? [...program, ctx.leave] : [...program];
}

/** Puts a program behind the choices it depends on. */
function gated(rows: Rows, gates: readonly Gate[], program: readonly Action[], ctx: RuleContext): Alternative {
  let p = finish(program, ctx);
  // Passing is to be told from not passing where neither does anything (a connection's mark, of a packet without one).
  if (p.length === 0 && gates.length > 0) p = [{ op: "note", text: `passed by ${ctx.where}, without an effect` }];
  for (const g of [...gates].reverse()) {
    if (g.s === "outside")
      p = [
        { op: "note", text: `'${g.how}' depends on what is not in evidence; both ways are followed` },
        { op: "choose", how: g.how, weights: [1, 1], options: g.usual ? [p, []] : [[], p] },
      ];
    else if (g.share <= 0) p = [];
    else if (g.share < g.of) p = [{ op: "choose", how: g.how, weights: [g.share, g.of - g.share], options: [p, []] }];
  }
  return { rows, program: p };
}

function effectActions(e: EffectStatement, ctx: RuleContext): Action[] {
  switch (e.s) {
    case "note":
      return [{ op: "note", text: e.text }];
    case "notrack":
      return [{ op: "call", table: ctx.nat.untracked(null, ctx.table.source) }];
    case "zone":
      return [{ op: "call", table: ctx.nat.untracked(e.zone, ctx.table.source) }];
    case "ttl":
      return [{ op: "call", table: ctx.nat.ttl(e.add).id }];
    case "mark": {
      const program = markActions(e.dst, e.value, (...bit) => ctx.nat.xor(...bit));
      return e.dst === "ct mark" ? [...program, { op: "call", table: ctx.nat.connectionMark() }] : program;
    }
    case "set": {
      const place = placeOf(e.selector);
      if (!place) return [notTranslated(`setting '${e.selector}'`, ctx)];
      if (e.value.k === "range" && e.value.lo === e.value.hi) return [{ op: "set", dst: place.slice, value: e.value.lo }];
      if (e.value.k === "mask") {
        const out: Action[] = [];
        for (let i = 0; i < place.slice.n; i++) {
          const bit = 1n << BigInt(i);
          if (e.value.mask & bit)
            out.push({ op: "set", dst: { ...place.slice, ofs: place.slice.ofs + i, n: 1 }, value: e.value.value & bit ? 1n : 0n });
        }
        return out;
      }
      return [notTranslated(`setting '${e.selector}' to a range`, ctx)];
    }
    case "opaqueEffect":
      return [{ op: "unknown", why: `${ctx.where}: ${e.why}`, command: e.command || ctx.command, on: ctx.view.host }];
    default:
      return assertNever(e);
  }
}
