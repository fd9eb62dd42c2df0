/** Begins a replay: a snapshot, captures that are here or uploaded now, and where each was taken. */
import { useState } from "preact/hooks";
import { api, upload } from "../api/client.js";
import type { Capture, Page, ReplayJob, Snapshot } from "../api/types.js";
import { asError, Fault, useGet } from "../parts/loading.js";
import { percent, size } from "../parts/words.js";

export function Start({ onStarted }: { onStarted(job: ReplayJob): void }) {
  const [again, setAgain] = useState(0);
  const snapshots = useGet<Page<Snapshot>>("/v1/snapshots?limit=200");
  const captures = useGet<Page<Capture>>("/v1/captures?limit=200", { again });
  const [snapshot, setSnapshot] = useState("");
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>({});
  const [sent, setSent] = useState<number | null>(null);
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const ready = snapshots.value?.items.filter((s) => s.status === "ready") ?? [];
  const picked = snapshot || ready[0]?.id || "";
  const send = async (files: FileList | null) => {
    setError(null);
    try {
      for (const file of files ?? []) {
        const made = await upload<Capture>(`/v1/captures?name=${encodeURIComponent(file.name)}`, file, setSent);
        setChosen((old) => ({ ...old, [made.id]: "" }));
      }
    } catch (e) {
      setError(asError(e));
    }
    setSent(null);
    setAgain(again + 1);
  };
  const begin = async (e: Event) => {
    e.preventDefault();
    try {
      onStarted(
        await api.post<ReplayJob>("/v1/replays", {
          snapshot: picked,
          captures: Object.entries(chosen).map(([id, at]) => (at ? { id, at } : { id })),
        }),
      );
    } catch (e) {
      setError(asError(e));
    }
  };
  return (
    <form class="card start" onSubmit={begin} aria-label="New replay">
      <h2>New replay</h2>
      <div class="field">
        <label for="replay-snapshot">Snapshot</label>
        <select id="replay-snapshot" value={picked} onChange={(e) => setSnapshot(e.currentTarget.value)}>
          {ready.map((s) => (
            <option key={s.id} value={s.id}>
              {s.name}
            </option>
          ))}
        </select>
      </div>
      <fieldset>
        <legend>Captures</legend>
        {(captures.value?.items ?? []).map((c) => (
          <div key={c.id} class="capture">
            <label>
              <input
                type="checkbox"
                checked={c.id in chosen}
                onChange={(e) => {
                  const { [c.id]: _, ...others } = chosen;
                  setChosen(e.currentTarget.checked ? { ...others, [c.id]: "" } : others);
                }}
              />{" "}
              {c.name} <small>{size(c.bytes)}</small>
            </label>
            {c.id in chosen && (
              <label class="at">
                taken at{" "}
                <input
                  value={chosen[c.id]}
                  placeholder="by its name, or DEVICE:PORT"
                  onInput={(e) => setChosen({ ...chosen, [c.id]: e.currentTarget.value.trim() })}
                />
              </label>
            )}
          </div>
        ))}
        <label class="upload">
          <span>Upload a capture (pcap, pcapng, .gz)</span>
          <input type="file" multiple onChange={(e) => send(e.currentTarget.files)} />
        </label>
        {sent !== null && (
          <p role="status">
            <progress value={sent} /> {percent(sent)}
          </p>
        )}
      </fieldset>
      {error && <Fault error={error} />}
      <button type="submit" class="primary" disabled={!picked || Object.keys(chosen).length === 0 || sent !== null}>
        Replay
      </button>
    </form>
  );
}
