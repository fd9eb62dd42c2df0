/**
 * OVS's match fields and where their bits live in a packet row.
 *
 * The model's registry has the fields themselves; here stand what OVS names differently: fields that are bits of
 * another one (`dl_vlan`, `nw_ecn`, `mpls_label`), fields whose printed width differs (`NXM_OF_IN_PORT` has 16 bits),
 * and fields that OVS knows and packet rows do not hold, so that they can be told from mistakes.
 * Source: include/openvswitch/meta-flow.h and ovs-fields(7).
 */
import { findField, type Slice } from "@plumbline/model";
import type { FieldSlice } from "./ast.js";

/** How a field's values are written. */
type FieldFormat = "dec" | "hex" | "ipv4" | "ipv6" | "mac" | "ct_state" | "tcp_flags" | "frag" | "port";

export interface OvsField {
  readonly name: string;
  /** Null: OVS has it, rows do not. */
  readonly slice: Slice | null;
  /** Width as OVS counts it. */
  readonly bits: number;
  readonly format: FieldFormat;
  /** Writing it does nothing to a packet without a VLAN tag. */
  readonly needsVlan: boolean;
}

/** Parts of fields: names, field, offset, bits. */
const PARTS: readonly [names: string, field: string, ofs: number, n: number][] = [
  ["NXM_OF_IN_PORT", "in_port", 0, 16],
  ["ip_dscp nw_tos_shifted OXM_OF_IP_DSCP", "nw_tos", 2, 6],
  ["nw_ecn ip_ecn NXM_NX_IP_ECN OXM_OF_IP_ECN", "nw_tos", 0, 2],
  ["vlan_vid OXM_OF_VLAN_VID", "vlan_tci", 0, 13],
  ["vlan_pcp OXM_OF_VLAN_PCP", "vlan_tci", 13, 3],
  ["mpls_label OXM_OF_MPLS_LABEL", "mpls_lse", 12, 20],
  ["mpls_tc OXM_OF_MPLS_TC", "mpls_lse", 9, 3],
  ["mpls_bos OXM_OF_MPLS_BOS", "mpls_lse", 8, 1],
  ["mpls_ttl NXM_NX_MPLS_TTL", "mpls_lse", 0, 8],
];

/** Widths of fields that rows do not hold; 0 where it depends. Names in their spellings, parted by blanks. */
const UNMODELLED: readonly [names: string, bits: number][] = [
  ["packet_type OXM_OF_PACKET_TYPE", 32],
  ["tun_ipv6_src NXM_NX_TUN_IPV6_SRC", 128],
  ["tun_ipv6_dst NXM_NX_TUN_IPV6_DST", 128],
  ["tun_gbp_id NXM_NX_TUN_GBP_ID", 16],
  ["tun_gbp_flags NXM_NX_TUN_GBP_FLAGS", 8],
  ["tun_erspan_ver NXOXM_ET_ERSPAN_VER", 8],
  ["tun_erspan_idx NXOXM_ET_ERSPAN_IDX", 32],
  ["tun_erspan_dir NXOXM_ET_ERSPAN_DIR", 8],
  ["tun_erspan_hwid NXOXM_ET_ERSPAN_HWID", 8],
  ["tun_gtpu_flags NXOXM_ET_GTPU_FLAGS", 8],
  ["tun_gtpu_msgtype NXOXM_ET_GTPU_MSGTYPE", 8],
  ["tun_ttl", 8],
  ["tun_tos", 8],
  ["actset_output OXM_OF_ACTSET_OUTPUT ONFOXM_ET_ACTSET_OUTPUT", 32],
  ["skb_priority", 32],
  ["nsh_flags NXOXM_NSH_FLAGS", 8],
  ["nsh_mdtype NXOXM_NSH_MDTYPE", 8],
  ["nsh_np NXOXM_NSH_NP", 8],
  ["nsh_spi NXOXM_NSH_SPI", 24],
  ["nsh_si NXOXM_NSH_SI", 8],
  ["nsh_ttl NXOXM_NSH_TTL", 8],
  ["nsh_c1 NXOXM_NSH_C1", 32],
  ["nsh_c2 NXOXM_NSH_C2", 32],
  ["nsh_c3 NXOXM_NSH_C3", 32],
  ["nsh_c4 NXOXM_NSH_C4", 32],
];

const CACHE = new Map<string, OvsField | null>();
for (const [names, field, ofs, n] of PARTS)
  for (const name of names.split(" "))
    CACHE.set(name, {
      name,
      slice: { field, ofs, n },
      bits: n,
      format: field === "in_port" ? "port" : "dec",
      needsVlan: field === "vlan_tci",
    });
for (const [names, bits] of UNMODELLED)
  for (const name of names.split(" ")) CACHE.set(name, { name, slice: null, bits, format: "hex", needsVlan: false });
for (let i = 1; i < 64; i++)
  for (const name of [`tun_metadata${i}`, `NXM_NX_TUN_METADATA${i}`])
    CACHE.set(name, { name, slice: null, bits: 992, format: "hex", needsVlan: false });

/** The field of that name in any OVS spelling, or null if OVS (as known here) has none. */
export function ovsField(name: string): OvsField | null {
  const known = CACHE.get(name);
  if (known !== undefined) return known;
  const f = findField(name);
  const made: OvsField | null = f
    ? { name, slice: { field: f.name, ofs: 0, n: f.bits }, bits: f.bits, format: f.format, needsVlan: false }
    : null;
  CACHE.set(name, made);
  return made;
}

const SLICES = new Map<string, FieldSlice | null>();

/**
 * `NXM_NX_REG13[0..15]`, `OXM_OF_PKT_REG4[32]`, `NXM_OF_ETH_SRC[]`, `reg0`; null if it is no field or the bits are not
 * within it.
 */
export function parseFieldSlice(text: string): FieldSlice | null {
  let s = SLICES.get(text);
  if (s === undefined) {
    s = makeSlice(text);
    SLICES.set(text, s);
  }
  return s;
}

function makeSlice(text: string): FieldSlice | null {
  const m = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/.exec(text);
  if (!m) return null;
  const f = ovsField(m[1]);
  if (!f) return null;
  const first = m[2] === undefined ? 0 : Number(m[2]);
  const last = m[3] !== undefined ? Number(m[3]) : m[2] !== undefined ? first : f.bits - 1;
  // A geneve option may be longer than the four bytes that rows hold of it; those bits are known to OVS alone.
  if (last < first || last >= (/tun_metadata/i.test(f.name) ? 992 : f.bits)) return null;
  return { text, slice: sliceOf(f, first, last - first + 1), bits: last - first + 1 };
}

/** Bits `ofs` to `ofs + n - 1` of a field, as OVS counts them; null if rows do not hold them. */
function sliceOf(f: OvsField, ofs: number, n: number): Slice | null {
  return f.slice && ofs + n <= f.slice.n ? { field: f.slice.field, ofs: f.slice.ofs + ofs, n } : null;
}

/** The bits of the IPv4/IPv6 traffic class that `nw_tos` means: DSCP. ECN has a name of its own. */
export const DSCP_MASK = 0xfcn;
