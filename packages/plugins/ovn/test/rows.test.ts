import { createHash } from "node:crypto";
import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

function read(path: string, text: string): string {
  const r = readInline(plugin, path, text);
  const facts = r.facts.map((f) => `${f.origin.line}: ${f.origin.text.slice(0, 60)} ${JSON.stringify(f.data)}`);
  return [r.claim?.what ?? "not claimed", ...facts, ...r.problems.map((p) => `${p.severity} ${p.line}: ${p.message}`)].join("\n");
}

test("ovn-nbctl list: scalars, sets, maps, quotes", () => {
  expect(
    read(
      "ovn/ovn-nbctl_list_Load_Balancer",
      `_uuid               : cf077bc0-c5f2-4f65-b86d-a8509740599c
external_ids        : {"k8s.ovn.org/kind"=Service, "k8s.ovn.org/owner"="ns/web"}
health_check        : []
name                : "Service_ns/web_TCP_cluster"
options             : {reject="true", skip_snat="false"}
protocol            : tcp
vips                : {"192.0.2.1:80"="", "^NODEIP_IPv4_0:30080"="198.51.100.1:8080,198.51.100.2:8080"}

_uuid               : 0cf77bc0-c5f2-4f65-b86d-a8509740599c
match               : "inport == \\"a\\" && ip4.dst == {192.0.2.1, 192.0.2.2}"
priority            : 1004
log                 : false
ports               : [10a04ff7-2e26-4618-8b0d-0a3e8f2f2f11, a]
`,
    ),
  ).toMatchInlineSnapshot(`
    "OVN northbound Load_Balancer
    1: _uuid : cf077bc0-c5f2-4f65-b86d-a8509740599c external_ids :  {"database":"northbound","table":"Load_Balancer","uuid":"cf077bc0-c5f2-4f65-b86d-a8509740599c","columns":{"external_ids":{"k8s.ovn.org/kind":"Service","k8s.ovn.org/owner":"ns/web"},"health_check":[],"name":"Service_ns/web_TCP_cluster","options":{"reject":"true","skip_snat":"false"},"protocol":"tcp","vips":{"192.0.2.1:80":"","^NODEIP_IPv4_0:30080":"198.51.100.1:8080,198.51.100.2:8080"}},"ownLine":true}
    9: _uuid : 0cf77bc0-c5f2-4f65-b86d-a8509740599c match : "inport {"database":"northbound","table":"Load_Balancer","uuid":"0cf77bc0-c5f2-4f65-b86d-a8509740599c","columns":{"match":"inport == \\"a\\" && ip4.dst == {192.0.2.1, 192.0.2.2}","priority":1004,"log":false,"ports":["10a04ff7-2e26-4618-8b0d-0a3e8f2f2f11","a"]},"ownLine":true}"
  `);
});

test("a record as pasted: no UUID, a map over several lines with colons", () => {
  expect(
    read(
      "node-1/ovn-nbctl_find_load_balancer.txt",
      `name                : "Service_ns/web_TCP_node_switch_node-1"
vips: {
    "169.254.0.3:32736" : "192.0.2.39:8080", 
    "198.51.100.100:8080" : "192.0.2.39:8080,192.0.2.4:8080"
}
`,
    ),
  ).toMatchInlineSnapshot(`
    "OVN northbound rows found in Load_Balancer
    1: name : "Service_ns/web_TCP_node_switch_node-1" vips: { "169. {"database":"northbound","table":"Load_Balancer","uuid":"","columns":{"name":"Service_ns/web_TCP_node_switch_node-1","vips":{"169.254.0.3:32736":"192.0.2.39:8080","198.51.100.100:8080":"192.0.2.39:8080,192.0.2.4:8080"}},"ownLine":true}"
  `);
});

test("lines that are none, a value cut short", () => {
  expect(read("ovn/ovn-nbctl_list_NAT", "_uuid : 1\nlogical_ip : [a, b\novn-nbctl: error\n")).toMatchInlineSnapshot(`
    "OVN northbound NAT
    1: _uuid : 1 logical_ip : [a, b ovn-nbctl: error {"database":"northbound","table":"NAT","uuid":"1","columns":{},"ownLine":true}
    warning 2: column logical_ip: a bracket is not closed"
  `);
});

