/** Filters over the flows of a replay: each field takes any of its values, all fields together must hold. They live in the address. */
import type { Route } from "../route.js";

export const FIELDS = ["verdict", "node", "to", "path", "proto", "src", "dst", "dstPort"] as const;
export type FilterField = (typeof FIELDS)[number];
export type Filters = Readonly<Partial<Record<FilterField, readonly string[]>>>;

const NONE = "!";

/** In the address values are joined by `~`, which no name, address or verdict has; a value that is empty (no receiver, no node) is `!`. */
export function filtersOf(params: Route["params"]): Filters {
  return Object.fromEntries(FIELDS.flatMap((f) => (params[f] ? [[f, params[f].split("~").map((v) => (v === NONE ? "" : v))]] : [])));
}

export const paramsOf = (filters: Filters): Record<string, string> =>
  Object.fromEntries(FIELDS.map((f) => [f, filters[f]?.map((v) => v || NONE).join("~") ?? ""]));

export function toggled(filters: Filters, field: FilterField, value: string): Filters {
  const old = filters[field] ?? [];
  const values = old.includes(value) ? old.filter((v) => v !== value) : [...old, value];
  return { ...filters, [field]: values.length > 0 ? values : undefined };
}

/** As a query of the server: repeated parameters mean any of them. */
export function queryOf(filters: Filters, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(more);
  for (const f of FIELDS) for (const value of filters[f] ?? []) query.append(f, value);
  return query.toString();
}
