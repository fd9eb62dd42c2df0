/**
 * Membership in an ipset as rows. The type's parts say what each direction is compared with: `hash:ip,port` with
 * `dst,dst` is the destination address, and its protocol and port together.
 *
 * Not translated: `nomatch` elements and sets whose elements time out by themselves (what was dumped may be gone).
 */
import type { IpSet, Selector, Statement, Value } from "../ast.js";
import { type ConditionContext, type Opaque, type Rows, tupleRows } from "./conditions.js";

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
  if (set.elements.some((e) => e.nomatch)) return { why: `ipset ${set.name} has exceptions (nomatch)`, command };
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
  return set.elements.map((e) =>
    e.values.flatMap((v): Value[] => {
      if ("k" in v) return [v];
      if (set.type.startsWith("bitmap")) return [v.port];
      return [{ k: "range", lo: BigInt(v.proto), hi: BigInt(v.proto) }, v.port];
    }),
  );
}
