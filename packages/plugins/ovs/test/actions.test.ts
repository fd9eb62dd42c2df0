import { expect, test } from "vitest";
import { plain, program } from "./kit.js";

test("actions, as parsed", () => {
  const texts = [
    "resubmit(,8),resubmit(5,),resubmit(5,9,ct),goto_table:4",
    "ct(commit,force,zone=NXM_NX_REG13[0..15],table=16,nat(dst=192.0.2.1-192.0.2.9:80-90,random),exec(load:0x1->NXM_NX_CT_MARK[1]))",
    "ct(commit,nat(src=[2001:db8::1]-[2001:db8::9]:80))",
    "ct(nat,alg=ftp)",
    "controller(reason=no_match,max_len=64,id=3,userdata=00.0a.ff,pause)",
    "CONTROLLER:128",
    "learn(table=69,delete_learned,cookie=0x7,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])",
    "conjunction(100,2/3),check_pkt_larger(1500)->NXM_NX_REG0[0],enqueue:1:2",
    "bundle(eth_src,0,hrw,ofport,members:4,8),multipath(eth_src,50,modulo_n,4,0,NXM_NX_REG0[])",
    "note:11.e9,encap(nsh(md_type=1)),exit",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, plain(t)]))).toMatchInlineSnapshot(`
    {
      "CONTROLLER:128": [
        {
          "id": 0,
          "kind": "controller",
          "maxLen": 128,
          "meter": null,
          "pause": false,
          "reason": "action",
          "text": "CONTROLLER:128",
          "userdata": [],
        },
      ],
      "bundle(eth_src,0,hrw,ofport,members:4,8),multipath(eth_src,50,modulo_n,4,0,NXM_NX_REG0[])": [
        {
          "algorithm": "hrw",
          "basis": 0,
          "dst": null,
          "fields": "eth_src",
          "kind": "bundle",
          "members": [
            4,
            8,
          ],
        },
        {
          "algorithm": "modulo_n",
          "arg": 0,
          "basis": 50,
          "dst": {
            "bits": 32,
            "field": "reg0",
            "ofs": 0,
            "slice": {
              "field": "reg0",
              "n": 32,
              "ofs": 0,
            },
            "text": "NXM_NX_REG0[]",
          },
          "fields": "eth_src",
          "kind": "multipath",
          "links": 4,
        },
      ],
      "conjunction(100,2/3),check_pkt_larger(1500)->NXM_NX_REG0[0],enqueue:1:2": [
        {
          "clause": 2,
          "id": 100,
          "kind": "conjunction",
          "of": 3,
        },
        {
          "dst": {
            "bits": 1,
            "field": "reg0",
            "ofs": 0,
            "slice": {
              "field": "reg0",
              "n": 1,
              "ofs": 0,
            },
            "text": "NXM_NX_REG0[0]",
          },
          "kind": "checkPktLarger",
          "size": 1500,
        },
        {
          "kind": "enqueue",
          "port": 1,
          "queue": 2,
        },
      ],
      "controller(reason=no_match,max_len=64,id=3,userdata=00.0a.ff,pause)": [
        {
          "id": 3,
          "kind": "controller",
          "maxLen": 64,
          "meter": null,
          "pause": true,
          "reason": "no_match",
          "text": "controller(reason=no_match,max_len=64,id=3,userdata=00.0a.ff,pause)",
          "userdata": [
            0,
            10,
            255,
          ],
        },
      ],
      "ct(commit,force,zone=NXM_NX_REG13[0..15],table=16,nat(dst=192.0.2.1-192.0.2.9:80-90,random),exec(load:0x1->NXM_NX_CT_MARK[1]))": [
        {
          "alg": "",
          "commit": true,
          "exec": [
            {
              "dst": {
                "bits": 1,
                "field": "ct_mark",
                "ofs": 1,
                "slice": {
                  "field": "ct_mark",
                  "n": 1,
                  "ofs": 1,
                },
                "text": "NXM_NX_CT_MARK[1]",
              },
              "form": "load",
              "kind": "setField",
              "mask": "1n",
              "value": "1n",
            },
          ],
          "force": true,
          "kind": "ct",
          "nat": {
            "family": 4,
            "flags": [
              "random",
            ],
            "max": "3221225993n",
            "min": "3221225985n",
            "portMax": 90,
            "portMin": 80,
            "type": "dst",
          },
          "table": 16,
          "zone": {
            "bits": 16,
            "field": "reg13",
            "ofs": 0,
            "slice": {
              "field": "reg13",
              "n": 16,
              "ofs": 0,
            },
            "text": "NXM_NX_REG13[0..15]",
          },
        },
      ],
      "ct(commit,nat(src=[2001:db8::1]-[2001:db8::9]:80))": [
        {
          "alg": "",
          "commit": true,
          "exec": [],
          "force": false,
          "kind": "ct",
          "nat": {
            "family": 6,
            "flags": [],
            "max": "42540766411282592856903984951653826569n",
            "min": "42540766411282592856903984951653826561n",
            "portMax": 80,
            "portMin": 80,
            "type": "src",
          },
          "table": null,
          "zone": 0,
        },
      ],
      "ct(nat,alg=ftp)": [
        {
          "alg": "ftp",
          "commit": false,
          "exec": [],
          "force": false,
          "kind": "ct",
          "nat": {
            "family": 4,
            "flags": [],
            "type": "existing",
          },
          "table": null,
          "zone": 0,
        },
      ],
      "learn(table=69,delete_learned,cookie=0x7,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])": [
        {
          "cookie": "7n",
          "deleteLearned": true,
          "finHardTimeout": 0,
          "finIdleTimeout": 0,
          "hardTimeout": 0,
          "idleTimeout": 0,
          "kind": "learn",
          "limit": 0,
          "priority": 32768,
          "resultDst": null,
          "sendFlowRem": false,
          "specs": [
            {
              "dst": {
                "bits": 64,
                "field": "metadata",
                "ofs": 0,
                "slice": {
                  "field": "metadata",
                  "n": 64,
                  "ofs": 0,
                },
                "text": "OXM_OF_METADATA[]",
              },
              "kind": "matchField",
              "src": {
                "bits": 64,
                "field": "metadata",
                "ofs": 0,
                "slice": {
                  "field": "metadata",
                  "n": 64,
                  "ofs": 0,
                },
                "text": "OXM_OF_METADATA[]",
              },
            },
            {
              "dst": {
                "bits": 16,
                "field": "eth_type",
                "ofs": 0,
                "slice": {
                  "field": "eth_type",
                  "n": 16,
                  "ofs": 0,
                },
                "text": "eth_type",
              },
              "kind": "matchValue",
              "value": "2048n",
            },
            {
              "dst": {
                "bits": 16,
                "field": "tcp_src",
                "ofs": 0,
                "slice": {
                  "field": "tp_src",
                  "n": 16,
                  "ofs": 0,
                },
                "text": "NXM_OF_TCP_SRC[]",
              },
              "kind": "matchField",
              "src": {
                "bits": 16,
                "field": "tcp_dst",
                "ofs": 0,
                "slice": {
                  "field": "tp_dst",
                  "n": 16,
                  "ofs": 0,
                },
                "text": "NXM_OF_TCP_DST[]",
              },
            },
            {
              "dst": {
                "bits": 1,
                "field": "reg10",
                "ofs": 7,
                "slice": {
                  "field": "reg10",
                  "n": 1,
                  "ofs": 7,
                },
                "text": "NXM_NX_REG10[7]",
              },
              "kind": "loadValue",
              "value": "1n",
            },
          ],
          "table": 69,
        },
      ],
      "note:11.e9,encap(nsh(md_type=1)),exit": [
        {
          "bytes": [
            17,
            233,
          ],
          "kind": "note",
        },
        {
          "kind": "encap",
          "mdType": 1,
          "packetType": 100687,
          "tlvs": [],
        },
        {
          "kind": "exit",
        },
      ],
      "resubmit(,8),resubmit(5,),resubmit(5,9,ct),goto_table:4": [
        {
          "ct": false,
          "inPort": null,
          "kind": "resubmit",
          "table": 8,
        },
        {
          "ct": false,
          "inPort": 5,
          "kind": "resubmit",
          "table": null,
        },
        {
          "ct": true,
          "inPort": 5,
          "kind": "resubmit",
          "table": 9,
        },
        {
          "kind": "goto",
          "table": 4,
        },
      ],
    }
  `);
});

