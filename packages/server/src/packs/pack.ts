/**
 * A pack: one file that holds an archive's files, masked, each to be read alone.
 *
 * ```
 *   gzip member · gzip member · … · gzip member of the index (JSON) · its length (8 bytes, big endian) · "plbpack1"
 * ```
 * Names are data here: no file of the archive ever gets a name on the service's disk, so that none can lead anywhere. Members hold no
 * times, so that equal content makes an equal pack. `zcat` prints one whole. A large file is many members, read piece by piece.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Holding, RawEntry } from "@plumbline/engine";

type Problem = Holding["problems"][number];

/** Why a file's content is not in the pack. */
export type Withheld = "binary" | "too-large";

export interface PackedFile {
  readonly path: string;
  /** Bytes: of the content; of a file that is withheld, as the archive had it. */
  readonly size: number;
  /** Place and bytes of each member, in order. */
  readonly members: readonly (readonly [offset: number, bytes: number])[];
  readonly withheld?: Withheld;
}

interface Index {
  readonly files: readonly PackedFile[];
  /** What was to be said of the archive. */
  readonly problems: readonly Problem[];
}

const MAGIC = "plbpack1";
/** Content of one member. */
const MEMBER_BYTES = 1 << 20;
const LEVEL = 3;

/** Writes a pack; file after file, each in pieces. */
export class PackWriter {
  private readonly fd: number;
  private readonly hash = createHash("sha256");
  private readonly files = new Map<string, PackedFile>();
  private at = 0;
  private members: [number, number][] = [];
  private size = 0;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;

  constructor(path: string) {
    this.fd = openSync(path, "wx", 0o600);
  }

  /** The next bytes of the present file. */
  content(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    while (this.waitingBytes >= MEMBER_BYTES) this.member(MEMBER_BYTES);
  }

  /** The present file is whole. One of the same path before it is forgotten. */
  file(path: string): void {
    if (this.waitingBytes > 0) this.member(this.waitingBytes);
    this.files.set(path, { path, size: this.size, members: this.members });
    this.next();
  }

  /** Forgets what came of the present file, but for its name and size. */
  withhold(path: string, size: number, withheld: Withheld): void {
    this.files.set(path, { path, size, members: [], withheld });
    this.next();
  }

  private next(): void {
    this.members = [];
    this.size = 0;
    this.waiting = [];
    this.waitingBytes = 0;
  }

  get count(): number {
    return this.files.size;
  }

  /** Ends the pack; returns the SHA-256 of the file. */
  finish(problems: readonly Problem[]): string {
    const index: Index = { files: [...this.files.values()], problems };
    const packed = gzipSync(JSON.stringify(index), { level: LEVEL });
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(packed.length));
    this.write(Buffer.concat([packed, length, Buffer.from(MAGIC)]));
    closeSync(this.fd);
    return this.hash.digest("hex");
  }

  /** Gives up: the caller removes the file. */
  abandon(): void {
    closeSync(this.fd);
  }

  private member(bytes: number): void {
    const all = this.waiting.length === 1 ? this.waiting[0] : Buffer.concat(this.waiting);
    const packed = gzipSync(all.subarray(0, bytes), { level: LEVEL });
    this.members.push([this.at, packed.length]);
    this.write(packed);
    this.size += bytes;
    this.waiting = all.length > bytes ? [all.subarray(bytes)] : [];
    this.waitingBytes = all.length - bytes;
  }

  private write(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done);
    this.hash.update(bytes);
    this.at += bytes.length;
  }
}

/** A pack, open for reading. */
export class Pack {
  readonly files: readonly PackedFile[];
  readonly problems: readonly Problem[];
  private readonly byPath: ReadonlyMap<string, PackedFile>;

  private constructor(
    private readonly fd: number,
    index: Index,
  ) {
    this.files = index.files;
    this.problems = index.problems;
    this.byPath = new Map(index.files.map((f) => [f.path, f]));
  }

  static open(path: string): Pack {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const tail = read(fd, Math.max(0, size - 16), 16);
      if (tail.subarray(8).toString("latin1") !== MAGIC) throw new Error(`${path} is no pack`);
      const length = Number(tail.readBigUInt64BE(0));
      return new Pack(fd, JSON.parse(gunzipSync(read(fd, size - 16 - length, length)).toString("utf8")) as Index);
    } catch (e) {
      closeSync(fd);
      throw e;
    }
  }

  find(path: string): PackedFile | undefined {
    return this.byPath.get(path);
  }

  *pieces(file: PackedFile): Generator<Uint8Array> {
    for (const [offset, bytes] of file.members) yield gunzipSync(read(this.fd, offset, bytes));
  }

  load(file: PackedFile): Uint8Array {
    const pieces = [...this.pieces(file)];
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  /** As the engine takes it: what an archive of that name holds. */
  holding(name: string, root: string): Holding {
    const entries = this.files.map(
      (file): RawEntry => ({ path: file.path, size: file.size, load: () => this.load(file), pieces: () => this.pieces(file) }),
    );
    return { root, folder: false, name, entries, problems: [...this.problems] };
  }

  close(): void {
    closeSync(this.fd);
  }
}

function read(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const n = readSync(fd, bytes, done, length - done, position + done);
    if (n === 0) throw new Error("the pack ends early");
    done += n;
  }
  return bytes;
}
