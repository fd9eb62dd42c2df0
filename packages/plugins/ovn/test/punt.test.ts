import { type Action, matchField, NetworkBuilder } from "@plumbline/model";
import { expect, test } from "vitest";
import { OPCODES } from "../src/index.js";
import { puntInterpreter } from "../src/punt.js";

/** Interprets `userdata` as dump-flows prints it, on a bridge whose nested actions lower to one note of their bytes. */
function interpret(userdata: string): { actions: readonly Action[] | null; net: NetworkBuilder } {
  const net = new NetworkBuilder();
  const bridge = net.device({ name: "n1/br-int", kind: "bridge", host: "n1" });
  const first = net.table(bridge, "0", "openflow", "priority");
  const actions = puntInterpreter(net).interpret(Uint8Array.from(userdata.split(".").map((b) => Number.parseInt(b, 16))), {
    host: "n1",
    bridge: "br-int",
    tableOf: () => first.id,
    lowerWire: (bytes) => [{ op: "note", text: `nested ${Buffer.from(bytes).toString("hex")}` }],
  });
  return { actions, net };
}

const show = (a: readonly Action[] | null) => JSON.stringify(a, (_, v: unknown) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v), 1);

test("opcodes stand where OVN's own encodings have them", () => {
  // As OVN's tests print them: the action and the first bytes of its userdata.
  const encoded: [string, number][] = [
    ["arp", 0x00],
    ["put_dhcp_opts", 0x02],
    ["nd_na", 0x03],
    ["put_nd", 0x04],
    ["put_dhcpv6_opts", 0x05],
    ["log", 0x07],
    ["put_nd_ra_opts", 0x08],
    ["nd_ns", 0x09],
    ["icmp4/icmp6", 0x0a],
    ["tcp_reset", 0x0b],
    ["icmp4_error", 0x0e],
    ["trigger_event", 0x0f],
    ["igmp", 0x10],
    ["bind_vport", 0x11],
    ["handle_svc_check", 0x12],
    ["icmp6_error", 0x14],
    ["reject", 0x16],
    ["handle_bfd_msg", 0x17],
    ["sctp_abort", 0x18],
    ["put_fdb", 0x19],
    ["dhcp_relay_req_chk", 0x1c],
    ["dhcp_relay_resp_chk", 0x1d],
    ["icmp4.inner_ip4.src", 0x1e],
  ];
  expect(encoded.map(([, n]) => OPCODES[n]?.action)).toEqual(encoded.map(([a]) => a));
});

test("reject: a table that answers by protocol", () => {
  const { actions, net } = interpret("00.00.00.16.00.00.00.00.ff.ff");
  expect(actions).toEqual([{ op: "call", table: 1 }]);
  const ip = (type: number, proto?: number) => {
    const m = matchField([], "eth_type", type);
    return proto === undefined ? m : matchField(m, "ip_proto", proto);
  };
  const answers = net.tables[1]!.rules.map((r) => {
    const emit = r.program.find((a) => a.op === "emit");
    return [r.priority, r.rows, emit ? `${emit.kind} ${emit.icmpType}/${emit.icmpCode} swap=${emit.swap}` : "none"];
  });
  expect(answers).toEqual([
    [3, [ip(0x0800, 6), ip(0x86dd, 6)], "tcp-reset 0/0 swap=true"],
    [3, [ip(0x0800, 132), ip(0x86dd, 132)], "none"],
    [2, [ip(0x0800, 17)], "icmp-error 3/3 swap=true"],
    [2, [ip(0x86dd, 17)], "icmp-error 1/4 swap=true"],
    [1, [ip(0x0800)], "icmp-error 3/1 swap=true"],
    [1, [ip(0x86dd)], "icmp-error 1/1 swap=true"],
  ]);
  expect(show(net.tables[1]!.rules[0]!.program)).toMatchInlineSnapshot(`
    "[
     {
      "op": "emit",
      "kind": "tcp-reset",
      "icmpType": 0,
      "icmpCode": 0,
      "swap": true,
      "then": [
       {
        "op": "set",
        "dst": {
         "field": "in_port",
         "ofs": 0,
         "n": 32
        },
        "value": "0xfffd"
       },
       {
        "op": "set",
        "dst": {
         "field": "ip_ttl",
         "ofs": 0,
         "n": 8
        },
        "value": "0x3f"
       },
       {
        "op": "note",
        "text": "nested ffff"
       }
      ]
     },
     {
      "op": "drop",
      "reason": "OVN reject: a TCP reset goes to the sender",
      "rejected": true
     }
    ]"
  `);
});

