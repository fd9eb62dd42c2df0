/**
 * Rule sets in the style of kube-proxy (pkg/proxy/iptables and pkg/proxy/nftables): Services with cluster, external and node
 * ports, some without endpoints, some with external traffic policy Local.
 *
 * Services have one endpoint each where the choice among several would be drawn at random; `several` gives them more.
 */
import { address, type Draw } from "../draw.js";
import type { DrawnSet } from "../random-iptables.js";
import { fromText } from "./from-text.js";

interface Service {
  readonly name: string;
  readonly hash: string;
  readonly proto: "tcp" | "udp";
  readonly ip: string;
  readonly port: number;
  readonly nodePort: number;
  readonly external: string;
  readonly local: boolean;
  readonly endpoints: readonly { readonly ip: string; readonly port: number }[];
}

export function services(d: Draw, several = false): Service[] {
  const { random: r } = d;
  return Array.from({ length: r.between(2, 8) }, (_, i) => ({
    name: `ns${i % 3}/svc-${i}:web`,
    hash: `${"ABCDEFGHIJKLMNOP"[i]}${"QRSTUVWX234567ZY"[r.int(16)]}7KTRS4`,
    proto: r.chance(0.75) ? ("tcp" as const) : ("udp" as const),
    ip: d.version === 6 ? `fd96::${i + 5}` : `172.30.0.${i + 5}`,
    port: r.pick([80, 443, 53, 8080]),
    nodePort: r.chance(0.5) ? 30080 + i : 0,
    external: r.chance(0.4) ? address(d, "far", 0) : "",
    local: r.chance(0.3),
    endpoints: Array.from({ length: r.chance(0.15) ? 0 : several ? r.between(2, 3) : 1 }, (_, k) => ({
      ip: d.version === 6 ? `fd00:${d.interfaces.length - 1}::${20 + 4 * i + k}` : `10.${d.interfaces.length - 1}.0.${20 + 4 * i + k}`,
      port: r.pick([8080, 8443]),
    })),
  }));
}

const full = (d: Draw) => (d.version === 6 ? 128 : 32);
const at = (d: Draw, ip: string, port: number) => (d.version === 6 ? `[${ip}]:${port}` : `${ip}:${port}`);
const clusterNet = (d: Draw) => (d.version === 6 ? `fd00:${d.interfaces.length - 1}::/64` : `10.${d.interfaces.length - 1}.0.0/24`);

