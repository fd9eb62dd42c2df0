import type { ConnectionFact, ConnectionTuple } from "@plumbline/model";
import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const side = (t: ConnectionTuple) => `${t.src}:${t.sport}>${t.dst}:${t.dport}`;
const read = (name: string, text: string) => {
  const r = readInline(plugin, name, text);
  return [
    r.claim ? `${r.claim.what} (form ${r.claim.form})` : "not claimed",
    ...r.facts.map((f) => {
      if (f.kind !== "conntrack.entry") return `${f.kind} ${JSON.stringify(f.data)}`;
      const d = f.data as ConnectionFact;
      const marks = [d.seenReply ? "answered" : "unanswered", d.closed ? "closed" : "", d.state].filter(Boolean).join(" ");
      return `${f.origin.line} ${d.table} ipv${d.family} ${d.proto} zone ${d.zone} ${side(d.orig)} | ${side(d.reply)} mark ${d.mark} ${marks}`;
    }),
    ...r.problems.map((p) => `${p.severity} ${p.file}:${p.line}: ${p.message}`),
  ];
};

test("connections of the kernel, plain and extended", () => {
  const plain = `tcp      6 431998 ESTABLISHED src=192.0.2.1 dst=203.0.113.9 sport=40000 dport=80 src=10.1.0.4 dst=192.0.2.1 sport=8080 dport=40000 [ASSURED] mark=5 zone=3 use=1
tcp      6 110 SYN_SENT src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 sport=2 dport=1 mark=0 use=1
tcp      6 9 CLOSE src=192.0.2.1 dst=192.0.2.2 sport=3 dport=2 packets=4 bytes=200 src=192.0.2.2 dst=192.0.2.1 sport=2 dport=3 packets=2 bytes=99 [ASSURED] mark=0 use=1 id=77
icmp     1 17 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=23 src=192.0.2.2 dst=192.0.2.1 type=0 code=0 id=23 mark=0 use=1 id=78
unknown  2 500 src=192.0.2.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=192.0.2.1 mark=0 use=1
udp      17 src=192.0.2.1 dst=192.0.2.2 sport=4 dport=53 src=192.0.2.2 dst=192.0.2.1 sport=53 dport=4 [OFFLOAD] mark=0 use=2
udp      17 9 src=192.0.2.1 dst=192.0.2.2 sport=4 dport=53 orig-zone=4 src=192.0.2.2 dst=192.0.2.1 sport=53 dport=4 mark=0 use=2
conntrack v1.4.7 (conntrack-tools): 7 flow entries have been shown.
`;
  expect(read("node/conntrack_-L", plain)).toMatchInlineSnapshot(`
    [
      "connections (conntrack -L) (form 0)",
      "1 kernel ipv4 6 zone 3 192.0.2.1:40000>203.0.113.9:80 | 10.1.0.4:8080>192.0.2.1:40000 mark 5 answered ESTABLISHED",
      "2 kernel ipv4 6 zone 0 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 unanswered SYN_SENT",
      "3 kernel ipv4 6 zone 0 192.0.2.1:3>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:3 mark 0 answered closed CLOSE",
      "4 kernel ipv4 1 zone 0 192.0.2.1:23>192.0.2.2:23 | 192.0.2.2:23>192.0.2.1:23 mark 0 answered",
      "5 kernel ipv4 2 zone 0 192.0.2.1:0>224.0.0.22:0 | 224.0.0.22:0>192.0.2.1:0 mark 0 unanswered",
      "6 kernel ipv4 17 zone 0 192.0.2.1:4>192.0.2.2:53 | 192.0.2.2:53>192.0.2.1:4 mark 0 answered",
      "conntrack.read {"table":"kernel"}",
      "warning node/conntrack_-L:7: not a connection: 'udp      17 9 src=192.0.2.1 dst=192.0.2.2 sport=4 dport=53 orig-zone=4 src=192.0.2.2 dst=192.0.2.1 sport=53 dport=4 mark=0 use=2'",
    ]
  `);
  expect(
    read(
      "node/conntrack_-L_-o_extended",
      "ipv6     10 udp      17 21 src=2001:db8::1 dst=2001:db8::2 sport=5 dport=53 src=2001:db8::2 dst=2001:db8::1 sport=53 dport=5 mark=0 use=1\n",
    ),
  ).toMatchInlineSnapshot(`
    [
      "connections (conntrack -L) (form 1)",
      "1 kernel ipv6 17 zone 0 2001:db8::1:5>2001:db8::2:53 | 2001:db8::2:53>2001:db8::1:5 mark 0 answered",
      "conntrack.read {"table":"kernel"}",
    ]
  `);
});

test("what is a list of connections, and what is not", () => {
  expect(
    [
      "node/proc/net/nf_conntrack",
      "node/conntrack_-L_-p_udp",
      "node/conntrack_-S",
      "node/conntrack_-L_expect",
      "node/conntrack_-L_-o_xml",
    ].map((n) => read(n, "")[0]),
  ).toMatchInlineSnapshot(`
    [
      "connections (conntrack -L) (form 1)",
      "connections (conntrack -L -p udp) (form 0)",
      "not claimed",
      "not claimed",
      "not claimed",
    ]
  `);
});
