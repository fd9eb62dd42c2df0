/**
 * One part of a rule as rows with programs.
 *
 * A part is one alternative, or several where the packet decides (map elements, address families, a translated
 * connection's REJECT): they become IR rules one behind the other, with the same origin and number.
 */
import { type Action, assertNever, slice } from "@plumbline/model";
import type { Statement } from "../ast.js";
import { branchAlternatives } from "./branches.js";
import { both, EVERYTHING, FROM_SOCKET, isOpaque, limitedTypeRows, matchRows, type Opaque, type Rows, WIDE } from "./conditions.js";
import { type Alternative, notTranslated, type RuleContext, unknown } from "./context.js";
import { HAS_CONNECTION, NO_CONNECTION, NOTRACK, placeOf } from "./fields.js";
import { ipsetRows } from "./ipset.js";
import { markActions } from "./marks.js";
import { type EffectStatement, harmless, type Part } from "./parts.js";

function rowsOfMatch(m: Extract<Statement, { s: "match" | "ipset" }>, ctx: RuleContext): Rows | Opaque {
  return m.s === "ipset" ? ipsetRows(m, ctx.ipsets, ctx) : (limitedTypeRows(m, ctx) ?? matchRows(m, ctx));
}

/** Cuts a part whose matches would multiply to too many rows: what is cut off is asked in a table of its own. */
export function narrowParts(part: Part, ctx: RuleContext): Part[] {
  const out: Part[] = [];
  let matches: Part["matches"] = [];
  let rows = 1;
  for (const m of part.matches) {
    const own = m.s === "match" || m.s === "ipset" ? rowsOfMatch(m, ctx) : EVERYTHING;
    const n = isOpaque(own) ? 1 : own.length;
    if (rows > 1 && n > 1 && rows * n > WIDE) {
      out.push({ matches, effects: [], branch: null, incomplete: true });
      matches = [];
      rows = 1;
    }
    matches.push(m);
    rows *= n;
  }
  out.push({ ...part, matches });
  return out;
}

type Gate = Extract<Statement, { s: "chance" | "outside" }>;

/** The alternatives of a part. */
export function lowerPart(part: Part, ctx: RuleContext): Alternative[] {
  let rows: Rows = EVERYTHING;
  const gates: Gate[] = [];
  const unknowns: Opaque[] = [];
  for (const m of part.matches) {
    if (m.s === "chance") gates.push(m);
    else if (m.s === "outside") {
      gates.push(m);
      if (m.local) rows = narrowed(rows, [FROM_SOCKET], unknowns);
    } else if (m.s === "opaque") unknowns.push(m);
    else {
      const r = rowsOfMatch(m, ctx);
      if (isOpaque(r)) unknowns.push(r);
      else rows = narrowed(rows, r, unknowns);
    }
  }
  if (rows.length === 0) return [];
  if (ctx.last && harmless(part) && (gates.length > 0 || unknowns.length > 0)) {
    // Whether it is logged or counted does not matter to the packet.
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
      ctx.table.source === "nft" ? part.effects.findIndex((e) => e.s === "mark" && e.dst === "meta mark" && ofConnection(e)) : -1;
    if (reads < 0) {
      // Without a connection CONNMARK and `ct mark set` do nothing.
      out.push(...alternatives(without, gates, { ...part, effects: part.effects.filter((e) => !ofConnection(e)) }, ctx));
      return out;
    }
    // Without a connection nft's `meta mark set ct mark` ends its rule; what stood before it has happened.
    const before = part.effects.slice(0, reads).filter((e) => !ofConnection(e));
    if (before.length > 0)
      out.push(...alternatives(without, gates, { matches: [], effects: before, branch: null }, { ...ctx, leave: null }));
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
function terminal(program: readonly Action[]): boolean {
  const last = program.at(-1);
  return last !== undefined && (last.op === "goto" || last.op === "return" || last.op === "drop" || (last.op === "unknown" && !last.go));
}

function finish(program: readonly Action[], ctx: RuleContext): Action[] {
  return ctx.leave && !terminal(program) ? [...program, ctx.leave] : [...program];
}

/** Puts a program behind the choices it depends on. */
function gated(rows: Rows, gates: readonly Gate[], program: readonly Action[], ctx: RuleContext): Alternative {
  let p = finish(program, ctx);
  for (const g of [...gates].reverse()) {
    if (g.s === "outside")
      p = [
        { op: "note", text: `'${g.how}' depends on what is not in evidence; both ways are followed` },
        { op: "choose", how: g.how, weights: [1, 1], options: [p, []] },
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
      return [
        { op: "set", dst: slice("ct_state"), value: 0n },
        { op: "set", dst: NOTRACK, value: 1n },
      ];
    case "mark": {
      const a = markActions(e.dst, e.value);
      return a ?? [notTranslated(`the exclusive-or of two values in ${e.dst}`, ctx)];
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
