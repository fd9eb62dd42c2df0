/**
 * Tunnels of the kernel's datapath, through all plugins: two nodes, a pod on each, and a switch that sends what one pod sends the
 * other by geneve. The outer packet is one of the hosts' own: their OUTPUT and INPUT chains, routes and br-ex see it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Hop, trace } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { open } from "../src/session.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-tunnels-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";
const PORT = (n: number | "LOCAL", name: string, mac: string) => ` ${n}(${name}): addr:${mac}\n     config:     0\n     state:      LIVE\n`;
const port = (name: string, more = "") => `        Port ${name}\n            Interface ${name}\n${more}`;

interface Twist {
  /** Rules of table filter. */
  readonly filter?: string;
  /** Rules of table mangle. */
  readonly mangle?: string;
  readonly brex?: string;
  readonly routes?: string;
  readonly ipRule?: string;
  /** Options of the tunnel port. */
  readonly tunnel?: string;
}

/** Node `i` with its pod: 192.0.2.1i, 10.1.i.5. */
function node(i: number, twist: Twist): Record<string, string> {
  const [me, peer] = [`192.0.2.1${i}`, `192.0.2.1${3 - i}`];
  const mac = `02:00:00:00:00:1${i}`;
  const [n, p] = [`n${i}`, `p${i}`];
  const chains = (...names: string[]) => names.map((c) => `:${c} ACCEPT [0:0]\n`).join("");
  return {
    [`${n}/host/ip_-d_link`]: `2: eth0: <BROADCAST,UP> mtu 1500 master ovs-system state UP\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n3: br-ex: <BROADCAST,UP> mtu 1500 state UNKNOWN\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n    openvswitch\n7: veth${i}@if2: <BROADCAST,UP> mtu 1400 master ovs-system state UP\n    link/ether 02:00:00:00:07:1${i} brd ff:ff:ff:ff:ff:ff link-netns ${p}\n    veth\n`,
    [`${n}/host/ip_addr`]: `3: br-ex: <BROADCAST,UP> mtu 1500 state UNKNOWN\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n    inet ${me}/24 scope global br-ex\n`,
    [`${n}/host/ip_route_show_table_all`]:
      twist.routes ??
      `192.0.2.0/24 dev br-ex proto kernel scope link src ${me}\nlocal ${me} dev br-ex table local proto kernel scope host src ${me}\n`,
    [`${n}/host/ip_rule`]: twist.ipRule ?? RULES,
    [`${n}/host/ip_neigh`]: `${peer} dev br-ex lladdr 02:00:00:00:00:1${3 - i} REACHABLE\n`,
    [`${n}/host/ss_-tulpn`]: "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n",
    [`${n}/host/iptables-save`]: `*raw\n${chains("PREROUTING", "OUTPUT")}-A PREROUTING -p udp -m udp --dport 6081 -j NOTRACK\n-A OUTPUT -p udp -m udp --dport 6081 -j NOTRACK\nCOMMIT\n*mangle\n${chains("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")}${twist.mangle ?? ""}COMMIT\n*filter\n${chains("INPUT", "FORWARD", "OUTPUT")}${twist.filter ?? ""}COMMIT\n`,
    [`${n}/ovs/ovs-vsctl_show`]: `0\n    Bridge br-ex\n        datapath_type: system\n${port("eth0")}${port("br-ex", "                type: internal\n")}    Bridge br-int\n        datapath_type: system\n${port(`veth${i}`)}${port("ovn-0", `                type: geneve\n                options: {csum="true", key=flow, ${twist.tunnel ?? `local_ip="${me}", remote_ip="${peer}"`}}\n`)}${port("br-int", "                type: internal\n")}`,
    [`${n}/ovs/ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-ex`]: `OFPST_PORT_DESC reply (OF1.5) (xid=0x2):\n${PORT(1, "eth0", mac)}${PORT("LOCAL", "br-ex", mac)}`,
    [`${n}/ovs/ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-int`]: `OFPST_PORT_DESC reply (OF1.5) (xid=0x2):\n${PORT(1, `veth${i}`, "02:00:00:00:09:01")}${PORT(2, "ovn-0", "02:00:00:00:09:02")}`,
    [`${n}/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-ex`]: `OFPST_FLOW reply (OF1.5) (xid=0x2):\n${twist.brex ?? ""} cookie=0x0, table=0, priority=0 actions=NORMAL\n`,
    [`${n}/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int`]: `OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x0, table=0, priority=100,in_port=1 actions=set_field:0x7->tun_id,set_field:0x5/0xffff->pkt_mark,output:2
 cookie=0x0, table=0, priority=100,in_port=2,tun_id=0x7 actions=output:1
`,
    [`${n}/ovs/ovs-appctl_fdb_show_br-ex`]: ` port  VLAN  MAC                Age\n    1     0  02:00:00:00:00:1${3 - i}    1\n`,
    [`pods/${p}/ip_-d_link`]: `2: eth0@if7: <BROADCAST,UP> mtu 1400 state UP\n    link/ether 02:00:00:00:01:0${i} brd ff:ff:ff:ff:ff:ff link-netns ${n}\n    veth\n`,
    [`pods/${p}/ip_addr`]: `2: eth0@if7: <BROADCAST,UP> mtu 1400 state UP\n    link/ether 02:00:00:00:01:0${i} brd ff:ff:ff:ff:ff:ff link-netns ${n}\n    inet 10.1.${i}.5/16 scope global eth0\n`,
    [`pods/${p}/ip_neigh`]: `10.1.${3 - i}.5 dev eth0 lladdr 02:00:00:00:01:0${3 - i} REACHABLE\n`,
    [`pods/${p}/ss_-tuln`]:
      "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\ntcp   LISTEN 0      9      0.0.0.0:80       0.0.0.0:*\n",
  };
}

