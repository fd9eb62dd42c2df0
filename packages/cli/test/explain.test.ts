/** `explain` on a small cluster: two nodes, one Service of policy Local, of which the second node lost a flow; and on real dumps, where they are. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNetwork, type Explanation, explain, loadSnapshot } from "@plumbline/engine";
import { afterAll, expect, test } from "vitest";
import { PLUGINS } from "../src/plugins.js";
import { renderExplanation } from "../src/render/explain.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-explain-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const OBJECTS = `apiVersion: v1
kind: Node
metadata: {name: n1, labels: {kubernetes.io/hostname: n1}}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2, labels: {kubernetes.io/hostname: n2}}
status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIP: 172.30.0.9
  externalTrafficPolicy: Local
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 8080, nodePort: 30080}]
  selector: {app: web}
status: {loadBalancer: {ingress: [{ip: 203.0.113.7}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- {addresses: [10.1.1.5], conditions: {ready: true}, nodeName: n1}
ports: [{name: http, port: 8080, protocol: TCP}]
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: outside, namespace: metallb}
spec: {addresses: [203.0.113.0-203.0.113.9]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all, namespace: metallb}
spec: {ipAddressPools: [outside]}
`;

const BALANCERS = `_uuid               : 11111111-0000-4000-8000-000000000001
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="shop/web"}
name                : "Service_shop/web_TCP_node_router_n1"
options             : {reject="true"}
protocol            : tcp
vips                : {"203.0.113.7:80"="10.1.1.5:8080"}

_uuid               : 22222222-0000-4000-8000-000000000002
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="shop/web"}
name                : "Service_shop/web_TCP_node_router_n2"
options             : {reject="true"}
protocol            : tcp
vips                : {"203.0.113.7:80"=""}
`;
const ROUTERS = `_uuid               : 33333333-0000-4000-8000-000000000001
load_balancer       : [11111111-0000-4000-8000-000000000001]
load_balancer_group : []
name                : GR_n1

_uuid               : 33333333-0000-4000-8000-000000000002
load_balancer       : [22222222-0000-4000-8000-000000000002]
load_balancer_group : []
name                : GR_n2
`;
const LFLOWS = `Datapath: "GR_n1" (44444444-0000-4000-8000-000000000001)  Pipeline: ingress
  uuid=0x00aa9050, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80), action=(ct_lb_mark(backends=10.1.1.5:8080);)
Datapath: "GR_n2" (44444444-0000-4000-8000-000000000002)  Pipeline: ingress
  uuid=0x806f4e81, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80), action=(reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);};)
`;
const flows = (lines: string[]) => `NXST_FLOW reply (xid=0x4):\n${lines.map((l) => ` cookie=${l}\n`).join("")}`;
const head = "duration=9.5s, table=";
const counts = "n_packets=1, n_bytes=64, idle_age=3, ";
const BR_EX = (mac: string) => [
  `0xa97c256dd97418b0, ${head}0, ${counts}priority=110,tcp,in_port=1,nw_dst=203.0.113.7,tp_dst=80 actions=output:2`,
  `0xa97c256dd97418b0, ${head}0, ${counts}priority=110,tcp,in_port=2,dl_src=${mac},nw_src=203.0.113.7,tp_src=80 actions=output:1`,
  `0xdeff105, ${head}0, ${counts}priority=100,ip,in_port=1 actions=LOCAL`,
  `0xdeff105, ${head}0, ${counts}priority=0 actions=drop`,
];
const IPTABLES = `*nat
:PREROUTING ACCEPT [0:0]
:OVN-KUBE-EXTERNALIP - [0:0]
-A PREROUTING -j OVN-KUBE-EXTERNALIP
-A OVN-KUBE-EXTERNALIP -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.9:80
COMMIT
`;
const FILES: Record<string, string> = {
  "objects.yaml": OBJECTS,
  "ovn/ovn-nbctl_list_Load_Balancer": BALANCERS,
  "ovn/ovn-nbctl_list_Logical_Router": ROUTERS,
  "ovn/ovn-sbctl_--uuid_lflow-list": LFLOWS,
  "n1/ovs/ovs-ofctl_dump-flows_br-ex": flows(BR_EX("02:00:00:00:00:01")),
  // The way in of the Service is gone here.
  "n2/ovs/ovs-ofctl_dump-flows_br-ex": flows(BR_EX("02:00:00:00:00:02").slice(1)),
  "n1/ovs/ovs-ofctl_dump-flows_br-int": flows([
    `0xaa9050, ${head}17, ${counts}priority=120,ct_state=+new-rel+trk,tcp,metadata=0x8,nw_dst=203.0.113.7,tp_dst=80 actions=group:7`,
  ]),
  "n1/ovs/ovs-ofctl_dump-groups_br-int":
    "NXST_GROUP_DESC reply (xid=0x2):\n group_id=7,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=18,zone=NXM_NX_REG11[0..15],nat(dst=10.1.1.5:8080))\n",
  "n2/ovs/ovs-ofctl_dump-flows_br-int": flows([
    `0x806f4e81, ${head}17, ${counts}priority=120,ct_state=+new-rel+trk,tcp,metadata=0x9,nw_dst=203.0.113.7,tp_dst=80 actions=drop`,
  ]),
  "n1/iptables-save": IPTABLES,
  "n2/iptables-save": IPTABLES,
  "router/vtysh_show_ip_bgp": `BGP table version is 4, local router ID is 192.0.2.254, vrf id 0
Default local pref 100, local AS 64512

   Network          Next Hop            Metric LocPrf Weight Path
*>i203.0.113.7/32   192.0.2.1                0    100      0 i
`,
};

const loaded = (async () => {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const snapshot = await loadSnapshot(root, { plugins: PLUGINS, overlays: [] });
  return { snapshot, built: buildNetwork(snapshot.facts, snapshot.plugins) };
})();

type Kind = Parameters<typeof explain>[2]["kind"];
async function ask(kind: Kind, name: string, table?: number): Promise<Explanation> {
  const { snapshot, built } = await loaded;
  return explain(snapshot, built, { kind, name, ...(table === undefined ? {} : { table }) });
}
/** The text, but for what would show what else to collect. */
function shown(x: Explanation): string {
  return renderExplanation({ ...x, missing: [] }, { colour: false, width: 200 }, { all: false });
}
const asked = async (kind: Kind, name: string, table?: number) => shown(await ask(kind, name, table));
async function refused(kind: Kind, name: string): Promise<string> {
  const error = await ask(kind, name).then(
    () => undefined,
    (e: Error & { hint: string }) => e,
  );
  return error ? `${error.message} ${error.hint}` : "an answer";
}

