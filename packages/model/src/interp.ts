/**
 * The reference interpreter of the pipeline IR: the contract at the head of `ir.ts`, as plainly as it can be written.
 *
 * It is slow and obvious: linear search, a fresh row a thread, an event with a copy of the row for everything that
 * happens. The WASM core must leave the same events for every packet (packages/core-wasm/test/agree.test.ts).
 */
import { computedOption } from "./choose.js";
import { type Conn, ConnTracker, type CtRef, type KnownConnection, writeCtFields } from "./conntrack.js";
import { assertNever } from "./errors.js";
import { CT, field, TCP, wordsOf } from "./fields.js";
import { flowHash, pick } from "./hash.js";
import { type Action, BOUNDS, type Match, type Rule, type Table } from "./ir.js";
import type { Link, Network } from "./network.js";
import { type Numbering, numbering } from "./program.js";
import { get, getBig, getBits, newRow, type Row, type Slice, set, setBits } from "./row.js";
import { BOUND_NUMBER, EV, type Event, LEAF, type Machine, type RunOptions, SPAWN } from "./trajectory.js";

const NONE = 0xffffffff;
const IN_PORT = field("in_port").word;
const CONJ_ID = field("conj_id").word;
const CLEARED = [...wordsOf("device"), ...wordsOf("tunnel")];

/** A table activation (with the sequence cursor), or a program being run inside the innermost activation. */
type Frame = { kind: "table"; table: Table; next: number; ended: boolean } | { kind: "program"; program: readonly Action[]; pc: number };

interface Thread {
  readonly id: number;
  row: Row;
  device: number;
  frames: Frame[];
  values: bigint[];
  encaps: Row[];
  /** The packet's connection, the state that `ct` gave it, and whether a later `ct` takes it without a look-up. */
  ref: { tracker: number; ref: CtRef; state: number; kept: boolean } | null;
  links: number;
  recircs: number;
  hops: number;
  spawned: boolean;
  /** What to do when it begins. */
  start:
    | { kind: "enter"; port: number; link: Link | null }
    | { kind: "origin" }
    | { kind: "table"; table: number }
    | { kind: "program"; program: readonly Action[] };
}

/** Ends the run. */
class Stop extends Error {}

export function matches(match: Match, row: Row): boolean {
  for (const x of match) if ((row[x.w] & x.m) >>> 0 !== x.v) return false;
  return true;
}

/** The index of the first matching row of a rule, or -1. */
function matchRow(rule: Rule, row: Row): number {
  return rule.rows.findIndex((m) => matches(m, row));
}

export class Interpreter implements Machine {
  private readonly trackers: ConnTracker[];
  private readonly num: Numbering;
  private known: readonly KnownConnection[] = [];
  private readonly links = new Map<string, { link: Link; index: number }>();

  constructor(private readonly net: Network) {
    this.trackers = net.trackers.map((t) => new ConnTracker(t.flavour));
    this.num = numbering(net);
    net.links.forEach((link, index) => {
      const k = `${link.device}:${link.port}`;
      if (!this.links.has(k)) this.links.set(k, { link, index });
    });
  }

  reset(): void {
    for (const t of this.trackers) t.clear();
    for (const { tracker, ...conn } of this.known) this.trackers[tracker].insert({ ...conn });
  }
  know(connections: readonly KnownConnection[]): void {
    this.known = connections;
    this.reset();
  }
  /** The connections that a tracker knows at present. */
  connections(tracker: number): readonly Conn[] {
    return this.trackers[tracker]?.connections ?? [];
  }

  run(row: Row, device: number, port: number | null, options: RunOptions): Event[] {
    const run = new Run(this.net, this.trackers, this.num, this.links, options);
    run.inject(row, device, port);
    try {
      run.all();
    } catch (e) {
      if (!(e instanceof Stop)) throw e;
    }
    return run.events;
  }
}

class Run {
  readonly events: Event[] = [];
  private readonly queue: Thread[] = [];
  private threads = 0;
  private choices = 0;
  /** How many of the scripted ct states are used. */
  private ctStates = 0;

  constructor(
    private readonly net: Network,
    private readonly trackers: ConnTracker[],
    private readonly num: Numbering,
    private readonly linkAt: Map<string, { link: Link; index: number }>,
    private readonly options: RunOptions,
  ) {}

  inject(row: Row, device: number, port: number | null): void {
    const t = this.newThread(null, row.slice(), device);
    t.start = port === null ? { kind: "origin" } : { kind: "enter", port, link: null };
    if (this.options.inner) t.encaps.push(this.options.inner.slice());
    this.queue.push(t);
  }