test("actions, as programs", () => {
  const lists: [string, string?][] = [
    ["drop"],
    ["output:2,LOCAL,IN_PORT,CONTROLLER:65535"],
    ['"eth1",output:"eth1",output(port=2,max_len=100)'],
    ["output:NXM_NX_REG0[0..15]"],
    ["ALL"],
    ["set_field:192.0.2.9->ip_dst,set_field:0x5/0xf0f->reg0,set_field:02:00:00:00:00:09->eth_dst"],
    ["load:0x7->NXM_NX_REG0[4..7],move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[],push:NXM_NX_REG14[],pop:NXM_NX_REG15[0..15]"],
    ["mod_dl_src:02:00:00:00:00:01,mod_nw_tos:184,mod_nw_ecn:1,mod_nw_ttl:9,mod_tp_dst:80,write_metadata:0x5/0xff", "tcp"],
    ["set_tunnel:0x5,set_field:0x3->tun_metadata0"],
    ["dec_ttl,output:1"],
    ["dec_ttl(7),output:1"],
    ["dec_ttl,output:1", "dl_vlan=5"],
    ["dec_ttl,output:1", "arp"],
    ["push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan"],
    ["mod_vlan_vid:5,mod_vlan_pcp:3"],
    ["set_field:4101->vlan_vid,output:2"],
    ["ct(commit,zone=5,exec(set_field:0x1->ct_mark)),output:2"],
    ["ct(table=9,zone=NXM_NX_REG13[0..15],nat)"],
    ["ct(commit,nat(src=192.0.2.1:1024-2047))"],
    ["ct_clear,resubmit(,7)"],
    ["clone(set_field:1->reg0,output:1),output:2"],
    ["check_pkt_larger(1414)->OXM_OF_PKT_REG4[1]"],
    ["resubmit(,0),exit"],
    ["note:11.e9,meter:5,set_queue:3,sample(probability=1,collector_set_id=1)"],
    ["encap(nsh(md_type=1)),output:2"],
    ["multipath(eth_src,50,modulo_n,2,0,NXM_NX_REG0[])"],
    ["bundle(eth_src,0,hrw,ofport,members:1,2)"],
    ["group:9"],
    ["frobnicate:1,output:2"],
    ["output:1,set_field:1->nw_dstt"],
    ["set_field:1->nsh_spi,move:NXM_NX_TUN_METADATA1[0..3]->NXM_NX_REG0[0..3]"],
    ['output:"veth7"'],
  ];
  expect(Object.fromEntries(lists.map(([a, m]) => [m ? `${m}: ${a}` : a, program(a, m)]))).toMatchInlineSnapshot(`
    {
      ""eth1",output:"eth1",output(port=2,max_len=100)": "{output 2; output 2; note "cut to 100 bytes"; output 2}",
      "ALL": "{output 65534; output 1; output 2}",
      "arp: dec_ttl,output:1": "{output 1}",
      "bundle(eth_src,0,hrw,ofport,members:1,2)": "{output 1}",
      "check_pkt_larger(1414)->OXM_OF_PKT_REG4[1]": "{xreg4[1..1] = packet_len > 1414}",
      "clone(set_field:1->reg0,output:1),output:2": "{clone {reg0 = 0x1; output 1}; output 2}",
      "ct(commit,nat(src=192.0.2.1:1024-2047))": "{ct 0 zone 0 commit nat src 3221225985:1024-2047; ct_state = 0x0; ct_zone = 0x0; ct_mark = 0x0; ct_label = 0x0; ct_nw_proto = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0}",
      "ct(commit,zone=5,exec(set_field:0x1->ct_mark)),output:2": "{ct 0 zone 5 commit exec {ct_mark = 0x1}; ct_state = 0x0; ct_zone = 0x0; ct_mark = 0x0; ct_label = 0x0; ct_nw_proto = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0; output 2}",
      "ct(table=9,zone=NXM_NX_REG13[0..15],nat)": "{ct 0 zone reg13[0..15] nat resume 1; ct_state = 0x0; ct_zone = 0x0; ct_mark = 0x0; ct_label = 0x0; ct_nw_proto = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0}",
      "ct_clear,resubmit(,7)": "{ct_clear; call 1}",
      "dec_ttl(7),output:1": "{dec_ttl else {punt "dec_ttl: the TTL expired, to controllers 7"; clone {drop "TTL expired"}}; output 1}",
      "dec_ttl,output:1": "{dec_ttl else {clone {drop "TTL expired"}}; output 1}",
      "dl_vlan=5: dec_ttl,output:1": "{call 1; dec_ttl else {clone {drop "TTL expired"}}; call 2; output 1}; no IP packet: a TTL to decrement: {} else {ip_ttl = 0x2}; no IP packet: no TTL: {} else {ip_ttl = 0x0}",
      "drop": "{}",
      "encap(nsh(md_type=1)),output:2": "{call 1; output 2}; encap(nsh,md_type=1): {eth_dst = 0x0; eth_src = 0x0; eth_type = 0x0; vlan_tci = 0x0; vlan_tci2 = 0x0; mpls_lse = 0x0; mpls_lse1 = 0x0; mpls_lse2 = 0x0; ip_proto = 0x0; nw_tos = 0x0; ip_ttl = 0x0; ip_frag = 0x0; ip_src = 0x0; ip_dst = 0x0; ipv6_src = 0x0; ipv6_dst = 0x0; ipv6_label = 0x0; tp_src = 0x0; tp_dst = 0x0; tcp_flags = 0x0; icmp_type = 0x0; icmp_code = 0x0; icmp_id = 0x0; arp_op = 0x0; arp_spa = 0x0; arp_tpa = 0x0; arp_sha = 0x0; arp_tha = 0x0; nd_target = 0x0; nd_sll = 0x0; nd_tll = 0x0; nd_options = 0x0; nd_reserved = 0x0; inner_proto = 0x0; inner_src = 0x0; inner_dst = 0x0; inner_tp_src = 0x0; inner_tp_dst = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0; nsh_flags = 0x0; nsh_ttl = 0x0; nsh_mdtype = 0x0; nsh_np = 0x0; nsh_spi = 0x0; nsh_si = 0x0; nsh_c1 = 0x0; nsh_c2 = 0x0; nsh_c3 = 0x0; nsh_c4 = 0x0; nsh_ttl = 0x3f; nsh_si = 0xff; nsh_np = 0x1; nsh_mdtype = 0x1; packet_type = 0x1894f; eth_type = 0x894f} {eth_dst = 0x0; eth_src = 0x0; eth_type = 0x0; vlan_tci = 0x0; vlan_tci2 = 0x0; mpls_lse = 0x0; mpls_lse1 = 0x0; mpls_lse2 = 0x0; ip_proto = 0x0; nw_tos = 0x0; ip_ttl = 0x0; ip_frag = 0x0; ip_src = 0x0; ip_dst = 0x0; ipv6_src = 0x0; ipv6_dst = 0x0; ipv6_label = 0x0; tp_src = 0x0; tp_dst = 0x0; tcp_flags = 0x0; icmp_type = 0x0; icmp_code = 0x0; icmp_id = 0x0; arp_op = 0x0; arp_spa = 0x0; arp_tpa = 0x0; arp_sha = 0x0; arp_tha = 0x0; nd_target = 0x0; nd_sll = 0x0; nd_tll = 0x0; nd_options = 0x0; nd_reserved = 0x0; inner_proto = 0x0; inner_src = 0x0; inner_dst = 0x0; inner_tp_src = 0x0; inner_tp_dst = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0; nsh_flags = 0x0; nsh_ttl = 0x0; nsh_mdtype = 0x0; nsh_np = 0x0; nsh_spi = 0x0; nsh_si = 0x0; nsh_c1 = 0x0; nsh_c2 = 0x0; nsh_c3 = 0x0; nsh_c4 = 0x0; nsh_ttl = 0x3f; nsh_si = 0xff; nsh_np = 0x2; nsh_mdtype = 0x1; packet_type = 0x1894f; eth_type = 0x894f} {eth_dst = 0x0; eth_src = 0x0; eth_type = 0x0; vlan_tci = 0x0; vlan_tci2 = 0x0; mpls_lse = 0x0; mpls_lse1 = 0x0; mpls_lse2 = 0x0; ip_proto = 0x0; nw_tos = 0x0; ip_ttl = 0x0; ip_frag = 0x0; ip_src = 0x0; ip_dst = 0x0; ipv6_src = 0x0; ipv6_dst = 0x0; ipv6_label = 0x0; tp_src = 0x0; tp_dst = 0x0; tcp_flags = 0x0; icmp_type = 0x0; icmp_code = 0x0; icmp_id = 0x0; arp_op = 0x0; arp_spa = 0x0; arp_tpa = 0x0; arp_sha = 0x0; arp_tha = 0x0; nd_target = 0x0; nd_sll = 0x0; nd_tll = 0x0; nd_options = 0x0; nd_reserved = 0x0; inner_proto = 0x0; inner_src = 0x0; inner_dst = 0x0; inner_tp_src = 0x0; inner_tp_dst = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0; nsh_flags = 0x0; nsh_ttl = 0x0; nsh_mdtype = 0x0; nsh_np = 0x0; nsh_spi = 0x0; nsh_si = 0x0; nsh_c1 = 0x0; nsh_c2 = 0x0; nsh_c3 = 0x0; nsh_c4 = 0x0; nsh_ttl = 0x3f; nsh_si = 0xff; nsh_np = 0x3; nsh_mdtype = 0x1; packet_type = 0x1894f; eth_type = 0x894f} {eth_dst = 0x0; eth_src = 0x0; eth_type = 0x0; vlan_tci = 0x0; vlan_tci2 = 0x0; mpls_lse = 0x0; mpls_lse1 = 0x0; mpls_lse2 = 0x0; ip_proto = 0x0; nw_tos = 0x0; ip_ttl = 0x0; ip_frag = 0x0; ip_src = 0x0; ip_dst = 0x0; ipv6_src = 0x0; ipv6_dst = 0x0; ipv6_label = 0x0; tp_src = 0x0; tp_dst = 0x0; tcp_flags = 0x0; icmp_type = 0x0; icmp_code = 0x0; icmp_id = 0x0; arp_op = 0x0; arp_spa = 0x0; arp_tpa = 0x0; arp_sha = 0x0; arp_tha = 0x0; nd_target = 0x0; nd_sll = 0x0; nd_tll = 0x0; nd_options = 0x0; nd_reserved = 0x0; inner_proto = 0x0; inner_src = 0x0; inner_dst = 0x0; inner_tp_src = 0x0; inner_tp_dst = 0x0; ct_nw_src = 0x0; ct_nw_dst = 0x0; ct_ipv6_src = 0x0; ct_ipv6_dst = 0x0; ct_tp_src = 0x0; ct_tp_dst = 0x0; nsh_flags = 0x0; nsh_ttl = 0x0; nsh_mdtype = 0x0; nsh_np = 0x0; nsh_spi = 0x0; nsh_si = 0x0; nsh_c1 = 0x0; nsh_c2 = 0x0; nsh_c3 = 0x0; nsh_c4 = 0x0; nsh_ttl = 0x3f; nsh_si = 0xff; nsh_np = 0x4; nsh_mdtype = 0x1; packet_type = 0x1894f; eth_type = 0x894f}",
      "frobnicate:1,output:2": "{unknown "the action 'frobnicate:1' is not understood: 'frobnicate' is not an action" by "ovs-appctl ofproto/trace br0 PACKET" on "node"; output 2}; warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br0:2: 'frobnicate' is not an action",
      "group:9": "{unknown "group 9 is not in the dump of br0's groups" by "ovs-ofctl -O OpenFlow15 dump-groups br0" on "node"}",
      "load:0x7->NXM_NX_REG0[4..7],move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[],push:NXM_NX_REG14[],pop:NXM_NX_REG15[0..15]": "{reg0[4..7] = 0x7; eth_src = eth_dst; push reg14; pop reg15[0..15]}",
      "mod_vlan_vid:5,mod_vlan_pcp:3": "{vlan_tci[0..12] = 0x1005; vlan_tci[12..15] = 0x7}",
      "multipath(eth_src,50,modulo_n,2,0,NXM_NX_REG0[])": "{choose hash [1: {reg0 = 0x0}, 1: {reg0 = 0x1}]}",
      "note:11.e9,meter:5,set_queue:3,sample(probability=1,collector_set_id=1)": "{note "note:11.e9"; note "meter:5"; note "set_queue:3"; skb_priority = 0x3; note "sample(probability=1,collector_set_id=1,obs_domain_id=0,obs_point_id=0)"}",
      "output:"veth7"": "{unknown "output to 'veth7', whose port number is not in evidence" by "ovs-ofctl dump-ports-desc br0" on "node"}",
      "output:1,set_field:1->nw_dstt": "{output 1; unknown "the action 'set_field:1->nw_dstt' is not understood: nw_dstt is not a valid OXM field name" by "ovs-appctl ofproto/trace br0 PACKET" on "node"}; warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br0:2: nw_dstt is not a valid OXM field name",
      "output:2,LOCAL,IN_PORT,CONTROLLER:65535": "{output 2; output 65534; output in_port allow-in; punt "CONTROLLER:65535"}",
      "output:NXM_NX_REG0[0..15]": "{call 2}; NORMAL: {drop "reserved multicast address"} {output 65534} else {unknown go "where br0 has learned this address is not in evidence; flooded" by "ovs-appctl fdb/show br0" on "node"; output 65534; output 1; output 2}; output to NXM_NX_REG0[0..15]: {output in_port allow-in} {call 0} {call 1} {output 65534; output 1; output 2} {output 65534; output 1; output 2} {punt "CONTROLLER"} {} else {output reg0[0..15]}",
      "push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan": "{vlan_tci2 = vlan_tci; vlan_tci = 0x1000; vlan_tci[0..12] = 0x1005; vlan_tci = vlan_tci2; vlan_tci2 = 0x0}",
      "resubmit(,0),exit": "{call 0; goto 1 unwind}",
      "set_field:1->nsh_spi,move:NXM_NX_TUN_METADATA1[0..3]->NXM_NX_REG0[0..3]": "{reg0[0..3] = tun_metadata1[0..3]}",
      "set_field:192.0.2.9->ip_dst,set_field:0x5/0xf0f->reg0,set_field:02:00:00:00:00:09->eth_dst": "{ip_dst = 0xc0000209; reg0[0..3] = 0x5; reg0[8..11] = 0x0; eth_dst = 0x20000000009}",
      "set_field:4101->vlan_vid,output:2": "{vlan_tci[0..12] = 0x1005; output 2}",
      "set_tunnel:0x5,set_field:0x3->tun_metadata0": "{tun_id = 0x5; tun_metadata0 = 0x3}",
      "tcp: mod_dl_src:02:00:00:00:00:01,mod_nw_tos:184,mod_nw_ecn:1,mod_nw_ttl:9,mod_tp_dst:80,write_metadata:0x5/0xff": "{eth_src = 0x20000000001; nw_tos[2..7] = 0x2e; nw_tos[0..1] = 0x1; ip_ttl = 0x9; call 1; metadata[0..7] = 0x5}; tcp_dst=80/65535 if there are ports: {tp_dst = 0x50}",
    }
  `);
});

