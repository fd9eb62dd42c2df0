/** Who may do what: every endpoint without, with a wrong and with an insufficient token, and across projects. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startService, type TestService, tarOf } from "./service.js";

let s: TestService;
let reader: string;
let runner: string;
let snapshot: string;
let capture: string;
let replay: string;

/** A capture of no packets: enough to be one. */
const PCAP = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");

beforeAll(async () => {
  s = await startService();
  reader = await s.token(["read"]);
  runner = await s.token(["run"]);
  const evidence = await tarOf({ "node-1/host/ip_neigh": "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n" });
  snapshot = (await s.send("POST", "/v1/snapshots?name=a.tar", s.admin, evidence)).json.id;
  capture = (await s.send("POST", "/v1/captures?name=router.eth0.pcap", s.admin, PCAP)).json.id;
  replay = (await s.send("POST", "/v1/replays", s.admin, { snapshot, captures: [{ id: capture }] })).json.id;
});
afterAll(() => s.stop());

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly scope: string;
}

/** All that the OpenAPI description lists, with the scope that it says. */
async function operations(): Promise<Operation[]> {
  const { json } = await s.send("GET", "/docs/json", "");
  return Object.entries(json.paths as Record<string, Record<string, { description: string; security?: unknown[] }>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { description }]) => ({
        method: method.toUpperCase(),
        path: path
          .replace(
            "{id}",
            path.includes("captures")
              ? capture
              : path.includes("replays")
                ? replay
                : path.includes("tokens")
                  ? "t0000000000000000"
                  : snapshot,
          )
          .replace("{path}", "p0"),
        scope: /scope `(\w+)`/.exec(description ?? "")?.[1] ?? "open",
      })),
  );
}

const WRONG = `plb_${"A".repeat(43)}`;

test("every endpoint without, with a wrong and with an insufficient token", async () => {
  const all = await operations();
  expect(all.length).toBeGreaterThan(30);
  const answers: string[] = [];
  for (const { method, path, scope } of all) {
    if (scope === "open") continue;
    const body = method === "POST" ? {} : undefined;
    const insufficient = scope === "read" ? runner : reader;
    const statuses = [
      (await s.send(method, path, "", body)).status,
      (await s.send(method, path, WRONG, body)).status,
      (await s.send(method, path, "rubbish", body)).status,
      (await s.send(method, path, insufficient, body)).status,
    ];
    if (statuses.join(" ") !== "401 401 401 403") answers.push(`${method} ${path} (${scope}): ${statuses.join(" ")}`);
  }
  expect(answers).toEqual([]);
});

test("what is open to all", async () => {
  const open = (await operations()).filter((o) => o.scope === "open").map((o) => `${o.method} ${o.path}`);
  expect(open).toEqual(["GET /healthz", "GET /readyz", "GET /metrics", "POST /v1/setup"]);
});

test("another project's things are not there", async () => {
  const other = (await s.send("POST", "/v1/projects", s.admin, { name: "other" })).json.token.token as string;
  expect((await s.send("GET", "/v1/session", other)).json).toMatchObject({ project: "other", scopes: ["read", "run", "admin"] });
  const seen: string[] = [];
  for (const { method, path } of await operations()) {
    if (!path.includes(snapshot) && !path.includes(capture) && !path.includes(replay)) continue;
    const body = path.endsWith("traces") ? { packet: "x" } : path.endsWith("explain") ? { question: "route", what: "x" } : undefined;
    const query = path.endsWith("evidence") ? "?file=x" : "";
    const { status } = await s.send(method, path + query, other, body);
    if (status !== 404) seen.push(`${method} ${path}: ${status}`);
  }
  expect(seen).toEqual([]);
  for (const list of ["snapshots", "captures", "replays"])
    expect((await s.send("GET", `/v1/${list}`, other)).json).toEqual({ items: [], next: null });
  expect((await s.send("POST", "/v1/replays", other, { snapshot, captures: [{ id: capture }] })).status).toBe(404);
  expect((await s.send("POST", `/v1/snapshots?over=${snapshot}`, other, await tarOf({ "a/ip_neigh": "" }))).status).toBe(404);
  // Its admin neither sees nor makes projects, nor revokes the other's tokens.
  expect((await s.send("GET", "/v1/projects", other)).json.items).toHaveLength(1);
  expect((await s.send("POST", "/v1/projects", other, { name: "third" })).status).toBe(403);
  const mine = (await s.send("GET", "/v1/tokens", s.admin)).json.items[0].id;
  expect((await s.send("DELETE", `/v1/tokens/${mine}`, other)).status).toBe(404);
  expect((await s.send("GET", "/v1/audit", other)).json.items.every((e: { action: string }) => e.action !== "project.create")).toBe(true);
});

test("the set-up works once", async () => {
  const again = await s.send("POST", "/v1/setup", "", { setupToken: "setup_x", name: "second" });
  expect([again.status, again.json.error.code]).toEqual([401, "UNAUTHENTICATED"]);
});

test("a revoked token is refused at once, and the audit log tells who did it", async () => {
  const made = (await s.send("POST", "/v1/tokens", s.admin, { name: "short", scopes: ["read"] })).json;
  expect((await s.send("GET", "/v1/session", made.token)).status).toBe(200);
  expect((await s.send("DELETE", `/v1/tokens/${made.id}`, s.admin)).status).toBe(204);
  expect((await s.send("GET", "/v1/session", made.token)).status).toBe(401);
  const log = (await s.send("GET", "/v1/audit?limit=2", s.admin)).json;
  expect(log.items.map((e: { action: string; target: string; status: number }) => [e.action, e.target, e.status])).toEqual([
    ["token.delete", made.id, 204],
    ["token.create", made.id, 201],
  ]);
  expect(log.next).not.toBe(null);
});

test("tokens are listed without the tokens themselves", async () => {
  const { text } = await s.send("GET", "/v1/tokens", s.admin);
  expect(text).not.toContain("plb_");
  expect(text).not.toMatch(/hash/);
});

test("no page may run or load what is not the service's own", async () => {
  for (const path of ["/", "/v1/session", "/docs/json"]) {
    const { headers } = await s.send("GET", path, "");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBe(null);
  }
});
