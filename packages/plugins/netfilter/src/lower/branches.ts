/**
 * What a rule ends with: verdicts, translations, REJECT, and the maps that decide among them.
 */
import { type Action, assertNever, type Match, matchField, slice } from "@plumbline/model";
import type { DataElement, MapKey, PortRange, Statement, Value, Verdict, VerdictElement } from "../ast.js";
import { both, EVERYTHING, isOpaque, NEWLY_TRANSLATED, type Opaque, tupleRows } from "./conditions.js";
import { type Alternative, type LookUp, notTranslated, type RuleContext, unknown } from "./context.js";
import { ETH_IPV4, ETH_IPV6 } from "./fields.js";
import { markActions } from "./marks.js";
import { netmapAction } from "./nat.js";
import type { BranchStatement } from "./parts.js";
import { rejectActions } from "./reject.js";

const FAMILY_ROW: Readonly<Record<4 | 6, Match>> = { 4: matchField([], "eth_type", ETH_IPV4), 6: matchField([], "eth_type", ETH_IPV6) };

function familiesOf(ctx: RuleContext, stated: "ip" | "ip6" | "" = ""): readonly (4 | 6)[] {
  const f = stated === "" ? ctx.family : stated;
  return f === "ip" ? [4] : f === "ip6" ? [6] : [4, 6];
}

/** The alternatives of a branching statement. */
export function branchAlternatives(b: BranchStatement, ctx: RuleContext): Alternative[] {
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
      return [{ rows: EVERYTHING, program: [netmapAction(b, type), ...ctx.translated, ...ctx.accept] }];
    }
    case "handed": {
      const taken = b.mark ? markActions("meta mark", b.mark, (...bit) => ctx.nat.xor(...bit)) : [];
      const note: Action = { op: "note", text: `'${b.how}' decides; both ways are followed` };
      const options = [[...taken, ...ctx.accept], [{ op: "drop", reason: `dropped by ${ctx.where}` } satisfies Action]];
      return [{ rows: EVERYTHING, program: [note, { op: "choose", how: b.how, weights: [1, 1], options }] }];
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
          if (b.dst === "meta mark") return [{ op: "set", dst: slice("pkt_mark"), value: v.lo }];
          return [
            { op: "set", dst: slice("ct_mark"), value: v.lo },
            { op: "call", table: ctx.nat.connectionMark() },
          ];
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
    { s: "nat", type: b.type, to: b.to, address, port, family: b.family, random: false },
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

/** A look-up in the map's own table; with a lottery a choice. */
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
  const found: LookUp[] = [];
  for (const e of elements) {
    const rows = e.key.length === 0 ? EVERYTHING : tupleRows(key.selectors, [e.key], false, ctx);
    if (isOpaque(rows)) {
      ctx.complain(rows.why, "Packets that match the rule end as unknown here.");
      return [{ rows: EVERYTHING, program: [unknown(rows, ctx)] }];
    }
    const note: Action = { op: "note", text: `element ${e.text} (line ${e.line})` };
    if (rows.length > 0) found.push({ rows, program: [note, ...actions(e)], text: e.text, otherwise: e.key.length === 0 });
  }
  return [{ rows: EVERYTHING, program: [ctx.lookup(found)] }];
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
