/** Replays through the service: the same results as on the command line, and every way to look at them. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { example, startService, type TestService } from "./service.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
let s: TestService;
let dir: string;
let snapshot: string;
let capture: string;
let replay: string;
// biome-ignore lint/suspicious/noExplicitAny: records as printed
let flows: any[];

/** What the command line prints; the service answers it from this process meanwhile. */
function plumbline(...args: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "packages/cli/bin/plumbline.js"), ...args],
      { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 },
      (e, stdout, stderr) => resolve(e ? { code: Number(e.code), out: stdout + stderr } : { code: 0, out: stdout }),
    );
  });
}

async function ended(id: string): Promise<{ status: string }> {
  for (;;) {
    const { json } = await s.send("GET", `/v1/replays/${id}`, s.admin);
    if (json.status !== "queued" && json.status !== "running") return json;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "plumbline-replays-"));
  s = await startService();
  snapshot = (await s.send("POST", "/v1/snapshots?name=cluster.tar.gz", s.admin, example("cluster.tar.gz"))).json.id;
  capture = (await s.send("POST", "/v1/captures?name=cluster.router.enp7s0.pcap.gz", s.admin, example("cluster.router.enp7s0.pcap.gz")))
    .json.id;
  const begun = await s.send("POST", "/v1/replays", s.admin, { snapshot, captures: [{ id: capture }] });
  expect([begun.status, begun.json.status]).toEqual([202, "queued"]);
  replay = begun.json.id;
});
afterAll(async () => {
  await s.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("events: progress, and the end last", async () => {
  const { headers, text } = await s.send("GET", `/v1/replays/${replay}/events`, s.admin);
  expect(headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = text
    .trim()
    .split(/\n\n/)
    .filter((e) => e.startsWith("event"));
  expect(events.slice(0, -1).every((e) => e.startsWith("event: progress"))).toBe(true);
  const last = JSON.parse(/data: (.*)/.exec(events.at(-1)!)![1]);
  expect(events.at(-1)).toMatch(/^event: end/);
  expect(last).toMatchObject({ id: replay, status: "done", attempt: 1, progress: { packets: 643 } });
});

test("flows and summary are those of the command line", async () => {
  const file = join(dir, "flows.ndjson");
  const local = JSON.parse(
    (await plumbline("replay", "examples/cluster.tar.gz", "examples/cluster.router.enp7s0.pcap.gz", "--flows", file, "--format", "json"))
      .out,
  );
  const { json: summary } = await s.send("GET", `/v1/replays/${replay}/summary`, s.admin);
  const { captures, stats, ...mine } = summary;
  const { captures: theirs, stats: _, ...expected } = local;
  expect(mine).toEqual(expected);
  expect(captures).toEqual([{ ...theirs[0], name: "cluster.router.enp7s0.pcap.gz" }]);
  expect(stats.seconds).toBeGreaterThan(0);
  flows = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
  const paged: unknown[] = [];
  for (let after = ""; ; ) {
    const { json } = await s.send("GET", `/v1/replays/${replay}/flows?limit=7${after}`, s.admin);
    paged.push(...json.items);
    if (json.next === null) break;
    after = `&after=${json.next}`;
  }
  expect(paged).toEqual(flows);
  const { text } = await s.send("GET", `/v1/replays/${replay}/flows?format=ndjson`, s.admin);
  expect(
    text
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l)),
  ).toEqual(flows);
});

test("filters work together, repeated ones are alternatives", async () => {
  const ask = async (query: string) => (await s.send("GET", `/v1/replays/${replay}/flows?limit=10000&${query}`, s.admin)).json.items;
  expect(await ask("verdict=delivered&dstPort=8080")).toEqual(flows.filter((f) => f.verdict === "delivered" && f.dstPort === 8080));
  expect(await ask("verdict=dropped&verdict=refused")).toEqual(flows.filter((f) => f.verdict === "dropped" || f.verdict === "refused"));
  const backend = flows.find((f) => f.to !== null).to;
  expect(await ask(`backend=${encodeURIComponent(backend)}&node=${flows[0].node}`)).toEqual(
    flows.filter((f) => f.to === backend && f.node === flows[0].node),
  );
  expect(await ask("to=")).toEqual(flows.filter((f) => f.to === null));
  expect(await ask("verdict=' OR 1=1 --")).toEqual([]);
  expect((await s.send("GET", `/v1/replays/${replay}/flows?dstPort=x`, s.admin)).status).toBe(400);
});

test("groups and time", async () => {
  const { json } = await s.send("GET", `/v1/replays/${replay}/groups?by=verdict,node&proto=tcp`, s.admin);
  const sums = new Map<string, { verdict: string; node: string; flows: number; packets: number; bytes: number }>();
  for (const f of flows.filter((x) => x.proto === "tcp")) {
    const key = `${f.verdict}\n${f.node}`;
    const sum = sums.get(key) ?? { verdict: f.verdict, node: f.node, flows: 0, packets: 0, bytes: 0 };
    sums.set(key, { ...sum, flows: sum.flows + 1, packets: sum.packets + f.packets, bytes: sum.bytes + f.bytes });
  }
  const order = (a: { flows: number; verdict: string; node: string }, b: typeof a) =>
    b.flows - a.flows || (a.verdict + a.node < b.verdict + b.node ? -1 : 1);
  expect(json).toEqual({ items: [...sums.values()].sort(order), complete: true });
  expect((await s.send("GET", `/v1/replays/${replay}/groups?by=verdict;drop`, s.admin)).status).toBe(400);
  const { json: time } = await s.send("GET", `/v1/replays/${replay}/timeline?by=verdict&buckets=9`, s.admin);
  expect(time.series.flatMap((x: { flows: number[] }) => x.flows).length).toBe(9 * time.series.length);
  expect(time.series.flatMap((x: { flows: number[] }) => x.flows).reduce((a: number, b: number) => a + b)).toBe(flows.length);
  expect([time.from, time.to]).toEqual(
    [
      flows
        .map((f) => f.first)
        .sort()[0]
        .slice(0, 23),
      flows
        .map((f) => f.first)
        .sort()
        .at(-1)!
        .slice(0, 23),
    ].map((t) => `${t}Z`),
  );
});

test("a path, and downloads", async () => {
  const { path, verdict } = flows[0];
  const { json } = await s.send("GET", `/v1/replays/${replay}/paths/${path}`, s.admin);
  expect(json).toMatchObject({ path, flows: flows.filter((f) => f.path === path).length });
  expect(json.hops.length).toBeGreaterThan(5);
  expect(json.hops[0]).toHaveProperty("rule.file");
  expect((await s.send("GET", `/v1/replays/${replay}/paths/p99999`, s.admin)).status).toBe(404);
  const csv = (await s.send("GET", `/v1/replays/${replay}/flows?format=csv&verdict=${verdict}`, s.admin)).text.trim().split("\r\n");
  expect(csv).toHaveLength(1 + flows.filter((f) => f.verdict === verdict).length);
  expect(csv[0]).toMatch(/^schema,proto,src,srcPort,/);
  for (const query of ["", "&verdict=dropped"])
    expect((await s.send("GET", `/v1/replays/${replay}/flows?format=parquet${query}`, s.admin)).text.slice(0, 4)).toBe("PAR1");
});

test("what fails says why; cancel, retry, delete", async () => {
  const bad = (await s.send("POST", "/v1/replays", s.admin, { snapshot, captures: [{ id: capture, at: "nowhere:eth9" }] })).json.id;
  expect(await ended(bad)).toMatchObject({ status: "failed", error: { code: "CAPTURE_POINT" } });
  expect((await s.send("GET", `/v1/replays/${bad}/flows`, s.admin)).status).toBe(409);
  expect((await s.send("POST", `/v1/replays/${bad}/cancel`, s.admin)).status).toBe(409);
  expect((await s.send("POST", `/v1/replays/${bad}/retry`, s.admin)).status).toBe(202);
  expect(await ended(bad)).toMatchObject({ status: "failed", attempt: 2 });
  const one = (await s.send("POST", "/v1/replays", s.admin, { snapshot, captures: [{ id: capture }] })).json.id;
  expect((await s.send("DELETE", `/v1/snapshots/${snapshot}`, s.admin)).status).toBe(409);
  expect((await s.send("DELETE", `/v1/captures/${capture}`, s.admin)).status).toBe(409);
  expect((await s.send("POST", `/v1/replays/${one}/cancel`, s.admin)).json.status).toBe("cancelled");
  expect((await s.send("POST", `/v1/replays/${one}/retry`, s.admin)).status).toBe(202);
  expect(await ended(one)).toMatchObject({ status: "done" });
  const { text } = await s.send("GET", `/v1/replays/${one}/flows?format=ndjson`, s.admin);
  expect(
    text
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l)),
  ).toEqual(flows);
  expect((await s.send("DELETE", `/v1/replays/${one}`, s.admin)).status).toBe(204);
  expect((await s.send("GET", `/v1/replays/${one}`, s.admin)).status).toBe(404);
});

