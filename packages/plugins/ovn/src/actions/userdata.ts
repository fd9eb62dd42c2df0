/**
 * The bytes that tell ovn-controller what a packet was sent to it for: an opcode, and what the action says
 * (include/ovn/actions.h and lib/actions.c of OVN).
 */
import { ipv6Number } from "@plumbline/model";
import { resolveField } from "../expr/fields.js";
import type { IntegerConstant } from "../expr/token.js";
import { type LogicalAction, type OptionValue, SEVERITY, VERDICTS } from "./ast.js";
import { Bytes, oxmHeader } from "./wire.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

/** enum action_opcode. */
export const OPCODE = {
  arp: 0x00,
  put_arp: 0x01,
  put_dhcp_opts: 0x02,
  nd_na: 0x03,
  put_nd: 0x04,
  put_dhcpv6_opts: 0x05,
  dns_lookup: 0x06,
  log: 0x07,
  put_nd_ra_opts: 0x08,
  nd_ns: 0x09,
  icmp4: 0x0a,
  icmp6: 0x0a,
  tcp_reset: 0x0b,
  nd_na_router: 0x0c,
  "icmp4.frag_mtu": 0x0d,
  icmp4_error: 0x0e,
  trigger_event: 0x0f,
  igmp: 0x10,
  bind_vport: 0x11,
  handle_svc_check: 0x12,
  handle_dhcpv6_reply: 0x13,
  icmp6_error: 0x14,
  "icmp6.frag_mtu": 0x15,
  reject: 0x16,
  handle_bfd_msg: 0x17,
  sctp_abort: 0x18,
  put_fdb: 0x19,
  dhcp_relay_req_chk: 0x1c,
  dhcp_relay_resp_chk: 0x1d,
  "icmp4.inner_ip4.src": 0x1e,
  "icmp6.inner_ip6.src": 0x1f,
} as const;

/** The opcode and four bytes that are always 0. */
export function userdata(opcode: number): Bytes {
  return new Bytes().u32(opcode).u32(0);
}

function withResult(opcode: number, dst: Of<"result">["dst"]): Bytes {
  const { field, ofs } = resolveField(dst);
  return userdata(opcode).u32(oxmHeader(field)).u32(ofs);
}

export function resultUserdata(opcode: number, dst: Of<"result">["dst"]): Uint8Array {
  return withResult(opcode, dst).done();
}

export function logUserdata(a: Of<"log">): Uint8Array {
  return userdata(OPCODE.log)
    .u8(VERDICTS.indexOf(a.verdict), SEVERITY[a.severity])
    .text(a.name ?? "")
    .done();
}

/** The event's number, then code, length and text of each option. */
export function eventUserdata(a: Of<"trigger_event">): Uint8Array {
  const out = userdata(OPCODE.trigger_event).u32(0);
  for (const o of a.options) {
    const text = textOf(o);
    out.u16(o.code).u16(byteLength(text)).text(text);
  }
  return out.done();
}

export function dhcpRelayUserdata(a: Of<"dhcp_relay">): Uint8Array {
  return withResult(OPCODE[a.name], a.dst).big(a.relay, 4).big(a.server, 4).done();
}

export function putOptsUserdata(a: Of<"put_opts">): Uint8Array {
  const out = withResult(OPCODE[a.name], a.dst);
  switch (a.name) {
    case "put_dhcp_opts":
      dhcpv4(out, a.options);
      break;
    case "put_dhcpv6_opts":
      for (const o of a.options) dhcpv6(out, o);
      break;
    case "put_nd_ra_opts":
      out.put(routerAdvertisement(a.options));
  }
  return out.done();
}

function byteLength(s: string): number {
  return new TextEncoder().encode(s).length;
}
function textOf(o: OptionValue): string {
  return o.value.kind === "string" ? (o.value.values[0] ?? "") : "";
}
function integersOf(o: OptionValue): readonly IntegerConstant[] {
  return o.value.kind === "integer" ? o.value.values : [];
}

/** The offered address, then the boot files, then the rest. */
function dhcpv4(out: Bytes, options: readonly OptionValue[]): void {
  const offer = options.find((o) => o.name === "offerip");
  out.big(integersOf(offer!)[0]!.value, 4);
  const rank = (o: OptionValue) => (o.name === "bootfile_name" ? 0 : o.name === "bootfile_name_alt" ? 1 : o.name === "next_server" ? 2 : 3);
  for (const r of [0, 1, 2, 3]) for (const o of options) if (o !== offer && rank(o) === r) dhcpv4Option(out, o);
}

