/** A small southbound database, and all that ovn-controller makes of it on a chassis. */
import { type DerivedSwitch, type LowerContext, NetworkBuilder, type Problem } from "@plumbline/model";
import { FactStore } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { offerSwitches } from "../../src/physical/derive.js";
import { readJsonTables } from "../../src/read-json.js";

const uuid = (n: number) => ["uuid", `0000000${n}-0000-0000-0000-000000000000`];
const map = (o: { readonly [k: string]: string }) => ["map", Object.entries(o)];

function table(name: string, rows: readonly { readonly [column: string]: unknown }[]): string {
  const headings = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  return JSON.stringify({ caption: `${name} table`, headings, data: rows.map((r) => headings.map((h) => r[h] ?? ["set", []])) });
}

const lflow = (n: number, pipeline: string, table_id: number, priority: number, match: string, actions: string) => ({
  _uuid: uuid(n),
  logical_datapath: uuid(1),
  pipeline,
  table_id,
  priority,
  match,
  actions,
  external_ids: map({ "stage-name": pipeline === "ingress" ? "ls_in_x" : "ls_out_x" }),
});

const SB = [
  table("SB_Global", [{ _uuid: uuid(9), options: map({ northd_internal_version: "23.03.1-20.27.0-70.6" }) }]),
  table("Chassis", [
    { _uuid: uuid(2), name: "c1", hostname: "one", encaps: uuid(4), other_config: map({ "datapath-type": "netdev" }) },
    { _uuid: uuid(3), name: "c2", hostname: "two", encaps: uuid(5) },
  ]),
  table("Encap", [
    { _uuid: uuid(4), chassis_name: "c1", ip: "192.0.2.1", type: "geneve" },
    { _uuid: uuid(5), chassis_name: "c2", ip: "192.0.2.2", type: "geneve" },
  ]),
  table("Datapath_Binding", [{ _uuid: uuid(1), tunnel_key: 1, external_ids: map({ name: "sw0", "logical-switch": "x" }) }]),
  table("Port_Binding", [
    { _uuid: uuid(6), logical_port: "a", datapath: uuid(1), tunnel_key: 1, chassis: uuid(2), type: "", mac: "02:00:00:00:00:0a 10.0.0.1" },
    { _uuid: uuid(7), logical_port: "b", datapath: uuid(1), tunnel_key: 2, chassis: uuid(3), type: "", mac: "02:00:00:00:00:0b 10.0.0.2" },
  ]),
  table(
    "Logical_Flow",
    [
      lflow(8, "ingress", 0, 50, 'inport == "a" && ip4.src == {10.0.0.1, 10.0.0.9} && tcp.dst == {80, 81}', "next;"),
      lflow(8, "ingress", 0, 40, 'inport == "b"', "next;"),
      lflow(8, "ingress", 1, 0, "ip4.dst == 10.0.0.2 && ct.new", 'outport = "b"; output;'),
      lflow(8, "egress", 0, 0, "1", "output;"),
      lflow(8, "ingress", 1, 0, "ip4.dst == ", "output;"),
    ].map((r, i) => ({ ...r, _uuid: ["uuid", `0000010${i}-0000-0000-0000-000000000000`] })),
  ),
].join("\n");

function offered(): { switches: DerivedSwitch[]; problems: Problem[] } {
  const facts = new FactStore();
  readJsonTables(SB, "southbound", "", {
    fact: (kind, data, line, text) => facts.add({ kind, host: "", origin: { file: "sb.json", line, text }, data }),
    problem: (_severity, _line, message) => expect.fail(message),
  });
  facts.add({
    kind: "linux.address",
    host: "one",
    origin: { file: "one/ip_addr", line: 1, text: "" },
    data: { ifname: "eth0", address: "192.0.2.1", prefixLen: 24, family: 4, scope: "global", secondary: false },
  });
  const problems: Problem[] = [];
  const ctx: LowerContext = {
    facts,
    net: new NetworkBuilder(),
    hooks: [],
    punts: [],
    derived: { switches: [], use: "missing" },
    nodeOf: () => "",
    problem: (p) => problems.push(p),
  };
  offerSwitches(ctx);
  return { switches: ctx.derived!.switches, problems };
}

test("ports by what stands behind them", () => {
  const { switches } = offered();
  expect(switches.map((s) => [s.host, s.bridge, s.datapathType, s.certainty])).toEqual([["one", "br-int", "netdev", "inferred"]]);
  expect(switches[0]!.ports.map(({ origin: _, ...p }) => p)).toEqual([
    { key: "port a", kind: "interface", ifaceId: "a", mac: "02:00:00:00:00:0a", addresses: ["10.0.0.1"] },
    { key: "tunnel c2 192.0.2.1 192.0.2.2", kind: "tunnel", type: "geneve", localIp: "192.0.2.1", remoteIp: "192.0.2.2" },
  ]);
});

