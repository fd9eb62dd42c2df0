/**
 * One part of a rule as rows with programs.
 *
 * A part is one alternative, or several where the packet decides (map elements, address families, a translated
 * connection's REJECT): they become IR rules one behind the other, with the same origin and number.
 */
import { type Action, assertNever, type Match, matchField, slice } from "@plumbline/model";
import type { BaseChain, DataElement, MapKey, PortRange, Statement, TableAst, Value, Verdict, VerdictElement } from "../ast.js";
import {
  both,
  type ConditionContext,
  EVERYTHING,
  FROM_SOCKET,
  isOpaque,
  limitedTypeRows,
  matchRows,
  NEWLY_TRANSLATED,
  type Opaque,
  type Rows,
  tupleRows,
} from "./conditions.js";
import { ETH_IPV4, ETH_IPV6, HAS_CONNECTION, NO_CONNECTION, NOTRACK, placeOf } from "./fields.js";
import type { HostView } from "./host.js";
import type { IpSets } from "./ipset.js";
import { ipsetRows } from "./ipset.js";
import { markActions } from "./marks.js";
import { type NatTables, netmapAlternatives } from "./nat.js";
import { type BranchStatement, type EffectStatement, harmless, type Part } from "./parts.js";
import { type RejectContext, rejectActions } from "./reject.js";

export interface Alternative {
  readonly rows: Rows;
  readonly program: readonly Action[];
}

/** What a rule needs of its surroundings. */
export interface RuleContext extends ConditionContext {
  readonly table: TableAst;
  readonly base: BaseChain;
  readonly view: HostView;
  readonly nat: NatTables;
  readonly reject: RejectContext;
  readonly ipsets: IpSets;
  /** What ACCEPT does. */
  readonly accept: readonly Action[];
  /** What a translation does behind itself: nothing, or the mark that keeps the hook's other nat chains from running. */
  readonly translated: readonly Action[];
  /** What RETURN does in this chain: the policy in a base chain. */
  readonly end: readonly Action[];
  /** The table of a user chain, null if it is not in evidence. */
  chain(name: string): number | null;
  /** True in a base chain: nobody waits for its end. */
  readonly isBase: boolean;
  /** Where the rule stands, for `unknown`: "filter FORWARD". */
  readonly where: string;
  /** Goes on with the chain behind this rule; null where falling through does that. */
  readonly leave: Action | null;
  /** Nothing of the rule stands behind this part. */
  readonly last: boolean;
  /** Something about the rule that is not translated. */
  complain(message: string, hint: string): void;
  /** A command that shows the rule's chain. */
  readonly command: string;
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
      const r = m.s === "ipset" ? ipsetRows(m, ctx.ipsets, ctx) : (limitedTypeRows(m, ctx) ?? matchRows(m, ctx));
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
    // Without a connection CONNMARK does nothing; nft's `ct mark set` does nothing either, and reading one ends its rule.
    const withOne = narrowed(rows, [HAS_CONNECTION], unknowns);
    const without = narrowed(rows, NO_CONNECTION, unknowns);
    const ends = ctx.table.source === "nft" && part.effects.some((e) => e.s === "mark" && e.dst === "meta mark" && ofConnection(e));
    const rest: Part = { matches: [], effects: part.effects.filter((e) => !ofConnection(e)), branch: ends ? null : part.branch };
    const goesOn = !ends || ctx.leave === null;
    return [
      ...(withOne.length > 0 ? alternatives(withOne, gates, part, ctx) : []),
      ...(without.length > 0 && goesOn ? alternatives(without, gates, rest, ctx) : []),
    ];
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
  // A map without the packet's key ends the rule; what stood before the map has happened.
  if (effects.length > 0 && part.branch && (part.branch.s === "vmap" || part.branch.s === "natMap" || part.branch.s === "markMap"))
    out.push(gated(rows, gates, effects, ctx));
  return out;
}

function narrowed(rows: Rows, by: Rows, unknowns: Opaque[]): Rows {
  const r = both(rows, by);
  if (!isOpaque(r)) return r;
  unknowns.push(r);
  return rows;
}

