/**
 * Memory layout: every offset and opcode that the host and the assembly share.
 *
 * `build-wasm.mjs` prints this table as `assembly/layout.ts`; nothing else may name these numbers. Offsets are bytes,
 * all values are unsigned 32-bit words, addresses are bytes from the start of the memory (0 = none).
 *
 *     0           program base               state base
 *     +-----------+--------------------------+------------------------------------------------+
 *     | module's  | program: read-only after | state: threads, frames, events, connections,   |
 *     | constants | compile, one a snapshot  | captures and flows: private to one instance    |
 *     +-----------+--------------------------+------------------------------------------------+
 *
 * Several instances (workers) may bind to one program; each has a state of its own.
 */
import { BOUNDS, ROW_WORDS } from "@plumbline/model";

/** Bytes of a row, and those that are copied in one go. */
export const ROW_BYTES = ROW_WORDS * 4;
export const ROW_STEP = 64;
/** Bytes of a value of a thread's value stack: 128 bits, least significant word first. */
export const VALUE_BYTES = 16;

/** Gives consecutive words to names: `{ A: from, B: from + 4, … }`. */
function words<const N extends string>(names: readonly N[], from = 0): Record<N, number> {
  return Object.fromEntries(names.map((n, i) => [n, from + 4 * i])) as Record<N, number>;
}
/** `bytes`, after a check that a record of words ends before them. */
function fits(record: Record<string, number>, bytes: number): number {
  for (const [name, at] of Object.entries(record)) if (at + 4 > bytes) throw new Error(`${name} at ${at} does not fit in ${bytes} bytes`);
  return bytes;
}
/** Numbers names from `from` on. */
function numbers<const N extends string>(names: readonly N[], from = 0): Record<N, number> {
  return Object.fromEntries(names.map((n, i) => [n, from + i])) as Record<N, number>;
}

/** Program header. */
export const PROGRAM = words([
  // Array of device records.
  "P_DEVICES",
  "P_DEVICE_COUNT",
  // Array of table addresses by table id.
  "P_TABLES",
  "P_TABLE_COUNT",
  // Hash of links by (device, port): slots of LINK_SLOT_BYTES, and the number of slots less 1.
  "P_LINKS",
  "P_LINK_MASK",
  // Array of tracker flavours (FLAVOUR_*).
  "P_TRACKERS",
  "P_TRACKER_COUNT",
  // Words of the flow hash: count, then byte offsets.
  "P_HASH_WORDS",
  // Masks as long as a row: what stays when a packet enters a device; what a frame takes with it when it leaves one; everything.
  "P_STAYS",
  "P_LEAVES",
  "P_ALL",
]);
export const PROGRAM_BYTES = fits(PROGRAM, 64);

/** Device record: addresses of its tables, 0 for none. */
export const DEVICE = words(["D_ENTRY", "D_ORIGIN"]);
export const DEVICE_BYTES = fits(DEVICE, 8);

/** A slot of the link hash: key, the link's index + 1 (0: empty slot), where it leads, what it keeps (count, then byte offsets), and whether it is inline. */
export const LINK = words(["L_DEVICE", "L_PORT", "L_INDEX1", "L_TO_DEVICE", "L_TO_PORT", "L_KEEPS", "L_INLINE"]);
export const LINK_SLOT_BYTES = fits(LINK, 32);

/** Table record. */
export const TABLE = words([
  "T_ID",
  // TABLE_BEST, TABLE_SEQUENCE or TABLE_CONJUNCTIVE.
  "T_KIND",
  // Code that runs when nothing matches, or at the end of a sequence.
  "T_MISS",
  // Where a search begins (a reference, see below); 0: there are no rules.
  "T_ROOT",
  // Tuples of the rules with conjunctions: array of addresses, and their number.
  "T_SOFT",
  "T_SOFT_COUNT",
  // As E_INTO and E_REF, of the miss program.
  "T_MISS_INTO",
  "T_MISS_REF",
]);
/** Room for the first node, where that is a split: what a search looks at first lies in one line of the processor's cache. */
export const T_NODE = fits(TABLE, 32);
export const TABLE_BYTES = T_NODE + 32;

/**
 * A search is named by a reference: an address (0: nothing there), whose lowest bits tell what lies at it. What is found most often, one entry or
 * one tuple, needs no node of its own.
 * - REF_NODE: a node.
 * - REF_SURE: an entry that matches every packet.
 * - REF_ENTRY: an entry with E_WORDS triples (byte offset, mask, value) behind it.
 * - REF_TUPLE: a tuple.
 */
export const REF = { REF_NODE: 0, REF_SURE: 1, REF_ENTRY: 2, REF_TUPLE: 3 } as const;
export const REF_BITS = 3;

/**
 * A node of a table's search (plan.ts). Its first word is the kind:
 * - NODE_SCAN: number of entries, then each with E_WORDS triples (byte offset, mask, value).
 * - NODE_TUPLES: number of tuples, references to them or to single entries.
 * - NODE_SPLIT, NODE_SPLIT_REST: as follows; the first has no X_REST.
 */
