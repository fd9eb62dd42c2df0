/**
 * Random connection tracking: small pipelines of `ct` and packets that talk through them.
 *
 * A pipeline has one to three stages of two tables: the first looks up (`ct(table=…,zone=…)`), the second decides by ct_state:
 * commits with or without translation, mark and label, looks up again, clears, goes on. The last table lets the packet out by
 * a port that its way in tells, with what the pipeline knows of the connection written into its MAC addresses, where both
 * sides can be compared.
 *
 * Left out: address and port ranges of more than one, whose choice begins at the switch's secret; `ct` before what depends on
 * its order (in the switch a copy runs at once, here after its thread); sequence numbers; fragments; SCTP, of whose ports the switch
 * knows nothing.
 */
import { get, getBig, ipv4Number, ipv6Number, macNumber, newRow, type Row, set, TCP } from "@plumbline/model";
import { frameOf, rowOf } from "../frames.js";
import type { FlowSpec } from "../ofproto/tables.js";
import type { Random } from "../random.js";
import { headersOf, type Mirror } from "./mirror.js";
import type { Scenario } from "./scenario.js";

/** Ports packets come in by; they leave by another of them. */
const SIDES = [1, 2, 3, 4];
const CLIENTS = ["10.0.0.1", "10.0.0.2"];
const SERVERS = ["10.1.0.1", "10.1.0.2"];
/** What sources, and destinations, are translated to. */
const SOURCES = ["10.9.0.1", "10.9.0.2"];
const DESTINATIONS = ["10.1.0.1", "10.9.0.1"];
const CLIENTS6 = ["2001:db8::1", "2001:db8::2"];
const SERVERS6 = ["2001:db8:1::1", "2001:db8:1::2"];
const SOURCES6 = ["2001:db8:9::1", "2001:db8:9::2"];
const DESTINATIONS6 = ["2001:db8:1::1", "2001:db8:9::1"];
const CLIENT_PORTS = [1000, 40000, 40001, 65535];
const SERVER_PORTS = [53, 80, 8080];
const ZONES = ["1", "2", "NXM_NX_REG6[0..15]"];
const EXIT_TABLE = 20;

class Pipeline {
  readonly flows: FlowSpec[] = [];

  /** Forcing a direction, or translating: of a translated connection the switch's tracker does not force the direction (OVS 3.1). */
  private readonly forces: boolean;

  /** Forgetting a packet's connection, or one zone in several stages: a connection made twice in a zone is found by chance. */
  private readonly clears: boolean;

  constructor(
    private readonly r: Random,
    private readonly v6: boolean,
  ) {
    this.forces = r.chance(0.2);
    this.clears = r.chance(0.4);
  }

  make(): void {
    const { r } = this;
    const stages = r.pick([1, 1, 2, 2, 3]);
    for (let s = 0; s < stages; s++) {
      const next = s === stages - 1 ? EXIT_TABLE : 2 * s + 2;
      // Mostly one zone a stage, as switches are told; now and then whatever comes.
      const zone = this.clears ? String(s + 1) : r.chance(0.8) ? r.pick(ZONES) : null;
      const zoneOf = () => zone ?? r.pick(ZONES);
      for (let i = r.pick([1, 1, 2, 3]); i > 0; i--)
        this.flow(2 * s, [...this.packets(i > 1), ...this.states(s > 0 && i > 1)], this.lookUp(2 * s + 1, zoneOf()));
      for (let i = r.between(1, 4); i > 0; i--)
        this.flow(2 * s + 1, ["ct_state=+new+trk", ...this.packets(i > 1)], this.commit(next, zoneOf()));
      for (let i = r.int(3); i > 0; i--)
        this.flow(2 * s + 1, [...this.states(true), ...this.packets(r.chance(0.5))], this.other(next, 2 * s + 1, zoneOf()));
      this.flow(2 * s + 1, [], [`resubmit(,${next})`], 0);
    }
    this.exits();
  }

  private flow(table: number, match: readonly string[], actions: readonly string[], priority = this.r.between(1, 100)): void {
    const name = this.v6 ? "ipv6" : "ip";
    const family = match.some((m) => /^(tcp|udp|icmp|sctp)/.test(m)) ? [] : [name];
    this.flows.push({ table, priority, cookie: this.flows.length + 1, match: [...family, ...match], actions });
  }

