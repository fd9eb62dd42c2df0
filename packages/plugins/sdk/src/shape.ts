/**
 * Shapes of facts: what a plugin says its data look like, and whether they do.
 *
 * Promise: data that pass are plain (no functions, no classes, no cycles), so that they can cross to another thread and be written
 * as text. Cost: linear in the data.
 */
import type { Fact, Plugin, Shape } from "@plumbline/model";
import { SHARED_FACTS } from "./shared-facts.js";

/** Deeper data than this are taken for cyclic. */
const DEPTH = 32;

/** What is wrong with data of a kind, with the way to it ("nexthops[1].via: a string is expected, 7 was found"); "" if nothing is. */
export function factFault(kind: string, data: unknown, own: Plugin["facts"]): string {
  const shape = [own, SHARED_FACTS].find((shapes) => shapes && Object.hasOwn(shapes, kind))?.[kind];
  if (shape === undefined)
    return `kind '${kind}' is declared nowhere: name it and its shape in the plugin's 'facts', or use a kind of @plumbline/model`;
  return valueFault(data, shape, "", 0);
}

/** {@link factFault} of a whole fact, with its origin. */
export function wholeFactFault(fact: Fact, own: Plugin["facts"]): string {
  if (typeof fact.kind !== "string" || typeof fact.host !== "string") return "a fact has a kind and a host";
  const { file, line, text } = fact.origin;
  if (typeof file !== "string" || typeof text !== "string" || !Number.isInteger(line) || line < 0)
    return `${fact.kind}: an origin has a file, a line (0 for the whole file) and a text`;
  const wrong = factFault(fact.kind, fact.data, own);
  return wrong === "" ? "" : `${fact.kind}: ${wrong}`;
}

function shown(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What is wrong with a value that should have a shape, "" if nothing is. `at` is the way to it. */
export function valueFault(value: unknown, shape: Shape, at = "", depth = 0): string {
  const expected = (what: string) => `${at === "" ? "the data" : at}: ${what} is expected, ${shown(value)} was found`;
  if (depth > DEPTH) return `${at}: nested too deep`;
  if (typeof shape === "string") {
    switch (shape) {
      case "string":
        return typeof value === "string" ? "" : expected("a text");
      case "number":
        return typeof value === "number" && !Number.isNaN(value) ? "" : expected("a number");
      case "integer":
        return Number.isInteger(value) ? "" : expected("a whole number");
      case "boolean":
        return typeof value === "boolean" ? "" : expected("true or false");
      case "bigint":
        return typeof value === "bigint" ? "" : expected("a bigint");
      case "any":
        return plainFault(value, at, depth);
    }
  }
  if ("oneOf" in shape)
    return typeof value === "string" && shape.oneOf.includes(value)
      ? ""
      : expected(`one of ${shape.oneOf.map((x) => `'${x}'`).join(", ")}`);
  if ("listOf" in shape) {
    if (!Array.isArray(value)) return expected("a list");
    for (const [i, x] of value.entries()) {
      const wrong = valueFault(x, shape.listOf, `${at}[${i}]`, depth + 1);
      if (wrong !== "") return wrong;
    }
    return "";
  }
  if (!isRecord(value)) return expected("an object");
  const inside = (name: string) => (at === "" ? name : `${at}.${name}`);
  if ("mapOf" in shape) {
    for (const [name, x] of Object.entries(value)) {
      const wrong = valueFault(x, shape.mapOf, inside(name), depth + 1);
      if (wrong !== "") return wrong;
    }
    return "";
  }
  const known = new Set<string>();
  for (const [written, inner] of Object.entries(shape.object)) {
    const optional = written.endsWith("?");
    const name = optional ? written.slice(0, -1) : written;
    known.add(name);
    if (value[name] === undefined) {
      if (optional) continue;
      return `${inside(name)}: is missing`;
    }
    const wrong = valueFault(value[name], inner, inside(name), depth + 1);
    if (wrong !== "") return wrong;
  }
  const more = Object.keys(value).find((name) => !known.has(name) && value[name] !== undefined);
  return more === undefined ? "" : `${inside(more)}: the shape has no such name`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const made = Object.getPrototypeOf(value);
  return made === Object.prototype || made === null;
}

function plainFault(value: unknown, at: string, depth: number): string {
  if (depth > DEPTH) return `${at}: nested too deep`;
  if (value === null || ["string", "number", "boolean", "bigint", "undefined"].includes(typeof value)) return "";
  // Structured clones of these are what they were.
  if (value instanceof Uint8Array || value instanceof Date) return "";
  const parts =
    Array.isArray(value) || value instanceof Set
      ? [...value]
      : value instanceof Map
        ? [...value.values()]
        : isRecord(value)
          ? Object.values(value)
          : null;
  if (!parts)
    return `${at === "" ? "the data" : at}: plain data are expected, ${typeof value === "function" ? "a function" : "an object of a class"} was found`;
  for (const x of parts) {
    const wrong = plainFault(x, at, depth + 1);
    if (wrong !== "") return wrong;
  }
  return "";
}
