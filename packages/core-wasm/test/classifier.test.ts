/**
 * Large tables, which the core hashes, against the reference's linear search: priorities, conjunctions, prefixes and
 * sequences. A failure prints its seed.
 */
import {
  addMatch,
  EV,
  getBits,
  Interpreter,
  type Match,
  NetworkBuilder,
  newRow,
  type Row,
  set,
  setBits,
  slice,
  type Table,
} from "@plumbline/model";
import { expect, test } from "vitest";
import { compile } from "../src/compile.js";
import { Core } from "../src/index.js";
import { rng } from "./random-network.js";

const options = { script: [], beyond: "first" as const };

/** One device with one table; its rules do nothing, so a run says which rule was hit. */
function oneTable(kind: Table["kind"], key?: Parameters<NetworkBuilder["table"]>[4]) {
  const net = new NetworkBuilder();
  const device = net.device({ name: "d", kind: "bridge", host: "h" });
  const table = net.table(device, "t", "test", kind, key);
  device.entry = device.origin = table.id;
  return { net, table };
}

/** Both machines on the same packets; the number of distinct rules that were hit. */
function compare(net: NetworkBuilder, rows: readonly Row[]): number {
  const reference = new Interpreter(net);
  const core = Core.createSync(net);
  const hit = new Set<number>();
  rows.forEach((row, i) => {
    const want = reference.run(row, 0, 1, options);
    const got = core.run(row, 0, 1, options);
    expect(got, `packet ${i}`).toEqual(want);
    for (const e of want) if (e.kind === EV.hit) hit.add(e.b);
  });
  return hit.size;
}

test.each([
  ["priority", 1],
  ["priority", 2],
  ["priority", 3],
  ["priority", 4],
  ["sequence", 5],
  ["sequence", 6],
] as const)("%s tables of many masks, seed %i", (kind, seed) => {
  const r = rng(seed);
  const int = (n: number) => Math.floor(r() * n);
  const { net, table } = oneTable(kind);
  // Two or three fields each, or hardly any rule but the first would ever be hit.
  const masks = Array.from({ length: 3 + int(12) }, () => {
    const fields = ["ip_src", "ip_dst", "tp_dst", "eth_dst", "pkt_mark"].sort(() => r() - 0.5);
    return fields.slice(0, 2 + int(2)).map((f) => [f, int(3)] as const);
  });
  const row = (): Match => {
    let m: Match = [];
    for (const [f, m0] of masks[int(masks.length)]) {
      const mask = m0 === 2 ? 7n : undefined;
      m = addMatch(m, slice(f), BigInt(int(12)) & (mask ?? -1n), mask) ?? m;
    }
    return m;
  };
  for (let i = 0; i < 400; i++) {
    const conj =
      kind === "priority" && r() < 0.15
        ? Array.from({ length: 1 + int(2) }, () => ({ id: 1 + int(3), clause: 1 + int(3), of: 3 }))
        : undefined;
    net.rule(table, { priority: int(50), rows: Array.from({ length: 1 + int(3) }, row), conj, program: [] });
  }
  for (let id = 1; id <= 3; id++) net.rule(table, { priority: int(50), rows: [addMatch([], slice("conj_id"), BigInt(id))!], program: [] });
  const rows = Array.from({ length: 400 }, () => {
    const p = newRow();
    for (const f of ["ip_src", "ip_dst", "tp_dst", "eth_dst"]) set(p, f, int(12));
    return p;
  });
  expect(compare(net, rows)).toBeGreaterThan(20);
});

test.each([
  ["ip_dst", 0, 32],
  ["ipv6_dst", 0, 128],
  ["ip_dst", 8, 16],
] as const)("prefixes of %s[%i..] (%i bits)", (name, ofs, n) => {
  const r = rng(7);
  const { net, table } = oneTable("lpm", slice(name, ofs, n));
  const random = (bits: number) =>
    BigInt.asUintN(
      bits,
      [0, 1, 2, 3].reduce((v) => (v << 32n) | BigInt(Math.floor(r() * 2 ** 32)), 0n),
    );
  const bases = Array.from({ length: 30 }, () => random(n));
  for (let i = 0; i < 500; i++) {
    const len = Math.floor(r() * (n + 1));
    const rest = BigInt(n - len);
    net.rule(table, { prefix: { value: (bases[Math.floor(r() * 30)] >> rest) << rest, len }, metric: Math.floor(r() * 3), program: [] });
  }
  const rows = Array.from({ length: 500 }, () => {
    const p = newRow();
    const base = bases[Math.floor(r() * 30)];
    const low = BigInt(Math.floor(r() * n));
    setBits(p, slice(name, ofs, n), r() < 0.8 ? base ^ (1n << low) : random(n));
    return p;
  });
  expect(compare(net, rows)).toBeGreaterThan(30);
});

test("a sequence of many rules goes on behind each hit, and calls", () => {
  const r = rng(11);
  const { net, table } = oneTable("sequence");
  const sub = net.table(net.devices[0], "sub", "test", "sequence");
  for (let i = 0; i < 60; i++) {
    const rows = Array.from({ length: 1 + Math.floor(r() * 3) }, () =>
      addMatch([], slice("tp_dst"), BigInt(Math.floor(r() * 4)), BigInt(1 + Math.floor(r() * 3))),
    ).filter((m) => m !== null);
    net.rule(i % 5 === 4 ? sub : table, {
      rows,
      program: r() < 0.1 ? [{ op: "call", table: sub.id }] : r() < 0.05 ? [{ op: "return" }] : [],
    });
  }
  const rows = Array.from({ length: 16 }, (_, i) => {
    const p = newRow();
    setBits(p, slice("tp_dst"), BigInt(i % 4));
    expect(getBits(p, slice("tp_dst"))).toBe(BigInt(i % 4));
    return p;
  });
  expect(compare(net, rows)).toBeGreaterThan(20);
});

test.each(["priority", "sequence"] as const)("a %s table of many forms takes room in proportion to its rules", (kind) => {
  const { net, table } = oneTable(kind);
  const address = (i: number) => BigInt(0x0a000000 + (Math.imul(i, 2654435761) >>> 9));
  const prefixes = [0xffffffffn, 0xffffffffn, 0xffffff00n, 0xffff0000n];
  for (let i = 0; i < 5000; i++) {
    let m: Match = addMatch([], slice("ip_dst"), address(i), prefixes[i % 4])!;
    if (i % 3 > 0) m = addMatch(m, slice("ip_proto"), 6n)!;
    if (i % 7 > 2) m = addMatch(m, slice("tp_dst"), BigInt(i))!;
    net.rule(table, { priority: (i * 7919) % 5000, rows: [m], program: [] });
  }
  expect(compile(net, 0).words.length / 5000).toBeLessThan(100);
});