let made = 0;
async function cluster(first: Twist, second: Twist) {
  const dir = join(root, String(made++));
  for (const [path, text] of Object.entries({ ...node(1, first), ...node(2, second) })) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return open(dir);
}
const PACKET = "tcp 10.1.1.5:4000 > 10.1.2.5:80";
async function fate(first: Twist, second: Twist = {}) {
  const session = await cluster(first, second);
  const [b] = trace(session, PACKET, { from: "p1", reply: true }).branches;
  const last = b.hops.findLast((h) => h.rule.file !== "");
  return `${b.verdict}${b.reply ? `, reply ${b.reply.verdict}` : ""}${b.verdict === "delivered" ? "" : ` at ${last?.device}: ${b.reason || last?.rule.text.trim().replace(/^cookie.*priority/, "priority")}`}`;
}

test("there and back: out by OUTPUT and br-ex, in by br-ex and INPUT, by the port of the sender", async () => {
  const session = await cluster({}, {});
  expect(session.snapshot.problems.concat(session.built.problems).filter((p) => p.severity !== "info")).toEqual([]);
  expect(session.built.unjoined.map((u) => u.port)).toEqual(["br-int", "br-int"]);
  expect(session.net.trackers.map((t) => t.name)).toEqual(expect.arrayContaining(["n1/linux", "n2/linux"]));
  expect(session.net.trackers.some((t) => t.name.endsWith("/ovs"))).toBe(false);
  const [b] = trace(session, PACKET, { from: "p1", reply: true }).branches;
  const way = (hops: readonly Hop[]) =>
    hops.filter((h) => /^n[12]/.test(h.device) && h.rule.file !== "").map((h) => `${h.device}: ${h.stage}, ${h.after}`);
  expect(way(b.hops)).toMatchInlineSnapshot(`
    [
      "n1/br-int: openflow 0, tcp 10.1.1.5:4000 > 10.1.2.5:80 syn",
      "n1: tunnel encapsulation of ovn-0, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: policy ip rule, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: policy ip rule, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: fib main, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: netfilter raw OUTPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: netfilter raw OUTPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: netfilter mangle OUTPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: netfilter filter OUTPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: policy ip rule, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: policy ip rule, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: fib main, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: netfilter mangle POSTROUTING, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1: neighbour neighbours, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1/br-ex: openflow 0, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n1/br-ex: fdb NORMAL, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2/br-ex: openflow 0, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2/br-ex: fdb NORMAL, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: hook arrival, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: netfilter raw PREROUTING, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: netfilter raw PREROUTING, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: netfilter mangle PREROUTING, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: policy ip rule, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: fib local, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: netfilter mangle INPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: netfilter filter INPUT, udp 192.0.2.11:51453 > 192.0.2.12:6081",
      "n2: tunnel UDP port 6081, tcp 10.1.1.5:4000 > 10.1.2.5:80 syn",
      "n2/br-int: openflow 0, tcp 10.1.1.5:4000 > 10.1.2.5:80 syn",
    ]
  `);
  expect([b.verdict, b.to?.name, b.reply?.verdict]).toEqual(["delivered", "p2", "delivered"]);
  expect(way(b.reply!.hops).filter((h) => h.includes(": tunnel"))).toMatchInlineSnapshot(`
    [
      "n2: tunnel encapsulation of ovn-0, udp 192.0.2.12:52988 > 192.0.2.11:6081",
      "n1: tunnel UDP port 6081, tcp 10.1.2.5:80 > 10.1.1.5:4000 syn|ack",
    ]
  `);
});

