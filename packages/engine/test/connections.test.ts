import { type ConnectionFact, type FactKinds, NetworkBuilder, newRow, set } from "@plumbline/model";
import { FactStore } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { conntrackEntries, dumpCommand } from "../src/connections.js";

const end = (text: string) => {
  const m = /^(.*)@(\d+) > (.*)@(\d+)$/.exec(text)!;
  return { src: m[1], sport: Number(m[2]), dst: m[3], dport: Number(m[4]) };
};
const entry = (table: ConnectionFact["table"], orig: string, reply: string, more: Partial<ConnectionFact> = {}): ConnectionFact => ({
  table,
  family: 4,
  proto: 6,
  zone: 0,
  orig: end(orig),
  reply: end(reply),
  mark: 0,
  label: "0x0",
  seenReply: true,
  closed: false,
  state: "",
  ...more,
});

function facts(
  list: readonly [host: string, fact: ConnectionFact][],
  read: readonly [string, FactKinds["conntrack.read"]["table"]][] = [],
) {
  const store = new FactStore();
  for (const [i, [host, data]] of list.entries())
    store.add({ kind: "conntrack.entry", host, origin: { file: `${host}/dump`, line: i + 1, text: "" }, data });
  for (const [host, table] of read) store.add({ kind: "conntrack.read", host, origin: { file: "", line: 0, text: "" }, data: { table } });
  return store;
}
function net(...trackers: string[]): NetworkBuilder {
  const n = new NetworkBuilder();
  for (const t of trackers) n.tracker(t, t.endsWith("/ovs") ? "userspace" : "linux");
  return n;
}

test("which table an entry is in follows from the switches' datapath", () => {
  const store = facts(
    [
      ["u", entry("switch", "192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1")],
      ["u", entry("kernel", "192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1")],
      ["k", entry("switch", "192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1")],
      ["nobody", entry("kernel", "192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1")],
    ],
    [
      ["u", "switch"],
      ["k", "kernel"],
      ["k", "userspace"],
    ],
  );
  const n = net("u/linux", "u/ovs", "k/linux", "c/linux");
  const d = conntrackEntries(store, n);
  expect(d.entries.map((e) => n.trackers[e.tracker].name)).toEqual(["u/ovs", "u/linux", "k/linux"]);
  expect([...d.read].map((i) => n.trackers[i].name)).toEqual(["u/ovs", "k/linux"]);
  expect(["u/ovs", "k/linux"].map(dumpCommand)).toEqual(["ovs-appctl dpctl/dump-conntrack -m -s", "conntrack -L -o extended"]);
});

test("with the kernel's datapath both dumps show one table: an entry counts once, with its labels", () => {
  const both = ["192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1"] as const;
  for (const order of [["kernel", "switch"] as const, ["switch", "kernel"] as const]) {
    const store = facts(order.map((t) => ["k", entry(t, ...both, t === "switch" ? { label: "0x5" } : {})]));
    const d = conntrackEntries(store, net("k/linux"));
    expect(d.entries.map((e) => e.label)).toEqual([5n]);
  }
});

test.each([
  ["none", 6, "192.0.2.1@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.1@1", [false, false]],
  ["destination", 6, "192.0.2.1@1 > 203.0.113.9@80", "10.1.0.4@8080 > 192.0.2.1@1", [false, true]],
  ["destination port alone", 6, "192.0.2.1@1 > 192.0.2.2@80", "192.0.2.2@8080 > 192.0.2.1@1", [false, true]],
  ["source", 17, "10.1.0.4@1 > 192.0.2.2@2", "192.0.2.2@2 > 192.0.2.9@1", [true, false]],
  ["source port alone", 17, "10.1.0.4@1 > 192.0.2.2@2", "192.0.2.2@2 > 10.1.0.4@1024", [true, false]],
  ["both", 6, "192.0.2.1@1 > 203.0.113.9@80", "10.1.0.4@8080 > 100.64.0.2@1", [true, true]],
  ["an echo's identifier", 1, "10.1.0.4@7 > 192.0.2.2@7", "192.0.2.2@9 > 192.0.2.9@9", [true, false]],
] as const)("translation: %s", (_, proto, orig, reply, want) => {
  const d = conntrackEntries(facts([["k", entry("kernel", orig, reply, { proto })]]), net("k/linux"));
  expect([d.entries[0].natSrc, d.entries[0].natDst]).toEqual(want);
});

test("a packet's connection is found by what tracking wrote of it", () => {
  const six = entry("kernel", "2001:db8::1@1 > 2001:db8::2@2", "2001:db8::2@2 > 2001:db8::1@1", { family: 6, zone: 4 });
  const d = conntrackEntries(facts([["k", six]]), net("k/linux"));
  const row = newRow();
  set(row, "eth_type", 0x86dd);
  set(row, "ct_nw_proto", 6);
  set(row, "ct_ipv6_src", 0x20010db8000000000000000000000001n);
  set(row, "ct_ipv6_dst", 0x20010db8000000000000000000000002n);
  set(row, "ct_tp_src", 1);
  set(row, "ct_tp_dst", 2);
  expect(d.find(0, 4, row)?.origin).toEqual({ file: "k/dump", line: 1, text: "" });
  expect(d.find(0, 5, row)).toBeUndefined();
});
