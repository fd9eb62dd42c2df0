/**
 * Masks secrets in a text, line by line, and keeps every line where it is: a rule's file and line stay true.
 *
 * Three ways to know a secret: its name (names.ts), its surroundings or form (patterns.ts), and the block that it stands in: a private
 * key between BEGIN and END, the `data` of a Kubernetes Secret, a YAML block scalar, the `value` below the `name` of an environment
 * variable. Of a masked value nothing is left, not even its length.
 *
 * Text is Latin-1 here, a character a byte: whatever the file's encoding, what is not masked stays as it was.
 */
import { isSecretName } from "./names.js";
import { GATE, PATTERNS } from "./patterns.js";
import { secretData } from "./secret-objects.js";

export const MASK = "<masked>";

/** A value that tells nothing: a switch, nothing at all, a variable, what was masked before. */
const TELLS_NOTHING = /^(?:|true|false|null|none|nil|~|undefined|\{\}|\[\]|<[^<>]*>|\*+|x{3,}|\$\{?[A-Za-z_]\w*\}?|\$\([A-Za-z_]\w*\))$/i;

/** In OVN's southbound RBAC_Permission `authorization` is the name of the column that says whose a row is, beside `insert_delete` (ovn-sb(5)). */
const isColumn = (value: string, around: string): boolean => /^[a-z_]{1,40}$/.test(value) && around.includes('"insert_delete"');

/** A key of YAML with what follows it on the line. */
const YAML = /^(\s*(?:- +)*)(["']?)([\w.$/-]{1,100})\2(\s*:)(\s+(.*)|)$/d;
/** `"key": "value"` of JSON; numbers too. */
const JSON_PAIR = /"([\w.$/ -]{1,100})"(\s*:\s*)(?:"((?:[^"\\]|\\.)*)"|(-?\d[\d.eE+-]*))/dg;
/** The same within a string of JSON: every quote has backslashes. */
const INNER_PAIR = /(?<!\\)(\\+)"([\w.$/ -]{1,100})\1"(\s*:\s*)\1"(.*?)(?<!\\)\1"/dg;
/** Without one of these in it, a line can neither hold a secret by its name nor change where we are. */
const NAMED = /pass|pw|secret|token|psk|credential|key|auth|communit|docker|kubeconfig|connection|kind|data|name|value|---/i;
/** `NAME=value`. */
const ASSIGNED = /(?<![\w.$-])([A-Za-z_][\w.-]{1,99})(:?=)("[^"]*"|'[^']*'|[^\s"',;&]+)/dg;
/** `--name=value`, `--name value`. */
const OPTION = /(?<![\w-])--([A-Za-z_][\w.-]{1,99})(=|\s+)("[^"]*"|'[^']*'|[^\s"',;&]+)/dg;

const BEGIN_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/;
const END_KEY = /-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/;

/** Lines that wait at most for the `kind` of the object whose data they are; beyond it they count as a Secret's. */
const MOST_HELD = 50_000;

export class Masker {
  /** Values that were masked. */
  masked = 0;
  private inKey = false;
  /** Lines deeper than this belong to a secret; -1: none. */
  private block = -1;
  /** Kind of the object at a depth, as far as it was told. */
  private kind = { depth: -1, secret: false };
  /** Depth of the `data:` whose values are secrets; -1: none. */
  private data = -1;
  /** `data:` stands before `kind:` where keys are sorted: its lines wait. */
  private held: { readonly depth: number; readonly lines: string[] } | undefined;
  /** The name of the variable whose `value` comes next. */
  private pending = "";

  /** @param out takes every line, in order, sooner or later. */
  constructor(private readonly out: (line: string) => void) {}

  /** A line without its end. */
  push(text: string): void {
    if (this.held) this.hold(text, this.held);
    else this.take(text);
  }

  /** There are no more lines. */
  end(): void {
    if (this.held) this.release(true);
  }

