/** The kernel's TCP states, as nf_conntrack tells them (held against Linux 6.18). */
import { expect, test } from "vitest";
import { ConnTracker, CT, newRow, set, TCP } from "../src/index.js";

const STATE: readonly (readonly [bit: number, name: string])[] = [
  [CT.new, "new"],
  [CT.est, "est"],
  [CT.rel, "rel"],
  [CT.rpl, "rpl"],
  [CT.inv, "inv"],
];

/** Sends segments: `>` by the originator, `<` by the other end, flags by letter. Each becomes its state. */
function talk(...segments: string[]): string[] {
  const tracker = new ConnTracker("linux");
  return segments.map((s) => {
    const row = newRow();
    const back = s.startsWith("<");
    set(row, "eth_type", 0x0800);
    set(row, "ip_proto", 6);
    set(row, "ip_src", back ? 2 : 1);
    set(row, "ip_dst", back ? 1 : 2);
    set(row, "tp_src", back ? 80 : 4000);
    set(row, "tp_dst", back ? 4000 : 80);
    const flags = { S: TCP.syn, A: TCP.ack, F: TCP.fin, R: TCP.rst, P: TCP.psh } as const;
    set(
      row,
      "tcp_flags",
      [...s.slice(1)].reduce((v, c) => v | flags[c as keyof typeof flags], 0),
    );
    const { state, ref } = tracker.lookup(row, 0);
    if (ref?.pending) tracker.insert(ref.conn);
    return STATE.filter(([bit]) => state & bit)
      .map(([, name]) => name)
      .join("+");
  });
}

test("a handshake, data, the end, another connection", () => {
  expect(talk(">S", "<SA", ">A", ">PA", "<A", ">FA", "<FA", ">A", ">S")).toEqual([
    "new",
    "est+rpl",
    "est",
    "est",
    "est+rpl",
    "est",
    "est+rpl",
    "est",
    "new",
  ]);
});
test("an acknowledgement of nothing is invalid", () => {
  expect(talk(">S", ">A", ">SA", ">S", "<SA", ">A")).toEqual(["new", "inv", "inv", "new", "est+rpl", "est"]);
});
test("a reset before any answer forgets the connection", () => {
  expect(talk(">S", "<RA", ">A", ">S")).toEqual(["new", "est+rpl", "new", "new"]);
});
test("picked up in the middle; flags that no TCP sends", () => {
  expect(talk(">A", "<A", ">P", ">", ">SF", ">FA")).toEqual(["new", "est+rpl", "inv", "inv", "inv", "est"]);
});

test("ICMP questions and neighbour discovery", () => {
  const tracker = new ConnTracker("linux");
  const icmp = (v6: boolean, type: number) => {
    const row = newRow();
    set(row, "eth_type", v6 ? 0x86dd : 0x0800);
    set(row, "ip_proto", v6 ? 58 : 1);
    set(row, "icmp_type", type);
    return tracker.lookup(row, 0).state;
  };
  expect([icmp(false, 8), icmp(false, 13), icmp(false, 14), icmp(false, 3)]).toEqual([
    CT.trk | CT.new,
    CT.trk | CT.new,
    CT.trk | CT.inv,
    CT.trk | CT.inv,
  ]);
  expect([icmp(true, 128), icmp(true, 135), icmp(true, 1)]).toEqual([CT.trk | CT.new, 0, CT.trk | CT.inv]);
});
