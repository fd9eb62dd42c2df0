/** Logical actions in short: text to tree and back, what they require, and what ovn-controller makes of them. */
import { describe, expect, test } from "vitest";
import {
  type ActionContext,
  CONTROLLER_FORMS,
  controllerTables,
  encodeActions,
  formatActions,
  openFlowText,
  parseActions,
} from "../../src/actions/index.js";
import { formatExpr, OvnSyntaxError, ovnSymbols } from "../../src/expr/index.js";
import { lookupPort } from "../expr/world.js";

const context = (release: "21.12" | "24.03" = "24.03"): ActionContext => ({
  symbols: ovnSymbols(release),
  pipeline: "ingress",
  table: 10,
  tables: 29,
  release,
});
const parse = (text: string, release?: "21.12" | "24.03") => parseActions(text, context(release));
const complaint = (text: string, release?: "21.12" | "24.03"): string => {
  try {
    parse(text, release);
  } catch (e) {
    if (e instanceof OvnSyntaxError) return e.message;
    throw e;
  }
  return "no complaint";
};

test.each([
  ["drop;", "drop;"],
  ["ct_next;", "ct_next(dnat);"],
  ["reg0[0]=1;next(pipeline=egress,table=3);", "reg0[0] = 1; next(pipeline=egress, table=3);"],
  ['log(severity=alert,verdict=drop,name="acl");', 'log(name="acl", verdict=drop, severity=alert);'],
  ["ct_lb_mark(backends=[fd00::1]:80, 10.0.0.1:80; force_snat);", "ct_lb_mark(backends=[fd00::1]:80,10.0.0.1:80; force_snat);"],
  ["reg0[16..31] = select(1, 2=50);", "reg0[16..31] = select(1=100, 2=50);"],
  ["clone{ outport=inport; output; };", "clone { outport = inport; output; };"],
])("%s", (text, formatted) => {
  expect(formatActions(parse(text).actions)).toBe(formatted);
});

test.each([
  ["next(29);", '"next" action cannot advance beyond table 28.'],
  ["ct_commit { ip.ttl = 1; };", "Field ip.ttl is not modifiable."],
  ["ct_mark = 1;", "Field ct_mark is not modifiable."],
  ["ct_commit(ct_mark=1);", "Syntax error at `(' expecting `;'."],
  ["reg0[0] = nothing();", "Syntax error at `nothing' expecting field name."],
  ["^x;", "Unexpanded template."],
  ["reject { output };", "Syntax error at `}' expecting `;'."],
])("OVN complains of %s", (text, said) => {
  expect(complaint(text)).toBe(said);
});

test("older releases write some differently", () => {
  expect(formatActions(parse("ct_next; ct_commit(ct_mark=1/1, ct_label=2);", "21.12").actions)).toBe(
    "ct_next; ct_commit(ct_mark=0x1/0x1, ct_label=0x2);",
  );
  const needs = (release: "21.12" | "24.03") => formatExpr(parse("arp { output; };", release).prereqs!);
  expect([needs("21.12"), needs("24.03")]).toEqual(["ip4", "ip"]);
});

test("what the packet must be", () => {
  const needs = (text: string) => {
    const { prereqs } = parse(text);
    return prereqs ? formatExpr(prereqs) : "";
  };
  expect(needs("next;")).toBe("");
  expect(needs("tcp.dst = 80;")).toBe("ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd)");
  // What is made of the packet may be something else; a copy of it may not.
  expect(needs("arp { arp.op = 1; };")).toBe("ip");
  expect(needs("clone { arp.op = 1; };")).toBe("eth.type == 0x806");
});

describe("as OpenFlow", () => {
  const encode = (text: string, isSwitch = true) => {
    const groups: string[] = [];
    const actions = encodeActions(parse(text).actions, {
      pipeline: "ingress",
      isSwitch,
      tables: controllerTables({ ingress: 8, egress: 42, ingressOutput: 37, egressOutput: 64, mirror: 0 }),
      lookupPort,
      tunnelPort: lookupPort,
      groupId: (t) => groups.push(t),
      meterId: () => 1,
      cookie: 1,
      datapathKey: 3,
      hasCollectorSet: () => true,
      form: CONTROLLER_FORMS.newest,
      zeroSnat: false,
    });
    return [openFlowText(actions), ...groups];
  };

  test("zones are the port's on a switch, the router's own on a router", () => {
    expect(encode("ct_next(snat);")).toEqual(["ct(table=19,zone=NXM_NX_REG13[0..15])"]);
    expect(encode("ct_next(snat);", false)).toEqual(["ct(table=19,zone=NXM_NX_REG12[0..15])"]);
    expect(encode("ct_commit { ct_mark.blocked = 1; };", false)).toEqual([
      "ct(commit,zone=NXM_NX_REG11[0..15],exec(set_field:0x1/0x1->ct_mark))",
    ]);
  });

  test("choices are groups", () => {
    expect(encode("ct_lb_mark(backends=10.0.0.1:80);")).toEqual([
      "group:1",
      "type=select,selection_method=dp_hash,bucket=bucket_id=0,weight:100,actions=ct(nat(dst=10.0.0.1:80),commit,table=19,zone=NXM_NX_REG13[0..15],exec(set_field:2/2->ct_mark))",
    ]);
  });

  test("what ovn-controller does is sent to it", () => {
    expect(encode("icmp4 { eth.dst <-> eth.src; ip.ttl--; };")).toEqual([
      // Opcode 10, then two pushes, two pops and dec_ttl as OpenFlow 1.5 actions.
      `controller(userdata=${[
        "00.00.00.0a.00.00.00.00",
        "ff.ff.00.18.00.00.23.20.00.1b.00.00.00.00.04.06.00.30.00.00.00.00.00.00",
        "ff.ff.00.18.00.00.23.20.00.1b.00.00.00.00.02.06.00.30.00.00.00.00.00.00",
        "ff.ff.00.18.00.00.23.20.00.1c.00.00.00.00.04.06.00.30.00.00.00.00.00.00",
        "ff.ff.00.18.00.00.23.20.00.1c.00.00.00.00.02.06.00.30.00.00.00.00.00.00",
        "00.18.00.08.00.00.00.00",
      ].join(".")})`,
    ]);
  });

  test("nothing is a drop", () => {
    expect(encode("drop;")).toEqual(["drop"]);
    expect(encode('bind_vport("nobody", inport);')).toEqual(["drop"]);
  });
});
