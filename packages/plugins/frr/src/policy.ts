/**
 * What prefix lists and route maps make of a prefix (lib/plist.c, prefix_list_apply(); lib/routemap.c, route_map_apply()).
 *
 * A list without an entry that fits denies; one that is not there permits in a route map's `match` nothing, and as a neighbour's filter nothing either. A route map
 * whose sequences all pass the prefix by denies. Conditions on other things than the prefix are not known: then the answer is null.
 */
import type { Fact, FactBase } from "@plumbline/model";
import { covers, parsePrefix } from "@plumbline/plugin-sdk";
import "./private-facts.js";

/** A decision and the line that made it. */
export interface Policy {
  readonly permit: boolean;
  readonly why: string;
  readonly file: string;
  readonly line: number;
}

export function applyPrefixList(facts: FactBase, host: string, family: 4 | 6, name: string, prefix: string): Policy {
  const found = facts.of("frr.prefix-list", host).find((f) => f.data.name === name && f.data.family === family);
  const p = parsePrefix(prefix);
  if (!found || !p) return { permit: false, why: `prefix list ${name} is not there`, file: "", line: 0 };
  for (const e of found.data.entries) {
    const q = parsePrefix(e.prefix);
    if (!q || !covers(q, p)) continue;
    const low = e.ge > 0 ? e.ge : q.len;
    const high = e.le > 0 ? e.le : e.ge > 0 ? (family === 4 ? 32 : 128) : q.len;
    if (p.len < low || p.len > high) continue;
    return { permit: e.permit, why: e.text, file: found.origin.file, line: e.line };
  }
  return {
    permit: false,
    why: `no entry of prefix list ${name} fits ${prefix}`,
    file: found.origin.file,
    line: found.data.entries[0]?.line ?? found.origin.line,
  };
}

type MapFact = Fact<"frr.route-map">;

/** Null where it hangs on more than the prefix. */
export function applyRouteMap(facts: FactBase, host: string, name: string, prefix: string, depth = 0): Policy | null {
  const sequences = facts
    .of("frr.route-map", host)
    .filter((f) => f.data.name === name)
    .sort((a, b) => a.data.seq - b.data.seq);
  if (sequences.length === 0) return { permit: false, why: `route map ${name} is not there`, file: "", line: 0 };
  if (depth > 8) return null;
  let permitted: Policy | null = null;
  for (let i = 0; i < sequences.length; i++) {
    const s = sequences[i];
    const fits = matches(facts, host, s, prefix);
    if (fits === null) return null;
    if (!fits.permit) continue;
    const here = { why: `${s.origin.text}${fits.why === "" ? "" : `: ${fits.why}`}`, file: s.origin.file, line: s.origin.line };
    if (!s.data.permit) return { permit: false, ...here };
    if (s.data.call !== "") {
      const called = applyRouteMap(facts, host, s.data.call, prefix, depth + 1);
      if (called === null || !called.permit) return called;
    }
    permitted = { permit: true, ...here };
    const to = /^goto (\d+)$/.exec(s.data.onMatch)?.[1];
    if (to !== undefined) {
      const next = sequences.findIndex((x) => x.data.seq >= Number(to));
      if (next < 0) return permitted;
      i = next - 1;
    } else if (s.data.onMatch !== "next") return permitted;
  }
  return (
    permitted ?? {
      permit: false,
      why: `no sequence of route map ${name} takes ${prefix}`,
      file: sequences[0].origin.file,
      line: sequences[0].origin.line,
    }
  );
}

/** Whether all conditions of a sequence hold; null where one is of something else than the prefix. */
function matches(facts: FactBase, host: string, s: MapFact, prefix: string): { permit: boolean; why: string } | null {
  const family = prefix.includes(":") ? 6 : 4;
  let why = "";
  let unknown = false;
  for (const m of s.data.match) {
    const list = /^(ip|ipv6) address prefix-list (\S+)$/.exec(m);
    if (!list) {
      const other = /^(ip|ipv6) address prefix-len (\d+)$/.exec(m);
      if (other) {
        if (parsePrefix(prefix)?.len !== Number(other[2])) return { permit: false, why: "" };
        continue;
      }
      unknown = true;
      continue;
    }
    // A condition on the other family is not met.
    if ((list[1] === "ipv6") !== (family === 6)) return { permit: false, why: "" };
    const p = applyPrefixList(facts, host, family, list[2], prefix);
    if (!p.permit) return { permit: false, why: p.why };
    why = p.why;
  }
  return unknown ? null : { permit: true, why };
}
