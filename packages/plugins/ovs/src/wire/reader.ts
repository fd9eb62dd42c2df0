/** What the decoders of wire-format actions share. */
import type { FieldSlice, OvsAction } from "../ast.js";
import { parseFieldSlice } from "../fields.js";
import { readOxmHeader } from "./oxm.js";

/** One action's bytes. */
export interface Reader {
  /** Begins with the action's type. */
  readonly view: DataView;
  readonly size: number;
  /** Actions within this one, from `from` up to `to`. */
  nested(from: number, to: number): OvsAction[];
}

/** Bytes that are no action. */
export class Malformed extends Error {}

export function malformed(message: string): Malformed {
  return new Malformed(message);
}

/** The field that the header at `at` names, cut to bits `ofs` to `ofs + n - 1`. */
export function fieldOf(r: Reader, at: number, ofs: number, n: number): FieldSlice & { readonly headerSize: number } {
  const h = readOxmHeader(r.view, at);
  if (!h?.field) throw malformed(`${h?.name ?? "a header that is cut off"} is not a field`);
  const s = parseFieldSlice(`${h.field.name}[${ofs}..${ofs + n - 1}]`);
  if (!s) throw malformed(`${h.name} has no bits ${ofs} to ${ofs + n - 1}`);
  return { ...s, headerSize: h.size };
}

/** `ofs_nbits`: offset in the upper 10 bits, width less one in the lower 6. */
export function ofsNbits(word: number): { ofs: number; n: number } {
  return { ofs: word >> 6, n: (word & 0x3f) + 1 };
}