export const SPLIT = words(
  [
    // Byte offset and mask of the bits that are looked at.
    "X_WORD",
    "X_MASK",
    // Slots of 8 bytes: value, reference (0: empty); how far a value's hash is shifted to the right.
    "X_SLOTS",
    "X_SHIFT",
    // The reference for other values, 0 for none.
    "X_OTHER",
    // What is searched besides, 0 for none, and the best rank in it.
    "X_REST",
    "X_REST_RANK",
  ],
  4,
);
export const NODE_BYTES = fits(SPLIT, 32);

/**
 * A tuple: rows that look at the same bits, hashed by the value of these bits. Followed by U_WORDS triples (byte offset in the row, mask, multiplier of the hash),
 * then guards: triples (byte offset, mask, value) of words that all rows want alike.
 */
export const TUPLE = words([
  // The lowest (best) rank of its entries.
  "U_RANK",
  // Slots of 8 bytes: hash, entry address (0: empty).
  "U_SLOTS",
  // How far a hash is shifted to the right to be a slot's number.
  "U_SHIFT",
  "U_WORDS",
  // Bytes of the guards.
  "U_GUARDS",
]);
export const TUPLE_BYTES = fits(TUPLE, 20);

/** An entry: one row of a rule. In a tuple it is followed by the U_WORDS values, in a scan by E_WORDS triples. */
export const ENTRY = words([
  "E_RANK",
  "E_WORDS",
  "E_RULE",
  // Index of the row in its rule.
  "E_ROW",
  // The rule's program. Conjunctive rule: count, then (id, clause, of) each.
  "E_CODE",
  // Sequence: the cursor behind the rule. Conjunctive rule: the last rank of its priority.
  "E_AFTER",
  // Tuple: the next entry with the same key (of a higher rank) or 0.
  "E_NEXT",
  // The table in which the program goes on at its end, with INTO bits, else 0; and the reference where the search of it begins. E_CODE is what
  // is done before, up to an OP_ON; 0: nothing.
  "E_INTO",
  "E_REF",
  // T_ID of the entry's table.
  "E_TABLE",
]);
export const ENTRY_BYTES = fits(ENTRY, 40);
/** Bits of a table's address where a program goes on in it: it is a `goto`; the search begins at the reference beside it. */
export const INTO = { INTO_GOTO: 1, INTO_PLAIN: 2, INTO_BITS: 3 } as const;

/**
 * Operations of the word code. A piece is (source byte offset, shift right, mask, destination byte offset, shift left).
 * Operands in the order of the comment.
 */
export const OP = numbers([
  // End of a program: continue the walk of a sequence, resume the caller, or end the thread.
  "OP_END",
  // address
  "OP_JUMP",
  // byte offset, bits kept, bits set
  "OP_SET",
  // n, m, n such triples of single words, then m groups of four words: byte offset, bits kept (four words), bits set (four words)
  "OP_SETS",
  // n, n pieces row to row, one after the other
  "OP_MOVE",
  // n, n pieces row to scratch 0, m, m pieces scratch 0 to row (source and destination share words)
  "OP_MOVE_WIDE",
  // read a into scratch 0, read b into scratch 1, write scratch 1 to a, write scratch 0 to b (each n, n pieces)
  "OP_SWAP",
  // n, n pieces row to a new value
  "OP_PUSH",
  // n, n pieces from the top value to row
  "OP_POP",
  // address of `expired`
  "OP_DEC_TTL",
  // n, n pieces row to scratch 0, four words of the value (least significant first), m, m pieces scratch 0 to row
  "OP_GREATER",
  // table address with INTO bits, reference
  "OP_CALL",
  // table address with INTO bits, reference, unwind
  "OP_GOTO",
  // goes on as the entry says
  "OP_ON",
  "OP_RETURN",
  // port, allowIn
  "OP_OUTPUT",
  // allowIn, n, n pieces row to scratch 0
  "OP_OUTPUT_SLICE",
  // text
  "OP_LOCAL",
  // text, rejected
  "OP_DROP",
  // EMIT_*, icmp type, icmp code, swap, address of `then`
  "OP_EMIT",
  // port
  "OP_ENCAP",
  "OP_DECAP",
  // CT_OPERANDS, the range, then n, n pieces of the zone
  "OP_CT",
  // type (0 src, 1 dst), range (RANGE_BYTES)
  "OP_NAT",
  // type
  "OP_UNNAT",
  "OP_CONFIRM",
  "OP_CT_CLEAR",
  // site, n, sum of weights, address of BY_* (0: by the flow hash), then n pairs (weight, address)
  "OP_CHOOSE",
  // address
  "OP_CLONE",
  // text
  "OP_NOTE",
  // text, go
  "OP_UNKNOWN",
]);

/**
 * How a choice is computed, behind the kind:
 * - BY_MAP: length of the map less 1, n, n pieces row to scratch 0, the map.
 * - BY_FIELDS: hash_uint64(param), ids (one an option), number of fields, then for each: bytes, number of rows that it is
 *   hashed under (NONE: always) and each of them as the number of its triples (byte offset, mask, value) and these; n, n pieces row to
 *   scratch 0; four words of the mask, least significant first.
 */
export const BY = numbers(["BY_MAP", "BY_FIELDS"]);

/** Size of a piece. */
export const PIECE_BYTES = 20;

