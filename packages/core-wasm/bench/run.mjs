// Microbenchmark: node bench/run.mjs (after the build). A chain of large OpenFlow-like tables, a prefix table, a NAT and a
// choice; then the same behind a generated capture. Prints times of this machine; nothing is asserted.
import { cpus } from "node:os";
import { addMatch, matchField, NetworkBuilder, newRow, set, slice } from "@plumbline/model";
import { Core, ReplaySession } from "../dist/index.js";

const TABLES = 12;
const RULES = 2000;

function network() {
  const net = new NetworkBuilder();
  const d = net.device({ name: "d", kind: "bridge", host: "h" });
  const out = net.device({ name: "out", kind: "host", host: "out" });
  const tables = Array.from({ length: TABLES }, (_, i) => net.table(d, `${i}`, "openflow", "priority"));
  const routes = net.table(d, "routes", "fib", "lpm", slice("ip_dst"));
  const end = net.table(out, "in", "socket", "priority");
  end.miss = [{ op: "local" }];
  d.entry = tables[0].id;
  out.entry = end.id;
  net.join(d, 2, out, 1, "proven", "bench");
  const tracker = net.tracker("d", "userspace");
  tables.forEach((t, i) => {
    const next = tables[i + 1] ?? routes;
    const go =
      i === 3
        ? {
            op: "ct",
            tracker,
            zone: 1,
            commit: true,
            force: false,
            nat: { type: "src", range: { min: 0x64400001n } },
            exec: [],
            resume: next.id,
          }
        : { op: "goto", table: next.id };
    const program = [{ op: "set", dst: slice("reg0", i, 1), value: 1n }, { op: "move", src: slice("ip_dst"), dst: slice("reg5") }, go];
    for (let k = 0; k < RULES; k++) {
      let m = matchField([], "metadata", k % 40);
      if (k % 3 !== 0) m = matchField(m, "ip_dst", 0x0a000000 + k);
      if (k % 3 === 1) m = matchField(m, "tp_dst", k & 0xffff);
      if (k % 5 === 0) m = addMatch(m, slice("ct_state"), 0x22n, 0x2fn);
      net.rule(t, { priority: 100 + (k % 7), rows: [m], program });
    }
    t.miss = program;
  });
  for (let k = 0; k < RULES; k++)
    net.rule(routes, {
      prefix: { value: BigInt((0x0a000000 + k * 256) >>> 0), len: 24 },
      program: [
        { op: "set", dst: slice("reg1"), value: BigInt(k) },
        { op: "output", port: 2 },
      ],
    });
  routes.miss = [{ op: "choose", how: "ecmp", weights: [1, 1], options: [[{ op: "output", port: 2 }], [{ op: "output", port: 2 }]] }];
  return net;
}

function packet(i) {
  const row = newRow();
  const fields = {
    eth_dst: 2,
    eth_type: 0x0800,
    ip_proto: 6,
    ip_ttl: 64,
    ip_src: 0xc0000200 + (i % 200),
    ip_dst: 0x0a000000 + (i % 5000),
    tp_src: 1024 + (i % 50000),
    tp_dst: i % 100,
    tcp_flags: 2,
    packet_len: 64,
  };
  for (const [k, v] of Object.entries(fields)) set(row, k, v);
  return row;
}

function capture(count) {
  const out = Buffer.alloc(24 + count * 70);
  out.writeUInt32LE(0xa1b2c3d4, 0);
  out.writeUInt32LE(262144, 16);
  out.writeUInt32LE(1, 20);
  for (let i = 0; i < count; i++) {
    const at = 24 + i * 70;
    out.writeUInt32LE(i, at);
    out.writeUInt32LE(54, at + 8);
    out.writeUInt32LE(54, at + 12);
    const f = at + 16;
    out.writeUInt8(2, f + 5);
    out.writeUInt16BE(0x0800, f + 12);
    out.writeUInt8(0x45, f + 14);
    out.writeUInt16BE(40, f + 16);
    out.writeUInt8(64, f + 22);
    out.writeUInt8(6, f + 23);
    const flow = (i * 7919) % 100000;
    out.writeUInt32BE(0xc0000200 + (flow % 200), f + 26);
    out.writeUInt32BE(0x0a000000 + (flow % 5000), f + 30);
    out.writeUInt16BE(1024 + (flow % 50000), f + 34);
    out.writeUInt16BE(flow % 100, f + 36);
    out.writeUInt8(0x50, f + 46);
    out.writeUInt8(2, f + 47);
  }
  return out;
}

const time = (what, count, work) => {
  const t = process.hrtime.bigint();
  work();
  const ns = Number(process.hrtime.bigint() - t);
  console.log(
    `${what.padEnd(52)} ${(ns / count / 1000).toFixed(3).padStart(9)} µs each ${Math.round((count / ns) * 1e9)
      .toLocaleString("en")
      .padStart(14)} /s`,
  );
};

console.log(`${cpus()[0].model}, Node ${process.version}; ${TABLES} tables of ${RULES} rules, ${RULES} routes, one fork with NAT`);
const net = network();
let core;
time("compile and load, per rule", net.rules.length, () => {
  core = Core.createSync(net);
});
const rows = Array.from({ length: 2000 }, (_, i) => packet(i));
const options = { script: [], beyond: "hash" };
for (const round of ["cold", "warm"]) {
  time(`run without recording (${round})`, 20000, () => {
    for (let i = 0; i < 20000; i++) core.runFast(rows[i % 2000], 0, 1, options);
  });
  time(`run with events (${round})`, 2000, () => {
    for (const row of rows) core.run(row, 0, 1, options);
  });
}
const bytes = capture(1_000_000);
for (const run of [false, true]) {
  core.reset();
  const s = new ReplaySession(core, { name: "bench", device: 0, port: 1, direction: { kind: "all" }, run });
  time(run ? "replay, 100000 flows" : "decode and fold, 100000 flows", 1_000_000, () => {
    for (let i = 0; i < bytes.length; i += 1 << 20) s.feed(bytes.subarray(i, i + (1 << 20)));
    s.finish();
  });
  console.log(
    `  ${s.flowCount} flows, ${s.paths().length} paths, ${core.connectionCounts.known} connections, peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
  );
}
