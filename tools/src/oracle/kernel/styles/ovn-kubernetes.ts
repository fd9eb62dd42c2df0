/**
 * Rule sets in the style of OVN-Kubernetes' node part, of both generations: iptables chains OVN-KUBE-… (go-controller/pkg/node,
 * releases 1.0 to 1.3), and the table `inet ovn-kubernetes` with its maps.
 *
 * The first interface stands for br-ex, the second for ovn-k8s-mp0.
 */
import { address, type Draw } from "../draw.js";
import type { DrawnSet } from "../random-iptables.js";
import { fromText } from "./from-text.js";
import { services } from "./kube-proxy.js";

const bracket = (d: Draw, ip: string, port: number) => (d.version === 6 ? `[${ip}]:${port}` : `${ip}:${port}`);

/** Masquerade addresses: OVN's, the host's, the host's for traffic policy Local. */
const masquerade = (d: Draw) =>
  d.version === 6
    ? { ovn: "fd69::1", host: "fd69::2", local: "fd69::3" }
    : { ovn: "169.254.0.1", host: "169.254.0.2", local: "169.254.0.3" };

export function ovnKubernetesIptables(d: Draw, tool: "legacy" | "iptables-nft"): DrawnSet {
  const [ex, mp] = d.interfaces;
  const m = masquerade(d);
  const len = d.version === 6 ? 128 : 32;
  const pods = d.version === 6 ? "fd00:1::/64" : "10.1.0.0/24";
  const nat: string[] = [];
  const mangle: string[] = [];
  for (const s of services(d)) {
    const to = bracket(d, s.ip, s.port);
    const local = s.local && s.endpoints.length > 0;
    if (s.nodePort) {
      if (local)
        nat.push(
          `-A OVN-KUBE-ETP -p ${s.proto} -m addrtype --dst-type LOCAL -m ${s.proto} --dport ${s.nodePort} -j DNAT --to-destination ${bracket(d, m.local, s.nodePort)}`,
        );
      nat.push(
        `-A OVN-KUBE-NODEPORT -p ${s.proto} -m addrtype --dst-type LOCAL -m ${s.proto} --dport ${s.nodePort} -j DNAT --to-destination ${to}`,
      );
    }
    if (s.external) {
      if (local) {
        nat.push(
          `-A OVN-KUBE-ETP -d ${s.external}/${len} -p ${s.proto} -m ${s.proto} --dport ${s.port} -j DNAT --to-destination ${bracket(d, m.local, s.nodePort || 32000)}`,
        );
        nat.push(`-A OVN-KUBE-SNAT-MGMTPORT -p ${s.proto} -m ${s.proto} --dport ${s.nodePort || 32000} -j RETURN`);
      }
      nat.push(
        `-A OVN-KUBE-EXTERNALIP -d ${s.external}/${len} -p ${s.proto} -m ${s.proto} --dport ${s.port} -j DNAT --to-destination ${to}`,
      );
    }
    if (d.random.chance(0.25)) {
      nat.push(
        `-A OVN-KUBE-ITP -d ${s.ip}/${len} -p ${s.proto} -m ${s.proto} --dport ${s.port} -j REDIRECT --to-ports ${s.endpoints[0]?.port ?? 8080}`,
      );
      mangle.push(
        `-A OVN-KUBE-ITP -d ${s.ip}/${len} -p ${s.proto} -m ${s.proto} --dport ${s.port} -j MARK --set-xmark 0x1745ec/0xffffffff`,
      );
    }
  }
  const text = [
    "*raw",
    ":PREROUTING ACCEPT [0:0]",
    ":OUTPUT ACCEPT [0:0]",
    "-A PREROUTING -p udp -m udp --dport 6081 -j NOTRACK",
    "-A OUTPUT -p udp -m udp --dport 6081 -j NOTRACK",
    "COMMIT",
    "*mangle",
    ...["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`),
    ":OVN-KUBE-ITP - [0:0]",
    "-A OUTPUT -j OVN-KUBE-ITP",
    ...mangle,
    "COMMIT",
    "*nat",
    ...["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`),
    ...["ETP", "EXTERNALIP", "NODEPORT", "ITP", "SNAT-MGMTPORT", "EGRESS-SVC", "EGRESS-IP-MULTI-NIC"].map((c) => `:OVN-KUBE-${c} - [0:0]`),
    "-A PREROUTING -j OVN-KUBE-ETP",
    "-A PREROUTING -j OVN-KUBE-EXTERNALIP",
    "-A PREROUTING -j OVN-KUBE-NODEPORT",
    "-A OUTPUT -j OVN-KUBE-EXTERNALIP",
    "-A OUTPUT -j OVN-KUBE-NODEPORT",
    "-A OUTPUT -j OVN-KUBE-ITP",
    "-A POSTROUTING -j OVN-KUBE-EGRESS-IP-MULTI-NIC",
    "-A POSTROUTING -j OVN-KUBE-EGRESS-SVC",
    `-A POSTROUTING -o ${mp} -j OVN-KUBE-SNAT-MGMTPORT`,
    `-A POSTROUTING -s ${m.ovn}/${len} -j MASQUERADE`,
    `-A POSTROUTING -s ${pods} -j MASQUERADE`,
    ...nat,
    "-A OVN-KUBE-EGRESS-SVC -m mark --mark 0x3f0 -m comment --comment DoNotSNAT -j RETURN",
    `-A OVN-KUBE-EGRESS-SVC -s ${address(d, "near", 1)}/${len} -m comment --comment "ns0/svc-0" -j SNAT --to-source ${address(d, "far", 0)}`,
    `-A OVN-KUBE-SNAT-MGMTPORT -o ${mp} -m comment --comment "OVN SNAT to Management Port" -j SNAT --to-source ${address(d, "own", 1)}`,
    "COMMIT",
    "*filter",
    ...["INPUT", "FORWARD", "OUTPUT"].map((c) => `:${c} ${c === "FORWARD" && d.random.chance(0.3) ? "DROP" : "ACCEPT"} [0:0]`),
    `-A FORWARD -d ${m.ovn}/${len} -j ACCEPT`,
    `-A FORWARD -s ${m.ovn}/${len} -j ACCEPT`,
    `-A FORWARD -d ${pods} -j ACCEPT`,
    `-A FORWARD -s ${pods} -j ACCEPT`,
    `-A FORWARD -o ${mp} -j ACCEPT`,
    `-A FORWARD -i ${mp} -j ACCEPT`,
    `-A FORWARD -i ${ex} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    "COMMIT",
  ].join("\n");
  return fromText(d, "ovn-kubernetes", tool, text);
}

export function ovnKubernetesNft(d: Draw): DrawnSet {
  const [, mp] = d.interfaces;
  const t = "inet ovn-kubernetes";
  const v = `v${d.version}`;
  const of = d.version === 6 ? "ip6" : "ip";
  const type = d.version === 6 ? "ipv6_addr" : "ipv4_addr";
  const m = masquerade(d);
  const pods = d.version === 6 ? "fd00:1::/64" : "10.1.0.0/24";
  const out = [
    `add table ${t}`,
    `add chain ${t} services-prerouting { type nat hook prerouting priority -100 ; }`,
    `add chain ${t} services-output { type nat hook output priority -100 ; }`,
    `add chain ${t} services-mark { type route hook output priority -150 ; }`,
    `add chain ${t} ovn-kube-local-gw-masq { type nat hook postrouting priority 101 ; }`,
    `add chain ${t} mgmtport-snat { type nat hook postrouting priority 100 ; }`,
    `add chain ${t} egress-services { type nat hook postrouting priority 100 ; }`,
    `add chain ${t} udn-bgp-drop { type filter hook forward priority 0 ; }`,
    ...["services", "services-etp", "services-etp-no-nodeport", "services-itp", "ovn-kube-pod-subnet-masq"].map(
      (c) => `add chain ${t} ${c}`,
    ),
    ...["nodeports", "nodeports-etp-local"].map(
      (x) => `add map ${t} ${x}-${v} { type inet_proto . inet_service : ${type} . inet_service ; }`,
    ),
    ...["external-ips", "external-ips-etp-local", "itp-services-to-redirect"].map(
      (x) =>
        `add map ${t} ${x}-${v} { type ${type} . inet_proto . inet_service : ${x.startsWith("itp") ? "inet_service" : `${type} . inet_service`} ; }`,
    ),
    `add set ${t} itp-services-to-mark-${v} { type ${type} . inet_proto . inet_service ; }`,
    `add set ${t} mgmtport-no-snat-nodeports { type inet_proto . inet_service ; }`,
    `add set ${t} mgmtport-no-snat-services-${v} { type ${type} . inet_proto . inet_service ; }`,
    `add map ${t} egress-service-snat-${v} { type ${type} : ${type} ; }`,
    `add element ${t} egress-service-snat-${v} { ${address(d, "near", 1)} : ${address(d, "own", 0)} }`,
  ];
  for (const s of services(d)) {
    const local = s.local && s.endpoints.length > 0;
    const add = (to: string, element: string) => out.push(`add element ${t} ${to} { ${element} }`);
    if (s.nodePort) {
      if (local) {
        add(`nodeports-etp-local-${v}`, `${s.proto} . ${s.nodePort} : ${m.local} . ${s.nodePort}`);
        add("mgmtport-no-snat-nodeports", `${s.proto} . ${s.nodePort}`);
      }
      add(`nodeports-${v}`, `${s.proto} . ${s.nodePort} : ${s.ip} . ${s.port}`);
    }
    if (s.external) {
      if (local) add(`external-ips-etp-local-${v}`, `${s.external} . ${s.proto} . ${s.port} : ${m.local} . ${s.nodePort || 32000}`);
      add(`external-ips-${v}`, `${s.external} . ${s.proto} . ${s.port} : ${s.ip} . ${s.port}`);
    }
    if (d.random.chance(0.25)) {
      add(`itp-services-to-redirect-${v}`, `${s.ip} . ${s.proto} . ${s.port} : ${s.endpoints[0]?.port ?? 8080}`);
      add(`itp-services-to-mark-${v}`, `${s.ip} . ${s.proto} . ${s.port}`);
    }
  }
  const rules = [
    ["services-prerouting", "jump services-etp"],
    ["services-prerouting", "jump services-etp-no-nodeport"],
    ["services-prerouting", "jump services"],
    ["services-output", "jump services"],
    ["services-output", "jump services-itp"],
    ["services-mark", `${of} daddr . meta l4proto . th dport @itp-services-to-mark-${v} meta mark set 0x1745ec`],
    ["services-etp", `fib daddr type local dnat ${of} addr . port to meta l4proto . th dport map @nodeports-etp-local-${v}`],
    ["services-etp", `dnat ${of} addr . port to ${of} daddr . meta l4proto . th dport map @external-ips-etp-local-${v}`],
    ["services", `fib daddr type local dnat ${of} addr . port to meta l4proto . th dport map @nodeports-${v}`],
    ["services", `dnat ${of} addr . port to ${of} daddr . meta l4proto . th dport map @external-ips-${v}`],
    ["services-itp", `meta l4proto { tcp, udp } redirect to : ${of} daddr . meta l4proto . th dport map @itp-services-to-redirect-${v}`],
    ["mgmtport-snat", `oifname != "${mp}" return`],
    ["mgmtport-snat", `meta nfproto ipv${d.version} ${of} saddr ${address(d, "own", 1)} return`],
    ["mgmtport-snat", `meta l4proto . th dport @mgmtport-no-snat-nodeports counter return`],
    ["mgmtport-snat", `${of} daddr . meta l4proto . th dport @mgmtport-no-snat-services-${v} counter return`],
    ["mgmtport-snat", `counter snat ${of} to ${address(d, "own", 1)}`],
    ["ovn-kube-local-gw-masq", `${of} saddr ${m.ovn} masquerade`],
    ["ovn-kube-local-gw-masq", "jump ovn-kube-pod-subnet-masq"],
    ["ovn-kube-pod-subnet-masq", `${of} saddr ${pods} masquerade`],
    ["egress-services", 'meta mark 0x3f0 return comment "DoNotSNAT"'],
    ["egress-services", `snat ${of} to ${of} saddr map @egress-service-snat-${v}`],
    ["udn-bgp-drop", `${of} daddr ${address(d, "far", 1)} counter drop`],
  ].map(([chain, text]) => `add rule ${t} ${chain} ${text}`);
  return fromText(d, "ovn-kubernetes", "nft", [...out, ...rules].join("\n"));
}
