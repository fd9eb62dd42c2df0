/** The hops of a branch as a list, by segment. Hops that change nothing are folded; the one that is looked at never is. */
import { useState } from "preact/hooks";
import type { Hop } from "../api/types.js";
import { flowCore } from "../parts/shorten.js";
import { type Segment, titleOf } from "../path/segments.js";

const matters = (hop: Hop, i: number, hops: readonly Hop[]): boolean =>
  i === hops.length - 1 ||
  !!hop.choice ||
  hop.certainty !== "proven" ||
  hop.changes.some((c) => NOTED.test(c.field)) ||
  hop.links.some((l) => NAMED.has(l.kind));
const NOTED = /^(ip|ipv6|eth|tcp|udp|sctp|l4|icmp|arp|nd|vlan|tun)_|^(src|dst|sport|dport)$/;
const NAMED = new Set(["service", "network_policy", "acl", "load_balancer"]);

export function Hops({
  hops,
  segments,
  chosen,
  failing,
  onHop,
}: {
  hops: readonly Hop[];
  segments: readonly Segment[];
  chosen: number;
  /** Index of the hop that decided a bad end, -1 for none. */
  failing: number;
  onHop(i: number): void;
}) {
  return (
    <ol class="hops">
      {segments.map((s) => (
        <li key={s.index}>
          <h4>
            {titleOf(s)} <small>{s.node && s.node !== titleOf(s) ? `${s.node} · ${s.lane}` : s.lane}</small>
          </h4>
          <SegmentHops hops={hops} segment={s} chosen={chosen} failing={failing} onHop={onHop} />
        </li>
      ))}
    </ol>
  );
}

interface Row {
  readonly hops: readonly number[];
  readonly folded: boolean;
}

function rowsOf(hops: readonly Hop[], s: Segment, chosen: number): readonly Row[] {
  const rows: { hops: number[]; folded: boolean }[] = [];
  for (let i = s.first; i < s.end; i++) {
    const folded = !matters(hops[i], i, hops) && i !== chosen;
    const last = rows.at(-1);
    if (folded && last?.folded) last.hops.push(i);
    else rows.push({ hops: [i], folded });
  }
  return rows;
}

function SegmentHops({
  hops,
  segment,
  chosen,
  failing,
  onHop,
}: {
  hops: readonly Hop[];
  segment: Segment;
  chosen: number;
  failing: number;
  onHop(i: number): void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <ol>
      {rowsOf(hops, segment, chosen).map((row) =>
        row.folded && !open && row.hops.length > 1 ? (
          <li key={row.hops[0]} class="folded">
            <button type="button" class="quiet" onClick={() => setOpen(true)}>
              {row.hops.length} more that change nothing
            </button>
          </li>
        ) : (
          row.hops.map((i) => (
            <li key={i}>
              <HopLine hop={hops[i]} chosen={i === chosen} failing={i === failing} onClick={() => onHop(i)} />
            </li>
          ))
        ),
      )}
    </ol>
  );
}

/** The stage of a hop with the logical stage behind it. */
export function stageOf(hop: Hop): string {
  const logical = hop.links.find((l) => l.kind === "lflow")?.stage;
  return logical ? `${hop.stage} ${logical}` : hop.stage;
}

function HopLine({ hop, chosen, failing, onClick }: { hop: Hop; chosen: boolean; failing: boolean; onClick(): void }) {
  const changes = hop.changes.filter((c) => NOTED.test(c.field));
  return (
    <button
      type="button"
      class={`hop ${chosen ? "chosen" : ""} ${failing ? "failing" : ""} ${hop.certainty}`}
      aria-pressed={chosen}
      onClick={onClick}
    >
      <span class="stage">{stageOf(hop)}</span>
      <code class="rule">{flowCore(hop.rule.text) || "(no rule)"}</code>
      {(changes.length > 0 || hop.choice || hop.certainty !== "proven") && (
        <span class="effects">
          {hop.choice && <em class="choice">{hop.choice}</em>}
          {changes.map((c) => (
            <span key={c.field}>
              {c.field} {c.before} → <b>{c.after}</b>
            </span>
          ))}
          {hop.certainty !== "proven" && <i>{hop.certainty}</i>}
        </span>
      )}
    </button>
  );
}
