/** Opening: what is kept and used again, and what a list of flows alone can tell. */
import { Interpreter, type LayerStore } from "@plumbline/model";
import { describe, expect, test } from "vitest";
import { openOvn } from "../../src/index.js";

const bytes = (text: string) => new TextEncoder().encode(text);

function answer(layer: ReturnType<typeof openOvn>, line: string) {
  const machine = new Interpreter(layer.network);
  let asked = layer.ask(line);
  for (;;) {
    machine.reset();
    const { row, device, port, options } = asked.run;
    const events = machine.run(row, device, port, options);
    const again = layer.again!(asked, events);
    if (!again) {
      const told = layer.answer(asked, events);
      return { ...told, text: layer.text(told, asked) };
    }
    asked = { ...asked, run: again };
  }
}

const LIST = `Datapath: "sw0" (dddddddd-dddd-4ddd-8ddd-dddddddddddd)  Pipeline: ingress
  uuid=0x00000001, table=0 (ls_in_check_port_sec), priority=50   , match=(1), action=(reg0[15] = check_in_port_sec(); next;)
  uuid=0x00000002, table=1 (ls_in_acl), priority=100  , match=(inport == "p1" && ip4.src == $as1), action=(drop;)
  uuid=0x00000003, table=1 (ls_in_acl), priority=0    , match=(1), action=(next;)
  uuid=0x00000004, table=2 (ls_in_l2_lkup), priority=70   , match=(eth.mcast), action=(outport = "_MC_flood"; output;)
  uuid=0x00000005, table=2 (ls_in_l2_lkup), priority=50   , match=(eth.dst == 0a:00:00:00:00:02), action=(outport = "p2"; output;)
Datapath: "sw0" (dddddddd-dddd-4ddd-8ddd-dddddddddddd)  Pipeline: egress
  uuid=0x00000006, table=0 (ls_out_apply_port_sec), priority=0    , match=(1), action=(output;)
`;
const ARP = 'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:02 && arp';

describe("flows alone", () => {
  const layer = openOvn({ sb: { name: "lflows", bytes: bytes(LIST) } });
  test("a packet is followed as far as they tell, and each thing that they do not tell is named with its command", () => {
    expect(answer(layer, ARP).text).toMatchInlineSnapshot(`
      "# inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:02 && arp

      ingress(dp="sw0", inport="p1")
      ------------------------------
       0. ls_in_check_port_sec: 1, priority 50, uuid 00000001
          reg0[15] = check_in_port_sec();
          *** no port bindings are in evidence (ovn-sbctl list Port_Binding): port security is taken to allow it
          next;
       2. ls_in_l2_lkup: eth.dst == 0a:00:00:00:00:02, priority 50, uuid 00000005
          outport = "p2";
          output;

      egress(dp="sw0", inport="p1", outport="p2")
      -------------------------------------------
       0. ls_out_apply_port_sec: 1, priority 0, uuid 00000006
          output;
          /* output to "p2", type "untold" */
          *** where port "p2" leads: no port bindings are in evidence (ovn-sbctl list Port_Binding)"
    `);
  });
  test.each([
    [
      "a set that a match names",
      ARP.replace("arp", "ip4"),
      "what the names in the match stand for: no Address_Set is in evidence (ovn-sbctl list Address_Set)",
    ],
    [
      "the members of a group",
      'inport == "p1" && eth.dst == ff:ff:ff:ff:ff:ff',
      'the members of multicast group "_MC_flood": no multicast groups are in evidence (ovn-sbctl list Multicast_Group)',
    ],
  ])("unknown: %s", (_, line, why) => {
    const told = answer(layer, line);
    expect([told.verdict, told.notes.at(-1)]).toEqual(["unknown", why]);
  });
  test("port bindings beside them say where a port leads", () => {
    const port = (n: number) => `_uuid : 0000000${n}-0000-4000-8000-000000000000
datapath : dddddddd-dddd-4ddd-8ddd-dddddddddddd
logical_port : p${n}
tunnel_key : ${n}
type : ""
`;
    const both = openOvn({
      sb: [
        { name: "lflows", bytes: bytes(LIST) },
        { name: "ports", bytes: bytes(`${port(1)}\n${port(2)}`) },
      ],
    });
    const told = answer(both, ARP);
    expect([told.verdict, told.outputs]).toEqual(["output", [{ datapath: "sw0", port: "p2", type: "" }]]);
  });
});

describe("what is kept", () => {
  const NB = `switch 00000000-0000-4000-8000-00000000000a (sw0)
    port p1
        addresses: ["0a:00:00:00:00:01 10.0.0.1"]
`;
  /** More flows than the least that are kept. */
  const many = `${LIST}${Array.from({ length: 20_000 }, (_, i) => `  uuid=0x${(i + 100).toString(16)}, table=3 (ls_out_more), priority=${i % 60000}, match=(ip4.dst == 10.0.${i >> 8}.${i & 255}), action=(next;)`).join("\n")}\n`;
  const files = new Map<string, Uint8Array>();
  const notes: string[] = [];
  const store: LayerStore = {
    read: (name) => files.get(name),
    write: (name, pieces) => void files.set(name, new Uint8Array(Buffer.concat(pieces))),
    note: (m) => void notes.push(m),
  };
  const open = () => openOvn({ sb: { name: "lflows", bytes: bytes(many) }, nb: { name: "nb", bytes: bytes(NB) }, store });
  const compiled = { maker: "a core", words: Uint32Array.of(1, 2, 3), softEntries: 0, wordsUsed: 10 };

  test("is used again, and answers alike; what is damaged is noted and not used", () => {
    const first = open();
    const told = answer(first, ARP).text;
    first.keep!(compiled);
    expect(files.size).toBe(1);

    const second = open();
    expect(second.compiled).toEqual(compiled);
    expect(answer(second, ARP).text).toBe(told);
    expect(notes).toEqual([]);

    const [[name, file]] = files;
    file[file.length - 100] ^= 1;
    files.set(name, file);
    const third = open();
    expect(third.compiled).toBeUndefined();
    expect(notes).toEqual(["what was kept of this database is not used: it is damaged"]);
    expect(answer(third, ARP).text).toBe(told);
  });

  test("another database has another name", () => {
    openOvn({ sb: { name: "lflows", bytes: bytes(many.replace("drop;", "next;")) }, store }).keep!(compiled);
    expect(files.size).toBe(2);
  });
});
