import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const ADDR = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default qlen 1000
    link/ether 0a:58:0a:84:00:27 brd ff:ff:ff:ff:ff:ff link-netns node-1
    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0
       valid_lft forever preferred_lft forever
    inet 192.0.2.11/24 brd 192.0.2.255 scope global secondary eth0
       valid_lft forever preferred_lft forever
    inet6 fe80::858:aff:fe84:27/64 scope link proto kernel_ll 
       valid_lft forever preferred_lft forever
3: tun0: <POINTOPOINT,NOARP> mtu 1500 qdisc noop state DOWN group default
    link/none 
    inet 198.51.100.1 peer 198.51.100.2/32 scope global tun0
`;

test("ip addr, text", () => {
  const r = readInline(plugin, "node-1/ip_addr", ADDR);
  expect(r.claim).toEqual({ score: 0.9, what: "addresses (ip addr)", form: 10 });
  expect(r.problems).toEqual([]);
  expect(r.facts.map((f) => `${f.origin.line} ${f.kind} ${JSON.stringify(f.data)}`)).toMatchInlineSnapshot(`
    [
      "3 linux.address {"ifname":"lo","address":"127.0.0.1","prefixLen":8,"family":4,"scope":"host","secondary":false}",
      "7 linux.address {"ifname":"eth0","address":"192.0.2.10","prefixLen":24,"family":4,"scope":"global","secondary":false}",
      "9 linux.address {"ifname":"eth0","address":"192.0.2.11","prefixLen":24,"family":4,"scope":"global","secondary":true}",
      "11 linux.address {"ifname":"eth0","address":"fe80::858:aff:fe84:27","prefixLen":64,"family":6,"scope":"link","secondary":false}",
      "15 linux.address {"ifname":"tun0","address":"198.51.100.1","prefixLen":32,"family":4,"scope":"global","secondary":false}",
      "1 linux.interface {"name":"lo","ifindex":1,"mac":"00:00:00:00:00:00","peerIndex":0,"linkNetns":"","up":true,"mtu":65536,"type":"loopback","master":""}",
      "5 linux.interface {"name":"eth0","ifindex":2,"mac":"0a:58:0a:84:00:27","peerIndex":7,"linkNetns":"node-1","up":true,"mtu":1400,"type":"","master":""}",
      "13 linux.interface {"name":"tun0","ifindex":3,"mac":"","peerIndex":0,"linkNetns":"","up":false,"mtu":1500,"type":"","master":""}",
    ]
  `);
});

test("ip -j addr tells the same", () => {
  const json = `[{"ifindex":2,"link_index":7,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1400,"link_type":"ether","address":"0a:58:0a:84:00:27","link_netns":"node-1",
"addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24,"scope":"global","label":"eth0"},{"family":"inet","local":"192.0.2.11","prefixlen":24,"scope":"global","secondary":true,"label":"eth0"},{"family":"inet6","local":"fe80::858:aff:fe84:27","prefixlen":64,"scope":"link"}]}]`;
  const ofEth0 = (f: { kind: string; data: unknown }) => JSON.stringify(f.data).includes('"eth0"');
  const text = readInline(plugin, "node-1/ip_addr", ADDR).facts.filter(ofEth0);
  const sorted = (fs: readonly { data: unknown }[]) => fs.map((f) => JSON.stringify(f.data)).sort();
  const r = readInline(plugin, "node-1/ip_-j_addr", json);
  expect(r.claim?.form).toBe(0);
  expect(sorted(r.facts)).toEqual(sorted(text));
});

test("ip -d link: the kind, the master, a veth whose peer is in the same namespace", () => {
  const r = readInline(
    plugin,
    "node-1/ip_-d_link",
    `4: br0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
    link/ether 52:54:00:00:00:04 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bridge forward_delay 1500 hello_time 200
5: va@vb: <BROADCAST,UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default
    link/ether 52:54:00:00:00:05 brd ff:ff:ff:ff:ff:ff promiscuity 1
    veth 
    bridge_slave state forwarding
6: vb@va: <BROADCAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default
    link/ether 52:54:00:00:00:06 brd ff:ff:ff:ff:ff:ff promiscuity 0
    veth addrgenmode eui64
7: eth0.20@eth0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
    link/ether 52:54:00:00:00:07 brd ff:ff:ff:ff:ff:ff promiscuity 0
    vlan protocol 802.1Q id 20 <REORDER_HDR>
`,
  );
  expect(r.problems).toEqual([]);
  expect(r.facts.map((f) => JSON.stringify(f.data))).toMatchInlineSnapshot(`
    [
      "{"name":"br0","ifindex":4,"mac":"52:54:00:00:00:04","peerIndex":0,"linkNetns":"","up":true,"mtu":1500,"type":"bridge","master":""}",
      "{"name":"va","ifindex":5,"mac":"52:54:00:00:00:05","peerIndex":6,"linkNetns":"","up":true,"mtu":1500,"type":"veth","master":"br0"}",
      "{"name":"vb","ifindex":6,"mac":"52:54:00:00:00:06","peerIndex":5,"linkNetns":"","up":false,"mtu":1500,"type":"veth","master":""}",
      "{"name":"eth0.20","ifindex":7,"mac":"52:54:00:00:00:07","peerIndex":0,"linkNetns":"","up":true,"mtu":1500,"type":"vlan","master":""}",
    ]
  `);
});

test("one line an interface (-o), and a file that is cut", () => {
  const r = readInline(
    plugin,
    "node-1/ip_-o_addr",
    "2: eth0    inet 192.0.2.10/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever preferred_lft forever\n2: eth0    inet 192.0.2.x/24 sc",
  );
  expect(r.facts.map((f) => f.data)).toMatchInlineSnapshot(`
    [
      {
        "address": "192.0.2.10",
        "family": 4,
        "ifname": "eth0",
        "prefixLen": 24,
        "scope": "global",
        "secondary": false,
      },
    ]
  `);
  expect(r.problems).toMatchInlineSnapshot(`
    [
      {
        "file": "node-1/ip_-o_addr",
        "hint": "",
        "line": 2,
        "message": "not an address: '192.0.2.x/24'",
        "severity": "warning",
      },
    ]
  `);
});