/** Operands of OP_CT behind the opcode; the zone's pieces stand at the end. */
export const CT_OPERANDS = words([
  "C_TRACKER",
  // Constant zone, where C_ZONE_PIECES is 0.
  "C_ZONE",
  // C_COMMIT | C_FORCE
  "C_FLAGS",
  // NAT_NONE, NAT_EXISTING, NAT_SRC or NAT_DST
  "C_NAT",
  // Code of `exec`, straight SET and MOVE operations.
  "C_EXEC",
  // RESUME_NONE, RESUME_INPLACE or the address of a table
  "C_RESUME",
]);
/** A NAT range: RANGE_* flags; addresses as four words, most significant first. */
export const RANGE = {
  R_FLAGS: 0,
  R_MIN: 4,
  R_MAX: 20,
  R_PORT_MIN: 36,
  R_PORT_MAX: 40,
} as const;
export const RANGE_BYTES = 44;
/** Byte offset of the range within the operands of OP_CT, then the zone's number of pieces, then the pieces. */
export const C_RANGE = 24;
export const C_ZONE_COUNT = C_RANGE + RANGE_BYTES;
export const C_ZONE_PIECES = C_ZONE_COUNT + 4;

/** Numbers that name alternatives. */
export const CODE = {
  TABLE_BEST: 0,
  TABLE_SEQUENCE: 1,
  TABLE_CONJUNCTIVE: 2,
  NODE_SCAN: 0,
  NODE_TUPLES: 1,
  NODE_SPLIT: 2,
  NODE_SPLIT_REST: 3,
  FLAVOUR_USERSPACE: 0,
  FLAVOUR_LINUX: 1,
  EMIT_TCP_RESET: 0,
  EMIT_ICMP_ERROR: 1,
  C_COMMIT: 1,
  C_FORCE: 2,
  NAT_NONE: 0,
  NAT_EXISTING: 1,
  NAT_SRC: 2,
  NAT_DST: 3,
  RESUME_NONE: 0,
  RESUME_INPLACE: 1,
  RANGE_ADDRESS: 1,
  RANGE_PORT: 2,
  // R_MAX holds the bits of the packet's own address that stay.
  RANGE_KEEP: 4,
  RECORD_EVENTS: 1,
  RECORD_DIGEST: 2,
  BEYOND_FIRST: 0,
  BEYOND_HASH: 1,
  NONE: 0xffffffff,
} as const;

/** State header: addresses of the areas, settings of a run, and its result. */
export const STATE = words([
  // Areas.
  "S_THREADS",
  "S_FRAMES",
  "S_SOFT",
  "S_EVENTS",
  "S_SCRIPT",
  "S_CT",
  // Bytes of a row that are in use, a multiple of ROW_STEP: rows are copied and cleared so far.
  "S_ROW_BYTES",
  // Settings of a run: what is kept of events (RECORD_* bits), length of the script, BEYOND_*.
  "S_RECORD",
  "S_SCRIPT_LENGTH",
  "S_BEYOND",
  // Scripted ct states: where, how many (NONE: connections are tracked), and how many are used.
  "S_CT_STATES",
  "S_CT_STATE_COUNT",
  "S_CT_STATE_USED",
  // 1: an answer to this packet's flow has been seen, so the connections it meets count as answered.
  "S_ANSWERED",
  // 1: the packet to run is the outer one of a tunnel, S_INNER_ROW is inside.
  "S_HAS_INNER",
  // 1: the packet is taken inside the device; nothing of it is cleared.
  "S_KEEP",
  // What is running now.
  "S_THREAD_COUNT",
  "S_EVENT_COUNT",
  "S_CHOICES",
  "S_STOP",
  // Result: a 64-bit hash of everything that happened but for the packet's own values, and the leaf that tells the fate.
  "S_PATH_LOW",
  "S_PATH_HIGH",
  "S_LEAF",
  "S_LEAF_TEXT",
  "S_LEAF_REJECTED",
  "S_LEAF_DEVICE",
  "S_LEAF_THREAD",
  // 1: the script asked for an option that a choice does not have (it took its first).
  "S_WRONG_OPTION",
  // With RECORD_DIGEST: hashes of the rows at leaves, and of what left by ports (src/digest.ts).
  "S_FINAL",
  "S_FINAL_HIGH",
  "S_EFFECTS",
  "S_EFFECTS_HIGH",
  // Room for trails; 0: none are kept.
  "S_TRAILS",
]);
/** Two values of scratch space, and four connection tuples. */
export const S_SCRATCH0 = fits(STATE, 192);
export const S_SCRATCH1 = S_SCRATCH0 + VALUE_BYTES;
export const S_TUPLES = S_SCRATCH1 + VALUE_BYTES;
/** The row of the leaf that tells the fate; rows to work on; the packet to run; the packet inside it. */
export const S_RESULT_ROW = 384;
export const S_WORK_ROW = S_RESULT_ROW + ROW_BYTES;
export const S_EXEC_ROW = S_WORK_ROW + ROW_BYTES;
export const S_INPUT_ROW = S_EXEC_ROW + ROW_BYTES;
export const S_INNER_ROW = S_INPUT_ROW + ROW_BYTES;
export const STATE_BYTES = S_INNER_ROW + ROW_BYTES;