test("ovsdb-client dump: JSON, list and table form say the same", () => {
  const json = `{"caption":"NAT table","data":[[["uuid","d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d"],"192.0.2.23",["set",[]],["map",[["stateless","false"]]],7]],"headings":["_uuid","external_ip","gateway_port","options","n"]}\n`;
  expect(read("ovn/ovsdb-client_-f_json_dump_OVN_Northbound", json)).toMatchInlineSnapshot(`
    "OVN Northbound database
    1: [["uuid","d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d"],"192.0.2.23 {"database":"northbound","table":"NAT","uuid":"d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d","columns":{"external_ip":"192.0.2.23","gateway_port":[],"options":{"stateless":"false"},"n":7},"ownLine":false}"
  `);
  const list = `NAT table
_uuid               : d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d
external_ip         : "192.0.2.23"
gateway_port        : []
options             : {stateless="false"}
n                   : 7
`;
  expect(read("ovn/ovsdb-client_-f_list_dump_OVN_Northbound", list)).toMatchInlineSnapshot(`
    "OVN Northbound database
    2: _uuid : d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d external_ip : " {"database":"northbound","table":"NAT","uuid":"d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d","columns":{"external_ip":"192.0.2.23","gateway_port":[],"options":{"stateless":"false"},"n":7},"ownLine":true}"
  `);
  const table = `NAT table
_uuid                                external_ip  gateway_port options             n
------------------------------------ ------------ ------------ ------------------- -
d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d "192.0.2.23" []           {stateless="false"} 7
`;
  expect(read("ovn/ovsdb-client_dump_OVN_Northbound", table)).toMatchInlineSnapshot(`
    "OVN Northbound database
    4: d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d "192.0.2.23" [] {statel {"database":"northbound","table":"NAT","uuid":"d3be06d9-9e5e-4d51-bb5c-825a2b62ff9d","columns":{"external_ip":"192.0.2.23","gateway_port":[],"options":{"stateless":"false"},"n":7},"ownLine":true}"
  `);
});

test("a JSON dump that was cut", () => {
  expect(
    read("ovn/ovsdb-client_-f_json_dump_OVN_Southbound", `{"caption":"Chassis table","data":[],"headings":["_uuid"]}\n{"caption":"Enc`),
  ).toMatchInlineSnapshot(`
    "OVN Southbound database
    error 2: not a JSON object: {"caption":"Enc…"
  `);
});

/** An OVSDB file of these records. */
function store(...records: unknown[]): string {
  return records
    .map((r) => `${JSON.stringify(r)}\n`)
    .map((body) => `OVSDB JSON ${Buffer.byteLength(body)} ${createHash("sha1").update(body).digest("hex")}\n${body}`)
    .join("");
}
const SCHEMA = {
  name: "OVN_Northbound",
  tables: {
    Logical_Switch: {
      columns: {
        name: { type: "string" },
        ports: { type: { key: { type: "uuid" }, min: 0, max: "unlimited" } },
        other_config: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
      },
    },
  },
};
const A = ["uuid", "aaaaaaaa-0000-0000-0000-000000000001"];
const B = ["uuid", "bbbbbbbb-0000-0000-0000-000000000002"];

test("a database file: transactions, diffs of sets and maps, a row that went", () => {
  const file = store(
    SCHEMA,
    {
      _date: 1,
      Logical_Switch: {
        "11111111-0000-0000-0000-000000000000": {
          name: "sw0",
          ports: A,
          other_config: [
            "map",
            [
              ["a", "1"],
              ["b", "2"],
            ],
          ],
        },
        "22222222-0000-0000-0000-000000000000": { name: "gone" },
      },
    },
    {
      _is_diff: true,
      Logical_Switch: {
        "11111111-0000-0000-0000-000000000000": {
          name: "sw1",
          ports: ["set", [A, B]],
          other_config: [
            "map",
            [
              ["a", "1"],
              ["b", "3"],
              ["c", "4"],
            ],
          ],
        },
        "22222222-0000-0000-0000-000000000000": null,
      },
    },
  );
  expect(read("n1/ovnnb_db.db", file)).toMatchInlineSnapshot(`
    "OVN Northbound database
    6: Logical_Switch 11111111-0000-0000-0000-000000000000 {"name": {"database":"northbound","table":"Logical_Switch","uuid":"11111111-0000-0000-0000-000000000000","columns":{"name":"sw1","ports":["bbbbbbbb-0000-0000-0000-000000000002"],"other_config":{"b":"3","c":"4"}},"ownLine":false}"
  `);
});

