import { type Hook, Interpreter } from "@plumbline/model";
import { FactStore, inlineFile, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { type NetfilterAnswer, netfilterAlone, openNetfilter } from "../src/index.js";

/** A hook point of a host of which only these rules are known; each question is told as text. */
function atHook(rules: string, hook: Hook): (line: string) => NetfilterAnswer {
  const facts = new FactStore();
  const file = inlineFile("rules", rules, { host: "h", command: "" });
  const read = readFile(netfilterAlone, file);
  expect(read.problems).toEqual([]);
  for (const f of read.facts) facts.add(f);
  const layer = openNetfilter({ facts, network: undefined as never, problems: [] }, { hook });
  expect(layer.problems).toEqual([]);
  const machine = new Interpreter(layer.network);
  return (line) => {
    const q = layer.ask(line);
    if (q.run.fresh) machine.reset();
    return layer.answer(q, machine.run(q.run.row, q.run.device, q.run.port, q.run.options));
  };
}

const steps = (a: NetfilterAnswer) => [
  ...a.steps.map(
    (s) => `${s.table} ${s.chain} ${s.policy ? `policy ${s.target}` : `${s.rule} ${s.target}`}${s.element ? ` [${s.element}]` : ""}`,
  ),
  `${a.verdict}: ${a.packetAfter}`,
];

test("rules that only count, RETURN to the policy, a translation", () => {
  const ask = atHook(
    `*nat
:PREROUTING ACCEPT [0:0]
:SVC - [0:0]
-A PREROUTING -m comment --comment "counts"
-A PREROUTING -j SVC
-A SVC -s 192.0.2.66/32 -g OUT
-A SVC -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080
-A OUT -j RETURN
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp -j RETURN
COMMIT
`,
    "prerouting",
  );
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=80"))).toEqual([
    "raw PREROUTING policy ACCEPT",
    "nat PREROUTING 1 ",
    "nat PREROUTING 2 SVC",
    "nat SVC 2 DNAT",
    "accept: tcp,nw_src=192.0.2.1,nw_dst=10.0.0.1,nw_ttl=64,tp_src=1,tp_dst=8080,tcp_flags=syn",
  ]);
  // Gone to from SVC: its RETURN comes back to PREROUTING.
  expect(steps(ask("udp,nw_src=192.0.2.66,nw_dst=203.0.113.1,tp_src=1,tp_dst=80"))).toEqual([
    "raw PREROUTING 1 RETURN",
    "raw PREROUTING policy ACCEPT",
    "nat PREROUTING 1 ",
    "nat PREROUTING 2 SVC",
    "nat SVC 1 OUT",
    "nat OUT 1 RETURN",
    "nat PREROUTING policy ACCEPT",
    "accept: udp,nw_src=192.0.2.66,nw_dst=203.0.113.1,nw_ttl=64,tp_src=1,tp_dst=80",
  ]);
  // Known connections do not see nat; the state is what the question says.
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=80 --ct established"))).toEqual([
    "raw PREROUTING policy ACCEPT",
    "accept: tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,nw_ttl=64,tp_src=1,tp_dst=80,tcp_flags=syn",
  ]);
});

test("nft: maps, a rule that fails behind its effect, sets of concatenations", () => {
  const ask = atHook(
    `table inet t {
	map svc {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
		elements = { 203.0.113.1 . tcp . 80 : 10.0.0.1 . 8080, 203.0.113.1 . udp . 53 : 10.0.0.2 . 5353 }
	}
	map ports {
		type ipv4_addr . inet_proto . inet_service : inet_service
		elements = { 203.0.113.9 . tcp . 80 : 8443 }
	}
	chain marks {
		type filter hook output priority mangle; policy accept;
		meta mark set 0x1 tcp dport 22 drop
		ip daddr . tcp dport != { 203.0.113.1 . 80, 203.0.113.9 . 80 } meta mark set 0x2
	}
	chain pre {
		type nat hook output priority dstnat; policy drop;
		dnat ip to ip daddr . meta l4proto . th dport map @svc
		redirect to :ip daddr . meta l4proto . th dport map @ports
		numgen random mod 2 vmap { 0 : jump a, 1 : goto b }
	}
	chain a {
		return
	}
	chain b {
		accept
	}
}
`,
    "output",
  );
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=80"))).toEqual([
    "t marks policy accept",
    "t pre 1 dnat [203.0.113.1 . tcp . 80 : 10.0.0.1 . 8080]",
    "accept: tcp,nw_src=192.0.2.1,nw_dst=10.0.0.1,nw_ttl=64,pkt_mark=0x1,tp_src=1,tp_dst=8080,tcp_flags=syn",
  ]);
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.9,tp_src=1,tp_dst=80"))).toEqual([
    "t marks policy accept",
    "t pre 2 redirect [203.0.113.9 . tcp . 80 : 8443]",
    "accept: tcp,nw_src=192.0.2.1,nw_dst=127.0.0.1,nw_ttl=64,pkt_mark=0x1,tp_src=1,tp_dst=8443,tcp_flags=syn",
  ]);
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=81 --choose 1"))).toEqual([
    "t marks 2 meta mark set",
    "t marks policy accept",
    "t pre 3 vmap",
    "t b 1 accept",
    "accept: tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,nw_ttl=64,pkt_mark=0x2,tp_src=1,tp_dst=81,tcp_flags=syn",
  ]);
  expect(steps(ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=22"))).toEqual([
    "t marks 1 drop",
    "drop: tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,nw_ttl=64,pkt_mark=0x1,tp_src=1,tp_dst=22,tcp_flags=syn",
  ]);
});

