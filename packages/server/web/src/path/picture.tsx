/** The way of one branch in lanes: from the top down in the order of its steps, from left to right from the outside in. */

import type { Verdict } from "../api/types.js";
import { pressable } from "../parts/press.js";
import { shorten } from "../parts/shorten.js";
import { LANES } from "./lanes.js";
import { type Segment, titleOf } from "./segments.js";

const COLUMN = 126;
const BOX = 116;
const ROW = 50;
const TALL = 36;
const HEAD = 34;
const SIDE = 6;
/** Characters that fit the two lines of a box, in their sizes. */
const NAME_FITS = 13;
const NOTE_FITS = 18;

export interface PictureProps {
  readonly segments: readonly Segment[];
  readonly verdict: Verdict;
  /** Where the way ended, for the reader: "pod demo/web-1". */
  readonly end: string;
  /** Index of the hop that is looked at, -1 for none. */
  readonly hop: number;
  /** Index of the hop that decided the end. */
  readonly decides: number;
  readonly label: string;
  onHop(index: number): void;
}

const bad = (verdict: Verdict): boolean => verdict !== "delivered";

export function Picture({ segments, verdict, end, hop, decides, label, onHop }: PictureProps) {
  const lanes = LANES.filter((lane) => segments.some((s) => s.lane === lane));
  const left = (s: Segment) => SIDE + lanes.indexOf(s.lane) * COLUMN;
  const top = (s: Segment) => HEAD + s.index * ROW;
  const width = SIDE * 2 + lanes.length * COLUMN;
  /** The words at the end run to the side where there is room for them. */
  const atRight = segments.length > 0 && left(segments.at(-1)!) > width / 2;
  const height = HEAD + segments.length * ROW + 26;
  return (
    <svg
      class="picture lanes"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="group"
      aria-label={label}
      data-picture=""
    >
      {lanes.map((lane, i) => (
        <g key={lane}>
          <rect class={i % 2 ? "lane" : "lane odd"} x={SIDE + i * COLUMN - 5} y={0} width={COLUMN} height={height - 22} />
          <text class="lane-name" x={SIDE + i * COLUMN + BOX / 2} y={18} text-anchor="middle">
            {lane}
          </text>
        </g>
      ))}
      {segments.slice(1).map((s, i) => (
        <Wire key={s.index} from={segments[i]} to={s} left={left} top={top} />
      ))}
      {segments.map((s) => {
        const isEnd = s.index === segments.length - 1;
        const here = hop >= s.first && hop < s.end;
        const kind = `box ${isEnd ? (bad(verdict) ? "failing" : "arrived") : ""} ${here ? "here" : ""} ${s.certainty}`;
        const title = titleOf(s);
        const note = s.choices[0] ?? s.rewrites[0] ?? "";
        return (
          <g key={s.index} class={kind} {...pressable(here, () => onHop(isEnd ? Math.max(decides, s.first) : s.first))}>
            <title>
              {[`${title}${s.node ? ` on ${s.node}` : ""}`, s.lane, ...s.choices, ...s.rewrites, isEnd ? verdict : ""]
                .filter(Boolean)
                .join(", ")}
            </title>
            <rect x={left(s)} y={top(s)} width={BOX} height={TALL} rx={6} />
            <text class="box-name" x={left(s) + 7} y={top(s) + 15}>
              {shorten(title, NAME_FITS)}
            </text>
            <text class="box-note" x={left(s) + 7} y={top(s) + 29}>
              {shorten(note || (s.datapath || title !== s.device ? s.node : ""), NOTE_FITS)}
            </text>
          </g>
        );
      })}
      {segments.length > 0 && (
        <text
          class={`ending ${bad(verdict) ? "failing" : "arrived"}`}
          x={atRight ? width - SIDE * 2 : left(segments.at(-1)!)}
          text-anchor={atRight ? "end" : "start"}
          y={height - 8}
        >
          {`${bad(verdict) ? "✕" : "✓"} ${verdict}${end ? `: ${end}` : ""}`.slice(0, 90)}
        </text>
      )}
    </svg>
  );
}

function Wire({ from, to, left, top }: { from: Segment; to: Segment; left: (s: Segment) => number; top: (s: Segment) => number }) {
  const x1 = left(from) + BOX / 2;
  const y1 = top(from) + TALL;
  const x2 = left(to) + BOX / 2;
  const y2 = top(to);
  const middle = (y1 + y2) / 2;
  return <path class={`wire ${to.certainty}`} d={`M${x1} ${y1}C${x1} ${middle + 6} ${x2} ${middle - 6} ${x2} ${y2}`} />;
}
