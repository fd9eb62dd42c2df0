/** What keeps accepted work safe: the queue's leases, blobs that are swept, answers that are kept, the encrypted spool. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileBlobs } from "../src/blobs/files.js";
import type { Metadata } from "../src/metadata/metadata.js";
import type { ReplayRecord } from "../src/metadata/records.js";
import { openSqlite } from "../src/metadata/sqlite/index.js";
import { spoolSource, writeSpool } from "../src/spool/spool.js";
import { Answers } from "../src/workers/answers.js";
import type { Ask } from "../src/workers/protocol.js";

let dir: string;
let metadata: Metadata;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "plumbline-jobs-"));
  metadata = openSqlite(join(dir, "data"));
  await metadata.projects.add({ id: "p1", name: "one", operator: true, createdAt: "2026-01-01T00:00:00.000Z" });
});
afterEach(async () => {
  await metadata.close();
  rmSync(dir, { recursive: true, force: true });
});

const replay = (id: string): ReplayRecord => ({
  id,
  project: "p1",
  snapshot: "s1",
  question: { captures: [{ id: "c1" }], choose: "hash", conntrack: "empty" },
  status: "queued",
  attempt: 0,
  lost: 0,
  progress: { packets: 0, bytes: 0, bytesTotal: 10 },
  error: null,
  results: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  startedAt: null,
  finishedAt: null,
});
const NOTHING = { packets: 0, bytes: 0, bytesTotal: 10 };
const RESULTS = { flows: "f", summary: "s", paths: "p" };

test("a job has one holder; whoever lost it changes nothing", async () => {
  const { jobs, replays } = metadata;
  await replays.add(replay("r1"));
  const first = (await jobs.lease("one", 1000, 100))!;
  expect(first.replay).toMatchObject({ id: "r1", status: "running", attempt: 1 });
  expect(await jobs.lease("two", 1000, 100)).toBe(null);
  // Its time is over: another takes it.
  expect(await jobs.reclaim(1050, false)).toBe(0);
  expect(await jobs.reclaim(1101, false)).toBe(1);
  const second = (await jobs.lease("two", 1101, 100))!;
  expect(second.replay.attempt).toBe(2);
  expect(await jobs.renew(first, 1101, 100, NOTHING)).toBe(false);
  expect(await jobs.finish(first, { ...RESULTS, flows: "late" }, NOTHING)).toBe(false);
  expect(await jobs.fail(first, { code: "X", message: "x", hint: "" })).toBe(false);
  expect(await jobs.finish(second, RESULTS, NOTHING)).toBe(true);
  expect(await jobs.finish(second, RESULTS, NOTHING)).toBe(false);
  expect(await replays.get("p1", "r1")).toMatchObject({ status: "done", results: RESULTS, attempt: 2 });
});

test("what a dead process held is taken up again; what waits is not taken before its time", async () => {
  const { jobs, replays } = metadata;
  await replays.add(replay("r1"));
  await jobs.lease("dead", 0, 60_000);
  await metadata.close();
  metadata = openSqlite(join(dir, "data"));
  expect(await metadata.jobs.reclaim(1, true)).toBe(1);
  const lease = (await metadata.jobs.lease("next", 1, 60_000))!;
  expect(lease.replay).toMatchObject({ attempt: 2, lost: 2 });
  await metadata.jobs.putBack(lease, 5000, 0);
  expect([await metadata.jobs.lease("next", 4999, 1), await metadata.jobs.next()]).toEqual([null, 5000]);
  expect((await metadata.jobs.lease("next", 5000, 1))?.replay.id).toBe("r1");
});

test("cancelled while it runs: its results do not come; retried, they do", async () => {
  const { jobs, replays } = metadata;
  await replays.add(replay("r1"));
  const lease = (await jobs.lease("one", 0, 100))!;
  expect(await jobs.cancel("p2", "r1")).toBe(false);
  expect(await jobs.cancel("p1", "r1")).toBe(true);
  expect(await jobs.finish(lease, RESULTS, NOTHING)).toBe(false);
  expect([await jobs.retry("p1", "r1"), await jobs.retry("p1", "r1")]).toEqual([true, false]);
  expect((await replays.get("p1", "r1"))?.status).toBe("queued");
});

test("a folder of data is one process's", () => {
  expect(() => openSqlite(join(dir, "data"))).toThrow(/another service uses this folder/);
});

const sha = (text: string) => createHash("sha256").update(text).digest("hex");

test("blobs: equal content once; a sweep takes what nobody refers to or holds", async () => {
  const root = join(dir, "blobs");
  const blobs = await FileBlobs.open(root);
  const keep = async (text: string) => {
    const draft = blobs.draft();
    writeFileSync(draft, text);
    await blobs.keep(draft, sha(text));
    return sha(text);
  };
  const [a, b, c] = [await keep("a"), await keep("b"), await keep("c")];
  await keep("a");
  const release = blobs.hold(b);
  // Referred to when asked; held while the sweep runs, and let go again before it comes by.
  const swept = await blobs.sweep(async () => {
    blobs.hold(c)();
    return new Set([a]);
  });
  expect(swept.blobs).toBe(0);
  release();
  expect(await blobs.sweep(async () => new Set([a]))).toEqual({ blobs: 2, bytes: 2 });
  expect([a, b, c].map((k) => existsSync(blobs.path(k)))).toEqual([true, false, false]);
  expect(() => blobs.path("../x")).toThrow();
  // A draft of a process that died.
  const draft = blobs.draft();
  writeFileSync(draft, "x");
  await FileBlobs.open(root);
  expect(existsSync(draft)).toBe(false);
});

test("a spool is read from any place, and holds nothing that could be read without its key", async () => {
  const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => `line ${i} of what is sent\n`).join(""));
  const pieces = async function* () {
    for (let at = 0; at < content.length; at += 777) yield content.subarray(at, at + 777);
  };
  const path = join(dir, "spool");
  const spool = await writeSpool(path, pieces(), () => {});
  expect([spool.size, spool.sha256]).toEqual([content.length, createHash("sha256").update(content).digest("hex")]);
  expect(readFileSync(path).includes("of what is sent")).toBe(false);
  const source = spoolSource(spool, "x");
  for (const [from, to] of [
    [0, content.length],
    [1, 17],
    [15, 16],
    [16, 4097],
    [content.length - 3, content.length],
    [5, 5],
  ]) {
    const chunks: Buffer[] = [];
    for await (const chunk of source.stream(from, to)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(content.subarray(from, to))).toBe(true);
  }
  const tooMuch = writeSpool(join(dir, "other"), pieces(), (size) => {
    if (size > 1000) throw new Error("too much");
  });
  await expect(tooMuch).rejects.toThrow("too much");
  expect(existsSync(join(dir, "other"))).toBe(false);
});

test("answers: given once while they are kept, asked once while they come, never kept where they failed", async () => {
  const answers = new Answers(800);
  let made = 0;
  const ask = (packet: string, bytes = 10, fails = false) =>
    answers.of({ op: "trace", evidence: { id: "s1", name: "x", layers: [] }, ask: { packets: [packet], list: false } } as Ask, async () => {
      made++;
      await new Promise((resolve) => setImmediate(resolve));
      if (fails) throw new Error("no");
      return Buffer.alloc(bytes, packet);
    });
  await Promise.all([ask("a"), ask("a")]);
  await ask("a");
  expect(made).toBe(1);
  await expect(ask("b", 10, true)).rejects.toThrow("no");
  await ask("b");
  expect(made).toBe(3);
  // Too large to be kept; and the oldest go.
  await ask("large", 101);
  await ask("large", 101);
  expect(made).toBe(5);
  for (const p of ["c", "d", "e", "f", "g", "h", "i", "j"]) await ask(p, 100);
  expect(made).toBe(13);
  await ask("j", 100);
  expect(made).toBe(13);
  await ask("a");
  expect(made).toBe(14);
});