const DROP = "-p udp -m udp --dport 6081 -j DROP\n";
test.each([
  ["dropped by the sender's OUTPUT", "dropped at n1: dropped by filter OUTPUT rule 1", { filter: `-A OUTPUT ${DROP}` }, {}],
  ["dropped by the receiver's INPUT", "dropped at n2: dropped by filter INPUT rule 1", {}, { filter: `-A INPUT ${DROP}` }],
  [
    "dropped by the receiver's br-ex",
    "dropped at n2/br-ex: priority=205,udp,in_port=1,tp_dst=6081 actions=drop",
    {},
    { brex: " cookie=0x0, table=0, priority=205,udp,in_port=1,tp_dst=6081 actions=drop\n" },
  ],
  [
    "dropped by the sender's br-ex",
    "dropped at n1/br-ex: priority=205,udp,in_port=LOCAL,tp_dst=6081 actions=drop",
    { brex: " cookie=0x0, table=0, priority=205,udp,in_port=LOCAL,tp_dst=6081 actions=drop\n" },
    {},
  ],
  [
    "no route to the peer",
    "dropped at n1: no route for the tunnel's packet",
    { routes: "local 192.0.2.11 dev br-ex table local proto kernel scope host src 192.0.2.11\n" },
    {},
  ],
  [
    "the mark of the tunnelled packet chooses the route",
    "dropped at n1: no route for the tunnel's packet",
    {
      ipRule: "0:\tfrom all lookup local\n5:\tfrom all fwmark 0x5 lookup 9\n32766:\tfrom all lookup main\n",
      routes:
        "blackhole default table 9\n192.0.2.0/24 dev br-ex proto kernel scope link src 192.0.2.11\nlocal 192.0.2.11 dev br-ex table local proto kernel scope host src 192.0.2.11\n",
    },
    {},
  ],
  [
    "no local_ip: the route chooses the source, any address receives",
    "delivered, reply delivered",
    { tunnel: 'remote_ip="192.0.2.12"' },
    { tunnel: 'remote_ip="192.0.2.11"' },
  ],
  [
    "the receiver has no port for the sender",
    "unknown at n2: no tunnel port of n2 has the sender as its remote_ip",
    {},
    { tunnel: 'local_ip="192.0.2.12", remote_ip="192.0.2.99"' },
  ],
  [
    "not an IPv4 tunnel",
    "unknown at n1: tunnel ovn-0 is not one over UDP between IPv4 addresses (192.0.2.11 to 2001:db8::1)",
    { tunnel: 'local_ip="192.0.2.11", remote_ip="2001:db8::1"' },
    {},
  ],
] as readonly (readonly [string, string, Twist, Twist])[])("%s", async (_, want, first, second) => {
  expect(await fate(first, second)).toBe(want);
});

test("a datagram to the tunnel's port that nobody has encapsulated", async () => {
  const session = await cluster({}, {});
  const t = trace(session, "udp 192.0.2.11:5 > 192.0.2.12:6081", { from: "n1" });
  expect(t.branches.map((b) => [b.verdict, b.reason])).toEqual([["unknown", "the tunnelled packet is not known"]]);
});
