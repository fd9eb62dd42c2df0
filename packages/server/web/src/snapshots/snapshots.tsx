/** The view *Snapshots*: what is here, what each holds and lacks, and the network that was made of it. */
import { useState } from "preact/hooks";
import { api } from "../api/client.js";
import type { Inspection, Page, Snapshot } from "../api/types.js";
import { asError, Busy, Fault, useGet } from "../parts/loading.js";
import { Command, plural, size, time } from "../parts/words.js";
import { go, type Route } from "../route.js";
import { Matrix } from "./matrix.js";
import { Topology } from "./topology.js";
import { Upload } from "./upload.js";

export function Snapshots({ params, mayRun }: { params: Route["params"]; mayRun: boolean }) {
  const [again, setAgain] = useState(0);
  const list = useGet<Page<Snapshot>>("/v1/snapshots?limit=200", { again });
  const items = list.value?.items ?? [];
  const chosen = items.find((s) => s.id === params.id) ?? items[0];
  return (
    <>
      {mayRun && (
        <Upload
          onDone={(s) => {
            setAgain(again + 1);
            go({ view: "snapshots", params: { id: s.id } });
          }}
        />
      )}
      {list.error && <Fault error={list.error} />}
      <section class="card" aria-label="Snapshots">
        <h2>Snapshots</h2>
        {list.value && items.length === 0 && <p>None yet.</p>}
        <ul class="list">
          {items.map((s) => (
            <li key={s.id} class={s.id === chosen?.id ? "chosen" : ""}>
              <a href={`#/snapshots?id=${s.id}`} aria-current={s.id === chosen?.id || undefined}>
                {s.name}
              </a>{" "}
              <small>
                {time(s.createdAt)} · {size(s.bytes)} · {plural(s.files, "file")} · {plural(s.hosts, "host")}
                {s.masked > 0 && ` · ${plural(s.masked, "secret")} masked`}
              </small>{" "}
              {s.status === "failed" ? <b class="failing">failed: {s.error}</b> : <a href={`#/ask?snapshot=${s.id}`}>Ask</a>}
            </li>
          ))}
        </ul>
      </section>
      {chosen?.status === "ready" && <One key={chosen.id} snapshot={chosen} mayRun={mayRun} onDeleted={() => setAgain(again + 1)} />}
    </>
  );
}

function One({ snapshot, mayRun, onDeleted }: { snapshot: Snapshot; mayRun: boolean; onDeleted(): void }) {
  const { value, error, busy } = useGet<Inspection>(`/v1/snapshots/${snapshot.id}/inspect`);
  const [fault, setFault] = useState<ReturnType<typeof asError> | null>(null);
  const [sure, setSure] = useState(false);
  const remove = async () => {
    try {
      await api.remove(`/v1/snapshots/${snapshot.id}`);
      onDeleted();
      go({ view: "snapshots", params: {} });
    } catch (e) {
      setFault(asError(e));
    }
  };
  return (
    <section aria-label={snapshot.name}>
      <header class="row">
        <h2>{snapshot.name}</h2>
        {mayRun && (
          <button type="button" class="quiet right" onClick={() => (sure ? remove() : setSure(true))} onBlur={() => setSure(false)}>
            {sure ? "Really delete" : "Delete"}
          </button>
        )}
      </header>
      {fault && <Fault error={fault} />}
      {busy && !value && <Busy what="Reading the snapshot…" />}
      {error && <Fault error={error} />}
      {value && (
        <>
          <div class="card">
            <h3>What is in it</h3>
            <Matrix matrix={value.matrix} />
          </div>
          {value.missing.length > 0 && (
            <div class="card">
              <h3>What is missing, and how to get it</h3>
              <ul class="list">
                {value.missing.map((m) => (
                  <li key={`${m.what} ${m.role}`}>
                    {m.what} <small>of {m.hosts.join(", ") || m.role}</small> <Command text={m.command} />
                  </li>
                ))}
              </ul>
            </div>
          )}
          {value.problems.length > 0 && (
            <div class="card">
              <h3>Problems</h3>
              <ul class="list">
                {value.problems.map((p) => (
                  <li key={`${p.file}:${p.line} ${p.message}`}>
                    <b>{p.severity}</b> <span class="mono">{p.file && `${p.file}${p.line ? `:${p.line}` : ""}`}</span> {p.message}{" "}
                    {p.hint && <small>{p.hint}</small>}
                  </li>
                ))}
              </ul>
            </div>
          )}
          <div class="card">
            <h3>Topology, as joined</h3>
            <Topology inspection={value} />
            {value.unjoined.length > 0 && (
              <details>
                <summary>{plural(value.unjoined.length, "port")} that lead nowhere</summary>
                <ul class="list">
                  {value.unjoined.map((u) => (
                    <li key={`${u.device} ${u.port}`}>
                      {u.device} {u.port} <small>{u.why}</small>
                    </li>
                  ))}
                </ul>
              </details>
            )}
          </div>
        </>
      )}
    </section>
  );
}
