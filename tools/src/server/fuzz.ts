/**
 * Requests made from the service's own OpenAPI description: sound ones, and ones that are wrong in every way that a schema can be
 * broken. Whatever is sent, the answer is no 500, and the service lives.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../oracle/random.js";
import { ServiceProcess } from "./child.js";
import { packetOf, snapshotBytes } from "./evidence.js";

export interface FuzzFigures {
  readonly seed: number;
  readonly seconds: number;
  readonly requests: number;
  readonly operations: number;
  /** Requests by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Requests that were answered by 500, or not at all. */
  readonly faults: readonly string[];
}

interface Schema {
  readonly type?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

const NASTY: readonly unknown[] = [
  "",
  "\0",
  "../../etc/passwd",
  "' OR 1=1 --",
  "%00",
  "𝒳\ud800",
  "a".repeat(5000),
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  null,
  true,
  [],
  {},
  [[[]]],
  { __proto__: 1 },
  "NaN",
  "Infinity",
  "0x10",
  "\u202e",
  "{{7*7}}",
  "*/*",
];

export async function fuzz(seconds: number, seed: number): Promise<FuzzFigures> {
  const random = new Random(seed);
  const dir = mkdtempSync(join(tmpdir(), "plumbline-fuzz-"));
  const service = await ServiceProcess.start(join(dir, "data"), ["--max-archive", "4", "--max-capture", "4"]);
  const statuses: Record<number, number> = {};
  const faults: string[] = [];
  let requests = 0;
  let count = 0;
  try {
    await service.setUp();
    const post = async (path: string, body: unknown) => (await service.send("POST", path, body)).json as { id: string };
    const ids = { snapshots: [] as string[], captures: [] as string[], replays: [] as string[], tokens: ["t0000000000000000"] };
    const refill = async () => {
      const s = await post("/v1/snapshots?name=cluster.tar.gz", snapshotBytes());
      const c = await post("/v1/captures?name=router.enp7s0.pcap", Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex"));
      ids.snapshots = [s.id];
      ids.captures = [c.id];
      ids.replays = [(await post("/v1/replays", { snapshot: s.id, captures: [{ id: c.id }] })).id];
      await service.ended(ids.replays[0]);
    };
    await refill();
    const { paths } = (await service.send("GET", "/docs/json")).json as { paths: Record<string, Record<string, Operation>> };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, op]) => ({ path, method: method.toUpperCase(), op })),
    );
    count = operations.length;

    const made = (schema: Schema, name: string): unknown => {
      if (random.int(8) === 0) return NASTY[random.int(NASTY.length)];
      if (schema.const !== undefined) return schema.const;
      if (schema.enum) return schema.enum[random.int(schema.enum.length)];
      if (schema.anyOf) return made(schema.anyOf[random.int(schema.anyOf.length)], name);
      switch (schema.type) {
        case "integer":
        case "number":
          return (schema.minimum ?? 0) + random.int(Math.max(1, Math.min(100, (schema.maximum ?? 100) - (schema.minimum ?? 0))));
        case "boolean":
          return random.int(2) === 1;
        case "array":
          return Array.from({ length: random.int(4) }, () => made(schema.items ?? {}, name));
        case "object":
          return Object.fromEntries(
            Object.entries(schema.properties ?? {})
              .filter(([k]) => (schema.required ?? []).includes(k) || random.int(2) === 0)
              .filter(() => random.int(30) > 0)
              .map(([k, s]) => [k, made(s, k)]),
          );
        default:
          return textOf(name);
      }
    };
    const textOf = (name: string): unknown => {
      switch (name) {
        case "packet":
        case "packets":
          return random.int(3) === 0 ? mutated(packetOf(random.int(1000))) : packetOf(random.int(1000));
        case "from":
          return ["client", "router:enp7s0", "nobody", "router"][random.int(4)];
        case "snapshot":
        case "over":
          return ids.snapshots[0];
        case "id":
          return ids.captures[0];
        case "what":
          return ["192.168.66.100/32", "demo-egress/egress-identity", "0x1", "router/vtysh_show_ip_route:3", "x"][random.int(5)];
        case "by":
          return ["verdict", "node,path", "to,verdict", "bytes"][random.int(4)];
        case "file":
          return ["router/vtysh_show_ip_route", "k8s.yaml", "x"][random.int(3)];
        default:
          return mutated("name");
      }
    };
    const mutated = (text: string): string => {
      const at = random.int(text.length + 1);
      const insert = ["", "\u0000", ",", "9".repeat(30), ">", " ", "::", "/", "ü"][random.int(9)];
      return text.slice(0, at) + insert + text.slice(at + random.int(3));
    };

    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      const { path, method, op } = operations[random.int(operations.length)];
      const pool = path.includes("captures")
        ? ids.captures
        : path.includes("replays")
          ? ids.replays
          : path.includes("tokens")
            ? ids.tokens
            : ids.snapshots;
      // What is deleted is missed by all that follow: seldom.
      if (method === "DELETE" && random.int(40) > 0) continue;
      // What begins a thread takes seconds: not too many of them.
      if (method === "POST" && /(snapshots|replays|retry)$/.test(path) && random.int(12) > 0) continue;
      const query = new URLSearchParams();
      for (const p of op.parameters ?? [])
        if (p.in === "query" && (p.required === true || random.int(3) === 0)) {
          const value = made(p.schema, p.name);
          for (const v of Array.isArray(value) ? value : [value])
            query.append(p.name, typeof v === "object" ? JSON.stringify(v) : String(v));
        }
      const id =
        random.int(10) === 0
          ? encodeURIComponent(String(NASTY[random.int(NASTY.length)]).replaceAll("\ud800", "")) || "-"
          : pool[random.int(pool.length)];
      const target = `${path.replace("{id}", id).replace("{path}", ["p0", "p1", "p999", "x"][random.int(4)])}${query.size > 0 ? `?${query}` : ""}`;
      let body: unknown;
      let type: string | undefined;
      const schema = op.requestBody?.content["application/json"]?.schema;
      if (method === "POST" && path.match(/snapshots$|captures$/)) {
        const bytes = Buffer.from(
          random.int(2) === 0 ? snapshotBytes() : Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex"),
        );
        for (let i = random.int(20); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
        body = bytes.subarray(0, random.int(4) === 0 ? random.int(bytes.length) : bytes.length);
        type = ["application/octet-stream", "application/gzip", "multipart/form-data; boundary=x", "application/json", "text/plain"][
          random.int(5)
        ];
      } else if (method === "POST") {
        body = schema ? made(schema, "") : undefined;
        if (random.int(15) === 0) {
          body = Buffer.from(["{", "[", '{"a":', "\xff\xfe", "null", "1e999", `${"[".repeat(5000)}`][random.int(7)], "latin1");
          type = "application/json";
        }
      }
      requests++;
      try {
        const { status, text } = await service.send(method, target, body, type);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === 500)
          faults.push(
            `${method} ${target.slice(0, 200)} ${body instanceof Uint8Array ? "(bytes)" : JSON.stringify(body)?.slice(0, 300)}: ${text.slice(0, 200)}`,
          );
        if (status === 204 && method === "DELETE") await refill();
      } catch (e) {
        const cause = (e as { cause?: { message?: string } }).cause?.message ?? String(e);
        // A request that its sender cannot even write is none.
        if (!/Invalid URL|invalid header|Failed to parse URL/i.test(cause))
          faults.push(`${method} ${target.slice(0, 200)}: no answer (${cause})`);
        if (service.process.exitCode !== null) break;
      }
      if (faults.length > 20) break;
    }
    if ((await service.send("GET", "/healthz")).status !== 200) faults.push("it does not live any more");
  } finally {
    await service.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  return { seed, seconds, requests, operations: count, statuses, faults };
}
