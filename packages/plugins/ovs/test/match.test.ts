import { printMatch } from "@plumbline/model";
import { expect, test } from "vitest";
import { parseFlowLine, parseGroupLine, parseMatch } from "../src/index.js";
import { lowerMatch } from "../src/lower/match.js";

const row = (text: string) => {
  const { terms, problems } = parseMatch(text);
  const { match, unmodelled } = lowerMatch(terms, (name) => (name === "eth0" ? 7 : undefined));
  return [match ? printMatch(match) : "never", ...unmodelled.map((u) => `? ${u}`), ...problems.map((p) => `! ${p.at}: ${p.message}`)].join(
    " ",
  );
};

test("every spelling of a match", () => {
  const texts = [
    "",
    "ip",
    "tcp,nw_src=192.0.2.0/24,tp_dst=80",
    "ip,nw_proto=6,nw_dst=192.0.2.1/255.255.255.0",
    "icmp6,icmp_type=135,icmp_code=0,nd_target=2001:db8::1",
    "ipv6,ipv6_dst=2001:db8::/32",
    "arp,arp_op=1,arp_tpa=192.0.2.1,arp_sha=02:00:00:00:00:01",
    "in_port=LOCAL",
    "in_port=0xfffffffe",
    "in_port=eth0",
    'in_port="eth0"',
    "reg0=0x1/0x1,metadata=0x5,reg15=0x8000",
    "xreg0=0x100000002",
    "ct_state=+est-rel",
    "ct_state=new|trk",
    "ct_state=0x21/0x23",
    "ct_mark=0x2/0x2,ct_label=0/0x2",
    "tcp,tcp_flags=+syn-ack",
    "tcp,tcp_flags=syn|ack",
    "ip,nw_frag=no",
    "ip,nw_frag=later",
    "ip,nw_frag=first",
    "ip,nw_frag=yes",
    "ip,nw_frag=not_later",
    "dl_vlan=5",
    "dl_vlan=0xffff",
    "dl_vlan=5,dl_vlan_pcp=3",
    "vlan_tci=0x0000/0x1000",
    "dl_vlan1=6",
    "vlan_vid=0x1005/0x1fff",
    "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
    "ip,nw_tos=184",
    "ip,nw_ecn=2",
    "tp_src[6..10]=19",
    "tun_metadata0=0x5,tun_id=0x7",
    "conj_id=100,dp_hash=0x1/0xf,pkt_mark=0x3f0,recirc_id=0",
    "ct_nw_src=192.0.2.1,ct_tp_dst=80",
    "packet_type=(0,0)",
    "mpls,mpls_label=5",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, row(t)]))).toMatchInlineSnapshot(`
    {
      "": "any",
      "arp,arp_op=1,arp_tpa=192.0.2.1,arp_sha=02:00:00:00:00:01": "eth_type=0x806,arp_op=1,arp_tpa=192.0.2.1,arp_sha=02:00:00:00:00:01",
      "conj_id=100,dp_hash=0x1/0xf,pkt_mark=0x3f0,recirc_id=0": "pkt_mark=0x3f0,dp_hash=0x1/0xf,recirc_id=0,conj_id=100",
      "ct_mark=0x2/0x2,ct_label=0/0x2": "ct_mark=0x2/0x2,ct_label=0x0/0x2",
      "ct_nw_src=192.0.2.1,ct_tp_dst=80": "ct_nw_src=192.0.2.1,ct_tp_dst=80",
      "ct_state=+est-rel": "ct_state=0x2/0x6",
      "ct_state=0x21/0x23": "ct_state=0x21/0x23",
      "ct_state=new|trk": "ct_state=new|trk",
      "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00": "eth_dst=0x10000000000/0x10000000000",
      "dl_vlan1=6": "vlan_tci2=0x1006/0x1fff",
      "dl_vlan=0xffff": "vlan_tci=0",
      "dl_vlan=5": "vlan_tci=0x1005/0x1fff",
      "dl_vlan=5,dl_vlan_pcp=3": "vlan_tci=0x7005",
      "icmp6,icmp_type=135,icmp_code=0,nd_target=2001:db8::1": "eth_type=0x86dd,ip_proto=58,icmp_type=135,icmp_code=0,nd_target=2001:db8::1",
      "in_port="eth0"": "in_port=7",
      "in_port=0xfffffffe": "in_port=65534",
      "in_port=LOCAL": "in_port=65534",
      "in_port=eth0": "in_port=7",
      "ip": "eth_type=0x800",
      "ip,nw_ecn=2": "eth_type=0x800,nw_tos=0x2/0x3",
      "ip,nw_frag=first": "eth_type=0x800,ip_frag=first",
      "ip,nw_frag=later": "eth_type=0x800,ip_frag=later",
      "ip,nw_frag=no": "eth_type=0x800,ip_frag=no",
      "ip,nw_frag=not_later": "eth_type=0x800,ip_frag=0x0/0x2",
      "ip,nw_frag=yes": "eth_type=0x800,ip_frag=0x1/0x1",
      "ip,nw_proto=6,nw_dst=192.0.2.1/255.255.255.0": "eth_type=0x800,ip_proto=6,ip_dst=0xc0000200/0xffffff00",
      "ip,nw_tos=184": "eth_type=0x800,nw_tos=0xb8/0xfc",
      "ipv6,ipv6_dst=2001:db8::/32": "eth_type=0x86dd,ipv6_dst=0x20010db8000000000000000000000000/0xffffffff000000000000000000000000",
      "mpls,mpls_label=5": "eth_type=0x8847,mpls_lse=0x5000/0xfffff000",
      "packet_type=(0,0)": "any",
      "reg0=0x1/0x1,metadata=0x5,reg15=0x8000": "metadata=0x5,reg0=0x1/0x1,reg15=0x8000",
      "tcp,nw_src=192.0.2.0/24,tp_dst=80": "eth_type=0x800,ip_proto=6,ip_src=0xc0000200/0xffffff00,tp_dst=80",
      "tcp,tcp_flags=+syn-ack": "eth_type=0x800,ip_proto=6,tcp_flags=0x2/0x12",
      "tcp,tcp_flags=syn|ack": "eth_type=0x800,ip_proto=6,tcp_flags=syn|ack",
      "tp_src[6..10]=19": "any ! 0: OVS leaves 'tp_src[6..10]' out of this match: the other conditions do not say that a packet has it",
      "tun_metadata0=0x5,tun_id=0x7": "tun_id=0x7,tun_metadata0=0x5",
      "vlan_tci=0x0000/0x1000": "vlan_tci=0x0/0x1000",
      "vlan_vid=0x1005/0x1fff": "vlan_tci=0x1005/0x1fff",
      "xreg0=0x100000002": "reg0=0x1,reg1=0x2",
    }
  `);
});

