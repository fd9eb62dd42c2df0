// The flow hash, as in packages/model/src/hash.ts.
import { P } from "./base";
import { P_HASH_WORDS } from "./layout";

export function flowHash(row: usize, salt: u32): u32 {
  let at = <usize>load<u32>(P, P_HASH_WORDS);
  const end = at + 4 + (<usize>load<u32>(at) << 2);
  let h: u32 = 0x9e3779b9 ^ salt;
  for (at += 4; at < end; at += 4) {
    h = (h ^ load<u32>(row + load<u32>(at))) * 0x85ebca6b;
    h ^= h >>> 13;
  }
  h ^= h >>> 16;
  h *= 0xc2b2ae35;
  return h ^ (h >>> 16);
}
