/** A few pasted outputs, as a report on a problem has them, through all plugins: the answer says how far they reach. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { trace } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { lookOf } from "../src/render/style.js";
import { renderTrace } from "../src/render/trace.js";
import { open } from "../src/session.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-partial-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), text);
  }
  return join(root, name);
}

/** Every node takes the Service's traffic: the BGP table, and of one node a rule, six logical flows, a flow and its group. */
const cluster = folder("cluster", {
  "router/vtysh_show_ip_bgp.txt": `BGP table version is 5, local router ID is 192.0.2.1, vrf id 0
    Network          Next Hop            Metric LocPrf Weight Path
*> 198.51.100.0/24  0.0.0.0                  0         32768 i
*=i203.0.113.9/32
                    192.0.2.13               0    100      0 i
*=i                 192.0.2.12               0    100      0 i
*>i                 192.0.2.11               0    100      0 i
`,
  "n1/iptables_-t_nat_-S.txt": "-A OVN-KUBE-EXTERNALIP -d 203.0.113.9/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.7:80\n",
  "n1/ovn-sbctl_lflow-list_GR_n1.txt": `table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.9 && tcp && tcp.dst == 80), action=(flags.force_snat_for_lb = 1; ct_lb_mark(backends=10.1.0.4:8080,10.2.0.5:8080; force_snat);)
table=3 (lr_out_snat        ), priority=110  , match=(flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoe-GR_n1"), action=(ct_snat(192.0.2.11);)
table=3 (lr_out_snat        ), priority=110  , match=(flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoj-GR_n1"), action=(ct_snat(100.64.0.2);)
`,
  "n1/ovn-sbctl_--uuid_lflow-list.txt": `uuid=0x12345678c19e7616...
        table=13(ls_in_lb), priority=120, match=(ct.new && ip4.dst == 172.30.0.7 && tcp.dst == 80), action=(ct_lb_mark(backends=10.1.0.4:8080,10.2.0.5:8080);)
`,
  "n1/ovs-ofctl_dump-flows_br-int.txt":
    "cookie=0x12345678, table=21, priority=120,ct_state=+new+trk,tcp,metadata=0x2,nw_dst=172.30.0.7,tp_dst=80 actions=group:7\n",
  "n1/ovs-ofctl_dump-groups_br-int.txt":
    "group_id=7,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=22,zone=NXM_NX_REG13[0..15],nat(dst=10.1.0.4:8080)),bucket=bucket_id:1,weight:100,actions=ct(commit,table=22,zone=NXM_NX_REG13[0..15],nat(dst=10.2.0.5:8080))\n",
});

/** Only nodes with a backend announce: the route table, a route as it was at another time, rules and load balancers of two nodes. */
const local = folder("local", {
  "router/vtysh_show_ip_route.txt": `Codes: K - kernel route, C - connected, S - static, B - BGP
C>* 198.51.100.0/24 is directly connected, eth1, 00:45:03
B>* 203.0.113.9/32 [200/0] via 192.0.2.12, eth0, weight 1, 00:00:08
  *                        via 192.0.2.13, eth0, weight 1, 00:00:08
C>* 192.0.2.0/24 is directly connected, eth0, 00:45:03
`,
  "router/vtysh_show_ip_route_203.0.113.9_32.txt": `Routing entry for 203.0.113.9/32
  Known via "static", distance 1, metric 0, best
  Last update 00:00:03 ago
  * 192.0.2.11, via eth0, weight 1
`,
  "n1/ovn-nbctl_find_load_balancer.txt": `name                : "Service_shop/web_TCP_node_switch_n1"
vips: {
    "203.0.113.9:80" : "10.1.0.4:8080,10.2.0.5:8080",
    "198.18.0.11:31111" : "10.1.0.4:8080,10.2.0.5:8080"
}
`,
  "n2/ovn-nbctl_find_load_balancer.txt": `name                : "Service_shop/web_TCP_node_switch_n2"
vips: {
    "169.254.0.3:31111" : "10.1.0.4:8080"
}
`,
  "n2/iptables_-t_nat_-S.txt": "-A OVN-KUBE-ETP -d 203.0.113.9/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 169.254.0.3:31111\n",
  "n2/ip_route_show.txt": "169.254.0.3 via 10.1.0.1 dev ovn-k8s-mp0\n",
});

