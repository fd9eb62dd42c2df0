import type { ExplainSection, Question } from "@plumbline/model";
import { FactStore, readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { holds } from "../src/explain/announcement.js";
import { selects } from "../src/explain/selectors.js";
import kubernetes from "../src/index.js";

const node = (name: string, label: string) =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: {zone: ${label}}}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.${name.slice(1)}}]}\n---\n`;
const OBJECTS = `${node("n1", "a")}${node("n2", "a")}${node("n3", "b")}apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [172.30.0.9]
  externalIPs: [198.51.100.5]
  externalTrafficPolicy: Local
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 8080, nodePort: 30080}]
  selector: {app: web}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {nodeName: n1}
status: {podIP: 10.1.1.5}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- {addresses: [10.1.1.5], conditions: {ready: true}, nodeName: n1, targetRef: {kind: Pod, name: web-1}}
- {addresses: [10.1.2.5], conditions: {ready: false}, nodeName: n2}
ports: [{name: http, port: 8080, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: outside, namespace: metallb}
spec: {addresses: [203.0.113.0/28]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: zone-a, namespace: metallb}
spec: {ipAddressPools: [outside], nodeSelectors: [{matchLabels: {zone: a}}], peers: [tor]}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb}
spec: {peerAddress: 192.0.2.254, peerASN: 65000, myASN: 64512}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: of-n1, namespace: frr}
spec:
  nodeSelector: {matchLabels: {zone: a}}
  bgp:
    routers:
    - asn: 64512
      prefixes: [203.0.113.7/32]
      neighbors: [{address: 192.0.2.254, asn: 65000, toAdvertise: {allowed: {prefixes: [203.0.113.7/32]}}}]
