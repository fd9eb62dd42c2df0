/**
 * The rules that kube-proxy writes in its nftables mode (pkg/proxy/nftables/proxier.go, setupNFTables and syncProxyRules), as `nft -f` takes them.
 */
import type { Draw } from "../kernel/draw.js";
import type { Writing } from "./iptables.js";
import { hashOf, inText, nodeAddress, podNetwork, serving, svcPortName, type TestEndpoint, type TestService } from "./services.js";

const BASES: readonly (readonly [chain: string, type: string])[] = [
  ["filter-prerouting", "type filter hook prerouting priority -110"],
  ["filter-input", "type filter hook input priority -110"],
  ["filter-forward", "type filter hook forward priority -110"],
  ["filter-output", "type filter hook output priority -110"],
  ["filter-output-post-dnat", "type filter hook output priority -90"],
  ["nat-prerouting", "type nat hook prerouting priority -100"],
  ["nat-output", "type nat hook output priority -100"],
  ["nat-postrouting", "type nat hook postrouting priority 100"],
];
const CHAINS = [
  "cluster-ips-check",
  "nodeport-endpoints-check",
  "service-endpoints-check",
  "firewall-check",
  "services",
  "masquerading",
  "mark-for-masquerade",
  "reject-chain",
];

export function nftText(d: Draw, services: readonly TestService[], how: Writing): string {
  const ip = d.version === 6 ? "ip6" : "ip";
  const type = d.version === 6 ? "ipv6_addr" : "ipv4_addr";
  const t = `${ip} kube-proxy`;
  const frame = [`add table ${t} { comment "rules for kube-proxy" ; }`];
  const elements: string[] = [];
  const rules: string[] = [];
  const rule = (chain: string, ...words: string[]) => rules.push(`add rule ${t} ${chain} ${words.join(" ")}`);
  const element = (set: string, text: string) => elements.push(`add element ${t} ${set} { ${text} }`);
  const chains = new Set<string>();
  const chain = (name: string) => {
    if (!chains.has(name)) frame.push(`add chain ${t} ${name}`);
    chains.add(name);
  };
  for (const [name, base] of BASES) frame.push(`add chain ${t} ${name} { ${base} ; }`);
  for (const name of CHAINS) chain(name);
  frame.push(
    `add set ${t} cluster-ips { type ${type} ; comment "Active ClusterIPs" ; }`,
    `add set ${t} nodeport-ips { type ${type} ; comment "IPs that accept NodePort traffic" ; }`,
    `add map ${t} no-endpoint-services { type ${type} . inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to services with no endpoints" ; }`,
    `add map ${t} no-endpoint-nodeports { type inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to service nodeports with no endpoints" ; }`,
    `add map ${t} firewall-ips { type ${type} . inet_proto . inet_service : verdict ; comment "destinations that are subject to LoadBalancerSourceRanges" ; }`,
    `add map ${t} service-ips { type ${type} . inet_proto . inet_service : verdict ; comment "ClusterIP, ExternalIP and LoadBalancer IP traffic" ; }`,
    `add map ${t} service-nodeports { type inet_proto . inet_service : verdict ; comment "NodePort traffic" ; }`,
  );
  rule("filter-prerouting", "ct state new jump firewall-check");
  rule("filter-input", "ct state new jump nodeport-endpoints-check");
  rule("filter-input", "ct state new jump service-endpoints-check");
  rule("filter-forward", "ct state new jump service-endpoints-check");
  rule("filter-forward", "ct state new jump cluster-ips-check");
  rule("filter-output", "ct state new jump service-endpoints-check");
  rule("filter-output", "ct state new jump firewall-check");
  rule("filter-output-post-dnat", "ct state new jump cluster-ips-check");
  rule("nat-prerouting", "jump services");
  rule("nat-output", "jump services");
  rule("nat-postrouting", "jump masquerading");
  rule("mark-for-masquerade", "mark set mark or 0x4000");
  rule("masquerading", "mark and 0x4000 == 0 return");
  rule("masquerading", "mark set mark xor 0x4000");
  rule("masquerading", how.randomFully ? "masquerade fully-random" : "masquerade");
  rule("reject-chain", "reject");
  rule("cluster-ips-check", `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`);
  rule("nodeport-endpoints-check", `${ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports`);
  rule("service-endpoints-check", `${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services`);
  rule("firewall-check", `${ip} daddr . meta l4proto . th dport vmap @firewall-ips`);
  rule("services", `${ip} daddr . meta l4proto . th dport vmap @service-ips`);
  rule("services", `${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports`);
  element("nodeport-ips", nodeAddress(d));

  for (const s of services) {
    const name = svcPortName(s);
    const rest = `${s.namespace}/${s.name}/${s.protocol}/${s.portName}`;
    const base = `${hashOf(name + s.protocol, 8)}-${rest}`;
    const [service, local, external, wall] = ["service", "local", "external", "firewall"].map((k) => `${k}-${base}`);
    const key = (address: string) => `${address} . ${s.protocol} . ${s.port}`;
    const nodeKey = `${s.protocol} . ${s.nodePort}`;
    const [inside, outside] = [serving(s, "internal"), serving(s, "external")];
    const isExternal = s.nodePort > 0 || s.loadBalancer !== "" || s.externalIP !== "";
    const usesExternal = isExternal && s.endpoints.length > 0 && outside.length > 0;
    const usesCluster = s.endpoints.length > 0 && (!s.internalLocal || (isExternal && (!s.externalLocal || outside.length > 0)));
    const usesLocal = (s.internalLocal && inside.length > 0) || (isExternal && s.externalLocal && outside.length > 0);
    // "service-" for all endpoints, "local-" for this node's.
    const internal = s.internalLocal ? local : service;
    const refuse = (map: string, what: string, none: readonly TestEndpoint[]) => {
      if (s.endpoints.length === 0) element(map, `${what} comment "${name}" : goto reject-chain`);
      else if (none.length === 0) element(map, `${what} comment "${name}" : drop`);
    };
    element("cluster-ips", s.clusterIP);
    if (inside.length > 0) element("service-ips", `${key(s.clusterIP)} : goto ${internal}`);
    else refuse("no-endpoint-services", key(s.clusterIP), inside);
    for (const address of [s.externalIP, s.loadBalancer]) {
      if (address === "") continue;
      if (usesExternal) element("service-ips", `${key(address)} : goto ${external}`);
      else refuse("no-endpoint-services", key(address), outside);
    }
    if (usesExternal && s.loadBalancer !== "" && s.sources.length > 0) {
      chain(wall);
      element("firewall-ips", `${key(s.loadBalancer)} comment "${name}" : goto ${wall}`);
      rule(wall, `${ip} saddr != { ${s.sources.join(", ")} } drop`);
    }
    if (s.nodePort > 0) {
      if (usesExternal) element("service-nodeports", `${nodeKey} : goto ${external}`);
      else refuse("no-endpoint-nodeports", nodeKey, outside);
    }
    if (usesCluster) chain(service);
    if (usesLocal) chain(local);
    if (usesExternal) {
      chain(external);
      if (!s.externalLocal) rule(external, "jump mark-for-masquerade");
      else {
        rule(external, `${ip} saddr ${podNetwork(d)} goto ${service} comment "short-circuit pod traffic"`);
        rule(external, `fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"`);
        rule(external, `fib saddr type local goto ${service} comment "short-circuit local traffic"`);
      }
      rule(external, `goto ${s.externalLocal ? local : service}`);
    }
    const tail = (e: TestEndpoint) =>
      `${hashOf(name + s.protocol + inText(e.ip, e.port), 8)}-${rest}__${e.ip.replaceAll(":", ".")}/${e.port}`;
    const spread = (from: string, endpoints: readonly TestEndpoint[]) => {
      rule(from, `${ip} daddr ${s.clusterIP} ${s.protocol} dport ${s.port} ${ip} saddr != ${podNetwork(d)} jump mark-for-masquerade`);
      if (s.affinity) for (const e of endpoints) rule(from, `${ip} saddr @affinity-${tail(e)} goto endpoint-${tail(e)}`);
      rule(
        from,
        `numgen random mod ${endpoints.length} vmap { ${endpoints.map((e, k) => `${k} : goto endpoint-${tail(e)}`).join(" , ")} }`,
      );
    };
    if (usesCluster) spread(service, s.endpoints);
    if (usesLocal)
      spread(
        local,
        s.endpoints.filter((e) => e.local),
      );
    for (const e of s.endpoints.filter((e) => usesCluster || (usesLocal && e.local))) {
      chain(`endpoint-${tail(e)}`);
      rule(`endpoint-${tail(e)}`, `${ip} saddr ${e.ip} jump mark-for-masquerade`);
      if (s.affinity) {
        frame.push(`add set ${t} affinity-${tail(e)} { type ${type} ; flags dynamic,timeout ; timeout 10800s ; }`);
        rule(`endpoint-${tail(e)}`, `update @affinity-${tail(e)} { ${ip} saddr }`);
      }
      rule(`endpoint-${tail(e)}`, `meta l4proto ${s.protocol} dnat to ${inText(e.ip, e.port)}`);
    }
  }
  return [...frame, ...elements, ...rules].join("\n");
}
