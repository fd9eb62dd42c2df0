/**
 * OVS's fields by any of their names, and where their bits live in a packet row.
 *
 * `fieldTable.ts` says what OVS knows; the model's registry says what rows hold. A field that OVS has and rows have not keeps
 * its name and width, and its slice is null, so that it can be told from a mistake and printed exactly.
 */
import { findField, type Slice } from "@plumbline/model";
import type { FieldSlice } from "./ast.js";
import { FIELD_TABLE } from "./fieldTable.js";

/** How a field's values are written. */
type FieldFormat =
  | "dec"
  | "hex"
  | "ipv4"
  | "ipv6"
  | "mac"
  | "ct_state"
  | "tun_flags"
  | "tcp_flags"
  | "frag"
  | "port"
  | "port32"
  | "packet_type";

/** What a packet must be to have a field (MFP_* of meta-flow.h). */
export type Needs =
  | "-"
  | "eth"
  | "vlan"
  | "arp"
  | "ip4"
  | "ip6"
  | "ip"
  | "mpls"
  | "nsh"
  | "ct"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp4"
  | "icmp6"
  | "nd"
  | "ns"
  | "na";

export interface OvsField {
  /** OVS's first name. */
  readonly name: string;
  /** Bytes of a value in a message; of a geneve option, the most. */
  readonly bytes: number;
  /** Width as OVS counts it. */
  readonly bits: number;
  readonly format: FieldFormat;
  readonly needs: Needs;
  readonly writable: boolean;
  readonly maskable: boolean;
  /** Where OVS keeps it: a name, and its lowest bit there. Registers wider than 32 bits lie over several. */
  readonly storage: string;
  readonly at: number;
  /** As actions name it: `NXM_OF_ETH_SRC`; the plain name where it has none. */
  readonly header: string;
  /** Has a name in NXM or OXM (false: no message can say it); an NXM name or a short OXM one (false: only as experimenter field). */
  readonly inMessages: boolean;
  readonly short: boolean;
  /** What OpenFlow 1.0 and 1.1 can match of it by themselves. */
  readonly openFlow10: Reach;
  readonly openFlow11: Reach;
  /** The whole field in a packet row; null: rows do not hold it. */
  readonly slice: Slice | null;
  /** Writing it does nothing to a packet without a VLAN tag. */
  readonly needsVlan: boolean;
  /** Unknown to OVS before 4.0. */
  readonly newer: boolean;
  /** Place in OVS's order of fields. */
  readonly order: number;
}

type Reach = "-" | "exact" | "cidr" | "mask";

/** Bits that a geneve option can have. */
const OPTION_BITS = 992;

const BY_NAME = new Map<string, OvsField>();
/** Names by which a match or set_field calls a field: without NXM and OXM. */
const PLAIN = new Map<string, OvsField>();
/** Widths of storages. */
const STORAGE_BITS = new Map<string, number>([["mpls_lse", 32]]);

interface Row {
  readonly row: string;
  readonly newer?: boolean;
}

/** In OVS's order; options, registers and NSH contexts stand where it has them. */
function rows(): Row[] {
  const listed: Row[] = FIELD_TABLE.trim()
    .split("\n")
    .map((row) => ({ row }));
  const before = (name: string) => listed.findIndex((r) => r.row.startsWith(`${name} `));
  const [options, registers, contexts] = [before("metadata"), before("eth_src"), before("nsh_ttl")];
  return [
    ...listed.slice(0, options),
    ...repeated("options"),
    ...listed.slice(options, registers),
    ...repeated("registers"),
    ...listed.slice(registers, contexts),
    ...repeated("contexts"),
    ...listed.slice(contexts),
    ...repeated("others"),
  ];
}

function repeated(what: "options" | "registers" | "contexts" | "others"): Row[] {
  const out: Row[] = [];
  if (what === "options")
    for (let i = 0; i < 64; i++)
      out.push({ row: `tun_metadata${i} - 124 ${OPTION_BITS} hex - rw m tun_metadata${i} NXM_NX_TUN_METADATA${i} - -` });
  if (what === "registers") {
    for (let i = 0; i < 32; i++)
      out.push({ row: `reg${i} - 4 32 hex - rw m reg${i} ${i < 16 ? `NXM_NX_REG${i}` : `NXOXM_ET_REG${i}`} - -`, newer: i >= 16 });
    for (let i = 0; i < 16; i++) out.push({ row: `xreg${i} - 8 64 hex - rw m reg${2 * i} OXM_OF_PKT_REG${i} - -`, newer: i >= 8 });
    for (let i = 0; i < 8; i++)
      out.push({
        row: `xxreg${i} - 16 128 hex - rw m reg${4 * i} ${i < 4 ? `NXM_NX_XXREG${i}` : `NXOXM_ET_XXREG${i}`} - -`,
        newer: i >= 4,
      });
  }
  if (what === "contexts")
    for (let i = 1; i <= 4; i++) out.push({ row: `nsh_c${i} nshc${i} 4 32 hex nsh rw m nsh_c${i} NXOXM_NSH_C${i} - -` });
  // No message names these; they stand in the texts of a whole match alone.
  if (what === "others")
    for (const row of [
      "vlan_tci1 - 2 16 hex eth r m vlan_tci1 - - -",
      "mpls_lse1 - 4 32 dec mpls r m mpls_lse1 - - -",
      "mpls_lse2 - 4 32 dec mpls r m mpls_lse2 - - -",
    ])
      out.push({ row, newer: true });
  return out;
}

