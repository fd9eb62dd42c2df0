/**
 * `nft list ruleset`, with or without handles (`-a`), counters and `-s`.
 *
 * nft prints a statement a line; anonymous sets may run over several lines, and belong to the line they begin on. Blocks
 * nest at most three deep: table, then chain, set or map, then elements.
 *
 * Promise: a block that is not known (flowtable, ct helper, named counter) is passed over as a whole, for it decides
 * nothing by itself; a rule that is not understood stays as an opaque one with a problem that names its line.
 */
import type { BaseChain, ChainAst, Family, HookName, NamedSet, TableAst } from "../ast.js";
import type { Complain } from "./iptables.js";
import { Cursor, NotUnderstood, type Token, tokens } from "./nft-lex.js";
import { parseRule, targetOf } from "./nft-rule.js";
import { selectorList } from "./nft-selectors.js";
import { braced, dataElements, type RawElement, tuple, verdictElements } from "./nft-sets.js";
import { HOOK_NAMES, type Kind, kindOf, kindOfType, priority } from "./nft-values.js";

const FAMILIES: ReadonlySet<string> = new Set<Family>(["ip", "ip6", "inet", "arp", "bridge", "netdev"]);

interface Logical {
  /** Without handle and outer blanks. */
  readonly text: string;
  /** As printed, physical lines joined by a blank. */
  readonly raw: string;
  readonly line: number;
}

/** Braces that are open at the end of a line, strings left out. */
function depth(line: string): number {
  let n = 0;
  for (const t of tokens(line, 0)) if (!t.string) n += t.text === "{" ? 1 : t.text === "}" ? -1 : 0;
  return n;
}

