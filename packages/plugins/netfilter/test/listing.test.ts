import { expect, test } from "vitest";
import { parseIptables } from "../src/parse/iptables.js";
import { listedLines } from "../src/parse/iptables-listing.js";

const LISTING = `Chain PREROUTING (policy ACCEPT 12 packets, 1041 bytes)
 pkts bytes target     prot opt in     out     source               destination         
    3   180 KUBE-SERVICES  0    --  *      *       0.0.0.0/0            0.0.0.0/0            /* kubernetes service portals */
    0     0 REDIRECT   6    --  wan+   *       0.0.0.0/0            0.0.0.0/0            tcp dpt:2222 redir ports 22

Chain POSTROUTING (policy DROP 0 packets, 0 bytes)
 pkts bytes target     prot opt in     out     source               destination         
    0     0 RETURN     0    --  *      *       0.0.0.0/0            0.0.0.0/0            mark match ! 0x4000/0x4000
    0     0 SNAT       6    --  *      !eth1   10.1.0.0/16          0.0.0.0/0            tcp spts:1000:2000 to:192.0.2.4-192.0.2.9:100-200 persistent
    0     0 MASQUERADE  0    --  *      *       0.0.0.0/0           !203.0.113.0/24       /* so "named" */ random-fully

Chain KUBE-SERVICES (1 references)
 pkts bytes target     prot opt in     out     source               destination         
    0     0            6    --  *      *      !10.0.0.0/8           10.96.0.1            tcp dpts:443:444 flags:0x17/0x02
    0     0 KUBE-SEP   0    --  *      *       0.0.0.0/0            0.0.0.0/0            statistic mode random probability 0.50000000000 [goto] ADDRTYPE match dst-type LOCAL
    0     0 DNAT       17   --  *      *       0.0.0.0/0            0.0.0.0/0            ctstate NEW multiport dports 53,5353 to:10.0.0.9:53
    0     0 ACCEPT     0    --  *      *       0.0.0.0/0            0.0.0.0/0            something new 7
`;

test("iptables -nvL says what -S says", () => {
  const problems: string[] = [];
  const lines = listedLines(LISTING, (_, line, message) => void problems.push(`${line}: ${message}`));
  expect(problems).toEqual([]);
  expect(lines?.map((l) => `${l.line} ${l.text}`)).toMatchInlineSnapshot(`
    [
      "1 -P PREROUTING ACCEPT",
      "3 -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES",
      "4 -A PREROUTING -p 6 -i wan+ -m tcp --dport 2222 -j REDIRECT --to-ports 22",
      "6 -P POSTROUTING DROP",
      "8 -A POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
      "9 -A POSTROUTING -s 10.1.0.0/16 -p 6 ! -o eth1 -m tcp --sport 1000:2000 -j SNAT --to-source 192.0.2.4-192.0.2.9:100-200",
      "10 -A POSTROUTING ! -d 203.0.113.0/24 -m comment --comment "so \\"named\\"" -j MASQUERADE --random-fully",
      "12 -N KUBE-SERVICES",
      "14 -A KUBE-SERVICES ! -s 10.0.0.0/8 -d 10.96.0.1 -p 6 -m tcp --dport 443:444 -m tcp --tcp-flags 0x17 0x02",
      "15 -A KUBE-SERVICES -m statistic --mode random --probability 0.50000000000 -m addrtype --dst-type LOCAL -g KUBE-SEP",
      "16 -A KUBE-SERVICES -p 17 -m conntrack --ctstate NEW -m multiport --dports 53,5353 -j DNAT --to-destination 10.0.0.9:53",
      "17 -A KUBE-SERVICES -m listed --not-read "something new 7" -j ACCEPT",
    ]
  `);
  const { tables } = parseIptables(
    `${lines!.map((l) => l.text).join("\n")}\n`,
    "ip",
    "nat",
    (_, line, message) => void problems.push(`${line}: ${message}`),
  );
  expect(tables[0].whole).toBe(true);
  expect(problems).toMatchInlineSnapshot(`
    [
      "12: match -m listed --not-read "something new 7": there is no translation of it",
    ]
  `);
});

test("a list without -v leaves the interfaces out", () => {
  expect(listedLines("Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\n", () => {})).toBe(null);
});