/** What a trace says, one line each. */
async function told(snapshot: string, options: { overlays?: string[]; from?: string } = {}) {
  const session = await open(snapshot, options.overlays);
  const r = trace(session, "tcp 198.51.100.10:40000 > 203.0.113.9:80", options.from === undefined ? {} : { from: options.from });
  return {
    session,
    result: r,
    text: [
      `${r.verdict} from ${r.from}: ${r.start}`,
      ...r.branches.flatMap((b) => [
        `${Math.round(b.probability * 100)} % ${b.verdict} at ${b.node || "no node"}: ${b.reason}`,
        ...b.hops.flatMap((h) => (h.rule.file === "" ? [] : [`  ${h.certainty} ${h.device} ${h.stage} ${h.rule.file}:${h.rule.line}`])),
        ...(b.further ?? []).flatMap((h) => [
          `  then ${h.certainty} ${h.device} ${h.stage} ${h.rule.file}:${h.rule.line} -> ${h.changes.map((c) => c.after).join()}`,
          ...h.links
            .filter((l) => l.kind === "group" || l.stage === "lr_out_snat")
            .map((l) => `    ${l.kind} ${l.name ?? l.stage} ${l.file}:${l.line}`),
        ]),
        ...b.needs.map((n) => `  on ${n.on}: ${n.command}`),
      ]),
    ].join("\n"),
  };
}

test("policy Cluster: three next hops, one of them known by its gateway router", async () => {
  const { text, result } = await told(cluster);
  expect(text).toMatchInlineSnapshot(`
    "unknown from router:?: no host of the snapshot owns 198.51.100.10: it is assumed to arrive at router, by which interface is not in evidence
    33 % unknown at no node: which host has the next hop 192.0.2.13 is not in evidence
      inferred router fib main router/vtysh_show_ip_bgp.txt:4
      on router: ip route get 198.51.100.10
      on router: sysctl net.ipv4.ip_forward
      on router: ip neigh
      on cluster: oc get nodes -o wide
    33 % unknown at no node: which host has the next hop 192.0.2.12 is not in evidence
      inferred router fib main router/vtysh_show_ip_bgp.txt:4
      on router: ip route get 198.51.100.10
      on router: sysctl net.ipv4.ip_forward
      on router: ip neigh
      on cluster: oc get nodes -o wide
    33 % unknown at n1: only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not
      inferred router fib main router/vtysh_show_ip_bgp.txt:4
      then assumed n1 netfilter nat OVN-KUBE-EXTERNALIP n1/iptables_-t_nat_-S.txt:1 -> 172.30.0.7:80
      then assumed n1/GR_n1 logical lr_in_dnat n1/ovn-sbctl_lflow-list_GR_n1.txt:1 -> 10.1.0.4:8080,10.2.0.5:8080
        lflow lr_out_snat n1/ovn-sbctl_lflow-list_GR_n1.txt:3
        lflow lr_out_snat n1/ovn-sbctl_lflow-list_GR_n1.txt:2
      then assumed n1/logical flows logical ls_in_lb n1/ovn-sbctl_--uuid_lflow-list.txt:2 -> 10.1.0.4:8080,10.2.0.5:8080
      then assumed n1/br-int openflow 21 n1/ovs-ofctl_dump-flows_br-int.txt:1 -> 10.1.0.4:8080,10.2.0.5:8080
        group 7 n1/ovs-ofctl_dump-groups_br-int.txt:1
      on router: ip route get 198.51.100.10
      on router: sysctl net.ipv4.ip_forward
      on n1: ovs-ofctl -O OpenFlow15 dump-flows br-ex; ovs-vsctl show; ip addr; ip route show table all; iptables-save -c"
  `);
  // It can be printed.
  expect(renderTrace(result, lookOf({}, {}), { all: true })).toContain("what else speaks of this destination");
});

