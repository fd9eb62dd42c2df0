/** What stands behind a hop: the rule among its neighbours in its file, what it changed, logical beside physical, objects. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Evidence as EvidenceText, Hop, Link } from "../api/types.js";
import { Busy, Fault, useGet } from "../parts/loading.js";
import { Scroll } from "../parts/scroll.js";
import { linksOf } from "../path/segments.js";
import { stageOf } from "./hops.js";

const AROUND = 6;

export interface EvidenceProps {
  readonly snapshot: string;
  readonly hop: Hop;
  readonly index: number;
  readonly of: number;
  onStep(by: number): void;
  onClose(): void;
}

export function Evidence({ snapshot, hop, index, of, onStep, onClose }: EvidenceProps) {
  const { logical, objects, others } = linksOf(hop);
  const flows = logical.filter((l) => l.kind === "lflow");
  const rows = logical.filter((l) => l.kind !== "lflow");
  const top = useRef<HTMLElement>(null);
  // On a narrow screen it opens above the picture: bring it into sight, once.
  useEffect(() => top.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <section class="evidence card" ref={top} aria-label="Evidence of the hop">
      <header>
        <h3>
          {hop.device} <small>{stageOf(hop)}</small>
        </h3>
        <div class="stepper">
          <button type="button" class="quiet" onClick={() => onStep(-1)} disabled={index === 0} aria-label="Hop before">
            ←
          </button>
          <span>
            hop {index + 1} of {of}
          </span>
          <button type="button" class="quiet" onClick={() => onStep(1)} disabled={index === of - 1} aria-label="Next hop">
            →
          </button>
          <button type="button" class="quiet" onClick={onClose} aria-label="Close the evidence">
            ✕
          </button>
        </div>
      </header>
      {hop.certainty !== "proven" && (
        <p class={`certainty ${hop.certainty}`}>
          <b>{hop.certainty}</b>
          {hop.why && `: ${hop.why}`}
        </p>
      )}
      {hop.choice && <p>Chosen: {hop.choice}</p>}
      {flows.length > 0 ? (
        <div class="both">
          <div>
            <h4>Physical</h4>
            <InFile snapshot={snapshot} file={hop.rule.file} line={hop.rule.line} text={hop.rule.text} />
          </div>
          <div>
            <h4>Logical</h4>
            {flows.map((l) => (
              <Logical key={`${l.uuid} ${l.line}`} link={l} snapshot={snapshot} />
            ))}
          </div>
        </div>
      ) : (
        <InFile snapshot={snapshot} file={hop.rule.file} line={hop.rule.line} text={hop.rule.text} />
      )}
      <h4>The packet</h4>
      <dl class="packet">
        <dt>before</dt>
        <dd class="mono">{hop.before}</dd>
        <dt>after</dt>
        <dd class="mono">{hop.after === hop.before ? "unchanged" : hop.after}</dd>
      </dl>
      {hop.changes.length > 0 && (
        <table class="changes">
          <thead>
            <tr>
              <th scope="col">field</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
            </tr>
          </thead>
          <tbody>
            {hop.changes.map((c) => (
              <tr key={c.field}>
                <th scope="row">{c.field}</th>
                <td class="mono">{c.before}</td>
                <td class="mono">{c.after}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Links title="OVN" links={rows} />
      <Links title="Kubernetes" links={objects} />
      <Links title="Also" links={others} />
    </section>
  );
}

function Logical({ link, snapshot }: { link: Link; snapshot: string }) {
  const [match, actions] = (link.text ?? "").split(/ -> (.*)/s);
  return (
    <div class="logical">
      <p>
        {link.datapath} <b>{link.stage}</b> <code title="UUID of the logical flow">{link.uuid?.slice(0, 8)}</code>
      </p>
      <p class="mono">{match}</p>
      {actions && <p class="mono actions">{actions}</p>}
      {link.file && <Where snapshot={snapshot} file={link.file} line={link.line ?? 0} />}
    </div>
  );
}

const Where = ({ file, line }: { snapshot: string; file: string; line: number }) => (
  <p class="where mono">
    {file}
    {line > 0 && `:${line}`}
  </p>
);

function InFile({ snapshot, file, line, text }: { snapshot: string; file: string; line: number; text: string }) {
  const path =
    file && line > 0 ? `/v1/snapshots/${snapshot}/evidence?file=${encodeURIComponent(file)}&line=${line}&around=${AROUND}` : null;
  const { value, error, busy } = useGet<EvidenceText>(path);
  const here = useRef<HTMLLIElement>(null);
  useEffect(() => here.current?.scrollIntoView({ block: "nearest", inline: "nearest" }), [value]);
  if (!path)
    return (
      <Verbatim>
        <li>{text || "No rule of the evidence decided this: it is what the device does by itself."}</li>
      </Verbatim>
    );
  return (
    <>
      <Where snapshot={snapshot} file={file} line={line} />
      {busy && !value && <Busy what="Opening the file…" />}
      {error && <Fault error={error} />}
      {value && (
        <Verbatim from={value.first}>
          {value.lines.map((l, i) => (
            <li
              key={value.first + i}
              ref={value.first + i === line ? here : undefined}
              class={value.first + i === line ? "this" : ""}
              aria-current={value.first + i === line || undefined}
            >
              {l}
            </li>
          ))}
        </Verbatim>
      )}
    </>
  );
}

const Verbatim = ({ from = 1, children }: { from?: number; children: ComponentChildren }) => (
  <Scroll label="Lines of the file" class="verbatim">
    <ol start={from}>{children}</ol>
  </Scroll>
);

function Links({ title, links }: { title: string; links: readonly Link[] }) {
  if (links.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      <ul class="links">
        {links.map((l) => (
          <li key={`${l.kind} ${l.name} ${l.uuid}`}>
            <small>{l.kind.replaceAll("_", " ")}</small> <b>{l.name ?? l.uuid?.slice(0, 8)}</b> {l.text && <code>{l.text}</code>}{" "}
            {l.file && (
              <span class="where mono">
                {l.file}
                {l.line ? `:${l.line}` : ""}
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
