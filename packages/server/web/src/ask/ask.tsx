/** The view *Ask*: a question, its branches, the way of one of them, and the evidence of one hop. */

import { useMemo, useRef, useState } from "preact/hooks";
import type { Inspection, Name, Need, Page, Snapshot, Trace } from "../api/types.js";
import { Busy, Fault, useGet } from "../parts/loading.js";
import { usePost } from "../parts/posting.js";
import { Scroll } from "../parts/scroll.js";
import { Command, plural, VerdictMark } from "../parts/words.js";
import { saveFile, svgText } from "../path/export.js";
import { Diagram } from "../path/graph.js";
import type { Devices } from "../path/lanes.js";
import { Picture } from "../path/picture.js";
import { decidingHop, segmentsOf } from "../path/segments.js";
import { treeOf } from "../path/tree.js";
import { go, type Route } from "../route.js";
import { Beside } from "./beside.js";
import { Branches } from "./branches.js";
import { Evidence } from "./evidence.js";
import { Form } from "./form.js";
import { Hops } from "./hops.js";
import { ask, type Question } from "./question.js";
import { endOf, type WayOf, waysOf } from "./ways.js";

const questionOf = (p: Route["params"], snapshot: string): Question => ({
  snapshot,
  from: p.from ?? "",
  to: p.to ?? "",
  protocol: p.proto ?? "tcp",
  port: p.port ?? "",
  sourcePort: p.sport ?? "",
  packet: p.packet ?? "",
});

export function Ask({ params }: { params: Route["params"] }) {
  const snapshots = useGet<Page<Snapshot>>("/v1/snapshots?limit=200");
  const ready = useMemo(() => snapshots.value?.items.filter((s) => s.status === "ready") ?? [], [snapshots.value]);
  const snapshot = params.snapshot ?? ready[0]?.id ?? "";
  const names = useGet<{ items: readonly Name[] }>(snapshot ? `/v1/snapshots/${snapshot}/names` : null);
  const inspection = useGet<Inspection>(snapshot ? `/v1/snapshots/${snapshot}/inspect` : null);
  const devices: Devices = useMemo(() => new Map(inspection.value?.devices.map((d) => [d.name, d])), [inspection.value]);
  const question = useMemo(() => questionOf(params, snapshot), [params, snapshot]);
  const asked = useMemo(() => {
    if (!names.value || (!question.to && !question.packet)) return null;
    const made = ask(question, names.value.items);
    return typeof made === "string" ? null : { ...made, from: made.from || undefined, reply: true };
  }, [question, names.value]);
  const trace = usePost<Trace>(asked && `/v1/snapshots/${snapshot}/traces`, asked);
  if (snapshots.error) return <Fault error={snapshots.error} />;
  if (snapshots.value && ready.length === 0)
    return (
      <p class="empty card">
        There is no snapshot yet. <a href="#/snapshots">Upload one</a>: a folder of command outputs, a must-gather or sosreports, as tar,
        tar.gz or zip.
      </p>
    );
  return (
    <>
      <Form
        question={question}
        snapshots={ready}
        names={names.value?.items ?? []}
        busy={trace.busy}
        onSnapshot={(id) => go({ view: "ask", params: { ...params, snapshot: id, branch: "", hop: "" } })}
        onAsk={(q) =>
          go({
            view: "ask",
            params: {
              snapshot,
              from: q.from,
              to: q.to,
              proto: q.protocol,
              port: q.protocol === "icmp" ? "" : q.port,
              sport: q.sourcePort,
              packet: q.packet,
            },
          })
        }
      />
      {names.error && <Fault error={names.error} />}
      {trace.error && <Fault error={trace.error} />}
      {trace.busy && !trace.value && <Busy what="Following the packet…" />}
      {trace.value && <Answer trace={trace.value} devices={devices} snapshot={snapshot} params={params} />}
      {!asked && !trace.busy && names.value && <Examples names={names.value.items} snapshot={snapshot} />}
    </>
  );
}