/**
 * Trails (assembly/trails.ts): room for them, slots of their hash. Of a place (a table, where its search begins, datapath and ports): its groups, threads that found a trail and that did not, whether it is asked no more.
 * A group: the next, words of its key, then of each byte offset and mask. A trail: its group, events, hops, what it makes of the path hash, where the thread stands
 * behind it, how many frames and writes; then the key's values, writes (byte offset, bits kept, bits set), frames.
 */
export const TRAILS_BYTES = 4 * 1024 * 1024;
export const TRAIL_SLOTS = 16384;
export const TRAIL_PLACE = words(["Y_KEY", "Y_TABLE", "Y_GROUPS", "Y_FOUND", "Y_MISSED", "Y_BAD"]);
export const Y_BYTES = fits(TRAIL_PLACE, 32);
export const TRAIL_PLACES = 4096;
export const TRAIL_GROUP = { Z0_NEXT: 0, Z0_COUNT: 4, Z0_WORDS: 8 } as const;
export const TRAIL = words([
  "L_TIMES",
  "L_TIMES_HIGH",
  "L_ADD",
  "L_ADD_HIGH",
  "L_SHARE",
  "L_SHARE_HIGH",
  "L_GROUP",
  "L_EVENTS",
  "L_HOPS",
  "L_PC",
  "L_CURSOR",
  "L_TABLE",
  "L_INTO",
  "L_REF",
  "L_ENTRY",
  "L_WALKS",
  "L_FRAMES",
  "L_WRITES",
]);
export const L_VALUES = fits(TRAIL, 72);

/** A thread. Threads of a run stand one after the other; the queue are those that are not START_DONE. */
export const THREAD = words([
  // START_*
  "H_START",
  // START_ENTER: the port; START_TABLE: table address; START_CODE: code address.
  "H_AT",
  "H_DEVICE",
  "H_ENCAPS",
  "H_VALUES",
  "H_LINKS",
  "H_RECIRCS",
  "H_HOPS",
  "H_SPAWNED",
  // Connection (address, 0 for none), the packet's direction in it, its tracker.
  "H_CONN",
  "H_DIR",
  "H_TRACKER",
  // The zone and the ct_state that the last `ct` gave with it.
  "H_ZONE",
  "H_STATE",
  // 1 if an `emit` stands between the injected packet and this thread.
  "H_ANSWER",
  // Its number.
  "H_NUMBER",
  // The thread that waits for this one, 0 for none; where this one's frames begin.
  "H_WAITER",
  "H_BOTTOM",
  // Where it goes on after having waited: next operation, cursor, table, frame, table walks.
  "H_PC",
  "H_CURSOR",
  "H_TABLE",
  "H_FRAME",
  "H_WALKS",
]);
export const H_ROW = fits(THREAD, 96);
/** Rows taken off by `encap`, the innermost first. */
export const H_STACK = H_ROW + ROW_BYTES;
export const H_VALUE_STACK = H_STACK + BOUNDS.encaps * ROW_BYTES;
export const THREAD_BYTES = H_VALUE_STACK + BOUNDS.values * VALUE_BYTES;

/** A caller that waits: where its program goes on, its cursor, its table (0: it runs outside any table), and the table walks up to it. */
export const FRAME = words(["F_PC", "F_CURSOR", "F_TABLE", "F_WALKS"]);
export const FRAME_BYTES = fits(FRAME, 16);
/** Cursors. Ended: nothing is left to try. At end: `miss` is left. From CURSOR_RANK on: the rank from which a sequence goes on. */
export const CURSOR = { CURSOR_ENDED: 0, CURSOR_AT_END: 1, CURSOR_RANK: 2 } as const;

/** An event: the words of trajectory.ts, then the row. */
export const EVENT = words(["V_KIND", "V_THREAD", "V_A", "V_B", "V_C"]);
export const V_ROW = fits(EVENT, 32);
export const EVENT_BYTES = V_ROW + ROW_BYTES;

/**
 * Connection table header. Records that were never used start at number K_FRESH; those given back are chained from
 * K_FREE by N_NEXT; those in the table stand in a list by last use; those that the present run made or took out are
 * listed at K_RUN_LIST, and looked over at its end.
 */
export const CT_TABLE = words([
  // Heads of chains of nodes, their number less 1, and the most that it can be.
  "K_BUCKETS",
  "K_BUCKET_MASK",
  "K_BUCKET_MOST",
  "K_RECORDS",
  "K_CAPACITY",
  "K_FRESH",
  "K_FREE",
  "K_OLDEST",
  "K_NEWEST",
  "K_RUN_LIST",
  "K_RUN_COUNT",
  // Number of the present run.
  "K_RUN",
  "K_COUNT",
  // Connections forgotten because the table was full, and packets that found no room at all.
  "K_EVICTED",
  "K_REFUSED",
  // Undo log of pairs (address, old word): where, pairs in use, pairs it can hold, whether it is kept, whether it was too short.
  "K_LOG",
  "K_LOG_COUNT",
  "K_LOG_CAPACITY",
  "K_LOG_ON",
  "K_LOG_LOST",
]);
export const CT_TABLE_BYTES = fits(CT_TABLE, 128);

/**
 * A connection: one record, with a node for each direction in the buckets. A node is named by the record's address plus
 * its direction (0 original, 1 reply). A record fills two lines of the processor's cache; what a look-up by the original tuple reads is all in the first.
 */
