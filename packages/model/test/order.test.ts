/** The order of threads: clones and inline links at once, forks and other links in turn; and scripted ct states. */
import { expect, test } from "vitest";
import { type Action, CT, EV, field, formatValue, get, Interpreter, NetworkBuilder, newRow, numbering, set, slice } from "../src/index.js";

const note = (text: string): Action => ({ op: "note", text });

test("what runs at once, and what is queued", () => {
  const net = new NetworkBuilder();
  const a = net.device({ name: "a", kind: "bridge", host: "h" });
  const b = net.device({ name: "b", kind: "bridge", host: "h" });
  net.join(a, 1, b, 1, "proven", "patch", [], true);
  net.join(a, 2, b, 2, "proven", "cable");
  const far = net.table(b, "far", "test", "priority");
  far.miss = [note("far"), { op: "clone", actions: [note("clone, far")] }, note("far, after")];
  b.entry = far.id;
  const t = net.table(a, "0", "test", "priority");
  const resumed = net.table(a, "1", "test", "priority");
  resumed.miss = [note("fork")];
  const ct = { tracker: net.tracker("t", "userspace"), zone: 1, commit: false, force: false, nat: null, exec: [] } as const;
  t.miss = [
    { op: "ct", ...ct, resume: resumed.id },
    { op: "output", port: 2 },
    {
      op: "clone",
      actions: [note("clone"), { op: "clone", actions: [note("clone in clone")] }, { op: "output", port: 1 }, note("clone, after")],
    },
    note("after"),
  ];
  a.entry = t.id;
  const machine = new Interpreter(net);
  const events = machine.run(newRow(), a.id, 9, { script: [], beyond: "first" });
  const told = events.filter((e) => e.kind === EV.note).map((e) => `${e.thread} ${textOf(net, e.a)}`);
  expect(told).toEqual([
    "3 clone",
    "4 clone in clone",
    "5 far",
    "6 clone, far",
    "5 far, after",
    "3 clone, after",
    "0 after",
    "1 fork",
    "2 far",
    "7 clone, far",
    "2 far, after",
  ]);
});

test("scripted ct states: one after the other, then new; the first address and port of a range; exec on the row", () => {
  const net = new NetworkBuilder();
  const a = net.device({ name: "a", kind: "bridge", host: "h" });
  const t = net.table(a, "0", "test", "priority");
  const last = net.table(a, "1", "test", "priority");
  const ct = { op: "ct", tracker: net.tracker("t", "userspace"), zone: 5, commit: true, force: false, resume: last.id } as const;
  const range = { min: 0x09090909n, max: 0x0909090cn, portMin: 1000, portMax: 2000 };
  t.miss = [
    { ...ct, nat: { type: "src", range }, exec: [{ op: "set", dst: slice("ct_mark"), value: 7n }] },
    { ...ct, nat: null, exec: [], resume: null },
    { ...ct, nat: "existing", exec: [], zone: 6 },
  ];
  a.entry = t.id;
  const row = newRow();
  for (const [k, v] of Object.entries({ eth_type: 0x0800, ip_proto: 6, ip_src: 0x01020304, tp_src: 77 })) set(row, k, v);
  const machine = new Interpreter(net);
  const events = machine.run(row, a.id, 1, { script: [], beyond: "first", ctStates: [CT.trk | CT.est] });
  const show = (name: string, e: (typeof events)[0]) => `${name}=${formatValue(field(name), BigInt(get(e.row, name)))}`;
  const misses = events.filter((e) => e.kind === EV.miss && e.a === last.id);
  expect(misses.map((e) => ["ct_state", "ct_zone", "ct_mark", "ip_src", "tp_src"].map((n) => show(n, e)).join())).toEqual([
    "ct_state=est|trk,ct_zone=5,ct_mark=0x7,ip_src=9.9.9.9,tp_src=1000",
    "ct_state=new|trk,ct_zone=6,ct_mark=0,ip_src=1.2.3.4,tp_src=77",
  ]);
  expect(machine.connections(ct.tracker)).toEqual([]);
});

function textOf(net: NetworkBuilder, index: number): string {
  const a = numbering(net).texts[index];
  return a?.op === "note" ? a.text : "";
}