test("a database file whose last record is torn, and a clustered one", () => {
  const whole = store(SCHEMA, { Logical_Switch: { "11111111-0000-0000-0000-000000000000": { name: "sw0" } } }, { _comment: "x" });
  expect(read("n1/ovnnb_db.db", whole.slice(0, -5))).toMatchInlineSnapshot(`
    "OVN Northbound database
    4: Logical_Switch 11111111-0000-0000-0000-000000000000 {"name": {"database":"northbound","table":"Logical_Switch","uuid":"11111111-0000-0000-0000-000000000000","columns":{"name":"sw0"},"ownLine":false}
    error 6: record cut short: 17 bytes announced, 12 there"
  `);
});

test("a member's file of a clustered database: snapshot, log, an entry in place of another", () => {
  const sw = (name: string, more: object = {}) => ({
    Logical_Switch: { [`${name}0000000-0000-0000-0000-000000000000`]: { name, ...more } },
  });
  const file = store(
    { name: "OVN_Northbound", cluster_id: "c", prev_term: 1, prev_index: 4, prev_data: [SCHEMA, sw("1", { ports: A })] },
    { term: 1, vote: "c" },
    { term: 1, index: 5, data: [null, sw("2")] },
    { term: 1, index: 6, data: [null, sw("3")] },
    { commit_index: 5 },
    { term: 2, index: 6, data: [null, { ...sw("1", { ports: B }), _is_diff: true }] },
  ).replaceAll("OVSDB JSON", "OVSDB CLUSTER");
  expect(read("n1/ovnnb_db.db", file)).toMatchInlineSnapshot(`
    "OVN Northbound database
    12: Logical_Switch 10000000-0000-0000-0000-000000000000 {"name": {"database":"northbound","table":"Logical_Switch","uuid":"10000000-0000-0000-0000-000000000000","columns":{"name":"1","ports":["aaaaaaaa-0000-0000-0000-000000000001","bbbbbbbb-0000-0000-0000-000000000002"]},"ownLine":false}
    6: Logical_Switch 20000000-0000-0000-0000-000000000000 {"name": {"database":"northbound","table":"Logical_Switch","uuid":"20000000-0000-0000-0000-000000000000","columns":{"name":"2"},"ownLine":false}"
  `);
  const newcomer = store({ name: "OVN_Northbound", remote_addresses: ["ssl:192.0.2.1:6643"] }).replaceAll("OVSDB JSON", "OVSDB CLUSTER");
  expect(read("n1/ovnnb_db.db", newcomer)).toMatchInlineSnapshot(`
    "OVN Northbound database
    error 2: this member of the cluster had not joined yet: its file holds no data"
  `);
});

test("--format=csv says the same as the list", () => {
  const rows = (path: string, text: string) => readInline(plugin, path, text).facts.map((f) => f.data);
  const csv = `_uuid,addresses,enabled,external_ids,name,options,tag,type
de7ff6cd-6378-4d2e-972a-69fd6052460c,"[""0a:00:00:00:00:01 10.0.0.1""]",true,"{a=""say \\""hi\\"", you"", b=""2""}","""p,1""",{},7,""""""
`;
  const list = `_uuid               : de7ff6cd-6378-4d2e-972a-69fd6052460c
addresses           : ["0a:00:00:00:00:01 10.0.0.1"]
enabled             : true
external_ids        : {a="say \\"hi\\", you", b="2"}
name                : "p,1"
options             : {}
tag                 : 7
type                : ""
`;
  const fromCsv = rows("ovn/ovn-nbctl_--format=csv_list_Logical_Switch_Port", csv);
  expect(fromCsv).toEqual(rows("ovn/ovn-nbctl_list_Logical_Switch_Port", list));
  expect(fromCsv).toHaveLength(1);
  expect(read("ovn/ovn-nbctl_--format=csv_list_NAT", '_uuid,logical_ip,type\n1,10.0.0.1\n2,"10.0.0.2\n')).toMatchInlineSnapshot(`
    "OVN northbound NAT
    warning 2: row of NAT: 2 cells for 3 columns
    warning 3: row of NAT: a quote is not closed"
  `);
  expect(read("ovn/ovn-nbctl_--format=csv_list_NAT", "1,10.0.0.1\n")).toMatchInlineSnapshot(`
    "OVN northbound NAT
    warning 1: NAT: the columns have no headings with _uuid"
  `);
});
