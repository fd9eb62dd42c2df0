/**
 * What stands behind selectors: comparisons, sets, masks, flags, verdict maps.
 */
import type { Statement, Value } from "../ast.js";
import { type Cursor, NotUnderstood } from "./nft-lex.js";
import type { SelectorList } from "./nft-selectors.js";
import { braced, tuple, verdictElements } from "./nft-sets.js";
import { type Kind, kindOf, maskOf, typedValue } from "./nft-values.js";
import { exact, masked, number, range, tcpFlags } from "./values.js";

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "!"];

/** The statements of one match, its selectors taken already. */
export function matchStatement(c: Cursor, list: SelectorList): Statement[] {
  const { selectors } = list;
  if (c.take("vmap")) {
    if (c.peek().startsWith("@")) return [{ s: "vmap", key: { selectors }, map: { name: c.next().text.slice(1) } }];
    const elements = verdictElements(braced(c), selectors.map(kindOf));
    if (typeof elements === "string") throw new NotUnderstood(elements);
    return [{ s: "vmap", key: { selectors }, map: { elements } }];
  }
  const kind = kindOf(selectors[0]);
  const apart = selectors.length === 1 && kind === "status" ? statusOfTime(c) : null;
  if (apart) return [apart];
  if (selectors.length === 1 && (c.peek() === "&" || c.peek() === "and")) return [maskedMatch(c, list, kind)];
  const op = c.take(...COMPARISONS);
  const not = op === "!=" || op === "!";
  if (c.peek().startsWith("@")) return [{ s: "match", selectors, not, set: { name: c.next().text.slice(1) } }];
  if (c.peek() === "{") {
    const tuples = braced(c).map((e) => {
      const t = tuple(e.key, selectors.map(kindOf));
      if (typeof t === "string") throw new NotUnderstood(t);
      return withInterface(t, list);
    });
    return [{ s: "match", selectors, not, set: { tuples } }];
  }
  if (selectors.length > 1) {
    const parts: string[] = [c.next().text];
    while (c.take(".")) parts.push(c.next().text);
    const t = tuple(parts, selectors.map(kindOf));
    if (typeof t === "string") throw new NotUnderstood(t);
    return [{ s: "match", selectors, not, set: { tuples: [t] } }];
  }
  if (kind === "tcpflags") return [flagsMatch(c, list, op)];
  const exactly = (kind === "state" || kind === "status") && (op === "==" || op === "!=") ? combined(c) : null;
  if (exactly !== null) {
    // Compared as one number, of which a packet's state has one bit only: no packet has several.
    if (kind === "status") throw new NotUnderstood(`'ct status ${op}'`);
    const values = exactly.map((name) => typedValue(kind, name));
    if (values.some((v) => v === null)) throw new NotUnderstood(`the value '${exactly.join(" | ")}' of '${selectors[0]}'`);
    if (exactly.length > 1) return op === "!=" ? [] : [{ s: "match", selectors, not: false, set: { tuples: [] } }];
    return [{ s: "match", selectors, not, set: { tuples: values.map((v) => [v!]) } }];
  }
  if (op === "<" || op === "<=" || op === ">" || op === ">=") {
    const v = typedValue(kind, c.next().text);
    if (v?.k !== "range") throw new NotUnderstood(`the value behind '${op}'`);
    const far = (1n << 128n) - 1n;
    const values: Value[] =
      op === "<"
        ? v.lo === 0n
          ? []
          : [range(0n, v.lo - 1n)]
        : op === "<="
          ? [range(0n, v.lo)]
          : op === ">"
            ? [range(v.lo + 1n, far)]
            : [range(v.lo, far)];
    return [{ s: "match", selectors, not: false, set: { tuples: values.map((x) => [x]) } }];
  }
  const values: Value[] = [];
  do {
    const text = c.next().text;
    const v = typedValue(kind, text);
    if (!v) throw new NotUnderstood(`the value '${text}' of '${selectors[0]}'`);
    values.push(v);
  } while (c.take(","));
  return [{ s: "match", selectors, not, set: { tuples: values.map((v) => withInterface([v], list)) } }];
}