test("what cannot be expressed, and what is wrong", () => {
  const texts = [
    "nsh_spi=5",
    "packet_type=(1,0x800)",
    "tun_metadata1",
    "in_port=veth9",
    "nw_dst=192.0.2",
    "tcp,tp_dst=70000",
    "nw_dstt=192.0.2.1",
    "tcp,udp",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, row(t)]))).toMatchInlineSnapshot(`
    {
      "in_port=veth9": "any ? in_port="veth9", a port whose number is not in evidence",
      "nsh_spi=5": "nsh_spi=0x5",
      "nw_dst=192.0.2": "any ? nw_dst ! 0: 192.0.2: invalid IP address",
      "nw_dstt=192.0.2.1": "any ? nw_dstt ! 0: 'nw_dstt' is not a match field",
      "packet_type=(1,0x800)": "packet_type=0x10800",
      "tcp,tp_dst=70000": "eth_type=0x800,ip_proto=6 ? tp_dst ! 4: 70000: value too large for 2-byte field tcp_dst",
      "tcp,udp": "eth_type=0x800,ip_proto=17",
      "tun_metadata1": "any ? tun_metadata1",
    }
  `);
});

test("lines of all versions say the same flow", () => {
  const lines = [
    " cookie=0x5, duration=35.101s, table=8, n_packets=3, n_bytes=222, idle_age=35, priority=700,ip,in_port=2 actions=drop",
    " cookie=0x5, duration=35.101s, table=8, n_packets=3, n_bytes=222, priority=700,ip,in_port=2 actions=drop",
    " cookie=0x5, duration=35.1s, table=8, n_packets=3, n_bytes=222, n_offload_packets=1, n_offload_bytes=60, idle_timeout=5, send_flow_rem priority=700,ip,in_port=2 actions=drop",
    " cookie=0x5, table=8, priority=700,ip,in_port=2 actions=drop",
    "table=8, priority=700, cookie=5, ip, in_port=2, actions=drop",
  ];
  const flows = lines.map((l) => {
    const { flow, problems } = parseFlowLine(l);
    return JSON.stringify(
      [flow && { ...flow, packets: 0, bytes: 0, match: flow.match.map((m) => [m.name, `${m.value}`]) }, problems],
      (_, v) => (typeof v === "bigint" ? Number(v) : v),
    );
  });
  expect(new Set(flows)).toMatchInlineSnapshot(`
    Set {
      "[{"table":8,"priority":700,"cookie":5,"match":[["ip","2048"],["in_port","2"]],"actions":[{"kind":"drop"}],"packets":0,"bytes":0},[]]",
      "[{"table":8,"priority":700,"cookie":5,"match":[["ip","2048"],["in_port","2"]],"actions":[{"kind":"drop"}],"packets":0,"bytes":0,"about":{"idleTimeout":5,"flags":["send_flow_rem"]}},[]]",
    }
  `);
});

