/**
 * Reads archives: .tar, .tar.gz, .tgz, .zip, and a single .gz, told by their first bytes and not by their names.
 *
 * An archive comes from somebody else and is hostile until proven otherwise. Nothing is ever written to disk here:
 * {@link readArchive} keeps entries in memory, {@link walkArchive} hands them on one by one. An entry whose path or link leaves the archive, a device, more entries or bytes than {@link Limits} allow, or
 * a compression ratio that no dump has, ends the reading with ARCHIVE_HOSTILE. A link that stays inside (sosreports have
 * many) is named in a problem and not followed.
 */
import { basename, posix } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PlumblineError, type Problem } from "@plumbline/model";
import { extract, type Header } from "tar-stream";
import { fromRandomAccessReaderPromise, type Entry as ZipEntry, type ZipFile } from "yauzl";
import { type ArchiveSource, fileSource, headOf, SourceReader } from "./archive-source.js";
import type { Holding, RawEntry } from "./entry.js";
import { gunzipBytes } from "./gzip.js";
import type { Limits } from "./limits.js";
import { isNotRead, NOT_READ, NOT_READ_KEY, type NotRead } from "./not-read.js";

type Kind = "tar" | "gzip" | "zip";

/**
 * Takes the content of an entry: `path` in plain form, `size` in bytes as the archive states it. The stream must be read to its end
 * (or an error thrown) before the promise resolves. A path that comes again replaces what it was before.
 */
export type TakeEntry = (path: string, size: number, content: Readable) => Promise<void>;

export async function readArchive(path: string, limits: Limits): Promise<Holding> {
  const places = new Map<string, number>();
  const entries: RawEntry[] = [];
  const problems = await walkArchive(fileSource(path), limits, async (entry, _, content) => {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const before = places.get(entry) ?? entries.length;
    places.set(entry, before);
    entries[before] = { path: entry, size: bytes.length, load: () => bytes };
  });
  return { root: path, folder: false, name: archiveName(path), entries, problems };
}

/** An archive's name without its endings. */
export function archiveName(path: string): string {
  return basename(path).replace(/(\.tar)?(\.(gz|tgz|zip|tar))?$/i, "");
}

/**
 * Hands on every file of an archive, one after the other, and returns what is to be said of it (links, files that come twice). Throws
 * PlumblineError for an archive that is hostile, damaged, or of another kind. Memory is bounded by what `take` keeps.
 */
export async function walkArchive(source: ArchiveSource, limits: Limits, take: TakeEntry): Promise<Problem[]> {
  const guard = new Guard(source, limits);
  switch (await kindOf(source)) {
    case "tar":
      await readTar(guard, take, [source.stream()]);
      break;
    case "gzip":
      if (await holdsTar(source)) await readTar(guard, take, [source.stream(), createGunzip(), bombGuard(guard)]);
      else {
        const packed: Buffer[] = [];
        for await (const chunk of source.stream()) packed.push(chunk as Buffer);
        const bytes = gunzipBytes(Buffer.concat(packed), source.name, limits);
        await take(basename(source.name).replace(/\.gz$/i, ""), bytes.length, Readable.from([bytes], { objectMode: false }));
      }
      break;
    case "zip":
      await readZip(guard, take);
      break;
  }
  return guard.problems;
}

/** Holds entries against the limits. */
class Guard {
  readonly problems: Problem[] = [];
  readonly source: ArchiveSource;
  readonly limits: Limits;
  /** What taking an entry threw, where that was not the archive's own damage. */
  fault: unknown;
  private readonly places = new Set<string>();
  private seen = 0;
  private total = 0;

  constructor(source: ArchiveSource, limits: Limits) {
    this.source = source;
    this.limits = limits;
  }

  hostile(entry: string, what: string): never {
    throw new PlumblineError("ARCHIVE_HOSTILE", [this.source.name, entry, what]);
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

  /** What whoever packed a folder left out, and said so. */
  notRead(entry: string, why: NotRead): void {
    this.problems.push({ severity: "info", file: entry, line: 0, message: NOT_READ[why], hint: "" });
  }

  /** Counts unpacked bytes before they are kept. */
  count(entry: string, size: number): void {
    this.total += size;
    if (this.total > this.limits.total) this.hostile(entry, `brings the content over ${this.limits.total} bytes`);
    if (this.total > this.limits.ratioFrom && this.total > this.source.size * this.limits.ratio)
      this.hostile(entry, `unpacks to more than ${this.limits.ratio} times the archive's size`);
  }

  /** Hands a file on. What goes wrong behind is no fault of the archive. */
  async hand(take: TakeEntry, path: string, size: number, content: Readable): Promise<void> {
    // As when it is unpacked: the later one stays.
    if (this.places.has(path))
      this.problems.push({
        severity: "warning",
        file: path,
        line: 0,
        message: "the archive holds this file twice; the later one is used",
        hint: "",
      });
    this.places.add(path);
    let damage: unknown;
    content.once("error", (e: unknown) => {
      damage = e;
    });
    try {
      await take(path, size, content);
    } catch (e) {
      if (e !== damage) this.fault = e;
      throw e;
    }
  }
}

async function kindOf(source: ArchiveSource): Promise<Kind> {
  const head = await headOf(source, 512);
  const magic = head.subarray(0, 6).toString("latin1");
  if (magic.startsWith("\x1f\x8b")) return "gzip";
  if (magic.startsWith("PK\x03\x04") || magic.startsWith("PK\x05\x06")) return "zip";
  if (head.subarray(257, 262).toString("latin1") === "ustar" || (/\.tar$/i.test(source.name) && head.length === 512)) return "tar";
  for (const [bytes, what] of [
    ["\xfd7zXZ", "xz"],
    ["BZh", "bzip2"],
    ["\x28\xb5\x2f\xfd", "zstd"],
  ])
    if (magic.startsWith(bytes)) throw new PlumblineError("ARCHIVE_BAD", [source.name, `it is packed with ${what}, which is not read.`]);
  throw new PlumblineError("ARCHIVE_BAD", [source.name, head.length === 0 ? "the file is empty." : "this file is not an archive."]);
}

/** Looks at the first block behind a gzip header. */
async function holdsTar(source: ArchiveSource): Promise<boolean> {
  const input = source.stream();
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
    throw new PlumblineError("ARCHIVE_BAD", [source.name, `it cannot be unpacked (${message(e)}).`]);
  } finally {
    input.destroy();
    gunzip.destroy();
  }
  return Buffer.concat(head).subarray(257, 262).toString("latin1") === "ustar";
}

