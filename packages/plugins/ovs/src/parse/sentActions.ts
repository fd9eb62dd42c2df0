/**
 * Actions as they come out of a message of OpenFlow 1.0 with Nicira's extensions (lib/ofp-actions.c, encode_* and decode_*):
 * what the protocol cannot say as it was written, it says otherwise. `ovs-ofctl parse-flow` prints this form.
 */
import type { NatSpec, OvsAction } from "../ast.js";
import { fieldSlice, ovsField } from "../fields.js";
import { setTo, setWhole, vlanPcp, vlanVid } from "./setField.js";

/** Actions are padded to 8 bytes; a note has 10 before its own. */
const NOTE_HEAD = 10;

export function sentBy10(list: readonly OvsAction[]): OvsAction[] {
  return list.flatMap(sent);
}

function sent(a: OvsAction): OvsAction[] {
  switch (a.kind) {
    case "setField":
      return write(a);
    case "popVlan":
      return [{ kind: "popVlan", form: "strip_vlan" }];
    case "goto":
      return [{ kind: "resubmit", inPort: null, table: a.table, ct: false }];
    // Instructions that OpenFlow 1.0 has no words for.
    case "clearActions":
    case "writeActions":
    case "meter":
      return [];
    case "note": {
      const bytes = new Uint8Array(((NOTE_HEAD + a.bytes.length + 7) & ~7) - NOTE_HEAD);
      bytes.set(a.bytes);
      return [{ kind: "note", bytes }];
    }
    case "ct":
      return [{ ...a, nat: a.nat && sentRange(a.nat), exec: sentBy10(a.exec) }];
    case "outputField": {
      // The message has 10 bits for the lowest bit and 6 for the width: wider fields spill over.
      const word = (a.src.ofs << 6) | (a.src.bits - 1);
      return a.src.bits <= 64 ? [a] : [{ ...a, src: fieldSlice(ovsField(a.src.field)!, word >> 6, (word & 63) + 1) }];
    }
    case "clone":
      return [{ ...a, actions: sentBy10(a.actions) }];
    default:
      return [a];
  }
}

/** An address of zeros is none. */
function sentRange(n: NatSpec): NatSpec {
  if (n.min !== 0n) return n;
  const { min: _, max: __, ...rest } = n;
  return rest;
}

type Write = Extract<OvsAction, { kind: "setField" }>;

function write(a: Write): OvsAction[] {
  const f = ovsField(a.dst.field)!;
  switch (a.form) {
    case "set_vlan_vid":
      return [vlanVid("mod_vlan_vid", Number(a.value & 0xfffn))];
    case "set_vlan_pcp":
      return [vlanPcp("mod_vlan_pcp", Number(a.value >> 13n))];
    case "mod_nw_ecn":
    case "mod_nw_ttl":
      return [setTo("load", fieldSlice(f, 0, f.bits), a.value)];
    case "load":
      return loads(a);
    case "set_field":
      break;
    default:
      return [a];
  }
  switch (f.name) {
    case "vlan_tci":
      if ((a.value & 0x1000n) === 0n) return [{ kind: "popVlan", form: "strip_vlan" }];
      return [vlanVid("mod_vlan_vid", Number(a.value & 0xfffn)), vlanPcp("mod_vlan_pcp", Number(a.value >> 13n) & 7)];
    case "vlan_vid":
      return [vlanVid("mod_vlan_vid", Number(a.value & 0xfffn))];
    case "vlan_pcp":
      return [vlanPcp("mod_vlan_pcp", Number(a.value))];
    case "eth_src":
      return [setWhole("mod_dl_src", "eth_src", a.value)];
    case "eth_dst":
      return [setWhole("mod_dl_dst", "eth_dst", a.value)];
    case "ip_src":
      return [setWhole("mod_nw_src", "ip_src", a.value)];
    case "ip_dst":
      return [setWhole("mod_nw_dst", "ip_dst", a.value)];
    case "nw_tos":
      return [setWhole("mod_nw_tos", "nw_tos", a.value)];
    case "ip_dscp":
      return [setWhole("mod_nw_tos", "nw_tos", a.value << 2n)];
    case "nw_ecn":
      return [setTo("load", fieldSlice(f, 0, f.bits), a.value)];
    case "tcp_src":
    case "udp_src":
      return [setWhole("mod_tp_src", "tcp_src", a.value)];
    case "tcp_dst":
    case "udp_dst":
      return [setWhole("mod_tp_dst", "tcp_dst", a.value)];
    default:
      return loads(a);
  }
}

/** As loads of up to 64 bits; fields that these cannot name as one write with a mask (set_field_to_nxast). */
function loads(a: Write): OvsAction[] {
  const f = ovsField(a.dst.field)!;
  const shift = BigInt(a.dst.ofs);
  if (!f.short || f.storage.startsWith("tun_metadata")) {
    const whole = fieldSlice(f, 0, f.bits, f.name);
    return [setTo("set_field", whole, a.value << shift, a.mask << shift, a.needsVlan)];
  }
  if (f.name === "nw_tos" && a.dst.bits === 8) return [a.form === "load" ? a : setTo("load", a.dst, a.value)];
  const out: OvsAction[] = [];
  for (let i = 0; i < Math.min(a.dst.bits, f.bits); ) {
    if (((a.mask >> BigInt(i)) & 1n) === 0n) {
      i++;
      continue;
    }
    let n = 1;
    while (n < 64 && i + n < Math.min(a.dst.bits, f.bits) && ((a.mask >> BigInt(i + n)) & 1n) === 1n) n++;
    out.push(setTo("load", fieldSlice(f, a.dst.ofs + i, n), (a.value >> BigInt(i)) & ((1n << BigInt(n)) - 1n)));
    i += n;
  }
  return out;
}