test("a look-up as another port goes to a copy of the table in which the port is decided", () => {
  expect(program("resubmit(2,0),resubmit(,0,ct)", "ip,in_port=2,nw_src=192.0.2.1")).toMatchInlineSnapshot(
    `"{call 1; call 3}; 0 as port 2: {call 1; call 3}; 0 by the original tuple: {call 1; call 3}; 0 by the original tuple, if it has one: {} {call 2}"`,
  );
});

test("a bucket is an action set: an order of its own, one action that leads on, or nothing", () => {
  const group = (text: string) => `OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n group_id=9,type=indirect,bucket=actions=${text}\n`;
  const texts = [
    "output:1,resubmit(,7)",
    "resubmit(,7),output:1,output:2",
    "ct(commit,table=7),resubmit(,8)",
    "output:1,set_field:1->reg0,push_vlan:0x8100,pop_vlan",
    "set_field:1->reg0,dec_ttl",
    "note:01,output:1",
    "frobnicate,output:1",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, program("group:9", "ip", group(t))]))).toMatchInlineSnapshot(`
    {
      "ct(commit,table=7),resubmit(,8)": "{clone {call 1}}",
      "frobnicate,output:1": "{clone {unknown "the action 'frobnicate' is not understood: 'frobnicate' is not an action" by "ovs-appctl ofproto/trace br0 PACKET" on "node"; output 1}}; warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0:2: 'frobnicate' is not an action",
      "note:01,output:1": "{output 1}",
      "output:1,resubmit(,7)": "{output 1}",
      "output:1,set_field:1->reg0,push_vlan:0x8100,pop_vlan": "{clone {call 1; vlan_tci2 = vlan_tci; vlan_tci = 0x1000; reg0 = 0x1; output 1}}; pop_vlan: {vlan_tci = vlan_tci2; vlan_tci2 = 0x0}",
      "resubmit(,7),output:1,output:2": "{output 2}",
      "set_field:1->reg0,dec_ttl": "{}",
    }
  `);
});

