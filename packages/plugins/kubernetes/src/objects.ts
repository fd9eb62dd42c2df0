/** From Kubernetes, MetalLB and FRR-K8s objects to facts. Kinds that say nothing of a packet's way are counted, not read. */
import type { K8sPodFact, K8sServiceFact, ReadContext } from "@plumbline/model";
import type { KubernetesObject } from "./documents.js";
import type { FrrPrefixes, Selector } from "./facts.js";
import { embedded, flag, list, number, type Tree, text, textMap, texts, tree } from "./tree.js";

interface Named {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly spec: Tree;
  readonly status: Tree;
  readonly body: Tree;
}

function named(o: KubernetesObject): Named {
  const meta = tree(o.body["metadata"]);
  return {
    name: text(meta["name"]),
    namespace: text(meta["namespace"]),
    labels: textMap(meta["labels"]),
    annotations: textMap(meta["annotations"]),
    spec: tree(o.body["spec"]),
    status: tree(o.body["status"]),
    body: o.body,
  };
}

function selector(x: unknown): Selector {
  const s = tree(x);
  return {
    matchLabels: textMap(s["matchLabels"]),
    matchExpressions: list(s["matchExpressions"]).map((e) => ({
      key: text(tree(e)["key"]),
      operator: text(tree(e)["operator"]),
      values: texts(tree(e)["values"]),
    })),
  };
}
const selectors = (x: unknown) => list(x).map(selector);

/** The address of "10.0.0.4/23". */
function address(cidr: string): string {
  return cidr.replace(/\/\d+$/, "");
}

/** What OVN-Kubernetes wrote on the pod for its primary network (`k8s.ovn.org/pod-networks`). */
function podNetwork(annotations: Record<string, string>): Tree {
  const networks = tree(embedded(annotations["k8s.ovn.org/pod-networks"]));
  const primary = Object.values(networks).find((n) => text(tree(n)["role"]) === "primary");
  return tree(primary ?? networks["default"] ?? Object.values(networks)[0]);
}

function pod(o: Named): K8sPodFact {
  const network = podNetwork(o.annotations);
  const hostNetwork = flag(o.spec["hostNetwork"], false);
  const reported = [...list(o.status["podIPs"]).map((p) => text(tree(p)["ip"])), text(o.status["podIP"])].filter((a) => a !== "");
  const annotated = [...texts(network["ip_addresses"]), text(network["ip_address"])].filter((a) => a !== "").map(address);
  // A pod that has ended keeps its addresses in its status while another pod may have them already.
  const ended = /^(Succeeded|Failed)$/.test(text(o.status["phase"]));
  return {
    name: o.name,
    namespace: o.namespace,
    node: text(o.spec["nodeName"]),
    ips: ended ? [] : [...new Set(reported.length > 0 ? reported : annotated)],
    mac: text(network["mac_address"]),
    gateway: text(network["gateway_ip"]) || (texts(network["gateway_ips"])[0] ?? ""),
    hostNetwork,
    labels: o.labels,
  };
}

function service(o: Named): K8sServiceFact {
  const ingress = list(tree(o.status["loadBalancer"])["ingress"]).map(tree);
  const clusterIPs = [...texts(o.spec["clusterIPs"]), text(o.spec["clusterIP"])].filter((a) => a !== "" && a !== "None");
  return {
    name: o.name,
    namespace: o.namespace,
    type: text(o.spec["type"]) || "ClusterIP",
    clusterIPs: [...new Set(clusterIPs)],
    externalIPs: texts(o.spec["externalIPs"]),
    // ipMode Proxy: the address belongs to a load balancer before the cluster, and no node takes it.
    vips: ingress.filter((i) => text(i["ipMode"]) !== "Proxy" && text(i["ip"]) !== "").map((i) => text(i["ip"])),
    externalTrafficPolicy: text(o.spec["externalTrafficPolicy"]) || "Cluster",
    internalTrafficPolicy: text(o.spec["internalTrafficPolicy"]) || "Cluster",
    ports: list(o.spec["ports"])
      .map(tree)
      .map((p) => ({
        name: text(p["name"]),
        protocol: text(p["protocol"]) || "TCP",
        port: number(p["port"]),
        targetPort: text(p["targetPort"]) || text(p["port"]),
        nodePort: number(p["nodePort"]),
      })),
    selector: textMap(o.spec["selector"]),
    ...(Object.keys(o.labels).length > 0 ? { labels: o.labels } : {}),
  };
}

