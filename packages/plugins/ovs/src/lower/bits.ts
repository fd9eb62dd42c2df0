/** Writes with masks, and the fields of a connection, as plain sets. */
import { type Action, type Slice, slice } from "@plumbline/model";

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

/** What a `ct` leaves of the connection in the packet that goes on: nothing is to be seen of it (lib/flow.c, flow_clear_conntrack). */
export const CLEAR_CT: readonly Action[] = [
  "ct_state",
  "ct_zone",
  "ct_mark",
  "ct_label",
  "ct_nw_proto",
  "ct_nw_src",
  "ct_nw_dst",
  "ct_ipv6_src",
  "ct_ipv6_dst",
  "ct_tp_src",
  "ct_tp_dst",
].map((f) => ({ op: "set", dst: slice(f), value: 0n }));
