/** Connections that every reset leaves in the tables: entered once, put back from a copy. */
import { EV, type KnownConnection, LEAF, NetworkBuilder, newRow, type Row, set } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core } from "../src/index.js";

/** A device that tracks each packet and delivers those of an answered connection. */
function network(): NetworkBuilder {
  const net = new NetworkBuilder();
  const d = net.device({ name: "h", kind: "host", host: "h" });
  const tracker = net.tracker("h/linux", "linux");
  const first = net.table(d, "first", "test", "priority");
  const then = net.table(d, "then", "test", "priority");
  first.miss = [{ op: "ct", tracker, zone: 0, commit: true, force: false, nat: null, exec: [], resume: then.id }];
  net.rule(then, { rows: [[{ w: ctState(), v: 2, m: 2 }]], program: [{ op: "local" }] });
  d.entry = first.id;
  d.origin = first.id;
  return net;
}
function ctState(): number {
  const row = newRow();
  set(row, "ct_state", 1);
  return row.indexOf(1);
}
function packet(sport: number, flags = 0x10): Row {
  const row = newRow();
  set(row, "eth_type", 0x0800);
  set(row, "ip_proto", 6);
  set(row, "ip_src", 1);
  set(row, "ip_dst", 2);
  set(row, "tp_src", sport);
  set(row, "tp_dst", 80);
  set(row, "tcp_flags", flags);
  return row;
}
const known = (sport: number, more: Partial<KnownConnection> = {}): KnownConnection => ({
  tracker: 0,
  zone: 0,
  orig: { v6: false, proto: 6, src: 1n, dst: 2n, sport, dport: 80 },
  reply: { v6: false, proto: 6, src: 2n, dst: 1n, sport: 80, dport: sport },
  natSrc: false,
  natDst: false,
  seenReply: true,
  closed: false,
  mark: 0,
  label: 0n,
  ...more,
});
const delivered = (core: Core, row: Row) =>
  core.run(row, 0, null, { script: [], beyond: "first" }).some((e) => e.kind === EV.leaf && e.a === LEAF.local);

test("every reset brings them back, whatever packets have made of them", () => {
  const core = Core.createSync(network());
  const list = [known(1), known(2, { seenReply: false })];
  core.know(list);
  expect(core.connectionCounts).toEqual({ known: 2, forgotten: 0, refused: 0 });
  for (let i = 0; i < 3; i++) {
    expect([1, 2, 3].map((n) => delivered(core, packet(n)))).toEqual([true, false, false]);
    // A reset closes the first; the SYN behind it begins another, unanswered one.
    delivered(core, packet(1, 4));
    expect(delivered(core, packet(1, 2))).toBe(false);
    expect(core.connectionCounts.known).toBe(3);
    core.reset();
    expect(core.connectionCounts.known).toBe(2);
  }
  core.know([]);
  expect(delivered(core, packet(1))).toBe(false);
  core.know(list);
  core.load(network());
  expect([delivered(core, packet(1)), core.connectionCounts.known]).toEqual([false, 1]);
});

test("more than there is room for: the first are forgotten, and counted", () => {
  const core = Core.createSync(network(), { connections: 4 });
  core.know(Array.from({ length: 6 }, (_, i) => known(i + 1)));
  const forgotten = { known: 4, forgotten: 2, refused: 0 };
  expect(core.connectionCounts).toEqual(forgotten);
  expect([3, 4, 5, 6].map((n) => delivered(core, packet(n)))).toEqual([true, true, true, true]);
  core.reset();
  expect(core.connectionCounts).toEqual(forgotten);
  expect(delivered(core, packet(1))).toBe(false);
});
