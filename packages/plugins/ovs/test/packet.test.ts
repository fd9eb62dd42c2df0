/** Packets as `ofproto/trace` takes them, and as it prints them. */
import { expect, test } from "vitest";
import { BadArgument, parsePacketText, printFlow } from "../src/index.js";
import { shared } from "./kit.js";

const names = { port: (name: string) => (/^p\d+$/.test(name) ? Number(name.slice(1)) : null), table: () => null };

/** The packet as OVS prints it, with the port that the text names. */
function packet(text: string): string {
  try {
    const p = parsePacketText(text, { names });
    if (p.datapathPort !== null) return `port ${p.datapathPort}: ${printFlow(p.row)}`;
    return printFlow(p.row);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return `refused: ${e.message}`;
  }
}

const FRAME = "00020202020000010101010008004500001c00010000401176cc01010101010101020d6a00350008ee3a";

test("packets in OpenFlow's words, in the datapath's, and as frames", () => {
  const texts = [
    "in_port=1,tcp",
    "in_port=p2,icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=fe80::1",
    "in_port=1,dl_vlan=5,dl_type=0x0800,nw_proto=17,udp_dst=53,ct_state=trk|est,reg3=7",
    "arp,arp_op=1,arp_spa=192.0.2.1,arp_tpa=192.0.2.2",
    "in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=192.0.2.1,dst=192.0.2.2,proto=6,tos=4,ttl=64,frag=no),tcp(src=8,dst=80),tcp_flags(0x002)",
    "recirc_id(0),in_port(eth0),eth(),eth_type(0x8100),vlan(vid=16,pcp=2),encap(eth_type(0x0806),arp(sip=192.0.2.1/255.255.255.0,op=1))",
    "in_port(100)",
    `in_port=1 ${FRAME}`,
    `in_port(3),eth() ${FRAME}`,
  ];
  expect(Object.fromEntries(texts.map((t) => [t, packet(t)]))).toMatchInlineSnapshot(`
    {
      "arp,arp_op=1,arp_spa=192.0.2.1,arp_tpa=192.0.2.2": "arp,in_port=ANY,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=192.0.2.1,arp_tpa=192.0.2.2,arp_op=1,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00",
      "in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=192.0.2.1,dst=192.0.2.2,proto=6,tos=4,ttl=64,frag=no),tcp(src=8,dst=80),tcp_flags(0x002)": "port 1: tcp,vlan_tci=0x0000,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:07,nw_src=192.0.2.1,nw_dst=192.0.2.2,nw_tos=4,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=8,tp_dst=80,tcp_flags=syn",
      "in_port(100)": "port 100: vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,dl_type=0x05ff",
      "in_port(3),eth() 00020202020000010101010008004500001c00010000401176cc01010101010101020d6a00350008ee3a": "port 3: udp,vlan_tci=0x0000,dl_src=00:01:01:01:01:00,dl_dst=00:02:02:02:02:00,nw_src=1.1.1.1,nw_dst=1.1.1.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=3434,tp_dst=53",
      "in_port=1 00020202020000010101010008004500001c00010000401176cc01010101010101020d6a00350008ee3a": "udp,in_port=1,vlan_tci=0x0000,dl_src=00:01:01:01:01:00,dl_dst=00:02:02:02:02:00,nw_src=1.1.1.1,nw_dst=1.1.1.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=3434,tp_dst=53",
      "in_port=1,dl_vlan=5,dl_type=0x0800,nw_proto=17,udp_dst=53,ct_state=trk|est,reg3=7": "ct_state=est|trk,udp,reg3=0x7,in_port=1,dl_vlan=5,dl_vlan_pcp=0,vlan_tci1=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=53",
      "in_port=1,tcp": "tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0",
      "in_port=p2,icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=fe80::1": "icmp6,in_port=2,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,ipv6_src=::,ipv6_dst=::,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=00:00:00:00:00:00,nd_tll=00:00:00:00:00:00",
      "recirc_id(0),in_port(eth0),eth(),eth_type(0x8100),vlan(vid=16,pcp=2),encap(eth_type(0x0806),arp(sip=192.0.2.1/255.255.255.0,op=1))": "port eth0: arp,dl_vlan=16,dl_vlan_pcp=2,vlan_tci1=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=192.0.2.1,arp_tpa=0.0.0.0,arp_op=1,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00",
    }
  `);
});

test("what a packet cannot be", () => {
  const texts = [
    "in_port=1,nw_src=192.0.2.1",
    "tcp,tcp",
    "tcp,udp",
    "in_port=1,in_port=2",
    "ip,nw_src=192.0.2.0/24",
    "tcp,tp_dst=80,tcp_dst=80",
    "in_port=eth9",
    "foo=1",
    "in_port(1),bar(2)",
    "udp,tp_dst=53",
    "ip,nw_proto=6,nw_frag=later,tcp_dst=80",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, packet(t)]))).toMatchInlineSnapshot(`
    {
      "foo=1": "refused: Bad openflow flow syntax: foo=1: unknown field foo",
      "in_port(1),bar(2)": "refused: syntax error at bar(2)",
      "in_port=1,in_port=2": "refused: Bad openflow flow syntax: in_port=1,in_port=2: field in_port set multiple times",
      "in_port=1,nw_src=192.0.2.1": "refused: Bad openflow flow syntax: in_port=1,nw_src=192.0.2.1: prerequisites not met for setting nw_src",
      "in_port=eth9": "refused: Bad openflow flow syntax: in_port=eth9: bad value for in_port (eth9: invalid or unknown port for in_port)",
      "ip,nw_proto=6,nw_frag=later,tcp_dst=80": "refused: Bad openflow flow syntax: ip,nw_proto=6,nw_frag=later,tcp_dst=80: prerequisites not met for setting tcp_dst",
      "ip,nw_src=192.0.2.0/24": "refused: Bad openflow flow syntax: ip,nw_src=192.0.2.0/24: bad value for nw_src (192.0.2.0/24: wildcards not allowed here)",
      "tcp,tcp": "refused: Bad openflow flow syntax: tcp,tcp: Ethernet type set multiple times",
      "tcp,tp_dst=80,tcp_dst=80": "refused: Bad openflow flow syntax: tcp,tp_dst=80,tcp_dst=80: field tcp_dst set multiple times",
      "tcp,udp": "refused: Bad openflow flow syntax: tcp,udp: Ethernet type set multiple times",
      "udp,tp_dst=53": "refused: Bad openflow flow syntax: udp,tp_dst=53: prerequisites not met for setting tp_dst",
    }
  `);
});

const TRACES = shared<{ args: string[]; out: string }>("cases/openflow/traces.jsonl");
test.skipIf(TRACES.length === 0)("packets of recorded traces are printed as their first line has them", () => {
  const withoutPort = (s: string | undefined) => s?.replace(/^port \w+: /, "").replace(/in_port=\w+,?/, "");
  const differences = TRACES.flatMap(({ args, out }) => {
    const words = args.slice(1);
    const end = words.findIndex((w) => w.startsWith("-"));
    const text = words.slice(0, end < 0 ? undefined : end).join(" ");
    const want = /^Flow: (.*)$/m.exec(out)?.[1];
    const got = packet(text);
    // Which OpenFlow port one of the datapath is, the bridge tells.
    const same = got === want || ((text.includes("in_port(") || args.includes("--names")) && withoutPort(got) === withoutPort(want));
    return same ? [] : [{ text, want, got }];
  });
  expect(differences).toEqual([]);
});
