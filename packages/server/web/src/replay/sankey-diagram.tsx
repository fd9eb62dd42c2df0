/** The Sankey diagram of a replay: a click on a box filters by it. */
import { useMemo } from "preact/hooks";
import type { Group } from "../api/types.js";
import { pressable } from "../parts/press.js";
import { shorten } from "../parts/shorten.js";
import { count } from "../parts/words.js";
import type { Filters } from "./filters.js";
import { COLUMNS, NODE_WIDTH, type SankeyField, type SankeyNode, sankeyOf } from "./sankey.js";

const WIDTH = 760;
const HEIGHT = 260;
const TOP = 24;
const MARGIN = 8;
const TITLES: Record<SankeyField, string> = { node: "entry", to: "receiver", verdict: "verdict" };
const UNNAMED: Record<SankeyField, string> = { node: "(no node)", to: "(nobody)", verdict: "(none)" };

export const nameOf = (field: SankeyField, value: string): string => value || UNNAMED[field];

export function SankeyDiagram({
  groups,
  filters,
  onToggle,
}: {
  groups: readonly Group[];
  filters: Filters;
  onToggle(field: SankeyField, value: string): void;
}) {
  const s = useMemo(() => sankeyOf(groups, WIDTH, HEIGHT), [groups]);
  const total = groups.reduce((n, g) => n + g.flows, 0);
  return (
    <svg
      class="picture sankey"
      viewBox={`${-MARGIN} 0 ${WIDTH + MARGIN * 2} ${s.height + TOP + MARGIN}`}
      role="group"
      aria-label="Flows from their entry to their verdict"
      data-picture=""
    >
      {COLUMNS.map((field, c) => (
        <text
          key={field}
          class="lane-name"
          x={(WIDTH * c) / (COLUMNS.length - 1)}
          y={14}
          text-anchor={(["start", "middle", "end"] as const)[c]}
        >
          {TITLES[field]}
        </text>
      ))}
      <g transform={`translate(0 ${TOP})`}>
        {s.bands.map((b) => {
          const x1 = b.from.x + NODE_WIDTH;
          const x2 = b.to.x;
          const middle = (x1 + x2) / 2;
          const d = `M${x1} ${b.y1}C${middle} ${b.y1} ${middle} ${b.y2} ${x2} ${b.y2}v${b.thick}C${middle} ${b.y2 + b.thick} ${middle} ${b.y1 + b.thick} ${x1} ${b.y1 + b.thick}z`;
          return (
            <path key={`${b.from.field}${b.from.value}>${b.to.value}>${b.verdict}`} class={`band ${b.verdict}`} d={d}>
              <title>{`${count(b.flows)} flows: ${nameOf(b.from.field, b.from.value)} → ${nameOf(b.to.field, b.to.value)}, ${b.verdict}`}</title>
            </path>
          );
        })}
        {s.nodes.map((n) => (
          <Node
            key={`${n.field} ${n.value}`}
            n={n}
            total={total}
            pressed={!!filters[n.field]?.includes(n.value)}
            onPress={() => onToggle(n.field, n.value)}
          />
        ))}
      </g>
    </svg>
  );
}

function Node({ n, total, pressed, onPress }: { n: SankeyNode; total: number; pressed: boolean; onPress(): void }) {
  const column = COLUMNS.indexOf(n.field);
  const last = column === COLUMNS.length - 1;
  const label = `${shorten(nameOf(n.field, n.value), 36)}  ${count(n.flows)}`;
  return (
    <g class={pressed ? "sankey-node here" : "sankey-node"} {...pressable(pressed, onPress)}>
      <title>{`${TITLES[n.field]} ${nameOf(n.field, n.value)}: ${count(n.flows)} of ${count(total)} flows. Filter by it.`}</title>
      <rect class={`bar ${n.field === "verdict" ? n.value : "stop"}`} x={n.x} y={n.y} width={NODE_WIDTH} height={n.height} rx={2} />
      <text x={last ? n.x - 6 : n.x + NODE_WIDTH + 6} y={n.y + Math.max(n.height / 2 + 4, 11)} text-anchor={last ? "end" : "start"}>
        {label}
      </text>
    </g>
  );
}
