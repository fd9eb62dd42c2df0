import type { ExplainSection, Fact, Question } from "@plumbline/model";
import { type FactStore, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const FILES = {
  "ovn/ovn-nbctl_list_Load_Balancer": `_uuid               : 11111111-0000-4000-8000-000000000001
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="shop/web"}
name                : "Service_shop/web_TCP_node_router_n1"
options             : {reject="true"}
protocol            : tcp
vips                : {"192.0.2.1:30080"="10.1.1.5:8080", "203.0.113.7:80"="10.1.1.5:8080"}

_uuid               : 22222222-0000-4000-8000-000000000002
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="shop/web"}
name                : "Service_shop/web_TCP_node_router_n2"
options             : {}
protocol            : tcp
vips                : {"203.0.113.7:80"=""}
`,
  "ovn/ovn-nbctl_list_Logical_Router": `_uuid               : 33333333-0000-4000-8000-000000000001
load_balancer       : [11111111-0000-4000-8000-000000000001]
load_balancer_group : []
name                : GR_n1
ports               : [55555555-0000-4000-8000-000000000001]

_uuid               : 33333333-0000-4000-8000-000000000002
load_balancer       : []
load_balancer_group : [66666666-0000-4000-8000-000000000001]
name                : GR_n2
ports               : []
`,
  "ovn/ovn-nbctl_list_Load_Balancer_Group": `_uuid               : 66666666-0000-4000-8000-000000000001
load_balancer       : [22222222-0000-4000-8000-000000000002]
name                : some
`,
  "ovn/ovn-nbctl_list_Logical_Router_Port": `_uuid               : 55555555-0000-4000-8000-000000000001
name                : rtoe-GR_n1
networks            : ["192.0.2.1/24"]
`,
  "ovn/ovn-sbctl_list_Port_Binding": `_uuid               : 00aa9050-0000-4000-8000-000000000009
logical_port        : shop_web-1
mac                 : ["0a:58:0a:01:01:05 10.1.1.5"]
type                : ""
`,
  "ovn/ovn-sbctl_--uuid_lflow-list": `Datapath: "GR_n1" (44444444-0000-4000-8000-000000000001)  Pipeline: ingress
  uuid=0x00aa9050, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80), action=(ct_lb_mark(backends=10.1.1.5:8080);)
  uuid=0x00aa9051, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.1 && tcp && tcp.dst == 30080), action=(ct_lb_mark(backends=10.1.1.5:8080);)
  uuid=0x00aa9052, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 81), action=(ct_lb_mark(backends=10.1.1.6:8080);)
Datapath: "GR_n2" (44444444-0000-4000-8000-000000000002)  Pipeline: ingress
  uuid=0x806f4e81, table=9 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80), action=(reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);};)
`,
};

function evidence(files: Record<string, string> = FILES): FactStore {
  const { facts, problems } = readFiles([plugin], files);
  expect(problems).toEqual([]);
  for (const [i, name] of ["n1", "n2"].entries())
    facts.add({
      kind: "k8s.node",
      host: "",
      origin: { file: "nodes", line: 1, text: "" },
      data: { name, addresses: [`192.0.2.${i + 1}`], annotations: {}, labels: {} },
    } as Fact<"k8s.node">);
  return facts;
}

function ask(question: Question, facts = evidence()): string {
  const lines = (s: ExplainSection) => [
    `${s.layer}, ${s.title}${s.host === "" ? "" : `, ${s.host}`}${s.nodes ? ` for ${s.nodes.join(" ") || "no node"}` : ""}`,
    ...s.items.flatMap((i) => [
      `  ${i.text}${i.file === "" ? "" : `  ${i.file}:${i.line}`}${i.cookie === undefined ? "" : `  0x${i.cookie.toString(16)}`}${i.key === undefined ? "" : `  [${i.nodes?.join(" ") ?? "?"}: ${i.key} = ${i.value ?? ""}]`}`,
      ...i.links.map((l) => `    ${[l.kind, l.name, l.uuid, l.stage, l.text].filter(Boolean).join(" | ")}`),
    ]),
  ];
  return plugin.explain!(facts, question).flatMap(lines).join("\n");
}

test("a cookie: every candidate, or those that fit the table, with what does not", () => {
  const cookie = (table?: number) => ask({ kind: "cookie", cookie: 0xaa9050n, services: [], ...(table === undefined ? {} : { table }) });
  expect(cookie()).toMatchInlineSnapshot(`
    "logical, southbound rows whose UUID begins with it
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2
        lflow | 00aa9050 | lr_in_dnat
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001 | 203.0.113.7:80 -> 10.1.1.5:8080
        service | shop/web | 203.0.113.7:80/tcp
      Port_Binding 00aa9050-0000-4000-8000-000000000009: shop_web-1 0a:58:0a:01:01:05 10.1.1.5  ovn/ovn-sbctl_list_Port_Binding:1
        port_binding | shop_web-1 | 00aa9050-0000-4000-8000-000000000009 | 0a:58:0a:01:01:05 10.1.1.5"
  `);
  expect(cookie(17)).toMatchInlineSnapshot(`
    "logical, southbound rows whose UUID begins with it
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2
        lflow | 00aa9050 | lr_in_dnat
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001 | 203.0.113.7:80 -> 10.1.1.5:8080
        service | shop/web | 203.0.113.7:80/tcp
      not in table 17: Port_Binding 00aa9050-0000-4000-8000-000000000009"
  `);
  expect(cookie(65)).toMatchInlineSnapshot(`
    "logical, southbound rows whose UUID begins with it
      Port_Binding 00aa9050-0000-4000-8000-000000000009: shop_web-1 0a:58:0a:01:01:05 10.1.1.5  ovn/ovn-sbctl_list_Port_Binding:1
        port_binding | shop_web-1 | 00aa9050-0000-4000-8000-000000000009 | 0a:58:0a:01:01:05 10.1.1.5
      not in table 65: logical flow 00aa9050 of lr_in_dnat stands in OpenFlow table 17"
  `);
  expect(ask({ kind: "cookie", cookie: 0x1234n, services: [] })).toBe("");
  expect(ask({ kind: "cookie", cookie: 0xa97c256dd97418b0n, services: [] })).toBe("");
});

test("the same cookie in two zones is two things", () => {
  const zone = (n: string, port: number) => ({
    [`${n}/ovn-sbctl_--uuid_lflow-list`]: `Datapath: "GR_${n}" (44444444-0000-4000-8000-000000000001)  Pipeline: ingress
  uuid=0x00aa9050, table=9 (lr_in_dnat         ), priority=120  , match=(ip4.dst == 203.0.113.7 && tcp.dst == ${port}), action=(ct_lb_mark(backends=10.1.1.5:8080);)
`,
  });
  expect(
    ask({ kind: "cookie", cookie: 0xaa9050n, services: [] }, evidence({ ...zone("n1", 80), ...zone("n2", 81) })),
  ).toMatchInlineSnapshot(`
    "logical, southbound rows whose UUID begins with it, n1
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ip4.dst == 203.0.113.7 && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  n1/ovn-sbctl_--uuid_lflow-list:2
        lflow | 00aa9050 | lr_in_dnat
        load_balancer | 203.0.113.7:80 | 203.0.113.7:80 -> 10.1.1.5:8080
    logical, southbound rows whose UUID begins with it, n2
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n2: ip4.dst == 203.0.113.7 && tcp.dst == 81 -> ct_lb_mark(backends=10.1.1.5:8080);  n2/ovn-sbctl_--uuid_lflow-list:2
        lflow | 00aa9050 | lr_in_dnat
        load_balancer | 203.0.113.7:81 | 203.0.113.7:81 -> 10.1.1.5:8080"
  `);
});

test("a Service: its load balancers, who uses them, its logical flows", () => {
  const facts = evidence();
  const [service] = plugin.services!(facts);
  expect(service).toMatchInlineSnapshot(`
    {
      "endpoints": [
        {
          "address": "10.1.1.5",
          "node": "",
          "pod": "",
          "port": 8080,
          "ready": true,
        },
      ],
      "exceptions": [],
      "frontends": [
        {
          "address": "",
          "port": 30080,
          "protocol": "tcp",
          "what": "node port",
        },
        {
          "address": "203.0.113.7",
          "port": 80,
          "protocol": "tcp",
          "what": "load balancer",
        },
      ],
      "name": "shop/web",
    }
  `);
  expect(ask({ kind: "service", service: service! }, facts)).toMatchInlineSnapshot(`
    "load-balancers, load balancers (northbound) for no node
      Service_shop/web_TCP_node_router_n1 (tcp): 192.0.2.1:30080 -> 10.1.1.5:8080; 203.0.113.7:80 -> 10.1.1.5:8080; options reject=true; used by router GR_n1  ovn/ovn-nbctl_list_Load_Balancer:1
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001
      Service_shop/web_TCP_node_router_n2 (tcp): 203.0.113.7:80 -> no backend: rejects; used by group some  ovn/ovn-nbctl_list_Load_Balancer:8
        load_balancer | Service_shop/web_TCP_node_router_n2 | 22222222-0000-4000-8000-000000000002
    load-balancers, its addresses, switch by switch and router by router for n1 n2
      router GR_n1: 192.0.2.1:30080/tcp -> 10.1.1.5:8080  ovn/ovn-nbctl_list_Load_Balancer:1  [n1: gateway router has NODE:30080/tcp = backends]
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001
      router GR_n1: 203.0.113.7:80/tcp -> 10.1.1.5:8080  ovn/ovn-nbctl_list_Load_Balancer:1  [n1: gateway router has 203.0.113.7:80/tcp = backends]
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001
      router GR_n2: 203.0.113.7:80/tcp -> no backend: rejects  ovn/ovn-nbctl_list_Load_Balancer:8  [n2: gateway router has 203.0.113.7:80/tcp = no backend]
        load_balancer | Service_shop/web_TCP_node_router_n2 | 22222222-0000-4000-8000-000000000002
    logical, logical flows for n1 n2
      00aa9050 lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2  0xaa9050  [n1: lr_in_dnat (gateway router) for 203.0.113.7:80/tcp = balances]
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001 | 203.0.113.7:80 -> 10.1.1.5:8080
        service | shop/web | 203.0.113.7:80/tcp
      00aa9051 lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.1 && tcp && tcp.dst == 30080 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:3  0xaa9051  [n1: lr_in_dnat (gateway router) for NODE:30080/tcp = balances]
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001 | 192.0.2.1:30080 -> 10.1.1.5:8080
        service | shop/web | 192.0.2.1:30080/tcp
      806f4e81 lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n2: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> reg0 = 0; reject { outport <-> inport; next(pipeline=egress,table=3);};  ovn/ovn-sbctl_--uuid_lflow-list:6  0x806f4e81  [n2: lr_in_dnat (gateway router) for 203.0.113.7:80/tcp = rejects]
        load_balancer | Service_shop/web_TCP_node_router_n2 | 22222222-0000-4000-8000-000000000002 | 203.0.113.7:80 -> no backend: rejects
        service | shop/web | 203.0.113.7:80/tcp"
  `);
});

test("owners of addresses, and what stands on a line", () => {
  expect(ask({ kind: "owners", addresses: ["192.0.2.1", "192.0.2.9"] })).toMatchInlineSnapshot(`
    "owners, OVN router ports
      OVN router port rtoe-GR_n1 of GR_n1  ovn/ovn-nbctl_list_Logical_Router_Port:1  [?: 192.0.2.1 = ]"
  `);
  expect(ask({ kind: "line", file: "ovn/ovn-nbctl_list_Logical_Router_Port", line: 1 })).toMatchInlineSnapshot(`
    "logical, OVN
      northbound Logical_Router_Port 55555555-0000-4000-8000-000000000001  ovn/ovn-nbctl_list_Logical_Router_Port:1
        logical_router_port | rtoe-GR_n1 | 55555555-0000-4000-8000-000000000001"
  `);
  expect(ask({ kind: "line", file: "ovn/ovn-sbctl_--uuid_lflow-list", line: 2 })).toMatchInlineSnapshot(`
    "logical, OVN
      logical flow 00aa9050: lr_in_dnat (ingress 9, OpenFlow table 17), priority 120, on GR_n1: ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);  ovn/ovn-sbctl_--uuid_lflow-list:2  0xaa9050
        lflow | 00aa9050 | lr_in_dnat | ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.7 && tcp && tcp.dst == 80 -> ct_lb_mark(backends=10.1.1.5:8080);
        load_balancer | Service_shop/web_TCP_node_router_n1 | 11111111-0000-4000-8000-000000000001 | 203.0.113.7:80 -> 10.1.1.5:8080
        service | shop/web | 203.0.113.7:80/tcp"
  `);
});
