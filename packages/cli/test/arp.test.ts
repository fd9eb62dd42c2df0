/** ARP requests as packets, through all plugins: who answers, with which MAC, and whether the answer comes back. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { trace } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { lookOf } from "../src/render/style.js";
import { renderTrace } from "../src/render/trace.js";
import { open } from "../src/session.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-arp-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), text);
  }
  return join(root, name);
}

const addr = (n: number, name: string, mac: string, ...addresses: string[]) =>
  `${n}: ${name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n    link/ether ${mac} brd ff:ff:ff:ff:ff:ff\n${addresses.map((a) => `    inet ${a} scope global ${name}\n`).join("")}`;
const sysctl = "net.ipv4.conf.all.arp_ignore = 0\n";
const VIP = "192.0.2.100";

/** One wire: `a`, two servers that both have the VIP, and a node behind a switch. */
const wire = folder("wire", {
  "a/ip_addr": addr(2, "eth0", "02:00:00:00:00:0a", "192.0.2.10/24"),
  "s1/ip_addr": addr(2, "eth0", "02:00:00:00:00:01", "192.0.2.11/24", `${VIP}/32`),
  "s1/sysctl_-a": sysctl,
  "s2/ip_addr": addr(2, "eth0", "02:00:00:00:00:02", "192.0.2.12/24", `${VIP}/32`),
  "s2/sysctl_-a": sysctl,
  "node/host/ip_addr": addr(2, "eth0", "02:00:00:00:00:05") + addr(3, "br-x", "02:00:00:00:00:05", "192.0.2.15/24"),
  "node/host/sysctl_-a": sysctl,
  "node/ovs/ovs-vsctl_show":
    "0\n    Bridge br-x\n        datapath_type: netdev\n        Port br-x\n            Interface br-x\n                type: internal\n        Port eth0\n            Interface eth0\n",
  "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-x":
    "OFPST_PORT_DESC reply (OF1.5) (xid=0x2):\n 1(eth0): addr:02:00:00:00:00:05\n     config:     0\n     state:      LIVE\n LOCAL(br-x): addr:02:00:00:00:00:05\n     config:     0\n     state:      LIVE\n",
  // The switch answers for 192.0.2.16 itself, as OVN's responders do; requests for .17 it throws away.
  "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-x": `OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x0, table=0, priority=20,arp,arp_tpa=192.0.2.16,arp_op=1 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:02:00:00:00:00:16->eth_src,set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:02:00:00:00:00:16->arp_sha,move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:192.0.2.16->arp_spa,IN_PORT
 cookie=0x0, table=0, priority=20,arp,arp_tpa=192.0.2.17 actions=drop
 cookie=0x0, table=0, priority=0 actions=NORMAL
`,
  "node/ovs/ovs-appctl_fdb_show_br-x": " port  VLAN  MAC                Age\n    1     0  02:00:00:00:00:0a    1\n",
});

test.each([
  ["a stack", "arp 192.0.2.10 > 192.0.2.11", undefined, "delivered host s1 02:00:00:00:00:01; reply delivered"],
  ["a node behind its switch", "arp 192.0.2.10 > 192.0.2.15", "a", "delivered host node 02:00:00:00:00:05; reply delivered"],
  [
    "a switch that answers itself",
    "arp,arp_spa=192.0.2.10,arp_tpa=192.0.2.16",
    "a",
    "delivered host node/br-x 02:00:00:00:00:16; reply delivered",
  ],
  ["a switch that throws requests away", "arp 192.0.2.10 > 192.0.2.17", "a", "dropped -"],
  ["nobody", "arp 192.0.2.10 > 192.0.2.99", "a", "dropped -"],
  [
    "seen at a port, the answer leaves by it",
    "arp 192.0.2.10 > 192.0.2.15",
    "node/br-x:eth0",
    "delivered host node 02:00:00:00:00:05; reply delivered",
  ],
  [
    "an answer is for whom it names",
    "arp,arp_op=2,arp_spa=192.0.2.11,arp_tpa=192.0.2.10,arp_sha=02:00:00:00:00:01,eth_dst=02:00:00:00:00:0a",
    "a:eth0",
    "delivered host a",
  ],
] as const)("%s", async (_, packet, from, want) => {
  const t = trace(await open(wire), packet, from === undefined ? {} : { from });
  expect(t.branches).toHaveLength(1);
  const [b] = t.branches;
  const to = b.to === null ? "-" : `${b.to.kind} ${b.to.name}`;
  expect(
    [`${b.verdict} ${to}${b.final.mac === undefined ? "" : ` ${b.final.mac}`}`, ...(b.reply ? [`reply ${b.reply.verdict}`] : [])].join(
      "; ",
    ),
  ).toBe(want);
});

test("an address that two answer for", async () => {
  const t = trace(await open(wire), `arp 192.0.2.10 > ${VIP}`, { from: "a" });
  expect(t.branches[0].reason).toBe("2 answers, from different MACs: 02:00:00:00:00:01, 02:00:00:00:00:02");
  expect(renderTrace(t, lookOf({}, {}), { all: false })).toMatchInlineSnapshot(`
    "arp 192.0.2.10 > 192.0.2.100  from a  (sent by a)
      connections: none at the start

      a
          arp interface  inet 192.0.2.10/24 scope global eth0                                                 a/ip_addr:3
          arp request    2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 150… UP link/ether 02:00:00:00:00:0a  a/ip_addr:1  arp_sha 00:00:00:00:00:00 -> 02:00:00:00:00:0a
      s1
        ~ arp requests   inet 192.0.2.100/32 scope global eth0                                                s1/ip_addr:4  (inferred: follows from the address; the local route table is not in evidence; from segment 192.0.2.0/24: s1 eth0 has an address in 192.0.2.0/24)
          arp answer     2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 150… UP link/ether 02:00:00:00:00:01  s1/ip_addr:1
      => delivered to host s1, 192.0.2.100 is at 02:00:00:00:00:01: 2 answers, from different MACs: 02:00:00:00:00:01, 02:00:00:00:00:02
        the way back
      segment 192.0.2.0/24
        ~ segment        2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 150… UP link/ether 02:00:00:00:00:0a  a/ip_addr:1  (inferred: MAC of a eth0; from s1: s1 eth0 has an address in 192.0.2.0/24)
      a
          arp requests   (from segment 192.0.2.0/24: a eth0 has an address in 192.0.2.0/24)
      <= the answer is delivered, as 192.0.2.100 > 192.0.2.10

    verdict: delivered (s1)"
  `);
});

test("ARP does not leave its wire", async () => {
  const session = await open(wire);
  expect(() => trace(session, "arp 198.51.100.1 > 192.0.2.11")).toThrow(
    "no host of the snapshot owns 198.51.100.1, and ARP does not leave its wire",
  );
});