export const CONN = words([
  // Next node of the original direction's chain, then of the reply's.
  "N_NEXT",
  "N_REPLY_NEXT",
  // zone << 16 | v6 << 8 | protocol
  "N_KIND",
  // CONN_FLAGS; its tracker's number in the upper half.
  "N_FLAGS",
  "N_OLDER",
  "N_NEWER",
]);
/** The upper half of N_FLAGS. */
export const N_TRACKER = CONN.N_FLAGS + 2;
/** The most trackers that a record can name. */
export const MOST_TRACKERS = 0x10000;
/** The tuples. */
export const N_ORIG = fits(CONN, 24);
export const N_REPLY = 60;
/** The flows (number + 1, 0 for none) whose remembered trajectories met it in the original direction and in that of the reply: trajectory.ts. */
export const N_MET = 96;
/** The run that used it last. */
export const N_RUN = 104;
export const N_MARK = 108;
/** Label: four words, most significant first. */
export const N_LABEL = 112;
/** A tuple: source and destination (four words each, most significant first; IPv4 in the last), source port << 16 | destination port. */
export const TUPLE_DST = 16;
export const TUPLE_PORTS = 32;
export const CT_TUPLE_BYTES = 36;
export const CONN_BYTES = 128;

export const CONN_FLAGS = {
  CONN_NAT_SRC: 1,
  CONN_NAT_DST: 2,
  CONN_SEEN_REPLY: 4,
  CONN_CLOSED: 8,
  // Not entered in the table yet.
  CONN_PENDING: 16,
  // Its nodes that stand in the buckets.
  CONN_ORIG_IN: 32,
  CONN_REPLY_IN: 64,
  CONN_BOTH_IN: 96,
  // In the list of the present run.
  CONN_IN_RUN: 128,
  // How far it is in the userspace tracker (conntrack.ts, firstProgress): 8 bits.
  CONN_PROGRESS: 0xff00,
  CONN_PROGRESS_SHIFT: 8,
} as const;
/** The bit of a tuple's kind that an echo reply has and a request has not. N_KIND is without it. */
export const KIND_ANSWER = 0x200;

/** How a thread begins, or goes on; done: it has begun already. */
export const START = numbers(["START_ENTER", "START_ORIGIN", "START_TABLE", "START_CODE", "START_RESUME", "START_DONE"]);

/** How the decoding of a frame ends. Frames of the first two kinds have all that a packet needs. */
export const FRAME_KIND = numbers([
  "DECODE_IPV4",
  "DECODE_IPV6",
  "DECODE_ARP",
  // Another EtherType, or an 802.3 length.
  "DECODE_OTHER",
  // The capture holds less of the frame than its headers: Ethernet and tags; IP or ARP; transport.
  "DECODE_SHORT_ETHERNET",
  "DECODE_SHORT_NETWORK",
  "DECODE_SHORT_TRANSPORT",
  // The IP header contradicts itself (version, header length).
  "DECODE_BAD_IP",
]);
export const FRAME_KINDS = Object.keys(FRAME_KIND).length;

/** A batch: device, port (NONE: the one in the row), 1 for its socket, 1 where connections are put back after each packet; offsets of the packed words and their number; packets, digests, how many of them; the checksum so far. */
export const BATCH = words([
  "Q_SUM",
  "Q_SUM_HIGH",
  "Q_DEVICE",
  "Q_PORT",
  "Q_SOCKET",
  "Q_FRESH",
  // The row of what all packets have in common, and room for one as it enters; the words in which packets differ.
  "Q_COMMON",
  "Q_ENTERING",
  "Q_WORDS",
  "Q_WIDTH",
  "Q_ROWS",
  "Q_DIGESTS",
  "Q_COUNT",
]);
export const BATCH_BYTES = fits(BATCH, 64);
/** What is kept of a packet of a batch: 64-bit hashes, number of events, the leaf that tells the fate. */
export const DIGEST = { G_PATH: 0, G_FINAL: 8, G_EFFECTS: 16, G_EVENTS: 24, G_LEAF: 28 } as const;
export const DIGEST_BYTES = 32;

/**
 * What a run met (met.ts): pairs (kind, value). MET_ENTRY: address of a connection | direction of the key that was looked up; MET_ABSENT: the hash of a key under which there was none.
 */
