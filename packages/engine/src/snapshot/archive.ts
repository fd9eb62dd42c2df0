/**
 * Reads archives: .tar, .tar.gz, .tgz, .zip, and a single .gz, told by their first bytes and not by their names.
 *
 * An archive comes from somebody else and is hostile until proven otherwise. Nothing is ever written to disk: entries live
 * in memory. An entry whose path or link leaves the archive, a device, more entries or bytes than {@link Limits} allow, or
 * a compression ratio that no dump has, ends the reading with ARCHIVE_HOSTILE. A link that stays inside (sosreports have
 * many) is named in a problem and not followed.
 */
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, posix } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PlumblineError, type Problem } from "@plumbline/model";
import { extract, type Header } from "tar-stream";
import { openPromise, type Entry as ZipEntry, type ZipFile } from "yauzl";
import type { Holding, RawEntry } from "./entry.js";
import { gunzipBytes } from "./gzip.js";
import type { Limits } from "./limits.js";

type Kind = "tar" | "gzip" | "zip";

export async function readArchive(path: string, limits: Limits): Promise<Holding> {
  const name = basename(path).replace(/(\.tar)?(\.(gz|tgz|zip|tar))?$/i, "");
  const collector = new Collector(path, limits);
  switch (kindOf(path)) {
    case "tar":
      await readTar(path, collector, [createReadStream(path)]);
      break;
    case "gzip":
      if (await holdsTar(path)) await readTar(path, collector, [createReadStream(path), createGunzip(), bombGuard(path, collector)]);
      else {
        const bytes = gunzipBytes(readFileSync(path), path, limits);
        collector.add(basename(path).replace(/\.gz$/i, ""), bytes);
      }
      break;
    case "zip":
      await readZip(path, collector);
      break;
  }
  return { root: path, folder: false, name, entries: collector.entries, problems: collector.problems };
}

/** Gathers entries and holds them against the limits. */
class Collector {
  readonly entries: RawEntry[] = [];
  readonly problems: Problem[] = [];
  readonly archive: string;
  readonly limits: Limits;
  /** Size of the archive itself. */
  readonly packed: number;
  private readonly places = new Map<string, number>();
  private seen = 0;
  private total = 0;

  constructor(archive: string, limits: Limits) {
    this.archive = archive;
    this.limits = limits;
    this.packed = statSync(archive).size;
  }

  hostile(entry: string, what: string): never {
    throw new PlumblineError("ARCHIVE_HOSTILE", [this.archive, entry, what]);
  }

  /** Checks an entry's name and returns it in plain form; "" for the root itself. */
  name(raw: string): string {
    if (++this.seen > this.limits.entries) this.hostile(raw, `is one of more than ${this.limits.entries}`);
    if (/[\0\\]/.test(raw)) this.hostile(raw.replaceAll("\0", "\\0"), "has a name with a backslash or a NUL byte");
    if (raw.startsWith("/") || /^[A-Za-z]:/.test(raw)) this.hostile(raw, "has an absolute path");
    const parts = raw.split("/").filter((p) => p !== "" && p !== ".");
    if (parts.includes("..")) this.hostile(raw, "leaves the archive's folder");
    return parts.join("/");
  }

  /** A link: refused if it leaves the archive, else named and not followed. */
  link(entry: string, target: string, hard: boolean): void {
    const to = hard ? posix.normalize(target) : posix.normalize(posix.join(posix.dirname(entry), target));
    if (target.startsWith("/") || to === ".." || to.startsWith("../")) this.hostile(entry, `is a link out of the archive (to '${target}')`);
    this.problems.push({ severity: "info", file: entry, line: 0, message: `a link to ${to} is not followed`, hint: "" });
  }

  /** Counts unpacked bytes before they are kept. */
  count(entry: string, size: number): void {
    this.total += size;
    if (this.total > this.limits.total) this.hostile(entry, `brings the content over ${this.limits.total} bytes`);
    if (this.total > this.limits.ratioFrom && this.total > this.packed * this.limits.ratio)
      this.hostile(entry, `unpacks to more than ${this.limits.ratio} times the archive's size`);
  }

  add(path: string, bytes: Uint8Array): void {
    const entry: RawEntry = { path, size: bytes.length, load: () => bytes };
    const before = this.places.get(path);
    if (before === undefined) {
      this.places.set(path, this.entries.length);
      this.entries.push(entry);
      return;
    }
    // As when it is unpacked: the later one stays.
    this.entries[before] = entry;
    this.problems.push({
      severity: "warning",
      file: path,
      line: 0,
      message: "the archive holds this file twice; the later one is used",
      hint: "",
    });
  }
}

