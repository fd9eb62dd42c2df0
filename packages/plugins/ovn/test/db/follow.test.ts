/** Following a database over OVSDB's protocol, with servers that know only some of its methods. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { remoteOf } from "../../src/db/live/connection.js";
import { FollowedDatabase } from "../../src/db/live/follow.js";

const SCHEMA = {
  name: "OVN_Southbound",
  tables: { Port_Group: { columns: { name: { type: "string" }, ports: { type: { key: "string", min: 0, max: "unlimited" } } } } },
};
const UUID = "07512fed-5d2e-44da-a9e0-0ef7cb6f8379";
const full = { name: "pg", ports: ["set", ["a", "b"]] };

/** A server with one row that answers the given method of monitoring, and what it was asked. */
class OldServer {
  readonly asked: string[] = [];
  readonly echoes: unknown[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), "plumbline-follow-"));
  readonly path = join(this.directory, "db.sock");
  socket: Socket | undefined;
  private readonly server: Server;

  constructor(private readonly knows: string) {
    this.server = createServer((socket) => {
      this.socket = socket;
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString();
        for (let end = objectEnd(text); end > 0; end = objectEnd(text)) {
          this.answer(JSON.parse(text.slice(0, end)) as { id: unknown; method?: string; result?: unknown });
          text = text.slice(end);
        }
      });
    });
  }
  listen(): Promise<void> {
    return new Promise((resolve) => void this.server.listen(this.path, resolve));
  }
  send(m: unknown): void {
    this.socket!.write(JSON.stringify(m));
  }
  stop(): void {
    this.socket?.destroy();
    this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
  private answer({ id, method, result }: { id: unknown; method?: string; result?: unknown }): void {
    if (method === undefined) {
      this.echoes.push(result);
      return;
    }
    this.asked.push(method);
    const reply = (value: unknown, error: unknown = null) => this.send({ id, result: value, error });
    if (method === "list_dbs") reply(["_Server", "OVN_Southbound"]);
    else if (method === "get_schema") reply(SCHEMA);
    else if (method !== this.knows) reply(null, { error: "unknown method" });
    else if (method === "monitor") reply({ Port_Group: { [UUID]: { new: full } } });
    else reply({ Port_Group: { [UUID]: { initial: full } } });
  }
}

/** Where the first whole object ends: these tests have no brackets in strings. */
function objectEnd(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i + 1;
  }
  return 0;
}

let server: OldServer | undefined;
let db: FollowedDatabase | undefined;
afterEach(() => {
  db?.stop();
  server?.stop();
});

async function follow(knows: string): Promise<{ readonly changes: () => Promise<void> }> {
  server = new OldServer(knows);
  await server.listen();
  let told = () => {};
  db = await FollowedDatabase.open({
    remote: remoteOf(`unix:${server.path}`)!,
    database: "OVN_Southbound",
    tables: ["Port_Group", "FDB"],
    changed: () => told(),
  });
  return { changes: () => new Promise((resolve) => (told = resolve)) };
}
const rows = () => Object.fromEntries(db!.rows.get("Port_Group") ?? []);

describe("following a database", () => {
  test("a server without monitor_cond_since is asked for monitor_cond; what changed of a set is told", async () => {
    const { changes } = await follow("monitor_cond");
    expect(server!.asked).toEqual(["list_dbs", "get_schema", "monitor_cond_since", "monitor_cond"]);
    expect(rows()).toEqual({ [UUID]: { name: "pg", ports: ["a", "b"] } });
    const next = changes();
    server!.send({
      id: null,
      method: "update2",
      params: ["plumbline", { Port_Group: { [UUID]: { modify: { ports: ["set", ["b", "c"]] } } } }],
    });
    await next;
    expect(rows()).toEqual({ [UUID]: { name: "pg", ports: ["a", "c"] } });
  });

  test("an old one for monitor; new rows are whole, and an echo is answered", async () => {
    const { changes } = await follow("monitor");
    expect(server!.asked.at(-1)).toBe("monitor");
    const next = changes();
    server!.send({ id: "echo", method: "echo", params: ["still there"] });
    server!.send({ id: null, method: "update", params: ["plumbline", { Port_Group: { [UUID]: { old: full } } }] });
    await next;
    expect(rows()).toEqual({});
    await expect.poll(() => server!.echoes).toEqual([["still there"]]);
  });
});

test("remotes by their text", () => {
  expect(
    ["unix:/run/x.sock", "tcp:192.0.2.1:6642", "ssl:[2001:db8::1]:6642", "sb.json", "tcp:nowhere"].map((t) => remoteOf(t)?.kind),
  ).toEqual(["unix", "tcp", "ssl", undefined, undefined]);
});