test("a Service: what there is, what a node lacks, and what it rightly lacks", async () => {
  expect(await asked("service", "shop/web")).toMatchInlineSnapshot(`
    "Service shop/web: VIP 203.0.113.7:80/tcp, cluster IP 172.30.0.9:80/tcp, node port 30080/tcp; 1 endpoint, 1 ready.
    24 pieces of evidence; 1 thing that a node lacks or has without a reason.

    what is not alike on all nodes
      odd  br-ex: n2 lacks what n1 has
          table 0: 203.0.113.7:80/tcp  n1/ovs/ovs-ofctl_dump-flows_br-ex:2
      expected  bgp: n2 lacks what n1 has (as it should be: externalTrafficPolicy is Local and no ready endpoint is on n2)
          router has a path to 203.0.113.7 by it  router/vtysh_show_ip_bgp:5
      expected  br-int: the nodes differ (as it should be: externalTrafficPolicy is Local and no ready endpoint is on n2)
          lr_in_dnat: 203.0.113.7:80/tcp: translates to an endpoint on n1; nothing on n2  n1/ovs/ovs-ofctl_dump-flows_br-int:2
      expected  load-balancers: the nodes differ (as it should be: externalTrafficPolicy is Local and no ready endpoint is on n2)
          gateway router has 203.0.113.7:80/tcp: backends on n1; no backend on n2  ovn/ovn-nbctl_list_Load_Balancer:1
      expected  logical: the nodes differ (as it should be: externalTrafficPolicy is Local and no ready endpoint is on n2)
          lr_in_dnat (gateway router) for 203.0.113.7:80/tcp: balances on n1; rejects on n2  ovn/ovn-sbctl_--uuid_lflow-list:2

    Service
      Service shop/web: type LoadBalancer, externalTrafficPolicy Local, internalTrafficPolicy Cluster, selector app=web  objects.yaml:11
      port http (TCP): VIP 203.0.113.7:80, cluster IP 172.30.0.9:80, node port 30080 -> target port 8080  objects.yaml:11
    cookies of its flows on the external bridge
      0xa97c256dd97418b0: VIP 203.0.113.7 port 80, FNV-1a-64 of "shopweb203.0.113.780"  objects.yaml:11
      0x2213d83b5341cd39: node port 30080/tcp, FNV-1a-64 of "shopwebtcp30080"  objects.yaml:11
      0xb841394177e3d353: node port 30080/tcp (IPv6), FNV-1a-64 of "shopwebtcp630080"  objects.yaml:11

    endpoints
      10.1.1.5:8080 on n1, ready  objects.yaml:22

    MetalLB, 203.0.113.7
      IPAddressPool outside: 203.0.113.0-203.0.113.9  objects.yaml:30
      BGPAdvertisement all: all nodes; peers all  objects.yaml:35

    router: BGP paths to 203.0.113.7
      203.0.113.7/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5  node n1

    router: routes to its addresses
      203.0.113.7: *>i203.0.113.7/32 192.0.2.1 0 100 0 i (table main)  router/vtysh_show_ip_bgp:5  node n1

    n1: netfilter rules
      -A OVN-KUBE-EXTERNALIP -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.9:80  n1/iptables-save:5
    n2: netfilter rules
      -A OVN-KUBE-EXTERNALIP -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.9:80  n2/iptables-save:5

    n1: OpenFlow rules of br-ex
      table=0, priority=110,tcp,in_port=1,nw_dst=203.0.113.7,tp_dst=80 actions=output:2  n1/ovs/ovs-ofctl_dump-flows_br-ex:2
      table=0, priority=110,tcp,in_port=2,dl_src=02:00:00:00:00:01,nw_src=203.0.113.7,tp_src=80 actions=output:1  n1/ovs/ovs-ofctl_dump-flows_br-ex:3
    n2: OpenFlow rules of br-ex
      table=0, priority=110,tcp,in_port=2,dl_src=02:00:00:00:00:02,nw_src=203.0.113.7,tp_src=80 actions=output:1  n2/ovs/ovs-ofctl_dump-flows_br-ex:2

    n1: OpenFlow rules of br-int
      table=17, priority=120,ct_state=+new-rel+trk,tcp,metadata=0x8,nw_dst=203.0.113.7,tp_dst=80 actions=group:7  n1/ovs/ovs-ofctl_dump-flows_br-int:2  load balancer Service_shop/web_TCP_node_router_n1, lflow lr_in_dnat 00aa9050
    n2: OpenFlow rules of br-int
      table=17, priority=120,ct_state=+new-rel+trk,tcp,metadata=0x9,nw_dst=203.0.113.7,tp_dst=80 actions=drop  n2/ovs/ovs-ofctl_dump-flows_br-int:2  load balancer Service_shop/web_TCP_node_router_n2

    n1: OpenFlow groups of br-int
      group_id=7,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=18,zone=NXM_NX_REG11[0..15],nat(dst=10.1.1.5:8080))  n1/ovs/ovs-ofctl_dump-groups_br-int:2

    load balancers (northbound)
      Service_shop/web_TCP_node_router_n1 (tcp): 203.0.113.7:80 -> 10.1.1.5:8080; options reject=true; used by router GR_n1  ovn/ovn-nbctl_list_Load_Balancer:1
      Service_shop/web_TCP_node_router_n2 (tcp): 203.0.113.7:80 -> no backend: rejects; options reject=true; used by router GR_n2  ovn/ovn-nbctl_list_Load_Balancer:8
    its addresses, switch by switch and router by router
      router GR_n1: 203.0.113.7:80/tcp -> 10.1.1.5:8080  ovn/ovn-nbctl_list_Load_Balancer:1  load balancer Service_shop/web_TCP_node_router_n1
      router GR_n2: 203.0.113.7:80/tcp -> no backend: rejects  ovn/ovn-nbctl_list_Load_Balancer:8  load balancer Service_shop/web_TCP_node_router_n2

    logical flows
      00aa9050 lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel &&…7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2  load balancer Service_shop/web_TCP_node_router_n1
      806f4e81 lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n2: ct.new && !ct.rel &&…0; reject { outport <-> inport; next(pipeline=egress,table=3);};  ovn/ovn-sbctl_--uuid_lflow-list:4  load balancer Service_shop/web_TCP_node_router_n2"
  `);
});

