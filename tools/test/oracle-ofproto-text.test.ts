/** The oracle's own reading: the text of `ofproto/trace`, answers made comparable, cases as text. */
import { expect, test } from "vitest";
import { caseText, readCase } from "../src/oracle/ofproto/cases.js";
import { answerLines } from "../src/oracle/ofproto/compare.js";
import { mutate, truncations } from "../src/oracle/ofproto/fuzz.js";
import { readTrace } from "../src/oracle/ofproto/trace-text.js";
import { Random } from "../src/oracle/random.js";

// As OVS 3.1 prints it: a patch port leads to br1, and from there back; behind it br0 goes on.
const TEXT = `Flow: tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00

bridge("br0")
-------------
 0. ip, priority 5, cookie 0x7
    output:10

    bridge("br1")
    -------------
         0. ip, priority 5, cookie 0x9
            output:2
            resubmit(,2)
             2. ip, priority 5, cookie 0xa
                    output:10
                     >> skipping output to input port
            IN_PORT

        bridge("br0")
        -------------
         0. ip, priority 5, cookie 0x7
            ct(table=1,zone=5)
            drop
             -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 1.
            resubmit(,3)
         3. No match.
            drop
    output:2
    ct(table=1,zone=5)
    resubmit(,3)
 3. No match.
    drop

Final flow: unchanged
Megaflow: recirc_id=0,eth,ip,in_port=1,nw_frag=no
Datapath actions: 5,7,clone(2,ct(zone=5),recirc(0x1f)),2,ct(zone=5),recirc(0x2a)

===============================================================================
recirc(0x1f) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
===============================================================================

Flow: recirc_id=0x1f,ct_state=new|trk,ct_zone=5,eth,tcp,in_port=10

bridge("br0")
-------------
    thaw
        Resuming from table 1
 1. No match.
    drop

Final flow: recirc_id=0x1f,ct_state=new|trk,ct_zone=5,eth,tcp,in_port=10,reg0=0x1
Megaflow: recirc_id=0x1f,eth,ip,in_port=10,nw_frag=no
Datapath actions: drop
`;

test("steps of nested bridges belong to their bridge", () => {
  const { threads, lines, failed } = readTrace(TEXT);
  expect(failed).toBeNull();
  expect(lines.slice(0, 4)).toEqual(["output:10", "output:2", "resubmit(,2)", "output:10"]);
  const told = threads.map((t) => ({
    ...t,
    steps: t.steps.map(({ hit, ...s }) => ({ ...s, ...(hit ?? { miss: true as const }) })),
  }));
  expect(answerLines(told, false)).toEqual([
    "thread",
    "  br0 0 0x7 priority=5 ip",
    "  br1 0 0x9 priority=5 ip",
    "  br1 2 0xa priority=5 ip",
    "  br0 0 0x7 priority=5 ip",
    "  br0 3 no match",
    "  br0 3 no match",
    "  final unchanged",
    "  actions 5,7,clone(2,ct(zone=5),recirc(#1)),2,ct(zone=5),recirc(#2)",
    "thread recirc(#1) new|trk",
    "  br0 1 no match",
    "  final recirc_id=#1,ct_state=new|trk,ct_zone=5,eth,tcp,in_port=10,reg0=0x1",
    "  actions drop",
  ]);
});

test("ports flooded to are a set", () => {
  const thread = {
    recirc: null,
    ctState: null,
    steps: [],
    finalFlow: "unchanged",
    datapathActions: "3,1,2,set(eth(src=1)),clone(9,8),7,6",
  };
  expect(answerLines([thread], true).at(-1)).toBe("  actions 1,2,3,set(eth(src=1)),clone(8,9),6,7");
  expect(answerLines([thread], false).at(-1)).toBe("  actions 3,1,2,set(eth(src=1)),clone(9,8),7,6");
});

test("a case is read as it is written", () => {
  const text = [
    "# What differed.",
    "version OpenFlow13",
    "form dumped",
    "bridge br0",
    "group group_id=1,type=select,selection_method=hash,fields(eth_dst),bucket=bucket_id:0,weight:2,actions=output:1,bucket=bucket_id:1,actions=drop",
    "flow table=0,priority=1,cookie=0x1,ip,nw_dst=10.0.0.0/8 actions=ct(table=1,exec(load:0x1->NXM_NX_CT_MARK[])),group:1",
    "flow table=1,priority=0,cookie=0x2 actions=drop",
    "file  cookie=0x1, priority=1,ip,nw_dst=10.0.0.0/8 actions=ct(table=1),group:1",
    "question br0 in_port=1,tcp --ct-next trk,est (flooded)",
    "  thread",
    "    br0 0 0x1 priority=1 ip",
    "",
  ].join("\n");
  expect(caseText(readCase(text))).toBe(text);
});

test("cuts and mutations repeat by their seed", () => {
  expect([...truncations("abc")]).toEqual(["a", "ab"]);
  expect(mutate(new Random(7), "table=0,actions=output:1")).toBe(mutate(new Random(7), "table=0,actions=output:1"));
});
