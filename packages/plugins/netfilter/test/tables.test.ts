import { expect, test } from "vitest";
import { testHost } from "./host.js";

const NAT =
  "*nat\n:PREROUTING ACCEPT [0:0]\n:SVC - [0:0]\n-A PREROUTING -j SVC\n-A SVC -d 203.0.113.1/32 -j DNAT --to-destination 10.0.0.1\nCOMMIT\n";
const TWIN = `table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		counter packets 0 bytes 0 jump SVC
	}

	chain SVC {
		ip daddr 203.0.113.1 counter packets 0 bytes 0 xt target "DNAT"
	}
}
`;
const OWN = `table ip own {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 203.0.113.1 dnat to 10.0.0.2
	}
}
`;

test("iptables-save and nft show one table; it runs once, as iptables-save has it", () => {
  const h = testHost({ "iptables-save": NAT, nft_list_ruleset: TWIN });
  expect(h.problems).toEqual([]);
  expect(h.walk({ dst: "203.0.113.1" })).toMatchInlineSnapshot(`
    "nat PREROUTING #1
    nat SVC #1
      ip_dst=10.0.0.1
    local: accepted"
  `);
});

test("without iptables-save nft's listing of it is used, and what it lost is unknown", () => {
  const h = testHost({ nft_list_ruleset: TWIN });
  expect(h.walk({ dst: "203.0.113.1" })).toMatchInlineSnapshot(`
    "ip nat PREROUTING #1
    ip nat SVC #1
    unknown: ip nat SVC rule 1: iptables target DNAT, of which nft prints the name only"
  `);
  expect(h.walk({ dst: "203.0.113.2" })).toMatchInlineSnapshot(`
    "ip nat PREROUTING #1
    ip nat PREROUTING policy
    local: accepted"
  `);
});

test("of nat chains of one hook and priority the later made runs first, and the first that translates ends it", () => {
  const h = testHost({ "iptables-save": NAT, nft_list_ruleset: TWIN + OWN });
  expect(h.walk({ dst: "203.0.113.1" })).toMatchInlineSnapshot(`
    "ip own pre #1
      ip_dst=10.0.0.2
    local: accepted"
  `);
  const turned = testHost({ "iptables-save": NAT, nft_list_ruleset: OWN + TWIN });
  expect(turned.walk({ dst: "203.0.113.1" })).toMatchInlineSnapshot(`
    "nat PREROUTING #1
    nat SVC #1
      ip_dst=10.0.0.1
    local: accepted"
  `);
});

test("-S beside iptables-save: the same is left out, another is said", () => {
  const same = testHost({
    "iptables-save": NAT,
    "iptables_-t_nat_-S":
      "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-N SVC\n-A PREROUTING -j SVC\n-A SVC -d 203.0.113.1/32 -j DNAT --to-destination 10.0.0.1\n",
  });
  expect(same.problems).toEqual([]);
  const other = testHost({
    "iptables-save": NAT,
    "iptables_-t_nat_-S": "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-N SVC\n-A PREROUTING -j SVC\n",
  });
  expect(other.problems.map((p) => p.message)).toEqual(["table nat differs from that in h/iptables-save, which is used"]);
});

test("a table that only -S shows", () => {
  const h = testHost(
    {
      "iptables_-t_nat_-S":
        "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A PREROUTING -d 203.0.113.1/32 -j DNAT --to-destination 10.0.0.1\n",
    },
    "prerouting",
    false,
  );
  expect(h.walk({ dst: "203.0.113.1" })).toMatchInlineSnapshot(`
    "netfilter prerouting (assumed)
    note: of the netfilter rules of h only these are in evidence: table nat
    nat PREROUTING #1
      ip_dst=10.0.0.1
    local: accepted"
  `);
});

test("a list for people without interfaces is said not to be read", () => {
  const listing = "Chain PREROUTING (policy ACCEPT)\ntarget     prot opt source               destination\n";
  const h = testHost({ "iptables_-t_nat_-nL": listing }, "prerouting", false);
  expect(h.problems.map((p) => `${p.severity}: ${p.message}`)).toMatchInlineSnapshot(`
    [
      "warning: table nat is in evidence as a list for people (iptables -L), which leaves the interfaces out and is not read",
    ]
  `);
});

test("an IPv6 packet does not see IPv4's tables", () => {
  const h = testHost(
    { "iptables-save": "*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "ip6tables-save": "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n" },
    "input",
  );
  const t = h.net.tables.find((x) => x.name === "filter INPUT");
  expect(t?.rules.map((r) => r.rows)).toEqual([[[{ w: expect.any(Number), v: 0x86dd, m: 0xffff }]]]);
  expect(h.walk({})).toMatchInlineSnapshot(`
    "ip6 filter INPUT
    filter INPUT policy
    dropped: dropped by the policy of filter INPUT"
  `);
});