function prefixes(x: unknown): FrrPrefixes {
  const allowed = tree(tree(x)["allowed"]);
  return {
    mode: text(allowed["mode"]) || "filtered",
    // toReceive lists {prefix, ge, le}, toAdvertise plain prefixes.
    prefixes: list(allowed["prefixes"]).map((p) => (typeof p === "string" ? p : text(tree(p)["prefix"]))),
  };
}

type Reader = (o: Named, put: ReadContext["fact"], line: number, label: string) => void;

/** Readers by kind; where two API groups have a kind of one name, by "group/Kind". */
const READERS: { readonly [kind: string]: Reader } = {
  Namespace: (o, put, line, label) => put("k8s.namespace", { name: o.name, labels: o.labels }, line, label),
  Node: (o, put, line, label) => {
    const addresses = list(o.status["addresses"])
      .map(tree)
      .filter((a) => /IP$/.test(text(a["type"])))
      .map((a) => text(a["address"]));
    const annotated = texts(embedded(o.annotations["k8s.ovn.org/host-cidrs"])).map(address);
    put(
      "k8s.node",
      { name: o.name, addresses: [...new Set([...addresses, ...annotated])], annotations: o.annotations, labels: o.labels },
      line,
      label,
    );
  },
  Pod: (o, put, line, label) => put("k8s.pod", pod(o), line, label),
  Service: (o, put, line, label) => put("k8s.service", service(o), line, label),
  EndpointSlice: (o, put, line, label) =>
    put(
      "k8s.endpoint-slice",
      {
        name: o.name,
        namespace: o.namespace,
        service: o.labels["kubernetes.io/service-name"] ?? "",
        addressType: text(o.body["addressType"]),
        endpoints: list(o.body["endpoints"])
          .map(tree)
          .map((e) => {
            const conditions = tree(e["conditions"]);
            const target = tree(e["targetRef"]);
            const ready = flag(conditions["ready"], true);
            return {
              addresses: texts(e["addresses"]),
              ready,
              serving: flag(conditions["serving"], ready),
              terminating: flag(conditions["terminating"], false),
              node: text(e["nodeName"]),
              pod: text(target["kind"]) === "Pod" ? `${text(target["namespace"]) || o.namespace}/${text(target["name"])}` : "",
            };
          }),
        ports: list(o.body["ports"])
          .map(tree)
          .map((p) => ({ name: text(p["name"]), protocol: text(p["protocol"]) || "TCP", port: number(p["port"]) })),
      },
      line,
      label,
    ),
  NetworkPolicy: (o, put, line, label) =>
    put(
      "k8s.network-policy",
      { name: o.name, namespace: o.namespace, podSelector: selector(o.spec["podSelector"]), policyTypes: texts(o.spec["policyTypes"]) },
      line,
      label,
    ),
  BGPPeer: (o, put, line, label) =>
    put(
      "metallb.peer",
      {
        name: o.name,
        namespace: o.namespace,
        address: text(o.spec["peerAddress"]),
        port: number(o.spec["peerPort"], 179),
        asn: number(o.spec["peerASN"]),
        myAsn: number(o.spec["myASN"]),
        vrf: text(o.spec["vrf"]),
        sourceAddress: text(o.spec["sourceAddress"]),
        bfdProfile: text(o.spec["bfdProfile"]),
        ebgpMultiHop: flag(o.spec["ebgpMultiHop"], false),
        nodeSelectors: selectors(o.spec["nodeSelectors"]),
      },
      line,
      label,
    ),
  IPAddressPool: (o, put, line, label) => {
    const allocation = o.spec["serviceAllocation"] === undefined ? undefined : tree(o.spec["serviceAllocation"]);
    put(
      "metallb.pool",
      {
        name: o.name,
        namespace: o.namespace,
        labels: o.labels,
        addresses: texts(o.spec["addresses"]),
        autoAssign: flag(o.spec["autoAssign"], true),
        avoidBuggyIPs: flag(o.spec["avoidBuggyIPs"], false),
        ...(allocation && {
          allocateTo: {
            priority: number(allocation["priority"]),
            namespaces: texts(allocation["namespaces"]),
            namespaceSelectors: selectors(allocation["namespaceSelectors"]),
            serviceSelectors: selectors(allocation["serviceSelectors"]),
          },
        }),
      },
      line,
      label,
    );
  },
  BGPAdvertisement: (o, put, line, label) => put("metallb.advertisement", advertisement(o, "bgp"), line, label),
  L2Advertisement: (o, put, line, label) => put("metallb.advertisement", advertisement(o, "l2"), line, label),
  FRRConfiguration: (o, put, line, label) =>
    put(
      "frrk8s.configuration",
      {
        name: o.name,
        namespace: o.namespace,
        nodeSelector: selector(o.spec["nodeSelector"]),
        routers: list(tree(o.spec["bgp"])["routers"])
          .map(tree)
          .map((r) => ({
            asn: number(r["asn"]),
            id: text(r["id"]),
            vrf: text(r["vrf"]),
            prefixes: texts(r["prefixes"]),
            neighbors: list(r["neighbors"])
              .map(tree)
              .map((n) => ({
                address: text(n["address"]),
                asn: number(n["asn"]),
                port: number(n["port"], 179),
                toAdvertise: prefixes(n["toAdvertise"]),
                toReceive: prefixes(n["toReceive"]),
              })),
          })),
        rawConfig: text(tree(o.spec["raw"])["rawConfig"]),
      },
      line,
      label,
    ),
  FRRNodeState: (o, put, line, label) =>
    put(
      "frrk8s.node-state",
      {
        node: o.name,
        runningConfig: text(o.status["runningConfig"]),
        lastConversionResult: text(o.status["lastConversionResult"]),
        lastReloadResult: text(o.status["lastReloadResult"]),
      },
      line,
      label,
    ),
};