export const MET = numbers(["MET_ENTRY", "MET_ABSENT"]);
export const MET_MOST = 60;
/** Replay: settings, progress, counters. Counters are 64 bits wide. */
export const REPLAY = words([
  // The capture: 1 where its numbers have the other byte order; nanoseconds of a unit of its second time word; longest record.
  "R_SWAPPED",
  "R_TICK",
  "R_MAX_RECORD",
  // The capture point and how a frame's direction is told (POINT_*): MACs as pairs of words (16 bits, 32 bits).
  "R_DEVICE",
  "R_PORT",
  "R_POINT",
  "R_MACS",
  "R_MAC_COUNT",
  // 0: decode and count, but run nothing.
  "R_RUN",
  // Staged bytes: where, how many, how far they are used.
  "R_STAGE",
  "R_STAGED",
  "R_USED",
  // 1: the packet in S_INPUT_ROW has run, and is still to be folded in: its time, lengths and flow.
  "R_PENDING",
  "R_FLOW",
  "R_TIME_LOW",
  "R_TIME_HIGH",
  "R_LENGTH",
  // Flows: open-addressed index of record numbers + 1, slots less 1, records, how many there are, have room now, may be.
  "R_INDEX",
  "R_INDEX_MASK",
  "R_FLOWS",
  "R_FLOW_COUNT",
  "R_FLOW_CAPACITY",
  "R_FLOW_LIMIT",
  // Bytes of a flow's record: FLOW_BYTES, or FLOW_FIRST_BYTES where its first packet's headers are kept.
  "R_FLOW_STRIDE",
  // Paths, likewise; their room does not grow.
  "R_PATH_INDEX",
  "R_PATH_INDEX_MASK",
  "R_PATHS",
  "R_PATH_COUNT",
  "R_PATH_LIMIT",
  // Where the time goes: packets until the next that is timed; times of decoding, running, folding in milliseconds (f64 each, 8-byte aligned).
  "R_TIMED_IN",
  // Tunnels that end at the capture point's host: UDP port (0: none), IPv4 addresses and their number, the option that is
  // tun_metadata0 (class << 8 | type; 0: the first of four bytes).
  "R_TUNNEL_PORT",
  "R_TUNNEL_ADDRESSES",
  "R_TUNNEL_COUNT",
  "R_TUNNEL_OPTION",
  // Addresses of the device, 16 bytes each: what leaves from one of them was sent by its own socket, and runs from there. Whether the packet at work does.
  "R_OWN",
  "R_OWN_COUNT",
  "R_SENT",
  // Keeps the times on multiples of eight.
  "R_PAD",
  "R_DECODING",
  "R_DECODING_HIGH",
  "R_RUNNING",
  "R_RUNNING_HIGH",
  "R_FOLDING",
  "R_FOLDING_HIGH",
  // Earliest and latest time of all frames, in nanoseconds; from is 0 before the first.
  "R_SPAN_FROM",
  "R_SPAN_FROM_HIGH",
  "R_SPAN_TO",
  "R_SPAN_TO_HIGH",
  // Remembered trajectories: the flows' hot lines, how many may be remembered and are, where the search for one to forget goes on.
  "R_LINES",
  "R_CACHE_LIMIT",
  "R_CACHED",
  "R_CACHE_HAND",
  // The most flows there is memory for; of those that were taken out the first (number + 1; the next in its W_CACHED), and how many they are.
  "R_FLOW_MOST",
  "R_FLOW_FREE",
  "R_FLOW_GONE",
  // What of the headers the network can tell apart (reads.ts): TOS bits; what TCP flags are taken for (256 bytes), bits of the byte before them; all bits
  // of the length, or none; the mask of a row.
  "R_TOS_MASK",
  "R_FLAG_MAP",
  "R_HIGH_FLAGS",
  "R_LENGTH_MASK",
  "R_ROW_MASK",
  // Of the packet at work: what it counts in (CLASS), and its side, 16 bytes.
  "R_CLASS",
  "R_SIDE_0",
  "R_SIDE_1",
  "R_SIDE_2",
  "R_SIDE_3",
  "R_SIDE_LENGTH",
  // Absences: heads of chains, nodes, how many there are and may be.
  "R_ABSENT_HEADS",
  "R_ABSENT",
  "R_ABSENT_COUNT",
  "R_ABSENT_LIMIT",
  // A pcapng file (pcapng.ts): staged blocks, how many bytes, how far they are used, bytes to pass over; byte order of the section; its interfaces; a
  // link type that is not Ethernet; time of the last packet.
  "R_BLOCKS",
  "R_BLOCKS_STAGED",
  "R_BLOCKS_USED",
  "R_SKIP",
  "R_TURNED",
  "R_INTERFACES",
  "R_INTERFACE_COUNT",
  "R_LINK",
  "R_LAST_SECONDS",
  "R_LAST_FRACTION",
  // The share of the capture's connections that is worked on here (part.ts): which, of how many; records of the capture so far, others' included.
  "R_PART",
  "R_PARTS",
  "R_ORDINAL",
  "R_ORDINAL_HIGH",
]);
/** An interface of a pcapng section: link type, snap length (0: none), units of a second and seconds to add (64 bits each). */
export const INTERFACE = { I_LINK: 0, I_SNAP: 4, I_PER_SECOND: 8, I_OFFSET: 16 } as const;
export const INTERFACE_BYTES = 24;
export const INTERFACE_MOST = 4096;
/** Why `unwrap` came back: all whole blocks are used, or one that cannot be. */
export const UNWRAP_STATUS = numbers(["UNWRAP_DONE", "UNWRAP_CORRUPT"]);
/** One packet of so many is timed: a clock costs about 50 ns, a packet a few microseconds. */
export const TIMED_EVERY = 64;
export const REPLAY_COUNTER_BASE = fits(REPLAY, 512);
/** Counters, 8 bytes each. By FRAME_KIND first, then these. */
export const REPLAY_COUNTERS = numbers(
  [
    "COUNT_FRAMES",
    "COUNT_BYTES",
    "COUNT_ENTERING",
    "COUNT_LEAVING",
    "COUNT_RUN",
    "COUNT_FRAGMENTS",
    // ICMP errors whose quoted packet is cut off or not IP.
    "COUNT_UNQUOTED",
    // Packets of flows, and of paths, for which there was no room.
    "COUNT_FLOWLESS",
    "COUNT_PATHLESS",
    // Frames that neither enter nor leave: for and from others (a flooding switch, a mirror port).
    "COUNT_FOREIGN",
    // Entering packets that answer what left here: they have no state to run on.
    "COUNT_REPLIES",
    // Packets in tunnels that end here: they are the flows of the packets inside.
    "COUNT_TUNNELLED",
    // Leaving packets that ran, from the device's socket.
    "COUNT_SENT",
    // Packets that followed a remembered trajectory; trajectories remembered, forgotten for a change of what they met, and for want of room.
    "COUNT_HITS",
    "COUNT_REMEMBERED",
    "COUNT_DROPPED",
    "COUNT_EVICTED",
    // Packets of interfaces that are not Ethernet, of a pcapng file; they are in no other counter.
    "COUNT_OTHER_LINK",
  ],
  FRAME_KINDS,
);
/** What the present run met. */
export const R_MET = REPLAY_COUNTER_BASE + 8 * (FRAME_KINDS + Object.keys(REPLAY_COUNTERS).length);
export const REPLAY_BYTES = R_MET + 8 * MET_MOST;

