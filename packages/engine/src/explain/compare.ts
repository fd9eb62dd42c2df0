/**
 * Nodes held against each other: every node should have its part of a Service, named alike, unless a source knows why not.
 *
 * Only what is in evidence is compared: a node counts in a section if its part was read there, even if it is empty.
 */
import type { ExplainSection, ServiceException } from "@plumbline/model";
import type { Difference } from "./model.js";

interface Part {
  readonly values: Set<string>;
  readonly file: string;
  readonly line: number;
}

export function compareNodes(
  sections: readonly ExplainSection[],
  nodeOf: (host: string) => string,
  exceptions: readonly ServiceException[],
): Difference[] {
  const groups = new Map<string, ExplainSection[]>();
  for (const s of sections) {
    const key = JSON.stringify([s.layer, s.title, s.nodes !== undefined]);
    groups.set(key, [...(groups.get(key) ?? []), s]);
  }
  return [...groups.values()].flatMap((group) => differencesOf(group, nodeOf, exceptions));
}

function differencesOf(
  group: readonly ExplainSection[],
  nodeOf: (host: string) => string,
  exceptions: readonly ServiceException[],
): Difference[] {
  const { layer } = group[0];
  const nodes = [...new Set(group.flatMap((s) => s.nodes ?? [nodeOf(s.host)]))].filter((n) => n !== "").sort();
  const parts = new Map<string, Map<string, Part>>();
  for (const s of group)
    for (const item of s.items) {
      if (item.key === undefined) continue;
      const byNode = parts.get(item.key) ?? new Map<string, Part>();
      parts.set(item.key, byNode);
      for (const node of item.nodes ?? [nodeOf(s.host)]) {
        const part = byNode.get(node) ?? { values: new Set<string>(), file: item.file, line: item.line };
        part.values.add(item.value ?? "");
        byNode.set(node, part);
      }
    }
  const reasons = exceptions.filter((e) => e.layers.includes(layer));
  return [...parts].flatMap(([what, byNode]) => {
    const d = differenceOf(layer, what, byNode, nodes, reasons);
    return d ? [d] : [];
  });
}

function differenceOf(
  layer: string,
  what: string,
  byNode: ReadonlyMap<string, Part>,
  nodes: readonly string[],
  reasons: readonly ServiceException[],
): Difference | undefined {
  const have = nodes.filter((n) => byNode.has(n));
  if (have.length === 0) return undefined;
  const lack = nodes.filter((n) => !byNode.has(n));
  const values = new Map<string, string[]>();
  for (const n of have) {
    const value = [...byNode.get(n)!.values].sort().join(" and ");
    values.set(value, [...(values.get(value) ?? []), n]);
  }
  const intruders = have.filter((n) => reasons.some((r) => r.node === n && r.forbidden));
  if (lack.length === 0 && values.size === 1 && intruders.length === 0) return undefined;
  // What most nodes without a reason to differ have is taken for what is meant.
  const excused = (n: string) => reasons.some((r) => r.node === n);
  const weight = ([, list]: readonly [string, readonly string[]]) => list.filter((n) => !excused(n)).length * 1000 + list.length;
  const usual = [...values].sort((a, b) => weight(b) - weight(a))[0][1];
  const differing = [...lack, ...have.filter((n) => !usual.includes(n))];
  const place = byNode.get(usual[0])!;
  const why = [...new Set(reasons.filter((r) => differing.includes(r.node) || intruders.includes(r.node)).map((r) => r.why))];
  return {
    layer,
    what,
    have,
    lack,
    shouldNot: intruders,
    ...(values.size > 1 ? { values: Object.fromEntries(values) } : {}),
    verdict: intruders.length === 0 && differing.every(excused) ? "expected" : "odd",
    why,
    file: place.file,
    line: place.line,
  };
}
