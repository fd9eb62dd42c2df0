/** The view *Replay*: captures through a snapshot, as a Sankey diagram with filters, over time, and flow by flow. */

import type { Group, Page, ReplayJob, Timeline as Series } from "../api/types.js";
import { Busy, Fault, useGet } from "../parts/loading.js";
import { Scroll } from "../parts/scroll.js";
import { count, plural, size, time } from "../parts/words.js";
import { go, type Route } from "../route.js";
import { FIELDS, type FilterField, type Filters, filtersOf, paramsOf, queryOf, toggled } from "./filters.js";
import { Flows } from "./flows.js";
import { JobState, useJob } from "./job.js";
import { PathOf } from "./path.js";
import { COLUMNS } from "./sankey.js";
import { nameOf, SankeyDiagram } from "./sankey-diagram.js";
import { Start } from "./start.js";
import { Timeline } from "./timeline.js";

export function Replay({ params }: { params: Route["params"] }) {
  return params.id ? <One id={params.id} params={params} /> : <All />;
}

function All() {
  const jobs = useGet<Page<ReplayJob>>("/v1/replays?limit=100");
  return (
    <>
      <Start onStarted={(job) => go({ view: "replay", params: { id: job.id } })} />
      <section class="card">
        <h2>Replays</h2>
        {jobs.error && <Fault error={jobs.error} />}
        {jobs.value?.items.length === 0 && <p>None yet.</p>}
        <ul class="list">
          {jobs.value?.items.map((job) => (
            <li key={job.id}>
              <a href={`#/replay?id=${job.id}`}>{time(job.createdAt)}</a> <b>{job.status}</b> {plural(job.captures.length, "capture")},{" "}
              {count(job.progress.packets)} packets
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function One({ id, params }: { id: string; params: Route["params"] }) {
  const { job, error, refresh } = useJob(id);
  if (error) return <Fault error={error} />;
  if (!job) return <Busy what="Opening the replay…" />;
  return (
    <>
      <p>
        <a href="#/replay">All replays</a>
      </p>
      <JobState job={job} onChanged={refresh} />
      {job.status === "done" && <Result job={job} params={params} />}
    </>
  );
}

function Result({ job, params }: { job: ReplayJob; params: Route["params"] }) {
  const filters = filtersOf(params);
  const look = (more: Record<string, string>) => go({ view: "replay", params: { ...params, ...more } }, true);
  const set = (wanted: Filters) => look({ ...paramsOf(wanted), show: "" });
  const groups = useGet<{ items: readonly Group[] }>(`/v1/replays/${job.id}/groups?${queryOf(filters, { by: "node,to,verdict" })}`, {
    keep: true,
  });
  const timeline = useGet<Series>(`/v1/replays/${job.id}/timeline?${queryOf(filters, { by: "verdict", buckets: "60" })}`, { keep: true });
  const ways = useGet<{ items: readonly Group[] }>(`/v1/replays/${job.id}/groups?${queryOf(filters, { by: "path,verdict,node,to" })}`, {
    keep: true,
  });
  return (
    <>
      <Chips filters={filters} onChange={set} />
      <section class="card" aria-label="Overview">
        {groups.error && <Fault error={groups.error} />}
        {groups.value && (
          <SankeyDiagram groups={groups.value.items} filters={filters} onToggle={(field, value) => set(toggled(filters, field, value))} />
        )}
        {timeline.value && timeline.value.series.length > 0 && <Timeline timeline={timeline.value} />}
      </section>
      {params.show && <PathOf replay={job.id} snapshot={job.snapshot} path={params.show} onClose={() => look({ show: "" })} />}
      {ways.value && <Classes groups={ways.value.items} shown={params.show ?? ""} onShow={(path) => look({ show: path })} />}
      <Flows replay={job.id} filters={filters} path={params.show ?? ""} onPath={(path) => look({ show: path })} />
    </>
  );
}

function Chips({ filters, onChange }: { filters: Filters; onChange(filters: Filters): void }) {
  const chips = FIELDS.flatMap((field) => (filters[field] ?? []).map((value) => ({ field, value })));
  if (chips.length === 0) return <p class="hint">Click a box of the diagram to filter by it. Filters work together.</p>;
  const name = (field: FilterField, value: string) =>
    (COLUMNS as readonly string[]).includes(field) ? nameOf(field as "node", value) : value;
  return (
    <p class="chips">
      {chips.map(({ field, value }) => (
        <button
          key={`${field} ${value}`}
          type="button"
          class="chip"
          onClick={() => onChange(toggled(filters, field, value))}
          aria-label={`Remove the filter ${field} ${value}`}
        >
          <small>{field}</small> {name(field, value)} ✕
        </button>
      ))}
      <button type="button" class="quiet" onClick={() => onChange({})}>
        Clear
      </button>
    </p>
  );
}

const MOST = 20;

/** Flows that took the same path: the largest classes. */
function Classes({ groups, shown, onShow }: { groups: readonly Group[]; shown: string; onShow(path: string): void }) {
  const sorted = [...groups].sort((a, b) => b.flows - a.flows).slice(0, MOST);
  return (
    <section class="card" aria-label="Classes">
      <h3>
        Classes <small>{groups.length > MOST ? `the ${MOST} largest of ${count(groups.length)}` : "flows that took the same path"}</small>
      </h3>
      <Scroll label="Table of classes">
        <table>
          <thead>
            <tr>
              {["path", "verdict", "entry", "receiver", "flows", "packets", "bytes"].map((t) => (
                <th scope="col" key={t}>
                  {t}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map((g) => (
              <tr key={`${g.path} ${g.verdict} ${g.node} ${g.to}`}>
                <td>
                  <button type="button" class="link" aria-pressed={g.path === shown} onClick={() => onShow(String(g.path))}>
                    {g.path}
                  </button>
                </td>
                <td>
                  <span class={`verdict ${g.verdict}`}>{g.verdict}</span>
                </td>
                <td>{g.node}</td>
                <td>{g.to}</td>
                <td class="number">{count(g.flows)}</td>
                <td class="number">{count(g.packets)}</td>
                <td class="number">{size(g.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
