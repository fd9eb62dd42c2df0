/**
 * Actions that differ in constants alone: the ARP answer of each pod, the port of each MAC address.
 *
 * As for matches (templates.ts), a form is learned from two probes: their programs must be the same but for `set`s of the probes'
 * constants, each of which stands in one place. A text of the form then becomes a program by putting its constants there.
 */
import type { Action } from "@plumbline/model";
import { probe, type TextConstant } from "./templates.js";

type Set = Extract<Action, { op: "set" }>;

export interface ActionForm {
  readonly program: readonly Action[];
  /** By constant: where it is set. */
  readonly holes: readonly number[];
}

/** Texts without nested actions and arguments, whose constants can only be assigned. */
export const isFlat = (form: string): boolean => !/[(){}]/.test(form);

/** Learns a form; undefined if it is not simple. @param build the program of a text, undefined if it has none */
export function learnActions(
  form: string,
  build: (text: string, key: (name: string) => number) => readonly Action[] | undefined,
): ActionForm | undefined {
  const [one, two] = [probe(form, 0), probe(form, 1)];
  const [a, b] = [one, two].map((p) => build(p.text, (name) => p.ports.get(name) ?? 0));
  if (!a || !b || a.length !== b.length) return undefined;
  const holes: number[] = [];
  for (const [i, x] of a.entries()) {
    const y = b[i];
    if (same(x, y)) continue;
    if (x.op !== "set" || y.op !== "set" || !same({ ...x, value: 0n }, { ...y, value: 0n })) return undefined;
    const constant = one.values.findIndex((_, k) => one.bits[k] === x.value && two.bits[k] === y.value);
    if (constant < 0 || holes[constant] !== undefined) return undefined;
    holes[constant] = i;
  }
  for (let k = 0; k < one.values.length; k++) if (holes[k] === undefined) return undefined;
  return { program: a, holes };
}

/** The program of a text of the form; undefined if a constant is too large for its field. */
export function fillActions(
  f: ActionForm,
  constants: readonly TextConstant[],
  key: (name: string) => number,
): readonly Action[] | undefined {
  const out = f.program.slice();
  for (let k = 0; k < constants.length; k++) {
    const c = constants[k];
    const at = f.holes[k];
    const { dst } = out[at] as Set;
    let value: bigint;
    if (typeof c === "string") value = BigInt(key(c));
    else {
      value = c.high === 0 ? BigInt(c.low) : (BigInt(c.high) << 32n) + BigInt(c.low);
      if (value >> BigInt(dst.n) !== 0n) return undefined;
    }
    out[at] = { op: "set", dst, value };
  }
  return out;
}

function same(a: Action, b: Action): boolean {
  return a === b || text(a) === text(b);
}
const text = (a: Action): string => JSON.stringify(a, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v));