const withoutHandle = (line: string) => line.replace(/\s*# handle \d+\s*$/, "").trim();

class Reader {
  private at = 0;
  private readonly lines: readonly string[];
  constructor(text: string) {
    this.lines = text.split("\n");
  }
  get done(): boolean {
    return this.at >= this.lines.length;
  }
  get line(): number {
    return this.at;
  }
  /** The next line, as it stands. */
  physical(): Logical {
    const raw = this.lines[this.at++].replace(/\r$/, "");
    return { text: withoutHandle(raw), raw, line: this.at };
  }
  /** Completes a line whose braces are open, unless it opens a block by ending in `{` and `block` is set. */
  complete(first: Logical): Logical {
    let open = depth(first.text);
    let { text, raw } = first;
    while (open > 0 && !this.done) {
      const more = this.physical();
      open += depth(more.text);
      text += `\n${more.text}`;
      raw += ` ${more.raw.trim()}`;
    }
    return { text, raw, line: first.line };
  }
  /** Passes over a block whose opening line was taken. */
  skipBlock(): void {
    for (let open = 1; open > 0 && !this.done; ) open += depth(this.physical().text);
  }
}

export function parseNftText(text: string, complain: Complain): TableAst[] | null {
  const reader = new Reader(text);
  const out: TableAst[] = [];
  let strange = 0;
  while (!reader.done) {
    const l = reader.physical();
    if (l.text === "" || l.text.startsWith("#")) continue;
    const m = /^table (\S+) (\S+) \{(?:\s*# handle \d+)?$/.exec(l.text);
    if (m && FAMILIES.has(m[1])) out.push(readTable(reader, m[1] as Family, m[2], l, complain));
    else {
      complain(strange++ === 0 ? "error" : "warning", l.line, `not a line of nft list ruleset: ${l.text.slice(0, 120)}`);
      if (l.text.endsWith("{")) reader.skipBlock();
    }
  }
  return strange > 0 && out.length === 0 ? null : out;
}

function readTable(reader: Reader, family: Family, name: string, head: Logical, complain: Complain): TableAst {
  const table: { -readonly [K in keyof TableAst]: TableAst[K] } = {
    family,
    name,
    chains: [],
    sets: [],
    source: "nft",
    line: head.line,
    variant: "",
    whole: true,
    cut: false,
    dormant: false,
  };
  let closed = false;
  while (!reader.done) {
    const l = reader.physical();
    if (l.text === "") continue;
    if (l.text === "}") {
      closed = true;
      break;
    }
    const block = /^(\S+) (?:(\S+) )?\{$/.exec(l.text.replace(/\s*# handle \d+$/, ""));
    if (block?.[1] === "chain" && block[2]) table.chains.push(readChain(reader, table, block[2], l, complain));
    else if ((block?.[1] === "set" || block?.[1] === "map") && block[2])
      table.sets.push(readSet(reader, block[2], block[1] === "map", l, complain));
    else if (l.text.endsWith("{")) reader.skipBlock();
    else if (/^flags\b/.test(l.text)) table.dormant = /\bdormant\b/.test(l.text);
    else if (!/^comment\b/.test(l.text)) complain("warning", l.line, `not understood in table ${family} ${name}: ${l.text}`);
  }
  if (!closed) {
    table.cut = true;
    complain(
      "error",
      reader.line,
      `the dump ends within table ${family} ${name}`,
      "Collect it again; rules behind this place are unknown.",
    );
  }
  return table;
}

function readChain(reader: Reader, table: TableAst, name: string, head: Logical, complain: Complain): ChainAst {
  const chain: ChainAst = { name, line: head.line, text: head.raw, base: null, rules: [] };
  while (!reader.done) {
    const first = reader.physical();
    if (first.text === "") continue;
    if (first.text === "}") break;
    if (/^type \S+ hook /.test(first.text)) {
      const base = baseChain(first.text);
      if (!base) complain("error", first.line, `the hook of chain ${name} is not understood: ${first.text}`, "The chain is not evaluated.");
      chain.base = base;
      chain.line = first.line;
      chain.text = first.raw;
      continue;
    }
    if (/^comment "/.test(first.text) && tokens(first.text, 0).length === 2) continue;
    if (/^devices? /.test(first.text)) continue;
    const l = reader.complete(first);
    const parsed = parseRule({
      list: tokens(l.text, l.line),
      command: `nft -a list chain ${table.family} ${table.name} ${name}`,
    });
    if (parsed.why !== null)
      complain("warning", l.line, `rule ${parsed.why}`, "Packets that match what stands before it end as unknown here.");
    chain.rules.push({ line: l.line, text: l.raw, target: targetOf(parsed.statements), statements: parsed.statements });
  }
  return chain;
}

/** `type nat hook prerouting priority dstnat; policy accept;`. */
function baseChain(text: string): BaseChain | null {
  const m = /^type (filter|nat|route) hook (\w+)(?: devices? .*?)? priority ([^;]+);(?: policy (accept|drop);?)?/.exec(text);
  const p = m ? priority(m[3]) : null;
  if (!m || p === null || !HOOK_NAMES.has(m[2])) return null;
  return { type: m[1] as BaseChain["type"], hook: m[2] as HookName, priority: p, policy: m[4] === "drop" ? "drop" : "accept" };
}

function readSet(reader: Reader, name: string, isMap: boolean, head: Logical, complain: Complain): NamedSet {
  let kinds: Kind[] | null = null;
  let dataKinds: Kind[] | "verdict" | null = null;
  let raw: RawElement[] = [];
  let dynamic = false;
  let unreadable: string | undefined;
  const fail = (line: number, why: string) => {
    unreadable ??= why;
    complain("warning", line, `${isMap ? "map" : "set"} ${name}: ${why}`, "What is asked of it becomes unknown.");
  };
  while (!reader.done) {
    const first = reader.physical();
    if (first.text === "") continue;
    if (first.text === "}") break;
    const l = reader.complete(first);
    const word = /^(\w[\w-]*)\b/.exec(l.text)?.[1];
    if (word === "type" || word === "typeof") {
      // In `a . b : c` the right side is a map's data; a `:` within an expression does not stand between blanks.
      const [left, right] = l.text.slice(word.length).split(" : ");
      kinds = word === "type" ? typeKinds(left) : expressionKinds(left, l.line);
      if (right !== undefined) {
        const data = right.replace(/^\s*interval /, "").trim();
        dataKinds = data === "verdict" ? "verdict" : word === "type" ? typeKinds(data) : expressionKinds(data, l.line);
        if (dataKinds === null) fail(l.line, `the type '${data}' is not known`);
      }
      if (kinds === null) fail(l.line, `the type '${left.trim()}' is not known`);
    } else if (word === "elements") {
      try {
        const c = new Cursor(tokens(l.text, l.line));
        c.expect("elements");
        c.expect("=");
        raw = braced(c);
      } catch (e) {
        if (!(e instanceof NotUnderstood)) throw e;
        fail(l.line, e.message);
      }
    } else if (word === "flags") dynamic = /\b(dynamic|timeout)\b/.test(l.text);
    else if (!["comment", "size", "timeout", "gc-interval", "policy", "counter", "auto-merge", "last"].includes(word ?? ""))
      fail(l.line, `'${l.text}' is not understood`);
  }
  const set: { -readonly [K in keyof NamedSet]: NamedSet[K] } = { name, line: head.line, tuples: [], dynamic };
  if (dynamic) unreadable ??= "its elements come and go with the traffic";
  if (kinds === null) unreadable ??= "its type is not in evidence";
  else {
    const read = elementsOf(raw, kinds, isMap, dataKinds);
    if (typeof read === "string") fail(head.line, read);
    else Object.assign(set, read);
  }
  if (unreadable !== undefined) set.unreadable = unreadable;
  return set;
}

/** Tuples of a set, or a map's elements as well; a string is what is wrong. */
export function elementsOf(
  raw: readonly RawElement[],
  kinds: readonly Kind[],
  isMap: boolean,
  data: readonly Kind[] | "verdict" | null,
): Pick<NamedSet, "tuples" | "verdicts" | "data"> | string {
  const tuples = [];
  for (const e of raw) {
    const t = tuple(e.key, kinds);
    if (typeof t === "string") return t;
    tuples.push(t);
  }
  if (!isMap) return { tuples };
  if (data === "verdict") {
    const verdicts = verdictElements(raw, kinds);
    return typeof verdicts === "string" ? verdicts : { tuples, verdicts };
  }
  const elements = dataElements(raw, kinds, data);
  return typeof elements === "string" ? elements : { tuples, data: elements };
}

function typeKinds(text: string): Kind[] | null {
  const kinds = text
    .trim()
    .split(" . ")
    .map((t) => kindOfType(t.trim()));
  return kinds.some((k) => k === null) ? null : (kinds as Kind[]);
}

function expressionKinds(text: string, line: number): Kind[] | null {
  const list: Token[] = tokens(text, line);
  try {
    const c = new Cursor(list);
    const s = selectorList(c);
    return s && c.done ? s.selectors.map(kindOf) : null;
  } catch (e) {
    if (e instanceof NotUnderstood) return null;
    throw e;
  }
}
