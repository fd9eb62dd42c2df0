/** Brings a snapshot in: a file is chosen or dropped, and sent as it is. */
import { useState } from "preact/hooks";
import { upload } from "../api/client.js";
import type { Snapshot } from "../api/types.js";
import { asError, Fault } from "../parts/loading.js";
import { percent } from "../parts/words.js";

export function Upload({ onDone }: { onDone(snapshot: Snapshot): void }) {
  const [sent, setSent] = useState<number | null>(null);
  const [over, setOver] = useState(false);
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const send = async (file: File | undefined) => {
    if (!file) return;
    setError(null);
    setSent(0);
    try {
      onDone(
        await upload<Snapshot>(`/v1/snapshots?name=${encodeURIComponent(file.name.replace(/\.(tar(\.gz)?|tgz|zip)$/, ""))}`, file, setSent),
      );
    } catch (e) {
      setError(asError(e));
    }
    setSent(null);
  };
  return (
    <div class="card">
      <label
        class={`drop ${over ? "over" : ""}`}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          send(e.dataTransfer?.files[0]);
        }}
      >
        <span>
          <b>Upload a snapshot</b>: a must-gather, sosreports or a folder of command outputs, as .tar, .tar.gz or .zip. Passwords, keys and
          tokens in it are masked before anything is stored.
        </span>
        <input type="file" onChange={(e) => send(e.currentTarget.files?.[0])} />
      </label>
      {sent !== null && (
        <p role="status">
          <progress value={sent} aria-label="Sent" /> {sent < 1 ? percent(sent) : "Reading what came…"}
        </p>
      )}
      {error && <Fault error={error} />}
    </div>
  );
}
