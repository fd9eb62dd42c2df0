import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";
import { said } from "./kit.js";

const read = (name: string, text: string) => {
  const r = readInline(plugin, `node/ovs/${name}`, text);
  const side = (t: { src: string; dst: string; sport: number; dport: number }) => `${t.src}:${t.sport}>${t.dst}:${t.dport}`;
  return [
    r.claim ? `${r.claim.what} (form ${r.claim.form})` : "not claimed",
    ...r.facts.map((f) => {
      if (f.kind !== "conntrack.entry") return `${f.kind} ${JSON.stringify(f.data)}`;
      const d = f.data as import("@plumbline/model").ConnectionFact;
      const marks = [d.seenReply ? "answered" : "unanswered", d.closed ? "closed" : "", d.state].filter(Boolean).join(" ");
      return `${f.origin.line} ${d.table} ipv${d.family} ${d.proto} zone ${d.zone} ${side(d.orig)} | ${side(d.reply)} mark ${d.mark} label ${d.label} ${marks}`;
    }),
    ...said(r.problems),
  ];
};

test("the userspace datapath, in full: the answering side's state, or the timeout, tells whether an answer was seen", () => {
  const text = `tcp,orig=(src=192.0.2.1,dst=203.0.113.9,sport=40000,dport=80),reply=(src=10.1.0.4,dst=100.64.0.2,sport=8080,dport=40000),id=0,zone=19,status=0,timeout=8,mark=2,labels=0x300000000,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=10,flags_orig=WINDOW_SCALE)
tcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),reply=(src=192.0.2.2,dst=192.0.2.1,sport=2,dport=1),id=0,status=0,timeout=8,protoinfo=(state_orig=FIN_WAIT_2,state_reply=TIME_WAIT)
tcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=3,dport=4),reply=(src=192.0.2.2,dst=192.0.2.1,sport=4,dport=3),id=0,status=0,timeout=8,protoinfo=(state_orig=SYN_SENT,state_reply=CLOSED)
udp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=5,dport=53),reply=(src=192.0.2.2,dst=192.0.2.1,sport=53,dport=5),id=0,status=0,timeout=52
udp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=6,dport=53),reply=(src=192.0.2.2,dst=192.0.2.1,sport=53,dport=6),id=0,status=0,timeout=29
icmpv6,orig=(src=2001:db8::1,dst=2001:db8::2,id=7,type=128,code=0),reply=(src=2001:db8::2,dst=2001:db8::1,id=7,type=129,code=0),id=0,zone=3,status=0,timeout=20
47,orig=(src=192.0.2.1,dst=192.0.2.2),reply=(src=192.0.2.2,dst=192.0.2.1),id=0,status=0,timeout=20
nonsense
`;
  expect(read("ovs-appctl_dpctl_dump-conntrack_-m_-s", text)).toMatchInlineSnapshot(`
    [
      "OVS connections (form 3)",
      "1 switch ipv4 6 zone 19 192.0.2.1:40000>203.0.113.9:80 | 10.1.0.4:8080>100.64.0.2:40000 mark 2 label 0x300000000 answered ESTABLISHED",
      "2 switch ipv4 6 zone 0 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 label 0x0 answered closed FIN_WAIT_2/TIME_WAIT",
      "3 switch ipv4 6 zone 0 192.0.2.1:3>192.0.2.2:4 | 192.0.2.2:4>192.0.2.1:3 mark 0 label 0x0 unanswered SYN_SENT/CLOSED",
      "4 switch ipv4 17 zone 0 192.0.2.1:5>192.0.2.2:53 | 192.0.2.2:53>192.0.2.1:5 mark 0 label 0x0 unanswered",
      "5 switch ipv4 17 zone 0 192.0.2.1:6>192.0.2.2:53 | 192.0.2.2:53>192.0.2.1:6 mark 0 label 0x0 answered",
      "6 switch ipv6 58 zone 3 2001:db8::1:7>2001:db8::2:7 | 2001:db8::2:7>2001:db8::1:7 mark 0 label 0x0 answered",
      "7 switch ipv4 47 zone 0 192.0.2.1:0>192.0.2.2:0 | 192.0.2.2:0>192.0.2.1:0 mark 0 label 0x0 answered",
      "conntrack.read {"table":"switch"}",
      "warning node/ovs/ovs-appctl_dpctl_dump-conntrack_-m_-s:8: 'nonsense' is not understood in dump-conntrack",
    ]
  `);
});

test("short forms, the kernel's datapath, a part, an empty table", () => {
  const tcp = "tcp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),reply=(src=192.0.2.2,dst=192.0.2.1,sport=2,dport=1)";
  expect(
    read("ovs-appctl_dpctl_dump-conntrack", `${tcp},zone=5,protoinfo=(state=TIME_WAIT)\n${tcp},protoinfo=(state=SYN_SENT)\n`),
  ).toMatchInlineSnapshot(`
    [
      "OVS connections (form 1)",
      "1 switch ipv4 6 zone 5 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 label 0x0 answered closed TIME_WAIT",
      "2 switch ipv4 6 zone 0 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 label 0x0 unanswered SYN_SENT",
      "conntrack.read {"table":"switch"}",
    ]
  `);
  expect(
    read(
      "ovs-appctl_dpctl.dump-conntrack_-m_system_ovs-system",
      `${tcp},id=1,zone=5,status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=9,protoinfo=(state=CLOSED)\n${tcp},id=2,zone=6,status=CONFIRMED,timeout=9\n`,
    ),
  ).toMatchInlineSnapshot(`
    [
      "OVS connections (form 2)",
      "1 kernel ipv4 6 zone 5 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 label 0x0 answered closed CLOSED",
      "2 kernel ipv4 6 zone 6 192.0.2.1:1>192.0.2.2:2 | 192.0.2.2:2>192.0.2.1:1 mark 0 label 0x0 unanswered",
      "conntrack.read {"table":"kernel"}",
    ]
  `);
  expect(read("ovs-dpctl_dump-conntrack_-s", "")).toMatchInlineSnapshot(`
    [
      "OVS connections (form 2)",
      "conntrack.read {"table":"kernel"}",
    ]
  `);
  expect(read("ovs-appctl_dpctl_dump-conntrack_-m_netdev_ovs-netdev_zone=7", "")).toMatchInlineSnapshot(`
    [
      "OVS connections of zone 7 (form 2)",
    ]
  `);
  expect(read("ovs-appctl_dpctl_dump-conntrack", "ovs-vswitchd: no datapath\nx\n")).toMatchInlineSnapshot(`
    [
      "OVS connections (form 1)",
      "error node/ovs/ovs-appctl_dpctl_dump-conntrack:1: the command failed: ovs-vswitchd: no datapath",
    ]
  `);
});
