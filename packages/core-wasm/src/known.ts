/**
 * Connections that every reset leaves in the tables: those that were dumped.
 *
 * They are entered once, one by one, by the same code that enters a packet's connection. Then what they made of the tables is
 * copied out (records, heads of chains, the header's words), so that a reset writes the copy back: a trace resets once a branch.
 * Cost of a reset: what stands in the tables, and a copy of CONN_BYTES a known connection.
 */
import { firstProgress, type KnownConnection, type Tuple } from "@plumbline/model";
import type { Arena } from "./arena.js";
import { CONN, CONN_BYTES, CONN_FLAGS, CT_TABLE, N_LABEL, N_MARK, N_ORIG, N_REPLY, TUPLE_DST, TUPLE_PORTS } from "./layout.js";

/** Header words that say which records are in use and how they hang together. */
const HEADER = ["K_BUCKET_MASK", "K_FRESH", "K_FREE", "K_OLDEST", "K_NEWEST", "K_COUNT", "K_EVICTED", "K_REFUSED"] as const;

/** What known connections make of empty tables. */
export class KnownConnections {
  private readonly records: Uint32Array;
  private readonly heads: Uint32Array;
  private readonly header: number[];

  /**
   * Enters `connections` into the empty tables at `table`.
   * @param scratch address of CONN_BYTES that nobody uses meanwhile
   */
  constructor(
    private readonly arena: Arena,
    private readonly table: number,
    connections: readonly KnownConnection[],
    scratch: number,
  ) {
    for (const c of connections) {
      lay(arena, scratch, c);
      arena.exports.enterKnown(scratch);
    }
    this.header = HEADER.map((name) => this.word(name));
    const first = this.word("K_RECORDS");
    const end = first + this.word("K_FRESH") * CONN_BYTES;
    this.records = arena.words.slice(first >>> 2, end >>> 2);
    const heads = this.word("K_BUCKETS") >>> 2;
    this.heads = arena.words.slice(heads, heads + this.word("K_BUCKET_MASK") + 1);
  }

  /** Puts them back into tables from which everything has been forgotten. */
  restore(): void {
    const { arena } = this;
    arena.words.set(this.records, this.word("K_RECORDS") >>> 2);
    arena.words.set(this.heads, this.word("K_BUCKETS") >>> 2);
    for (const [i, name] of HEADER.entries()) arena.put(this.table + CT_TABLE[name], this.header[i]);
  }

  private word(name: keyof typeof CT_TABLE): number {
    return this.arena.get(this.table + CT_TABLE[name]);
  }
}

function lay(arena: Arena, at: number, c: KnownConnection): void {
  const { CONN_NAT_SRC, CONN_NAT_DST, CONN_SEEN_REPLY, CONN_CLOSED, CONN_PROGRESS_SHIFT } = CONN_FLAGS;
  arena.put(at + CONN.N_KIND, ((c.zone << 16) | (c.orig.v6 ? 0x100 : 0) | c.orig.proto) >>> 0);
  const flags = [c.natSrc && CONN_NAT_SRC, c.natDst && CONN_NAT_DST, c.seenReply && CONN_SEEN_REPLY, c.closed && CONN_CLOSED];
  arena.put(
    at + CONN.N_FLAGS,
    flags.reduce<number>((all, f) => all | (f || 0), ((c.progress ?? firstProgress(c)) << CONN_PROGRESS_SHIFT) | (c.tracker << 16)) >>> 0,
  );
  arena.put(at + N_MARK, c.mark);
  putWide(arena, at + N_LABEL, c.label);
  layTuple(arena, at + N_ORIG, c.orig);
  layTuple(arena, at + N_REPLY, c.reply);
}

function layTuple(arena: Arena, at: number, t: Tuple): void {
  putWide(arena, at, t.src);
  putWide(arena, at + TUPLE_DST, t.dst);
  arena.put(at + TUPLE_PORTS, ((t.sport << 16) | t.dport) >>> 0);
}

/** Four words, most significant first. */
function putWide(arena: Arena, at: number, value: bigint): void {
  for (let i = 0; i < 4; i++) arena.put(at + 4 * i, Number((value >> BigInt(32 * (3 - i))) & 0xffffffffn));
}
