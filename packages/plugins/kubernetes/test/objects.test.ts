import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

function read(path: string, text: string): string {
  const r = readInline(plugin, path, text);
  const facts = r.facts.map((f) => `${f.origin.line}: ${f.origin.text} ${f.kind} ${JSON.stringify(f.data)}`);
  const problems = r.problems.map((p) => `${p.severity} ${p.line}: ${p.message}`);
  return [r.claim ? `${r.claim.what}, form ${r.claim.form}` : "not claimed", ...facts, ...problems].join("\n");
}

test("node, pod, Service and endpoints, as documents of one file", () => {
  expect(
    read(
      "k8s.yaml",
      `---
apiVersion: v1
kind: Node
metadata:
  name: node-1
  annotations:
    k8s.ovn.org/host-cidrs: '["192.0.2.23/24","192.0.2.99/24"]'
status:
  addresses:
  - {type: InternalIP, address: 192.0.2.23}
  - {type: Hostname, address: node-1}
---
# a pod of OVN-Kubernetes
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: ns
  labels: {app: web}
  annotations:
    k8s.ovn.org/pod-networks: '{"default":{"ip_addresses":["198.51.100.4/24"],"mac_address":"0a:58:0a:84:00:27","gateway_ips":["198.51.100.1"],"role":"primary"}}'
spec:
  nodeName: node-1
status:
  phase: Running
  podIPs: [{ip: 198.51.100.4}]
---
apiVersion: v1
kind: Pod
metadata: {name: job-1, namespace: ns}
spec: {nodeName: node-1}
status: {phase: Succeeded, podIP: 198.51.100.4}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: ns}
spec:
  type: LoadBalancer
  clusterIP: 203.0.113.7
  clusterIPs: [203.0.113.7]
  externalTrafficPolicy: Local
  ports:
  - {name: http, port: 80, targetPort: http, nodePort: 30080, protocol: TCP}
  selector: {app: web}
status:
  loadBalancer: {ingress: [{ip: 192.0.2.100, ipMode: VIP}, {hostname: lb.example}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: ns, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- {addresses: [198.51.100.4], conditions: {ready: false, serving: true, terminating: true}, nodeName: node-1, targetRef: {kind: Pod, name: web-1}}
- {addresses: [198.51.100.5]}
ports:
- {name: http, port: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ns}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: other, namespace: ns}
`,
    ),
  ).toMatchInlineSnapshot(`
    "Kubernetes objects (k8s), form 2
    2: Node node-1 k8s.node {"name":"node-1","addresses":["192.0.2.23","192.0.2.99"],"annotations":{"k8s.ovn.org/host-cidrs":"[\\"192.0.2.23/24\\",\\"192.0.2.99/24\\"]"},"labels":{}}
    14: Pod ns/web-1 k8s.pod {"name":"web-1","namespace":"ns","node":"node-1","ips":["198.51.100.4"],"mac":"0a:58:0a:84:00:27","gateway":"198.51.100.1","hostNetwork":false,"labels":{"app":"web"}}
    28: Pod ns/job-1 k8s.pod {"name":"job-1","namespace":"ns","node":"node-1","ips":[],"mac":"","gateway":"","hostNetwork":false,"labels":{}}
    34: Service ns/web k8s.service {"name":"web","namespace":"ns","type":"LoadBalancer","clusterIPs":["203.0.113.7"],"externalIPs":[],"vips":["192.0.2.100"],"externalTrafficPolicy":"Local","internalTrafficPolicy":"Cluster","ports":[{"name":"http","protocol":"TCP","port":80,"targetPort":"http","nodePort":30080}],"selector":{"app":"web"}}
    48: EndpointSlice ns/web-x k8s.endpoint-slice {"name":"web-x","namespace":"ns","service":"web","addressType":"IPv4","endpoints":[{"addresses":["198.51.100.4"],"ready":false,"serving":true,"terminating":true,"node":"node-1","pod":"ns/web-1"},{"addresses":["198.51.100.5"],"ready":true,"serving":true,"terminating":false,"node":"","pod":""}],"ports":[{"name":"http","protocol":"TCP","port":8080}]}
    info 58: objects that say nothing of a packet's way are not read: 1 Deployment, 1 Service of serving.knative.dev/v1"
  `);
});

