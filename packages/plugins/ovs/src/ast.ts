/**
 * The OpenFlow of Open vSwitch as typed values: what `parse/` makes of text, what `wire/` makes of bytes, and what
 * `lower/` turns into the pipeline IR. Nothing here knows the IR but for its slices of packet fields.
 *
 * The list of actions follows OVS's own (include/openvswitch/ofp-actions.h, OFPACTS). Actions that have one effect on a
 * packet have one form here: `load`, `set_field` and the `mod_*` family are all `setField`.
 */
import type { Slice } from "@plumbline/model";

/** A part of a line that could not be used. */
export interface ParseProblem {
  /** Column in the parsed text, from 0. */
  readonly at: number;
  /** The offending text. */
  readonly token: string;
  /** What it is not. */
  readonly message: string;
}

/** A port by OpenFlow number (16 bits) or, in `--names` output, by name (cut to 15 characters). */
export type PortRef = number | string;

/** A table by number, or by name where the switch's tables have names and the dump prints them. */
export type TableRef = number | string;

/** A field, or some of its bits, as an action names it. */
export interface FieldSlice {
  /** As printed: `NXM_NX_REG13[0..15]`. */
  readonly text: string;
  /** Where the bits live in a packet row; null for a field that OVS has and rows have not. */
  readonly slice: Slice | null;
  /** Number of bits in OVS. */
  readonly bits: number;
}

/** One condition of a match. A shorthand such as `tcp` gives several terms with its name. */
export interface MatchTerm {
  /** As printed. */
  readonly name: string;
  readonly at: number;
  /** Null where the field is not in packet rows: what matches is then not known. */
  readonly slice: Slice | null;
  readonly value: bigint;
  /** Bits of `value` that count. */
  readonly mask: bigint;
  /** A port printed by name; `value` is then to be looked up. */
  readonly portName?: string;
}

export interface NatSpec {
  /** `nat` alone: applies the translation of a known connection. */
  readonly type: "existing" | "src" | "dst";
  readonly family: 4 | 6;
  readonly min?: bigint;
  readonly max?: bigint;
  readonly portMin?: number;
  readonly portMax?: number;
  /** random, hash, persistent: how a port is picked from the range. */
  readonly flags: readonly string[];
}

export interface CtSpec {
  readonly kind: "ct";
  readonly commit: boolean;
  readonly force: boolean;
  readonly zone: number | FieldSlice;
  /** Where a tracked copy goes on. */
  readonly table: TableRef | null;
  readonly nat: NatSpec | null;
  /** setField and move to ct_mark and ct_label. */
  readonly exec: readonly OvsAction[];
  /** Application layer helper (ftp, tftp), "" if none. */
  readonly alg: string;
}

/** One part of `learn(...)`: what a learned flow matches or does. */
export type LearnSpec =
  /** The learned flow matches `dst` = the packet's `src`. */
  | { readonly kind: "matchField"; readonly dst: FieldSlice; readonly src: FieldSlice }
  | { readonly kind: "matchValue"; readonly dst: FieldSlice; readonly value: bigint }
  | { readonly kind: "loadField"; readonly dst: FieldSlice; readonly src: FieldSlice }
  | { readonly kind: "loadValue"; readonly dst: FieldSlice; readonly value: bigint }
  | { readonly kind: "output"; readonly src: FieldSlice };

export interface LearnAction {
  readonly kind: "learn";
  readonly text: string;
  readonly table: TableRef;
  readonly priority: number;
  readonly cookie: bigint;
  readonly specs: readonly LearnSpec[];
}

export interface ControllerAction {
  readonly kind: "controller";
  readonly text: string;
  readonly maxLen: number;
  readonly reason: string;
  readonly id: number;
  readonly userdata: Uint8Array;
  /** The pipeline waits for the controller's answer and goes on from here. */
  readonly pause: boolean;
}

export type OvsAction =
  | { readonly kind: "output"; readonly port: PortRef }
  | { readonly kind: "outputField"; readonly src: FieldSlice }
  | ControllerAction
  | { readonly kind: "enqueue"; readonly port: PortRef; readonly queue: number }
  /** value/mask of dst; a mask of all bits where the text has none. `value` counts from dst's lowest bit. */
  | { readonly kind: "setField"; readonly dst: FieldSlice; readonly value: bigint; readonly mask: bigint; readonly needsVlan?: boolean }
  | { readonly kind: "move"; readonly src: FieldSlice; readonly dst: FieldSlice }
  | { readonly kind: "push"; readonly src: FieldSlice }
  | { readonly kind: "pop"; readonly dst: FieldSlice }
  | { readonly kind: "decTtl"; readonly controllers: readonly number[] }
  | { readonly kind: "popVlan" }
  | { readonly kind: "pushVlan"; readonly ethertype: number }
  /** `inPort`: look up as if the packet had come by that port. `table` null: the table of this flow. `ct`: look up with the connection's original tuple. */
  | { readonly kind: "resubmit"; readonly inPort: PortRef | null; readonly table: TableRef | null; readonly ct: boolean }
  | { readonly kind: "goto"; readonly table: TableRef }
  | CtSpec
  | { readonly kind: "ctClear" }
  | { readonly kind: "group"; readonly id: number }
  | { readonly kind: "clone"; readonly actions: readonly OvsAction[] }
  | { readonly kind: "conjunction"; readonly id: number; readonly clause: number; readonly of: number }
  | { readonly kind: "checkPktLarger"; readonly size: number; readonly dst: FieldSlice }
  | { readonly kind: "drop" }
  | { readonly kind: "exit" }
  | LearnAction
  /** Chooses a member by a hash of the packet: outputs to it, or with `dst` writes its number. */
  | {
      readonly kind: "bundle";
      readonly text: string;
      readonly algorithm: string;
      readonly members: readonly PortRef[];
      readonly dst: FieldSlice | null;
    }
  /** Writes one of 0 to `links` - 1 to dst, by a hash of the packet. */
  | { readonly kind: "multipath"; readonly text: string; readonly links: number; readonly dst: FieldSlice }
  /** Of no consequence for where this packet goes: note, sample, meter, set_queue, fin_timeout, … */
  | { readonly kind: "remark"; readonly name: string; readonly text: string }
  /** Understood by OVS, and beyond what a packet row can express: encap, push_mpls, write_actions, … */
  | { readonly kind: "unmodelled"; readonly name: string; readonly text: string }
  /** Not an action of OVS as far as this parser knows, or with an argument that is none. */
  | { readonly kind: "bad"; readonly text: string; readonly message: string };

/** A flow, from a line of `dump-flows` or of `add-flows` input. */
export interface OvsFlow {
  readonly table: TableRef;
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: readonly MatchTerm[];
  readonly actions: readonly OvsAction[];
  /** n_packets and n_bytes, undefined where the dump has no statistics. */
  readonly packets?: number;
  readonly bytes?: number;
}

export interface Bucket {
  readonly id: number | null;
  readonly weight: number;
  readonly watchPort: PortRef | null;
  readonly watchGroup: number | null;
  readonly actions: readonly OvsAction[];
}

export interface OvsGroup {
  readonly id: number;
  readonly type: "all" | "select" | "indirect" | "ff";
  /** "" where the dump's OpenFlow version does not tell. */
  readonly selectionMethod: string;
  readonly selectionParam: bigint;
  /** Fields of `fields(...)`, as printed. */
  readonly fields: readonly string[];
  readonly buckets: readonly Bucket[];
}
