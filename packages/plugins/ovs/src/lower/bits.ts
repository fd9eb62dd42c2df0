/** Writes with masks, and the fields of a connection, as plain sets. */
import { type Action, FIELDS, type Slice, slice } from "@plumbline/model";

/** `dst = value/mask`: one set for each run of ones in the mask. */
export function maskedSets(dst: Slice, value: bigint, mask: bigint): Action[] {
  const out: Action[] = [];
  for (let i = 0; i < dst.n; ) {
    if (((mask >> BigInt(i)) & 1n) === 0n) {
      i++;
      continue;
    }
    let n = 0;
    while (i + n < dst.n && ((mask >> BigInt(i + n)) & 1n) === 1n) n++;
    out.push({ op: "set", dst: { field: dst.field, ofs: dst.ofs + i, n }, value: (value >> BigInt(i)) & ((1n << BigInt(n)) - 1n) });
    i += n;
  }
  return out;
}

/**
 * The type of an option of neighbour discovery, which actions write and match as it is, and read as zero: OVS takes the wrong byte of two
 * (lib/meta-flow.c, mf_get_value). So a write to a part of it clears the rest.
 */
export const READ_AS_ZERO: ReadonlySet<string> = new Set(["nd_options"]);

/** All that a packet has of its connection. */
export const CT_FIELDS: readonly string[] = FIELDS.filter((f) => f.name.startsWith("ct_")).map((f) => f.name);

/** What a `ct` leaves of the connection in the packet that goes on: nothing is to be seen of it (lib/flow.c, flow_clear_conntrack). */
export const CLEAR_CT: readonly Action[] = CT_FIELDS.map((f) => ({ op: "set", dst: slice(f), value: 0n }));
