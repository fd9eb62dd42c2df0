/** Layout of the Sankey diagram: what share of the flows went from where they entered over who got them to the verdict. */
import type { Group } from "../api/types.js";

export const COLUMNS = ["node", "to", "verdict"] as const;
export type SankeyField = (typeof COLUMNS)[number];

export interface SankeyNode {
  readonly field: SankeyField;
  readonly value: string;
  readonly flows: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

interface SankeyBand {
  readonly from: SankeyNode;
  readonly to: SankeyNode;
  readonly verdict: string;
  readonly flows: number;
  /** Tops at both ends, and the thickness, which is the same at both. */
  readonly y1: number;
  readonly y2: number;
  readonly thick: number;
}

export interface Sankey {
  readonly nodes: readonly SankeyNode[];
  readonly bands: readonly SankeyBand[];
  readonly width: number;
  readonly height: number;
}

const WIDE = 14;
const GAP = 10;
const LEAST = 3;

/** @param groups counts by node, to and verdict @param width and height of the drawing in pixels */
export function sankeyOf(groups: readonly Group[], width: number, height: number): Sankey {
  const total = groups.reduce((n, g) => n + g.flows, 0);
  if (total === 0) return { nodes: [], bands: [], width, height };
  const columns = COLUMNS.map((field) => {
    const counts = new Map<string, number>();
    for (const g of groups) counts.set(fieldOf(g, field), (counts.get(fieldOf(g, field)) ?? 0) + g.flows);
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  });
  const most = Math.max(...columns.map((c) => c.length));
  const usable = Math.max(height - (most - 1) * GAP, most * LEAST * 2);
  const scale = usable / total;
  const nodes = new Map<string, SankeyNode>();
  for (const [c, values] of columns.entries()) {
    let y = 0;
    for (const [value, flows] of values) {
      const tall = Math.max(flows * scale, LEAST);
      nodes.set(`${c} ${value}`, { field: COLUMNS[c], value, flows, x: ((width - WIDE) * c) / (COLUMNS.length - 1), y, height: tall });
      y += tall + GAP;
    }
  }
  const bands = COLUMNS.slice(1).flatMap((_, c) => bandsBetween(c, groups, columns, nodes, scale));
  const bottom = Math.max(...[...nodes.values()].map((n) => n.y + n.height));
  return { nodes: [...nodes.values()], bands, width, height: bottom };
}

/** Bands from a column to the next. At each end they lie in the order of the boxes at the other end, so that few cross. */
function bandsBetween(
  c: number,
  groups: readonly Group[],
  columns: readonly (readonly [string, number][])[],
  nodes: ReadonlyMap<string, SankeyNode>,
  scale: number,
): readonly SankeyBand[] {
  const rank = (column: number, value: string) => columns[column].findIndex(([v]) => v === value);
  const verdict = COLUMNS.length - 1;
  const flows = new Map<string, { from: string; to: string; verdict: string; flows: number }>();
  for (const g of groups) {
    const band = { from: fieldOf(g, COLUMNS[c]), to: fieldOf(g, COLUMNS[c + 1]), verdict: fieldOf(g, "verdict"), flows: 0 };
    const key = JSON.stringify([band.from, band.to, band.verdict]);
    const known = flows.get(key) ?? band;
    known.flows += g.flows;
    flows.set(key, known);
  }
  type Band = { from: string; to: string; verdict: string; flows: number };
  const order = (near: (b: Band) => number, far: (b: Band) => number) =>
    [...flows.values()].sort((a, b) => near(a) - near(b) || far(a) - far(b) || rank(verdict, a.verdict) - rank(verdict, b.verdict));
  const left = (b: Band) => rank(c, b.from);
  const right = (b: Band) => rank(c + 1, b.to);
  const y1 = stacked(order(left, right), (b) => nodes.get(`${c} ${b.from}`)!, scale);
  const y2 = stacked(order(right, left), (b) => nodes.get(`${c + 1} ${b.to}`)!, scale);
  return order(left, right).map((b) => ({
    from: nodes.get(`${c} ${b.from}`)!,
    to: nodes.get(`${c + 1} ${b.to}`)!,
    verdict: b.verdict,
    flows: b.flows,
    y1: y1.get(b)!,
    y2: y2.get(b)!,
    thick: Math.max(b.flows * scale, 1),
  }));
}

/** Tops of bands that lie one under the other along their boxes, in this order. */
function stacked<B extends { readonly flows: number }>(bands: readonly B[], nodeOf: (b: B) => SankeyNode, scale: number): Map<B, number> {
  const used = new Map<SankeyNode, number>();
  const tops = new Map<B, number>();
  for (const b of bands) {
    const node = nodeOf(b);
    const above = used.get(node) ?? 0;
    tops.set(b, node.y + above);
    used.set(node, above + b.flows * scale);
  }
  return tops;
}

/** "" where a flow has none: nobody got it, it entered no node. */
const fieldOf = (g: Group, field: SankeyField): string => String(g[field] ?? "");

export const NODE_WIDTH = WIDE;
