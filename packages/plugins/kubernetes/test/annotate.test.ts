import { type Action, type Device, type EvidenceLink, matchField, type Rule, slice } from "@plumbline/model";
import { readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin, { serviceCookie } from "../src/index.js";

const OBJECTS = `apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 192.0.2.23}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: ns}
status: {podIP: 198.51.100.4}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: ns}
spec:
  type: LoadBalancer
  clusterIP: 203.0.113.7
  externalIPs: [192.0.2.200]
  ports:
  - {port: 80, nodePort: 30080}
  - {port: 53, nodePort: 30053, protocol: UDP}
status: {loadBalancer: {ingress: [{ip: 192.0.2.100}]}}
`;

const { facts, problems } = readFiles([plugin], { "k8s.yaml": OBJECTS });
const annotate = plugin.annotator!(facts);
const device = (kind: Device["kind"], node = "") => ({ kind, node, pod: "", host: "h", name: "h" }) as Device;
const show = (links: readonly EvidenceLink[]) => links.map((l) => `${l.kind} ${l.name}: ${l.text}`);
const ask = (rule: Partial<Rule>, on: Device) => show(annotate({ rows: [], program: [], origin: null, ...rule } as Rule, on));
const ip = (dst: bigint | undefined, proto: number, port: number) => {
  const m = matchField(matchField([], "ip_proto", proto), "tp_dst", port);
  return dst === undefined ? m : matchField(m, "ip_dst", dst);
};
const VIP = 0xc0000264n;

test("the cookies that OVN-Kubernetes' own tests have", () => {
  expect(problems).toEqual([]);
  expect(serviceCookie("namespace1", "service1", "tcp", 31111)).toBe(0x453ae29bcbbc08bdn);
  expect(serviceCookie("namespace1", "service1", "5.5.5.5", 8080)).toBe(0x10c6b89e483ea111n);
  expect(serviceCookie("namespace1", "service1", "1.1.1.1", 8080)).toBe(0x71765945a31dc2f1n);
});

test("br-ex: a cookie names its Service", () => {
  const bridge = device("bridge");
  expect(ask({ cookie: serviceCookie("ns", "web", "192.0.2.100", 80) }, bridge)).toEqual(["service ns/web: VIP 192.0.2.100 port 80"]);
  expect(ask({ cookie: serviceCookie("ns", "web", "192.0.2.200", 53) }, bridge)).toEqual([
    "service ns/web: external IP 192.0.2.200 port 53",
  ]);
  expect(ask({ cookie: serviceCookie("ns", "web", "udp", 30053) }, bridge)).toEqual(["service ns/web: node port 30053/udp"]);
  expect(ask({ cookie: 0xdeff105n }, bridge)).toEqual([]);
});

test("netfilter: by the address and port asked for, and by those translated to", () => {
  const dnat = (min: bigint, port: number): Action => ({ op: "nat", type: "dst", range: { min, portMin: port } });
  const host = device("host", "node-1");
  expect(ask({ rows: [ip(VIP, 6, 80)] }, host)).toEqual(["service ns/web: VIP 192.0.2.100 port 80"]);
  expect(ask({ rows: [ip(VIP, 17, 80)] }, host)).toEqual([]);
  // A node port, with and without the node's address.
  expect(ask({ rows: [ip(undefined, 6, 30080)] }, host)).toEqual(["service ns/web: node port 30080/tcp"]);
  expect(ask({ rows: [ip(0xc0000217n, 6, 30080)] }, host)).toEqual(["service ns/web: node port 30080/tcp"]);
  // To the cluster IP; to the masquerade address of policy Local with the node port.
  expect(ask({ rows: [ip(VIP, 6, 80)], program: [dnat(0xcb007107n, 80)] }, host)).toEqual([
    "service ns/web: VIP 192.0.2.100 port 80",
    "service ns/web: cluster IP 203.0.113.7 port 80",
  ]);
  expect(ask({ rows: [matchField([], "ip_proto", 6)], program: [dnat(0xa9fe0003n, 30080)] }, host)).toEqual([
    "service ns/web: node port 30080/tcp",
  ]);
});

test("routes and neighbours: whose VIP, which node, which pod", () => {
  const origin = (text: string) => ({ file: "r", line: 1, text });
  expect(
    ask(
      { prefix: { value: VIP, len: 32 }, origin: origin("B>* 192.0.2.100/32 [200/0] via 192.0.2.23, eth0, weight 1, 00:00:08") },
      device("router"),
    ),
  ).toEqual(["service ns/web: VIP 192.0.2.100", "node node-1: 192.0.2.23"]);
  const toPod: Action = { op: "set", dst: slice("nexthop"), value: 0xc6336404n };
  expect(ask({ prefix: { value: 0n, len: 0 }, program: [toPod], origin: origin("default dev eth0") }, device("host"))).toEqual([
    "pod ns/web-1: 198.51.100.4",
  ]);
  expect(ask({ rows: [matchField([], "nexthop", 0xc0000217n)] }, device("router"))).toEqual(["node node-1: 192.0.2.23"]);
  // A node's own address on itself is not worth a link.
  expect(ask({ prefix: { value: 0xc0000217n, len: 32 } }, device("host", "node-1"))).toEqual([]);
  expect(ask({ prefix: { value: 0xc0000200n, len: 24 } }, device("router"))).toEqual([]);
});