function unknown(o: Opaque, ctx: RuleContext): Action {
  return { op: "unknown", why: `${ctx.where}: ${o.why}`, command: o.command || ctx.command, on: ctx.view.host };
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
function gated(
  rows: Rows,
  gates: readonly Gate[],
  program: readonly Action[],
  ctx: RuleContext,
): Alternative {
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

function notTranslated(what: string, ctx: RuleContext): Action {
  ctx.complain(`${what} is not translated`, "Packets that match the rule end as unknown here.");
  return { op: "unknown", why: `${ctx.where}: ${what} is not translated`, command: ctx.command, on: ctx.view.host };
}

const FAMILY_ROW: Readonly<Record<4 | 6, Match>> = { 4: matchField([], "eth_type", ETH_IPV4), 6: matchField([], "eth_type", ETH_IPV6) };

function familiesOf(ctx: RuleContext, stated: "ip" | "ip6" | "" = ""): readonly (4 | 6)[] {
  const f = stated === "" ? ctx.family : stated;
  return f === "ip" ? [4] : f === "ip6" ? [6] : [4, 6];
}

function branchAlternatives(b: BranchStatement, ctx: RuleContext): Alternative[] {
  switch (b.s) {
    case "verdict":
      return [{ rows: EVERYTHING, program: verdictActions(b.verdict, ctx) }];
    case "reject": {
      const out: Alternative[] = [];
      for (const family of familiesOf(ctx)) {
        // Before the destination's translation nothing can have been translated.
        const late = ctx.base.hook !== "prerouting" || ctx.base.priority > -100;
        const undo = late ? rejectActions(b.with, family, true, ctx.reject) : null;
        const row = familiesOf(ctx).length > 1 ? [FAMILY_ROW[family]] : EVERYTHING;
        const rows = both(row, [NEWLY_TRANSLATED]);
        if (undo && !isOpaque(rows)) out.push({ rows, program: undo });
        const plain = rejectActions(b.with, family, false, ctx.reject);
        if (plain) out.push({ rows: row, program: plain });
      }
      return out;
    }
    case "nat": {
      const families = familiesOf(ctx, b.family);
      const program = [...ctx.nat.actions(b, ctx.base.hook, families), ...ctx.translated, ...ctx.accept];
      return [{ rows: families.length === 1 && ctx.family === "inet" ? [FAMILY_ROW[families[0]]] : EVERYTHING, program }];
    }
    case "netmap": {
      const type = ctx.base.hook === "prerouting" || ctx.base.hook === "output" ? "dst" : "src";
      const found = netmapAlternatives(b, type);
      if (!found) return [{ rows: EVERYTHING, program: [notTranslated(`a 1:1 mapping of a /${b.prefixLen}`, ctx)] }];
      return found.map((x) => ({ rows: x.rows, program: [...x.actions, ...ctx.translated, ...ctx.accept] }));
    }
    case "vmap":
      return mapAlternatives(
        b.key,
        "elements" in b.map ? b.map.elements : namedVerdicts(b.map.name, ctx),
        (e) => verdictActions(e.verdict, ctx),
        ctx,
      );
    case "natMap": {
      const families = familiesOf(ctx, b.family);
      const row = families.length === 1 && ctx.family === "inet" ? [FAMILY_ROW[families[0]]] : EVERYTHING;
      const elements = "elements" in b.map ? b.map.elements : namedData(b.map.name, ctx);
      return mapAlternatives(b.key, elements, (e) => natFromData(b, e.data, ctx), ctx).flatMap((x) => {
        const rows = both(row, x.rows);
        return isOpaque(rows) ? [{ rows: row, program: [unknown(rows, ctx)] }] : [{ rows, program: x.program }];
      });
    }
    case "markMap": {
      const elements = "elements" in b.map ? b.map.elements : namedData(b.map.name, ctx);
      return mapAlternatives(
        b.key,
        elements,
        (e) => {
          const v = e.data[0];
          if (v?.k !== "range") return [notTranslated("a mark from a map", ctx)];
          return [{ op: "set", dst: slice(b.dst === "meta mark" ? "pkt_mark" : "ct_mark"), value: v.lo }];
        },
        ctx,
      );
    }
    default:
      return assertNever(b);
  }
}

function natFromData(b: Extract<Statement, { s: "natMap" }>, data: readonly Value[], ctx: RuleContext): Action[] {
  let address: { lo: bigint; hi: bigint } | null = null;
  let port: PortRange | null = null;
  const fields = b.fields.length > 0 ? b.fields : (["address", "port"] as const).slice(0, data.length);
  for (let i = 0; i < fields.length; i++) {
    const v = data[i];
    if (v?.k !== "range") return [notTranslated("a translation from a map", ctx)];
    if (fields[i] === "address") address = { lo: v.lo, hi: v.hi };
    else port = { lo: Number(v.lo), hi: Number(v.hi) };
  }
  const nat = ctx.nat.actions(
    { s: "nat", type: b.type, to: "given", address, port, family: b.family, random: false },
    ctx.base.hook,
    familiesOf(ctx, b.family),
  );
  return [...nat, ...ctx.translated, ...ctx.accept];
}

function namedVerdicts(name: string, ctx: RuleContext): readonly VerdictElement[] | Opaque {
  const set = ctx.table.sets.find((s) => s.name === name);
  return set?.verdicts && set.unreadable === undefined ? set.verdicts : missingMap(name, set?.unreadable, ctx);
}
function namedData(name: string, ctx: RuleContext): readonly DataElement[] | Opaque {
  const set = ctx.table.sets.find((s) => s.name === name);
  return set?.data && set.unreadable === undefined ? set.data : missingMap(name, set?.unreadable, ctx);
}
function missingMap(name: string, why: string | undefined, ctx: RuleContext): Opaque {
  return {
    why: why === undefined ? `map @${name} is not in evidence` : `map @${name}: ${why}`,
    command: `nft list map ${ctx.family} ${ctx.table.name} ${name}`,
  };
}

/** One alternative an element; with a lottery one alternative that chooses. */
function mapAlternatives<E extends { readonly key: readonly Value[]; readonly text: string; readonly line: number }>(
  key: MapKey,
  elements: readonly E[] | Opaque,
  actions: (e: E) => Action[],
  ctx: RuleContext,
): Alternative[] {
  if ("why" in elements) {
    ctx.complain(elements.why, "Packets that match the rule end as unknown here.");
    return [{ rows: EVERYTHING, program: [unknown(elements, ctx)] }];
  }
  if ("lottery" in key) {
    const { how, modulus, offset } = key.lottery;
    const weights: number[] = [];
    const options: Action[][] = [];
    let left = modulus;
    for (const e of elements) {
      const v = e.key[0];
      if (v?.k !== "range") continue;
      const lo = Math.max(Number(v.lo), offset);
      const hi = Math.min(Number(v.hi), offset + modulus - 1);
      if (hi < lo) continue;
      weights.push(hi - lo + 1);
      options.push([{ op: "note", text: `element ${e.text}` }, ...actions(e)]);
      left -= hi - lo + 1;
    }
    if (left > 0) {
      weights.push(left);
      options.push([]);
    }
    return [{ rows: EVERYTHING, program: [{ op: "choose", how, weights, options }] }];
  }
  const out: Alternative[] = [];
  for (const e of elements) {
    const rows = e.key.length === 0 ? EVERYTHING : tupleRows(key.selectors, [e.key], false, ctx);
    if (isOpaque(rows)) {
      ctx.complain(rows.why, "Packets that match the rule end as unknown here.");
      return [{ rows: EVERYTHING, program: [unknown(rows, ctx)] }];
    }
    if (rows.length > 0) out.push({ rows, program: [{ op: "note", text: `element ${e.text} (line ${e.line})` }, ...actions(e)] });
  }
  return out;
}

function verdictActions(v: Verdict, ctx: RuleContext): Action[] {
  switch (v.v) {
    case "accept":
      return [...ctx.accept];
    case "drop":
      return [{ op: "drop", reason: `dropped by ${ctx.where}` }];
    case "return":
      return [...ctx.end];
    case "continue":
      return [];
    case "jump":
    case "goto": {
      const table = ctx.chain(v.chain);
      if (table === null) {
        ctx.complain(`chain ${v.chain} is not in evidence`, "Packets that match the rule end as unknown here.");
        return [{ op: "unknown", why: `${ctx.where}: chain ${v.chain} is not in evidence`, command: ctx.command, on: ctx.view.host }];
      }
      if (v.v === "jump") return [{ op: "call", table }];
      // A base chain's policy follows a chain that was gone to from it; elsewhere the caller of this chain goes on.
      return ctx.isBase ? [{ op: "call", table }, ...ctx.end] : [{ op: "goto", table }];
    }
  }
}