/** Counts what comes out of a gunzip, so that a bomb in entries that are not kept is met too. */
function bombGuard({ source, limits }: Guard): Transform {
  // Padding and headers come on top of the contents, which the guard counts: this bound is the looser one.
  const bound = 2 * Math.min(limits.total, Math.max(limits.ratioFrom, source.size * limits.ratio));
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > bound)
        done(new PlumblineError("ARCHIVE_HOSTILE", [source.name, basename(source.name), `unpacks to more than ${bound} bytes`]));
      else done(null, chunk);
    },
  });
}

function link(guard: Guard, name: string, header: Header): void {
  const why = (header.pax as Record<string, unknown> | null | undefined)?.[NOT_READ_KEY];
  if (isNotRead(why)) guard.notRead(name, why);
  else guard.link(name, header.linkname ?? "", header.type === "link");
}

async function readTar(guard: Guard, take: TakeEntry, input: readonly (Readable | Transform)[]): Promise<void> {
  const tar = extract();
  const fed = pipeline([...input, tar]);
  // Handled below; without this a failure before the loop's end would be reported as unhandled.
  fed.catch(() => {});
  try {
    for await (const entry of tar) {
      const header: Header = entry.header;
      const name = guard.name(header.name);
      switch (header.type) {
        case "directory":
          entry.resume();
          break;
        case "symlink":
        case "link":
          link(guard, name, header);
          entry.resume();
          break;
        case "file":
        case "contiguous-file":
        case null:
        case undefined: {
          guard.count(name, header.size ?? 0);
          await guard.hand(take, name, header.size ?? 0, entry as unknown as Readable);
          break;
        }
        case "character-device":
        case "block-device":
        case "fifo":
          guard.hostile(name, "is a device");
          break;
        default:
          entry.resume();
      }
    }
    await fed;
  } catch (e) {
    if (e instanceof PlumblineError || e === guard.fault) throw e;
    throw new PlumblineError("ARCHIVE_BAD", [guard.source.name, `it cannot be unpacked (${message(e)}).`]);
  } finally {
    for (const stream of input) stream.destroy();
  }
}

/** Type bits of a Unix mode, which zip keeps in the high half of the external attributes. */
const S_IFMT = 0xf000;
const S_IFLNK = 0xa000;
const S_IFREG = 0x8000;
const S_IFDIR = 0x4000;

async function readZip(guard: Guard, take: TakeEntry): Promise<void> {
  let zip: ZipFile | null = null;
  try {
    zip = await fromRandomAccessReaderPromise(new SourceReader(guard.source), guard.source.size, {
      lazyEntries: true,
      autoClose: false,
      strictFileNames: true,
    });
    for await (const entry of zip.eachEntry()) {
      const name = guard.name(entry.fileName);
      if (entry.fileName.endsWith("/")) continue;
      const type = (entry.externalFileAttributes >>> 16) & S_IFMT;
      if (type === S_IFLNK) guard.link(name, (await contentOf(zip, entry)).toString("utf8"), false);
      else if (type !== 0 && type !== S_IFREG && type !== S_IFDIR) guard.hostile(name, "is a device");
      else {
        if (entry.isEncrypted()) throw new PlumblineError("ARCHIVE_BAD", [guard.source.name, `entry '${name}' is encrypted.`]);
        // yauzl ends an entry's stream with an error where it is longer than this.
        guard.count(name, entry.uncompressedSize);
        await guard.hand(take, name, entry.uncompressedSize, await zip.openReadStreamPromise(entry));
      }
    }
  } catch (e) {
    if (e instanceof PlumblineError || e === guard.fault) throw e;
    const name = /^(?:invalid (?:relative path|characters in fileName)|absolute path): (.*)$/.exec(message(e));
    if (name) throw new PlumblineError("ARCHIVE_HOSTILE", [guard.source.name, name[1], "leaves the archive's folder"]);
    throw new PlumblineError("ARCHIVE_BAD", [guard.source.name, `it cannot be unpacked (${message(e)}).`]);
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
