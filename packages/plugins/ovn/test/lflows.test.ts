import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

/** Facts and problems, one line each. */
function read(path: string, text: string): string {
  const r = readInline(plugin, path, text);
  const facts = r.facts.map((f) => `${f.origin.line}: ${JSON.stringify(f.data)}`);
  return [r.claim?.what ?? "not claimed", ...facts, ...r.problems.map((p) => `${p.severity} ${p.line}: ${p.message}`)].join("\n");
}

test("a list with UUIDs: datapaths, widths of short and long stage names, nested brackets", () => {
  expect(
    read(
      "ovn/ovn-sbctl_--uuid_lflow-list",
      `Datapath: "GR_n1" (776a0bb9-d810-49ac-b0fc-f133c8061b5a)  Pipeline: ingress
  uuid=0x044a9c34, table=0 (lr_in_admission    ), priority=50   , match=(eth.mcast && inport == "rtoe-GR_n1"), action=(xreg0[0..47] = 52:54:00:00:00:23; next;)
  uuid=0x35f73c6a, table=3 (lr_in_ip_input     ), priority=150  , match=(ip4 && (reg9[1] || reg9[2])), action=(icmp4_error {ip4.dst = ip4.src; icmp4.type = 3; /* Destination Unreachable. */ next(pipeline=ingress, table=0); };)
Datapath: "sw0" aka "tenant net" (2e60552f-439d-4fd8-a60f-6ec76fb6fc81)  Pipeline: egress
  uuid=0xb82e70de, table=10(ls_out_acl_a_long_stage_name), priority=1000 , match=(1), action=(next;)
  uuid=0x0b2e70de, table=9 (ls_out_check_port_sec), priority=0    , match=(1), action=(reg0[15] = check_out_port_sec(); next;)
`,
    ),
  ).toMatchInlineSnapshot(`
    "OVN logical flows
    2: {"uuid":"044a9c34","datapath":"GR_n1","pipeline":"ingress","table":0,"stage":"lr_in_admission","priority":50,"match":"eth.mcast && inport == \\"rtoe-GR_n1\\"","actions":"xreg0[0..47] = 52:54:00:00:00:23; next;"}
    3: {"uuid":"35f73c6a","datapath":"GR_n1","pipeline":"ingress","table":3,"stage":"lr_in_ip_input","priority":150,"match":"ip4 && (reg9[1] || reg9[2])","actions":"icmp4_error {ip4.dst = ip4.src; icmp4.type = 3; /* Destination Unreachable. */ next(pipeline=ingress, table=0); };"}
    5: {"uuid":"b82e70de","datapath":"sw0","pipeline":"egress","table":10,"stage":"ls_out_acl_a_long_stage_name","priority":1000,"match":"1","actions":"next;"}
    6: {"uuid":"0b2e70de","datapath":"sw0","pipeline":"egress","table":9,"stage":"ls_out_check_port_sec","priority":0,"match":"1","actions":"reg0[15] = check_out_port_sec(); next;"}"
  `);
});

test("a paste: the UUID on its own line and cut short, no datapath, a wrapped flow, a cut one", () => {
  expect(
    read(
      "node-1/ovn-sbctl_lflow-list_GR_node-1.txt",
      `uuid=0x93f7000bc19e7616196191...
        table=13(ls_in_lb), priority=120, match=(ct.new && ip4.dst == 198.51.100.4 && tcp.dst == 80), action=(reg4 = 198.51.100.4;
          ct_lb_mark(backends=192.0.2.1:80);)
table=3 (lr_out_snat        ), priority=110  , match=(outport == "rtoe"), action=(ct_snat(192.0.2.9);)
something else
table=3 (lr_out_snat        ), priority=105  , match=(ip4 && outport
`,
    ),
  ).toMatchInlineSnapshot(`
    "OVN logical flows of GR_node-1
    2: {"uuid":"93f7000b","datapath":"GR_node-1","pipeline":"ingress","table":13,"stage":"ls_in_lb","priority":120,"match":"ct.new && ip4.dst == 198.51.100.4 && tcp.dst == 80","actions":"reg4 = 198.51.100.4; ct_lb_mark(backends=192.0.2.1:80);"}
    4: {"uuid":"","datapath":"GR_node-1","pipeline":"egress","table":3,"stage":"lr_out_snat","priority":110,"match":"outport == \\"rtoe\\"","actions":"ct_snat(192.0.2.9);"}
    warning 5: not a logical flow: something else
    warning 6: logical flow cut short: table=3 (lr_out_snat        ), priority=105  , match=(ip4 && outport"
  `);
});

test("OpenFlow lines of --ovs are passed over, rows of --vflows are read", () => {
  expect(
    read(
      "ovn/ovn-sbctl_--uuid_--vflows_lflow-list",
      `Datapath: "sw0" (2e60552f-439d-4fd8-a60f-6ec76fb6fc81)  Pipeline: ingress
  uuid=0x00000b0b, table=0 (ls_in_check_port_sec), priority=50   , match=(1), action=(next;)
    cookie=0xb0b, duration=1.0s, table=8, priority=50,metadata=0x1 actions=resubmit(,9)

Port Bindings:
  uuid=0x66cfbee0, logical_port=lsp1, tunnel_key=2
`,
    ),
  ).toMatchInlineSnapshot(`
    "OVN logical flows
    2: {"uuid":"00000b0b","datapath":"sw0","pipeline":"ingress","table":0,"stage":"ls_in_check_port_sec","priority":50,"match":"1","actions":"next;"}
    6: {"database":"southbound","table":"Port_Binding","uuid":"66cfbee0","columns":{"logical_port":"lsp1","tunnel_key":"2"},"ownLine":true}"
  `);
});

test("conntrack zones", () => {
  expect(read("n1/ovs/ovn-appctl_ct-zone-list", "GR_n1_snat 0\nlsp1 19\nbroken\n")).toMatchInlineSnapshot(`
    "OVN conntrack zones
    1: {"name":"GR_n1_snat","zone":0}
    2: {"name":"lsp1","zone":19}
    warning 3: not a 'name zone' line: broken"
  `);
});

test("files of others are left alone", () => {
  expect(read("n1/ovs/ovs-ofctl_dump-flows_br-int", " cookie=0x1, table=0, priority=1 actions=drop\n")).toBe("not claimed");
  expect(read("n1/ovs/ovsdb-client_-f_json_dump", '{"caption":"AutoAttach table","data":[],"headings":["_uuid"]}\n')).toBe("not claimed");
});
