/** Which words a slice of a field lies in. */
import { type Chunk, chunks, type Slice } from "@plumbline/model";

/** Slices are few, and made again and again: their chunks by field, offset and width. */
const CHUNKS = new Map<string, Map<number, readonly Chunk[]>>();
export function chunksOf(s: Slice): readonly Chunk[] {
  let known = CHUNKS.get(s.field);
  if (!known) {
    known = new Map();
    CHUNKS.set(s.field, known);
  }
  const key = 256 * s.ofs + s.n;
  let c = known.get(key);
  if (!c) {
    c = chunks(s);
    known.set(key, c);
  }
  return c;
}