/** Rows hold some fields under another name. */
const IN_ROWS: Readonly<Record<string, string>> = { vlan_tci1: "vlan_tci2", nd_options_type: "nd_options" };

for (const [order, { row, newer = false }] of rows().entries()) {
  const [name, other, bytes, bits, format, needs, access, mask, storage, headers, of10, of11] = row.split(" ");
  const [where, at = "0"] = storage.split(":");
  const listed = headers === "-" ? [] : headers.split(",");
  const f: OvsField = {
    name,
    bytes: Number(bytes),
    bits: Number(bits),
    format: format as FieldFormat,
    needs: needs as Needs,
    writable: access === "rw",
    maskable: mask === "m",
    storage: where,
    at: Number(at),
    header: listed[0] ?? name,
    inMessages: listed.length > 0,
    short: listed.length > 0 && !/^(NXOXM|ERICOXM|ONFOXM)_/.test(listed[0]),
    openFlow10: of10 as Reach,
    openFlow11: of11 as Reach,
    slice: sliceInRow(name, where, Number(at), Number(bits)),
    needsVlan: name === "vlan_pcp",
    newer,
    order,
  };
  for (const n of [name, other]) if (n !== "-") for (const map of [PLAIN, BY_NAME]) if (!map.has(n)) map.set(n, f);
  for (const n of listed) BY_NAME.set(n, f);
  if (f.storage !== "tun_flags" && name === f.storage) STORAGE_BITS.set(where, f.bits);
}
for (const [name, bits] of [
  ["nw_src", 32],
  ["nw_dst", 32],
  ["nw_frag", 2],
  ["tp_src", 16],
  ["tp_dst", 16],
  ["tun_flags", 1],
  ["ct_state", 8],
  ["igmp", 32],
] as const)
  STORAGE_BITS.set(name, bits);

function sliceInRow(name: string, storage: string, at: number, bits: number): Slice | null {
  if (storage === "vlan_tci" && name !== "vlan_tci") return { field: "vlan_tci", ofs: at, n: bits };
  const f = findField(IN_ROWS[name] ?? name) ?? findField(storage);
  if (!f) return null;
  if (storage === "mpls_lse" || storage === "nw_tos") return { field: f.name, ofs: at, n: bits };
  return bits <= f.bits ? { field: f.name, ofs: 0, n: bits } : { field: f.name, ofs: 0, n: f.bits };
}

/** Bits of a storage, as far as OVS matches them. */
export function storageBits(storage: string): number {
  return STORAGE_BITS.get(storage) ?? 32;
}

/** The field of that name in any OVS spelling, or null if OVS has none. */
export function ovsField(name: string): OvsField | null {
  return BY_NAME.get(name) ?? null;
}

/** The field that a match or `set_field` calls so. */
export function plainField(name: string): OvsField | null {
  return PLAIN.get(name) ?? null;
}

const SLICES = new Map<string, FieldSlice | null>();
/** More texts than that are no names of fields that repeat. */
const SLICES_KEPT = 100_000;

/**
 * `NXM_NX_REG13[0..15]`, `OXM_OF_PKT_REG4[32]`, `NXM_OF_ETH_SRC[]`, `reg0`; null if it is no field or the bits are not
 * within it.
 */
export function parseFieldSlice(text: string): FieldSlice | null {
  let s = SLICES.get(text);
  if (s === undefined) {
    s = makeSlice(text);
    if (SLICES.size < SLICES_KEPT) SLICES.set(text, s);
  }
  return s;
}

function makeSlice(text: string): FieldSlice | null {
  const m = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/.exec(text);
  const f = m && BY_NAME.get(m[1]);
  if (!m || !f) return null;
  const first = m[2] === undefined ? 0 : Number(m[2]);
  const last = m[3] !== undefined ? Number(m[3]) : m[2] !== undefined ? first : f.bits - 1;
  if (last < first || last >= f.bits) return null;
  return fieldSlice(f, first, last - first + 1, text);
}

/** Bits `ofs` to `ofs + bits - 1` of a field. A geneve option may be longer than what rows hold of it. */
export function fieldSlice(f: OvsField, ofs: number, bits: number, text = formatSlice(f, ofs, bits)): FieldSlice {
  const s = f.slice;
  // All of an option is what rows hold of it; what its length is, the mapping of options tells.
  const whole = ofs === 0 && bits === f.bits;
  const slice = s === null ? null : whole ? s : ofs + bits <= s.n ? { field: s.field, ofs: s.ofs + ofs, n: bits } : null;
  return { text, field: f.name, ofs, slice, bits };
}

/** All bits that a write of the whole field writes; of `vlan_vid` one more than can be named, the one that says there is a tag. */
export function wholeField(f: OvsField): FieldSlice {
  if (f.name === "vlan_vid") return { text: f.name, field: f.name, ofs: 0, slice: { field: "vlan_tci", ofs: 0, n: 13 }, bits: 13 };
  return fieldSlice(f, 0, f.bits, f.name);
}

/** As actions print bits of a field: `NXM_NX_REG13[0..15]`, `NXM_OF_ETH_SRC[]`, `OXM_OF_PKT_REG4[32]` (nx-match.c, mf_format_subfield). */
export function formatSlice(f: OvsField, ofs: number, bits: number): string {
  if (ofs === 0 && bits === f.bits) return `${f.header}[]`;
  return bits === 1 ? `${f.header}[${ofs}]` : `${f.header}[${ofs}..${ofs + bits - 1}]`;
}
