/** Which node should announce what to whom, by MetalLB's and FRR-K8s' objects. */
import { FactStore, parsePrefix, readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { announcements } from "../src/announcements.js";
import kubernetes from "../src/index.js";

const node = (name: string, labels: string) =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: {${labels}}}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.${name.slice(1)}}]}\n---\n`;
const NODES = `${node("n1", "zone: a")}${node("n2", "zone: a")}${node("n3", "zone: b")}${node("n4", "zone: a, node.kubernetes.io/exclude-from-external-load-balancers: ''")}`;
const service = (name: string, vip: string, policy: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {type: LoadBalancer, externalTrafficPolicy: ${policy}, ports: [{port: 80}]}\nstatus: {loadBalancer: {ingress: [{ip: ${vip}}]}}\n---\n`;
const slice = (name: string, endpoints: string) =>
  `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: ${name}-1, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}\naddressType: IPv4\nendpoints: [${endpoints}]\nports: [{port: 80}]\n---\n`;
const metallb = (kind: string, name: string, spec: string) =>
  `apiVersion: metallb.io/v1beta1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: metallb-system}\nspec: ${spec}\n---\n`;
const POOL = metallb("IPAddressPool", "outside", "{addresses: [203.0.113.0-203.0.113.99]}");
const PEERS =
  metallb("BGPPeer", "tor", "{peerAddress: 192.0.2.254, peerASN: 64512, myASN: 64512}") +
  metallb("BGPPeer", "far", "{peerAddress: 192.0.2.253, peerASN: 64513, myASN: 64512, nodeSelectors: [{matchLabels: {zone: b}}]}");

function told(objects: string, prefix: string): string[] {
  const facts = new FactStore();
  for (const f of readInline(kubernetes, "objects.yaml", objects).facts) facts.add(f);
  return announcements(facts, parsePrefix(prefix)!).map(
    (s) => `${s.stage} ${s.prefix} ${s.node} to ${s.peer}: ${s.is}: ${s.text} [${s.object}]`,
  );
}

test("nodes by selector, label and endpoint; peers by their own selectors", () => {
  const objects = `${NODES}${POOL}${PEERS}${metallb("BGPAdvertisement", "all", "{ipAddressPools: [outside]}")}${service("web", "203.0.113.7", "Local")}${slice("web", "{addresses: [10.0.1.1], conditions: {ready: false, serving: true, terminating: true}, nodeName: n1}, {addresses: [10.0.2.1], conditions: {ready: false, serving: false}, nodeName: n2}, {addresses: [10.0.3.1], nodeName: n3}, {addresses: [10.0.4.1], nodeName: n4}")}`;
  expect(told(objects, "203.0.113.7")).toMatchInlineSnapshot(`
    [
      "desired 203.0.113.7/32 n1 to 192.0.2.254: true: 203.0.113.7 of shop/web, IPAddressPool outside, BGPAdvertisement all, BGPPeer tor [Service shop/web]",
      "desired 203.0.113.7/32 n1 to 192.0.2.253: false: BGPPeer far does not select n1 [BGPPeer far]",
      "desired 203.0.113.7/32 n2 to 192.0.2.254: false: externalTrafficPolicy of shop/web is Local, and no endpoint on n2 can serve [Service shop/web]",
      "desired 203.0.113.7/32 n2 to 192.0.2.253: false: externalTrafficPolicy of shop/web is Local, and no endpoint on n2 can serve [Service shop/web]",
      "desired 203.0.113.7/32 n3 to 192.0.2.254: true: 203.0.113.7 of shop/web, IPAddressPool outside, BGPAdvertisement all, BGPPeer tor [Service shop/web]",
      "desired 203.0.113.7/32 n3 to 192.0.2.253: true: 203.0.113.7 of shop/web, IPAddressPool outside, BGPAdvertisement all, BGPPeer far [Service shop/web]",
      "desired 203.0.113.7/32 n4 to 192.0.2.254: false: n4 has the label node.kubernetes.io/exclude-from-external-load-balancers [Node n4]",
      "desired 203.0.113.7/32 n4 to 192.0.2.253: false: n4 has the label node.kubernetes.io/exclude-from-external-load-balancers [Node n4]",
    ]
  `);
});

test("aggregation, peers of an advertisement, an address that no pool has, and no endpoint at all", () => {
  const objects = `${node("n1", "zone: a")}${POOL}${PEERS}${metallb("BGPAdvertisement", "wide", "{aggregationLength: 26, peers: [tor], nodeSelectors: [{matchLabels: {zone: a}}]}")}${service("web", "203.0.113.70", "Cluster")}${slice("web", "{addresses: [10.0.1.1], nodeName: n9}")}${service("lost", "198.51.100.1", "Cluster")}${service("empty", "203.0.113.9", "Cluster")}`;
  expect(told(objects, "203.0.113.64/26")).toMatchInlineSnapshot(`
    [
      "desired 203.0.113.64/26 n1 to 192.0.2.254: true: 203.0.113.70 of shop/web, IPAddressPool outside, BGPAdvertisement wide, BGPPeer tor [Service shop/web]",
      "desired 203.0.113.64/26 n1 to 192.0.2.253: false: BGPPeer far does not select n1 [BGPPeer far]",
    ]
  `);
  expect(told(objects, "198.51.100.1")).toMatchInlineSnapshot(`
    [
      "desired 198.51.100.1/32 n1 to 192.0.2.254: false: no IPAddressPool holds 198.51.100.1 [Service shop/lost]",
      "desired 198.51.100.1/32 n1 to 192.0.2.253: false: no IPAddressPool holds 198.51.100.1 [Service shop/lost]",
    ]
  `);
  expect(told(objects, "203.0.113.9")).toMatchInlineSnapshot(`
    [
      "desired 203.0.113.0/26 n1 to 192.0.2.254: false: shop/empty has no endpoint that can serve [Service shop/empty]",
      "desired 203.0.113.0/26 n1 to 192.0.2.253: false: shop/empty has no endpoint that can serve [Service shop/empty]",
    ]
  `);
});

test("FRRConfigurations of a node are taken together; without MetalLB they are the wish", () => {
  const frr = (name: string, spec: string) =>
    `apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: ${name}, namespace: frr-k8s-system}\nspec: ${spec}\n---\n`;
  const objects = `${node("n1", "zone: a")}${node("n2", "zone: b")}${frr("prefixes", "{bgp: {routers: [{asn: 64512, prefixes: [203.0.113.0/24], neighbors: [{address: 192.0.2.254, asn: 64512}]}]}}")}${frr("allow-a", "{nodeSelector: {matchLabels: {zone: a}}, bgp: {routers: [{asn: 64512, neighbors: [{address: 192.0.2.254, asn: 64512, toAdvertise: {allowed: {mode: all}}}]}]}}")}`;
  expect(told(objects, "203.0.113.0/24")).toMatchInlineSnapshot(`
    [
      "desired 203.0.113.0/24 n1 to 192.0.2.254: true: FRRConfiguration allow-a announces it to 192.0.2.254 [FRRConfiguration allow-a]",
      "desired 203.0.113.0/24 n2 to 192.0.2.254: false: FRRConfiguration prefixes does not allow it to be announced to 192.0.2.254 [FRRConfiguration prefixes]",
      "configured 203.0.113.0/24 n1 to 192.0.2.254: true: FRRConfiguration allow-a announces it to 192.0.2.254 [FRRConfiguration allow-a]",
      "configured 203.0.113.0/24 n2 to 192.0.2.254: false: FRRConfiguration prefixes does not allow it to be announced to 192.0.2.254 [FRRConfiguration prefixes]",
    ]
  `);
});
