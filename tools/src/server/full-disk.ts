/**
 * A full disk: the service's data on a small tmpfs, in a mount namespace of its own. Uploads end with 507 and keep nothing, replays wait,
 * questions go on; with room again, and after a restart, everything is as without.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ServiceProcess, sleep } from "./child.js";
import { fingerprint, makeCapture, packetOf, snapshotBytes } from "./evidence.js";

export interface FullDiskFigures {
  /** Statuses of the uploads on the full disk. */
  readonly full: readonly number[];
  /** A question meanwhile. */
  readonly trace: number;
  readonly ready: number;
  /** State of the replay while the disk was full, and in the end. */
  readonly replay: { readonly during: string; readonly after: string; readonly attempt: number };
  readonly faults: readonly string[];
}

const INSIDE = "--inside-namespace";

/** Runs the check in a mount namespace (needs root, or user namespaces). */
export function fullDiskCheck(): FullDiskFigures {
  const script = fileURLToPath(import.meta.url);
  const { stdout, status, stderr } = spawnSync("unshare", ["--mount", process.execPath, script, INSIDE], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`the check in its namespace ended with ${status}: ${stderr}`);
  process.stderr.write(stderr);
  return JSON.parse(stdout) as FullDiskFigures;
}

async function inside(): Promise<FullDiskFigures> {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-full-"));
  const data = join(dir, "data");
  mkdirSync(data);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "none", data]);
  const faults: string[] = [];
  try {
    const pcap = join(dir, "router.enp7s0.pcap");
    makeCapture(pcap, 20_000, 5_000);
    const capture = readFileSync(pcap);
    let service = await ServiceProcess.start(data);
    const token = await service.setUp();
    const snapshot = ((await service.send("POST", "/v1/snapshots?name=cluster.tar.gz", snapshotBytes())).json as { id: string }).id;
    const captureId = ((await service.send("POST", "/v1/captures?name=router.enp7s0.pcap", capture)).json as { id: string }).id;
    const begin = async () =>
      (await service.send("POST", "/v1/replays", { snapshot, captures: [{ id: captureId }] })).json as { id: string };
    const first = (await begin()).id;
    await service.ended(first);
    const expected = await fingerprint(service, first);

    // Room for a queue's row, none for results. What was begun before the disk is full is accepted.
    const filler = join(data, "filler");
    // It only grows: were it made anew, a replay that is at work could end in the room that there is meanwhile.
    writeFileSync(filler, "");
    const fill = (keep: number) => {
      const { bavail, bsize } = statfsSync(data);
      appendFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - keep)));
    };
    fill(160 * 1024);
    const replay = (await begin()).id;
    const full: number[] = [];
    for (let i = 0; i < 3; i++)
      full.push((await service.send("POST", `/v1/captures?name=c${i}.pcap`, Buffer.concat([capture, Buffer.alloc(i + 1)]))).status);
    full.push((await service.send("POST", "/v1/snapshots?name=other.tar.gz", Buffer.concat([snapshotBytes(), Buffer.alloc(512)]))).status);
    fill(0);
    full.push((await service.send("POST", "/v1/tokens", { name: "x", scopes: ["read"] })).status);
    // What an attempt of the replay has given up meanwhile is taken as well.
    fill(0);
    full.push((await service.send("POST", "/v1/replays", { snapshot, captures: [{ id: captureId }] })).status);
    const trace = (await service.send("POST", `/v1/snapshots/${snapshot}/traces`, { packet: packetOf(1), from: "client" })).status;
    const ready = (await service.send("GET", "/readyz")).status;
    await sleep(8000);
    const during = ((await service.send("GET", `/v1/replays/${replay}`)).json as { status: string }).status;
    if (during !== "queued" && during !== "running") faults.push(`the replay is ${during} on a full disk`);
    // It dies while the disk is full, and comes up when there is room.
    await service.kill();
    rmSync(filler);
    service = await ServiceProcess.start(data);
    service.token = token;
    const { status: after, attempt, error } = await service.ended(replay);
    if (after !== "done") faults.push(`the replay is ${after}: ${JSON.stringify(error)}`);
    else if ((await fingerprint(service, replay)) !== expected) faults.push("the replay's results differ from those of before");
    if ((await fingerprint(service, first)) !== expected) faults.push("the results of before differ");
    const captures = ((await service.send("GET", "/v1/captures")).json as { items: unknown[] }).items.length;
    if (captures !== 1) faults.push(`${captures} captures, one was accepted`);
    const snapshots = ((await service.send("GET", "/v1/snapshots")).json as { items: unknown[] }).items.length;
    if (snapshots !== 1) faults.push(`${snapshots} snapshots, one was accepted`);
    if ((await service.send("POST", "/v1/captures?name=again.pcap", capture)).status !== 201)
      faults.push("with room again an upload is refused");
    await service.stop();
    return { full, trace, ready, replay: { during, after, attempt }, faults };
  } finally {
    spawnSync("umount", ["-l", data]);
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[2] === INSIDE) process.stdout.write(JSON.stringify(await inside()));
