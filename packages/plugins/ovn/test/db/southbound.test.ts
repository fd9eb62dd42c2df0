/** A southbound database in its forms: read in place, flows in columns. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Southbound } from "../../src/db/southbound.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const A = "11111111-1111-4111-8111-111111111111";
const B = "22222222-2222-4222-8222-222222222222";
const DP = "dddddddd-dddd-4ddd-8ddd-dddddddddddd";

function flowsOf(...texts: readonly string[]) {
  const s = new Southbound();
  for (const [i, text] of texts.entries()) s.read({ name: `file ${i}`, bytes: bytes(text) });
  const { flows } = s;
  const all = Array.from({ length: flows.count }, (_, i) => {
    const { pipeline, table, priority, line } = flows.record(i);
    const place = `${pipeline} ${table} ${flows.stages[flows.stageAt(i)]}`;
    return `${flows.uuid(i)} ${flows.sets[flows.setAt(i)]} ${place} ${priority} (${flows.texts.at(flows.match(i))}) (${flows.texts.at(flows.actions(i))}) ${flows.hint(i)} ${s.fileOf(i)}:${line}`;
  });
  return {
    all,
    problems: s.problems.map((p) => `${p.file}:${p.line}: ${p.message}`),
    tables: Object.fromEntries([...s.tables].map(([t, r]) => [t, r.size])),
  };
}

const record = (json: unknown) => {
  const text = `${JSON.stringify(json)}\n`;
  return `OVSDB JSON ${Buffer.byteLength(text)} ${createHash("sha1").update(text).digest("hex")}\n${text}`;
};
const schema = {
  name: "OVN_Southbound",
  tables: { Logical_Flow: { columns: {} }, Datapath_Binding: { columns: { tunnel_key: { type: "integer" } } } },
};
const flow = (match: string, more: object = {}) => ({
  match,
  actions: "next;",
  pipeline: "ingress",
  table_id: 3,
  priority: 50,
  logical_datapath: ["uuid", DP],
  logical_dp_group: ["set", []],
  external_ids: [
    "map",
    [
      ["stage-name", "ls_in_put_fdb"],
      ["stage-hint", "0abc1234"],
    ],
  ],
  ...more,
});

describe("an OVSDB file", () => {
  test("transactions change rows, add some and take some away; strings are as they were meant", () => {
    const text =
      record(schema) +
      record({
        Logical_Flow: { [A]: flow('inport == "p1" && \u00fc'), [B]: flow("1") },
        Datapath_Binding: { [DP]: { tunnel_key: 7 } },
        _date: 1,
      }) +
      record({ Logical_Flow: { [A]: { priority: 60 }, [B]: null }, _is_diff: true }) +
      record({ Logical_Flow: { [B]: flow("ip4", { pipeline: "egress", logical_dp_group: ["uuid", A], logical_datapath: ["set", []] }) } });
    expect(flowsOf(text)).toEqual({
      all: [
        `${A} ${DP} ingress 3 ls_in_put_fdb 60 (inport == "p1" && \u00fc) (next;) 0abc1234 file 0:6`,
        `${B} ${A} egress 3 ls_in_put_fdb 50 (ip4) (next;) 0abc1234 file 0:8`,
      ],
      problems: [],
      tables: { Datapath_Binding: 1 },
    });
  });

  test("a file that was cut is used up to the cut", () => {
    const whole = record(schema) + record({ Logical_Flow: { [A]: flow("1") } });
    const found = flowsOf(whole + record({ Logical_Flow: { [B]: flow("1") } }).slice(0, -20));
    expect(found.all.length).toBe(1);
    expect(found.problems).toEqual([expect.stringContaining("file 0:6: record cut short")]);
  });
});

test("a dump, whose headings come behind its rows", () => {
  const dump = JSON.stringify({
    caption: "Logical_Flow table",
    data: [[["uuid", A], "drop;", 'tcp && outport == "\\"headings\\":"', "egress", 7, 1, ["map", []], ["uuid", DP], ["set", []]]],
    headings: ["_uuid", "actions", "match", "pipeline", "priority", "table_id", "external_ids", "logical_datapath", "logical_dp_group"],
  });
  expect(flowsOf(`${dump}\n{"caption":"FDB table","data":[`)).toEqual({
    all: [`${A} ${DP} egress 1  7 (tcp && outport == "\\"headings\\":") (drop;)  file 0:1`],
    problems: [expect.stringContaining("file 0:2: not a table of a database dump")],
    tables: {},
  });
});

test("flows as they are listed, and rows of other tables beside them", () => {
  const list = `Datapath: "sw0" (${DP})  Pipeline: ingress
  uuid=0x0b1c2d3e, table=0 (ls_in_check_port_sec), priority=50   , match=(1), action=(next;)
    cookie=0xb1c2d3e, table=8, n_packets=0 actions=resubmit(,9)
  table=1 (ls_in_apply_port_sec), priority=0    , match=(1), action=(next;)
`;
  const ports = `_uuid               : ${A}
datapath            : ${DP}
logical_port        : p1
tunnel_key          : 1
type                : ""
`;
  expect(flowsOf(list, ports)).toEqual({
    all: [
      "0b1c2d3e sw0 ingress 0 ls_in_check_port_sec 50 (1) (next;)  file 0:2",
      " sw0 ingress 1 ls_in_apply_port_sec 0 (1) (next;)  file 0:4",
    ],
    problems: [],
    tables: { Datapath_Binding: 1, Port_Binding: 1 },
  });
});
