/**
 * The pipeline IR: what every switch, router, host stack and logical datapath is lowered to.
 *
 * The IR is small and closed. A front end that needs something else first asks whether it is a lowering: OVS `NORMAL`
 * is a call of a table of MAC addresses; MASQUERADE is a call of a table of interface addresses; an OVS `drop` is an
 * empty program. Two implementations run it, the reference interpreter (`interp.ts`) and the WASM core; they must
 * agree event by event. What follows is their contract.
 *
 * ## Threads
 *
 * A run injects one packet. A thread has a row, a device, a stack of call frames, a stack of values, a stack of
 * outer-to-inner rows (encapsulation) and a connection reference. `output`, `clone`, `emit` and `ct` with a resume table
 * make threads (copies of row, encapsulation stack; a clone also copies the value stack and the connection reference, a fork
 * of `ct` has the reference that `ct` left; all with empty frames; clone, emit and fork stay on the device).
 *
 * A clone, and a packet that leaves by an `inline` link (an OVS patch port), run at once, to their end, with all that they
 * make at once themselves; the thread that made them waits, and then goes on (OVS translates them in place). The others join a
 * queue (first in, first out): when a thread that was taken from it has ended, the run takes the next, until the queue is empty
 * or a bound is met. Threads are numbered in the order in which they are made. A thread that ends without terminal action and
 * without having made a thread is a leaf `dropped`.
 *
 * ## Entering a device
 *
 * A thread that enters device D at port P: its `device` and `tunnel` class fields are cleared but for those the link
 * keeps, `header` and `inner` fields stay, `in_port` = P, and table D.entry runs. A packet that starts at the device itself (socket)
 * runs D.origin instead with in_port = 0.
 *
 * ## Tables
 *
 * - `priority`: of all rules one of whose rows matches, the one with the highest priority; the first listed among equals.
 *   Rules with `conj` are found as in OVS (lib/classifier.c): let `hard` be the best rule without `conj`. Among matching
 *   `conj` rules of a priority above hard's (or any, if there is no hard), take priorities in descending order; at each,
 *   the first id (in order of the listed rules) all of whose clauses are present is tried: the table is searched again
 *   without `conj` rules with conj_id = id; a hit is the result. If no priority yields one, `hard` is the result. conj_id
 *   is restored before the program runs.
 * - `sequence`: rules in order; the first at or after the cursor that matches runs; when its program ends, the walk
 *   continues behind it. At the end `miss` runs, then the caller continues.
 * - `lpm`: longest prefix of `key`, then lowest metric, then first listed.
 * `priority` and `lpm` tables run `miss` when nothing matches. After the program (or miss) of a `priority` or `lpm` table, the caller
 * continues behind its `call`.
 *
 * ## Programs
 *
 * Actions in order. `call` continues with the rest of the program afterwards; `goto` does not come back to this
 * program or table (but a pending caller of this table resumes when the target ends; with `unwind` all frames are
 * dropped first). `return` ends this table's walk and resumes its caller.
 *
 * ## Bounds
 *
 * See {@link BOUNDS}. A thread that exceeds one is a leaf `looped` with the bound's name; the rest of the queue goes on,
 * except for `threads` and `events`, which end the run.
 */
import type { Certainty, Origin } from "./facts.js";
import type { Slice } from "./row.js";

/** One masked word: `(row[w] & m) == v`; `v & ~m` is 0. */
export interface WordMatch {
  readonly w: number;
  readonly v: number;
  readonly m: number;
}
/** A conjunction of masked words, ascending by word, each word once. Empty matches everything. */
export type Match = readonly WordMatch[];

export type TableId = number;

export interface NatRange {
  /** First and last address; absent keeps the address. IPv4 in the low 32 bits. */
  readonly min?: bigint;
  readonly max?: bigint;
  /** Bits of the packet's own address that stay beneath `min`, whose bits there are 0: NETMAP. */
  readonly keep?: bigint;
  readonly portMin?: number;
  readonly portMax?: number;
}

