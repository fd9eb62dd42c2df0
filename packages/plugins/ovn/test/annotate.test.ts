import type { Device, EvidenceLink, Fact, Rule } from "@plumbline/model";
import { FactStore, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin, { cookieCandidates, servicesOfLoadBalancers, tableOffsets } from "../src/index.js";

const BRIDGE = { kind: "bridge", host: "n1", name: "n1/br-int" } as Device;

/** Links of an OpenFlow line of br-int, one line each. */
function links(facts: FactStore, line: string, device = BRIDGE): string {
  const rule = { origin: { file: "flows", line: 1, text: line } } as Rule;
  const show = (l: EvidenceLink) =>
    [l.kind, l.name, l.uuid, l.stage, l.datapath && `on ${l.datapath}`, l.text, l.file && `${l.file}:${l.line}`]
      .filter(Boolean)
      .join(" | ");
  return plugin.annotator!(facts)(rule, device).map(show).join("\n");
}

function flow(host: string, text: string): Fact {
  return { kind: "ovs.flow", host, origin: { file: "flows", line: 1, text }, data: {} } as unknown as Fact;
}

const NB_LB = `_uuid               : 8d6bfd42-0f01-4252-9481-763812960c95
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="ns/web"}
name                : "Service_ns/web_TCP_cluster"
protocol            : tcp
vips                : {"192.0.2.100:80"="198.51.100.1:8080,198.51.100.2:8080"}

_uuid               : 65d0b704-d502-47d3-b5f3-dd35a5767ef4
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="ns/web"}
name                : "Service_ns/web_TCP_node_router_n2"
protocol            : tcp
vips                : {"192.0.2.100:80"=""}
`;
const ROUTERS = `_uuid               : 4fcff1cc-020c-40f7-8b6b-ee2c18e5d301
load_balancer       : []
load_balancer_group : [3dca08de-d063-417f-a72c-c9c649d8eae8]
name                : GR_n1

_uuid               : 5fcff1cc-020c-40f7-8b6b-ee2c18e5d301
load_balancer       : 65d0b704-d502-47d3-b5f3-dd35a5767ef4
load_balancer_group : []
name                : GR_n2
`;
const GROUPS = `_uuid               : 3dca08de-d063-417f-a72c-c9c649d8eae8
load_balancer       : [8d6bfd42-0f01-4252-9481-763812960c95]
name                : clusterLBGroup
`;
const DATAPATHS = `_uuid               : 776a0bb9-d810-49ac-b0fc-f133c8061b5a
external_ids        : {logical-router="4fcff1cc-020c-40f7-8b6b-ee2c18e5d301", name=GR_n1}
tunnel_key          : 8

_uuid               : 876a0bb9-d810-49ac-b0fc-f133c8061b5a
external_ids        : {logical-router="5fcff1cc-020c-40f7-8b6b-ee2c18e5d301", name=GR_n2}
tunnel_key          : 9
`;
const LFLOWS = `Datapath: "GR_n1" (776a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: ingress
  uuid=0x00aa9050, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80), action=(flags.force_snat_for_lb = 1; ct_lb_mark(backends=198.51.100.1:8080,198.51.100.2:8080; force_snat);)
Datapath: "GR_n1" (776a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: egress
  uuid=0x0808ee3f, table=3 (lr_out_snat        ), priority=33   , match=(ip && ip4.src == 198.51.100.1 && (!ct.trk || !ct.rpl)), action=(ct_snat(192.0.2.23);)
Datapath: "GR_n2" (876a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: ingress
  uuid=0x806f4e81, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80), action=(reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);};)
Datapath: "n1" (976a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: egress
  uuid=0x77ed3c7b, table=6 (ls_out_acl_eval    ), priority=2001 , match=(reg0[8] == 1 && (ip4 && tcp.dst == 8080 && outport == @a6557)), action=(reg8[16] = 1; next;)
`;
const NAT = `_uuid               : e50c890f-527c-4aa9-adb5-94da6ae7bf15
external_ip         : "192.0.2.23"
logical_ip          : "198.51.100.1"
type                : snat
`;
const ACL = `_uuid               : ca4317c2-ec55-4adc-8595-d17c8ea9be48
action              : allow-related
direction           : to-lport
external_ids        : {"k8s.ovn.org/name"="ns:allow-http", "k8s.ovn.org/owner-type"=NetworkPolicy}
match               : "ip4 && tcp.dst == 8080 && outport == @a6557"
name                : "NP:ns:allow-http:Ingress:0"
priority            : 1001
`;
const PORTS = `_uuid               : 66cfbee0-13c8-4e48-8106-06ca59093536
datapath            : 776a0bb9-d810-49ac-b0fc-f133c8061b5a
logical_port        : ns_web-1
mac                 : ["0a:58:0a:84:00:27 198.51.100.1"]
tunnel_key          : 3
type                : ""
`;
const SWITCH_PORTS = `_uuid               : 76cfbee0-13c8-4e48-8106-06ca59093536
external_ids        : {namespace=ns, pod="true"}
name                : ns_web-1
`;

function cluster(): FactStore {
  const { facts, problems } = readFiles([plugin], {
    "ovn/ovn-nbctl_list_Load_Balancer": NB_LB,
    "ovn/ovn-nbctl_list_Logical_Router": ROUTERS,
    "ovn/ovn-nbctl_list_Load_Balancer_Group": GROUPS,
    "ovn/ovn-nbctl_list_NAT": NAT,
    "ovn/ovn-nbctl_list_ACL": ACL,
    "ovn/ovn-nbctl_list_Logical_Switch_Port": SWITCH_PORTS,
    "ovn/ovn-sbctl_list_Datapath_Binding": DATAPATHS,
    "ovn/ovn-sbctl_list_Port_Binding": PORTS,
    "ovn/ovn-sbctl_--uuid_lflow-list": LFLOWS,
  });
  expect(problems).toEqual([]);
  facts.add(flow("n1", "cookie=0x808ee3f, table=48, priority=33,ip,metadata=0x8,nw_src=198.51.100.1 actions=drop"));
  facts.add(flow("n1", "cookie=0xaa9050, table=17, priority=120,tcp,metadata=0x8 actions=drop"));
  return facts;
}

test("a load balancer's flow: the row its router uses, the Service; the same address on another router is another row", () => {
  const facts = cluster();
  expect(
    links(facts, "cookie=0xaa9050, table=17, priority=120,tcp,metadata=0x8,nw_dst=192.0.2.100,tp_dst=80 actions=group:1"),
  ).toMatchInlineSnapshot(`
    "lflow | 00aa9050 | lr_in_dnat | on GR_n1 | ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80 -> flags.force_snat_for_lb = 1; ct_lb_mark(backends=198.51.100.1:8080,198.51.100.2:8080; force_snat); | ovn/ovn-sbctl_--uuid_lflow-list:2
    load_balancer | Service_ns/web_TCP_cluster | 8d6bfd42-0f01-4252-9481-763812960c95 | 192.0.2.100:80 -> 198.51.100.1:8080,198.51.100.2:8080 | ovn/ovn-nbctl_list_Load_Balancer:1
    service | ns/web | 192.0.2.100:80/tcp"
  `);
  expect(
    links(facts, "cookie=0x806f4e81, table=17, priority=120,tcp,metadata=0x9,nw_dst=192.0.2.100,tp_dst=80 actions=drop"),
  ).toMatchInlineSnapshot(`
    "lflow | 806f4e81 | lr_in_dnat | on GR_n2 | ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);}; | ovn/ovn-sbctl_--uuid_lflow-list:6
    load_balancer | Service_ns/web_TCP_node_router_n2 | 65d0b704-d502-47d3-b5f3-dd35a5767ef4 | 192.0.2.100:80 -> no backend: rejects | ovn/ovn-nbctl_list_Load_Balancer:7
    service | ns/web | 192.0.2.100:80/tcp"
  `);
});

test("NAT, ACL with its policy, a pod's port", () => {
  const facts = cluster();
  expect(links(facts, "cookie=0x808ee3f, table=48, priority=33,ip,metadata=0x8,nw_src=198.51.100.1 actions=drop")).toMatchInlineSnapshot(`
    "lflow | 0808ee3f | lr_out_snat | on GR_n1 | ip && ip4.src == 198.51.100.1 && (!ct.trk || !ct.rpl) -> ct_snat(192.0.2.23); | ovn/ovn-sbctl_--uuid_lflow-list:4
    nat | snat 198.51.100.1 192.0.2.23 | e50c890f-527c-4aa9-adb5-94da6ae7bf15 | ovn/ovn-nbctl_list_NAT:1"
  `);
  expect(
    links(facts, "cookie=0x77ed3c7b, table=51, priority=2001,tcp,metadata=0x4,tp_dst=8080 actions=resubmit(,52)"),
  ).toMatchInlineSnapshot(`
    "lflow | 77ed3c7b | ls_out_acl_eval | on n1 | reg0[8] == 1 && (ip4 && tcp.dst == 8080 && outport == @a6557) -> reg8[16] = 1; next; | ovn/ovn-sbctl_--uuid_lflow-list:8
    acl | ns:allow-http | ca4317c2-ec55-4adc-8595-d17c8ea9be48 | to-lport 1001 ip4 && tcp.dst == 8080 && outport == @a6557 allow-related | ovn/ovn-nbctl_list_ACL:1
    network_policy | ns/allow-http"
  `);
  expect(links(facts, "cookie=0x66cfbee0, table=65, priority=100,reg15=0x3,metadata=0x8 actions=output:5")).toMatchInlineSnapshot(`
    "port_binding | ns_web-1 | 66cfbee0-13c8-4e48-8106-06ca59093536 | on GR_n1 | 0a:58:0a:84:00:27 198.51.100.1 | ovn/ovn-sbctl_list_Port_Binding:1
    pod | ns/web-1"
  `);
});

test("a table that fits no candidate, a cookie of nobody, another device", () => {
  const facts = cluster();
  expect(links(facts, "cookie=0xaa9050, table=16, metadata=0x8 actions=drop")).toBe("");
  expect(links(facts, "cookie=0xdeff105, table=0, priority=0 actions=NORMAL")).toBe("");
  expect(links(facts, "cookie=0xaa9050, table=17 actions=drop", { ...BRIDGE, kind: "host" })).toBe("");
  // Behind both pipelines stand flows that a logical flow taught the switch.
  expect(links(facts, "cookie=0xaa9050, table=78, metadata=0x8 actions=drop")).toContain("lr_in_dnat");
});

test("offsets: counted from the dump, else told by the stages' numbers, else assumed", () => {
  const facts = cluster();
  expect(tableOffsets(facts, "n1")).toEqual({ ingress: 8, egress: 45, how: "counted" });
  const { facts: old } = readFiles([plugin], {
    "ovn/ovn-sbctl_lflow-list": `Datapath: "r" (776a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: ingress
  table=7 (lr_in_dnat         ), priority=0    , match=(1), action=(next;)
`,
  });
  expect(tableOffsets(old, "n1")).toEqual({ ingress: 8, egress: 42, how: "stages" });
  expect(tableOffsets(new FactStore(), "n1")).toEqual({ ingress: 8, egress: 45, how: "assumed" });
});

test("candidates of a cookie, and load balancers by Service", () => {
  const facts = cluster();
  const c = cookieCandidates(facts, 0xaa9050n, "n1");
  expect([c.zone?.host, c.lflows.map((l) => l.stage), c.rows]).toEqual(["", ["lr_in_dnat"], []]);
  expect(cookieCandidates(facts, 1n << 40n, "n1").lflows).toEqual([]);
  expect([...servicesOfLoadBalancers(facts)].map(([s, lbs]) => `${s}: ${lbs.length}`)).toEqual(["ns/web: 2"]);
});

test("a row of Logical_Flow joins the listed flow and tells its full UUID and origin", () => {
  const { facts } = readFiles([plugin], {
    "ovn/ovn-sbctl_--uuid_lflow-list": LFLOWS,
    "ovn/ovn-nbctl_list_Load_Balancer": NB_LB,
    "ovn/ovsdb-client_-f_json_dump_OVN_Southbound": `${JSON.stringify({
      caption: "Logical_Flow table",
      headings: ["_uuid", "actions", "external_ids", "logical_datapath", "logical_dp_group", "match", "pipeline", "priority", "table_id"],
      data: [
        [
          ["uuid", "806f4e81-0000-4000-8000-000000000001"],
          "reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);};",
          [
            "map",
            [
              ["stage-name", "lr_in_dnat"],
              ["stage-hint", "65d0b704"],
            ],
          ],
          ["uuid", "876a0bb9-d810-49ac-b0fc-f133c8061b5a"],
          ["set", []],
          "ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80",
          "ingress",
          120,
          9,
        ],
      ],
    })}\n`,
  });
  // Which router uses which row is not in evidence here: the hint chooses.
  expect(links(facts, "cookie=0x806f4e81, table=17, priority=120,tcp,metadata=0x9 actions=drop")).toMatchInlineSnapshot(`
    "lflow | 806f4e81-0000-4000-8000-000000000001 | lr_in_dnat | on GR_n2 | ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.100 && tcp && tcp.dst == 80 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);}; | ovn/ovn-sbctl_--uuid_lflow-list:6
    load_balancer | Service_ns/web_TCP_node_router_n2 | 65d0b704-d502-47d3-b5f3-dd35a5767ef4 | 192.0.2.100:80 -> no backend: rejects | ovn/ovn-nbctl_list_Load_Balancer:7
    service | ns/web | 192.0.2.100:80/tcp"
  `);
});

test("the least that people paste: one flow of each kind", () => {
  const { facts, problems } = readFiles([plugin], {
    "node-1/ovn-sbctl_--uuid_lflow-list.txt": `uuid=0x93f7000bc19e7616196191...
        table=13(ls_in_lb), priority=120, match=(ct.new && ip4.dst == 198.51.100.4 && tcp.dst == 80), action=(reg4 = 198.51.100.4; ct_lb_mark(backends=192.0.2.1:80,192.0.2.2:80);)
`,
  });
  facts.add({
    kind: "k8s.service",
    host: "",
    origin: { file: "svc.yaml", line: 1, text: "" },
    data: {
      name: "web",
      namespace: "ns",
      type: "LoadBalancer",
      clusterIPs: ["198.51.100.4"],
      externalIPs: [],
      vips: [],
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
      ports: [{ name: "", protocol: "TCP", port: 80, targetPort: "80", nodePort: 0 }],
      selector: {},
    },
  });
  expect(problems).toEqual([]);
  const line =
    "cookie=0x93f7000b, table=21, priority=120,ct_state=+new+trk,tcp,metadata=0x2,nw_dst=198.51.100.4,tp_dst=80 actions=group:133";
  expect(links(facts, line, { ...BRIDGE, host: "node-1" })).toMatchInlineSnapshot(`
    "lflow | 93f7000b | ls_in_lb | ct.new && ip4.dst == 198.51.100.4 && tcp.dst == 80 -> reg4 = 198.51.100.4; ct_lb_mark(backends=192.0.2.1:80,192.0.2.2:80); | node-1/ovn-sbctl_--uuid_lflow-list.txt:2
    load_balancer | 198.51.100.4:80 | 198.51.100.4:80 -> 192.0.2.1:80,192.0.2.2:80
    service | ns/web | 198.51.100.4:80/tcp"
  `);
});
