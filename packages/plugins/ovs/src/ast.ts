/**
 * The OpenFlow of Open vSwitch as typed values: what `parse/` makes of text, what `wire/` makes of bytes, and what
 * `lower/` turns into the pipeline IR. Nothing here knows the IR but for its slices of packet fields.
 *
 * The list of actions follows OVS's own (include/openvswitch/ofp-actions.h, OFPACTS). Actions that have one effect on a
 * packet have one kind here: `load`, `set_field` and the `mod_*` family are all `setField`, told apart by their form.
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
  /** Said for completeness: the part is understood, and what OVS makes of it is what was taken. */
  readonly harmless?: boolean;
}

/** A port by OpenFlow number (16 bits) or, in `--names` output, by name (cut to 15 characters). */
export type PortRef = number | string;

/** A table by number, or by name where the switch's tables have names and the dump prints them. */
export type TableRef = number | string;

/** A field, or some of its bits, as an action names it. */
export interface FieldSlice {
  /** As written: `NXM_NX_REG13[0..15]`. */
  readonly text: string;
  /** OVS's first name of the field: `reg13`. */
  readonly field: string;
  /** Lowest bit of the field that is meant. */
  readonly ofs: number;
  /** Where the bits live in a packet row; null for a field that OVS has and rows have not. */
  readonly slice: Slice | null;
  /** Number of bits in OVS. */
  readonly bits: number;
}

/**
 * One condition of a match. A shorthand such as `tcp` gives several terms with its name. Terms are shared by all flows that
 * have the same condition: never change one.
 */
export interface MatchTerm {
  /** As written. */
  readonly name: string;
  /** Null where the field is not in packet rows: what matches is then not known. */
  readonly slice: Slice | null;
  /** Where `slice` is null: OVS's field, and the lowest bit of it that `value` and `mask` count from. */
  readonly beyond?: { readonly field: string; readonly ofs: number };
  readonly value: bigint;
  /** Bits of `value` that count. None, for a geneve option (`tun_metadata0`): it is present. */
  readonly mask: bigint;
  /** A port printed by name; `value` is then to be looked up. */
  readonly portName?: string;
  /** Of a geneve option: its length, as far as the text tells. */
  readonly bytes?: number;
  /** Of a geneve option: it must be absent (`=NP`). */
  readonly absent?: boolean;
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
  /** Application layer helper (ftp, tftp, or a port number), "" if none. */
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
  readonly table: TableRef;
  readonly priority: number;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly sendFlowRem: boolean;
  /** Deleting this flow deletes what it taught. */
  readonly deleteLearned: boolean;
  /** At most so many learned flows; 0: no limit. */
  readonly limit: number;
  /** One bit that tells whether a flow was learned (or already there), null where none is asked for. */
  readonly resultDst: FieldSlice | null;
  readonly specs: readonly LearnSpec[];
}

/** `controller` in all forms. `output:CONTROLLER` is an `output`. */
export interface ControllerAction {
  readonly kind: "controller";
  /** As written. */
  readonly text: string;
  readonly maxLen: number;
  /** no_match, action, invalid_ttl, action_set, group, packet_out. */
  readonly reason: string;
  readonly id: number;
  readonly userdata: Uint8Array;
  /** The pipeline waits for the controller's answer and goes on from here. */
  readonly pause: boolean;
  /** Meter on the way to the controller, null if none is named. */
  readonly meter: number | null;
}

/** How a write to a field is written. The effect of all is `value`/`mask` of `dst`; {@link OvsAction} `setField`. */
export type SetForm =
  | "set_field"
  | "load"
  | "mod_vlan_vid"
  | "mod_vlan_pcp"
  | "set_vlan_vid"
  | "set_vlan_pcp"
  | "mod_dl_src"
  | "mod_dl_dst"
  | "mod_nw_src"
  | "mod_nw_dst"
  | "mod_nw_tos"
  | "mod_nw_ecn"
  | "mod_nw_ttl"
  | "mod_tp_src"
  | "mod_tp_dst"
  | "set_tunnel"
  | "set_tunnel64"
  | "set_mpls_label"
  | "set_mpls_tc"
  | "set_mpls_ttl";