function advertisement(o: Named, type: "bgp" | "l2") {
  return {
    name: o.name,
    namespace: o.namespace,
    type,
    pools: texts(o.spec["ipAddressPools"]),
    poolSelectors: selectors(o.spec["ipAddressPoolSelectors"]),
    nodeSelectors: selectors(o.spec["nodeSelectors"]),
    peers: texts(o.spec["peers"]),
    aggregationLength: number(o.spec["aggregationLength"], 32),
    aggregationLengthV6: number(o.spec["aggregationLengthV6"], 128),
    localPref: number(o.spec["localPref"]),
    communities: texts(o.spec["communities"]),
    interfaces: texts(o.spec["interfaces"]),
  };
}

/** API groups whose objects are read; a kind of the same name in another group (serving.knative.dev Service) is another thing. */
const GROUPS: { readonly [kind: string]: string } = {
  Namespace: "",
  Node: "",
  Pod: "",
  Service: "",
  EndpointSlice: "discovery.k8s.io",
  NetworkPolicy: "networking.k8s.io",
  BGPPeer: "metallb.io",
  IPAddressPool: "metallb.io",
  BGPAdvertisement: "metallb.io",
  L2Advertisement: "metallb.io",
  FRRConfiguration: "frrk8s.metallb.io",
  FRRNodeState: "frrk8s.metallb.io",
};

/** Turns objects into facts. The kinds that were passed over are named in one problem of severity info. */
export function readObjects(objects: readonly KubernetesObject[], ctx: ReadContext): void {
  const passed = new Map<string, { count: number; line: number }>();
  for (const o of objects) {
    const group = o.apiVersion.includes("/") ? o.apiVersion.slice(0, o.apiVersion.indexOf("/")) : "";
    const read = GROUPS[o.kind] === group ? READERS[o.kind] : undefined;
    if (!read) {
      const kind = GROUPS[o.kind] === undefined ? o.kind : `${o.kind} of ${o.apiVersion}`;
      const p = passed.get(kind) ?? { count: 0, line: o.line };
      passed.set(kind, { count: p.count + 1, line: p.line });
      continue;
    }
    const n = named(o);
    if (n.name === "") {
      ctx.problem("warning", o.line, `${o.kind} without a name`);
      continue;
    }
    read(n, ctx.fact.bind(ctx), o.line, `${o.kind} ${n.namespace === "" ? "" : `${n.namespace}/`}${n.name}`);
  }
  if (passed.size > 0) {
    const kinds = [...passed].map(([kind, p]) => `${p.count} ${kind}`).join(", ");
    ctx.problem(
      "info",
      Math.min(...[...passed.values()].map((p) => p.line)),
      `objects that say nothing of a packet's way are not read: ${kinds}`,
    );
  }
}