  /** A condition on the packet itself, or none. */
  private packets(some: boolean): string[] {
    const { r, v6 } = this;
    if (!some) return [];
    const six = v6 ? "6" : "";
    const [src, dst] = v6 ? ["ipv6_src", "ipv6_dst"] : ["nw_src", "nw_dst"];
    return r.pick([
      [`in_port=${r.pick(SIDES)}`],
      [r.pick([`tcp${six}`, `udp${six}`, `icmp${six}`])],
      [`${r.pick(["tcp", "udp"])}${six}`, `tp_dst=${r.pick(SERVER_PORTS)}`],
      [`tcp${six}`, `tcp_flags=${r.pick(["+syn-ack", "+ack", "+rst"])}`],
      [`${src}=${r.pick(v6 ? [...CLIENTS6, ...SERVERS6] : [...CLIENTS, ...SERVERS])}`],
      [`${dst}=${r.pick(v6 ? [...SERVERS6, ...SOURCES6] : [...SERVERS, ...SOURCES])}`],
    ]);
  }
  private states(some: boolean): string[] {
    const { r } = this;
    if (!some) return [];
    return [
      r.pick([
        "ct_state=+est+trk",
        "ct_state=+est-rpl+trk",
        "ct_state=+rpl+trk",
        "ct_state=+inv+trk",
        "ct_state=+rel+trk",
        "ct_state=+new+trk",
        "ct_state=+snat+trk",
        "ct_state=+dnat+trk",
        `ct_state=+trk,ct_mark=${r.int(3)}`,
      ]),
    ];
  }

  private lookUp(to: number, zone: string): string[] {
    const { r } = this;
    const args = [`table=${to}`, `zone=${zone}`];
    if (r.chance(0.5)) args.push("nat");
    const before = zone.startsWith("NXM") ? [`load:${r.pick([0, 1, 5])}->NXM_NX_REG6[0..15]`] : [];
    if (this.clears && r.chance(0.4)) before.push("ct_clear");
    return [...before, `ct(${args.join(",")})`, ...(r.chance(0.1) ? [`output:${r.pick([5, 6])}`] : [])];
  }

  /** What becomes of a packet of a new connection. */
  private commit(next: number, zone: string): string[] {
    const { r } = this;
    const kind = r.fraction();
    if (kind < 0.1) return [`resubmit(,${next})`];
    const args = ["commit", `zone=${zone}`];
    const nat = !this.forces && r.chance(0.6) ? this.nat() : null;
    if (nat) args.push(nat);
    if (this.forces && r.chance(0.5)) args.push("force");
    if (r.chance(0.5)) args.push(this.exec());
    if (kind < 0.7) return [`ct(${args.join(",")},table=${next})`, ...(r.chance(0.15) ? [`output:${r.pick([5, 6])}`] : [])];
    // Without a table the packet goes on untracked; a translated one is only let out (docs/limitations.md).
    return [`ct(${args.join(",")})`, nat ? `output:${r.pick([5, 6])}` : `resubmit(,${next})`];
  }

  private nat(): string {
    const { r, v6 } = this;
    const type = r.pick(["src", "src", "dst"]);
    const address = r.pick(type === "src" ? (v6 ? SOURCES6 : SOURCES) : v6 ? DESTINATIONS6 : DESTINATIONS);
    const kind = r.fraction();
    if (kind < 0.1) return "nat";
    if (kind < 0.2) return `nat(${type})`;
    const port = r.pick(["", "", `:${r.pick([80, 8080, 40000])}`]);
    return `nat(${type}=${v6 && port ? `[${address}]` : address}${port})`;
  }
  private exec(): string {
    const { r } = this;
    return `exec(${r.pick([
      `load:${r.between(1, 2)}->NXM_NX_CT_MARK[]`,
      `load:1->NXM_NX_CT_MARK[${r.int(3)}]`,
      `set_field:${r.between(1, 3)}->ct_label`,
      "move:NXM_OF_IN_PORT[]->NXM_NX_CT_LABEL[32..47]",
      `load:2->NXM_NX_CT_MARK[],load:1->NXM_NX_CT_LABEL[96]`,
    ])})`;
  }

  private other(next: number, here: number, zone: string): string[] {
    const { r } = this;
    return r.pick([
      () => [],
      () => [...(this.clears ? ["ct_clear"] : []), `resubmit(,${next})`],
      () => [`ct(zone=${zone},table=${next})`],
      () => [`ct(zone=${zone},nat,table=${next})`],
      () => [`ct(commit,zone=${zone},${this.exec()},table=${next})`],
      () => [`ct(commit,zone=${zone},${this.forces ? "force" : this.nat()},table=${next})`],
      () => [`ct(commit,${this.forces ? "force," : ""}zone=${zone})`, `resubmit(,${next})`],
      () => (this.clears ? ["ct_clear", `ct(zone=9,table=${next})`] : []),
      () => (here < 5 ? [`resubmit(,${next})`] : []),
    ])();
  }

