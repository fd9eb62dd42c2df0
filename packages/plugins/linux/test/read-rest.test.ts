import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const show = (path: string, text: string) => {
  const r = readInline(plugin, path, text);
  return [
    ...r.facts.map((f) => `${f.origin.line} ${f.kind} ${JSON.stringify(f.data)}`),
    ...r.problems.map((p) => `${p.line} ${p.severity}: ${p.message}`),
  ].join("\n");
};

test("ip rule", () => {
  const text = `0:	from all lookup local
30:	from all fwmark 0x1745ec lookup 7
40:	not from 192.0.2.0/24 to 198.51.100.0/24 iif eth0 ipproto tcp dport 80-443 lookup 100
50:	from all uidrange 1000-1999 lookup 254 suppress_prefixlength 0
60:	from all goto 32766
70:	from 192.0.2.9 prohibit
80:	from all lookup [l3mdev-table] l3mdev
90:	from all tos 0x10 lookup 7
95:	from all nop
32766:	from all lookup main
what is this
`;
  expect(show("node-1/ip_rule", text)).toMatchInlineSnapshot(`
    "1 linux.rule {"family":4,"priority":0,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"local"}
    2 linux.rule {"family":4,"priority":30,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"7","fwmark":{"value":1525228,"mask":4294967295}}
    3 linux.rule {"family":4,"priority":40,"not":true,"from":"192.0.2.0/24","to":"198.51.100.0/24","iif":"eth0","oif":"","ipproto":"tcp","sport":"","dport":"80-443","action":"lookup","table":"100"}
    4 linux.rule {"family":4,"priority":50,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"main","uidrange":{"from":1000,"to":1999},"suppressPrefixlen":0}
    5 linux.rule {"family":4,"priority":60,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"goto","table":"32766"}
    6 linux.rule {"family":4,"priority":70,"not":false,"from":"192.0.2.9","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"prohibit","table":""}
    7 linux.rule {"family":4,"priority":80,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"","l3mdev":true}
    8 linux.rule {"family":4,"priority":90,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"7","tos":16}
    9 linux.rule {"family":4,"priority":95,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"nop","table":""}
    10 linux.rule {"family":4,"priority":32766,"not":false,"from":"","to":"","iif":"","oif":"","ipproto":"","sport":"","dport":"","action":"lookup","table":"main"}
    11 warning: not a policy rule: 'what is this'"
  `);
});

test("ip -j rule tells the same", () => {
  const text =
    "0:\tfrom all lookup local\n30:\tfrom all fwmark 0x1/0xff lookup 7\n40:\tnot from 192.0.2.0/24 iif eth0 ipproto tcp dport 80-443 lookup 100\n60:\tfrom all goto 32766\n";
  const json = `[{"priority":0,"src":"all","table":"local"},{"priority":30,"src":"all","fwmark":"0x1","fwmask":"0xff","table":"7"},
{"priority":40,"not":null,"src":"192.0.2.0","srclen":24,"iif":"eth0","ipproto":"tcp","dport_start":80,"dport_end":443,"table":"100"},{"priority":60,"src":"all","goto":32766}]`;
  const data = (path: string, t: string) => readInline(plugin, path, t).facts.map((f) => f.data);
  expect(data("node-1/ip_-j_rule", json)).toEqual(data("node-1/ip_rule", text));
});