  all(): void {
    for (let t = this.queue.shift(); t; t = this.queue.shift()) this.thread(t);
  }

  private newThread(from: Thread | null, row: Row, device: number): Thread {
    if (this.threads >= BOUNDS.threads) {
      this.leaf(from!, LEAF.looped, BOUND_NUMBER.threads);
      throw new Stop();
    }
    const t: Thread = {
      id: this.threads++,
      row,
      device,
      frames: [],
      values: [],
      encaps: from ? from.encaps.map((r) => r.slice()) : [],
      ref: null,
      links: from ? from.links : 0,
      recircs: from ? from.recircs : 0,
      hops: 0,
      spawned: false,
      start: { kind: "origin" },
    };
    if (from) from.spawned = true;
    return t;
  }

  private event(t: Thread, kind: number, a: number, b = 0, c = 0, row: Row = t.row): void {
    if (this.events.length >= BOUNDS.events - 1) {
      this.events.push({ kind: EV.leaf, thread: t.id, a: LEAF.looped, b: BOUND_NUMBER.events, c: 0, row: row.slice() });
      throw new Stop();
    }
    this.events.push({ kind, thread: t.id, a: a >>> 0, b: b >>> 0, c: c >>> 0, row: row.slice() });
  }
  private leaf(t: Thread, kind: number, text: number, rejected = false): void {
    this.event(t, EV.leaf, kind, text, rejected ? 1 : 0);
  }
  private text(a: Action): number {
    return this.num.textIndex.get(a) ?? NONE;
  }

  private thread(t: Thread): void {
    if (t.start.kind === "enter") {
      if (t.links > BOUNDS.links) {
        this.leaf(t, LEAF.looped, BOUND_NUMBER.links);
        return;
      }
      const keep = new Map((t.start.link?.keeps ?? []).map((n) => [n, getBig(t.row, n)]));
      this.clear(t);
      for (const [n, v] of keep) set(t.row, n, v);
      t.row[IN_PORT] = t.start.port;
      t.recircs = 0;
      this.event(t, EV.enter, t.device, t.start.port);
      this.activate(t, this.net.tables[this.net.devices[t.device].entry]);
    } else if (t.start.kind === "origin") {
      this.clear(t);
      this.event(t, EV.enter, t.device, 0, 1);
      this.activate(t, this.net.tables[this.net.devices[t.device].origin]);
    } else if (t.start.kind === "table") this.activate(t, this.net.tables[t.start.table]);
    else t.frames.push({ kind: "program", program: t.start.program, pc: 0 });

    let ended = t.frames.length === 0 && this.dead(t);
    while (!ended && t.frames.length > 0) ended = this.step(t);
    if (!ended && !t.spawned) this.leaf(t, LEAF.dropped, NONE);
  }
  private clear(t: Thread): void {
    if (this.options.keep && t.id === 0) return;
    for (const w of CLEARED) t.row[w] = 0;
  }
  /** A thread that met a bound while starting has left its leaf already. */
  private dead(t: Thread): boolean {
    const last = this.events.at(-1);
    return last?.kind === EV.leaf && last.thread === t.id && last.a === LEAF.looped;
  }

  /** One action, or one step of a table's walk. True when the thread has ended. */
  private step(t: Thread): boolean {
    const f = t.frames[t.frames.length - 1];
    if (f.kind === "program") {
      if (f.pc >= f.program.length) {
        t.frames.pop();
        return false;
      }
      return this.action(t, f.program[f.pc++]);
    }
    if (f.table.kind !== "sequence" || f.ended) {
      t.frames.pop();
      return false;
    }
    for (let i = f.next; i < f.table.rules.length; i++) {
      const rule = f.table.rules[i];
      const at = matchRow(rule, t.row);
      if (at < 0) continue;
      f.next = i + 1;
      return this.hit(t, rule, at);
    }
    f.ended = true;
    return this.miss(t, f.table);
  }