test("what is not in evidence is a choice; a rule whose draw fails is no hit; addresses of a range", () => {
  const ask = atHook(
    `*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -m limit --limit 3/min -j LOG --log-prefix "seldom "
-A POSTROUTING -p tcp -m tcp --tcp-option 5 -j RETURN
-A POSTROUTING -p tcp -m statistic --mode random --probability 0.50000000000 -j SNAT --to-source 198.51.100.1-198.51.100.3
-A POSTROUTING -j SNAT --to-source 198.51.100.9:1024-2048
COMMIT
`,
    "postrouting",
  );
  const b = ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=40000,tp_dst=80 --choose 0,0,1");
  expect(steps(b)).toEqual([
    "nat POSTROUTING 1 LOG",
    "nat POSTROUTING 3 SNAT",
    "accept: tcp,nw_src=198.51.100.2,nw_dst=203.0.113.1,nw_ttl=64,tp_src=40000,tp_dst=80,tcp_flags=syn",
  ]);
  const a = ask("tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=40000,tp_dst=80 --choose 0,1");
  expect(steps(a)).toEqual([
    "nat POSTROUTING 1 LOG",
    "nat POSTROUTING 4 SNAT",
    "accept: tcp,nw_src=198.51.100.9,nw_dst=203.0.113.1,nw_ttl=64,tp_src=1024,tp_dst=80,tcp_flags=syn",
  ]);
  expect(a.choices.map((c) => `${c.how}: ${c.option} of ${c.of}`)).toEqual([
    "-m tcp --tcp-option 5: 0 of 2",
    "-m statistic --mode random --probability 0.50000000000: 1 of 2",
    "source port, drawn by the kernel: 0 of 1",
  ]);
});

test("a packet stands at its hook with its mark and its way out; what else of it is a device's is not its own", () => {
  const rules = (first: string) => `*filter
:FORWARD ACCEPT [0:0]
${first}-A FORWARD -o eth1 -m mark --mark 0x5 -j DROP
-A FORWARD -i eth0 -j RETURN
COMMIT
`;
  const packet = "tcp,nw_src=192.0.2.1,nw_dst=203.0.113.1,tp_src=1,tp_dst=2,pkt_mark=5,reg13=1,ct_state=0x22";
  const tracking = (ask: (line: string) => NetfilterAnswer) =>
    ["--in eth0 --out eth1", "--in eth0", "--out eth1 --ct established"].map((o) =>
      steps(ask(`${packet} ${o}`)).map((s) => s.split(":")[0]),
    );
  expect(tracking(atHook(rules(""), "forward"))).toEqual([
    ["filter FORWARD 1 DROP", "drop"],
    ["filter FORWARD 2 RETURN", "filter FORWARD policy ACCEPT", "accept"],
    ["filter FORWARD 1 DROP", "drop"],
  ]);
  // A rule asks for the state: it is found, or said.
  expect(tracking(atHook(rules("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"), "forward"))).toEqual([
    ["filter FORWARD 2 DROP", "drop"],
    ["filter FORWARD 3 RETURN", "filter FORWARD policy ACCEPT", "accept"],
    ["filter FORWARD 1 ACCEPT", "accept"],
  ]);
});

test("no connection is tracked where no rule asks for one", () => {
  const tables = (rules: string, hook: Hook) => {
    const facts = new FactStore();
    for (const f of readFile(netfilterAlone, inlineFile("rules", rules, { host: "h", command: "" })).facts) facts.add(f);
    return openNetfilter({ facts, network: undefined as never, problems: [] }, { hook }).network.tables.map((t) => t.name);
  };
  const nft = (hook: string, rule: string) =>
    `table ip t {\n\tchain c {\n\t\ttype filter hook ${hook} priority 0; policy accept;\n\t\t${rule}\n\t}\n}\n`;
  expect(tables(nft("forward", "tcp dport 80 drop"), "forward")).not.toContain("given state");
  expect(tables(nft("prerouting", "tcp dport 80 drop"), "prerouting")).not.toContain("given state");
  for (const rule of ["ct state new drop", "meta mark set ct mark", "ct original ip saddr 192.0.2.1 drop"]) {
    expect(tables(nft("forward", rule), "forward"), rule).toContain("given state");
    expect(tables(nft("prerouting", rule), "prerouting"), rule).toContain("given state");
  }
});

test("questions that cannot be used", () => {
  const ask = atHook("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth0 -j DROP\nCOMMIT\n", "input");
  const said = (line: string) => {
    try {
      return ask(line).verdict;
    } catch (e) {
      return e instanceof Error ? e.message : String(e);
    }
  };
  expect(
    ["tcp,tp_dst=1 --in eth0", "tcp,tp_dst=1 --in eth7", "arp,arp_op=1", "tcp,tp_dst=1 --ct often", "tcp,tp_dst=1 --now"].map(said),
  ).toMatchInlineSnapshot(`
    [
      "drop",
      "interface 'eth7' is in none of the files.",
      "packet 'arp,arp_op=1': netfilter's rules are asked about IPv4 and IPv6 packets",
      "'often' is not a connection state.",
      "'--now' is not an option of a packet.",
    ]
  `);
});
