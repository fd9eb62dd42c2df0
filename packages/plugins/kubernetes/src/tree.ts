/**
 * Reading typed values out of an object whose shape nobody has checked. A value of another type counts as absent: what a
 * fact then lacks shows in the fact, and one odd field does not cost the object.
 */

export type Tree = { readonly [key: string]: unknown };

export function tree(x: unknown): Tree {
  return typeof x === "object" && x !== null && !Array.isArray(x) ? (x as Tree) : {};
}

export function list(x: unknown): readonly unknown[] {
  return Array.isArray(x) ? x : [];
}

export function text(x: unknown): string {
  return typeof x === "string" ? x : typeof x === "number" || typeof x === "boolean" ? String(x) : "";
}

export function texts(x: unknown): string[] {
  return list(x)
    .map(text)
    .filter((t) => t !== "");
}

/** A number, also one written as text (an IntOrString); `otherwise` where there is none. */
export function number(x: unknown, otherwise = 0): number {
  const n = typeof x === "number" ? x : typeof x === "string" && x !== "" ? Number(x) : Number.NaN;
  return Number.isFinite(n) ? n : otherwise;
}

export function flag(x: unknown, otherwise: boolean): boolean {
  return typeof x === "boolean" ? x : otherwise;
}

export function textMap(x: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(tree(x)).map(([k, v]) => [k, text(v)]));
}

/** JSON that an annotation holds; undefined if it is absent or broken. */
export function embedded(x: unknown): unknown {
  if (typeof x !== "string") return undefined;
  try {
    return JSON.parse(x) as unknown;
  } catch {
    return undefined;
  }
}