test("the command line against the service prints what it prints without", { timeout: 900_000 }, async () => {
  const packet = "tcp 192.168.55.10:40000 > 192.168.66.100:8080";
  const packets = join(dir, "packets");
  writeFileSync(packets, `@client ${packet}\nnonsense\n@nobody ${packet}\n`);
  const at = ["--server", s.url, "--token", s.admin];
  for (const args of [
    ["trace", "examples/cluster.tar.gz", packet, "--from", "client", "--reply", "--format", "json"],
    ["trace", "examples/cluster.tar.gz", "--packets", packets, "--format", "ndjson"],
    ["trace", "examples/local.tar.gz", packet, "--from", "client", "--overlay", "examples/local-negative.tar.gz", "--expect", "delivered"],
    ["inspect", "examples/local.tar.gz", "--overlay", "examples/local-negative.tar.gz", "--format", "json"],
    ["explain", "examples/cluster.tar.gz", "route", "192.168.66.100/32", "--format", "json"],
    ["replay", "examples/cluster.tar.gz", "examples/cluster.router.enp7s0.pcap.gz"],
  ])
    expect([args, await plumbline(...args, ...at)]).toEqual([args, await plumbline(...args)]);
  // By name and by id.
  const byName = await plumbline("trace", "cluster.tar.gz", packet, "--from", "client", ...at);
  expect(byName).toEqual(await plumbline("trace", snapshot, packet, "--from", "client", ...at));
  expect(byName.code).toBe(0);
  expect((await plumbline("inspect", "nothing", ...at)).code).toBe(2);
  expect(await plumbline("inspect", "cluster.tar.gz", "--server", s.url, "--token", "plb_wrong")).toMatchObject({ code: 2 });
  expect((await plumbline("inspect", "cluster.tar.gz", "--server", "http://127.0.0.1:1", "--token", "x")).out).toContain(
    "cannot be reached",
  );
});