test("ip neigh, bridge fdb, ip nexthop", () => {
  expect(
    show(
      "node-1/ip_neigh",
      "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 ref 1 used 3/0/3 probes 4 REACHABLE \n192.0.2.9 dev eth0 FAILED \nfe80::1 dev eth0 lladdr 52:54:00:00:00:01 router STALE\n192.0.2.200 dev eth0 proxy\n?\n",
    ),
  ).toMatchInlineSnapshot(`
    "1 linux.neighbour {"dev":"eth0","address":"192.0.2.1","mac":"52:54:00:00:00:01","state":"REACHABLE"}
    2 linux.neighbour {"dev":"eth0","address":"192.0.2.9","mac":"","state":"FAILED"}
    3 linux.neighbour {"dev":"eth0","address":"fe80::1","mac":"52:54:00:00:00:01","state":"STALE"}
    0 linux.neighbours-read {"family":0}
    5 warning: not a neighbour: '?'"
  `);
  expect(
    show(
      "node-1/bridge_fdb",
      "52:54:00:00:00:01 dev swp1 master br0 \n52:54:00:00:00:02 dev swp2 vlan 7 master br0 permanent\n33:33:00:00:00:01 dev br0 self permanent\n",
    ),
  ).toMatchInlineSnapshot(`
    "1 linux.bridge-fdb {"mac":"52:54:00:00:00:01","dev":"swp1","master":"br0","vlan":0,"dst":"","state":""}
    2 linux.bridge-fdb {"mac":"52:54:00:00:00:02","dev":"swp2","master":"br0","vlan":7,"dst":"","state":"permanent"}
    3 linux.bridge-fdb {"mac":"33:33:00:00:00:01","dev":"br0","master":"","vlan":0,"dst":"","state":"permanent"}"
  `);
  expect(
    show(
      "node-1/ip_nexthop",
      "id 12 via 192.0.2.23 dev eth0 scope link proto zebra \nid 22 group 12/17,3 proto zebra \nid 30 blackhole \n",
    ),
  ).toMatchInlineSnapshot(`
    "1 linux.nexthop {"id":12,"hop":{"via":"192.0.2.23","dev":"eth0","weight":1,"onlink":false},"group":[],"blackhole":false}
    2 linux.nexthop {"id":22,"hop":null,"group":[{"id":12,"weight":1},{"id":17,"weight":3}],"blackhole":false}
    3 linux.nexthop {"id":30,"hop":null,"group":[],"blackhole":true}"
  `);
});

test("ss: listeners of TCP, receivers of UDP, and nothing else", () => {
  const text = `Netid State  Recv-Q Send-Q  Local Address:Port Peer Address:PortProcess
udp   UNCONN 0      0       127.0.0.53%lo:53        0.0.0.0:*    users:(("resolved",pid=1,fd=2))
tcp   LISTEN 0      256         0.0.0.0:8080        0.0.0.0:*
tcp   LISTEN 0      4096           [::]:179            [::]:*
tcp   LISTEN 0      4096              *:22                *:*
tcp   ESTAB  0      0         192.0.2.1:22     198.51.100.1:40000
udp   UNCONN 0      0      [fe80::1]%eth0:546          [::]:*
`;
  expect(show("node-1/ss_-tulpn", text)).toMatchInlineSnapshot(`
    "2 linux.socket {"proto":"udp","address":"127.0.0.53","port":53,"dev":"lo"}
    3 linux.socket {"proto":"tcp","address":"0.0.0.0","port":8080,"dev":""}
    4 linux.socket {"proto":"tcp","address":"::","port":179,"dev":""}
    5 linux.socket {"proto":"tcp","address":"*","port":22,"dev":""}
    7 linux.socket {"proto":"udp","address":"fe80::1","port":546,"dev":"eth0"}
    0 linux.sockets-read {}"
  `);
  const tcpOnly = "State  Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0      256          0.0.0.0:8080      0.0.0.0:*\n";
  expect(show("node-1/ss_-tln", tcpOnly)).toMatchInlineSnapshot(`
    "2 linux.socket {"proto":"tcp","address":"0.0.0.0","port":8080,"dev":""}
    0 info: only tcp sockets are in this file: whether others listen stays unknown"
  `);
  expect(show("node-1/ss_-s", "Total: 187\nTCP:   9 (estab 1, closed 0)\n")).toMatchInlineSnapshot(
    `"0 warning: no sockets here, and no heading of a list of them"`,
  );
});

test("sysctl", () => {
  expect(
    show(
      "node-1/sysctl_-a",
      'kernel.osrelease = 6.1\nnet.ipv4.ip_forward = 1\nsysctl: permission denied on key "net.ipv4.x"\nnet.ipv4.ip_local_port_range = 32768\t60999\noops\n',
    ),
  ).toMatchInlineSnapshot(`
    "2 linux.sysctl {"key":"net.ipv4.ip_forward","value":"1"}
    4 linux.sysctl {"key":"net.ipv4.ip_local_port_range","value":"32768\\t60999"}
    5 info: not a kernel setting: 'oops'"
  `);
});
