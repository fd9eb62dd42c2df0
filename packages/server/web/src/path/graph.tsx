/** A directed graph of boxes, laid out by dagre: the branches of a trace, the devices of a snapshot. */
import { graphlib, layout } from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";
import { pressable } from "../parts/press.js";
import { shorten } from "../parts/shorten.js";

interface GraphNode {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  /** Words of the style sheet. */
  readonly kind: string;
}

interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Width of its line in pixels. */
  readonly width: number;
  readonly kind: string;
  readonly why?: string;
}

const WIDE = 150;
const TALL = 38;
const NAME_FITS = 17;
const NOTE_FITS = 23;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A smooth line from the right side of a box over the points that the layout asks for to the left side of another. */
function curve(from: Point, to: Point, points: readonly Point[]): string {
  const way = [{ x: from.x + WIDE / 2, y: from.y }, ...points.slice(1, -1), { x: to.x - WIDE / 2, y: to.y }];
  return way.reduce((d, p, i) => {
    if (i === 0) return `M${p.x} ${p.y}`;
    const middle = (way[i - 1].x + p.x) / 2;
    return `${d}C${middle} ${way[i - 1].y} ${middle} ${p.y} ${p.x} ${p.y}`;
  }, "");
}

export interface DiagramProps {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly label: string;
  readonly selected?: string;
  onNode?(id: string): void;
}

export function Diagram({ nodes, edges, label, selected, onNode }: DiagramProps) {
  const drawn = useMemo(() => {
    const g = new graphlib.Graph({ multigraph: true });
    g.setGraph({ rankdir: "LR", ranksep: 46, nodesep: 12, marginx: 6, marginy: 6 });
    for (const n of nodes) g.setNode(n.id, { width: WIDE, height: TALL });
    for (const [i, e] of edges.entries()) g.setEdge(e.from, e.to, {}, String(i));
    layout(g);
    return g;
  }, [nodes, edges]);
  const { width = 0, height = 0 } = drawn.graph() as { width?: number; height?: number };
  return (
    <svg class="picture" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="group" aria-label={label} data-picture="">
      {edges.map((e, i) => {
        const { points } = drawn.edge(e.from, e.to, String(i)) as { points: Point[] };
        const from = drawn.node(e.from) as Point;
        const to = drawn.node(e.to) as Point;
        const name = points[Math.floor(points.length / 2)];
        return (
          <g key={`${e.from}>${e.to}`}>
            <path class={`wire ${e.kind}`} stroke-width={e.width} d={curve(from, to, points)}>
              {e.why && <title>{e.why}</title>}
            </path>
            <text class="wire-name" x={name.x} y={name.y - 5} text-anchor="middle">
              {e.label}
            </text>
          </g>
        );
      })}
      {nodes.map((n) => {
        const { x, y } = drawn.node(n.id) as Point;
        const button = onNode && pressable(selected === n.id, () => onNode(n.id));
        return (
          <g key={n.id} class={`box ${n.kind} ${selected === n.id ? "here" : ""}`} {...button}>
            <title>{`${n.title} ${n.note}`.trim()}</title>
            <rect x={x - WIDE / 2} y={y - TALL / 2} width={WIDE} height={TALL} rx={6} />
            <text class="box-name" x={x - WIDE / 2 + 8} y={y - 3}>
              {shorten(n.title, NAME_FITS)}
            </text>
            <text class="box-note" x={x - WIDE / 2 + 8} y={y + 12}>
              {shorten(n.note, NOTE_FITS)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