test("a Service's differences as JSON", async () => {
  const x = await ask("service", "web");
  expect(x.question).toEqual({ kind: "service", service: "shop/web" });
  expect(
    x.differences.map((d) => `${d.verdict} ${d.layer}: ${d.lack.join(",") || "-"} ${JSON.stringify(d.values ?? "")}`),
  ).toMatchInlineSnapshot(`
    [
      "expected bgp: n2 """,
      "odd br-ex: n2 """,
      "expected br-int: - {"translates to an endpoint":["n1"],"":["n2"]}",
      "expected load-balancers: - {"backends":["n1"],"no backend":["n2"]}",
      "expected logical: - {"balances":["n1"],"rejects":["n2"]}",
    ]
  `);
  expect(JSON.parse(JSON.stringify(x))).toEqual(x);
});

test("cookies: of a logical flow, of a Service, a constant, none, and nothing", async () => {
  expect(await asked("cookie", "0xaa9050", 17)).toMatchInlineSnapshot(`
    "0xaa9050 stands for logical flow 00aa9050, of Service shop/web.
    1 rule carries it in table 17, on 1 host.

    southbound rows whose UUID begins with it
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2
          load balancer Service_shop/web_TCP_node_router_n1 11111111-0000-4000-8000-000000000001: 203.0.113.7:80 -> 10.1.1.5:8080  ovn/ovn-nbctl_list_Load_Balancer:1
          service shop/web: 203.0.113.7:80/tcp

    n1: br-int, table 17
      table=17, priority=120,ct_state=+new-rel+trk,tcp,metadata=0x8,nw_dst=203.0.113.7,tp_dst=80 actions=group:7  n1/ovs/ovs-ofctl_dump-flows_br-int:2  service shop/web, load balancer Service_shop/web_TCP_node_router_n1, lflow lr_in_dnat 00aa9050"
  `);
  expect(await asked("cookie", "0xaa9050", 21)).toMatchInlineSnapshot(`
    "0xaa9050 stands for nothing that would be in this table.
    No rule of this snapshot carries it in table 21.

    southbound rows whose UUID begins with it
      not in table 21: logical flow 00aa9050 of lr_in_dnat stands in OpenFlow table 17"
  `);
  expect(await asked("cookie", "0xa97c256dd97418b0")).toMatchInlineSnapshot(`
    "0xa97c256dd97418b0 stands for Service shop/web.
    3 rules carry it, on 2 hosts.

    cookie of the external bridge
      Service shop/web, VIP 203.0.113.7 port 80, FNV-1a-64 of "shopweb203.0.113.780"  objects.yaml:11
          service shop/web: VIP 203.0.113.7 port 80

    n1: br-ex, table 0
      table=0, priority=110,tcp,in_port=1,nw_dst=203.0.113.7,tp_dst=80 actions=output:2  n1/ovs/ovs-ofctl_dump-flows_br-ex:2  service shop/web
      table=0, priority=110,tcp,in_port=2,dl_src=02:00:00:00:00:01,nw_src=203.0.113.7,tp_src=80 actions=output:1  n1/ovs/ovs-ofctl_dump-flows_br-ex:3  service shop/web
    n2: br-ex, table 0
      table=0, priority=110,tcp,in_port=2,dl_src=02:00:00:00:00:02,nw_src=203.0.113.7,tp_src=80 actions=output:1  n2/ovs/ovs-ofctl_dump-flows_br-ex:2  service shop/web"
  `);
  expect(await asked("cookie", "0xdeff105")).toMatchInlineSnapshot(`
    "0xdeff105 stands for the default flows that OVN-Kubernetes puts on the external bridge (a constant; they belong to no Service).
    4 rules carry it, on 2 hosts.

    cookie of the external bridge
      the default flows that OVN-Kubernetes puts on the external bridge (a constant; they belong to no Service)

    n1: br-ex, table 0
      table=0, priority=100,ip,in_port=1 actions=LOCAL  n1/ovs/ovs-ofctl_dump-flows_br-ex:4
      table=0, priority=0 actions=drop  n1/ovs/ovs-ofctl_dump-flows_br-ex:5
    n2: br-ex, table 0
      table=0, priority=100,ip,in_port=1 actions=LOCAL  n2/ovs/ovs-ofctl_dump-flows_br-ex:3
      table=0, priority=0 actions=drop  n2/ovs/ovs-ofctl_dump-flows_br-ex:4"
  `);
  expect(await asked("cookie", "0x1234")).toMatchInlineSnapshot(`
    "0x1234 stands for nothing in this snapshot: no southbound row's UUID begins with it.
    No rule of this snapshot carries it."
  `);
  expect(await asked("cookie", "0x123456789abcdef0")).toMatchInlineSnapshot(`
    "0x123456789abcdef0 stands for nothing in this snapshot: it is the hash of no address or node port of the Services known here (1). The Service may be gone (a stale flow) or not in evidence.
    No rule of this snapshot carries it."
  `);
  expect(await asked("cookie", "0")).toMatchInlineSnapshot(`
    "0x0 is no cookie: rules that were made without one carry it.
    No rule of this snapshot carries it."
  `);
  // The UUID that a row has, and all its digits behind 0x.
  expect((await ask("cookie", "00aa9050-1234-4000-8000-000000000001")).question).toEqual({ kind: "cookie", cookie: "0xaa9050" });
  expect((await ask("cookie", "0x93f7000bc19e7616196191")).question).toEqual({ kind: "cookie", cookie: "0x93f7000b" });
});