/** Names joined by `|` (or, as some releases print the same, by `,`), perhaps in parentheses: JSON nests them two by two. */
function combined(c: Cursor): string[] {
  const names: string[] = [];
  do {
    if (c.take("(")) {
      names.push(...combined(c));
      c.expect(")");
    } else names.push(c.next().text);
  } while (c.take("|", ","));
  return names;
}

/** When a connection becomes assured is a matter of time, too; null, and the cursor where it was, if nothing of that kind is asked. */
function statusOfTime(c: Cursor): Statement | null {
  const start = c.position;
  const op = c.take(...COMPARISONS);
  const names: string[] = [];
  if (c.peek() === "{") names.push(...braced(c).flatMap((e) => e.key));
  else
    do names.push(c.next().text);
    while (c.take(",", "|"));
  if (names.some((n) => STATUS_OF_TIME.has(n)))
    return { s: "outside", usual: op === "!=" || op === "!", how: `ct status ${op ? `${op} ` : ""}${names.join(",")}` };
  c.seek(start);
  return null;
}
const STATUS_OF_TIME = new Set([
  "assured",
  "dying",
  "fixed-timeout",
  "src-nat-done",
  "dst-nat-done",
  "seq-adjust",
  "template",
  "helper",
  "offload",
  "hw-offload",
]);

function withInterface(t: readonly Value[], list: SelectorList): readonly Value[] {
  const { iface } = list;
  return iface === undefined ? t : t.map((v) => (v.k === "addrtype" ? { ...v, iface } : v));
}

/** Flag names joined by `,` or `|`, perhaps in parentheses. */
function flagNames(c: Cursor): bigint {
  const open = c.take("(");
  const names: string[] = [];
  do names.push(c.next().text);
  while (c.take(",", "|"));
  if (open) c.expect(")");
  const v = tcpFlags(names.join(","));
  if (v === null) throw new NotUnderstood(`TCP flags '${names.join(",")}'`);
  return BigInt(v);
}

/** `tcp flags syn` (any of), `tcp flags == syn`, `tcp flags syn / fin,syn,rst,ack`, `tcp flags ! rst`. */
function flagsMatch(c: Cursor, list: SelectorList, op: string | null): Statement {
  const { selectors } = list;
  const flags = flagNames(c);
  if (c.take("/")) return { s: "match", selectors, not: op === "!=", set: { tuples: [[masked(flags, flagNames(c))]] } };
  if (op === "==" || op === "!=") return { s: "match", selectors, not: op === "!=", set: { tuples: [[exact(flags)]] } };
  return { s: "match", selectors, not: op !== "!", set: { tuples: [[masked(0n, flags)]] } };
}

/** `meta mark & 0xff == 0x1`, `tcp flags & (fin | syn) != 0`, `ct mark & 0x1 != 0`. */
function maskedMatch(c: Cursor, list: SelectorList, kind: Kind): Statement {
  const { selectors } = list;
  c.next();
  if (kind === "state" || kind === "status") throw new NotUnderstood(`'${selectors[0]} &'`);
  const mask = kind === "tcpflags" ? flagNames(c) : maskOf(kind, c.next().text);
  if (mask === null) throw new NotUnderstood(`the mask of '${selectors[0]}'`);
  const op = c.take("==", "!=");
  const value = c.peek() === "{" ? null : kind === "tcpflags" && number(c.peek()) === null ? flagNames(c) : maskOf(kind, c.next().text);
  if (value === null) throw new NotUnderstood(`the value behind the mask of '${selectors[0]}'`);
  // A bit outside the mask can never come up.
  const tuples = (value & ~mask) === 0n ? [[masked(value, mask)]] : [];
  return { s: "match", selectors, not: op === "!=", set: { tuples } };
}