  /** Enters a table. True when a bound ended the thread. */
  private activate(t: Thread, table: Table): boolean {
    if (t.frames.filter((f) => f.kind === "table").length >= BOUNDS.frames) {
      this.leaf(t, LEAF.looped, BOUND_NUMBER.frames);
      t.frames = [];
      return true;
    }
    t.frames.push({ kind: "table", table, next: 0, ended: false });
    if (table.kind === "sequence") return false;
    const found = table.kind === "lpm" ? longest(table, t.row) : best(table, t.row);
    return found ? this.hit(t, found.rule, found.at) : this.miss(t, table);
  }
  private hop(t: Thread): boolean {
    if (++t.hops <= BOUNDS.hops) return false;
    this.leaf(t, LEAF.looped, BOUND_NUMBER.hops);
    t.frames = [];
    return true;
  }
  private hit(t: Thread, rule: Rule, at: number): boolean {
    if (this.hop(t)) return true;
    this.event(t, EV.hit, rule.table, rule.id, at);
    t.frames.push({ kind: "program", program: rule.program, pc: 0 });
    return false;
  }
  private miss(t: Thread, table: Table): boolean {
    if (this.hop(t)) return true;
    this.event(t, EV.miss, table.id);
    t.frames.push({ kind: "program", program: table.miss, pc: 0 });
    return false;
  }

  /** Drops frames of the running program, and with `table` the activation it runs in. */
  private unwindTo(t: Thread, table: boolean): void {
    while (t.frames.length > 0 && t.frames[t.frames.length - 1].kind === "program") t.frames.pop();
    if (table) t.frames.pop();
  }

  private action(t: Thread, a: Action): boolean {
    switch (a.op) {
      case "set":
        setBits(t.row, a.dst, a.value);
        return false;
      case "move":
        setBits(t.row, a.dst, getBits(t.row, a.src));
        return false;
      case "swap": {
        const v = getBits(t.row, a.a);
        setBits(t.row, a.a, getBits(t.row, a.b));
        setBits(t.row, a.b, v);
        return false;
      }
      case "push":
        if (t.values.length >= BOUNDS.values) {
          this.leaf(t, LEAF.looped, BOUND_NUMBER.values);
          return true;
        }
        t.values.push(getBits(t.row, a.src));
        return false;
      case "pop": {
        const v = t.values.pop();
        if (v !== undefined) setBits(t.row, a.dst, v);
        return false;
      }
      case "decTtl": {
        const ttl = get(t.row, "ip_ttl");
        if (ttl > 1) set(t.row, "ip_ttl", ttl - 1);
        else {
          this.unwindTo(t, false);
          t.frames.push({ kind: "program", program: a.expired, pc: 0 });
        }
        return false;
      }
      case "greater":
        setBits(t.row, a.dst, getBits(t.row, a.src) > a.value ? 1n : 0n);
        return false;
      case "call":
        return this.activate(t, this.net.tables[a.table]);
      case "goto":
        if (a.unwind) t.frames = [];
        else this.unwindTo(t, true);
        return this.activate(t, this.net.tables[a.table]);
      case "return":
        this.unwindTo(t, true);
        return false;
      case "output":
        return this.output(t, typeof a.port === "number" ? a.port : Number(getBits(t.row, a.port)), a.allowIn === true);
      case "local":
        this.leaf(t, LEAF.local, this.text(a));
        return true;
      case "drop":
        this.leaf(t, LEAF.dropped, this.text(a), a.rejected === true);
        return true;
      case "emit":
        this.emit(t, a);
        return false;
      case "encap":
        return this.encap(t, a.port);
      case "decap":
        return this.decap(t);
      case "ct":
        this.ct(t, a);
        return false;
      case "ctClear":
        t.ref = null;
        set(t.row, "ct_state", 0);
        writeCtFields(t.row, 0, null);
        return false;
      case "nat": {
        const r = t.ref;
        if (!r?.ref.pending) return false;
        const { conn } = r.ref;
        if (a.type === "src" ? conn.natSrc : conn.natDst) return false;
        const bound = this.trackers[r.tracker].bind(t.row, conn, a.type, a.range);
        if (!bound.ok) {
          this.leaf(t, LEAF.dropped, NONE);
          return true;
        }
        this.natBits(t, r.ref);
        if (bound.changed) this.event(t, EV.nat, a.type === "src" ? 0 : 1);
        return false;
      }
      case "unnat": {
        const r = t.ref;
        if (!r || r.ref.pending) return false;
        if (this.trackers[r.tracker].translate(t.row, r.ref, [a.type]).changed) this.event(t, EV.nat, a.type === "src" ? 0 : 1);
        return false;
      }
      case "confirm": {
        const r = t.ref;
        if (!r) return false;
        r.ref.conn.mark = get(t.row, "ct_mark");
        r.ref.conn.label = getBig(t.row, "ct_label");
        if (r.ref.pending) {
          this.trackers[r.tracker].insert(r.ref.conn);
          r.ref.pending = false;
        }
        return false;
      }
      case "choose": {
        const site = this.num.siteOf.get(a)!;
        const n = this.choices++;
        let k = 0;
        if (n < this.options.script.length) k = this.options.script[n];
        else if (this.options.beyond === "hash") k = a.by ? computedOption(a.by, a.weights, t.row) : pick(flowHash(t.row, site), a.weights);
        this.event(t, EV.choice, site, k, a.options.length);
        t.frames.push({ kind: "program", program: a.options[k], pc: 0 });
        return false;
      }
      case "clone": {
        const c = this.newThread(t, t.row.slice(), t.device);
        c.values = [...t.values];
        c.ref = t.ref && { ...t.ref };
        c.start = { kind: "program", program: a.actions };
        this.event(t, EV.spawn, SPAWN.clone, c.id);
        this.thread(c);
        return false;
      }
      case "note":
      case "punt":
        this.event(t, EV.note, this.text(a));
        return false;
      case "unknown":
        if (a.go) {
          this.event(t, EV.note, this.text(a));
          return false;
        }
        this.leaf(t, LEAF.unknown, this.text(a));
        return true;
      default:
        return assertNever(a);
    }
  }