test("groups", () => {
  const group = (text: string) => `OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n ${text}\n`;
  const texts = [
    "group_id=9,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=3,nat(dst=192.0.2.1:80)),bucket=bucket_id:1,weight:50,actions=ct(commit,table=3,nat(dst=192.0.2.2:80))",
    "group_id=9,type=select,selection_method=hash,fields(ip_dst,tcp_dst),bucket=actions=set_field:1->reg0,output:1,bucket=weight:0,actions=output:2",
    "group_id=9,type=all,bucket=actions=output:1,bucket=actions=set_field:1->reg0,output:2",
    "group_id=9,type=indirect,bucket=actions=output:1",
    "group_id=9,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:1,actions=output:1",
    "group_id=9,type=ff,bucket=watch_port:7,actions=output:2",
    "group_id=9,type=indirect,bucket=actions=group:9",
    "group_id=9,type=select",
    "group_id=9,type=select,bucket=frobnicate,bucket=output:1",
    "group_id=9,type=some,bucket=output:1",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, program("group:9,output:2", "ip", group(t))]))).toMatchInlineSnapshot(`
    {
      "group_id=9,type=all,bucket=actions=output:1,bucket=actions=set_field:1->reg0,output:2": "{clone {output 1}; clone {reg0 = 0x1; output 2}; output 2}",
      "group_id=9,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:1,actions=output:1": "{output 1; output 2}",
      "group_id=9,type=ff,bucket=watch_port:7,actions=output:2": "{unknown "whether the watched ports of group 9 are up is not in evidence" by "ovs-ofctl -O OpenFlow15 dump-ports-desc br0" on "node"; output 2}",
      "group_id=9,type=indirect,bucket=actions=group:9": "{clone {unknown "group 9 leads back to itself" by "ovs-appctl ofproto/trace br0 PACKET" on "node"}; output 2}",
      "group_id=9,type=indirect,bucket=actions=output:1": "{output 1; output 2}",
      "group_id=9,type=select": "{note "group 9 has no live bucket"; output 2}",
      "group_id=9,type=select,bucket=frobnicate,bucket=output:1": "{choose dp_hash [1: {clone {unknown "the action 'frobnicate' is not understood: 'frobnicate' is not an action" by "ovs-appctl ofproto/trace br0 PACKET" on "node"}}, 1: {output 1}]; output 2}; warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0:2: 'frobnicate' is not an action",
      "group_id=9,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=3,nat(dst=192.0.2.1:80)),bucket=bucket_id:1,weight:50,actions=ct(commit,table=3,nat(dst=192.0.2.2:80))": "{choose dp_hash [100: {ct 0 zone 0 commit nat dst 3221225985:80 resume 1}, 50: {ct 0 zone 0 commit nat dst 3221225986:80 resume 1}]; output 2}",
      "group_id=9,type=select,selection_method=hash,fields(ip_dst,tcp_dst),bucket=actions=set_field:1->reg0,output:1,bucket=weight:0,actions=output:2": "{choose hash by hash 0 of (ip_dst/0xffffffff:4 if eth_type=0x800, tp_dst/0xffff:2 if eth_type=0x800,ip_proto=6,ip_frag=0x0/0x2 | eth_type=0x86dd,ip_proto=6,ip_frag=0x0/0x2) ids 0 [1: {clone {reg0 = 0x1; output 1}}]; output 2}",
      "group_id=9,type=some,bucket=output:1": "{unknown "group 9 is not in the dump of br0's groups" by "ovs-ofctl -O OpenFlow15 dump-groups br0" on "node"; output 2}; error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0:2: 'some' is not a type of group; error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0:2: the group has no type",
    }
  `);
});