export function kubeProxyIptables(d: Draw, tool: "legacy" | "iptables-nft", several = false): DrawnSet {
  const chains = new Set<string>();
  const nat: string[] = [];
  const filter: string[] = [];
  const rule = (chain: string, text: string) => nat.push(`-A ${chain} ${text}`);
  const net = clusterNet(d);
  const comment = (text: string) => `-m comment --comment "${text}"`;
  rule("PREROUTING", `${comment("kubernetes service portals")} -j KUBE-SERVICES`);
  rule("OUTPUT", `${comment("kubernetes service portals")} -j KUBE-SERVICES`);
  rule("POSTROUTING", `${comment("kubernetes postrouting rules")} -j KUBE-POSTROUTING`);
  rule("KUBE-MARK-MASQ", "-j MARK --set-xmark 0x4000/0x4000");
  rule("KUBE-POSTROUTING", "-m mark ! --mark 0x4000/0x4000 -j RETURN");
  rule("KUBE-POSTROUTING", "-j MARK --set-xmark 0x4000/0x0");
  rule("KUBE-POSTROUTING", `${comment("kubernetes service traffic requiring SNAT")} -j MASQUERADE`);
  for (const c of ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"]) chains.add(c);
  const filters = ["KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-FIREWALL", "KUBE-PROXY-FIREWALL"];
  filter.push(
    `-A INPUT -m conntrack --ctstate NEW ${comment("kubernetes load balancer firewall")} -j KUBE-PROXY-FIREWALL`,
    `-A INPUT ${comment("kubernetes health check service ports")} -j KUBE-NODEPORTS`,
    `-A INPUT -m conntrack --ctstate NEW ${comment("kubernetes externally-visible service portals")} -j KUBE-EXTERNAL-SERVICES`,
    "-A INPUT -j KUBE-FIREWALL",
    `-A FORWARD ${comment("kubernetes forwarding rules")} -j KUBE-FORWARD`,
    `-A FORWARD -m conntrack --ctstate NEW ${comment("kubernetes service portals")} -j KUBE-SERVICES`,
    `-A FORWARD -m conntrack --ctstate NEW ${comment("kubernetes externally-visible service portals")} -j KUBE-EXTERNAL-SERVICES`,
    `-A OUTPUT -m conntrack --ctstate NEW ${comment("kubernetes service portals")} -j KUBE-SERVICES`,
    "-A OUTPUT -j KUBE-FIREWALL",
  );
  if (d.version === 4)
    filter.push(
      `-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment("block incoming localnet connections")} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
    );
  filter.push(
    "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
    `-A KUBE-FORWARD ${comment("kubernetes forwarding rules")} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
    `-A KUBE-FORWARD ${comment("kubernetes forwarding conntrack rule")} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  );
  for (const s of services(d, several)) {
    const m = `-p ${s.proto} ${comment(`${s.name} cluster IP`)} -m ${s.proto} --dport ${s.port}`;
    if (s.endpoints.length === 0) {
      filter.push(
        `-A KUBE-SERVICES -d ${s.ip}/${full(d)} -p ${s.proto} ${comment(`${s.name} has no endpoints`)} -m ${s.proto} --dport ${s.port} -j REJECT`,
      );
      if (s.nodePort)
        filter.push(
          `-A KUBE-EXTERNAL-SERVICES -p ${s.proto} ${comment(`${s.name} has no endpoints`)} -m addrtype --dst-type LOCAL -m ${s.proto} --dport ${s.nodePort} -j REJECT`,
        );
      continue;
    }
    const [svc, ext] = [`KUBE-SVC-${s.hash}`, `KUBE-EXT-${s.hash}`];
    chains.add(svc);
    rule("KUBE-SERVICES", `-d ${s.ip}/${full(d)} ${m} -j ${svc}`);
    rule(svc, `! -s ${net} -d ${s.ip}/${full(d)} ${m} -j KUBE-MARK-MASQ`);
    if (s.external || s.nodePort) {
      chains.add(ext);
      if (s.external)
        rule(
          "KUBE-SERVICES",
          `-d ${s.external}/${full(d)} -p ${s.proto} ${comment(`${s.name} loadbalancer IP`)} -m ${s.proto} --dport ${s.port} -j ${ext}`,
        );
      if (s.nodePort) rule("KUBE-NODEPORTS", `-p ${s.proto} ${comment(s.name)} -m ${s.proto} --dport ${s.nodePort} -j ${ext}`);
      if (s.local) {
        rule(ext, `-s ${net} ${comment(`pod traffic for ${s.name} external destinations`)} -j ${svc}`);
        rule(
          ext,
          `${comment(`masquerade LOCAL traffic for ${s.name} external destinations`)} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
        );
        rule(ext, `${comment(`route LOCAL traffic for ${s.name} external destinations`)} -m addrtype --src-type LOCAL -j ${svc}`);
        chains.add(`KUBE-SVL-${s.hash}`);
        rule(ext, `-j KUBE-SVL-${s.hash}`);
        filter.push(
          `-A KUBE-EXTERNAL-SERVICES -p ${s.proto} ${comment(`${s.name} has no local endpoints`)} -m addrtype --dst-type LOCAL -m ${s.proto} --dport ${s.nodePort || 30999} -j DROP`,
        );
      } else {
        rule(ext, `${comment(`masquerade traffic for ${s.name} external destinations`)} -j KUBE-MARK-MASQ`);
        rule(ext, `-j ${svc}`);
      }
    }
    s.endpoints.forEach((e, k) => {
      const sep = `KUBE-SEP-${s.hash}${k}`;
      chains.add(sep);
      const left = s.endpoints.length - k;
      const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(11)}` : "";
      rule(svc, `${comment(`${s.name} -> ${at(d, e.ip, e.port)}`)}${chance} -j ${sep}`);
      rule(sep, `-s ${e.ip}/${full(d)} ${comment(s.name)} -j KUBE-MARK-MASQ`);
      rule(sep, `-p ${s.proto} ${comment(s.name)} -m ${s.proto} -j DNAT --to-destination ${at(d, e.ip, e.port)}`);
    });
  }
  rule(
    "KUBE-SERVICES",
    `${comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
  );
  const text = [
    "*nat",
    ...["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`),
    ...[...chains].map((c) => `:${c} - [0:0]`),
    ...nat,
    "COMMIT",
    "*filter",
    ...["INPUT", "FORWARD", "OUTPUT"].map((c) => `:${c} ACCEPT [0:0]`),
    ...filters.map((c) => `:${c} - [0:0]`),
    ...filter,
    "COMMIT",
  ].join("\n");
  return fromText(d, several ? "kube-proxy, several endpoints" : "kube-proxy", tool, text);
}

export function kubeProxyNft(d: Draw, several = false): DrawnSet {
  const six = d.version === 6;
  const of = six ? "ip6" : "ip";
  const type = six ? "ipv6_addr" : "ipv4_addr";
  const t = `${of} kube-proxy`;
  const out: string[] = [`add table ${t}`];
  const chain = (name: string, base = "") => out.push(`add chain ${t} ${name}${base ? ` { ${base} }` : ""}`);
  const rule = (name: string, text: string) => rules.push(`add rule ${t} ${name} ${text}`);
  const rules: string[] = [];
  chain("filter-prerouting", "type filter hook prerouting priority -110 ; ");
  chain("filter-input", "type filter hook input priority -110 ; ");
  chain("filter-forward", "type filter hook forward priority -110 ; ");
  chain("filter-output", "type filter hook output priority -110 ; ");
  chain("filter-output-post-dnat", "type filter hook output priority -90 ; ");
  chain("nat-prerouting", "type nat hook prerouting priority -100 ; ");
  chain("nat-output", "type nat hook output priority -100 ; ");
  chain("nat-postrouting", "type nat hook postrouting priority 100 ; ");
  for (const c of [
    "cluster-ips-check",
    "nodeport-endpoints-check",
    "service-endpoints-check",
    "firewall-check",
    "services",
    "masquerading",
    "mark-for-masquerade",
    "reject-chain",
  ])
    chain(c);
  out.push(
    `add set ${t} cluster-ips { type ${type} ; comment "Active ClusterIPs" ; }`,
    `add set ${t} nodeport-ips { type ${type} ; comment "IPs that accept NodePort traffic" ; }`,
    `add map ${t} no-endpoint-services { type ${type} . inet_proto . inet_service : verdict ; }`,
    `add map ${t} no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add map ${t} firewall-ips { type ${type} . inet_proto . inet_service : verdict ; }`,
    `add map ${t} service-ips { type ${type} . inet_proto . inet_service : verdict ; }`,
    `add map ${t} service-nodeports { type inet_proto . inet_service : verdict ; }`,
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
  rule("masquerading", "masquerade");
  rule("reject-chain", "reject");
  rule("cluster-ips-check", `${of} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`);
  rule("nodeport-endpoints-check", `${of} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports`);
  rule("service-endpoints-check", `${of} daddr . meta l4proto . th dport vmap @no-endpoint-services`);
  rule("firewall-check", `${of} daddr . meta l4proto . th dport vmap @firewall-ips`);
  rule("services", `${of} daddr . meta l4proto . th dport vmap @service-ips`);
  rule("services", `${of} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports`);
  const elements: string[] = [`add element ${t} nodeport-ips { ${[...new Set([address(d, "own", 0), address(d, "own", 0)])].join(", ")} }`];
  const net = clusterNet(d);
  for (const s of services(d, several)) {
    const key = `${s.ip} . ${s.proto} . ${s.port}`;
    elements.push(`add element ${t} cluster-ips { ${s.ip} }`);
    if (s.endpoints.length === 0) {
      elements.push(`add element ${t} no-endpoint-services { ${key} : goto reject-chain }`);
      if (s.nodePort) elements.push(`add element ${t} no-endpoint-nodeports { ${s.proto} . ${s.nodePort} : goto reject-chain }`);
      continue;
    }
    const name = `service-${s.hash}-${s.name.replace(":", "__").replace("/", "_")}`;
    const external = `external-${s.hash}`;
    chain(name);
    elements.push(`add element ${t} service-ips { ${key} : goto ${name} }`);
    rule(name, `${of} daddr ${s.ip} ${s.proto} dport ${s.port} ${of} saddr != ${net} jump mark-for-masquerade`);
    if (s.external || s.nodePort) {
      chain(external);
      if (s.external) elements.push(`add element ${t} service-ips { ${s.external} . ${s.proto} . ${s.port} : goto ${external} }`);
      if (s.nodePort) elements.push(`add element ${t} service-nodeports { ${s.proto} . ${s.nodePort} : goto ${external} }`);
      if (s.local) {
        rule(external, `${of} saddr ${net} goto ${name} comment "short-circuit pod traffic"`);
        rule(external, `fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"`);
        rule(external, `fib saddr type local goto ${name} comment "short-circuit local traffic"`);
      } else {
        rule(external, "jump mark-for-masquerade");
        rule(external, `goto ${name}`);
      }
    }
    const ends = s.endpoints.map((e, k) => {
      const ep = `endpoint-${s.hash}${k}`;
      chain(ep);
      rule(ep, `${of} saddr ${e.ip} jump mark-for-masquerade`);
      rule(ep, `meta l4proto ${s.proto} dnat to ${at(d, e.ip, e.port)}`);
      return ep;
    });
    rule(
      name,
      ends.length === 1
        ? `goto ${ends[0]}`
        : `numgen random mod ${ends.length} vmap { ${ends.map((e, k) => `${k} : goto ${e}`).join(", ")} }`,
    );
  }
  return fromText(d, several ? "kube-proxy, several endpoints" : "kube-proxy", "nft", [...out, ...elements, ...rules].join("\n"));
}