test("policy Local: two next hops, nobody in evidence has them; what the evidence denies is reported", async () => {
  const { text, session } = await told(local);
  expect(text).toMatchInlineSnapshot(`
    "unknown from router:eth1: no host of the snapshot owns 198.51.100.10: it comes from beyond router
    50 % unknown at no node: which host has the next hop 192.0.2.12 is not in evidence
      assumed router hook arrival router/vtysh_show_ip_route.txt:2
      inferred router fib main router/vtysh_show_ip_route.txt:3
      then assumed n2 netfilter nat OVN-KUBE-ETP n2/iptables_-t_nat_-S.txt:1 -> 169.254.0.3:31111
      then assumed n2 fib main n2/ip_route_show.txt:1 -> 
      then assumed n2/load balancers logical load balancer Service_shop/web_TCP_node_switch_n2 n2/ovn-nbctl_find_load_balancer.txt:1 -> 10.1.0.4:8080
      then assumed n1/load balancers logical load balancer Service_shop/web_TCP_node_switch_n1 n1/ovn-nbctl_find_load_balancer.txt:1 -> 10.1.0.4:8080,10.2.0.5:8080
      on router: iptables-save -c; nft -a list ruleset
      on router: sysctl net.ipv4.conf.eth1.forwarding
      on router: ip neigh
      on cluster: oc get nodes -o wide
    50 % unknown at no node: which host has the next hop 192.0.2.13 is not in evidence
      assumed router hook arrival router/vtysh_show_ip_route.txt:2
      inferred router fib main router/vtysh_show_ip_route.txt:3
      then assumed n2 netfilter nat OVN-KUBE-ETP n2/iptables_-t_nat_-S.txt:1 -> 169.254.0.3:31111
      then assumed n2 fib main n2/ip_route_show.txt:1 -> 
      then assumed n2/load balancers logical load balancer Service_shop/web_TCP_node_switch_n2 n2/ovn-nbctl_find_load_balancer.txt:1 -> 10.1.0.4:8080
      then assumed n1/load balancers logical load balancer Service_shop/web_TCP_node_switch_n1 n1/ovn-nbctl_find_load_balancer.txt:1 -> 10.1.0.4:8080,10.2.0.5:8080
      on router: iptables-save -c; nft -a list ruleset
      on router: sysctl net.ipv4.conf.eth1.forwarding
      on router: ip neigh
      on cluster: oc get nodes -o wide"
  `);
  expect(
    session.built.problems.filter((p) => p.severity === "warning").map((p) => `${p.file}:${p.line} ${p.message}`),
  ).toMatchInlineSnapshot(`
    [
      "router/vtysh_show_ip_route_203.0.113.9_32.txt:1 the route to 203.0.113.9/32 is static by 192.0.2.11 eth0 here, but bgp by 192.0.2.12 eth0, 192.0.2.13 eth0 at router/vtysh_show_ip_route.txt:3, which is used",
      "n1/ovn-nbctl_find_load_balancer.txt:1 load balancer Service_shop/web_TCP_node_switch_n1 has node ports on 198.18.0.11:31111, but no other evidence gives n1 such an address: the next hops to its virtual address are 192.0.2.11 (router/vtysh_show_ip_route_203.0.113.9_32.txt:1), 192.0.2.12 (router/vtysh_show_ip_route.txt:3), 192.0.2.13 (router/vtysh_show_ip_route.txt:3)",
      "n1/ovn-nbctl_find_load_balancer.txt:1 load balancer Service_shop/web_TCP_node_switch_n1 has no virtual address 169.254.0.3:31111, and that of n2 has it (n2/ovn-nbctl_find_load_balancer.txt:1): absent, not empty. A connection to it on n1 falls through the load balancer; only an empty virtual address refuses it (reject)",
    ]
  `);
});

test("Node objects laid over it tell whose the next hops are", async () => {
  const nodes = folder("objects", {
    "nodes.yaml": ["n1 192.0.2.11", "n2 192.0.2.12", "n3 192.0.2.13"]
      .map((n) => n.split(" "))
      .map(
        ([name, address]) =>
          `apiVersion: v1\nkind: Node\nmetadata:\n  name: ${name}\nstatus:\n  addresses:\n  - address: ${address}\n    type: InternalIP\n`,
      )
      .join("---\n"),
  });
  const { result, session } = await told(local, { overlays: [nodes], from: "router" });
  expect(result.branches.map((b) => `${b.node || "no node"}: ${b.reason}; ${(b.further ?? []).length} more`)).toMatchInlineSnapshot(`
    [
      "n2: only fragments of n2 are in evidence: what br-ex and the host's stack do with the packet is not; 3 more",
      "no node: the next hop 192.0.2.13 is Node n3, of which nothing is in evidence; 0 more",
    ]
  `);
  expect(session.built.problems.filter((p) => p.message.includes("node ports")).map((p) => p.message)).toMatchInlineSnapshot(`
    [
      "load balancer Service_shop/web_TCP_node_switch_n1 has node ports on 198.18.0.11:31111, but n1 has 192.0.2.11 (nodes.yaml:1)",
    ]
  `);
});

test("both states in one folder: taken together, and said so", async () => {
  const copied = (from: string, files: readonly string[]) =>
    Object.fromEntries(files.map((f) => [`${basename(from)}/${f}`, readFileSync(join(from, f), "utf8")]));
  const both = folder("both", {
    ...copied(cluster, ["router/vtysh_show_ip_bgp.txt", "n1/iptables_-t_nat_-S.txt"]),
    ...copied(local, ["router/vtysh_show_ip_route.txt", "n2/iptables_-t_nat_-S.txt"]),
  });
  const { result, session } = await told(both);
  expect(result.branches.map((b) => b.verdict)).toEqual(["unknown", "unknown"]);
  const warnings = [...session.snapshot.problems, ...session.built.problems].filter((p) => p.severity === "warning");
  expect(warnings.map((p) => `${p.file}: ${p.message}`)).toMatchInlineSnapshot(`
    [
      "cluster/router: evidence of router lies in cluster/router and local/router: it is taken together, though it may be of different states",
      "local/router/vtysh_show_ip_route.txt: router routes 203.0.113.9/32 to 192.0.2.12, 192.0.2.13, but its BGP table has 192.0.2.11, 192.0.2.12, 192.0.2.13 at cluster/router/vtysh_show_ip_bgp.txt:4: the two are of different states; the routes are used",
    ]
  `);
});
