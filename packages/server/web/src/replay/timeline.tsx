/** Flows over time, stacked by verdict. */
import type { Timeline as Series } from "../api/types.js";
import { plural, time } from "../parts/words.js";

const WIDTH = 760;
const HEIGHT = 84;

export function Timeline({ timeline }: { timeline: Series }) {
  const buckets = Math.max(0, ...timeline.series.map((s) => s.flows.length));
  const sums = Array.from({ length: buckets }, (_, i) => timeline.series.reduce((n, s) => n + (s.flows[i] ?? 0), 0));
  const most = Math.max(1, ...sums);
  const wide = WIDTH / Math.max(buckets, 1);
  const all = sums.reduce((a, b) => a + b, 0);
  return (
    <figure class="timeline">
      <svg
        class="picture"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${plural(all, "flow")} begin between ${time(timeline.from)} and ${time(timeline.to)}`}
      >
        {sums.map((_, i) => {
          let y = HEIGHT;
          return timeline.series.map((s) => {
            const tall = ((s.flows[i] ?? 0) / most) * (HEIGHT - 4);
            if (tall === 0) return null;
            y -= tall;
            return (
              <rect key={`${s.value} ${i}`} class={`bar ${s.value}`} x={i * wide} y={y} width={Math.max(wide - 1, 1)} height={tall}>
                <title>{`${plural(s.flows[i], "flow")} ${s.value}`}</title>
              </rect>
            );
          });
        })}
      </svg>
      <figcaption>
        <span>{time(timeline.from)}</span>
        <span>{timeline.seconds >= 1 ? `${timeline.seconds} s a bar` : `${Math.round(timeline.seconds * 1000)} ms a bar`}</span>
        <span>{time(timeline.to)}</span>
      </figcaption>
    </figure>
  );
}