  /** Each way in has a way out; what is known of the connection leaves in the MAC addresses. */
  private exits(): void {
    const out = new Map([
      [1, 2],
      [2, 1],
      [3, 4],
      [4, 3],
    ]);
    const tell = [
      "move:NXM_NX_CT_STATE[0..15]->NXM_OF_ETH_SRC[0..15]",
      "move:NXM_NX_CT_ZONE[]->NXM_OF_ETH_SRC[16..31]",
      "move:NXM_NX_CT_MARK[0..15]->NXM_OF_ETH_SRC[32..47]",
      "move:NXM_NX_CT_LABEL[32..47]->NXM_OF_ETH_DST[32..47]",
    ];
    const [src, port] = [this.v6 ? "NXM_NX_CT_IPV6_SRC[0..15]" : "NXM_NX_CT_NW_SRC[0..15]", "NXM_NX_CT_TP_DST[]"];
    const tuple = [`move:${src}->NXM_OF_ETH_DST[16..31]`];
    for (const [from, to] of out) {
      for (const proto of ["tcp", "udp"])
        this.flow(
          EXIT_TABLE,
          [`${proto}${this.v6 ? "6" : ""}`, "ct_state=+trk-inv", `in_port=${from}`],
          [...tell, ...tuple, `move:${port}->NXM_OF_ETH_DST[0..15]`, `output:${to}`],
          200,
        );
      this.flow(EXIT_TABLE, ["ct_state=+trk-inv-rel", `in_port=${from}`], [...tell, ...tuple, `output:${to}`], 100);
      this.flow(EXIT_TABLE, [`in_port=${from}`], [...tell, `output:${to}`], 1);
    }
  }
}

/** What a conversation through a pipeline must know of it. */
export interface Talk {
  readonly v6: boolean;
  /** It binds translations. The ports of a connection that is begun anew depend on when the switch sweeps the old one away. */
  readonly translates: boolean;
}

export function randomConnections(r: Random): Omit<Scenario, "packets"> & Talk {
  const v6 = r.chance(0.25);
  const p = new Pipeline(r, v6);
  p.make();
  const translates = p.flows.some((f) => f.actions.some((a) => /commit.*nat/.test(a)));
  return { ask: { trace: false, wire: true }, version: "OpenFlow15", flows: p.flows, groups: [], v6, translates };
}

/** A packet that nobody has sent before, or that somebody may send again. */
function opening(r: Random, v6: boolean): Row {
  const row = newRow();
  set(row, "in_port", r.pick(SIDES));
  set(row, "eth_src", macNumber("02:00:00:00:00:01")!);
  set(row, "eth_dst", macNumber("02:00:00:00:00:02")!);
  set(row, "eth_type", v6 ? 0x86dd : 0x0800);
  set(row, "ip_ttl", 64);
  const address = (of: readonly string[]) => (v6 ? ipv6Number(r.pick(of))! : ipv4Number(r.pick(of))!);
  set(row, v6 ? "ipv6_src" : "ip_src", address(v6 ? CLIENTS6 : CLIENTS));
  set(row, v6 ? "ipv6_dst" : "ip_dst", address(r.chance(0.85) ? (v6 ? SERVERS6 : SERVERS) : v6 ? SOURCES6 : SOURCES));
  const proto = r.pick([6, 6, 6, 17, 17, v6 ? 58 : 1, 47]);
  set(row, "ip_proto", proto);
  if (proto === 6 || proto === 17 || proto === 132) {
    set(row, "tp_src", r.pick(CLIENT_PORTS));
    set(row, "tp_dst", r.pick(SERVER_PORTS));
  }
  if (proto === 6) set(row, "tcp_flags", r.pick(OPENING_FLAGS));
  if (proto === 1 || proto === 58) {
    set(row, "icmp_type", v6 ? 128 : 8);
    set(row, "icmp_id", r.pick([1, 2]));
  }
  return row;
}
const OPENING_FLAGS = [
  TCP.syn,
  TCP.syn,
  TCP.syn,
  TCP.syn,
  TCP.ack,
  TCP.syn | TCP.ack,
  TCP.rst,
  TCP.fin | TCP.ack,
  TCP.rst | TCP.ack,
  0,
  TCP.syn | TCP.fin,
  TCP.fin,
];
const FURTHER_FLAGS = [TCP.ack, TCP.ack, TCP.ack | TCP.psh, TCP.fin | TCP.ack, TCP.rst, TCP.rst | TCP.ack, TCP.syn, TCP.syn | TCP.ack];

