/**
 * OpenFlow actions as far as logical actions become such, and their text as `ovs-ofctl` writes it (lib/ofp-actions.c of OVS).
 */
import { ipv4Text, ipv6Text, macText } from "@plumbline/model";
import type { PacketField } from "../expr/fields.js";
import { hexText } from "../expr/token.js";

/** Bits of an OpenFlow field. */
export interface SubField {
  readonly field: PacketField;
  readonly ofs: number;
  readonly bits: number;
}

export type OpenFlowAction =
  | { readonly op: "resubmit"; readonly table: number }
  | { readonly op: "set_field"; readonly field: PacketField; readonly value: bigint; readonly mask: bigint }
  | { readonly op: "move"; readonly src: SubField; readonly dst: SubField }
  | { readonly op: "push" | "pop"; readonly field: SubField }
  | { readonly op: "dec_ttl" }
  | {
      readonly op: "ct";
      readonly commit: boolean;
      readonly zone: SubField;
      /** undefined: goes on untracked. */
      readonly table: number | undefined;
      readonly nat: CtNat | undefined;
      readonly exec: readonly OpenFlowAction[];
    }
  | { readonly op: "ct_clear" }
  | { readonly op: "clone"; readonly actions: readonly OpenFlowAction[] }
  /** The packet to ovn-controller; with `pause` it waits there and goes on where it stood. */
  | { readonly op: "controller"; readonly userdata: Uint8Array; readonly pause: boolean }
  | { readonly op: "note"; readonly bytes: Uint8Array }
  | { readonly op: "group"; readonly id: number }
  | { readonly op: "meter"; readonly id: number }
  | { readonly op: "set_queue"; readonly queue: number }
  | { readonly op: "check_pkt_larger"; readonly length: number; readonly dst: SubField }
  /** `learn(…)` and `sample(…)`, whole. */
  | { readonly op: "other"; readonly text: string };

/** Translation: as the connection says, or to an address ("": the packet's own). `high` 0: the one port `low`; both 0: ports as they are. */
export type CtNat =
  | { readonly type: "existing" }
  | { readonly type: "src" | "dst"; readonly address: string; readonly low: number; readonly high: number };

const DECIMAL = new Set([
  "tcp_src",
  "tcp_dst",
  "udp_src",
  "udp_dst",
  "sctp_src",
  "sctp_dst",
  "icmp_type",
  "icmp_code",
  "icmpv6_type",
  "icmpv6_code",
  "arp_op",
  "nw_ttl",
  "nw_proto",
  "nw_ecn",
  "ip_dscp",
]);

export function subFieldText({ field, ofs, bits }: SubField): string {
  if (ofs === 0 && bits === field.bits) return `${field.nxm}[]`;
  return `${field.nxm}[${bits === 1 ? ofs : `${ofs}..${ofs + bits - 1}`}]`;
}

function valueText(field: PacketField, value: bigint): string {
  if (/^(eth|arp_.ha|nd_.ll)/.test(field.name) && field.bits === 48) return macText(value);
  if (/^(ip_(src|dst)|arp_.pa)$/.test(field.name)) return ipv4Text(value);
  if (/^(ipv6_(src|dst)|nd_target)$/.test(field.name)) return ipv6Text(value);
  return DECIMAL.has(field.name) ? value.toString() : hexText(value);
}

function setFieldText(field: PacketField, value: bigint, mask: bigint): string {
  const full = (1n << BigInt(field.bits)) - 1n;
  if (field.name === "in_port") return `set_field:${value === 0n ? "ANY" : value}->in_port`;
  if (mask === full) return `set_field:${valueText(field, value)}->${field.name}`;
  const maskText = /^(eth|arp_.ha|nd_.ll)/.test(field.name)
    ? valueText(field, mask)
    : /^(ip_|arp_.pa|ipv6_(src|dst)|nd_target)/.test(field.name)
      ? addressMask(field, mask)
      : hexText(mask);
  return `set_field:${valueText(field, value)}/${maskText}->${field.name}`;
}

/** The prefix's length if the mask is one, else the mask as an address. */
function addressMask(field: PacketField, mask: bigint): string {
  const inverse = ((1n << BigInt(field.bits)) - 1n) ^ mask;
  if ((inverse & (inverse + 1n)) !== 0n) return valueText(field, mask);
  return String(field.bits - (inverse === 0n ? 0 : inverse.toString(2).length));
}

export function natText(nat: CtNat): string {
  if (nat.type === "existing") return "nat";
  if (nat.address === "") return `nat(${nat.type})`;
  const v6 = nat.address.includes(":") && nat.low > 0;
  const ports = nat.low === 0 ? "" : nat.high > 0 ? `:${nat.low}-${nat.high},random` : `:${nat.low}`;
  return `nat(${nat.type}=${v6 ? `[${nat.address}]` : nat.address}${ports})`;
}

export function bytesText(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join(".");
}

export function openFlowText(actions: readonly OpenFlowAction[]): string {
  return actions.length === 0 ? "drop" : actions.map(actionText).join(",");
}

function actionText(a: OpenFlowAction): string {
  switch (a.op) {
    case "resubmit":
      return `resubmit(,${a.table})`;
    case "set_field":
      return setFieldText(a.field, a.value, a.mask);
    case "move":
      return `move:${subFieldText(a.src)}->${subFieldText(a.dst)}`;
    case "push":
    case "pop":
      return `${a.op}:${subFieldText(a.field)}`;
    case "dec_ttl":
    case "ct_clear":
      return a.op;
    case "ct": {
      const parts = [
        ...(a.commit ? ["commit"] : []),
        ...(a.table === undefined ? [] : [`table=${a.table}`]),
        `zone=${subFieldText(a.zone)}`,
        ...(a.nat ? [natText(a.nat)] : []),
        ...(a.exec.length > 0 ? [`exec(${openFlowText(a.exec)})`] : []),
      ];
      return `ct(${parts.join(",")})`;
    }
    case "clone":
      return `clone(${a.actions.map(actionText).join(",")})`;
    case "controller":
      return `controller(userdata=${bytesText(a.userdata)}${a.pause ? ",pause" : ""})`;
    case "note":
      return `note:${bytesText(a.bytes)}`;
    case "group":
    case "meter":
      return `${a.op}:${a.id}`;
    case "set_queue":
      return `set_queue:${a.queue}`;
    case "check_pkt_larger":
      return `check_pkt_larger(${a.length})->${subFieldText(a.dst)}`;
    case "other":
      return a.text;
  }
}
