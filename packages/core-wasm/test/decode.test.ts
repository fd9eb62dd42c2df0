import { ROW_WORDS } from "@plumbline/model";
import { expect, test } from "vitest";
import { Arena } from "../src/arena.js";
import { FRAME_KIND } from "../src/layout.js";
import { hex, shown } from "./frames.js";

const arena = new Arena();
const ROW = 65536;
const FRAME = ROW + 4096;
const KINDS = Object.keys(FRAME_KIND).map((k) => k.replace("DECODE_", "").toLowerCase());

/** The kind and the fields of a frame of which `captured` bytes are there. */
function decode(text: string, captured = Number.POSITIVE_INFINITY): string {
  const bytes = hex(text);
  const n = Math.min(captured, bytes.length);
  // What stands behind the captured bytes must not be read.
  arena.bytes.fill(0xff, FRAME, FRAME + 2048);
  arena.bytes.set(bytes.subarray(0, n), FRAME);
  const kind = arena.exports.decode(FRAME, n, bytes.length, ROW);
  return `${KINDS[kind]}: ${shown(arena.words.slice(ROW >>> 2, (ROW >>> 2) + ROW_WORDS))}`;
}

const ETH = "0200000000aa 0200000000bb";
const TCP = "9c40 1f90 00000001 00000000 5002 ffff 0000 0000";
const IP_TCP = `4510 0028 0001 4000 40 06 0000 c000020a c0000214`;
const A6 = "20010db8000000000000000000000001";
const B6 = "20010db8000000000000000000000002";

const FRAMES: readonly (readonly [name: string, text: string])[] = [
  ["TCP over IPv4", `${ETH} 0800 ${IP_TCP} ${TCP}`],
  ["a tag", `${ETH} 8100 2064 0800 ${IP_TCP} ${TCP}`],
  ["QinQ", `${ETH} 88a8 0064 8100 0065 0800 ${IP_TCP} ${TCP}`],
  ["UDP with IP options", `${ETH} 0800 4600 0020 0001 0000 40 11 0000 c000020a c0000214 94040000 0035 0036 0008 0000`],
  ["ports that are padding", `${ETH} 0800 4500 0016 0001 0000 40 11 0000 c000020a c0000214 0035 0036 0000 00000000`],
  ["first fragment", `${ETH} 0800 4500 001c 0001 2000 40 11 0000 c000020a c0000214 0035 0036 0008 0000`],
  ["later fragment", `${ETH} 0800 4500 001c 0001 0003 40 11 0000 c000020a c0000214 0035 0036 0008 0000`],
  ["ICMP echo", `${ETH} 0800 4500 001c 0001 0000 40 01 0000 c000020a c0000214 0800 0000 1234 0001`],
  [
    "port unreachable",
    `${ETH} 0800 4500 0038 0001 0000 40 01 0000 c0000214 c000020a 0303 0000 00000000 4500 001c 0001 0000 3f 11 0000 c000020a c0000214 9c40 0035 0008 0000`,
  ],
  [
    "error about an echo",
    `${ETH} 0800 4500 0038 0001 0000 40 01 0000 c0000214 c000020a 0b00 0000 00000000 4500 001c 0001 0000 01 01 0000 c000020a c0000214 0800 0000 1234 0001`,
  ],
  ["GRE has no ports", `${ETH} 0800 4500 0018 0001 0000 40 2f 0000 c000020a c0000214 00000800`],
  ["ARP", `${ETH} 0806 0001 0800 06 04 0001 0200000000bb c000020a 000000000000 c0000214`],
  ["TCP over IPv6 behind hop-by-hop options", `${ETH} 86dd 6ff12345 001c 00 40 ${A6} ${B6} 06 00 0502 0000 0100 ${TCP}`],
  ["IPv6 fragment", `${ETH} 86dd 60000000 0010 2c 40 ${A6} ${B6} 11 00 0009 00000001 0035 0036 0008 0000`],
  ["neighbour solicitation", `${ETH} 86dd 60000000 0020 3a ff ${A6} ${B6} 8700 0000 00000000 ${B6} 01 01 0200000000bb`],
  ["ICMPv6 error", `${ETH} 86dd 60000000 0038 3a 40 ${B6} ${A6} 0104 0000 00000000 60000000 0008 11 3f ${A6} ${B6} 9c40 0035 0008 0000`],
  ["LLDP", `${ETH} 88cc 0207`],
  ["MPLS, the bottom label is the third", `${ETH} 8847 00010040 00020241 00030542 4500`],
  ["IP version 5", `${ETH} 0800 5500 0028 0001 4000 40 06 0000 c000020a c0000214 ${TCP}`],
];

