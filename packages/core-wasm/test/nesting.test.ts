/** Threads within threads: what nests without end meets a bound, in the core as in the reference. */
import { type Action, BOUND_NUMBER, BOUNDS, EV, type Event, Interpreter, LEAF, NetworkBuilder, newRow } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core, digestOf, pack } from "../src/index.js";

const options = { script: [], beyond: "first" as const };

/** A bridge with one table, and a patch cable from its port 1 back to its port 2. */
function bridge(program: (table: number) => readonly Action[]): NetworkBuilder {
  const net = new NetworkBuilder();
  const d = net.device({ name: "d", kind: "bridge", host: "h" });
  const t = net.table(d, "0", "test", "priority");
  t.miss = program(t.id);
  d.entry = t.id;
  net.join(d, 1, d, 2, "proven", "patch", [], true);
  return net;
}

function run(net: NetworkBuilder): readonly Event[] {
  const want = new Interpreter(net).run(newRow(), 0, 9, options);
  const core = Core.createSync(net);
  expect(core.run(newRow(), 0, 9, options)).toEqual(want);
  const { leaf: _, ...digest } = core.batch(pack([newRow()]), { device: 0, port: 9, options, fresh: true }).digest(0);
  expect(digest).toEqual(digestOf(want, newRow()));
  return want;
}
const bounds = (events: readonly Event[]): number[] => events.filter((e) => e.kind === EV.leaf && e.a === LEAF.looped).map((e) => e.b);

test("a clone that clones itself", () => {
  const events = run(bridge((table) => [{ op: "clone", actions: [{ op: "call", table }] }]));
  expect(bounds(events)).toEqual([BOUND_NUMBER.threads]);
  expect(events.filter((e) => e.kind === EV.spawn)).toHaveLength(BOUNDS.threads - 1);
});

test("a patch cable from a bridge to itself", () => {
  // Out of port 1, in at 2, out of port 1, and so on; each time with something left to do.
  const events = run(
    bridge(() => [
      { op: "output", port: 1 },
      { op: "note", text: "after" },
    ]),
  );
  expect(bounds(events)).toEqual([BOUND_NUMBER.links]);
  const notes = events.filter((e) => e.kind === EV.note).map((e) => e.thread);
  expect(notes).toEqual(notes.toSorted((a, b) => b - a));
  expect(notes).toHaveLength(BOUNDS.links + 1);
});

test("frames of those that wait are kept", () => {
  const net = bridge((table) => [{ op: "note", text: String(table) }]);
  const [d] = net.devices;
  const inner = net.table(d, "1", "test", "priority");
  const outer = net.table(d, "2", "test", "priority");
  inner.miss = [
    {
      op: "clone",
      actions: [
        { op: "call", table: 0 },
        { op: "note", text: "in clone" },
      ],
    },
    { op: "note", text: "inner" },
  ];
  outer.miss = [
    { op: "call", table: inner.id },
    { op: "note", text: "outer" },
  ];
  d.entry = outer.id;
  const threads = run(net).filter((e) => e.kind === EV.note);
  expect(threads.map((e) => e.thread)).toEqual([1, 1, 0, 0]);
});