test("routes for a prefix", async () => {
  expect(await asked("route", "203.0.113.7")).toMatchInlineSnapshot(`
    "203.0.113.7/32: 1 host of 3 has a route that covers it; 0 routes lie inside it.
    Whether one does is not in evidence on n1, n2.
    203.0.113.7/32: to be announced by n1; what is announced is not in evidence.

    203.0.113.7/32: desired, announced, received, selected, installed
      n1: desired yes (unknown)  objects.yaml:35
      n2: desired no (unknown)  objects.yaml:11
      n1, desired yes: Service shop/web: 203.0.113.7 of shop/web, IPAddressPool outside, BGPAdvertisement all  objects.yaml:35
      n2, desired no: Service shop/web: externalTrafficPolicy of shop/web is Local, and no endpoint on n2 can serve  objects.yaml:11

    router: BGP paths
      203.0.113.7/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5  node n1

    router: the kernel's routes
      policy rule to table main (ip rule is not in evidence; the kernel's own rules are taken)
      table main, covers it: *>i203.0.113.7/32 192.0.2.1 0 100 0 i (the BGP table's best paths; neither the router's routes nor the kernel's are in evidence); next hop 192.0.2.1 is n1  router/vtysh_show_ip_bgp:5  service shop/web
      only a part of route table main is in evidence (ip route show table all)
    n1: the kernel's routes
      its routes are not in evidence (ip route show table all)
    n2: the kernel's routes
      its routes are not in evidence (ip route show table all)"
  `);
});