/** The answer to a packet that left by a port: it comes in there. */
function answerTo(r: Random, left: Row, port: number): Row {
  const row = left.slice();
  set(row, "in_port", port);
  for (const [a, b] of [
    ["ip_src", "ip_dst"],
    ["ipv6_src", "ipv6_dst"],
    ["tp_src", "tp_dst"],
  ]) {
    const kept = getBig(row, a);
    set(row, a, getBig(row, b));
    set(row, b, kept);
  }
  if (get(row, "ip_proto") === 6)
    set(row, "tcp_flags", get(left, "tcp_flags") === TCP.syn && r.chance(0.7) ? TCP.syn | TCP.ack : r.pick(FURTHER_FLAGS));
  const type = get(row, "icmp_type");
  const turned: Record<number, number> = { 8: 0, 0: 8, 128: 129, 129: 128 };
  if (get(row, "ip_proto") === 1 || get(row, "ip_proto") === 58) set(row, "icmp_type", turned[type] ?? type);
  return row;
}

/** An ICMP error about a packet that left by a port. */
function errorAbout(r: Random, left: Row, port: number): Row {
  const v6 = get(left, "eth_type") === 0x86dd;
  const row = newRow();
  set(row, "in_port", port);
  for (const f of ["eth_src", "eth_dst", "eth_type"]) set(row, f, getBig(left, f));
  set(row, "ip_ttl", 64);
  set(row, "ip_proto", v6 ? 58 : 1);
  const [src, dst] = v6 ? ["ipv6_src", "ipv6_dst"] : ["ip_src", "ip_dst"];
  // The receiver itself, or a router on the way.
  set(row, src, r.chance(0.5) ? getBig(left, dst) : v6 ? ipv6Number("2001:db8:ff::1")! : ipv4Number("10.5.5.5")!);
  set(row, dst, getBig(left, src));
  set(row, "icmp_type", v6 ? r.pick([1, 3]) : r.pick([3, 11]));
  const proto = get(left, "ip_proto");
  const icmp = proto === 1 || proto === 58;
  set(row, "inner_proto", proto);
  set(row, "inner_src", getBig(left, src));
  set(row, "inner_dst", getBig(left, dst));
  const ported = proto === 6 || proto === 17 || proto === 132;
  set(row, "inner_tp_src", icmp ? get(left, "icmp_id") : ported ? get(left, "tp_src") : 0);
  set(row, "inner_tp_dst", icmp ? get(left, "icmp_id") : ported ? get(left, "tp_dst") : 0);
  return row;
}

function isToItself(row: Row): boolean {
  return getBig(row, "ip_src") === getBig(row, "ip_dst") && getBig(row, "ipv6_src") === getBig(row, "ipv6_dst");
}

/** What a wire can carry of the row. */
function sent(row: Row): Row {
  const out = rowOf(frameOf(headersOf(row)));
  set(out, "in_port", get(row, "in_port"));
  return out;
}

/** A conversation of `count` packets: openings, answers to what our side let out, repetitions, errors. */
export function conversation(r: Random, mirror: Mirror, { v6, translates }: Talk, count: number): Row[] {
  mirror.begin([]);
  let ended = false;
  const packets: Row[] = [];
  const left: { row: Row; port: number }[] = [];
  while (packets.length < count) {
    const kind = r.fraction();
    let packet = opening(r, v6);
    if (left.length > 0 && kind < 0.45) {
      const one = r.chance(0.6) ? left.at(-1)! : r.pick(left);
      packet = answerTo(r, one.row, one.port);
    } else if (packets.length > 0 && kind < 0.65) {
      packet = r.pick(packets).slice();
      if (get(packet, "ip_proto") === 6 && r.chance(0.7)) set(packet, "tcp_flags", r.pick(FURTHER_FLAGS));
      if (r.chance(0.1)) set(packet, "in_port", r.pick(SIDES));
    } else if (packets.length > 0 && kind < 0.7 && !translates) packet = answerTo(r, r.pick(packets), r.pick(SIDES));
    else if (left.length > 0 && kind < 0.78) {
      const one = r.pick(left);
      // In a translated IPv6 error OVS 3.1 spoils the quoted address. Of a quoted echo the row does not tell request and reply:
      // it is a request.
      const echoReply = (get(one.row, "ip_proto") === 1 && get(one.row, "icmp_type") === 0) || get(one.row, "icmp_type") === 129;
      if (get(one.row, "inner_proto") === 0 && !echoReply && !isToItself(one.row) && !(v6 && translates))
        packet = errorAbout(r, one.row, one.port);
    }
    const flags = get(packet, "tcp_flags");
    if (flags & (TCP.rst | TCP.fin)) ended = true;
    if (translates && ended && (flags & (TCP.syn | TCP.ack)) === TCP.syn) set(packet, "tcp_flags", TCP.ack);
    packet = sent(packet);
    const result = mirror.run(packet, 0);
    if (mirror.ambiguous) return packets;
    packets.push(packet);
    for (const d of result.left) if (SIDES.includes(d.port)) left.push({ row: headersOf(d.row), port: d.port });
  }
  return packets;
}
