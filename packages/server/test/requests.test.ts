/** Requests that are wrong: malformed, too large, with tricks in their ids. Never a 500, always a code, a message and what to do. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startService, type TestService, tarOf } from "./service.js";

let s: TestService;
let snapshot: string;

beforeAll(async () => {
  s = await startService({ limits: { archiveBytes: 100_000, captureBytes: 1000, bodyBytes: 20_000, requestsPerMinute: 100_000 } });
  const evidence = await tarOf({ "node-1/host/ip_neigh": "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n" });
  snapshot = (await s.send("POST", "/v1/snapshots?name=a.tar", s.admin, evidence)).json.id;
});
afterAll(() => s.stop());

test("malformed bodies", async () => {
  const traces = `/v1/snapshots/${snapshot}/traces`;
  const json = { "content-type": "application/json" };
  const cases: [path: string, body: unknown, headers?: Record<string, string>][] = [
    [traces, "{", json],
    [traces, "", json],
    [traces, "null", json],
    [traces, "[]", json],
    [traces, "7", json],
    [traces, "{}", json],
    [traces, '{"packet":"a","packets":["b"]}', json],
    [traces, '{"packet":{}}', json],
    [traces, '{"packets":[]}', json],
    [traces, '{"packet":"a","unknown":1}', json],
    [traces, '{"__proto__":{"x":1},"packet":"a"}', json],
    [traces, '{"packet":"a","limit":0}', json],
    [traces, "\xff\xfe", json],
    [traces, "packet=a", { "content-type": "application/x-www-form-urlencoded" }],
    [`/v1/snapshots/${snapshot}/explain`, { question: "weather", what: "x" }],
    [`/v1/snapshots/${snapshot}/explain`, { question: "route" }],
    ["/v1/replays", { snapshot, captures: [] }],
    ["/v1/replays", { snapshot, captures: "c" }],
    ["/v1/tokens", { name: "x", scopes: ["root"] }],
    ["/v1/tokens", { name: "", scopes: ["read"] }],
    ["/v1/snapshots", "not an archive"],
    ["/v1/snapshots", "x", { "content-type": "multipart/form-data; boundary=b" }],
    ["/v1/snapshots", "--b\r\n", { "content-type": "multipart/form-data; boundary=b" }],
    ["/v1/snapshots", "x", { "content-type": "multipart/form-data" }],
    ["/v1/captures", "not a capture"],
  ];
  const answers: string[] = [];
  for (const [path, body, headers] of cases) {
    const { status, json: told } = await s.send("POST", path, s.admin, body, headers);
    const ok =
      status >= 400 && status < 500 && typeof told?.error?.code === "string" && told.error.message !== "" && told.error.hint !== "";
    if (!ok) answers.push(`${path} ${JSON.stringify(body)}: ${status} ${JSON.stringify(told)}`);
  }
  expect(answers).toEqual([]);
});

test("what a packet or a name lacks is said as the command line says it", async () => {
  const { status, json } = await s.send("POST", `/v1/snapshots/${snapshot}/traces`, s.admin, { packet: "nonsense" });
  expect(status).toBe(422);
  expect(json.error).toMatchObject({
    code: "PACKET_BAD",
    message: "packet 'nonsense': 'nonsense' is not a protocol keyword or FIELD=VALUE",
  });
  const several = (await s.send("POST", `/v1/snapshots/${snapshot}/traces`, s.admin, { packets: ["nonsense"] })).json;
  expect(several.items).toMatchObject([{ packet: "nonsense", verdict: "unknown", error: { code: "PACKET_BAD" } }]);
});

test("numbers that are none", async () => {
  for (const limit of ["Infinity", "-Infinity", "NaN", "1e999", "5000", "1.5"])
    expect([limit, (await s.send("GET", `/v1/snapshots?limit=${limit}`, s.admin)).status]).toEqual([limit, 400]);
  const body = { packet: "x", limit: "Infinity" };
  expect((await s.send("POST", `/v1/snapshots/${snapshot}/traces`, s.admin, body)).status).toBe(400);
});

test("oversized bodies", async () => {
  const answer = async (path: string, body: unknown) => (await s.send("POST", path, s.admin, body)).status;
  expect(await answer(`/v1/snapshots/${snapshot}/traces`, { packet: "x".repeat(30_000) })).toBe(413);
  expect(await answer("/v1/snapshots", Buffer.alloc(200_000))).toBe(413);
  expect(await answer("/v1/captures", Buffer.alloc(2000))).toBe(413);
  const form = `--b\r\nContent-Disposition: form-data; name="f"; filename="x.pcap"\r\n\r\n${"x".repeat(2000)}\r\n--b--\r\n`;
  expect((await s.send("POST", "/v1/captures", s.admin, form, { "content-type": "multipart/form-data; boundary=b" })).status).toBe(413);
  expect((await s.send("GET", "/v1/snapshots", s.admin)).json.items).toHaveLength(1);
});

/** As written, without what an URL would make of it. */
function raw(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(s.url);
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${s.admin}\r\nConnection: close\r\n\r\n`),
    );
    let text = "";
    socket.on("data", (d) => {
      text += d.toString("latin1");
    });
    socket.on("end", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
    socket.on("error", reject);
  });
}

test("path tricks in ids", async () => {
  const tricks = [
    "..",
    "../..",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%00",
    "s%00",
    "%",
    "%zz",
    "....//",
    "%c0%ae%c0%ae",
    "'",
    "' OR 1=1 --",
    "%F0%9F%92%A9",
    "s*",
    "a".repeat(5000),
  ];
  const answers: string[] = [];
  for (const trick of tricks)
    for (const path of [
      `/v1/snapshots/${trick}`,
      `/v1/snapshots/${trick}/inspect`,
      `/v1/replays/${trick}/flows`,
      `/v1/replays/${trick}/paths/${trick}`,
      `/assets/${trick}`,
      `/${trick}`,
      `/docs/static/${trick}`,
    ]) {
      const status = await raw(path.replaceAll(" ", "%20"));
      if (status < 400 || status >= 500) answers.push(`${path.slice(0, 60)}: ${status}`);
    }
  // "/" with dots that stay within is the page itself.
  expect(answers.filter((a) => !/^\/(\.\.|%2e%2e): 200$/.test(a))).toEqual([]);
});

test("evidence is found by its path in the archive and by nothing else", async () => {
  const ask = (file: string) => s.send("GET", `/v1/snapshots/${snapshot}/evidence?${new URLSearchParams({ file })}`, s.admin);
  expect((await ask("node-1/host/ip_neigh")).json.lines).toEqual(["192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE"]);
  for (const file of ["../../plumbline.db", "/etc/passwd", "node-1/../node-1/host/ip_neigh", "node-1/host/ip_neigh\0", "C:\\x"])
    expect([file, (await ask(file)).status]).toEqual([file, 404]);
});

test("too many requests without a valid token, and too many of one", async () => {
  const limited = await startService({ limits: { requestsPerMinute: 5, refusalsPerMinute: 3 } });
  try {
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await limited.send("GET", "/v1/session", "")).status);
    expect(statuses.slice(-2)).toEqual([429, 429]);
    const mine: number[] = [];
    for (let i = 0; i < 7; i++) mine.push((await limited.send("GET", "/v1/session", limited.admin)).status);
    expect([mine[0], mine.at(-1)]).toEqual([200, 429]);
  } finally {
    await limited.stop();
  }
});
