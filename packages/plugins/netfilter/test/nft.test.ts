import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { TableAst } from "../src/ast.js";
import { parseNftJson } from "../src/parse/nft-json.js";
import { parseNftText } from "../src/parse/nft-text.js";
import { testHost } from "./host.js";

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
const complaints: string[] = [];
const complain = (severity: string, line: number, message: string) => void complaints.push(`${severity} ${line}: ${message}`);

/** Without places: lines and texts differ between the forms. */
function meaning(tables: TableAst[] | null): unknown {
  return JSON.parse(
    JSON.stringify(tables, (k, v: unknown) => {
      if (k === "line" || k === "text" || k === "how" || k === "command") return undefined;
      return typeof v === "bigint" ? v.toString() : v;
    }).replace(/"text":"[^"]*",?/g, ""),
  );
}

test("text and JSON of one rule set mean the same", () => {
  complaints.length = 0;
  const fromText = parseNftText(fixture("nft-a-list-ruleset.txt"), complain);
  const fromJson = parseNftJson(fixture("nft-j-list-ruleset.json"), complain);
  expect(complaints).toEqual([]);
  expect(fromText?.[0].chains.map((c) => `${c.name} ${c.rules.length}`)).toEqual(["pre 2", "web 1", "one 1", "two 1", "filt 12", "post 4"]);
  expect(meaning(fromJson)).toEqual(meaning(fromText));
});

