// Packets that a device makes itself: answers (`emit`) and tunnel headers (`encap`, `decap`), as interp.ts makes them.
import { clearRow, copyRow, S } from "./base";
import { flowHash } from "./hash";
import {
  F_ETH_DST, F_ETH_SRC, F_ETH_TYPE, F_ICMP_CODE, F_ICMP_ID, F_ICMP_TYPE, F_INNER_DST, F_INNER_PROTO, F_INNER_SRC, F_INNER_TP_DST,
  F_INNER_TP_SRC, F_IN_PORT, F_IPV6_DST, F_IPV6_SRC, F_IP_DST, F_IP_PROTO, F_IP_SRC, F_IP_TTL, F_METADATA, F_PACKET_LEN, F_PKT_MARK,
  F_REG0, F_TCP_FLAGS, F_TP_DST, F_TP_SRC, F_TUN_DST, F_TUN_SRC, F_VLAN_TCI, TCP_ACK, TCP_RST,
} from "./fields";
import { BOUND_ENCAPS, EMIT_TCP_RESET, H_ENCAPS, H_ROW, H_STACK, ROW_BYTES, S_WORK_ROW } from "./layout";

// @ts-ignore: decorator
@inline
function get(row: usize, word: u32): u32 {
  return load<u32>(row + (word << 2));
}
// @ts-ignore: decorator
@inline
function set(row: usize, word: u32, value: u32): void {
  store<u32>(row + (word << 2), value);
}
/** Copies `count` words of a field. */
function copy(to: usize, toWord: u32, from: usize, fromWord: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) set(to, toWord + i, get(from, fromWord + i));
}

/** The answer to `row`, in S_WORK_ROW; 0 where none is sent. Operands of OP_EMIT at `p`. */
export function answer(row: usize, p: usize): usize {
  const tcp = load<u32>(p) == EMIT_TCP_RESET;
  if (tcp ? (get(row, F_TCP_FLAGS) & TCP_RST) != 0 : get(row, F_INNER_PROTO) != 0) return 0;
  const v6 = get(row, F_ETH_TYPE) == 0x86dd;
  const swap = load<u32>(p, 12) != 0;
  const n = S + S_WORK_ROW;
  clearRow(n);
  set(n, F_IN_PORT, get(row, F_IN_PORT));
  copy(n, F_METADATA, row, F_METADATA, 2);
  set(n, F_PKT_MARK, get(row, F_PKT_MARK));
  set(n, F_VLAN_TCI, get(row, F_VLAN_TCI));
  copy(n, F_REG0, row, F_REG0, 16);
  set(n, F_ETH_TYPE, get(row, F_ETH_TYPE));
  copy(n, F_ETH_SRC, row, swap ? F_ETH_DST : F_ETH_SRC, 2);
  copy(n, F_ETH_DST, row, swap ? F_ETH_SRC : F_ETH_DST, 2);
  if (v6) {
    copy(n, F_IPV6_SRC, row, swap ? F_IPV6_DST : F_IPV6_SRC, 4);
    copy(n, F_IPV6_DST, row, swap ? F_IPV6_SRC : F_IPV6_DST, 4);
  } else {
    set(n, F_IP_SRC, get(row, swap ? F_IP_DST : F_IP_SRC));
    set(n, F_IP_DST, get(row, swap ? F_IP_SRC : F_IP_DST));
  }
  set(n, F_IP_TTL, 255);
  if (tcp) {
    set(n, F_IP_PROTO, 6);
    set(n, F_TP_SRC, get(row, F_TP_DST));
    set(n, F_TP_DST, get(row, F_TP_SRC));
    set(n, F_TCP_FLAGS, get(row, F_TCP_FLAGS) & TCP_ACK ? TCP_RST : TCP_RST | TCP_ACK);
    set(n, F_PACKET_LEN, v6 ? 74 : 54);
    return n;
  }
  const proto = get(row, F_IP_PROTO);
  const icmp = proto == 1 || proto == 58;
  set(n, F_IP_PROTO, v6 ? 58 : 1);
  set(n, F_ICMP_TYPE, load<u32>(p, 4));
  set(n, F_ICMP_CODE, load<u32>(p, 8));
  set(n, F_PACKET_LEN, 70);
  set(n, F_INNER_PROTO, proto);
  if (v6) {
    copy(n, F_INNER_SRC, row, F_IPV6_SRC, 4);
    copy(n, F_INNER_DST, row, F_IPV6_DST, 4);
  } else {
    set(n, F_INNER_SRC + 3, get(row, F_IP_SRC));
    set(n, F_INNER_DST + 3, get(row, F_IP_DST));
  }
  set(n, F_INNER_TP_SRC, get(row, icmp ? F_ICMP_ID : F_TP_SRC));
  set(n, F_INNER_TP_DST, get(row, icmp ? F_ICMP_ID : F_TP_DST));
  return n;
}

/** Puts a geneve header around the thread's packet. False: the stack is full. */
export function encap(t: usize, port: u32): bool {
  const depth = load<u32>(t, H_ENCAPS);
  if (depth >= BOUND_ENCAPS) return false;
  const row = t + H_ROW;
  const inner = t + H_STACK + <usize>depth * ROW_BYTES;
  copyRow(inner, row);
  store<u32>(t, depth + 1, H_ENCAPS);
  clearRow(row);
  set(row, F_IN_PORT, get(inner, F_IN_PORT));
  set(row, F_ETH_TYPE, 0x0800);
  set(row, F_IP_PROTO, 17);
  set(row, F_IP_TTL, 64);
  set(row, F_IP_SRC, get(inner, F_TUN_SRC));
  set(row, F_IP_DST, get(inner, F_TUN_DST));
  set(row, F_TP_SRC, 0xc000 | (flowHash(inner, 0) & 0x3fff));
  set(row, F_TP_DST, port);
  set(row, F_PACKET_LEN, get(inner, F_PACKET_LEN) + 58);
  return true;
}

/** Takes the tunnel header off. False: the packet inside is not known. */
export function decap(t: usize): bool {
  const depth = load<u32>(t, H_ENCAPS);
  if (depth == 0) return false;
  const row = t + H_ROW;
  const port = get(row, F_IN_PORT);
  const src = get(row, F_IP_SRC);
  const dst = get(row, F_IP_DST);
  store<u32>(t, depth - 1, H_ENCAPS);
  copyRow(row, t + H_STACK + <usize>(depth - 1) * ROW_BYTES);
  set(row, F_IN_PORT, port);
  set(row, F_TUN_SRC, src);
  set(row, F_TUN_DST, dst);
  return true;
}
