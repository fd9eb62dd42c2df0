/** Flows over time. */
import { buckets, type Column, type Filter, span } from "./flows.js";
import type { ResultStore } from "./store.js";

export interface Timeline {
  readonly from: string | null;
  readonly to: string | null;
  /** Length of a bucket. */
  readonly seconds: number;
  readonly series: readonly { readonly value: string; readonly flows: readonly number[]; readonly packets: readonly number[] }[];
}

/** More values than these are put together under {@link OTHERS}. */
const MOST_SERIES = 30;
const OTHERS = "(others)";

export async function timeline(store: ResultStore, file: string, filter: Filter, by: Column, count: number): Promise<Timeline> {
  const [{ from, to }] = (await store.rows(span(file, filter))) as [{ from: number | null; to: number | null }];
  if (from === null || to === null) return { from: null, to: null, seconds: 0, series: [] };
  const width = Math.max(1, (to - from) / count);
  const rows = (await store.rows(buckets(file, filter, by, from, width, count))) as unknown as {
    value: string | number;
    bucket: number;
    flows: number;
    packets: number;
  }[];
  const totals = new Map<string, number>();
  for (const r of rows) totals.set(String(r.value), (totals.get(String(r.value)) ?? 0) + r.flows);
  const ranked = [...totals].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([value]) => value);
  const shown = ranked.length <= MOST_SERIES ? ranked : [...ranked.slice(0, MOST_SERIES - 1), OTHERS];
  const series = new Map(
    shown.map((value) => [value, { value, flows: Array<number>(count).fill(0), packets: Array<number>(count).fill(0) }]),
  );
  for (const r of rows) {
    const s = series.get(String(r.value)) ?? series.get(OTHERS)!;
    s.flows[r.bucket] += r.flows;
    s.packets[r.bucket] += r.packets;
  }
  return { from: time(from), to: time(to), seconds: width / 1e6, series: [...series.values()] };
}

function time(us: number): string {
  return new Date(us / 1000).toISOString();
}