test("frames and their fields", () => {
  expect(FRAMES.map(([name, text]) => `${name}\n    ${decode(text)}`).join("\n")).toMatchInlineSnapshot(`
    "TCP over IPv4
        ipv4: packet_len=54 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=6 nw_tos=0x10 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20 tp_src=40000 tp_dst=8080 tcp_flags=syn
    a tag
        ipv4: packet_len=58 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 vlan_tci=0x3064 ip_proto=6 nw_tos=0x10 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20 tp_src=40000 tp_dst=8080 tcp_flags=syn
    QinQ
        ipv4: packet_len=62 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 vlan_tci=0x1064 vlan_tci2=0x1065 ip_proto=6 nw_tos=0x10 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20 tp_src=40000 tp_dst=8080 tcp_flags=syn
    UDP with IP options
        ipv4: packet_len=46 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=17 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20 tp_src=53 tp_dst=54
    ports that are padding
        short_transport: packet_len=44 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=17 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20
    first fragment
        ipv4: packet_len=42 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=17 ip_ttl=64 ip_frag=first ip_src=192.0.2.10 ip_dst=192.0.2.20 tp_src=53 tp_dst=54
    later fragment
        ipv4: packet_len=42 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=17 ip_ttl=64 ip_frag=later ip_src=192.0.2.10 ip_dst=192.0.2.20
    ICMP echo
        ipv4: packet_len=42 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=1 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20 icmp_type=8 icmp_id=4660
    port unreachable
        ipv4: packet_len=70 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=1 ip_ttl=64 ip_src=192.0.2.20 ip_dst=192.0.2.10 icmp_type=3 icmp_code=3 inner_proto=17 inner_src=192.0.2.10 inner_dst=192.0.2.20 inner_tp_src=40000 inner_tp_dst=53
    error about an echo
        ipv4: packet_len=70 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=1 ip_ttl=64 ip_src=192.0.2.20 ip_dst=192.0.2.10 icmp_type=11 inner_proto=1 inner_src=192.0.2.10 inner_dst=192.0.2.20 inner_tp_src=4660 inner_tp_dst=4660
    GRE has no ports
        ipv4: packet_len=38 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800 ip_proto=47 ip_ttl=64 ip_src=192.0.2.10 ip_dst=192.0.2.20
    ARP
        arp: packet_len=42 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x806 arp_op=1 arp_spa=192.0.2.10 arp_tpa=192.0.2.20 arp_sha=02:00:00:00:00:bb
    TCP over IPv6 behind hop-by-hop options
        ipv6: packet_len=82 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x86dd ip_proto=6 nw_tos=0xff ip_ttl=64 ipv6_src=2001:db8::1 ipv6_dst=2001:db8::2 ipv6_label=0x12345 tp_src=40000 tp_dst=8080 tcp_flags=syn
    IPv6 fragment
        ipv6: packet_len=70 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x86dd ip_proto=17 ip_ttl=64 ip_frag=later ipv6_src=2001:db8::1 ipv6_dst=2001:db8::2
    neighbour solicitation
        ipv6: packet_len=86 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x86dd ip_proto=58 ip_ttl=255 ipv6_src=2001:db8::1 ipv6_dst=2001:db8::2 icmp_type=135 nd_target=2001:db8::2 nd_sll=02:00:00:00:00:bb nd_options=1
    ICMPv6 error
        ipv6: packet_len=110 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x86dd ip_proto=58 ip_ttl=64 ipv6_src=2001:db8::2 ipv6_dst=2001:db8::1 icmp_type=1 icmp_code=4 inner_proto=17 inner_src=2001:db8::1 inner_dst=2001:db8::2 inner_tp_src=40000 inner_tp_dst=53
    LLDP
        other: packet_len=16 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x88cc
    MPLS, the bottom label is the third
        other: packet_len=28 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x8847 mpls_lse=0x10040 mpls_lse1=0x20241 mpls_lse2=0x30542
    IP version 5
        bad_ip: packet_len=54 eth_dst=02:00:00:00:00:aa eth_src=02:00:00:00:00:bb eth_type=0x800"
  `);
});

test.each([
  [13, "short_ethernet"],
  [14, "short_network"],
  [33, "short_network"],
  [34, "short_transport"],
  [47, "short_transport"],
  [48, "ipv4"],
])("a capture of %i bytes of a TCP frame is %s", (captured, kind) => {
  expect(decode(`${ETH} 0800 ${IP_TCP} ${TCP}`, captured).split(":")[0]).toBe(kind);
});
