/** Archives that come from outside: hostile ones leave nothing behind, sound ones come in masked, once, in whatever form. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packFolder } from "../src/client/index.js";
import { startService, type TestService, tarOf } from "./service.js";

let s: TestService;
let data: string;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "plumbline-archives-"));
  s = await startService({ data, limits: { contentBytes: 80 << 20, entries: 50, fileBytes: 1 << 20 } });
});
afterAll(async () => {
  await s.stop();
  rmSync(data, { recursive: true, force: true });
});

async function special(header: Partial<Header> & { name: string }, content = ""): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "node-1/host/ip_neigh" }, "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n");
  tar.entry(header as Header, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A zip of one stored file, made by hand: no writer would make these names. */
function zipOf(name: string, content: string, mode = 0o100644): Buffer {
  const [n, c] = [Buffer.from(name), Buffer.from(content)];
  const crc = crc32(c);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(c.length, 18);
  local.writeUInt32LE(c.length, 22);
  local.writeUInt16LE(n.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(0x0314, 4);
  central.writeUInt16LE(20, 6);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(c.length, 20);
  central.writeUInt32LE(c.length, 24);
  central.writeUInt16LE(n.length, 28);
  central.writeUInt32LE((mode << 16) >>> 0, 38);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + n.length, 12);
  end.writeUInt32LE(30 + n.length + c.length, 16);
  return Buffer.concat([local, n, c, central, n, end]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const upload = (name: string, body: Buffer) => s.send("POST", `/v1/snapshots?name=${name}`, s.admin, body);
const files = () => (readdirSync(data, { recursive: true }) as string[]).filter((f) => /[0-9a-f]{24}|[0-9a-f]{64}/.test(f));

test("zip-slip, links, devices, bombs, too many files: refused, and nothing is kept", async () => {
  const before = files();
  const many = pack();
  for (let i = 0; i < 60; i++) many.entry({ name: `f${i}` }, "");
  many.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of many) chunks.push(chunk as Buffer);
  const cases: [string, Buffer][] = [
    ["up.tar", await special({ name: "../../../tmp/plumbline-slipped" }, "x")],
    ["up.tar.gz", gzipSync(await special({ name: "a/../../x" }, "x"))],
    ["absolute.tar", await special({ name: "/tmp/plumbline-slipped" }, "x")],
    ["backslash.tar", await special({ name: "a\\..\\x" }, "x")],
    ["link.tar", await special({ name: "link", type: "symlink", linkname: "../../../etc/passwd" })],
    ["link-absolute.tar", await special({ name: "link", type: "symlink", linkname: "/etc/passwd" })],
    ["hard.tar", await special({ name: "hard", type: "link", linkname: "../../x" })],
    ["device.tar", await special({ name: "null", type: "character-device" })],
    ["slip.zip", zipOf("../../x", "x")],
    ["absolute.zip", zipOf("/x", "x")],
    ["link.zip", zipOf("link", "../../etc/passwd", 0o120777)],
    ["bomb.tar.gz", gzipSync(await special({ name: "zeros" }, "\0".repeat(200 << 20)), { level: 9 })],
    ["many.tar", Buffer.concat(chunks)],
  ];
  for (const [name, body] of cases) {
    const { status, json } = await upload(name, body);
    expect([name, status, json.error?.code]).toEqual([name, 422, "ARCHIVE_HOSTILE"]);
  }
  for (const [name, body] of [
    ["cut.tar.gz", gzipSync(await tarOf({ a: "x".repeat(5000) })).subarray(0, 60)],
    ["rubbish.zip", Buffer.from("PK\x03\x04 cut")],
    ["xz.tar.xz", Buffer.from("fd377a585a00", "hex")],
    ["empty.tar", Buffer.alloc(0)],
    ["nothing.tar", Buffer.alloc(10240)],
  ] as [string, Buffer][])
    expect([name, (await upload(name, body)).json.error?.code]).toEqual([name, "ARCHIVE_BAD"]);
  expect(files()).toEqual(before);
  expect(existsSync("/tmp/plumbline-slipped")).toBe(false);
  expect((await s.send("GET", "/v1/snapshots", s.admin)).json.items).toEqual([]);
});

const NEIGHBOURS = "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n";

test("secrets are in nothing that is stored", async () => {
  const secret = "Tr0ub4dor-and-3";
  const archive = gzipSync(
    await tarOf({
      "node-1/host/ip_neigh": NEIGHBOURS,
      "router/running-config": `router bgp 64512\n neighbor 192.0.2.1 password ${secret}\n neighbor 192.0.2.1 remote-as 64513\n`,
      "router/old.gz": gzipSync(`password ${secret}\n`),
      "nested.tar": await tarOf({ x: secret }),
      "core.dump": Buffer.from(`\0\0${secret}`),
    }),
  );
  const { status, json } = await upload("evidence.tar.gz", archive);
  expect([status, json.masked, json.files, json.status]).toEqual([201, 2, 5, "ready"]);
  const lines = await s.send("GET", `/v1/snapshots/${json.id}/evidence?file=router/running-config&line=2&around=1`, s.admin);
  expect(lines.json).toEqual({
    file: "router/running-config",
    line: 2,
    first: 1,
    lines: ["router bgp 64512", " neighbor 192.0.2.1 password <masked>", " neighbor 192.0.2.1 remote-as 64513"],
    total: 3,
  });
  const { json: inspection } = await s.send("GET", `/v1/snapshots/${json.id}/inspect`, s.admin);
  expect(inspection.snapshot).toBe("evidence.tar.gz");
  expect(inspection.problems.filter((p: { message: string }) => /not kept/.test(p.message)).map((p: { file: string }) => p.file)).toEqual([
    "core.dump",
    "nested.tar",
  ]);
  for (const file of readdirSync(data, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = readFileSync(join(file.parentPath, file.name));
    expect([file.name, bytes.includes(secret)]).toEqual([file.name, false]);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) expect(gunzipSync(bytes.subarray(0, bytes.length - 16)).includes(secret)).toBe(false);
  }
});

test("the same content again is the same snapshot; over another it is not; deleted, it can come again", async () => {
  const archive = await tarOf({ "node-1/host/ip_neigh": NEIGHBOURS });
  const first = await upload("one.tar", archive);
  const again = await upload("two.tar", archive);
  expect([first.status, again.status, again.json]).toEqual([201, 200, first.json]);
  const form = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="three.tar"\r\nContent-Type: application/x-tar\r\n\r\n'),
    archive,
    Buffer.from("\r\n--b--\r\n"),
  ]);
  const asForm = await s.send("POST", "/v1/snapshots", s.admin, form, { "content-type": "multipart/form-data; boundary=b" });
  expect([asForm.status, asForm.json.id]).toEqual([200, first.json.id]);
  const over = await s.send("POST", `/v1/snapshots?name=over.tar&over=${first.json.id}`, s.admin, archive);
  expect([over.status, over.json.over]).toEqual([201, first.json.id]);
  for (const { id } of [over.json, first.json]) expect((await s.send("DELETE", `/v1/snapshots/${id}`, s.admin)).status).toBe(204);
  expect((await s.send("GET", `/v1/snapshots/${first.json.id}`, s.admin)).status).toBe(404);
  expect((await upload("one.tar", archive)).status).toBe(201);
});