  private output(t: Thread, port: number, allowIn: boolean): boolean {
    if (port === t.row[IN_PORT] && !allowIn) return false;
    const at = this.linkAt.get(`${t.device}:${port}`);
    if (!at) {
      this.event(t, EV.output, port, NONE, NONE);
      this.leaf(t, LEAF.unlinked, port);
      t.spawned = true;
      return false;
    }
    const c = this.newThread(t, t.row.slice(), at.link.toDevice);
    c.links = t.links + 1;
    c.start = { kind: "enter", port: at.link.toPort, link: at.link };
    this.event(t, EV.output, port, at.index, c.id);
    if (at.link.inline) this.thread(c);
    else this.queue.push(c);
    return false;
  }

  private emit(t: Thread, a: Extract<Action, { op: "emit" }>): void {
    const r = t.row;
    const v6 = get(r, "eth_type") === 0x86dd;
    const tcp = a.kind === "tcp-reset";
    if (tcp ? get(r, "tcp_flags") & TCP.rst : get(r, "inner_proto") !== 0) return;
    const n = newRow();
    const copy = (to: string, from: string) => set(n, to, getBig(r, from));
    for (const f of ["in_port", "metadata", "pkt_mark", "vlan_tci", "xxreg0", "xxreg1", "xxreg2", "xxreg3", "eth_type"]) copy(f, f);
    const [src, dst] = a.swap ? ["dst", "src"] : ["src", "dst"];
    for (const l of ["eth", v6 ? "ipv6" : "ip"]) {
      copy(`${l}_src`, `${l}_${src}`);
      copy(`${l}_dst`, `${l}_${dst}`);
    }
    set(n, "ip_ttl", 255);
    if (tcp) {
      set(n, "ip_proto", 6);
      copy("tp_src", "tp_dst");
      copy("tp_dst", "tp_src");
      set(n, "tcp_flags", get(r, "tcp_flags") & TCP.ack ? TCP.rst : TCP.rst | TCP.ack);
      set(n, "packet_len", v6 ? 74 : 54);
    } else {
      set(n, "ip_proto", v6 ? 58 : 1);
      set(n, "icmp_type", a.icmpType);
      set(n, "icmp_code", a.icmpCode);
      set(n, "packet_len", 70);
      const proto = get(r, "ip_proto");
      const icmp = proto === 1 || proto === 58;
      copy("inner_proto", "ip_proto");
      copy("inner_src", v6 ? "ipv6_src" : "ip_src");
      copy("inner_dst", v6 ? "ipv6_dst" : "ip_dst");
      copy("inner_tp_src", icmp ? "icmp_id" : "tp_src");
      copy("inner_tp_dst", icmp ? "icmp_id" : "tp_dst");
    }
    const c = this.newThread(t, n, t.device);
    c.encaps = [];
    c.start = { kind: "program", program: a.then };
    this.event(t, EV.spawn, SPAWN.emit, c.id);
    this.queue.push(c);
  }