test("a rule: in words, in the pipeline's, and what stands before it", async () => {
  expect(await asked("rule", "n1/ovs/ovs-ofctl_dump-flows_br-ex:4")).toMatchInlineSnapshot(`
    "n1/ovs/ovs-ofctl_dump-flows_br-ex:4 is 1 rule of the network: openflow 0 of n1/br-ex.

    n1/br-ex: openflow 0, priority 100, cookie 0xdeff105
      table=0, priority=100,ip,in_port=1 actions=LOCAL
      when
        came in by port 1, IPv4
      then
        outputs to br-ex (port 65534)
      as the pipeline has it: in_port=1,eth_type=0x800 -> {output 65534}
      looked at before it, and some of the same packets: 1 rule
        priority 110: table=0, priority=110,tcp,in_port=1,nw_dst=203.0.113.7,tp_dst=80 actions=output:2  n1/ovs/ovs-ofctl_dump-flows_br-ex:2"
  `);
  expect(await asked("rule", "n1/iptables-save:5")).toMatchInlineSnapshot(`
    "n1/iptables-save:5 is 1 rule of the network: netfilter nat OVN-KUBE-EXTERNALIP of n1.

    n1: netfilter nat OVN-KUBE-EXTERNALIP, rule 1
      -A OVN-KUBE-EXTERNALIP -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.0.9:80
      when
        IPv4, TCP, ip_frag 0x0/0x2, destination 203.0.113.7, destination port 80
      then
        translates the destination of a new connection to 172.30.0.9 port 80
        goes to host entry
      as the pipeline has it: eth_type=0x800,ip_proto=6,ip_frag=0x0/0x2,ip_dst=203.0.113.7,tp_dst=80 -> {nat dst 2887647241:80; goto 42 unwind}
      stands for
        service shop/web: VIP 203.0.113.7 port 80
        service shop/web: cluster IP 172.30.0.9 port 80"
  `);
  expect(await asked("rule", "ovs-ofctl_dump-groups_br-int:2")).toMatchInlineSnapshot(`
    "n1/ovs/ovs-ofctl_dump-groups_br-int:2 is no rule of the network. What it is:

    n1: OpenFlow group
      group 7 of br-int: type select, chosen by dp_hash, 1 bucket  n1/ovs/ovs-ofctl_dump-groups_br-int:2
      bucket 0 (100 %): ct(commit,table=18,zone=NXM_NX_REG11[0..15],nat(dst=10.1.1.5:8080))  n1/ovs/ovs-ofctl_dump-groups_br-int:2"
  `);
  expect(await asked("rule", "objects.yaml:16")).toMatchInlineSnapshot(`
    "objects.yaml:16 is no rule of the network. What it is:

    the last Kubernetes object that begins at or before it
      Service shop/web  objects.yaml:11"
  `);
});

