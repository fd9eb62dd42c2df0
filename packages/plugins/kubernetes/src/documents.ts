/**
 * Files of Kubernetes objects to single objects with the lines they begin on.
 *
 * YAML: one or several documents; JSON: one object, a List, or several one after another (`kubectl get -o json` a few
 * times into one file). A List is taken apart. What does not parse is a problem with its line and costs its document
 * only, where the rest can be told from it.
 */
import type { ReadContext } from "@plumbline/model";
import { isMap, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { list, type Tree, text, tree } from "./tree.js";

export interface KubernetesObject {
  readonly kind: string;
  /** "v1", "metallb.io/v1beta1". */
  readonly apiVersion: string;
  readonly body: Tree;
  /** First line, from 1. */
  readonly line: number;
}

const CUT = "The file may have been cut; collect it again. The objects that could be read are used.";

export function objectsOf(source: string, ctx: ReadContext): KubernetesObject[] {
  return /^\s*\{/.test(source) ? jsonObjects(source, ctx) : yamlObjects(source, ctx);
}

/** An object, or the items of a List. `lines`: where the items begin. */
function unfold(value: unknown, line: number, lines: readonly number[]): KubernetesObject[] {
  const body = tree(value);
  const kind = text(body["kind"]);
  if (Array.isArray(body["items"]) && (kind === "" || kind.endsWith("List"))) {
    return list(body["items"]).flatMap((item, i) => {
      const inner = tree(item);
      // `kubectl get --raw` and typed lists leave kind and version out of the items.
      const itemKind = text(inner["kind"]) || kind.replace(/List$/, "");
      return [{ kind: itemKind, apiVersion: text(inner["apiVersion"]) || text(body["apiVersion"]), body: inner, line: lines[i] ?? line }];
    });
  }
  return kind === "" ? [] : [{ kind, apiVersion: text(body["apiVersion"]), body, line }];
}

function yamlObjects(source: string, ctx: ReadContext): KubernetesObject[] {
  const counter = new LineCounter();
  const lineOf = (node: unknown) => {
    const range = (node as Node | null)?.range;
    return range ? counter.linePos(range[0]).line : 1;
  };
  const out: KubernetesObject[] = [];
  for (const doc of parseAllDocuments(source, { lineCounter: counter, logLevel: "silent" })) {
    const [error] = doc.errors;
    if (error) {
      ctx.problem("error", error.linePos?.[0].line ?? lineOf(doc.contents), `not YAML: ${error.message.split("\n")[0]}`, CUT);
      continue;
    }
    if (!isMap(doc.contents)) {
      if (doc.contents !== null) ctx.problem("warning", lineOf(doc.contents), "a YAML document that is no object");
      continue;
    }
    const items = doc.contents.get("items");
    out.push(...unfold(doc.toJS(), lineOf(doc.contents), isSeq(items) ? items.items.map(lineOf) : []));
  }
  return out;
}

function jsonObjects(source: string, ctx: ReadContext): KubernetesObject[] {
  const out: KubernetesObject[] = [];
  const lines = new LinesOf(source);
  for (const part of jsonParts(source)) {
    const line = lines.at(part.start);
    try {
      out.push(
        ...unfold(
          JSON.parse(source.slice(part.start, part.end)),
          line,
          part.items.map((i) => lines.at(i)),
        ),
      );
    } catch (e) {
      ctx.problem("error", line, `not JSON: ${(e as Error).message}`, CUT);
    }
  }
  return out;
}

/** Line numbers of ascending offsets, counted once over the text. */
class LinesOf {
  private line = 1;
  private offset = 0;
  constructor(private readonly source: string) {}
  at(offset: number): number {
    if (offset < this.offset) {
      this.line = 1;
      this.offset = 0;
    }
    for (let nl = this.source.indexOf("\n", this.offset); nl >= 0 && nl < offset; nl = this.source.indexOf("\n", nl + 1)) {
      this.line++;
      this.offset = nl + 1;
    }
    return this.line;
  }
}

interface JsonPart {
  start: number;
  end: number;
  /** Offsets of the elements of the top level's `items`. */
  items: number[];
}

/** Cuts a text into its top level objects and finds their items, by brackets and quotes alone. A cut text ends in a part that does not parse. */
function jsonParts(source: string): JsonPart[] {
  const parts: JsonPart[] = [];
  let part: JsonPart | undefined;
  let depth = 0;
  let inItems = false;
  let key = "";
  for (let i = 0; i < source.length; i++) {
    const c = source.charCodeAt(i);
    if (c === 0x22) {
      const from = ++i;
      while (i < source.length && source.charCodeAt(i) !== 0x22) i += source.charCodeAt(i) === 0x5c ? 2 : 1;
      if (depth === 1) key = source.slice(from, i);
    } else if (c === 0x7b || c === 0x5b) {
      if (depth === 0) {
        part = { start: i, end: source.length, items: [] };
        parts.push(part);
      } else if (depth === 1 && c === 0x5b) inItems = key === "items";
      else if (depth === 2 && inItems) part?.items.push(i);
      depth++;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
      if (depth === 1) inItems = false;
      if (depth === 0 && part) part.end = i + 1;
    }
  }
  return parts;
}
