/**
 * Random networks and packets for the agreement test. A seeded generator (no fast-check shrinking of whole networks: a
 * failure prints its seed and the network in canonical form).
 *
 * Values are drawn from small sets, so that rules match, tuples collide and connections meet.
 */
import {
  type Action,
  addMatch,
  type ChooseBy,
  FIELDS,
  findField,
  type HashField,
  type KnownConnection,
  type Match,
  type Network,
  NetworkBuilder,
  newRow,
  type Row,
  type Slice,
  set,
  slice,
  type Table,
} from "@plumbline/model";

/** mulberry32. */
export function rng(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const HEADER = [
  "ip_src",
  "ip_dst",
  "tp_src",
  "tp_dst",
  "ip_ttl",
  "eth_dst",
  "tcp_flags",
  "pkt_mark",
  "reg0",
  "reg5",
  "metadata",
  "ct_mark",
  "ct_state",
  "packet_len",
  "icmp_id",
  "vlan_tci",
  "ct_label",
  "xxreg0",
  "xreg2",
  "ipv6_dst",
  "tun_id",
  "nw_tos",
  "ip_proto",
  "in_port",
  "conj_id",
  "ct_nw_dst",
  "ct_tp_dst",
  "ct_zone",
  "inner_dst",
];

export interface Sample {
  readonly net: Network;
  readonly coverage: Map<string, number>;
}

export function randomNetwork(seed: number): Sample {
  const r = rng(seed);
  const int = (n: number) => Math.floor(r() * n);
  const pick = <T>(a: readonly T[]): T => a[int(a.length)];
  const coverage = new Map<string, number>();
  const count = (k: string) => coverage.set(k, (coverage.get(k) ?? 0) + 1);
  const net = new NetworkBuilder();
  const trackers = [net.tracker("a", "userspace"), net.tracker("b", "linux")];
  const devices = Array.from({ length: 1 + int(3) }, (_, i) => net.device({ name: `d${i}`, kind: "host", host: `h${i}` }));
  const tables: Table[][] = devices.map((d) =>
    Array.from({ length: 1 + int(4) }, (_, i) => {
      const kind = pick(["priority", "priority", "sequence", "lpm"] as const);
      count(`table ${kind}`);
      const key = kind === "lpm" ? pick([slice("ip_dst"), slice("ipv6_dst"), slice("reg0"), slice("ip_dst", 8, 16)]) : undefined;
      return net.table(d, `t${i}`, "test", kind, key);
    }),
  );
  const someSlice = (): Slice => {
    const f = findField(r() < 0.8 ? pick(HEADER) : pick(FIELDS).name)!;
    const n = 1 + int(Math.min(f.bits, pick([1, 8, 16, 32, 64, 128])));
    return slice(f.name, int(f.bits - n + 1), n);
  };
  const same = (s: Slice): Slice => {
    for (;;) {
      const f = pick(FIELDS);
      if (f.bits >= s.n) return slice(f.name, int(f.bits - s.n + 1), s.n);
    }
  };
  const small = (bits: number): bigint =>
    (bits > 32 && r() < 0.3 ? BigInt(int(4)) << BigInt(bits - 2) : BigInt(int(4))) & ((1n << BigInt(bits)) - 1n);
  const address = () => BigInt((r() < 0.5 ? 0x0a000001 : 0xc0a80001) + int(4));
  const computed = (options: number): ChooseBy => {
    if (r() < 0.4) return { kind: "map", field: someSlice(), map: Array.from({ length: 2 ** int(4) }, () => int(options)) };
    const hashed = (): HashField => {
      const s = someSlice();
      return {
        slice: s,
        mask: r() < 0.5 ? (1n << 128n) - 1n : small(s.n),
        ...(r() < 0.3 ? { bytes: Math.ceil(s.n / 8) + int(1 + 16 - Math.ceil(s.n / 8)) } : {}),
        ...(r() < 0.3 ? { when: Array.from({ length: int(3) }, row) } : {}),
      };
    };
    return {
      kind: "fields",
      param: BigInt(int(3)) << BigInt(int(60)),
      fields: Array.from({ length: int(4) }, hashed),
      ids: Array.from({ length: options }, () => int(5)),
    };
  };
  let at = 0;
  const program = (di: number, depth: number): Action[] => Array.from({ length: int(depth > 2 ? 2 : 4) }, () => action(di, depth));
  const action = (di: number, depth: number): Action => {
    const op = pick([
      "set",
      "set",
      "move",
      "swap",
      "push",
      "pop",
      "decTtl",
      "greater",
      "call",
      "call",
      "goto",
      "return",
      "output",
      "output",
      "local",
      "drop",
      "emit",
      "encap",
      "decap",
      "ct",
      "ct",
      "ct",
      "nat",
      "unnat",
      "ctClear",
      "confirm",
      "choose",
      "clone",
      "note",
      "punt",
      "unknown",
    ] as const);
    count(op);
    // Mostly later tables: random loops only meet the bounds again and again.
    const table = () =>
      (r() < 0.15 ? pick(tables[di]) : (tables[di][at + 1 + int(Math.max(1, tables[di].length - at - 1))] ?? pick(tables[di]))).id;
    switch (op) {
      case "set": {
        const s = someSlice();
        return { op, dst: s, value: small(s.n) };
      }
      case "move": {
        const s = someSlice();
        return { op, src: s, dst: same(s) };
      }
      case "swap": {
        const s = someSlice();
        return { op, a: s, b: same(s) };
      }
      case "push":
        return { op, src: someSlice() };
      case "pop":
        return { op, dst: someSlice() };
      case "decTtl":
        return { op, expired: program(di, depth + 1) };
      case "greater":
        return { op, src: someSlice(), value: BigInt(int(3)), dst: slice("reg0", int(32), 1) };
      case "call":
        return { op, table: table() };
      case "goto":
        return r() < 0.3 ? { op, table: table(), unwind: true } : { op, table: table() };
      case "return":
      case "confirm":
      case "ctClear":
      case "decap":
        return { op };
      case "output": {
        const port = r() < 0.7 ? int(4) : slice(pick(["in_port", "reg5", "reg0"]), 0, 8);
        return r() < 0.3 ? { op, port, allowIn: true } : { op, port };
      }
      case "local":
        return r() < 0.5 ? { op, note: "here" } : { op };
      case "drop":
        return r() < 0.5 ? { op, reason: "no", rejected: r() < 0.5 } : { op };
      case "emit":
        return {
          op,
          kind: pick(["tcp-reset", "icmp-error"] as const),
          icmpType: 3,
          icmpCode: int(4),
          swap: r() < 0.7,
          then: program(di, depth + 1),
        };
      case "encap":
        return { op, kind: "geneve", port: 6081 };
      case "ct": {
        const nat = pick([null, null, "existing" as const, "range" as const, "range" as const]);
        const range = {
          ...(r() < 0.8 ? { min: address() } : {}),
          ...(r() < 0.4 ? { portMin: 1000 + int(3), portMax: 1003 + int(3) } : {}),
        };
        count(`ct nat ${nat}`);
        const resume = pick([null, "inplace" as const, table(), table()]);
        count(`ct resume ${typeof resume === "number" ? "table" : resume}`);
        const commit = r() < 0.6;
        return {
          op,
          tracker: pick(trackers),
          zone: r() < 0.8 ? int(2) : slice("reg5", 0, 16),
          commit,
          force: commit && r() < 0.2,
          nat: nat === "range" ? { type: pick(["src", "dst"] as const), range } : nat,
          exec:
            commit && r() < 0.4
              ? [
                  { op: "set", dst: slice("ct_mark", int(4), 2), value: BigInt(int(4)) },
                  ...(r() < 0.5 ? [{ op: "move" as const, src: slice("ip_dst"), dst: slice("ct_label", 32, 32) }] : []),
                ]
              : [],
          resume,
        };
      }
      case "nat":
        return {
          op,
          type: pick(["src", "dst"] as const),
          range: {
            ...(r() < 0.8 ? { min: address() & ~1n, ...(r() < 0.3 ? { keep: 1n } : {}) } : {}),
            ...(r() < 0.3 ? { portMin: 2000, portMax: 2001 } : {}),
          },
        };
      case "unnat":
        return { op, type: pick(["src", "dst"] as const) };
      case "choose": {
        const n = 1 + int(3);
        const choice = {
          op,
          how: "test",
          weights: Array.from({ length: n }, () => 1 + int(5)),
          options: Array.from({ length: n }, () => program(di, depth + 1)),
        };
        if (r() < 0.5) return choice;
        const by = computed(n);
        count(`choose by ${by.kind}`);
        return { ...choice, by };
      }
      case "clone":
        return { op, actions: program(di, depth + 1) };
      case "note":
        return { op, text: "note" };
      case "punt":
        return { op, text: "punt" };
      case "unknown":
        return { op, why: "why", command: "cmd", on: "host", ...(r() < 0.7 ? { go: true } : {}) };
    }
  };
  const row = (): Match => {
    let m: Match = [];
    for (let i = int(3); i > 0; i--) {
      const f = r() < 0.7 ? findField(pick(HEADER))! : pick(FIELDS);
      const mask = r() < 0.6 ? undefined : pick([1n, 2n, 3n, (1n << BigInt(f.bits)) - 2n]) & ((1n << BigInt(f.bits)) - 1n);
      const v = f.name.startsWith("ip_") && f.format === "ipv4" ? address() : small(f.bits);
      m = addMatch(m, slice(f.name), v, mask) ?? m;
    }
    return m;
  };
  devices.forEach((d, di) => {
    for (const t of tables[di]) {
      at = tables[di].indexOf(t);
      const n = int(6);
      for (let i = 0; i < n; i++) {
        if (t.kind === "lpm") {
          const len = int(t.key!.n + 1);
          const base = t.key!.field.startsWith("ip_") && t.key!.n === 32 ? address() : small(t.key!.n);
          net.rule(t, {
            prefix: { value: (base >> BigInt(t.key!.n - len)) << BigInt(t.key!.n - len), len },
            metric: int(3),
            program: program(di, 0),
          });
        } else if (t.kind === "priority" && r() < 0.25) {
          count("conjunction");
          const of = 2;
          net.rule(t, {
            priority: int(4),
            rows: [row()],
            conj: Array.from({ length: 1 + int(2) }, () => ({ id: 1 + int(2), clause: 1 + int(of), of })),
            program: [],
          });
        } else net.rule(t, { priority: int(4), rows: Array.from({ length: r() < 0.8 ? 1 : 2 + int(2) }, row), program: program(di, 0) });
      }
      t.miss = r() < 0.5 ? [] : program(di, 1);
    }
    d.entry = tables[di][0].id;
    d.origin = tables[di][tables[di].length - 1].id;
  });
  for (let i = int(6); i > 0; i--) {
    const from = pick(devices);
    const to = pick(devices);
    const inline = r() < 0.4;
    if (inline) count("inline link");
    net.links.push({
      device: from.id,
      port: int(4),
      toDevice: to.id,
      toPort: int(4),
      keeps: r() < 0.3 ? ["pkt_mark", "tun_id"] : [],
      ...(inline ? { inline } : {}),
      certainty: "proven",
      why: "test",
    });
  }
  return { net, coverage };
}

export function randomPacket(r: () => number): Row {
  const int = (n: number) => Math.floor(r() * n);
  const row = newRow();
  const v4 = () => (r() < 0.5 ? 0x0a000001 : 0xc0a80001) + int(4);
  const v6 = r() < 0.15;
  const proto = [6, 6, 6, 17, v6 ? 58 : 1, 47][int(6)];
  set(row, "eth_type", r() < 0.05 ? 0x0806 : v6 ? 0x86dd : 0x0800);
  set(row, "eth_dst", int(4));
  set(row, v6 ? "ipv6_src" : "ip_src", v6 ? int(4) : v4());
  set(row, v6 ? "ipv6_dst" : "ip_dst", v6 ? int(4) : v4());
  set(row, "ip_proto", proto);
  set(row, "ip_ttl", [0, 1, 2, 64][int(4)]);
  set(row, "packet_len", int(4));
  if (r() < 0.05) set(row, "ip_frag", 3);
  if (proto === 6 || proto === 17) {
    set(row, "tp_src", 1000 + int(4));
    set(row, "tp_dst", 1000 + int(4));
    if (proto === 6) set(row, "tcp_flags", [2, 2, 0x12, 0x10, 4, 1, 0, 6][int(8)]);
  } else if (proto === 1 || proto === 58) {
    const error = r() < 0.4;
    set(row, "icmp_type", error ? 3 : [8, 0, 128, 129][int(4)]);
    set(row, "icmp_id", int(4));
    if (error) {
      set(row, "inner_proto", [6, 17, 1][int(3)]);
      set(row, "inner_src", v6 ? int(4) : v4());
      set(row, "inner_dst", v6 ? int(4) : v4());
      set(row, "inner_tp_src", 1000 + int(4));
      set(row, "inner_tp_dst", 1000 + int(4));
    }
  }
  return row;
}

/** Connections between the addresses and ports that packets have, some translated, some with keys that others have too. */
export function randomConnections(r: () => number, trackers: number): KnownConnection[] {
  const int = (n: number) => Math.floor(r() * n);
  return Array.from({ length: 1 + int(40) }, () => {
    const v6 = r() < 0.15;
    const proto = [6, 6, 17, v6 ? 58 : 1, 47][int(5)];
    const address = () => (v6 ? BigInt(int(4)) : BigInt((r() < 0.5 ? 0x0a000001 : 0xc0a80001) + int(4)));
    const echo = proto === 1 || proto === 58;
    const port = () => (proto === 47 ? 0 : echo ? int(4) : 1000 + int(4));
    const sport = port();
    const orig = { v6, proto, src: address(), dst: address(), sport, dport: echo ? sport : port() };
    const natSrc = r() < 0.3;
    const natDst = r() < 0.3;
    const reply = {
      v6,
      proto,
      src: natDst ? address() : orig.dst,
      dst: natSrc ? address() : orig.src,
      sport: natDst && !echo ? port() : orig.dport,
      dport: natSrc && !echo ? port() : orig.sport,
    };
    return {
      tracker: int(trackers),
      zone: int(3),
      orig,
      reply,
      natSrc,
      natDst,
      seenReply: r() < 0.6,
      closed: r() < 0.2,
      mark: int(4),
      label: r() < 0.5 ? 0n : (1n << 100n) | BigInt(int(4)),
    };
  });
}

/** Makes the packet one of a known connection, of either direction. */
export function aim(row: Row, known: readonly KnownConnection[], r: () => number): void {
  const c = known[Math.floor(r() * known.length)];
  const t = r() < 0.5 ? c.orig : c.reply;
  const ip = t.v6 ? "ipv6" : "ip";
  set(row, "eth_type", t.v6 ? 0x86dd : 0x0800);
  set(row, "ip_proto", t.proto);
  set(row, `${ip}_src`, t.src);
  set(row, `${ip}_dst`, t.dst);
  if (t.proto === 1 || t.proto === 58) set(row, "icmp_id", t.sport);
  else {
    set(row, "tp_src", t.sport);
    set(row, "tp_dst", t.dport);
  }
}
