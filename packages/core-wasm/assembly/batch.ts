// Batches (src/batch.ts): packed packets are run one after the other, and of each a digest is kept.
import { copyMasked, copyRow, P, S, takeSettings } from "./base";
import { fold } from "./digest";
import { rollback } from "./connections";
import { F_IN_PORT } from "./fields";
import {
  DIGEST_BYTES, G_EFFECTS, G_EVENTS, G_FINAL, G_LEAF, G_PATH, H_AT, H_ROW, NONE, P_ALL, P_STAYS, Q_COMMON, Q_COUNT, Q_DEVICE, Q_DIGESTS, Q_ENTERING, Q_FRESH, Q_PORT, Q_ROWS, Q_SOCKET, Q_SUM,
  Q_WIDTH, Q_WORDS, ROW_BYTES, S_EFFECTS, S_EVENT_COUNT, S_FINAL, S_INPUT_ROW, S_KEEP, S_LEAF, S_PATH_LOW,
} from "./layout";
import { begin, toTheEnd } from "./machine";

/** Runs the Q_COUNT packets at Q_ROWS. */
export function batch(b: usize): void {
  const row = S + S_INPUT_ROW;
  const device = load<u32>(b, Q_DEVICE);
  const fixed = load<u32>(b, Q_PORT);
  const socket = load<u32>(b, Q_SOCKET);
  const fresh = load<u32>(b, Q_FRESH);
  const words = <usize>load<u32>(b, Q_WORDS);
  const end = words + (<usize>load<u32>(b, Q_WIDTH) << 2);
  let from = <usize>load<u32>(b, Q_ROWS);
  let digest = <usize>load<u32>(b, Q_DIGESTS);
  let sum = load<u64>(b, Q_SUM);
  takeSettings();
  const stays = load<u32>(S, S_KEEP) ? load<usize>(P, P_ALL) : load<usize>(P, P_STAYS);
  const common = <usize>load<u32>(b, Q_COMMON);
  const entering = <usize>load<u32>(b, Q_ENTERING);
  memory.copy(row, common, ROW_BYTES);
  copyMasked(entering, common, stays);
  for (let n = load<u32>(b, Q_COUNT); n > 0; n--) {
    const first = begin(device, 0, socket);
    const own = first + H_ROW;
    copyRow(own, entering);
    // Word by word into both rows: what has only just been written cannot be copied in wider pieces before it has reached the cache.
    for (let w = words; w < end; w += 4) {
      const at = <usize>load<u32>(w);
      const value = load<u32>(from);
      store<u32>(row + at, value);
      store<u32>(own + at, value & load<u32>(stays + at));
      from += 4;
    }
    store<u32>(first, fixed == NONE ? load<u32>(row, F_IN_PORT << 2) : fixed, H_AT);
    toTheEnd();
    const path = load<u64>(S, S_PATH_LOW);
    const final = load<u64>(S, S_FINAL);
    const effects = load<u64>(S, S_EFFECTS);
    const events = load<u32>(S, S_EVENT_COUNT);
    store<u64>(digest, path, G_PATH);
    store<u64>(digest, final, G_FINAL);
    store<u64>(digest, effects, G_EFFECTS);
    store<u32>(digest, events, G_EVENTS);
    store<u32>(digest, load<u32>(S, S_LEAF), G_LEAF);
    digest += DIGEST_BYTES;
    sum = fold(fold(sum, path, final), effects, events);
    if (fresh) rollback();
  }
  store<u64>(b, sum, Q_SUM);
}