test("all flows of a chassis", () => {
  const { switches, problems } = offered();
  const { flows, groups } = switches[0]!.lines((key) => (key === "port a" ? 5 : 7));
  expect(flows.map((f) => f.text).join("\n")).toMatchInlineSnapshot(`
    "cookie=0x0, table=0, priority=0 actions=drop
    cookie=0x0, table=0, priority=100,in_port=7 actions=move:NXM_NX_TUN_ID[0..23]->OXM_OF_METADATA[0..23],move:NXM_NX_TUN_METADATA0[16..30]->NXM_NX_REG14[0..14],move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG15[0..15],resubmit(,40)
    cookie=0x0, table=37, priority=0 actions=resubmit(,39)
    cookie=0x0, table=38, priority=10,reg10=0x1/0x1 actions=resubmit(,40)
    cookie=0x0, table=38, priority=0 actions=resubmit(,39)
    cookie=0x0, table=39, priority=150,reg10=0x10/0x10 actions=resubmit(,40)
    cookie=0x0, table=39, priority=150,reg10=0x2/0x3 actions=resubmit(,40)
    cookie=0x0, table=39, priority=0 actions=resubmit(,40)
    cookie=0x0, table=40, priority=0 actions=drop
    cookie=0x0, table=41, priority=0 actions=set_field:0->reg0,set_field:0->reg1,set_field:0->reg2,set_field:0->reg3,set_field:0->reg4,set_field:0->reg5,set_field:0->reg6,set_field:0->reg7,set_field:0->reg8,set_field:0->reg9,resubmit(,42)
    cookie=0x0, table=64, priority=0 actions=resubmit(,65)
    cookie=0x0, table=65, priority=0 actions=drop
    cookie=0x6, table=40, priority=100,metadata=0x1,reg15=0x1 actions=set_field:0x1->reg13,set_field:0x2->reg11,set_field:0x3->reg12,resubmit(,41)
    cookie=0x6, table=41, priority=100,metadata=0x1,reg15=0x1,reg14=0x1,reg10=0/0x1 actions=drop
    cookie=0x6, table=64, priority=100,metadata=0x1,reg15=0x1,reg10=0x1/0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,65),pop:NXM_OF_IN_PORT[]
    cookie=0x6, table=0, priority=100,in_port=5 actions=set_field:0x1->reg13,set_field:0x2->reg11,set_field:0x3->reg12,set_field:0x1->metadata,set_field:0x1->reg14,resubmit(,8)
    cookie=0x6, table=65, priority=100,metadata=0x1,reg15=0x1 actions=output:5
    cookie=0x7, table=39, priority=100,metadata=0x1,reg15=0x2 actions=set_field:0x1/0xffffff->tun_id,set_field:0x2->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:7,resubmit(,40)
    cookie=0x0, table=8, priority=50,dl_type=0x800,nw_proto=6,nw_src=10.0.0.1,reg14=0x1,metadata=0x1 actions=conjunction(1000,1/2)
    cookie=0x0, table=8, priority=50,dl_type=0x800,nw_proto=6,nw_src=10.0.0.9,reg14=0x1,metadata=0x1 actions=conjunction(1000,1/2)
    cookie=0x0, table=8, priority=50,dl_type=0x800,nw_proto=6,tp_dst=80,reg14=0x1,metadata=0x1 actions=conjunction(1000,2/2)
    cookie=0x0, table=8, priority=50,dl_type=0x800,nw_proto=6,tp_dst=81,reg14=0x1,metadata=0x1 actions=conjunction(1000,2/2)
    cookie=0x100, table=8, priority=50,dl_type=0x800,nw_proto=6,conj_id=1000,reg14=0x1,metadata=0x1 actions=resubmit(,9)
    cookie=0x102, table=9, priority=0,dl_type=0x800,nw_dst=10.0.0.2,ct_state=0x21/0x21,metadata=0x1 actions=set_field:0x2->reg15,resubmit(,37)
    cookie=0x103, table=42, priority=0,metadata=0x1 actions=resubmit(,64)"
  `);
  expect(groups).toEqual([]);
  expect(flows.find((f) => f.text.includes("table=9"))!.origin).toEqual({
    file: "sb.json",
    line: 6,
    text: 'uuid=0x00000102, table=1(ls_in_x), priority=0, match=(ip4.dst == 10.0.0.2 && ct.new), action=(outport = "b"; output;)',
  });
  expect(problems.map((p) => [p.severity, p.message])).toEqual([
    ["warning", "logical flow 'ip4.dst == ': Syntax error at end of input expecting constant."],
  ]);
});