test("MetalLB and FRR-K8s", () => {
  expect(
    read(
      "kubernetes/metallb.yaml",
      `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {peerAddress: 192.0.2.1, peerASN: 64512, myASN: 64513, nodeSelectors: [{matchLabels: {rack: a}}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool, namespace: metallb-system}
spec: {addresses: [192.0.2.100-192.0.2.110, 198.51.100.0/28], autoAssign: false, serviceAllocation: {priority: 10, namespaces: [ns]}}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: adv, namespace: metallb-system}
spec: {ipAddressPools: [pool], aggregationLength: 28, peers: [tor]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2, namespace: metallb-system}
spec: {ipAddressPoolSelectors: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}], interfaces: [eth1]}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: metallb-node-1, namespace: frr}
spec:
  nodeSelector: {matchLabels: {kubernetes.io/hostname: node-1}}
  bgp:
    routers:
    - asn: 64513
      prefixes: [192.0.2.100/32]
      neighbors:
      - {address: 192.0.2.1, asn: 64512, toAdvertise: {allowed: {prefixes: [192.0.2.100/32]}}, toReceive: {allowed: {mode: all}}}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRNodeState
metadata: {name: node-1}
status: {runningConfig: "router bgp 64513", lastConversionResult: success, lastReloadResult: success}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: ns}
spec: {podSelector: {}, policyTypes: [Ingress]}
`,
    ),
  ).toMatchInlineSnapshot(`
    "Kubernetes objects (kubernetes/metallb), form 2
    1: BGPPeer metallb-system/tor metallb.peer {"name":"tor","namespace":"metallb-system","address":"192.0.2.1","port":179,"asn":64512,"myAsn":64513,"vrf":"","sourceAddress":"","bfdProfile":"","ebgpMultiHop":false,"nodeSelectors":[{"matchLabels":{"rack":"a"},"matchExpressions":[]}]}
    6: IPAddressPool metallb-system/pool metallb.pool {"name":"pool","namespace":"metallb-system","labels":{},"addresses":["192.0.2.100-192.0.2.110","198.51.100.0/28"],"autoAssign":false,"avoidBuggyIPs":false,"allocateTo":{"priority":10,"namespaces":["ns"],"namespaceSelectors":[],"serviceSelectors":[]}}
    11: BGPAdvertisement metallb-system/adv metallb.advertisement {"name":"adv","namespace":"metallb-system","type":"bgp","pools":["pool"],"poolSelectors":[],"nodeSelectors":[],"peers":["tor"],"aggregationLength":28,"aggregationLengthV6":128,"localPref":0,"communities":[],"interfaces":[]}
    16: L2Advertisement metallb-system/l2 metallb.advertisement {"name":"l2","namespace":"metallb-system","type":"l2","pools":[],"poolSelectors":[{"matchLabels":{},"matchExpressions":[{"key":"zone","operator":"In","values":["a","b"]}]}],"nodeSelectors":[],"peers":[],"aggregationLength":32,"aggregationLengthV6":128,"localPref":0,"communities":[],"interfaces":["eth1"]}
    21: FRRConfiguration frr/metallb-node-1 frrk8s.configuration {"name":"metallb-node-1","namespace":"frr","nodeSelector":{"matchLabels":{"kubernetes.io/hostname":"node-1"},"matchExpressions":[]},"routers":[{"asn":64513,"id":"","vrf":"","prefixes":["192.0.2.100/32"],"neighbors":[{"address":"192.0.2.1","asn":64512,"port":179,"toAdvertise":{"mode":"filtered","prefixes":["192.0.2.100/32"]},"toReceive":{"mode":"all","prefixes":[]}}]}],"rawConfig":""}
    33: FRRNodeState node-1 frrk8s.node-state {"node":"node-1","runningConfig":"router bgp 64513","lastConversionResult":"success","lastReloadResult":"success"}
    38: NetworkPolicy ns/deny k8s.network-policy {"name":"deny","namespace":"ns","podSelector":{"matchLabels":{},"matchExpressions":[]},"policyTypes":["Ingress"]}"
  `);
});

test("JSON: a List with the lines of its items, a typed list, several objects", () => {
  const list = `{
  "apiVersion": "v1",
  "items": [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a [", "labels": {"x": "}\\""}}},
    {
      "apiVersion": "v1",
      "kind": "Namespace",
      "metadata": {"name": "b"}
    }
  ],
  "kind": "List"
}
{"kind": "NamespaceList", "apiVersion": "v1", "items": [{"metadata": {"name": "c"}}]}
{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "d"}}
`;
  expect(read("k8s.json", list)).toMatchInlineSnapshot(`
    "Kubernetes objects (k8s), form 1
    4: Namespace a [ k8s.namespace {"name":"a [","labels":{"x":"}\\""}}
    5: Namespace b k8s.namespace {"name":"b","labels":{}}
    13: Namespace c k8s.namespace {"name":"c","labels":{}}
    14: Namespace d k8s.namespace {"name":"d","labels":{}}"
  `);
});

test("a YAML List; the same path in both formats is the same evidence", () => {
  expect(
    read(
      "k8s.yaml",
      `apiVersion: v1
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: a}
- apiVersion: v1
  kind: Namespace
  metadata: {name: b}
kind: List
`,
    ),
  ).toMatchInlineSnapshot(`
    "Kubernetes objects (k8s), form 2
    3: Namespace a k8s.namespace {"name":"a","labels":{}}
    6: Namespace b k8s.namespace {"name":"b","labels":{}}"
  `);
});

test("what does not parse costs its document; what has no name is said", () => {
  expect(
    read(
      "a.yaml",
      "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\napiVersion: v1\nkind: [broken\n---\napiVersion: v1\nkind: Pod\n",
    ),
  ).toMatchInlineSnapshot(`
    "Kubernetes objects (a), form 2
    1: Node n1 k8s.node {"name":"n1","addresses":[],"annotations":{},"labels":{}}
    error 7: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ] at line 7, column 1:
    warning 8: Pod without a name"
  `);
  expect(
    read("a.json", '{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"}}\n{"kind":"Namespace","apiVersion":"v1","metadata":{'),
  ).toMatchInlineSnapshot(`
    "Kubernetes objects (a), form 1
    1: Namespace a k8s.namespace {"name":"a","labels":{}}
    error 2: not JSON: Expected property name or '}' in JSON at position 50"
  `);
});

test("other YAML and JSON is left alone", () => {
  expect(read("lab.yaml", "policy: cluster\nkind: x\n")).toBe("not claimed");
  expect(read("n1/host/ip_-j_addr", '[{"ifindex":1}]')).toBe("not claimed");
});