function kindOf(path: string): Kind {
  const head = headOf(path);
  const magic = head.subarray(0, 6).toString("latin1");
  if (magic.startsWith("\x1f\x8b")) return "gzip";
  if (magic.startsWith("PK\x03\x04") || magic.startsWith("PK\x05\x06")) return "zip";
  if (head.subarray(257, 262).toString("latin1") === "ustar" || (/\.tar$/i.test(path) && head.length === 512)) return "tar";
  for (const [bytes, what] of [
    ["\xfd7zXZ", "xz"],
    ["BZh", "bzip2"],
    ["\x28\xb5\x2f\xfd", "zstd"],
  ])
    if (magic.startsWith(bytes)) throw new PlumblineError("ARCHIVE_BAD", [path, `it is packed with ${what}, which is not read.`]);
  throw new PlumblineError("ARCHIVE_BAD", [path, head.length === 0 ? "the file is empty." : "this file is not an archive."]);
}

function headOf(path: string): Buffer {
  const fd = openSync(path, "r");
  try {
    const head = Buffer.alloc(512);
    return head.subarray(0, readSync(fd, head, 0, 512, 0));
  } finally {
    closeSync(fd);
  }
}

/** Looks at the first block behind a gzip header. */
async function holdsTar(path: string): Promise<boolean> {
  const input = createReadStream(path);
  const gunzip = input.pipe(createGunzip());
  const head: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of gunzip) {
      head.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size >= 512) break;
    }
  } catch (e) {
    throw new PlumblineError("ARCHIVE_BAD", [path, `it cannot be unpacked (${message(e)}).`]);
  } finally {
    input.destroy();
    gunzip.destroy();
  }
  return Buffer.concat(head).subarray(257, 262).toString("latin1") === "ustar";
}

/** Counts what comes out of a gunzip, so that a bomb in entries that are not kept is met too. */
function bombGuard(path: string, collector: Collector): Transform {
  const { limits, packed } = collector;
  // Padding and headers come on top of the contents, which the collector counts: this bound is the looser one.
  const bound = 2 * Math.min(limits.total, Math.max(limits.ratioFrom, packed * limits.ratio));
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > bound) done(new PlumblineError("ARCHIVE_HOSTILE", [path, basename(path), `unpacks to more than ${bound} bytes`]));
      else done(null, chunk);
    },
  });
}

async function readTar(path: string, collector: Collector, input: readonly (Readable | Transform)[]): Promise<void> {
  const tar = extract();
  const fed = pipeline([...input, tar]);
  // Handled below; without this a failure before the loop's end would be reported as unhandled.
  fed.catch(() => {});
  try {
    for await (const entry of tar) {
      const header: Header = entry.header;
      const name = collector.name(header.name);
      switch (header.type) {
        case "directory":
          entry.resume();
          break;
        case "symlink":
        case "link":
          collector.link(name, header.linkname ?? "", header.type === "link");
          entry.resume();
          break;
        case "file":
        case "contiguous-file":
        case null:
        case undefined: {
          collector.count(name, header.size ?? 0);
          const chunks: Buffer[] = [];
          for await (const chunk of entry) chunks.push(chunk as Buffer);
          collector.add(name, Buffer.concat(chunks));
          break;
        }
        case "character-device":
        case "block-device":
        case "fifo":
          collector.hostile(name, "is a device");
          break;
        default:
          entry.resume();
      }
    }
    await fed;
  } catch (e) {
    if (e instanceof PlumblineError) throw e;
    throw new PlumblineError("ARCHIVE_BAD", [path, `it cannot be unpacked (${message(e)}).`]);
  } finally {
    for (const stream of input) stream.destroy();
  }
}

/** Type bits of a Unix mode, which zip keeps in the high half of the external attributes. */
const S_IFMT = 0xf000;
const S_IFLNK = 0xa000;
const S_IFREG = 0x8000;
const S_IFDIR = 0x4000;

async function readZip(path: string, collector: Collector): Promise<void> {
  let zip: ZipFile | null = null;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, strictFileNames: true });
    for await (const entry of zip.eachEntry()) {
      const name = collector.name(entry.fileName);
      if (entry.fileName.endsWith("/")) continue;
      const type = (entry.externalFileAttributes >>> 16) & S_IFMT;
      if (type === S_IFLNK) collector.link(name, (await contentOf(zip, entry)).toString("utf8"), false);
      else if (type !== 0 && type !== S_IFREG && type !== S_IFDIR) collector.hostile(name, "is a device");
      else {
        if (entry.isEncrypted()) throw new PlumblineError("ARCHIVE_BAD", [path, `entry '${name}' is encrypted.`]);
        // yauzl ends an entry's stream with an error where it is longer than this.
        collector.count(name, entry.uncompressedSize);
        collector.add(name, await contentOf(zip, entry));
      }
    }
  } catch (e) {
    if (e instanceof PlumblineError) throw e;
    const name = /^(?:invalid (?:relative path|characters in fileName)|absolute path): (.*)$/.exec(message(e));
    if (name) throw new PlumblineError("ARCHIVE_HOSTILE", [path, name[1], "leaves the archive's folder"]);
    throw new PlumblineError("ARCHIVE_BAD", [path, `it cannot be unpacked (${message(e)}).`]);
  } finally {
    zip?.close();
  }
}

async function contentOf(zip: ZipFile, entry: ZipEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function message(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}
