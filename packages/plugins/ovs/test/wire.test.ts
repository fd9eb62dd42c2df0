import { expect, test } from "vitest";
import { decodeActions, type OpenFlowVersion, parseActions } from "../src/index.js";
import { simplify } from "./kit.js";

const bytes = (hex: string) => Uint8Array.from(hex.replace(/\s/g, "").match(/../g) ?? [], (h) => Number.parseInt(h, 16));

/** What an action is named, and how long a packet-in may be, is not in all forms. */
function core(value: unknown): unknown {
  return JSON.parse(JSON.stringify(simplify(value), (k, v) => (["text", "headerSize", "maxLen", "name"].includes(k) ? undefined : v)));
}

const SAME: [version: OpenFlowVersion, text: string, hex: string][] = [
  ["1.0", "mod_vlan_vid:9", "0001 0008 0009 0000"],
  ["1.0", "mod_nw_tos:48", "0008 0008 30 000000"],
  ["1.0", "resubmit:5", "ffff 0010 00002320 0001 0005 00000000"],
  ["1.0", "resubmit(10,5,ct)", "ffff 0010 00002320 002c 000a 05 000000"],
  [
    "1.0",
    "ct(commit,nat(src=192.0.2.240-192.0.2.254:32768-65535,persistent))",
    "ffff 0038 00002320 0023 0001 00000000 0000 FF 000000 0000 ffff 0020 00002320 0024 00 00 0005 0033 c00002f0 c00002fe 8000ffff 00000000",
  ],
  [
    "1.0",
    "ct(commit,exec(load:0xf009->NXM_NX_CT_MARK[]))",
    "ffff 0030 00002320 0023 0001 00000000 0000 FF 000000 0000 ffff 0018 00002320 0007 001f 0001d604 000000000000f009",
  ],
  ["1.0", "ct(zone=NXM_NX_REG0[0..15])", "ffff 0018 00002320 0023 0000 00010004 000F FF 000000 0000"],
  ["1.0", "clone(mod_vlan_vid:5,output:10)", "ffff 0020 00002320 002a 000000000000 0001 0008 0005 0000 0000 0008 000a 0000"],
  ["1.0", "check_pkt_larger(1000)->NXM_NX_XXREG1[4]", "ffff 0018 00002320 0031 03e8 00040001e010000000000000"],
  ["1.1", "set_vlan_pcp:6", "0002 0008 06 000000"],
  ["1.1", "dec_ttl(32768,12345,90,765,1024)", "ffff 0020 00002320 0015 000500000000 80003039005A02fd 0400000000000000"],
  ["1.3", "move:NXM_OF_IN_PORT[]->NXM_OF_VLAN_TCI[]", "ffff 0020 4f4e4600 0c80 0000 0010 0000 0000 0000 00000002 00000802 00000000"],
  ["1.5", "move:NXM_OF_IN_PORT[]->NXM_OF_VLAN_TCI[]", "001c 0018 0010 0000 0000 0000 00000002 00000802 00000000"],
  ["1.5", "set_field:00:00:00:00:12:34/00:00:00:00:ff:ff->eth_src", "0019 0018 8000090c 000000001234 00000000ffff 00000000"],
  ["1.5", "meter:5", "001d 0008 00000005"],
  [
    "1.5",
    "push:NXM_NX_REG14[],pop:NXM_NX_REG15[]",
    "ffff 0018 00002320 001b 0000 00011c04 0020 000000000000 ffff 0018 00002320 001c 0000 00011e04 0020 000000000000",
  ],
  [
    "1.5",
    "controller(reason=invalid_ttl,max_len=1234,id=5678,userdata=01.02.03.04.05,pause)",
    "ffff 0040 00002320 0025 000000000000 0000 0008 04d2 0000 0001 0008 162e 0000 0002 0005 02 000000 0003 0009 0102030405 00000000000000 0004 0004 00000000",
  ],
];

test.each(SAME)("OpenFlow %s: %s", (version, text, hex) => {
  const decoded = decodeActions(bytes(hex), version);
  expect(decoded.problems).toEqual([]);
  expect(core(decoded.actions)).toEqual(core(parseActions(text)));
});

test("what OVN gives its controller to do: swap addresses, answer, go on in a table", () => {
  const { actions, problems } = decodeActions(
    bytes(
      "00190010 80000606 ffffffffffff 0000 001c0018 0020 0040 0000 0000 0001de10 80002c04 00000000 00190010 80002a02 0001 000000000000 ffff0010 00002320 000e fff8 25 000000",
    ),
  );
  expect(problems).toEqual([]);
  expect(core(actions)).toEqual(
    core(parseActions("set_field:ff:ff:ff:ff:ff:ff->eth_dst,move:NXM_NX_XXREG0[64..95]->arp_spa,set_field:1->arp_op,resubmit(,37)")),
  );
});

test("bytes that are no action", () => {
  const texts = [
    "00",
    "0000 0004",
    "0000 00f0 0000 0000",
    "ffff 0010 00000099 0001 0005 00000000",
    "0019 0010 80007e04 00000001 00000000",
    "0063 0008 00000000 0018 0008 00000000",
    "0004 0008 00000000",
  ];
  expect(texts.map((t) => [t, core(decodeActions(bytes(t)))])).toMatchInlineSnapshot(`
    [
      [
        "00",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "1 bytes are left over",
            },
          ],
          "problems": [
            {
              "message": "1 bytes are left over",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "0000 0004",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "an action cannot have 4 bytes here",
            },
          ],
          "problems": [
            {
              "message": "an action of 4 bytes",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "0000 00f0 0000 0000",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "an action cannot have 240 bytes here",
            },
          ],
          "problems": [
            {
              "message": "an action of 240 bytes",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "ffff 0010 00000099 0001 0005 00000000",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "experimenter 0x99 is not known",
            },
          ],
          "problems": [
            {
              "message": "experimenter 0x99 is not known",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "0019 0010 80007e04 00000001 00000000",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "set_field: field 63 of class 0x8000 is not a field",
            },
          ],
          "problems": [
            {
              "message": "set_field: field 63 of class 0x8000 is not a field",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "0063 0008 00000000 0018 0008 00000000",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "there is no action 99 in OpenFlow 1.1 to 1.5",
            },
            {
              "controllers": [],
              "kind": "decTtl",
            },
          ],
          "problems": [
            {
              "message": "there is no action 99 in OpenFlow 1.1 to 1.5",
              "offset": 0,
            },
          ],
        },
      ],
      [
        "0004 0008 00000000",
        {
          "actions": [
            {
              "kind": "bad",
              "message": "an action that is too short",
            },
          ],
          "problems": [
            {
              "message": "an action that is too short",
              "offset": 0,
            },
          ],
        },
      ],
    ]
  `);
});
