import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { PlumblineError } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { type Header, pack } from "tar-stream";
import { afterAll, expect, test } from "vitest";
import { loadSnapshot, type Snapshot } from "../src/snapshot/index.js";

const scratch = mkdtempSync(join(tmpdir(), "plumbline-snapshot-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let next = 0;
const place = (name = "") => join(scratch, `${++next}${name}`);

function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = place();
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

async function tar(entries: readonly (Partial<Header> & { name: string; content?: string })[], gz: boolean): Promise<string> {
  const p = pack();
  const chunks: Buffer[] = [];
  for (const { content, ...header } of entries) p.entry(header, content ?? "");
  p.finalize();
  for await (const c of p) chunks.push(c as Buffer);
  const path = place(gz ? ".tar.gz" : ".tar");
  writeFileSync(path, gz ? gzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks));
  return path;
}

/** A zip of stored entries; `mode` is the Unix mode, `flags` the general purpose bits. */
function zip(entries: readonly { name: string; content?: string; mode?: number; flags?: number }[]): string {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const e of entries) {
    const name = Buffer.from(e.name);
    const data = Buffer.from(e.content ?? "");
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(10, 0);
    fields.writeUInt16LE(e.flags ?? 0, 2);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const head = Buffer.alloc(20);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(0x0314, 4);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((e.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    central.push(head.subarray(0, 6), fields, tail, name);
    local.push(Buffer.from("PK\x03\x04"), fields, name, data);
    offset += 4 + 26 + name.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  const path = place(".zip");
  writeFileSync(path, Buffer.concat([...local, directory, end]));
  return path;
}

/** Reads `sysctl`, `sysctl -a` (the richer form) and `ip neigh`; a line "crash" makes it throw. */
const plugin = definePlugin({
  id: "toy",
  title: "a toy",
  claims(file) {
    if (/^sysctl/.test(file.command)) return { score: 0.5, what: "sysctl", form: / -a\b/.test(file.command) ? 2 : 1 };
    if (/^ip neigh/.test(file.command) && file.text().startsWith("192.")) return { score: 0.7, what: "neighbours", form: 1 };
    if (file.command === "broken") throw new TypeError("no idea");
    return null;
  },
  parse(file, ctx) {
    for (const [i, line] of file.text().split("\n").entries()) {
      if (line === "crash") throw new TypeError("unexpected");
      if (line !== "") ctx.fact("linux.sysctl", { key: line, value: "" }, i + 1, line);
    }
  },
});
/** Surer of neighbours than the toy. */
const sure = definePlugin({
  ...plugin,
  id: "sure",
  claims: (file) => (/^ip neigh/.test(file.command) ? { score: 0.9, what: "neighbours", form: 1 } : null),
});

function show(s: Snapshot): string {
  const line = (f: { file: { host: string; path: string; command: string } }) => `${f.file.host || "-"} ${f.file.path} [${f.file.command}]`;
  return [
    ...s.files.map((f) => `read ${line(f)} ${f.plugin}/${f.what} ${f.facts}${f.overlay && " (overlay)"}`),
    ...s.setAside.map((f) => `aside ${line(f)} ${f.because} ${f.instead}`),
    ...s.unrecognised.map((f) => `unknown ${line(f)}`),
    ...s.problems.map((p) => `${p.severity} ${p.file}:${p.line} ${p.message}`),
    `facts ${s.facts
      .all("linux.sysctl")
      .map((f) => `${f.host}:${f.data.key}`)
      .join(" ")}`,
  ].join("\n");
}
const load = async (path: string, options: Partial<Parameters<typeof loadSnapshot>[1]> = {}) =>
  show(await loadSnapshot(path, { plugins: [plugin], ...options }));

/** The error's code, message and hint with the scratch folder cut out. */
async function fault(path: string, options: Partial<Parameters<typeof loadSnapshot>[1]> = {}): Promise<string> {
  try {
    await load(path, options);
    return "no error";
  } catch (e) {
    if (!(e instanceof PlumblineError)) throw e;
    return `${e.code} ${e.message}`.replaceAll(path, "PATH");
  }
}

test("a folder: hosts, richest forms, the surest plugin, what nobody knows", async () => {
  const root = folder({
    "node-1/host/sysctl_net.ipv4": "a\n",
    "node-1/host/sysctl_-a": "a\nb\n",
    "node-1/host/ip_neigh.txt": "192.0.2.1\n",
    "router/sysctl": "c\n",
    "router/notes.md": "hello",
    sysctl: "d\n",
  });
  expect(await load(root, { plugins: [plugin, sure] })).toMatchInlineSnapshot(`
    "read node-1 node-1/host/ip_neigh.txt [ip neigh] sure/neighbours 1
    read node-1 node-1/host/sysctl_-a [sysctl -a] toy/sysctl 2
    read router router/sysctl [sysctl] toy/sysctl 1
    read - sysctl [sysctl] toy/sysctl 1
    aside node-1 node-1/host/sysctl_net.ipv4 [sysctl net.ipv4] form node-1/host/sysctl_-a
    unknown router router/notes.md [notes.md]
    facts node-1:192.0.2.1 node-1:a node-1:b router:c :d"
  `);
});

test("commands.tsv and a sosreport's manifest say what a file is", async () => {
  const root = folder({
    "commands.tsv": "router/out1\tsysctl -a --pattern x\nrouter/out2\tip neigh\n",
    "router/out1": "a\n",
    "router/out2": "192.0.2.1\n",
    "sosreport-n1-2026-01-02-abcdefg/sos_reports/manifest.json": JSON.stringify({
      components: { report: { plugins: { kernel: { commands: [{ exec: "sysctl -a", filepath: "sos_commands/kernel/x" }] } } } },
    }),
    "sosreport-n1-2026-01-02-abcdefg/sos_commands/kernel/x": "b\n",
  });
  expect(await load(root)).toMatchInlineSnapshot(`
    "read router router/out1 [sysctl -a --pattern x] toy/sysctl 1
    read router router/out2 [ip neigh] toy/neighbours 1
    read n1 sosreport-n1-2026-01-02-abcdefg/sos_commands/kernel/x [sysctl -a] toy/sysctl 1
    facts router:a router:192.0.2.1 n1:b"
  `);
});

test("a folder around everything is no host, a folder of one host is", async () => {
  expect(await load(folder({ "dump/node-1/host/sysctl": "a\n", "dump/pods/web/sysctl": "b\n" }))).toMatchInlineSnapshot(`
    "read node-1 node-1/host/sysctl [sysctl] toy/sysctl 1
    read pods/web pods/web/sysctl [sysctl] toy/sysctl 1
    facts node-1:a pods/web:b"
  `);
  expect(await load(folder({ "node-1/host/sysctl": "a\n" }))).toContain("read node-1 node-1/host/sysctl");
  expect(await load(folder({ "node-1/sysctl": "a\n" }))).toContain("read node-1 node-1/sysctl");
});

test("an overlay replaces what it holds of a host and source, and the same path", async () => {
  const root = folder({ "router/sysctl_-a": "old\n", "router/ip_neigh": "192.0.2.1\n", "node-1/sysctl": "n\n" });
  const over = folder({ "router/sysctl": "new\n" });
  expect((await load(root, { overlays: [over] })).replaceAll(over, "OVER")).toMatchInlineSnapshot(`
    "read node-1 node-1/sysctl [sysctl] toy/sysctl 1
    read router router/ip_neigh [ip neigh] toy/neighbours 1
    read router router/sysctl [sysctl] toy/sysctl 1 (overlay)
    aside router router/sysctl_-a [sysctl -a] overlay router/sysctl
    facts node-1:n router:192.0.2.1 router:new"
  `);
});

test("a plugin that throws costs the file, not the snapshot", async () => {
  expect(await load(folder({ "a/sysctl": "x\ncrash\n", "b/sysctl": "y\n", "b/broken": "?" }))).toMatchInlineSnapshot(`
    "read a a/sysctl [sysctl] toy/sysctl 1
    read b b/sysctl [sysctl] toy/sysctl 1
    unknown b b/broken [broken]
    error b/broken:0 the toy plugin could not look at it: no idea
    error a/sysctl:0 the toy plugin stopped reading here: unexpected
    facts a:x b:y"
  `);
});

test("a gzipped file is read as what it holds; a damaged one is a problem", async () => {
  const good = gzipSync("192.0.2.1\n");
  expect(await load(folder({ "a/ip_neigh.gz": good, "b/ip_neigh.gz": good.subarray(0, good.length - 10) }))).toMatchInlineSnapshot(`
    "read a a/ip_neigh.gz [ip neigh] toy/neighbours 1
    unknown b b/ip_neigh.gz [ip neigh]
    error b/ip_neigh.gz:0 it cannot be unpacked (unexpected end of file).
    facts a:192.0.2.1"
  `);
});

test("links out of a folder are not followed", async () => {
  const root = folder({ "a/sysctl": "x\n" });
  const outside = folder({ sysctl: "secret\n" });
  symlinkSync(join(outside, "sysctl"), join(root, "a", "sysctl_-a"));
  symlinkSync("sysctl", join(root, "a", "sysctl_1"));
  symlinkSync(root, join(root, "a", "loop"));
  symlinkSync("nowhere", join(root, "a", "ip_neigh"));
  expect(await load(root)).toMatchInlineSnapshot(`
    "read a a/sysctl [sysctl] toy/sysctl 1
    aside a a/sysctl_1 [sysctl 1] form a/sysctl
    info a/ip_neigh:0 a link that leads nowhere
    info a/loop:0 a link that leaves the snapshot is not followed
    info a/sysctl_-a:0 a link that leaves the snapshot is not followed
    facts a:x"
  `);
});

test("tar, tar.gz, zip, and a single gz", async () => {
  const entries = [{ name: "dump/" }, { name: "dump/router/sysctl", content: "a\n" }, { name: "dump/node-1/sysctl", content: "b\n" }];
  const want = "read node-1 node-1/sysctl [sysctl] toy/sysctl 1\nread router router/sysctl [sysctl] toy/sysctl 1\nfacts node-1:b router:a";
  const typed = entries.map((e) => ({ ...e, type: e.name.endsWith("/") ? ("directory" as const) : ("file" as const) }));
  expect(await load(await tar(typed, false))).toBe(want);
  expect(await load(await tar(typed, true))).toBe(want);
  expect(await load(zip(entries))).toBe(want);
  const single = join(scratch, "sysctl_-a.gz");
  writeFileSync(single, gzipSync("x\n"));
  expect(await load(single)).toBe("read - sysctl_-a [sysctl -a] toy/sysctl 1\nfacts :x");
});

test("links inside an archive are named and not followed", async () => {
  const path = await tar(
    [
      { name: "sysctl", content: "a\n" },
      { name: "sysctl_-a", type: "symlink", linkname: "sysctl" },
    ],
    true,
  );
  expect(await load(path)).toBe("read - sysctl [sysctl] toy/sysctl 1\ninfo sysctl_-a:0 a link to sysctl is not followed\nfacts :a");
});

test("hostile archives are refused", async () => {
  const ok = { name: "sysctl", content: "a\n" };
  const small = { limits: { total: 1000, entries: 5, ratioFrom: 500, ratio: 3 } };
  expect(
    [
      await fault(await tar([ok, { name: "../../etc/cron.d/x", content: "x" }], true)),
      await fault(await tar([ok, { name: "/etc/passwd", content: "x" }], false)),
      await fault(await tar([ok, { name: "a\\..\\b", content: "x" }], true)),
      await fault(await tar([ok, { name: "a/link", type: "symlink", linkname: "../../etc/passwd" }], true)),
      await fault(await tar([ok, { name: "link", type: "symlink", linkname: "/etc/passwd" }], true)),
      await fault(await tar([ok, { name: "hard", type: "link", linkname: "../x" }], true)),
      await fault(await tar([ok, { name: "dev", type: "character-device" }], true)),
      await fault(await tar([ok, { name: "big", content: "x".repeat(2000) }], false), small),
      await fault(await tar([ok, { name: "bomb", content: "x".repeat(900) }], true), small),
      await fault(
        await tar(
          Array.from({ length: 9 }, (_, i) => ({ name: `f${i}`, content: "" })),
          false,
        ),
        small,
      ),
      await fault(zip([ok, { name: "../x", content: "x" }])),
      await fault(zip([ok, { name: "/x", content: "x" }])),
      await fault(zip([ok, { name: "a\\b", content: "x" }])),
      await fault(zip([ok, { name: "link", content: "../../etc/passwd", mode: 0o120777 }])),
      await fault(zip([ok, { name: "big", content: "x".repeat(2000) }]), small),
    ].join("\n"),
  ).toMatchInlineSnapshot(`
    "ARCHIVE_HOSTILE PATH: entry '../../etc/cron.d/x' leaves the archive's folder
    ARCHIVE_HOSTILE PATH: entry '/etc/passwd' has an absolute path
    ARCHIVE_HOSTILE PATH: entry 'a\\..\\b' has a name with a backslash or a NUL byte
    ARCHIVE_HOSTILE PATH: entry 'a/link' is a link out of the archive (to '../../etc/passwd')
    ARCHIVE_HOSTILE PATH: entry 'link' is a link out of the archive (to '/etc/passwd')
    ARCHIVE_HOSTILE PATH: entry 'hard' is a link out of the archive (to '../x')
    ARCHIVE_HOSTILE PATH: entry 'dev' is a device
    ARCHIVE_HOSTILE PATH: entry 'big' brings the content over 1000 bytes
    ARCHIVE_HOSTILE PATH: entry '24.tar.gz' unpacks to more than 1000 bytes
    ARCHIVE_HOSTILE PATH: entry 'f5' is one of more than 5
    ARCHIVE_HOSTILE PATH: entry '../x' leaves the archive's folder
    ARCHIVE_HOSTILE PATH: entry '/x' leaves the archive's folder
    ARCHIVE_HOSTILE PATH: entry 'a\\b' leaves the archive's folder
    ARCHIVE_HOSTILE PATH: entry 'link' is a link out of the archive (to '../../etc/passwd')
    ARCHIVE_HOSTILE PATH: entry 'big' brings the content over 1000 bytes"
  `);
});

test("damaged and foreign archives", async () => {
  const path = await tar([{ name: "sysctl", content: "a".repeat(3000) }], true);
  const write = (name: string, bytes: Uint8Array | string) => {
    const p = place(name);
    writeFileSync(p, bytes);
    return p;
  };
  const { readFileSync } = await import("node:fs");
  expect(
    [
      await fault(write(".tar.gz", readFileSync(path).subarray(0, 60))),
      await fault(write(".tar.gz", "no archive at all")),
      await fault(write(".tar.xz", Buffer.from("fd377a585a00", "hex"))),
      await fault(write(".zip", "PK\x03\x04 cut")),
      await fault(write(".tar", "")),
      await fault(zip([{ name: "sysctl", content: "a", flags: 1 }])),
      await fault(zip([])),
    ].join("\n"),
  ).toMatchInlineSnapshot(`
    "ARCHIVE_BAD PATH: it cannot be unpacked (unexpected end of file).
    ARCHIVE_BAD PATH: this file is not an archive.
    ARCHIVE_BAD PATH: it is packed with xz, which is not read.
    ARCHIVE_BAD PATH: it cannot be unpacked (End of central directory record signature not found. Either not a zip file, or file is truncated.).
    ARCHIVE_BAD PATH: the file is empty.
    ARCHIVE_BAD PATH: it cannot be unpacked (compressed/uncompressed size mismatch for stored file: 1 != 1).
    ARCHIVE_BAD PATH: it holds no files."
  `);
});

test("places that are no snapshot", async () => {
  expect(
    [await fault(join(scratch, "nothing-here")), await fault(folder({})), await fault(folder({ "a/b": "?", "a/c": "?" }))].join("\n"),
  ).toMatchInlineSnapshot(`
    "SNAPSHOT_MISSING PATH: no such file or folder.
    SNAPSHOT_EMPTY PATH: the folder holds no files.
    SNAPSHOT_UNRECOGNISED PATH: none of its 2 files is a command output that is understood."
  `);
  const root = folder({ sysctl: "a\n" });
  await expect(loadSnapshot(root, { plugins: [plugin], overlays: [folder({ x: "?" })] })).rejects.toMatchObject({
    code: "SNAPSHOT_UNRECOGNISED",
  });
});