/** Bytes of a pcap record's header: seconds, fraction, captured, length on the wire. */
export const RECORD_HEADER = 16;

/** Why `replay` came back: all complete records are used; a path was seen for the first time; the flow table needs room; a record that cannot be. */
export const REPLAY_STATUS = numbers(["REPLAY_HUNGRY", "REPLAY_NEW_PATH", "REPLAY_FLOWS_FULL", "REPLAY_CORRUPT"]);
/**
 * How a frame's direction is told: everything enters; what is for the port's own MAC (or for a group and not from it) enters, what is from it leaves; what
 * is not from one of the local MACs enters; what is from one of the MACs beyond the port enters.
 */
export const POINT = numbers(["POINT_ALL", "POINT_TO", "POINT_FROM", "POINT_BY"]);

/**
 * What a capture shows of a flow besides its own packets. Of an entering flow, in packets that leave: an answer other than a reset; a reset; ICMP errors
 * about it. Of a flow of either direction: it answers one of the other direction; its first packet was the connection's first (a SYN); what it answers ran
 * from the device's socket.
 */
export const SEEN = {
  SEEN_ANSWER: 1,
  SEEN_RESET: 2,
  SEEN_REFUSED: 4,
  SEEN_UNREACHABLE: 8,
  SEEN_EXPIRED: 16,
  SEEN_AS_REPLY: 32,
  SEEN_OPENING: 64,
  SEEN_TO_SENDER: 128,
} as const;

/**
 * A flow: direction << 16 | v6 << 8 | protocol and its tuple (as in CONN; ICMP has its identifier, then type << 8 | code) are the key. 64-bit counts and times
 * (nanoseconds); the path of its first packet (NONE: not run, or no room), packets that took another, the fate of the
 * first packet, and what it looked like there.
 */
export const FLOW = {
  W_KIND: 0,
  W_TUPLE: 4,
  W_PACKETS: 40,
  W_BYTES: 48,
  W_FIRST: 56,
  W_LAST: 64,
  W_PATH: 72,
  W_OTHER_PATH: 76,
  // The leaf's kind, | LEAF_REJECTED.
  W_LEAF: 80,
  W_TEXT: 84,
  // Of its remembered trajectory: path + 1 << 8 | CLASS bits.
  W_CACHED: 88,
  W_LEAF_DEVICE: 92,
  W_FINAL_KIND: 96,
  W_FINAL: 100,
  W_TCP_FLAGS: 136,
  // SEEN bits.
  W_SEEN: 140,
  // Which packet of the capture was its first (64 bits).
  W_ORDER: 144,
} as const;
export const FLOW_BYTES = 152;
export const LEAF_REJECTED = 0x100;
/** The kind of a record whose flow was taken out. */
export const FLOW_GONE = 0xffffffff;
export const FLOW_LEAVING = 0x10000;
/** The flow was seen inside a tunnel that ends here. */
export const FLOW_TUNNELLED = 0x20000;

/**
 * The hot line of a flow: what is looked at for each packet (trajectory.ts). Key: source and destination (IPv6: hashes of them), ports, v6 << 8 | protocol,
 * in the order that frames have them. Side: what else of the headers the remembered trajectory depends on, its last byte SIDE_*. Then what hits are folded
 * into until they are settled: packets, bytes, the latest time of the flow, the number of the last run, TCP flags.
 */
export const LINE = { J_KEY: 0, J_SIDE: 16, J_HITS: 32, J_LENGTH: 36, J_BYTES: 40, J_LAST: 48, J_RUN: 56, J_FLAGS: 60 } as const;
export const LINE_BYTES = 64;
/** No trajectory is remembered; its side is that of a plain frame (skim.ts), or a hash of the row. */
export const SIDE = numbers(["SIDE_NONE", "SIDE_PLAIN", "SIDE_ROW"]);
/** Which counters a packet with a remembered trajectory counts in. */
export const CLASS = {
  CLASS_LEAVING: 1,
  CLASS_RUN: 2,
  CLASS_SENT: 4,
  CLASS_REPLY: 8,
  CLASS_TUNNELLED: 16,
  CLASS_V6: 32,
  CLASS_ALLOCATES: 64,
} as const;
/** A slot of the flow index: the number + 1 in the low bits, then bits of the hash. */
export const SLOT_NUMBER = 0xffffff;
export const SLOT_TAG_SHIFT = 24;