test("evidence of which nothing can be made is kept as failed, with the reason", async () => {
  const { status, json } = await upload("notes.tar", await tarOf({ "a/notes.txt": "nothing of interest\n" }));
  expect([status, json.status, json.error.code]).toEqual([201, "failed", "SNAPSHOT_UNRECOGNISED"]);
  expect((await s.send("POST", `/v1/snapshots/${json.id}/traces`, s.admin, { packet: "x" })).status).toBe(422);
  expect((await s.send("GET", `/v1/snapshots/${json.id}/inspect`, s.admin)).status).toBe(422);
});

test("a file that is too large is named and not kept", async () => {
  const { json } = await upload(
    "large.tar",
    await tarOf({ "node-1/host/ip_neigh": NEIGHBOURS, "node-1/host/journal": "x".repeat(2 << 20) }),
  );
  const { json: inspection } = await s.send("GET", `/v1/snapshots/${json.id}/inspect`, s.admin);
  expect(inspection.problems).toMatchObject([
    { severity: "error", file: "node-1/host/journal", message: expect.stringMatching(/^the file has 2097152 bytes/) },
  ]);
});

test("a folder that is sent names the links and hidden folders that stay behind, as one that is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-sent-"));
  try {
    mkdirSync(join(folder, "node-1/host"), { recursive: true });
    mkdirSync(join(folder, ".git"));
    writeFileSync(join(folder, "node-1/host/ip_neigh"), "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n");
    symlinkSync("/etc/hostname", join(folder, "node-1/host/out"));
    symlinkSync("../host", join(folder, "node-1/host/folder"));
    symlinkSync("gone", join(folder, "node-1/host/nowhere"));
    const chunks: Buffer[] = [];
    for await (const chunk of packFolder(folder)) chunks.push(chunk as Buffer);
    const sent = (await s.send("POST", "/v1/snapshots?name=sent.tar", s.admin, Buffer.concat(chunks))).json;
    const { problems } = (await s.send("GET", `/v1/snapshots/${sent.id}/inspect`, s.admin)).json;
    expect(problems.map((p: { file: string; message: string }) => `${p.file}: ${p.message}`).sort()).toEqual([
      ".git: a hidden folder is not read",
      "node-1/host/folder: a link to a folder is not followed",
      "node-1/host/nowhere: a link that leads nowhere",
      "node-1/host/out: a link that leaves the snapshot is not followed",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