test("what cannot be answered says what could be asked", async () => {
  expect([
    await refused("service", "shop/wbe"),
    await refused("cookie", "0xnothing"),
    await refused("route", "203.0.113"),
    await refused("rule", "n1/iptables-save"),
    await refused("rule", "n1/iptables-save:1"),
    await refused("rule", "iptables-save:5"),
    await refused("rule", "n9/iptables-save:5"),
  ]).toMatchInlineSnapshot(`
    [
      "there is no Service 'shop/wbe' in this snapshot. Services: shop/web.",
      "'0xnothing' is not a cookie. Write it as a flow dump does: 0x93f7000b (up to 16 hex digits), or give the UUID of a southbound row.",
      "'203.0.113' is not a prefix. Write it as 192.0.2.0/24, 2001:db8::/32, an address alone, or 'default' (::/0 for IPv6).",
      "'n1/iptables-save' is not FILE:LINE. Give a file of the snapshot and a line of it, as a trace prints them.",
      "no rule stands at n1/iptables-save:1. Lines near it that have one: 4, 5.",
      "several files are called iptables-save. Files: n1/iptables-save, n2/iptables-save.",
      "n9/iptables-save is no file of this snapshot that was read. Files: n1/iptables-save, n2/iptables-save.",
    ]
  `);
});

const SHARED = process.env["PLUMBLINE_SHARED"] ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
const LAB = join(SHARED, "fixtures/lab");
const here = existsSync(LAB);
if (!here) console.warn(`SKIPPED: no lab dumps at ${LAB} (set PLUMBLINE_SHARED)`);

for (const set of ["local", "ic-cluster"])
  test.skipIf(!here)(
    `${set}: every cookie resolves, every flow that carries it is found, no healthy node lacks anything`,
    async () => {
      const snapshot = await loadSnapshot(join(LAB, set), { plugins: PLUGINS, overlays: [] });
      const built = buildNetwork(snapshot.facts, snapshot.plugins);
      const nameless: string[] = [];
      const miscounted: string[] = [];
      let asked = 0;
      for (const host of readdirSync(join(LAB, set)).filter((h) => existsSync(join(LAB, set, h, "ovs"))))
        for (const bridge of ["br-int", "br-ex"]) {
          const carried = new Map<string, number>();
          const text = readFileSync(join(LAB, set, host, "ovs", `ovs-ofctl_-O_OpenFlow15_dump-flows_${bridge}`), "utf8");
          for (const m of text.matchAll(/cookie=(0x[0-9a-f]+), .*?table=(\d+)/g))
            carried.set(`${m[1]} ${m[2]}`, (carried.get(`${m[1]} ${m[2]}`) ?? 0) + 1);
          for (const [key, count] of carried) {
            const [name, table] = key.split(" ");
            // ovn-controller's own flows (physical.c) carry no cookie.
            if (name === "0x0") continue;
            asked++;
            const x = explain(snapshot, built, { kind: "cookie", name: name!, table: Number(table) });
            const [found, stood] = [
              x.sections.filter((s) => s.layer === "occurrences"),
              x.sections.filter((s) => s.layer !== "occurrences"),
            ];
            if (!stood.some((s) => s.items.some((i) => i.links.length > 0))) nameless.push(`${host} ${bridge} ${key}`);
            if (found.find((s) => s.host === host && s.title.startsWith(`${bridge},`))?.items.length !== count)
              miscounted.push(`${host} ${bridge} ${key}`);
          }
        }
      expect(asked).toBeGreaterThan(1000);
      expect(nameless).toEqual([]);
      expect(miscounted).toEqual([]);
      for (const service of snapshot.facts.all("k8s.service")) {
        const x = explain(snapshot, built, { kind: "service", name: `${service.data.namespace}/${service.data.name}` });
        expect(x.differences.filter((d) => d.verdict === "odd")).toEqual([]);
      }
    },
    60_000,
  );