export type Action =
  /** dst = value. */
  | { readonly op: "set"; readonly dst: Slice; readonly value: bigint }
  /** dst = src; both slices have the same n. */
  | { readonly op: "move"; readonly src: Slice; readonly dst: Slice }
  /** Exchanges two slices of the same n. */
  | { readonly op: "swap"; readonly a: Slice; readonly b: Slice }
  /** Pushes the value of a slice on the thread's value stack. */
  | { readonly op: "push"; readonly src: Slice }
  /** Pops into a slice (high bits cut or zero). An empty stack leaves dst as it is. */
  | { readonly op: "pop"; readonly dst: Slice }
  /** If ip_ttl > 1: ip_ttl -= 1. Else `expired` runs instead of the rest of this program. */
  | { readonly op: "decTtl"; readonly expired: readonly Action[] }
  /** dst = 1 if src > value else 0 (unsigned; dst is one bit). `check_pkt_larger`. */
  | { readonly op: "greater"; readonly src: Slice; readonly value: bigint; readonly dst: Slice }
  | { readonly op: "call"; readonly table: TableId }
  | { readonly op: "goto"; readonly table: TableId; readonly unwind?: boolean }
  | { readonly op: "return" }
  /** Appends a copy of the packet that leaves by a port of this device. To the in_port only with `allowIn`. A port without a link is a leaf `unlinked`. */
  | { readonly op: "output"; readonly port: number | Slice; readonly allowIn?: boolean }
  /** Ends the thread: delivered to this device's own stack. */
  | { readonly op: "local"; readonly note?: string }
  /** Ends the thread: thrown away. `rejected`: because the sender is told (an `emit` stands before it). */
  | { readonly op: "drop"; readonly reason?: string; readonly rejected?: boolean }
  /**
   * Appends a thread with a packet that the device makes in answer to this one, which runs `then` on this device.
   * The new row is zero but for the fields given here; `swap` exchanges source and destination (Ethernet, IP) and is
   * what an answer needs; TCP ports are always exchanged.
   * - `tcp-reset`: eth, eth_type, ip src/dst, ip_proto 6, ip_ttl 255, tp_src/tp_dst exchanged, tcp_flags RST|ACK (RST alone if the packet had ACK), packet_len 54 (74 for IPv6). A packet that is a RST itself appends nothing.
   * - `icmp-error`: eth, eth_type, ip src/dst, ip_proto 1 (58 for IPv6), ip_ttl 255, icmp_type/code as given, inner_* = this packet's tuple (icmp_id on both inner ports for ICMP), packet_len 70. A packet that is itself an ICMP error (inner_proto != 0) appends nothing.
   * in_port, metadata, registers, pkt_mark and vlan_tci are copied, so that `then` may look at them.
   */
  | {
      readonly op: "emit";
      readonly kind: "tcp-reset" | "icmp-error";
      readonly icmpType: number;
      readonly icmpCode: number;
      readonly swap: boolean;
      readonly then: readonly Action[];
    }
  /** Puts the row on the encapsulation stack; the new row is zero but for eth_type 0x0800, ip_proto 17, ip_ttl 64, ip_src = tun_src, ip_dst = tun_dst, tp_src = 0xc000 | low 14 bits of the flow hash, tp_dst = port, packet_len = inner + 58. */
  | { readonly op: "encap"; readonly kind: "geneve"; readonly port: number }
  /** Takes the inner row back as it was when encapsulated (with its tun_id, tun_metadata0, tun_flags: they travelled along), with in_port of the outer row, tun_src = outer ip_src, tun_dst = outer ip_dst. With an empty stack: leaf `unknown` "the tunnelled packet is not known". */
  | { readonly op: "decap" }
  /**
   * Connection tracking as OVS has it. `tracker` names the connection table (see Network.trackers); `resume`:
   * - null: the packet goes on untracked (its headers may be translated); - "inplace": this thread goes on tracked;
   * - a table: a tracked copy is appended as a thread that runs that table; this thread goes on untracked, its row as it was but
   *   for the headers, which may be translated.
   * A packet remembers the connection of its last `ct` that found or made one (so does the kernel's skb, and OVS's
   * pkt_metadata.conn): a later `ct` in the same tracker and zone, unless forced, is about that connection again: no look-up,
   * the same state, and no second translation. `ctClear` and entering a device forget it. The userspace tracker does not keep it
   * where `nat` was asked for: then it is found again, and moves on (the state may become another), but is not translated twice.
   * Otherwise the order: look up; state; `nat` "existing" or a range: translate; `commit`: create or update, `exec` (set/move to
   * ct_mark and ct_label only) on the connection's mark and label. See conntrack.ts.
   */
  | {
      readonly op: "ct";
      readonly tracker: number;
      readonly zone: number | Slice;
      readonly commit: boolean;
      readonly force: boolean;
      readonly nat: null | "existing" | { readonly type: "src" | "dst"; readonly range: NatRange };
      readonly exec: readonly Action[];
      readonly resume: null | "inplace" | TableId;
    }
  /** Forgets the packet's connection and zeroes its ct_ fields. OVS `ct_clear`. */
  | { readonly op: "ctClear" }
  /** Netfilter NAT of the thread's connection: binds a translation to a new one and applies it; nothing for others, or if this type is bound already. */
  | { readonly op: "nat"; readonly type: "src" | "dst"; readonly range: NatRange }
  /** Applies the translation of a known connection at a netfilter hook: `dst` at PREROUTING/OUTPUT, `src` at POSTROUTING/INPUT. */
  | { readonly op: "unnat"; readonly type: "src" | "dst" }
  /** Enters the thread's new connection in its table, or writes ct_mark and ct_label of the row to a known one. */
  | { readonly op: "confirm" }
  /**
   * Goes on with exactly one option, and then with the rest of this program. Weights are positive; `how` is for the reader. With `by`
   * the device's own choice can be computed: a run whose `beyond` is `hash` takes what `by` says.
   */
  | {
      readonly op: "choose";
      readonly how: string;
      readonly weights: readonly number[];
      readonly options: readonly (readonly Action[])[];
      readonly by?: ChooseBy;
    }
  /** Appends a copy (with its value stack and connection reference) that runs these actions on this device. */
  | { readonly op: "clone"; readonly actions: readonly Action[] }
  /** For the reader only. */
  | { readonly op: "note"; readonly text: string }
  /** Something outside the switch decides, and no plugin gave it meaning; the thread goes on. */
  | { readonly op: "punt"; readonly text: string }
  /** Evidence is missing. Ends the thread as a leaf `unknown`, or with `go` is remembered and goes on (what follows is assumed). */
  | { readonly op: "unknown"; readonly why: string; readonly command: string; readonly on: string; readonly go?: boolean };