`;

function evidence(text = OBJECTS): FactStore {
  const facts = new FactStore();
  for (const f of readInline(kubernetes, "objects.yaml", text).facts) facts.add(f);
  return facts;
}

function ask(question: (facts: FactStore) => Question, facts = evidence()): string {
  const lines = (s: ExplainSection) => [
    `${s.layer}, ${s.title}${s.nodes ? ` for ${s.nodes.join(" ")}` : ""}`,
    ...s.items.map(
      (i) => `  ${i.text}${i.file === "" ? "" : `  :${i.line}`}${i.key === undefined ? "" : `  [${i.nodes?.join(" ")}: ${i.key}]`}`,
    ),
  ];
  return kubernetes.explain!(facts, question(facts)).flatMap(lines).join("\n");
}
const services = (facts: FactStore) => kubernetes.services!(facts);

test("what is known of a Service, and where nodes may rightly differ", () => {
  expect(services(evidence())).toMatchInlineSnapshot(`
    [
      {
        "endpoints": [
          {
            "address": "10.1.1.5",
            "node": "n1",
            "pod": "shop/web-1",
            "port": 8080,
            "ready": true,
          },
          {
            "address": "10.1.2.5",
            "node": "n2",
            "pod": "",
            "port": 8080,
            "ready": false,
          },
        ],
        "exceptions": [
          {
            "forbidden": true,
            "layers": [
              "announcement",
              "bgp",
            ],
            "node": "n2",
            "why": "externalTrafficPolicy is Local and no ready endpoint is on n2",
          },
          {
            "forbidden": false,
            "layers": [
              "load-balancers",
              "logical",
              "br-int",
              "groups",
            ],
            "node": "n2",
            "why": "externalTrafficPolicy is Local and no ready endpoint is on n2",
          },
          {
            "forbidden": true,
            "layers": [
              "announcement",
              "bgp",
            ],
            "node": "n3",
            "why": "externalTrafficPolicy is Local and no ready endpoint is on n3",
          },
          {
            "forbidden": false,
            "layers": [
              "load-balancers",
              "logical",
              "br-int",
              "groups",
            ],
            "node": "n3",
            "why": "externalTrafficPolicy is Local and no ready endpoint is on n3",
          },
          {
            "forbidden": true,
            "layers": [
              "announcement",
              "bgp",
            ],
            "node": "n3",
            "why": "no BGPAdvertisement of 203.0.113.7 selects n3",
          },
        ],
        "frontends": [
          {
            "address": "203.0.113.7",
            "port": 80,
            "protocol": "tcp",
            "what": "VIP",
          },
          {
            "address": "198.51.100.5",
            "port": 80,
            "protocol": "tcp",
            "what": "external IP",
          },
          {
            "address": "172.30.0.9",
            "port": 80,
            "protocol": "tcp",
            "what": "cluster IP",
          },
          {
            "address": "",
            "port": 30080,
            "protocol": "tcp",
            "what": "node port",
          },
        ],
        "name": "shop/web",
      },
    ]
  `);
});

test("without endpoint slices the pods that it selects answer; without either nothing is said of nodes", () => {
  const without = (kinds: RegExp) =>
    evidence(
      OBJECTS.split("---\n")
        .filter((o) => !kinds.test(o))
        .join("---\n"),
    );
  expect(services(without(/kind: EndpointSlice/))[0].endpoints).toEqual([
    { address: "10.1.1.5", port: 8080, node: "n1", pod: "shop/web-1", ready: true },
  ]);
  const [neither] = services(without(/kind: (EndpointSlice|Pod|BGPAdvertisement)/));
  expect([neither.endpoints, neither.exceptions]).toEqual([[], []]);
});

test("a Service, layer by layer", () => {
  expect(ask((f) => ({ kind: "service", service: services(f)[0] }))).toMatchInlineSnapshot(`
    "object, Service
      Service shop/web: type LoadBalancer, externalTrafficPolicy Local, internalTrafficPolicy Cluster, selector app=web  :16
      port http (TCP): VIP 203.0.113.7:80, external IP 198.51.100.5:80, cluster IP 172.30.0.9:80, node port 30080 -> target port 8080  :16
    object, cookies of its flows on the external bridge
      0xa97c256dd97418b0: VIP 203.0.113.7 port 80, FNV-1a-64 of "shopweb203.0.113.780"  :16
      0x2967b624d9016d07: external IP 198.51.100.5 port 80, FNV-1a-64 of "shopweb198.51.100.580"  :16
      0x2213d83b5341cd39: node port 30080/tcp, FNV-1a-64 of "shopwebtcp30080"  :16
      0xb841394177e3d353: node port 30080/tcp (IPv6), FNV-1a-64 of "shopwebtcp630080"  :16
    endpoints, endpoints
      10.1.1.5:8080 pod shop/web-1 on n1, ready  :34
      10.1.2.5:8080 on n2, not ready  :34
    endpoints, network policies on its endpoints
      NetworkPolicy shop/deny (Ingress) selects 1 of its pods  :43
    announcement, MetalLB, 203.0.113.7
      IPAddressPool outside: 203.0.113.0/28  :48
      BGPAdvertisement zone-a: n1, n2; peers tor  :53
      BGPPeer tor: 192.0.2.254:179, AS 65000 (own 64512), all nodes  :58
    announcement, FRR-K8s, 203.0.113.7 for n1 n2 n3
      FRRConfiguration of-n1: n1, n2 announces 203.0.113.7 to 192.0.2.254  :63  [n1 n2: FRRConfiguration announces 203.0.113.7]"
  `);
});

test("an address of no pool", () => {
  const facts = evidence(OBJECTS.replace("203.0.113.0/28", "203.0.113.0-203.0.113.6"));
  expect(ask((f) => ({ kind: "service", service: services(f)[0] }), facts)).toContain(
    "no IPAddressPool holds 203.0.113.7: MetalLB does not announce it",
  );
});

test("cookies: FNV-1a-64 of namespace, name, address or protocol, and port", () => {
  const cookie = (n: bigint) => ask((f) => ({ kind: "cookie", cookie: n, services: services(f) }));
  expect(cookie(0xa97c256dd97418b0n)).toMatchInlineSnapshot(`
    "br-ex, cookie of the external bridge
      Service shop/web, VIP 203.0.113.7 port 80, FNV-1a-64 of "shopweb203.0.113.780"  :16"
  `);
  expect(cookie(0xe745ecf105n)).toMatchInlineSnapshot(`
    "br-ex, cookie of the external bridge
      flows between the host and the outside for Services of policy Local with endpoints in the host's network (a constant of OVN-Kubernetes)"
  `);
  expect(cookie(5n)).toBe("");
});

test("the object that a line belongs to", () => {
  expect(ask(() => ({ kind: "line", file: "objects.yaml", line: 15 }))).toMatchInlineSnapshot(`
    "object, the last Kubernetes object that begins at or before it
      Node n3  :11"
  `);
  expect(ask(() => ({ kind: "line", file: "other.yaml", line: 15 }))).toBe("");
});

test("entries of a pool, and selectors", () => {
  expect(
    ["203.0.113.0/28", "203.0.113.7-203.0.113.9", "203.0.113.8-203.0.113.9", "2001:db8::/64", "nonsense"].map((e) =>
      holds(e, "203.0.113.7"),
    ),
  ).toEqual([true, true, false, false, false]);
  expect(holds("2001:db8::1-2001:db8::f", "2001:db8::a")).toBe(true);
  const expression = (operator: string, values: string[]) =>
    selects({ matchLabels: {}, matchExpressions: [{ key: "zone", operator, values }] }, { zone: "a" });
  expect([
    expression("In", ["a", "b"]),
    expression("NotIn", ["a"]),
    expression("Exists", []),
    expression("DoesNotExist", []),
    expression("Gt", []),
  ]).toEqual([true, false, true, false, false]);
});