function dhcpv4Option(out: Bytes, o: OptionValue): void {
  const value = new Bytes();
  const numbers = integersOf(o);
  const first = numbers[0]?.value ?? 0n;
  switch (o.kind) {
    case "bool":
    case "uint8":
      value.big(first, 1);
      break;
    case "uint16":
      value.big(first, 2);
      break;
    case "uint32":
      value.big(first, 4);
      break;
    case "ipv4":
      for (const c of numbers) value.big(c.value, 4);
      break;
    case "host_id":
      if (o.value.kind === "string") value.text(textOf(o));
      else value.big(first, 4);
      break;
    case "static_routes":
      // RFC 3442: prefix length, its significant bytes, the router.
      for (let i = 0; i + 1 < numbers.length; i += 2) {
        const { value: net, mask } = numbers[i]!;
        const length = mask === undefined ? 32 : countOnes(mask);
        const bytes = Math.ceil(length / 8);
        value
          .u8(length)
          .big(net >> BigInt(8 * (4 - bytes)), bytes)
          .big(numbers[i + 1]!.value, 4);
      }
      break;
    case "domains":
      value.put(domainList(textOf(o)));
      break;
    default:
      value.text(textOf(o));
  }
  out.u8(o.code, value.length).put(value.done());
}

function countOnes(mask: bigint): number {
  let n = 0;
  for (let m = mask; m > 0n; m >>= 1n) n += Number(m & 1n);
  return n;
}

/** RFC 1035, 4.1.4: labels, where a suffix that stands already is pointed at. */
function domainList(text: string): Uint8Array {
  const out = new Bytes();
  const known = new Map<string, number>();
  for (const domain of text.split(",").filter((d) => d !== "")) {
    const labels = domain.split(".").filter((l) => l !== "");
    let pointed = false;
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).join(".");
      const at = known.get(suffix);
      if (at !== undefined) {
        out.u16(0xc000 | at);
        pointed = true;
        break;
      }
      known.set(suffix, out.length);
      out.u8(byteLength(labels[i]!)).text(labels[i]!);
    }
    if (!pointed) out.u8(0);
  }
  return out.done();
}

function domainName(out: Bytes, name: string): Bytes {
  for (const l of name.split(".").filter((x) => x !== "")) out.u8(byteLength(l)).text(l);
  return out.u8(0);
}

function dhcpv6(out: Bytes, o: OptionValue): void {
  const value = new Bytes();
  if (o.kind === "ipv6") for (const c of integersOf(o)) value.big(c.value, 16);
  else if (o.kind === "mac") value.big(integersOf(o)[0]!.value, 6);
  else if (o.kind === "domain") domainName(value, textOf(o));
  else value.text(textOf(o));
  out.u16(o.code).u16(value.length).put(value.done());
}

const FOREVER = 0xffffffff;
const PREFERENCE: { readonly [name: string]: number } = { HIGH: 0x08, MEDIUM: 0, LOW: 0x18 };

/** The whole message (RFC 4861, RFC 4191, RFC 8106). */
function routerAdvertisement(options: readonly OptionValue[]): Uint8Array {
  const FLAGS = 5;
  const out = new Bytes().u8(134, 0, 0, 0, 255, 0).u16(0xffff).u32(0).u32(0);
  const flag = (f: number) => out.set8(FLAGS, out.get8(FLAGS) | f);
  for (const o of options) {
    const number = integersOf(o)[0];
    switch (o.name) {
      case "addr_mode":
        if (textOf(o) === "dhcpv6_stateful") flag(0x80);
        else if (textOf(o) === "dhcpv6_stateless") flag(0x40);
        break;
      case "router_preference":
        flag(PREFERENCE[textOf(o)] ?? 0);
        break;
      case "slla":
        out.u8(1, 1).big(number!.value, 6);
        break;
      case "mtu":
        out.u8(5, 1).u16(0).big(number!.value, 4);
        break;
      case "prefix": {
        const autonomous = out.get8(FLAGS) & 0x80 ? 0 : 0x40;
        out
          .u8(3, 4, countOnes(number!.mask!), 0x80 | autonomous)
          .u32(FOREVER)
          .u32(FOREVER)
          .u32(0)
          .big(number!.value, 16);
        break;
      }
      case "rdnss":
        out.u8(25, 3).u16(0).u32(FOREVER).big(number!.value, 16);
        break;
      case "dnssl": {
        const names = new Bytes();
        for (const d of textOf(o).split(",")) domainName(names, d.trim());
        names.pad(8);
        out
          .u8(31, 1 + names.length / 8)
          .u16(0)
          .u32(FOREVER)
          .put(names.done());
        break;
      }
      case "route_info":
        for (const r of textOf(o).split(",")) routeInformation(out, r.trim());
    }
  }
  return out.done();
}

/** `HIGH-2001:db8::/48`. */
function routeInformation(out: Bytes, text: string): void {
  const m = /^(HIGH|MEDIUM|LOW)-([^/]+)\/(\d+)$/.exec(text);
  const prefix = m && ipv6Number(m[2]!);
  if (!m || prefix === null) return;
  const length = Number(m[3]);
  const words = length > 64 ? 2 : length > 0 ? 1 : 0;
  out.u8(24, 1 + words, length, PREFERENCE[m[1]!]!).u32(FOREVER);
  if (words > 0) out.big(prefix >> BigInt(128 - 64 * words), 8 * words);
}