export type ActionOp = Action["op"];

/** How a device computes a choice. */
export type ChooseBy =
  /** `map[value & (map.length - 1)]` is the option; map.length is a power of two. OVS `dp_hash` groups. */
  | { readonly kind: "map"; readonly field: Slice; readonly map: readonly number[] }
  /**
   * Highest of `(hash_int(ids[i], basis) & 0xffff) * weights[i]`, the last of equals. `basis` is hash_uint64(param) of
   * OVS's lib/hash.c, hashed on over each of `fields` in order. OVS `hash` groups (ofproto-dpif-xlate.c,
   * pick_hash_fields_select_group and group_best_live_bucket).
   */
  | { readonly kind: "fields"; readonly param: bigint; readonly fields: readonly HashField[]; readonly ids: readonly number[] };

/** A field that a choice hashes: its value, masked, in network byte order, by hash_bytes. */
export interface HashField {
  readonly slice: Slice;
  readonly mask: bigint;
  /** Bytes of the value where it is hashed; absent: as many as the slice's bits need. */
  readonly bytes?: number;
  /** It is hashed only of packets that one of these matches (OVS's prerequisites); absent: of all. */
  readonly when?: readonly Match[];
}

/** Part `clause` (from 1) of `of` of the conjunctive match `id`. */
export interface Conjunction {
  readonly id: number;
  readonly clause: number;
  readonly of: number;
}

export interface Rule {
  /** Index in Network.rules. */
  id: number;
  readonly table: TableId;
  /** Used by `priority` tables. */
  readonly priority: number;
  /** The rule matches when one of these does. */
  readonly rows: readonly Match[];
  /** lpm tables: the prefix of the key; `len` bits from the top. */
  readonly prefix?: { readonly value: bigint; readonly len: number };
  readonly metric?: number;
  /** A rule with conjunctions has no program of its own. */
  readonly conj?: readonly Conjunction[];
  readonly program: readonly Action[];
  readonly origin: Origin | null;
  readonly certainty: Certainty;
  /** Why it is inferred or assumed; "" if proven. */
  readonly why: string;
  /** OpenFlow cookie, where there is one. */
  readonly cookie?: bigint;
  /** As its switch would print it, where `origin` is what it was derived from. */
  readonly derived?: string;
  /** Index within its chain from 1, for netfilter. */
  readonly number?: number;
}

export interface Table {
  readonly id: TableId;
  readonly device: number;
  /** As the source calls it: "8", "nat PREROUTING", "main". */
  readonly name: string;
  /** What kind of decision this is, for the reader: "openflow", "netfilter", "fib", "policy", "neighbour", "arp", "fdb", "socket", "hook", "tunnel", "segment". */
  readonly stage: string;
  readonly kind: "priority" | "sequence" | "lpm";
  /** lpm tables. */
  readonly key?: Slice;
  readonly rules: Rule[];
  miss: readonly Action[];
  /** Where the table's end is written (a chain's policy line), if anywhere. */
  missOrigin: Origin | null;
}

/** Bounds of a run. Above them all that the lab needs (12 recirculations) and that OVS allows (4096 resubmits a translation). */
export const BOUNDS = {
  /** Rules hit and tables missed, by one thread. */
  hops: 8192,
  /** `ct` forks on one device from the packet's entry on. */
  recirculations: 64,
  /** Call frames of a thread. */
  frames: 256,
  /** Values on a thread's stack. */
  values: 64,
  /** Encapsulation depth. */
  encaps: 4,
  /** Links crossed from injection on. */
  links: 128,
  /** Threads of one run. */
  threads: 1024,
  /** Events of one run. */
  events: 65536,
} as const;
