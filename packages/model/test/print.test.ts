import { expect, test } from "vitest";
import {
  field,
  fieldConstants,
  formatValue,
  matchField,
  NetworkBuilder,
  PlumblineError,
  packetText,
  parsePacket,
  parseValue,
  printNetwork,
  slice,
} from "../src/index.js";

test("the canonical text of a small network", () => {
  const net = new NetworkBuilder();
  const tracker = net.tracker("h/ovs", "userspace");
  const d = net.device({ name: "h/br0", kind: "bridge", host: "h" });
  net.port(d, 1, "eth0", { kind: "none" });
  const t = net.table(d, "0", "openflow", "priority");
  d.entry = t.id;
  net.rule(t, {
    priority: 10,
    rows: [matchField(matchField([], "ip_dst", 0xc0000200, 0xffffff00), "tp_dst", 80)],
    program: [
      {
        op: "ct",
        tracker,
        zone: slice("reg13", 0, 16),
        commit: true,
        force: false,
        nat: { type: "dst", range: { min: 0x0a000001n, portMin: 8080 } },
        exec: [{ op: "set", dst: slice("ct_mark", 1, 1), value: 1n }],
        resume: t.id,
      },
    ],
  });
  t.miss = [{ op: "drop", reason: "nothing matches" }];
  expect(printNetwork(net)).toMatchInlineSnapshot(`
    "tracker 0 h/ovs userspace
    device 0 h/br0 bridge entry 0 origin -1
      port 1 eth0
      table 0 "0" openflow priority
        0: priority 10 ip_dst=0xc0000200/0xffffff00,tp_dst=80 -> {ct 0 zone reg13[0..15] commit nat dst 167772161:8080 exec {ct_mark[1..1] = 0x1} resume 0}
        miss -> {drop "nothing matches"}
    "
  `);
});

test.each([
  ["tcp 192.0.2.1:40000 > 192.0.2.2:80", "tcp 192.0.2.1:40000 > 192.0.2.2:80"],
  ["udp [2001:db8::1]:53 > [2001:db8::2]:5353", "udp [2001:db8::1]:53 > [2001:db8::2]:5353"],
  ["icmp 192.0.2.1 > 192.0.2.2", "icmp 192.0.2.1 > 192.0.2.2 type 8 code 0"],
  ["in_port=1,tcp,nw_src=192.0.2.1,nw_dst=192.0.2.2,tp_src=1,tp_dst=2,tcp_flags=+syn", "tcp 192.0.2.1:1 > 192.0.2.2:2 syn"],
  ["tcp6,ipv6_src=2001:db8::1,ipv6_dst=2001:db8::2,tcp_src=1,tcp_dst=2", "tcp [2001:db8::1]:1 > [2001:db8::2]:2"],
  ["arp,arp_spa=192.0.2.1,arp_tpa=192.0.2.2,arp_op=1", "arp 192.0.2.1 > 192.0.2.2 op 1"],
  ["arp_spa=192.0.2.1,arp_tpa=192.0.2.2,arp_op=2", "arp 192.0.2.1 > 192.0.2.2 op 2"],
  ["arp,nw_src=192.0.2.1,nw_dst=192.0.2.2,nw_proto=1", "arp 192.0.2.1 > 192.0.2.2 op 1"],
  ["arp 192.0.2.1 > 192.0.2.2", "arp 192.0.2.1 > 192.0.2.2 op 1"],
])("packet %s", (text, want) => {
  expect(packetText(parsePacket(text).row)).toBe(want);
});

test.each([
  ["tcp 192.0.2.1:1 > 192.0.2.999:80", "'192.0.2.999' is not an address of the same family"],
  ["tcp 192.0.2.1:1 > 192.0.2.2", "the destination needs a port: 192.0.2.2:PORT"],
  ["gre 192.0.2.1 > 192.0.2.2", "'gre' is not tcp, udp, sctp, icmp, icmp6 or arp"],
  ["arp 192.0.2.1 > 2001:db8::1", "'2001:db8::1' is not an IPv4 address"],
  ["tcp,nw_dstt=1.2.3.4", "'nw_dstt' is not a field"],
  ["tcp,nw_dst=1.2.3", "'1.2.3' is not a value of nw_dst"],
  ["", "it is empty"],
])("bad packet %s", (text, why) => {
  expect(() => parsePacket(text)).toThrow(PlumblineError);
  expect(() => parsePacket(text)).toThrow(why);
});

test("values print as they parse", () => {
  for (const [name, text] of [
    ["ct_state", "new|trk"],
    ["tcp_flags", "syn|ack"],
    ["eth_dst", "0a:58:64:40:00:01"],
    ["ipv6_dst", "2001:db8::1:0:0:1"],
    ["ip_dst", "192.0.2.1"],
    ["metadata", "0x2"],
  ] as const)
    expect(formatValue(field(name), parseValue(field(name), text)!)).toBe(text);
});

test("the AssemblyScript constants name every field", () => {
  expect(fieldConstants()).toContain("export const F_IP_DST: u32 = ");
});