test("maps, verdict maps and lotteries", () => {
  const h = testHost({ "nft_-a_list_ruleset": fixture("nft-a-list-ruleset.txt") });
  expect(h.problems).toEqual([]);
  expect(h.walk({ dst: "192.0.2.10", dport: 30080 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre #1
    note: element tcp . 30080 : 10.0.0.1 . 8080 (line 17)
      ip_dst=10.0.0.1 tp_dst=8080
    inet svc filt
    inet svc filt #2
    local: accepted"
  `);
  expect(h.walk({ dst: "192.0.2.10", dport: 80 }, [1])).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre #2
    note: element 192.0.2.10 . tcp . 80 : goto web (line 22)
    inet svc web #1
    choice 2 of 2
    note: element 1-2 : goto two
    inet svc two #1
      ip_dst=10.0.0.2 tp_dst=8080
    inet svc filt
    inet svc filt #2
    local: accepted"
  `);
  expect(h.walk({ dst: "192.0.2.10", dport: 81 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre #2
    note: element 192.0.2.10 . tcp . 81 : drop (line 23)
    dropped: dropped by inet svc pre rule 2"
  `);
});

test("a chain of filters: states, flags, marks, rejects by family", () => {
  const h = testHost({ "nft_-a_list_ruleset": fixture("nft-a-list-ruleset.txt") });
  expect(h.walk({ dport: 85 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre policy
    inet svc filt
    inet svc filt #2
    local: accepted"
  `);
  expect(h.walk({ dport: 85, flags: 0x12 })).toMatchInlineSnapshot(`
    "inet svc filt
    inet svc filt #1
    note: element invalid : drop (line 46)
    dropped: dropped by inet svc filt rule 1"
  `);
  expect(h.walk({ src: "10.1.2.3", dport: 7 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre policy
    inet svc filt
    inet svc filt #5
    inet svc filt #7
      pkt_mark=256
      ct_mark=256
    inet svc filt #8
    note: log prefix "seen: "
    local: accepted"
  `);
  expect(h.walk({ dport: 113 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre policy
    inet svc filt
    inet svc filt #11
    dropped: rejected with a TCP reset (rejected)
    [1] local: answer
      192.0.2.10:113 > 192.0.2.99:40000 type 0 code 0"
  `);
  expect(h.walk({ proto: "udp", dport: 7 })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre policy
    inet svc filt
    inet svc filt #12
    dropped: rejected with ICMP type 3 code 1 (host unreachable) (rejected)
    [1] local: answer
      0.0.0.0:0 > 192.0.2.99:0 type 3 code 1"
  `);
  expect(h.walk({ proto: "icmp", in: "eth1" })).toMatchInlineSnapshot(`
    "inet svc pre
    inet svc pre
    inet svc pre policy
    inet svc filt
    inet svc filt #12
    dropped: rejected with ICMP type 3 code 1 (host unreachable) (rejected)
    [1] local: answer
      0.0.0.0:0 > 192.0.2.99:0 type 3 code 1"
  `);
});

test("postrouting: a mark from a map, source ranges", () => {
  const h = testHost({ "nft_-a_list_ruleset": fixture("nft-a-list-ruleset.txt") }, "postrouting");
  expect(h.walk({ src: "10.0.0.2", out: "eth0" })).toMatchInlineSnapshot(`
    "inet svc post
    inet svc post #2
    note: element 10.0.0.2 : 0x00000006 (line 63)
    inet svc post policy
      pkt_mark=6
    local: accepted"
  `);
  expect(h.walk({ src: "10.0.0.2", out: "eth1" })).toMatchInlineSnapshot(`
    "inet svc post
    local: accepted"
  `);
  expect(h.walk({ src: "198.18.4.4", out: "eth0" })).toMatchInlineSnapshot(`
    "inet svc post
    inet svc post #3
    choice 1 of 3
      ip_src=192.0.2.20 tp_src=1024
    local: accepted"
  `);
});

const table = (body: string) => `table inet t {\n${body}\n}\n`;
const input = (rules: string) =>
  table(`\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n${rules.replace(/^/gm, "\t\t")}\n\t}`);

test("what is not understood costs its rule, from there on", () => {
  const h = testHost(
    { nft_list_ruleset: input('tcp dport 80 synproxy mss 1460\ntcp dport 81 fwd to "eth1"\nip saddr @nowhere drop') },
    "input",
  );
  expect(h.problems.map((p) => `${p.line}: ${p.message}`)).toMatchInlineSnapshot(`
    [
      "4: rule not understood: 'synproxy mss 1460'",
      "5: rule not understood: 'fwd to "eth1"'",
      "6: inet t c rule 3: set @nowhere is not in evidence",
    ]
  `);
  expect(h.walk({ dport: 80 })).toMatchInlineSnapshot(`
    "inet t c #1
    unknown: inet t c rule 1: not understood: 'synproxy mss 1460'"
  `);
  expect(h.walk({ proto: "udp", dport: 80 })).toMatchInlineSnapshot(`
    "inet t c #3
    unknown: inet t c rule 3: set @nowhere is not in evidence"
  `);
});

test("iptables targets of which nft prints the name only", () => {
  const h = testHost(
    {
      nft_list_ruleset: input(
        'tcp dport 80 xt match "comment" counter packets 0 bytes 0 xt target "DNAT"\ntcp dport 81 xt match "addrtype" drop',
      ),
    },
    "input",
  );
  expect(h.walk({ dport: 80 })).toMatchInlineSnapshot(`
    "inet t c #1
    unknown: inet t c rule 1: iptables target DNAT, of which nft prints the name only"
  `);
  expect(h.walk({ dport: 81 })).toMatchInlineSnapshot(`
    "inet t c #2
    unknown: inet t c rule 2: iptables match addrtype, of which nft prints the name only"
  `);
  expect(h.walk({ dport: 82 })).toMatchInlineSnapshot(`
    "inet t c policy
    local: accepted"
  `);
});

test("what iptables-nft prints, as nft 1.0.6 and 1.1.3 spell it", () => {
  complaints.length = 0;
  const lines = [
    "tcp flags syn / fin,syn,rst,ack tcp dport 22623 counter packets 0 bytes 0 reject",
    "tcp flags & (fin | syn | rst | ack) == syn tcp dport 22623 counter packets 0 bytes 0 reject",
    "ip protocol tcp fib daddr type local tcp dport 32736 counter packets 25 bytes 1500 dnat to 169.254.0.3:32736",
    "meta l4proto tcp fib daddr type local tcp dport 32736 counter packets 25 bytes 1500 dnat to 169.254.0.3:32736",
    "meta mark 0x000003f0 counter packets 0 bytes 0 ct mark set mark",
    "icmp type destination-unreachable icmp code frag-needed ip daddr @x counter packets 0 bytes 0 drop",
    'iifname "ovn-k8s-mp0"  counter packets 75 bytes 5725 accept comment "from OVN"',
    'oifname != "ovn-k8s-mp0" return',
    "dnat ip addr . port to ip daddr . meta l4proto . th dport map @external-ips-v4",
    "meta mark set ct mark & 0x000000ff | meta mark & 0xffffff00",
    "ct state != { new, established } ct status dnat accept",
    "limit rate over 10/second burst 5 packets drop",
    "meta skuid 1000-2000 reject",
    "add @seen { ip saddr timeout 1m limit rate 3/minute } accept",
    "ip saddr . meta oifname vmap { 10.0.0.1 . eth0 : jump c, * : drop }",
    "jhash ip saddr mod 4 seed 0xdeadbeef vmap { 0-1 : accept, 2-3 : drop }",
    "numgen random mod 10 < 3 drop",
    "dnat to [2001:db8::1]:80",
    'log prefix "a b" level warn flags tcp sequence,options drop',
    "quota over 25 mbytes used 0 bytes drop",
    "ct count over 20 drop",
  ];
  const tables = parseNftText(input(lines.join("\n")), complain);
  expect(complaints).toEqual([]);
  expect(tables?.[0].chains[0].rules.map((r) => r.statements.map((s) => s.s).join(" "))).toMatchInlineSnapshot(`
    [
      "match match match reject",
      "match match match reject",
      "match match match match nat",
      "match match match match nat",
      "match mark",
      "match match match verdict",
      "match verdict",
      "match verdict",
      "natMap",
      "mark",
      "match match verdict",
      "outside verdict",
      "outside reject",
      "outside verdict",
      "vmap",
      "vmap",
      "chance verdict",
      "nat",
      "note verdict",
      "outside verdict",
      "outside verdict",
    ]
  `);
});

test("named sets and maps: intervals, wildcards, attributes, types that are not known", () => {
  complaints.length = 0;
  const text = table(`	set a {
		typeof ip daddr . tcp dport
		flags interval
		elements = { 192.0.2.0/24 . 80-90 counter packets 0 bytes 0,
			     192.0.2.1-192.0.2.9 . 443 comment "x, y" }
	}
	set b {
		type ifname
		elements = { "eth*", lo }
	}
	set c {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 1m
		elements = { 192.0.2.7 timeout 1m expires 12s }
	}
	set d {
		type boot_id
	}
	map e {
		type ipv4_addr . inet_service : interval ipv4_addr . inet_service
		elements = { 192.0.2.1 . 80 : 10.0.0.1-10.0.0.3 . 8080-8090 }
	}
	flowtable f {
		hook ingress priority filter
		devices = { eth0 }
	}
	ct helper g {
		type "ftp" protocol tcp
		l3proto ip
	}`);
  const sets = parseNftText(text, complain)?.[0].sets;
  expect(complaints).toMatchInlineSnapshot(`
    [
      "warning 20: set d: the type 'boot_id' is not known",
    ]
  `);
  expect(
    JSON.stringify(sets, (_, v: unknown) => (typeof v === "bigint" ? v.toString() : v), 1).replace(/\n\s*/g, " "),
  ).toMatchInlineSnapshot(
    `"[ { "name": "a", "line": 2, "tuples": [ [ { "k": "range", "lo": "3221225984", "hi": "3221226239" }, { "k": "range", "lo": "80", "hi": "90" } ], [ { "k": "range", "lo": "3221225985", "hi": "3221225993" }, { "k": "range", "lo": "443", "hi": "443" } ] ], "dynamic": false }, { "name": "b", "line": 8, "tuples": [ [ { "k": "ifname", "name": "eth", "wildcard": true } ], [ { "k": "ifname", "name": "lo", "wildcard": false } ] ], "dynamic": false }, { "name": "c", "line": 12, "tuples": [ [ { "k": "range", "lo": "3221225991", "hi": "3221225991" } ] ], "dynamic": true, "unreadable": "its elements come and go with the traffic" }, { "name": "d", "line": 19, "tuples": [], "dynamic": false, "unreadable": "the type 'boot_id' is not known" }, { "name": "e", "line": 22, "tuples": [ [ { "k": "range", "lo": "3221225985", "hi": "3221225985" }, { "k": "range", "lo": "80", "hi": "80" } ] ], "dynamic": false, "data": [ { "key": [ { "k": "range", "lo": "3221225985", "hi": "3221225985" }, { "k": "range", "lo": "80", "hi": "80" } ], "data": [ { "k": "range", "lo": "167772161", "hi": "167772163" }, { "k": "range", "lo": "8080", "hi": "8090" } ], "text": "192.0.2.1 . 80 : 10.0.0.1-10.0.0.3 . 8080-8090", "line": 24 } ] } ]"`,
  );
});

test("a dump cut off in a table", () => {
  complaints.length = 0;
  const tables = parseNftText(
    "table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t\ttcp dport 80 drop\n",
    complain,
  );
  expect(tables?.[0].cut).toBe(true);
  expect(complaints).toEqual(["error 5: the dump ends within table ip t"]);
  expect(parseNftText("bash: nft: command not found\n", complain)).toBe(null);
  expect(parseNftJson('{"nftables": [{"table"', complain)).toBe(null);
});

test("JSON names no family where the table has one", () => {
  const rule = (key: string, dir: string, right: string) =>
    `{"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 2, "expr": [{"match": {"op": "==", "left": {"ct": {"key": "${key}", "dir": "${dir}"}}, "right": ${right}}}, {"drop": null}]}}`;
  const tables = parseNftJson(
    `{"nftables": [{"table": {"family": "ip", "name": "t", "handle": 1}}, {"chain": {"family": "ip", "table": "t", "name": "c", "handle": 1}},
${rule("saddr", "original", '"192.0.2.1"')},
${rule("ip daddr", "reply", '{"prefix": {"addr": "10.0.0.0", "len": 8}}')}]}`,
    complain,
  );
  expect(tables?.[0].chains[0].rules.map((r) => r.statements.map((s) => (s.s === "match" ? s.selectors : s.s)))).toEqual([
    [["ct original ip saddr"], "verdict"],
    [["ct reply ip daddr"], "verdict"],
  ]);
});

test("fields of the Ethernet header by their place, as nft joins them", () => {
  const rules = (...lines: string[]) => {
    complaints.length = 0;
    const text = `table inet t {\n\tchain c {\n\t\ttype filter hook forward priority 0; policy accept;\n${lines.map((l) => `\t\t${l}\n`).join("")}\t}\n}\n`;
    return meaning(parseNftText(text, complain)?.[0].chains[0].rules.map((r) => r.statements) as never);
  };
  expect(rules("@ll,48,64 0x200000000aa0800 meta iiftype ether drop")).toEqual(rules("ether saddr 02:00:00:00:00:aa ether type ip drop"));
  expect(rules("@ll,96,16 0x86dd ether daddr 02:00:00:00:00:aa drop")).toEqual(rules("ether type ip6 ether daddr 02:00:00:00:00:aa drop"));
  // Part of a field is followed both ways.
  expect(JSON.stringify(rules("@ll,40,8 0xaa drop"))).toContain("outside");
  expect(complaints).toEqual([]);
});
