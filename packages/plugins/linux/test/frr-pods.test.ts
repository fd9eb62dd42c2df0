import { type Fact, l2Owners, type NetworkBuilder } from "@plumbline/model";
import { FactStore, lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import linux from "../src/index.js";
import { build as buildFiles, frrRoute, walk } from "./walk.js";

const TABLE = [
  frrRoute("kernel 0.0.0.0/0 via 192.0.2.1 eth0", 5),
  frrRoute("connected 192.0.2.0/24 via - eth0", 6),
  frrRoute("local 192.0.2.12/32 via - eth0", 7),
  frrRoute("connected 198.51.100.0/24 via - eth1", 8),
  frrRoute("bgp 203.0.113.80/32 via 192.0.2.24 eth0, 192.0.2.25 eth0", 9),
];
const build = (more: readonly Fact[], files: Record<string, string> = {}) => buildFiles(files, [], () => [], more);

test("FRR's routes alone make a router; a later output of one prefix is reported and not used", () => {
  const b = build([...TABLE, frrRoute("static 203.0.113.80/32 via 192.0.2.23 eth0", 1, "router/vtysh_show_ip_route_203.0.113.80_32")]);
  expect(b.problems).toMatchInlineSnapshot(`
    [
      {
        "file": "router/vtysh_show_ip_route_203.0.113.80_32",
        "hint": "The two outputs are of different moments. Collect both again.",
        "line": 1,
        "message": "the route to 203.0.113.80/32 is static by 192.0.2.23 eth0 here, but bgp by 192.0.2.24 eth0, 192.0.2.25 eth0 at router/vtysh_show_ip_route:9, which is used",
        "severity": "warning",
      },
    ]
  `);
  expect(b.net.devices.map((d) => `${d.kind} ${d.name} ${d.ports.map((p) => `${p.number}:${p.name}`).join(" ")}`)).toMatchInlineSnapshot(`
    [
      "router router 2:eth0 3:eth1 1:lo",
    ]
  `);
  expect(walk(b, "router:eth1", "tcp 198.51.100.9:4000 > 203.0.113.80:80")).toMatchInlineSnapshot(`
    "router: in eth1, tcp 198.51.100.9:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: bgp 203.0.113.80/32 via 192.0.2.24 eth0, 192.0.2.25 eth0 (inferred: the kernel's own table (ip route) is not in evidence)
      takes option 1 of 2
      forwarding: - (assumed: forwarding is not in evidence)
      whether router forwards packets from eth1
      unknown: no neighbour entry for the next hop on eth0"
  `);
  expect(walk(b, "router:eth1", "icmp 198.51.100.9:0 > 192.0.2.12")).toMatchInlineSnapshot(`
    "router: in eth1, icmp 198.51.100.9 type 8/0 > 192.0.2.12 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      local: local 192.0.2.12/32 via - eth0 (inferred: follows from the address; the local route table is not in evidence)
      local: answers echo requests"
  `);
});

/** A path as `show ip bgp` has it on a line. */
const path = (prefix: string, nexthop: string, best: boolean, line: number): Fact<"frr.bgp-path"> => ({
  kind: "frr.bgp-path",
  host: "router",
  origin: { file: "router/vtysh_show_ip_bgp", line, text: `${best ? "*>i" : "*=i"}${prefix} ${nexthop}` },
  data: { prefix, nexthop, valid: true, best, multipath: !best, internal: true, localPref: 100, weight: 0, asPath: "" },
});

test("BGP paths alone: the next hops are inferred, the interface stands for an unknown one", () => {
  const claim: Fact<"host.address-claim"> = {
    kind: "host.address-claim",
    host: "router",
    origin: { file: "router/vtysh_show_ip_bgp", line: 1, text: "local router ID is 192.0.2.12" },
    data: { address: "192.0.2.12", why: "its BGP router ID" },
  };
  const b = build([
    path("198.51.100.0/24", "0.0.0.0", true, 5),
    path("203.0.113.80/32", "192.0.2.25", false, 6),
    path("203.0.113.80/32", "192.0.2.24", true, 7),
    claim,
  ]);
  expect(b.net.devices.map((d) => d.ports.map((p) => `${p.name} ${JSON.stringify(p.attachment)}`))).toMatchInlineSnapshot(`
    [
      [
        "? {"kind":"netdev","host":"router","name":"?","internal":false,"mac":"","peerIndex":0,"linkNetns":"","ifindex":0,"master":"","addresses":[{"address":"192.0.2.12","prefixLen":32}],"up":true}",
        "lo {"kind":"none"}",
      ],
    ]
  `);
  expect(walk(b, "router:?", "tcp 198.51.100.9:4000 > 203.0.113.80:80")).toMatchInlineSnapshot(`
    "router: in ?, tcp 198.51.100.9:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: *=i203.0.113.80/32 192.0.2.25 *>i203.0.113.80/32 192.0.2.24 (inferred: the BGP table's best paths; neither the router's routes nor the kernel's are in evidence)
      takes option 1 of 2
      forwarding: - (assumed: forwarding is not in evidence)
      whether router forwards packets
      unknown: no neighbour entry for the next hop on ?"
  `);
  expect(walk(b, "router:?", "tcp 203.0.113.80:80 > 198.51.100.9:4000")).toMatchInlineSnapshot(`
    "router: in ?, tcp 203.0.113.80:80 > 198.51.100.9:4000 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: *>i198.51.100.0/24 0.0.0.0 (inferred: the router announces it itself; where it leads is in its own table, which is not in evidence)
      unknown: the route to 198.51.100.0/24: the router announces it itself; where it leads is in its own table, which is not in evidence"
  `);
  expect(walk(b, "router:?", "icmp 198.51.100.9:0 > 192.0.2.12")).toMatchInlineSnapshot(`
    "router: in ?, icmp 198.51.100.9 type 8/0 > 192.0.2.12 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      local: local router ID is 192.0.2.12 (assumed: its BGP router ID)
      local: answers echo requests"
  `);
});

test("the kernel's table decides, and a difference is reported", () => {
  const b = build([...TABLE, frrRoute("static 10.0.0.0/8 via 192.0.2.9 eth0", 12)], {
    "router/ip_addr": "2: eth0: <BROADCAST,UP> mtu 1500\n    link/ether 52:54:00:00:00:01\n    inet 192.0.2.12/24 scope global eth0\n",
    "router/ip_route": "192.0.2.0/24 dev eth0 proto kernel scope link\n203.0.113.80 via 192.0.2.23 dev eth0 proto static\n",
  });
  expect(b.problems.map((p) => `${p.file}:${p.line} ${p.message}`)).toMatchInlineSnapshot(`
    [
      "router/vtysh_show_ip_route:9 FRR has 203.0.113.80/32 by 192.0.2.24 eth0, 192.0.2.25 eth0, the kernel has it by 192.0.2.23 eth0 at router/ip_route:2, which is used",
      "router/vtysh_show_ip_route:12 FRR has 10.0.0.0/8 in its FIB, the kernel's table (ip route) does not have it",
    ]
  `);
});

const POD_ADDR =
  "2: eth0@if7: <BROADCAST,UP> mtu 1400\n    link/ether 0a:58:0a:84:00:27 brd ff:ff:ff:ff:ff:ff link-netns node-1\n    inet 10.132.0.39/23 scope global eth0\n";
const pod = (name: string, ip: string, more: object = {}): Fact<"k8s.pod"> => ({
  kind: "k8s.pod",
  host: "",
  origin: { file: "k8s.yaml", line: 7, text: `name: ${name}` },
  data: { name, namespace: "shop", node: "node-1", ips: [ip], mac: "", gateway: "", hostNetwork: false, labels: {}, ...more },
});

test("pods: a folder gets its pod's name by address; a pod without a folder is made from its object", () => {
  const { facts } = readFiles([linux], {
    "pods/web/ip_addr": POD_ADDR,
    "pods/stray/ip_addr": POD_ADDR.replaceAll("10.132.0.39", "10.132.0.77"),
  });
  const store = new FactStore();
  for (const kind of ["linux.interface", "linux.address"] as const) for (const f of facts.all(kind)) store.add(f);
  store.add(pod("web-1", "10.132.0.39"));
  store.add(pod("db-1", "10.132.0.40", { mac: "0a:58:0a:84:00:28", gateway: "10.132.0.1" }));
  store.add(pod("log-1", "10.132.0.41"));
  store.add(pod("dns-1", "192.0.2.1", { hostNetwork: true }));
  store.add({
    kind: "k8s.node",
    host: "",
    origin: { file: "k8s.yaml", line: 1, text: "name: node-1" },
    data: {
      name: "node-1",
      addresses: ["192.0.2.1"],
      annotations: { "k8s.ovn.org/node-subnets": '{"default":["10.132.0.0/23"]}' },
      labels: {},
    },
  });
  let owners: string[] = [];
  const join = (net: NetworkBuilder) => {
    const [a, b] = [net.findDevice("shop/db-1")!, net.findDevice("shop/log-1")!];
    net.join(a, 2, b, 2, "proven", "a cable of the test");
    owners = l2Owners(net, a, 2).owners.map((o) => `${o.address} ${o.device.name}`);
  };
  const { net } = lowerFacts([linux], store, { join });
  expect(
    net.devices.map((d) => `${d.kind} ${d.name} [${d.aliases}] node ${d.node}, host ${d.host}: ${JSON.stringify(d.ports[0].attachment)}`),
  ).toMatchInlineSnapshot(`
    [
      "pod stray [] node , host pods/stray: {"kind":"netdev","host":"pods/stray","name":"eth0","internal":false,"mac":"0a:58:0a:84:00:27","peerIndex":7,"linkNetns":"node-1","ifindex":2,"master":"","addresses":[{"address":"10.132.0.77","prefixLen":23}],"up":true}",
      "pod shop/web-1 [web] node node-1, host pods/web: {"kind":"netdev","host":"pods/web","name":"eth0","internal":false,"mac":"0a:58:0a:84:00:27","peerIndex":7,"linkNetns":"node-1","ifindex":2,"master":"","addresses":[{"address":"10.132.0.39","prefixLen":23}],"up":true,"pod":"shop/web-1"}",
      "pod shop/db-1 [db-1] node node-1, host shop/db-1: {"kind":"netdev","host":"shop/db-1","name":"eth0","internal":false,"mac":"0a:58:0a:84:00:28","peerIndex":0,"linkNetns":"","ifindex":2,"master":"","addresses":[{"address":"10.132.0.40","prefixLen":23}],"up":true,"pod":"shop/db-1"}",
      "pod shop/log-1 [log-1] node node-1, host shop/log-1: {"kind":"netdev","host":"shop/log-1","name":"eth0","internal":false,"mac":"","peerIndex":0,"linkNetns":"","ifindex":2,"master":"","addresses":[{"address":"10.132.0.41","prefixLen":23}],"up":true,"pod":"shop/log-1"}",
    ]
  `);
  expect(owners).toEqual(["10.132.0.41 shop/log-1"]);
  const rules = (device: string, ...stages: string[]) =>
    net.tables
      .filter((t) => t.device === net.findDevice(device)!.id && stages.includes(t.stage))
      .flatMap((t) =>
        t.rules
          .filter((r) => r.why !== "" && !t.name.includes("IPv6") && t.name !== "ip rule")
          .map((r) => `${t.name}: ${r.certainty}, ${r.why}`),
      );
  expect(rules("shop/db-1", "fib", "neighbour", "socket")).toMatchInlineSnapshot(`
    [
      "neighbours: inferred, no neighbour entry; OVN-Kubernetes makes MACs of 0a:58 and the IPv4 address, as this interface's own is made",
      "neighbours: inferred, every device on the wire of eth0 is in evidence, and none has the address",
      "neighbours: inferred, every device on the wire of eth0 is in evidence, and none has the address",
      "neighbours: inferred, every device on the wire of eth0 is in evidence, and none has the address",
      "neighbours: inferred, every device on the wire of eth0 is in evidence, and none has the address",
      "local: inferred, every host has it",
      "local: inferred, follows from the address; the local route table is not in evidence",
      "local: inferred, follows from the address; the local route table is not in evidence",
      "main: inferred, the pod's node has this subnet (k8s.ovn.org/node-subnets)",
      "main: inferred, from the pod's annotation",
      "sockets: assumed, sockets (ss) are not in evidence",
      "sockets: assumed, sockets (ss) are not in evidence",
    ]
  `);
});
