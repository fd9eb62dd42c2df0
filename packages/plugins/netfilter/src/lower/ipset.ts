/**
 * Membership in an ipset as rows. The type's parts say what each direction is compared with: `hash:ip,port` with
 * `dst,dst` is the destination address, and its protocol and port together.
 *
 * A `nomatch` element of a set of networks takes its network out, but for more specific elements. Not translated: `nomatch` in sets of
 * several parts. What sets whose elements leave by themselves hold at a packet's time, no dump tells: both ways are followed.
 */
import type { IpSet, Selector, Statement, Value } from "../ast.js";
import { type ConditionContext, type Opaque, type Rows, tupleRows } from "./conditions.js";
import { type Interval, joined } from "./ternary.js";

export type IpSets = ReadonlyMap<string, IpSet>;

type Asked = Extract<Statement, { s: "ipset" }>;

export function ipsetRows(s: Asked, sets: IpSets, ctx: ConditionContext): Rows | Opaque {
  const command = `ipset save ${s.name}`;
  const set = sets.get(s.name);
  if (!set) return { why: `the members of ipset ${s.name} are not in evidence`, command };
  if (set.timeout) return { why: `the members of ipset ${s.name} come and go (timeout)`, command };
  const selectors: Selector[] = [];
  const tuples = elementTuples(set, s, sets, selectors);
  if ("why" in tuples) return tuples;
  return tupleRows(selectors, tuples, s.not, ctx);
}

function elementTuples(set: IpSet, s: Asked, sets: IpSets, selectors: Selector[]): Value[][] | Opaque {
  const command = `ipset save ${set.name}`;
  if (set.type === "list:set") {
    const all: Value[][] = [];
    for (const name of set.members) {
      const member = sets.get(name);
      if (!member || member.type === "list:set") return { why: `ipset ${name}, a member of ${set.name}, is not in evidence`, command };
      const own: Selector[] = [];
      const tuples = elementTuples(member, s, sets, own);
      if ("why" in tuples) return tuples;
      if (selectors.length > 0 && selectors.join() !== own.join()) return { why: `ipset ${set.name} mixes types`, command };
      if (selectors.length === 0) selectors.push(...own);
      all.push(...tuples);
    }
    return all;
  }
  if (set.parts.length === 0) return { why: `ipset ${set.name} has an element or a type that is not understood`, command };
  const exceptions = set.elements.some((e) => e.nomatch);
  const plain = set.parts.length === 1 && set.parts[0] === "address";
  if (exceptions && !plain) return { why: `ipset ${set.name} has exceptions (nomatch)`, command };
  if (set.family !== (s.family === "ip" ? 4 : 6) && set.parts.includes("address")) return [];
  set.parts.forEach((part, i) => {
    const end = s.directions[Math.min(i, s.directions.length - 1)];
    if (part === "address") selectors.push(end === "src" ? `${s.family} saddr` : `${s.family} daddr`);
    else if (part === "port" && set.type.startsWith("bitmap")) selectors.push(end === "src" ? "th sport" : "th dport");
    else if (part === "port") selectors.push("meta l4proto", end === "src" ? "th sport" : "th dport");
    else if (part === "mac") selectors.push(end === "src" ? "ether saddr" : "ether daddr");
    else if (part === "mark") selectors.push("meta mark");
    else selectors.push(end === "src" ? "meta iifname" : "meta oifname");
  });
  if (exceptions) return mostSpecific(set).map((i) => [{ k: "range", lo: i.lo, hi: i.hi }]);
  return set.elements.map((e) =>
    e.values.flatMap((v): Value[] => {
      if ("k" in v) return [v];
      if (set.type.startsWith("bitmap")) return [v.port];
      return [{ k: "range", lo: BigInt(v.proto), hi: BigInt(v.proto) }, v.port];
    }),
  );
}

/** The addresses of a set with exceptions: of all elements that hold an address the smallest network decides (hash:net looks so). */
function mostSpecific(set: IpSet): Interval[] {
  const elements = set.elements.flatMap((e) => {
    const v = e.values[0];
    return v !== undefined && "k" in v && v.k === "range" ? [{ lo: v.lo, hi: v.hi, nomatch: e.nomatch }] : [];
  });
  elements.sort((a, b) => (a.hi - a.lo < b.hi - b.lo ? -1 : a.hi - a.lo > b.hi - b.lo ? 1 : 0));
  const decided: Interval[] = [];
  const out: Interval[] = [];
  for (const e of elements) {
    if (!e.nomatch) {
      let left: Interval[] = [{ lo: e.lo, hi: e.hi }];
      for (const d of decided)
        left = left.flatMap((l) => {
          if (d.hi < l.lo || d.lo > l.hi) return [l];
          return [...(d.lo > l.lo ? [{ lo: l.lo, hi: d.lo - 1n }] : []), ...(d.hi < l.hi ? [{ lo: d.hi + 1n, hi: l.hi }] : [])];
        });
      out.push(...left);
    }
    decided.push({ lo: e.lo, hi: e.hi });
  }
  return joined(out);
}
