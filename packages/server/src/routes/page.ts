/** Lists in pages. */
export interface PageResult<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** @param rows one more than the page holds, if there are so many */
export function pageOf<Row extends { readonly id: string }, T>(rows: readonly Row[], limit: number, of: (row: Row) => T): PageResult<T> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(of), next: rows.length > limit ? shown[shown.length - 1].id : null };
}

/** What to ask for to fill a page, and to know whether there is another. */
export function pageQuery({ limit = 100, after }: { readonly limit?: number; readonly after?: string }) {
  return { limit, page: { limit: limit + 1, ...(after === undefined ? {} : { after }) } };
}