  private encap(t: Thread, port: number): boolean {
    if (t.encaps.length >= BOUNDS.encaps) {
      this.leaf(t, LEAF.looped, BOUND_NUMBER.encaps);
      return true;
    }
    const inner = t.row;
    const n = newRow();
    n[IN_PORT] = inner[IN_PORT];
    set(n, "eth_type", 0x0800);
    set(n, "ip_proto", 17);
    set(n, "ip_ttl", 64);
    set(n, "ip_src", get(inner, "tun_src"));
    set(n, "ip_dst", get(inner, "tun_dst"));
    set(n, "tp_src", 0xc000 | (flowHash(inner, 0) & 0x3fff));
    set(n, "tp_dst", port);
    set(n, "packet_len", get(inner, "packet_len") + 58);
    t.encaps.push(inner);
    t.row = n;
    return false;
  }
  private decap(t: Thread): boolean {
    const inner = t.encaps.pop();
    if (!inner) {
      this.leaf(t, LEAF.unknown, NONE);
      return true;
    }
    inner[IN_PORT] = t.row[IN_PORT];
    set(inner, "tun_src", get(t.row, "ip_src"));
    set(inner, "tun_dst", get(t.row, "ip_dst"));
    t.row = inner;
    return false;
  }

  private natBits(t: Thread, ref: CtRef): void {
    set(t.row, "ct_state", get(t.row, "ct_state") | (ref.conn.natSrc ? CT.snat : 0) | (ref.conn.natDst ? CT.dnat : 0));
  }

  private ct(t: Thread, a: Extract<Action, { op: "ct" }>): void {
    const zone = typeof a.zone === "number" ? a.zone : Number(getBits(t.row, a.zone)) & 0xffff;
    if (this.options.ctStates) {
      this.scripted(t, a, zone, this.options.ctStates);
      return;
    }
    const tracker = this.trackers[a.tracker];
    const row = t.row.slice();
    let state: number;
    let ref: CtRef | null;
    const force = a.force && a.commit;
    const known = t.ref?.tracker === a.tracker && !t.ref.ref.pending && t.ref.ref.conn.zone === zone ? t.ref : null;
    if (known && !force && known.kept) {
      ({ state, ref } = known);
    } else if (known && tracker.flavour === "userspace" && known.state & (CT.snat | CT.dnat)) {
      if (force && known.ref.dir === "reply") {
        tracker.forget(known.ref.conn);
        ({ state, ref } = tracker.lookup(row, zone));
      } else {
        state = tracker.again(row, known.ref, known.state);
        ref = known.ref;
      }
    } else ({ state, ref } = tracker.lookup(row, zone, force));
    if (a.nat !== null && ref && !ref.pending && (state & (CT.snat | CT.dnat)) === 0)
      state |= tracker.translate(row, ref, ["src", "dst"]).bits;
    // The userspace tracker leaves a packet for which there is no translation as it is: new, and not entered.
    let full = false;
    if (a.commit && ref) {
      if (ref.pending && a.nat !== null && a.nat !== "existing") {
        const bound = tracker.bind(row, ref.conn, a.nat.type, a.nat.range);
        if (bound.ok) state |= (ref.conn.natSrc ? CT.snat : 0) | (ref.conn.natDst ? CT.dnat : 0);
        else if (tracker.flavour === "linux") {
          state = CT.trk | CT.inv;
          ref = null;
        } else full = true;
      } else if (ref.pending && a.nat === "existing" && tracker.flavour === "userspace") full = !tracker.bindNothing(ref.conn);
      if (ref && !full) {
        if (ref.pending) tracker.insert(ref.conn);
        ref.pending = false;
        if (a.exec.length > 0) this.ctExec(row, ref, a.exec);
      }
    }
    // The userspace tracker does not keep the connection of a packet for which it was asked to translate.
    const kept = tracker.flavour === "linux" || a.nat === null;
    const left = ref && (!ref.pending || a.resume === "inplace") ? { tracker: a.tracker, ref, state, kept } : null;
    if (a.resume === null) {
      // Headers may have been translated; what the pipeline knows of the connection stays as it was.
      t.row = row;
      t.ref = left;
      this.event(t, EV.ct, state, zone, a.tracker);
      return;
    }
    if (a.resume === "inplace" && ref) state |= (ref.conn.natSrc ? CT.snat : 0) | (ref.conn.natDst ? CT.dnat : 0);
    t.ref = left && { ...left, state };
    // Both the copy and what goes on here have the headers as translated.
    if (a.resume !== "inplace") t.row = row.slice();
    set(row, "ct_state", state);
    writeCtFields(row, zone, ref);
    this.event(t, EV.ct, state, zone, a.tracker, row);
    this.resume(t, a.resume, row);
  }
  /** Goes on with a tracked packet: here, or in a fork. */
  private resume(t: Thread, at: "inplace" | number, row: Row): void {
    if (at === "inplace") {
      t.row = row;
      return;
    }
    if (t.recircs + 1 > BOUNDS.recirculations) {
      this.leaf(t, LEAF.looped, BOUND_NUMBER.recirculations);
      t.spawned = true;
      return;
    }
    const c = this.newThread(t, row, t.device);
    c.ref = t.ref && { ...t.ref };
    c.recircs = t.recircs + 1;
    c.start = { kind: "table", table: at };
    this.event(t, EV.spawn, SPAWN.fork, c.id);
    this.queue.push(c);
  }
  /** `ct` where the states are given: see RunOptions.ctStates. */
  private scripted(t: Thread, a: Extract<Action, { op: "ct" }>, zone: number, states: readonly number[]): void {
    t.ref = null;
    if (a.resume === null) {
      this.event(t, EV.ct, 0, zone, a.tracker);
      return;
    }
    const row = t.row.slice();
    const state = states[this.ctStates++] ?? CT.new | CT.trk;
    exec(row, a.exec);
    set(row, "ct_state", state);
    set(row, "ct_zone", zone);
    if (a.nat !== null && a.nat !== "existing" && a.nat.range.min !== undefined) {
      const { type, range } = a.nat;
      set(row, `${get(row, "eth_type") === 0x86dd ? "ipv6" : "ip"}_${type}`, range.min!);
      if (range.portMin) set(row, `tp_${type}`, range.portMin);
    }
    this.event(t, EV.ct, state, zone, a.tracker, row);
    this.resume(t, a.resume, row);
  }
  private ctExec(row: Row, ref: CtRef, actions: readonly Action[]): void {
    const tmp = row.slice();
    set(tmp, "ct_mark", ref.conn.mark);
    set(tmp, "ct_label", ref.conn.label);
    exec(tmp, actions);
    ref.conn.mark = get(tmp, "ct_mark");
    ref.conn.label = getBig(tmp, "ct_label");
  }
}