test("tcp_reset and icmp keep the addresses: the nested actions turn them round", () => {
  const reset = interpret("00.00.00.0b.00.00.00.00").net.tables[1]!.rules[0]!.program[0];
  expect(reset).toMatchObject({ op: "emit", kind: "tcp-reset", swap: false });
  const icmp = interpret("00.00.00.0e.00.00.00.00.00.19").net.tables[1]!.rules[0]!.program;
  expect(show(icmp)).toMatchInlineSnapshot(`
    "[
     {
      "op": "emit",
      "kind": "icmp-error",
      "icmpType": 3,
      "icmpCode": 1,
      "swap": false,
      "then": [
       {
        "op": "set",
        "dst": {
         "field": "in_port",
         "ofs": 0,
         "n": 32
        },
        "value": "0xfffd"
       },
       {
        "op": "note",
        "text": "nested 0019"
       }
      ]
     },
     {
      "op": "drop",
      "reason": "OVN icmp4_error: an ICMP error goes to the sender",
      "rejected": true
     }
    ]"
  `);
});

test("one table for the same bytes on the same bridge", () => {
  const net = new NetworkBuilder();
  const bridge = net.device({ name: "n1/br-int", kind: "bridge", host: "n1" });
  const first = net.table(bridge, "0", "openflow", "priority");
  const punt = puntInterpreter(net);
  const ctx = { host: "n1", bridge: "br-int", tableOf: () => first.id, lowerWire: () => [] };
  const bytes = Uint8Array.of(0, 0, 0, 0x16, 0, 0, 0, 0);
  expect(punt.interpret(bytes, ctx)).toEqual(punt.interpret(bytes, ctx));
  expect(net.tables.length).toBe(2);
});

test("asides, waits, answers that are not followed, outcomes that only the controller knows", () => {
  const all = {
    put_arp: "00.00.00.01.00.00.00.00",
    log: "00.00.00.07.00.00.00.00.01.06.74.65.73.74.31",
    frag_mtu: "00.00.00.0d.00.00.00.00.05.78.00.00.00.04.00.04.00.00.00.00",
    arp: "00.00.00.00.00.00.00.00",
    nd_na: "00.00.00.03.00.00.00.00",
    dns_lookup: "00.00.00.06.00.00.00.00.00.01.de.10.00.00.00.25",
    of_another_controller: "00.00.ff.ff.00.00.00.00",
    too_short: "00.00.00.16",
  };
  expect(
    Object.entries(all)
      .map(([name, bytes]) => `${name}: ${JSON.stringify(interpret(bytes).actions)}`)
      .join("\n"),
  ).toMatchInlineSnapshot(`
    "put_arp: [{"op":"note","text":"OVN put_arp: ovn-controller learns the sender's MAC from this ARP packet (MAC_Binding)"}]
    log: [{"op":"note","text":"OVN log: ovn-controller logs the packet (drop, info, test1)"}]
    frag_mtu: [{"op":"note","text":"OVN icmp4.frag_mtu: ovn-controller writes the next hop's MTU into the ICMP error (1400)"}]
    arp: [{"op":"note","text":"OVN arp: OVN asks who has reg0; the packet waits"},{"op":"drop","reason":"no MAC binding for the next hop: OVN sends an ARP request and holds the packet"}]
    nd_na: [{"op":"note","text":"OVN nd_na: ovn-controller answers the neighbour solicitation; the advertisement itself is not followed"},{"op":"drop","reason":"ovn-controller answers the neighbour solicitation"}]
    dns_lookup: [{"op":"unknown","why":"OVN dns_lookup: ovn-controller looks the name up in its DNS table; what comes back is not in evidence","command":"ovn-trace --detailed DATAPATH MICROFLOW","on":"n1"}]
    of_another_controller: null
    too_short: null"
  `);
});
