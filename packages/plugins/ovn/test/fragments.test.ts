import { type Action, type EvidenceLink, ipv4Text, nested } from "@plumbline/model";
import { lowerFacts, readFiles, readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";
import { conjunctionOf } from "../src/match.js";

test.each([
  ["ct.new && !ct.rel && ip4 && ip4.dst == 192.0.2.1 && tcp && tcp.dst == 80", { address: "192.0.2.1", protocol: "tcp", port: 80 }],
  ["(ip4.dst == 192.0.2.1 && (udp && udp.dst == 53))", { address: "192.0.2.1", protocol: "udp", port: 53 }],
  ['ip && ip4.dst == 192.0.2.1 && inport == "rtoj (a && b)" && reg0[2] == 1', { address: "192.0.2.1" }],
  ["flags.force_snat_for_lb == 1 && ip4", {}],
  ["ip4.dst == 192.0.2.1 || ip4.dst == 192.0.2.2", null],
  ["ip4.dst == 192.0.2.1 && (tcp || udp)", null],
  ["ip4.dst == {192.0.2.1, 192.0.2.2}", null],
  ["ip4.dst == 192.0.2.0/24", null],
  ["ip4.dst == 192.0.2.1 && ip4.src != 192.0.2.9", null],
  ["ip4.dst == 192.0.2.1 && ip4.dst == 192.0.2.2", null],
  ["ip4.dst == 192.0.2.1 && tcp && udp.dst == 53", null],
])("header conditions of %s", (match, terms) => {
  expect(conjunctionOf(match)).toEqual(terms && { address: undefined, port: undefined, protocol: undefined, ...terms });
});

/** Translations of a program: "dst 192.0.2.1:80 | dst …". */
function translations(program: readonly Action[]): string[] {
  return program.flatMap((a) => [
    ...(a.op === "ct" && a.nat && a.nat !== "existing" ? [`${a.nat.type} ${ipv4Text(a.nat.range.min!)}:${a.nat.range.portMin ?? ""}`] : []),
    ...(a.op === "note" ? [`note ${a.text}`] : []),
    ...nested(a).flatMap(translations),
  ]);
}

const show = (l: EvidenceLink) => [l.kind, l.name, l.uuid, l.stage, l.text].filter(Boolean).join(" | ");

/** Logical devices with their rules and links, one line each. */
function lowered(files: Readonly<Record<string, string>>): string {
  const { facts } = readFiles([plugin], files);
  const { net, annotators, problems } = lowerFacts([plugin], facts);
  const lines = net.rules.flatMap((r) => {
    const table = net.tables[r.table]!;
    const device = net.devices[table.device]!;
    const at = `${device.kind} ${device.name} | ${table.stage} ${table.name} | ${r.certainty}: ${r.why} | ${r.origin!.file}:${r.origin!.line}`;
    return [at, `  ${translations(r.program).join(", ")}`, ...annotators.flatMap((a) => a(r, device)).map((l) => `  ${show(l)}`)];
  });
  return [...lines, ...problems.map((p) => `${p.severity} ${p.file}:${p.line}: ${p.message}`)].join("\n");
}

const GATEWAY = `table=7 (lr_in_dnat         ), priority=120  , match=(ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.9 && tcp && tcp.dst == 80), action=(flags.force_snat_for_lb = 1; ct_lb_mark(backends=198.51.100.4:8080,198.51.100.5:8080; force_snat);)
table=3 (lr_out_snat        ), priority=110  , match=(flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoe-GR_n1"), action=(ct_snat(192.0.2.11);)
table=3 (lr_out_snat        ), priority=110  , match=(flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoj-GR_n1"), action=(ct_snat(100.64.0.2);)
table=3 (lr_out_snat        ), priority=105  , match=(flags.force_snat_for_lb == 1 && ip4 && outport == "rtoj-GR_n1"), action=(ct_snat(100.64.0.2);)
`;

test("a few pasted logical flows: rules with what they translate to, the flows that translate the source beside them", () => {
  expect(
    lowered({
      "n1/ovn-sbctl_lflow-list_GR_n1.txt": GATEWAY,
      "n1/ovn-sbctl_--uuid_lflow-list.txt": `uuid=0x12345678abcdef...
  table=13(ls_in_lb), priority=120, match=(ct.new && ip4.dst == 172.30.0.7 && tcp.dst == 80), action=(ct_lb_mark(backends=198.51.100.4:8080);)
  table=13(ls_in_lb), priority=120, match=(ct.new && ip6.dst == 2001:db8::7 && tcp.dst == 80), action=(ct_lb_mark(backends=[2001:db8::4]:8080);)
`,
    }),
  ).toMatchInlineSnapshot(`
    "logical n1/GR_n1 | logical lr_in_dnat | inferred: a logical flow; the OpenFlow that OVN makes of it is not in evidence | n1/ovn-sbctl_lflow-list_GR_n1.txt:1
      dst 198.51.100.4:8080, dst 198.51.100.5:8080
      lflow | lr_in_dnat | ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.9 && tcp && tcp.dst == 80 -> flags.force_snat_for_lb = 1; ct_lb_mark(backends=198.51.100.4:8080,198.51.100.5:8080; force_snat);
      load_balancer | 203.0.113.9:80 | 203.0.113.9:80 -> 198.51.100.4:8080,198.51.100.5:8080
      lflow | lr_out_snat | flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoj-GR_n1" -> ct_snat(100.64.0.2);
      lflow | lr_out_snat | flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoe-GR_n1" -> ct_snat(192.0.2.11);
    logical n1/logical flows | logical ls_in_lb | inferred: a logical flow; the OpenFlow that OVN makes of it is not in evidence | n1/ovn-sbctl_--uuid_lflow-list.txt:2
      dst 198.51.100.4:8080
      lflow | 12345678 | ls_in_lb | ct.new && ip4.dst == 172.30.0.7 && tcp.dst == 80 -> ct_lb_mark(backends=198.51.100.4:8080);
      load_balancer | 172.30.0.7:80 | 172.30.0.7:80 -> 198.51.100.4:8080
    info n1/ovn-sbctl_--uuid_lflow-list.txt:3: this logical flow or virtual address names no single IPv4 destination; only what does is looked at, because OVN's pipelines are not run without their OpenFlow"
  `);
});

test("load balancers stand in where no logical flow has their address", () => {
  expect(
    lowered({
      "n1/ovn-sbctl_lflow-list_GR_n1.txt": GATEWAY,
      "n1/ovn-nbctl_find_load_balancer.txt": `name                : "Service_shop/web_TCP_node_switch_n1"
vips: {
    "203.0.113.9:80" : "198.51.100.4:8080,198.51.100.5:8080",
    "169.254.0.3:31111" : ""
}
`,
    }),
  ).toMatchInlineSnapshot(`
    "logical n1/GR_n1 | logical lr_in_dnat | inferred: a logical flow; the OpenFlow that OVN makes of it is not in evidence | n1/ovn-sbctl_lflow-list_GR_n1.txt:1
      dst 198.51.100.4:8080, dst 198.51.100.5:8080
      lflow | lr_in_dnat | ct.new && !ct.rel && ip4 && ip4.dst == 203.0.113.9 && tcp && tcp.dst == 80 -> flags.force_snat_for_lb = 1; ct_lb_mark(backends=198.51.100.4:8080,198.51.100.5:8080; force_snat);
      load_balancer | Service_shop/web_TCP_node_switch_n1 | 203.0.113.9:80 -> 198.51.100.4:8080,198.51.100.5:8080
      service | shop/web | 203.0.113.9:80
      lflow | lr_out_snat | flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoj-GR_n1" -> ct_snat(100.64.0.2);
      lflow | lr_out_snat | flags.force_snat_for_lb == 1 && flags.network_id == 0 && ip4 && outport == "rtoe-GR_n1" -> ct_snat(192.0.2.11);
    logical n1/load balancers | logical load balancer Service_shop/web_TCP_node_switch_n1 | inferred: a load balancer; which datapaths use it and the flows OVN makes of it are not in evidence | n1/ovn-nbctl_find_load_balancer.txt:1
      note no backend: a connection is refused (reject)
      load_balancer | Service_shop/web_TCP_node_switch_n1 | 169.254.0.3:31111 -> no backend: rejects
      service | shop/web | 169.254.0.3:31111"
  `);
});

test("nothing is made of a node's logical flows whose OpenFlow packets can run through", () => {
  const { facts } = readFiles([plugin], { "n1/ovn-sbctl_lflow-list_GR_n1.txt": GATEWAY });
  const { net } = lowerFacts([plugin], facts, {
    join(net) {
      const bridge = net.device({ name: "n1/br-int", kind: "bridge", host: "n1" });
      const entry = net.table(bridge, "0", "openflow", "priority");
      bridge.entry = entry.id;
      net.rule(entry, { program: [] });
    },
  });
  expect(net.devices.map((d) => d.name)).toEqual(["n1/br-int"]);
});

test("a gateway router's external address is its node's, where the evidence is that node's", () => {
  const claims = (path: string, text: string) =>
    readInline(plugin, path, text).facts.flatMap((f) => (f.kind === "host.address-claim" ? [`${f.host}: ${JSON.stringify(f.data)}`] : []));
  expect(claims("n1/ovn-sbctl_lflow-list_GR_n1.txt", GATEWAY)).toEqual([
    'n1: {"address":"192.0.2.11","why":"its gateway router translates to it on the way out of rtoe-GR_n1"}',
  ]);
  expect(claims("n2/ovn-sbctl_lflow-list_GR_n1.txt", GATEWAY)).toEqual([]);
  const port = `name                : rtoe-GR_n1\nnetworks            : ["192.0.2.11/24", "2001:db8::11/64"]\n`;
  expect(claims("n1/ovn-nbctl_list_Logical_Router_Port", port)).toEqual([
    `n1: {"address":"192.0.2.11","why":"the network of its gateway router's port rtoe-GR_n1"}`,
  ]);
});

test("what load balancers of nodes say against other evidence", () => {
  const balancer = (node: string, vips: string) =>
    `name                : "Service_shop/web_TCP_node_switch_${node}"\nvips                : {${vips}}\n`;
  expect(
    lowered({
      "n1/ovn-nbctl_list_Logical_Router_Port": `name                : rtoe-GR_n1\nnetworks            : ["192.0.2.11/24"]\n`,
      "n1/ovn-nbctl_find_load_balancer.txt": balancer("n1", '"203.0.113.9:80"="198.51.100.4:8080", "192.0.2.99:31111"="198.51.100.4:8080"'),
      "n2/ovn-nbctl_find_load_balancer.txt": balancer(
        "n2",
        '"203.0.113.9:80"="198.51.100.4:8080", "169.254.0.3:31111"="198.51.100.4:8080"',
      ),
      "n3/ovn-nbctl_find_load_balancer.txt": balancer("n3", '"203.0.113.9:80"="198.51.100.4:8080", "169.254.0.3:31111"=""'),
    })
      .split("\n")
      .filter((l) => l.startsWith("warning")),
  ).toMatchInlineSnapshot(`
    [
      "warning n1/ovn-nbctl_find_load_balancer.txt:1: load balancer Service_shop/web_TCP_node_switch_n1 has node ports on 192.0.2.99:31111, but n1 has 192.0.2.11 (n1/ovn-nbctl_list_Logical_Router_Port:1)",
      "warning n1/ovn-nbctl_find_load_balancer.txt:1: load balancer Service_shop/web_TCP_node_switch_n1 has no virtual address 169.254.0.3:31111, and that of n2 has it (n2/ovn-nbctl_find_load_balancer.txt:1): absent, not empty. A connection to it on n1 falls through the load balancer; only an empty virtual address refuses it (reject)",
    ]
  `);
});