/** A metadata option of an NSH header that `encap` pushes. */
export interface NshTlv {
  readonly class: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/** Fields that `bundle` and `multipath` hash. */
export type HashFields = "eth_src" | "symmetric_l4" | "symmetric_l3l4" | "symmetric_l3l4+udp" | "nw_src" | "nw_dst" | "symmetric_l3";

export type OvsAction =
  /** `maxLen`: bytes that the controller gets; only for the port CONTROLLER. */
  | { readonly kind: "output"; readonly port: PortRef; readonly maxLen?: number }
  /** `output(port=N,max_len=M)`: the packet is cut to that length. */
  | { readonly kind: "outputTrunc"; readonly port: PortRef; readonly maxLen: number }
  | { readonly kind: "outputField"; readonly src: FieldSlice; readonly maxLen: number }
  | ControllerAction
  | { readonly kind: "enqueue"; readonly port: PortRef; readonly queue: number }
  | { readonly kind: "setQueue"; readonly queue: number }
  | { readonly kind: "popQueue" }
  /**
   * value/mask of dst; a mask of all bits where the text has none. `value` counts from dst's lowest bit. `needsVlan`: does nothing
   * to a packet without a tag.
   */
  | {
      readonly kind: "setField";
      readonly form: SetForm;
      readonly dst: FieldSlice;
      readonly value: bigint;
      readonly mask: bigint;
      readonly needsVlan?: boolean;
      /** `set_field` of a port by its name. */
      readonly portName?: string;
    }
  /** A geneve option is taken off. */
  | { readonly kind: "deleteField"; readonly dst: FieldSlice }
  | { readonly kind: "move"; readonly src: FieldSlice; readonly dst: FieldSlice }
  | { readonly kind: "push"; readonly src: FieldSlice }
  | { readonly kind: "pop"; readonly dst: FieldSlice }
  /** `controllers`: who is told of packets whose TTL expires; `dec_ttl` alone tells none here and controller 0 in OVS. */
  | { readonly kind: "decTtl"; readonly controllers: readonly number[] }
  | { readonly kind: "decMplsTtl" }
  | { readonly kind: "decNshTtl" }
  /** `form`: strip_vlan in OpenFlow 1.0, pop_vlan later; they do the same. */
  | { readonly kind: "popVlan"; readonly form: "pop_vlan" | "strip_vlan" }
  /** 0x8100 or 0x88a8. */
  | { readonly kind: "pushVlan"; readonly ethertype: number }
  /** 0x8847 or 0x8848. */
  | { readonly kind: "pushMpls"; readonly ethertype: number }
  /** What the packet is below its label. */
  | { readonly kind: "popMpls"; readonly ethertype: number }
  /** `packetType`: namespace << 16 | type of the header. `mdType` and `tlvs` of NSH alone; mdType 0 where not written. */
  | { readonly kind: "encap"; readonly packetType: number; readonly mdType: number; readonly tlvs: readonly NshTlv[] }
  /** `packetType`: what the packet is said to be then, null where its next protocol tells. */
  | { readonly kind: "decap"; readonly packetType: number | null }
  /** `inPort`: look up as if the packet had come by that port. `table` null: the table of this flow. `ct`: look up with the connection's original tuple. */
  | { readonly kind: "resubmit"; readonly inPort: PortRef | null; readonly table: TableRef | null; readonly ct: boolean }
  | { readonly kind: "goto"; readonly table: TableRef }
  | { readonly kind: "writeActions"; readonly actions: readonly OvsAction[] }
  | { readonly kind: "clearActions" }
  | { readonly kind: "writeMetadata"; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: "meter"; readonly id: number }
  | CtSpec
  | { readonly kind: "ctClear" }
  | { readonly kind: "group"; readonly id: number }
  | { readonly kind: "clone"; readonly actions: readonly OvsAction[] }
  | { readonly kind: "conjunction"; readonly id: number; readonly clause: number; readonly of: number }
  | { readonly kind: "checkPktLarger"; readonly size: number; readonly dst: FieldSlice }
  | { readonly kind: "drop" }
  | { readonly kind: "exit" }
  | LearnAction
  /** Chooses a member by a hash of the packet: outputs to it, or with `dst` (bundle_load) writes its number. */
  | {
      readonly kind: "bundle";
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: "active_backup" | "hrw";
      readonly members: readonly PortRef[];
      readonly dst: FieldSlice | null;
    }
  /** Writes one of 0 to `links` - 1 to dst, by a hash of the packet. */
  | {
      readonly kind: "multipath";
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: "modulo_n" | "hash_threshold" | "hrw" | "iter_hash";
      readonly links: number;
      readonly arg: number;
      readonly dst: FieldSlice;
    }
  | { readonly kind: "note"; readonly bytes: Uint8Array }
  /** Probability in 65535ths. `direction`: "" where not written. */
  | {
      readonly kind: "sample";
      readonly probability: number;
      readonly collectorSet: number;
      readonly obsDomain: number | FieldSlice;
      readonly obsPoint: number | FieldSlice;
      readonly samplingPort: PortRef | null;
      readonly direction: "" | "ingress" | "egress";
    }
  /** Seconds that the flow still lives once a TCP FIN or RST was seen. */
  | { readonly kind: "finTimeout"; readonly idle: number; readonly hard: number }
  /** Only in what OVS makes itself: where a frozen translation goes on. */
  | { readonly kind: "unrollXlate" }
  | { readonly kind: "debugRecirc" }
  | { readonly kind: "debugSlow" }
  /** Not an action of OVS as far as this parser knows, or with an argument that is none. */
  | { readonly kind: "bad"; readonly text: string; readonly message: string };

/** What a flow says of itself that no packet feels. */
export interface FlowAbout {
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly importance?: number;
  /** send_flow_rem, check_overlap, reset_counts, no_packet_counts, no_byte_counts. */
  readonly flags?: readonly string[];
}

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
  readonly about?: FlowAbout;
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
