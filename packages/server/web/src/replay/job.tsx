/** A replay that runs: how far it is, live, and cancel or retry. */
import { useEffect, useState } from "preact/hooks";
import { api, follow } from "../api/client.js";
import type { ReplayJob } from "../api/types.js";
import { asError, Fault } from "../parts/loading.js";
import { count, percent } from "../parts/words.js";

/** The job as it is now, followed while it runs. */
export function useJob(id: string): { job: ReplayJob | null; error: ReturnType<typeof asError> | null; refresh(): void } {
  const [job, set] = useState<ReplayJob | null>(null);
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const run = async () => {
      try {
        const now = await api.get<ReplayJob>(`/v1/replays/${id}`, stop.signal);
        set(now);
        if (now.status !== "queued" && now.status !== "running") return;
        await follow(`/v1/replays/${id}/events`, stop.signal, (_, data) => set((old) => ({ ...old, ...(data as ReplayJob) })));
        set(await api.get<ReplayJob>(`/v1/replays/${id}`, stop.signal));
      } catch (e) {
        if (!stop.signal.aborted) setError(asError(e));
      }
    };
    set(null);
    setError(null);
    run();
    return () => stop.abort();
  }, [id, again]);
  return { job, error, refresh: () => setAgain(again + 1) };
}

export function JobState({ job, onChanged }: { job: ReplayJob; onChanged(): void }) {
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const tell = async (what: "cancel" | "retry") => {
    try {
      await api.post(`/v1/replays/${job.id}/${what}`, {});
      onChanged();
    } catch (e) {
      setError(asError(e));
    }
  };
  const { packets, bytes, bytesTotal } = job.progress;
  const part = bytesTotal > 0 ? bytes / bytesTotal : 0;
  const runs = job.status === "queued" || job.status === "running";
  return (
    <div class="job card" aria-live="polite">
      <b>{job.status}</b> {runs && <progress value={part} aria-label="Part of the captures that is done" />}{" "}
      {packets > 0 && <span>{count(packets)} packets</span>} {runs && bytesTotal > 0 && <span>{percent(Math.min(part, 1))}</span>}
      {runs && (
        <button type="button" class="quiet" onClick={() => tell("cancel")}>
          Cancel
        </button>
      )}
      {(job.status === "failed" || job.status === "cancelled") && (
        <button type="button" class="quiet" onClick={() => tell("retry")}>
          Run it again
        </button>
      )}
      {job.error && <p class="form-fault">{job.error}</p>}
      {error && <Fault error={error} />}
    </div>
  );
}