  private take(text: string): void {
    if (!this.inKey && this.block < 0) {
      const data = /^(\s*(?:- +)*)(["']?)(?:data|stringData)\2\s*:\s*\{?\s*$/.exec(text);
      if (data && !(this.kind.depth === data[1].length)) {
        this.held = { depth: data[1].length, lines: [text] };
        return;
      }
    }
    this.out(this.line(text));
  }

  private hold(text: string, held: { readonly depth: number; readonly lines: string[] }): void {
    const depth = text.search(/\S/);
    const kind = /^\s*(["']?)kind\1\s*:\s*["']?(\w+)/.exec(text);
    const sibling = depth === held.depth;
    if (sibling && kind) {
      this.release(kind[2] === "Secret");
      this.take(text);
      return;
    }
    // The object ends without having said what it is: then it was no Secret. A line of its end, in JSON, has its closing brace.
    const over = (depth >= 0 && depth < held.depth) || (sibling && /^\s*-/.test(text)) || /^(?:---|\.\.\.)/.test(text);
    if (over) {
      this.release(false);
      this.take(text);
      return;
    }
    held.lines.push(text);
    if (held.lines.length >= MOST_HELD) this.release(true);
  }

  private release(secret: boolean): void {
    const { depth, lines } = this.held!;
    this.held = undefined;
    this.kind = { depth, secret };
    for (const line of lines) this.out(this.line(line));
  }

  private line(text: string): string {
    if (this.inKey) return this.keyLine(text);
    if (BEGIN_KEY.test(text) && !END_KEY.test(text) && !/-----BEGIN.*\\n/.test(text)) {
      this.inKey = true;
      this.masked++;
      return text.replace(/(PRIVATE KEY(?: BLOCK)?-----).*$/, "$1");
    }
    const depth = text.search(/\S/);
    if (this.block >= 0) {
      if (depth < 0) return text;
      if (depth > this.block) return text.slice(0, depth) + MASK;
      this.block = -1;
    }
    if (this.data < 0 && this.kind.depth < 0 && !NAMED.test(text)) return this.patterns(text);
    return this.patterns(this.assignments(this.jsonPairs(this.secretObjects(this.yaml(text, depth)))));
  }

  private keyLine(text: string): string {
    const end = END_KEY.exec(text);
    if (end) this.inKey = false;
    const indent = /^\s*/.exec(text)![0];
    return end ? `${indent}${text.slice(end.index)}` : indent + MASK;
  }

  private yaml(text: string, depth: number): string {
    if (/^(?:---|\.\.\.)/.test(text)) this.leaveObject();
    if (depth >= 0 && (depth < this.kind.depth || (depth <= this.kind.depth && /^\s*- /.test(text)))) this.leaveObject();
    if (this.data >= 0 && depth >= 0 && depth <= this.data) this.data = -1;
    const m = YAML.exec(text);
    if (!m) return text;
    const [, lead, , key, , , rest = ""] = m;
    const at = lead.length;
    const value = rest.trim().replace(/,$/, "");
    if (key === "kind" && (this.kind.depth < 0 || at <= this.kind.depth)) {
      this.kind = { depth: at, secret: /^["']?Secret["']?$/.test(value) };
    } else if ((key === "data" || key === "stringData") && /^\{?$/.test(value) && this.kind.secret && at === this.kind.depth)
      this.data = at;
    const inData = this.data >= 0 && at > this.data;
    const isValue = key === "value" && isSecretName(this.pending);
    if (key === "name") this.pending = value.replace(/^["']|["']$/g, "");
    else if (key !== "value") this.pending = "";
    const applied = key.endsWith("/last-applied-configuration") && /kind\\*"\s*:\s*\\*"Secret\\*"/.test(value);
    if (!(inData || isValue || applied || isSecretName(key)) || value === "") return text;
    if (/^[|>][0-9+-]*$/.test(value)) {
      this.block = at;
      this.masked++;
      return text;
    }
    // A list, an object or a reference is no value; what is in it stands on its own.
    if (/^[[{&*!]/.test(value)) return text;
    if (TELLS_NOTHING.test(value.replace(/^(["'])(.*)\1$/, "$2"))) return text;
    this.masked++;
    const [from] = m.indices![6]!;
    const quote = /^["']/.exec(value)?.[0] ?? "";
    return `${text.slice(0, from)}${quote}${MASK}${quote}${rest.trimEnd().endsWith(",") ? "," : ""}`;
  }

  private leaveObject(): void {
    this.kind = { depth: -1, secret: false };
    this.data = -1;
    this.pending = "";
  }

  /** Secrets of Kubernetes in JSON on one line. */
  private secretObjects(text: string): string {
    if (!/"kind"\s*:\s*"Secret(?:List)?"/.test(text)) return text;
    let out = "";
    let at = 0;
    for (const [from, to] of secretData(text)) {
      if (TELLS_NOTHING.test(text.slice(from, to))) continue;
      out += text.slice(at, from) + MASK;
      at = to;
      this.masked++;
    }
    return out + text.slice(at);
  }

  private jsonPairs(text: string): string {
    if (!text.includes('"')) return text;
    let name = this.pending;
    const outer = replaceGroups(text, JSON_PAIR, (m) => {
      const [, key, , string, number] = m;
      const value = string ?? number;
      const isValue = key === "value" && isSecretName(name);
      if (key === "name") name = string ?? "";
      const applied = key.endsWith("/last-applied-configuration") && /kind\\+"\s*:\s*\\+"Secret\\+"/.test(value);
      if (!(isValue || applied || isSecretName(key)) || TELLS_NOTHING.test(value)) return null;
      if (key === "authorization" && isColumn(value, text)) return null;
      this.masked++;
      return { group: string === undefined ? 4 : 3, by: string === undefined ? "0" : MASK };
    });
    if (!outer.includes('\\"')) return outer;
    return replaceGroups(outer, INNER_PAIR, (m) => {
      const [, , key, , value] = m;
      if (!isSecretName(key) || TELLS_NOTHING.test(value)) return null;
      this.masked++;
      return { group: 4, by: MASK };
    });
  }

  private assignments(text: string): string {
    const option = text.includes("--") ? this.named(text, OPTION) : text;
    return option.includes("=") ? this.named(option, ASSIGNED) : option;
  }

  private named(text: string, re: RegExp): string {
    return replaceGroups(text, re, (m) => {
      const [, name, , value] = m;
      const bare = value.replace(/^(["'])(.*)\1$/, "$2");
      if (!isSecretName(name) || TELLS_NOTHING.test(bare) || bare.startsWith("-")) return null;
      this.masked++;
      return { group: 3, by: MASK };
    });
  }

  private patterns(text: string): string {
    if (!GATE.test(text)) return text;
    let lower = "";
    let out = text;
    for (const p of PATTERNS) {
      lower ||= out.toLowerCase();
      if (!p.has.some((x) => lower.includes(x))) continue;
      const before = out;
      out = replaceGroups(out, p.re, (m) => {
        const value = m.groups!.s;
        if (TELLS_NOTHING.test(value.replace(/^"(.*)"$/, "$1"))) return null;
        this.masked++;
        return { group: "s", by: MASK };
      });
      if (out !== before) lower = "";
    }
    return out;
  }
}

/** Replaces a group of each match; null leaves it. */
function replaceGroups(
  text: string,
  re: RegExp,
  by: (m: RegExpExecArray) => { readonly group: number | string; readonly by: string } | null,
): string {
  let out = "";
  let at = 0;
  re.lastIndex = 0;
  for (let m = re.exec(text); m; m = re.exec(text)) {
    if (m[0] === "") re.lastIndex++;
    const replace = by(m);
    if (!replace) continue;
    const span = typeof replace.group === "string" ? m.indices!.groups![replace.group] : m.indices![replace.group];
    if (!span || span[0] < at) continue;
    out += text.slice(at, span[0]) + replace.by;
    at = span[1];
  }
  return at === 0 ? text : out + text.slice(at);
}