/** The actions that `exec` of a `ct` may have. */
function exec(row: Row, actions: readonly Action[]): void {
  for (const x of actions) {
    if (x.op === "set") setBits(row, x.dst, x.value);
    else if (x.op === "move") setBits(row, x.dst, getBits(row, x.src));
    else throw new Error(`ct exec allows set and move, not ${x.op}`);
  }
}

/** Longest prefix of the key, then lowest metric, then first listed. */
function longest(table: Table, row: Row): { rule: Rule; at: number } | null {
  const key: Slice = table.key!;
  const v = getBits(row, key);
  let found: Rule | null = null;
  for (const r of table.rules) {
    const p = r.prefix!;
    const shift = BigInt(key.n - p.len);
    if (v >> shift !== p.value >> shift) continue;
    if (!found || p.len > found.prefix!.len || (p.len === found.prefix!.len && (r.metric ?? 0) < (found.metric ?? 0))) found = r;
  }
  return found && { rule: found, at: 0 };
}

/** The rule an OpenFlow classifier would take, conjunctions included. */
function best(table: Table, row: Row): { rule: Rule; at: number } | null {
  const hard = highest(table, row);
  const soft = table.rules.filter((r) => r.conj && matchRow(r, row) >= 0 && (!hard || r.priority > hard.rule.priority));
  const priorities = [...new Set(soft.map((r) => r.priority))].sort((a, b) => b - a);
  for (const p of priorities) {
    const clauses = new Map<number, { of: number; seen: Set<number> }>();
    for (const r of soft)
      if (r.priority === p)
        for (const c of r.conj!) {
          const x = clauses.get(c.id) ?? { of: c.of, seen: new Set() };
          x.seen.add(c.clause);
          clauses.set(c.id, x);
        }
    for (const [id, x] of clauses) {
      if (x.seen.size < x.of) continue;
      const saved = row[CONJ_ID];
      row[CONJ_ID] = id;
      const again = highest(table, row);
      row[CONJ_ID] = saved;
      if (again) return again;
      break;
    }
  }
  return hard;
}
function highest(table: Table, row: Row): { rule: Rule; at: number } | null {
  let found: { rule: Rule; at: number } | null = null;
  for (const r of table.rules) {
    if (r.conj || (found && r.priority <= found.rule.priority)) continue;
    const at = matchRow(r, row);
    if (at >= 0) found = { rule: r, at };
  }
  return found;
}
