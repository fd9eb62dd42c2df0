// What an ICMP error is about.
import { F_ETH_TYPE, F_INNER_DST, F_INNER_PROTO, F_INNER_SRC, F_INNER_TP_DST, F_INNER_TP_SRC } from "./fields";
import { NONE, TUPLE_DST, TUPLE_PORTS } from "./layout";

/** The tuple of the packet that an ICMP error quotes to `tuple`; returns its kind, NONE if there is none. */
export function quotedTuple(row: usize, tuple: usize): u32 {
  const proto = load<u32>(row, F_INNER_PROTO << 2);
  if (proto == 0) return NONE;
  const v6 = load<u32>(row, F_ETH_TYPE << 2) == 0x86dd;
  v128.store(tuple, v128.load(row, F_INNER_SRC << 2));
  v128.store(tuple, v128.load(row, F_INNER_DST << 2), TUPLE_DST);
  let ports = (load<u32>(row, F_INNER_TP_SRC << 2) << 16) | load<u32>(row, F_INNER_TP_DST << 2);
  // A quoted echo request: its identifier, type 8 (128), code 0.
  if (proto == (v6 ? 58 : 1)) ports = (ports & 0xffff_0000) | (v6 ? 0x8000 : 0x0800);
  store<u32>(tuple, ports, TUPLE_PORTS);
  return proto | (v6 ? 0x100 : 0);
}