/** Where nothing was asked yet: questions that this snapshot can answer. */
function Examples({ names, snapshot }: { names: readonly Name[]; snapshot: string }) {
  const outside = names.find((n) => n.kind === "host" || n.name === "client") ?? names.find((n) => n.kind === "device");
  const services = names.filter((n) => n.kind === "service" && n.ports.length > 0).slice(0, 4);
  if (!outside || services.length === 0) return null;
  return (
    <section class="card">
      <h2>Questions to begin with</h2>
      <ul>
        {services.map((s) => (
          <li key={s.name}>
            <button
              type="button"
              class="link"
              onClick={() =>
                go({
                  view: "ask",
                  params: {
                    snapshot,
                    from: outside.name,
                    to: s.name,
                    proto: s.ports[0].protocol.toLowerCase(),
                    port: String(s.ports[0].port),
                  },
                })
              }
            >
              Does {outside.name} reach {s.name}, port {s.ports[0].port}?
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Answer({ trace, devices, snapshot, params }: { trace: Trace; devices: Devices; snapshot: string; params: Route["params"] }) {
  const look = (more: Record<string, string>) => go({ view: "ask", params: { ...params, ...more } }, true);
  const chosen = Math.min(Math.max(Number(params.branch || 1) - 1, 0), trace.branches.length - 1);
  const branch = trace.branches[chosen];
  const ways = branch ? waysOf(branch) : [];
  const way = ways.find((w) => w.key === (params.way ?? "")) ?? ways[0];
  const whole = params.picture === "all" && trace.branches.length > 1;
  return (
    <section aria-label="Answer">
      <div class="summary card">
        <h2>
          <VerdictMark verdict={trace.verdict} /> <code>{trace.packet}</code>
        </h2>
        {trace.start && <p>{trace.start}</p>}
        {trace.branches.length > 1 && (
          <Branches branches={trace.branches} chosen={chosen} onChoose={(i) => look({ branch: String(i + 1), hop: "", picture: "" })} />
        )}
        {trace.branches.length === 1 && <p>{endOf(branch)}</p>}
      </div>
      {branch && (
        <>
          <div class="tabs" role="toolbar" aria-label="What the picture shows">
            {ways.map((w) => (
              <button
                key={w.key}
                type="button"
                aria-pressed={w === way && !whole}
                onClick={() => look({ way: w.key, picture: "", hop: "" })}
              >
                {w.name}
              </button>
            ))}
            {trace.branches.length > 1 && (
              <button type="button" aria-pressed={whole} onClick={() => look({ picture: "all", hop: "" })}>
                All {trace.branches.length} branches
              </button>
            )}
            <SaveAs name={`${trace.verdict}-${trace.packet}`} />
          </div>
          {whole ? (
            <AllBranches
              trace={trace}
              devices={devices}
              chosen={chosen}
              onBranch={(i) => look({ branch: String(i + 1), picture: "", hop: "" })}
            />
          ) : (
            <Way
              way={way}
              devices={devices}
              snapshot={snapshot}
              hop={params.hop ? Number(params.hop) - 1 : -1}
              onHop={(i) => look({ hop: i < 0 ? "" : String(i + 1) })}
            />
          )}
        </>
      )}
    </section>
  );
}

interface WayProps {
  readonly way: WayOf;
  readonly devices: Devices;
  readonly snapshot: string;
  /** Index of the hop that is looked at, -1 for none. */
  readonly hop: number;
  onHop(index: number): void;
}

function Way({ way: { hops, verdict, end, needs, unreached }, devices, snapshot, hop, onHop }: WayProps) {
  const segments = useMemo(() => segmentsOf(hops, devices), [hops, devices]);
  const looked = hop >= 0 && hop < hops.length ? hop : -1;
  return (
    <div class={looked >= 0 ? "way with-evidence" : "way"}>
      <div class="way-main">
        {needs.length > 0 && <Needs needs={needs} />}
        <Scroll label="Path picture" class="card">
          <Picture
            segments={segments}
            verdict={verdict}
            end={end}
            hop={looked}
            decides={decidingHop(hops)}
            label={`The packet's way: ${verdict}, ${end}`}
            onHop={onHop}
          />
        </Scroll>
        <details class="card" open>
          <summary>{plural(hops.length, "hop")}</summary>
          <Hops hops={hops} segments={segments} chosen={looked} failing={verdict === "delivered" ? -1 : decidingHop(hops)} onHop={onHop} />
        </details>
        {unreached && <Beside unreached={unreached} />}
      </div>
      {looked >= 0 && (
        <Evidence
          snapshot={snapshot}
          hop={hops[looked]}
          index={looked}
          of={hops.length}
          onStep={(by) => onHop(Math.min(Math.max(looked + by, 0), hops.length - 1))}
          onClose={() => onHop(-1)}
        />
      )}
    </div>
  );
}

function Needs({ needs }: { needs: readonly Need[] }) {
  return (
    <div class="needs card">
      <h3>What is not known, and what would tell</h3>
      <ul>
        {needs.map((n) => (
          <li key={`${n.why} ${n.command}`}>
            {n.why}
            {n.command && (
              <>
                {" "}
                — on <b>{n.on}</b>: <Command text={n.command} />
              </>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function AllBranches({ trace, devices, chosen, onBranch }: { trace: Trace; devices: Devices; chosen: number; onBranch(i: number): void }) {
  const tree = useMemo(() => treeOf(trace.branches, devices), [trace, devices]);
  const nodes = useMemo(
    () =>
      tree.nodes.map((n) => ({
        id: n.id,
        title: n.title,
        note: [n.verdict, n.node].filter(Boolean).join(" · "),
        kind: n.verdict ? (n.verdict === "delivered" ? "arrived" : "failing") : "",
      })),
    [tree],
  );
  const edges = useMemo(
    () =>
      tree.edges.map((e) => ({
        from: e.from,
        to: e.to,
        label: e.share < 0.999 ? `${(e.share * 100).toFixed(0)} %` : "",
        width: 1.5 + e.share * 6,
        kind: "proven",
      })),
    [tree],
  );
  const through = (id: string) => tree.nodes.find((n) => n.id === id)?.branches ?? [];
  return (
    <Scroll label="Picture of all branches" class="card">
      <Diagram
        nodes={nodes}
        edges={edges}
        label="All branches"
        onNode={(id) => onBranch(through(id).includes(chosen) ? chosen : (through(id)[0] ?? 0))}
      />
    </Scroll>
  );
}

function SaveAs({ name }: { name: string }) {
  const button = useRef<HTMLButtonElement>(null);
  const save = () => {
    const picture = document.querySelector<SVGSVGElement>("svg[data-picture]");
    if (picture) saveFile(`${name.replace(/[^\w.-]+/g, "_")}.svg`, new Blob([svgText(picture)], { type: "image/svg+xml" }));
  };
  const [copied, set] = useState(false);
  const link = async () => {
    await navigator.clipboard.writeText(location.href);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return (
    <span class="right">
      <button type="button" class="quiet" onClick={link}>
        {copied ? "Link copied" : "Copy link"}
      </button>
      <button type="button" class="quiet" ref={button} onClick={save}>
        Save as SVG
      </button>
    </span>
  );
}