/** A trajectory that depends on a key's absence: the key's hash, the flow (number + 1), the next of the chain (number + 1). */
export const ABSENT = words(["Z_HASH", "Z_FLOW", "Z_NEXT"]);
export const ABSENT_BYTES = 12;
/** Chains of them, by the hash's low bits. */
export const ABSENT_CHAINS = 1 << 16;

/**
 * The headers of a flow's first packet, behind its record: MACs as the row has them (two words each), VLAN, TTL, TOS, TCP flags, frame length. Then for a
 * tunnelled flow the tunnel's key, option, addresses, MACs and source port.
 */
export const FIRST = {
  B_ETH: 152,
  B_TCI: 168,
  B_TTL: 172,
  B_TOS: 176,
  B_FLAGS: 180,
  B_LENGTH: 184,
  B_TUNNEL_KEY: 188,
  B_TUNNEL_OPTION: 192,
  B_TUNNEL_SRC: 196,
  B_TUNNEL_DST: 200,
  B_TUNNEL_ETH: 204,
  B_TUNNEL_PORT: 220,
} as const;
export const FLOW_FIRST_BYTES = 224;

/** A path: its hash, the packets, bytes and flows (by their first packet) that took it, and which packet of the capture was the first. */
export const PATH = { A_HASH: 0, A_PACKETS: 8, A_BYTES: 16, A_FLOWS: 24, A_ORDER: 32 } as const;
export const PATH_BYTES = 40;

/** A rule set of five ranges, compiled (src/acl): addresses of its parts; tables of pairs of classes each with their stride. */
export const ACL = words([
  // Classes of the lanes' values: 16 bits each, 65536 a lane, 256 for the protocol.
  "AL_CLASSES",
  "AL_SOURCES",
  "AL_SOURCE_STRIDE",
  "AL_TARGETS",
  "AL_TARGET_STRIDE",
  // 0: the source port tells nothing.
  "AL_PORTS",
  "AL_PORT_STRIDE",
  "AL_WITH_PROTOCOL",
  "AL_PROTOCOL_STRIDE",
  // Pairs of address classes: their class (16 bits), or the byte offset of their list (32 bits).
  "AL_PAIRS",
  "AL_PAIR_STRIDE",
  // Rules, 16 bits.
  "AL_FINAL",
  "AL_FINAL_STRIDE",
  "AL_LISTS",
  // Tuples: tables, rules, sets of tables by the class of each address lane (4 addresses) and by protocol.
  "AL_TABLES",
  "AL_RULES",
  "AL_COUNT",
  "AL_CANDIDATES",
  "AL_CANDIDATES_1",
  "AL_CANDIDATES_2",
  "AL_CANDIDATES_3",
  "AL_PROTOCOLS",
  // Rules in parts: their records (AL_PART), how many, and room for the classes of PARTS_AT_ONCE packets.
  "AL_PARTS",
  "AL_PART_COUNT",
  "AL_SCRATCH",
]);
export const ACL_BYTES = fits(ACL, 128);
/**
 * A part of the rules: what its own classes of sources, targets and the rest are by those of all (16 bits each); pairs of addresses and their stride; the final
 * table and its stride, or (stride 0) the lists.
 */
export const ACL_PART = words(["AP_SOURCES", "AP_TARGETS", "AP_REST", "AP_PAIRS", "AP_PAIR_STRIDE", "AP_FINAL", "AP_FINAL_STRIDE"]);
export const AP_BYTES = fits(ACL_PART, 32);
export const PARTS_AT_ONCE = 512;
export const ACL_NO_RULE = 0xffffffff;
/** A rule of a list: low end and width of its source ports, destination ports, protocols; its number. */
export const LIST = { LI_SRC: 0, LI_DST: 4, LI_PROTO: 8, LI_RULE: 12 } as const;
export const LIST_BYTES = 16;
/** The longest list. */
export const LIST_MOST = 256;
/** A rule of a bucket: low and high ends as the lanes of a packet, its rank, and whether it is the bucket's last. */
export const RULE_RANGES = { RU_LOW: 0, RU_HIGH: 16, RU_RANK: 32, RU_LAST: 36 } as const;
export const RULE_BYTES = 48;
/** A rule in a list of a tree of cuts: its ranges' low ends, their high ends, and twice its rank, odd if it is the list's last. */
export const CUT_RECORD = { CR_LOW: 0, CR_HIGH: 16, CR_RANK: 32 } as const;
export const CUT_RECORD_BYTES = 36;

/** A table of tuples: the mask of its lanes, its slots (hash, byte offset of the bucket's first rule), shift, best rank. */
export const TUPLE_TABLE = { TB_MASK: 0, TB_SLOTS: 16, TB_SHIFT: 20, TB_RANK: 24 } as const;
export const TB_BYTES = 32;
