/** What of a host's routes calls for more than one plain look-up. */
import { BITS, type Family, maskOf, parsePrefix } from "../address.js";
import type { HostEvidence } from "./evidence.js";

/** True where IPv6 routes are the same but for their interfaces. */
export function hasTies(evidence: HostEvidence): boolean {
  const seen = new Set<string>();
  for (const r of evidence.routes) {
    if (r.family !== 6 || r.type !== "unicast") continue;
    const key = `${r.table} ${r.prefix} ${r.metric} ${r.pref ?? ""} ${r.from ?? ""}`;
    if (seen.has(key)) return true;
    seen.add(key);
  }
  return false;
}

/** True where a route of `main` is more specific than one of `local` that covers it. */
export function overlaps(evidence: HostEvidence, family: Family): boolean {
  const of = (table: string) =>
    evidence.routes.filter((r) => r.family === family && r.table === table).flatMap((r) => parsePrefix(r.prefix) ?? []);
  const inMain = new Map<number, Set<bigint>>();
  const local = of("local").filter((p) => p.len < BITS[family]);
  if (local.length === 0) return false;
  for (const p of of("main"))
    for (const l of local)
      if (p.len > l.len) {
        let set = inMain.get(l.len);
        if (!set) inMain.set(l.len, (set = new Set()));
        set.add(p.value & maskOf(family, l.len));
      }
  return local.some((l) => inMain.get(l.len)?.has(l.value));
}
