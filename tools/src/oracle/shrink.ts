/**
 * Shrinking: the smallest part of a failing case that still fails. Parts are dropped in halves first, then one by one
 * (delta debugging, Zeller and Hildebrandt 2002, without its complements).
 */

/** The parts that are left when `fails` still holds and no single part can be dropped. `fails(parts)` holds. */
export async function shrinkList<T>(parts: readonly T[], fails: (kept: readonly T[]) => Promise<boolean>): Promise<T[]> {
  let kept = [...parts];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let again = true; again; ) {
      again = false;
      for (let at = 0; at < kept.length; ) {
        const without = [...kept.slice(0, at), ...kept.slice(at + size)];
        if (await fails(without)) {
          kept = without;
          again = size === 1;
        } else at += size;
      }
    }
  }
  return kept;
}