test("defaults, and a match that names actions", () => {
  const { flow } = parseFlowLine(" cookie=0x0, table=3, n_packets=129, n_bytes=14469,  actions=LOCAL");
  expect([flow?.priority, flow?.table, flow?.packets, flow?.actions]).toEqual([32768, 3, 129, [{ kind: "output", port: 0xfffe }]]);
  expect(parseFlowLine(" cookie=0xdeff105, table=0, priority=5,ip").problems).toMatchInlineSnapshot(`
    [
      {
        "at": 0,
        "message": "the line has no actions: it is cut off, or it is no flow",
        "token": "cookie=0xdeff105, table=0, priority=5,ip",
      },
    ]
  `);
});

test("a line cut anywhere is a flow with a problem, or none, and never an exception", () => {
  const lines = [
    ' cookie=0x5, duration=1.1s, table=8, n_packets=3, n_bytes=222, idle_age=3, priority=7,ct_state=+est-rel,tcp,in_port="patch-br-ex_mas",nw_src=192.0.2.0/24,tp_dst=80 actions=ct(commit,table=2,zone=NXM_NX_REG13[0..15],nat(src=192.0.2.1:80-90),exec(load:0x1->NXM_NX_CT_MARK[1])),clone(set_field:1->reg0,output:"eth0"),check_pkt_larger(1414)->OXM_OF_PKT_REG4[1],controller(userdata=00.01,pause),learn(table=69,OXM_OF_METADATA[],eth_type=0x800,load:0x1->NXM_NX_REG10[7]),resubmit(,8)',
    "group_id=9,type=select,selection_method=hash,fields(ip_dst,tcp_dst),bucket=bucket_id:0,weight:100,watch_port:2,actions=ct(commit,table=3,nat(dst=192.0.2.1:80))",
  ];
  for (const line of lines)
    for (let i = 0; i <= line.length; i++) {
      expect(() => parseFlowLine(line.slice(0, i))).not.toThrow();
      expect(() => parseGroupLine(line.slice(0, i))).not.toThrow();
    }
});
