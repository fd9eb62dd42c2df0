/** Whole fields of a packet row by name, as a translation reads and writes them thousands of times a packet. */
import { field, getBits, type Row, setBits } from "@plumbline/model";

/** The value of a field of any width. */
export function readField(row: Row, name: string): bigint {
  const f = field(name);
  if (f.words === 1) return BigInt(row[f.word]);
  if (f.words === 2) return (BigInt(row[f.word]) << 32n) | BigInt(row[f.word + 1]);
  return getBits(row, { field: f.name, ofs: 0, n: f.bits });
}

/** Whether any bit of a field is set. */
export function hasField(row: Row, name: string): boolean {
  const f = field(name);
  for (let w = f.word; w < f.word + f.words; w++) if (row[w] !== 0) return true;
  return false;
}

export function writeField(row: Row, name: string, value: number | bigint): void {
  const f = field(name);
  if (f.words === 1 && typeof value === "number") row[f.word] = f.bits === 32 ? value : value & ((1 << f.bits) - 1);
  else setBits(row, { field: f.name, ofs: 0, n: f.bits }, BigInt(value));
}
