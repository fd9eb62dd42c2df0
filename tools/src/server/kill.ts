/**
 * `kill -9` at random moments, during uploads and during replays: what was accepted is there after the next start, its results are those
 * of an undisturbed run, and nothing counts twice.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Random } from "../oracle/random.js";
import { ServiceProcess, sleep } from "./child.js";
import { fingerprint, makeCapture, snapshotBytes } from "./evidence.js";

export interface KillFigures {
  readonly seed: number;
  readonly rounds: number;
  /** Uploads that were cut; those that had been accepted when the kill came. */
  readonly uploads: { readonly cut: number; readonly accepted: number };
  /** Replays by the attempt that succeeded. */
  readonly attempts: Readonly<Record<number, number>>;
  readonly faults: readonly string[];
}

export async function killHunt(rounds: number, seed: number, packets = 200_000): Promise<KillFigures> {
  const random = new Random(seed);
  const dir = mkdtempSync(join(tmpdir(), "plumbline-kill-"));
  const faults: string[] = [];
  const uploads = { cut: 0, accepted: 0 };
  const attempts: Record<number, number> = {};
  try {
    const pcap = join(dir, "router.enp7s0.pcap");
    makeCapture(pcap, packets, Math.ceil(packets / 20));
    const capture = readFileSync(pcap);
    const data = join(dir, "data");

    // Undisturbed.
    let service = await ServiceProcess.start(data);
    const token = await service.setUp();
    const snapshot = ((await service.send("POST", "/v1/snapshots?name=cluster.tar.gz", snapshotBytes())).json as { id: string }).id;
    const captureId = ((await service.send("POST", "/v1/captures?name=router.enp7s0.pcap", capture)).json as { id: string }).id;
    const begin = async () =>
      ((await service.send("POST", "/v1/replays", { snapshot, captures: [{ id: captureId }] })).json as { id: string }).id;
    const before = Date.now();
    const first = await begin();
    await service.ended(first);
    const took = Date.now() - before;
    const expected = await fingerprint(service, first);
    const inspection = (await service.send("GET", `/v1/snapshots/${snapshot}/inspect`)).text;
    const restart = async () => {
      service = await ServiceProcess.start(data);
      service.token = token;
      if (existsSync(join(data, "blobs/drafts")) && readdirSync(join(data, "blobs/drafts")).length > 3)
        faults.push("drafts of a dead process are still there");
    };

    const known = new Set([snapshot]);
    let replays = 1;
    for (let round = 0; round < rounds; round++) {
      // An upload of content of its own, sent in pieces over a while, cut somewhere: while it comes in, while it is taken in, or behind.
      const tar = gunzipSync(snapshotBytes());
      // A byte of padding behind the archive's end makes other content.
      const archive = gzipSync(Buffer.concat([tar, Buffer.alloc(512 * (round + 1))]));
      const sending = service.send("POST", "/v1/snapshots?name=cluster.tar.gz", slowly(archive, 10 + random.int(20))).catch(() => null);
      await sleep(random.int(4000));
      await service.kill();
      const answer = await sending;
      await restart();
      const listed = ((await service.send("GET", "/v1/snapshots?limit=1000")).json as { items: { id: string; status: string }[] }).items;
      if (answer && answer.status < 300) {
        uploads.accepted++;
        const { id } = answer.json as { id: string };
        if (!listed.some((s) => s.id === id)) faults.push(`round ${round}: the accepted snapshot ${id} is gone`);
      } else uploads.cut++;
      for (const { id, status } of listed) if (status !== "ready") faults.push(`round ${round}: snapshot ${id} is ${status}`);
      const again = await service.send("POST", "/v1/snapshots?name=cluster.tar.gz", archive);
      const { id } = again.json as { id: string };
      if (again.status >= 300) faults.push(`round ${round}: the upload after the kill: ${again.status} ${again.text}`);
      known.add(id);
      if ((await service.send("GET", `/v1/snapshots/${id}/inspect`)).text !== inspection)
        faults.push(`round ${round}: the snapshot differs from the undisturbed one`);
      const now = ((await service.send("GET", "/v1/snapshots?limit=1000")).json as { items: unknown[] }).items.length;
      if (now !== known.size) faults.push(`round ${round}: ${now} snapshots, ${known.size} are known`);

      // A replay, cut somewhere.
      const replay = await begin();
      replays++;
      await sleep(random.int(Math.ceil(took * 1.2)));
      await service.kill();
      await restart();
      const { status, attempt, error } = await service.ended(replay);
      attempts[attempt] = (attempts[attempt] ?? 0) + 1;
      if (status !== "done") faults.push(`round ${round}: the replay is ${status}: ${JSON.stringify(error)}`);
      else if ((await fingerprint(service, replay)) !== expected)
        faults.push(`round ${round}: the results differ from the undisturbed run's`);
      process.stderr.write(
        `round ${round + 1} of ${rounds}: ${faults.length} faults, ${uploads.cut} uploads cut, attempts ${JSON.stringify(attempts)}\n`,
      );
      const jobs = ((await service.send("GET", "/v1/replays?limit=1000")).json as { items: unknown[] }).items.length;
      if (jobs !== replays) faults.push(`round ${round}: ${jobs} replays, ${replays} were begun`);
    }
    await service.stop();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { seed, rounds, uploads, attempts, faults };
}

/** In pieces, with a pause between them. */
function slowly(bytes: Uint8Array, pieces: number): ReadableStream<Uint8Array> {
  const size = Math.ceil(bytes.length / pieces);
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await sleep(30);
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
      if (at >= bytes.length) controller.close();
    },
  });
}
