import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const at = (name: string, content: string) => ({ path: `node-1/host/${name}`, content });

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 60,
  fixtures: [
    at(
      "ip_-d_addr",
      "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n" +
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n" +
        "2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default\n" +
        "    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns x\n    inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0\n    inet6 2001:db8::1/64 scope global\n",
    ),
    at(
      "ip_route_show_table_all",
      "default via 192.0.2.254 dev eth0 proto static metric 100\n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1\n" +
        "203.0.113.0/24 proto bgp metric 20\n\tnexthop via 192.0.2.2 dev eth0 weight 1\n\tnexthop via 192.0.2.3 dev eth0 weight 1\nblackhole 198.51.100.0/24\n" +
        "local 192.0.2.1 dev eth0 table local proto kernel scope host src 192.0.2.1\n",
    ),
    at("ip_rule", "0:\tfrom all lookup local\n1000:\tfrom 10.0.0.0/8 fwmark 0x1/0xff iif eth0 lookup 7\n32766:\tfrom all lookup main\n"),
    at("ip_neigh", "192.0.2.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE\n192.0.2.3 dev eth0 FAILED\n"),
    at(
      "ss_-tulpn",
      'Netid State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\ntcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n',
    ),
    at("sysctl_-a", "net.ipv4.ip_forward = 1\n"),
    at(
      "conntrack_-L",
      "tcp      6 431999 ESTABLISHED src=192.0.2.9 dst=192.0.2.1 sport=40000 dport=22 src=192.0.2.1 dst=192.0.2.9 sport=22 dport=40000 [ASSURED] mark=0 use=1\n" +
        "icmp     1 29 src=192.0.2.9 dst=192.0.2.1 type=8 code=0 id=7 src=192.0.2.1 dst=192.0.2.9 type=0 code=0 id=7 mark=0 zone=3 use=1\n",
    ),
  ],
});

// One JSON text a file: four of them are no larger file, but a broken one. A longer list is.
const addresses = (n: number) =>
  JSON.stringify(
    Array.from({ length: n }, (_, i) => ({
      ifindex: i + 2,
      ifname: `eth${i}`,
      flags: ["BROADCAST", "UP", "LOWER_UP"],
      mtu: 1500,
      link_type: "ether",
      address: "02:00:00:00:00:01",
      addr_info: [{ family: "inet", local: `192.0.2.${(i % 250) + 1}`, prefixlen: 24, scope: "global", label: `eth${i}` }],
    })),
  );

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 60,
  fixtures: [at("ip_-j_addr", addresses(2))],
  grow: (_, times) => addresses(2 * times),
});
