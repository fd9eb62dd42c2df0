/**
 * Random tables: what a bridge may be told to do with a packet short of following connections, and packets that meet it.
 *
 * Of three kinds: `plain` ones are traced and packets are sent through them; `state` ones are traced with registers and
 * connection fields to begin with; `ct` ones fork by `ct`, with the states that our connections give.
 *
 * Left out, as their outcome is not the tables' alone: hashes over several ways, `learn`, output to the controller.
 */
import { CT, field, get, ipv4Number, ipv6Number, macNumber, newRow, type Row, type Rule, set, wordsOf } from "@plumbline/model";
import { frameOf, rowOf } from "../frames.js";
import type { Random } from "../random.js";
import { ADDRESSES, ADDRESSES6, MACS, type MatchKinds, masked, matchOf, PORT_NUMBERS, PROTOCOLS, type Protocol } from "./draw.js";
import { headersOf, type Mirror } from "./mirror.js";
import { PORTS } from "./private-switch.js";
import type { FlowSpec, GroupSpec, Scenario } from "./scenario.js";

export type TableKind = "plain" | "state" | "ct";

/** Tables 0 to LAST; flows lead forward only, so that nothing loops. LAST + 1 is always empty. */
const LAST = 5;
/** Tables that buckets resubmit to. */
const BUCKET_TABLES = [LAST + 2, LAST + 3];

class Tables {
  readonly flows: FlowSpec[] = [];
  readonly groups: GroupSpec[] = [];
  private readonly kinds: MatchKinds;
  private conjunctions = 0;

  constructor(
    private readonly r: Random,
    private readonly kind: TableKind,
    /** OpenFlow 1.0: without groups, `goto_table` and `push_vlan`. */
    private readonly old: boolean,
  ) {
    this.kinds = {
      registers: r.chance(0.8),
      vlan: r.chance(0.6),
      fragments: r.chance(0.4),
      ct: kind !== "plain",
      connection: kind === "state",
      inPorts: PORTS,
    };
  }

  make(count: number): void {
    const { r } = this;
    for (let id = this.old ? 9 : 1 + r.int(4); id <= 4; id++) this.groups.push(this.group(id));
    for (let i = 0; i < count; i++) {
      const table = r.int(LAST + 1);
      const p = r.pick(PROTOCOLS);
      const match = matchOf(r, p, this.kinds);
      this.flow(table, r.pick([1, 10, 100, 100 + i, 1000 + i, 32768]), match, r.chance(0.05) ? [] : this.actions(table, p, match));
    }
    for (let i = r.int(3); i > 0; i--) this.conjunction();
    for (const table of BUCKET_TABLES)
      for (let i = 0; i < 4; i++) this.flow(table, r.between(1, 99), matchOf(r, r.pick(PROTOCOLS), this.kinds), [this.output()]);
    for (let table = 0; table <= LAST; table++)
      if (r.chance(0.85))
        this.flow(table, 0, [], r.pick([[], [`resubmit(,${table + 1})`], [`resubmit(,${table + 1})`, this.output()], [this.output()]]));
  }

  private flow(table: number, priority: number, match: readonly string[], actions: readonly string[]): void {
    this.flows.push({ table, priority, cookie: this.flows.length + 1, match, actions });
  }

  /** Flows of two or three dimensions, and what a packet that has all of them meets. */
  private conjunction(): void {
    const { r } = this;
    const id = ++this.conjunctions;
    const table = r.int(3);
    const priority = r.between(2000, 2004);
    const dimensions = [
      r.sample(ADDRESSES, 3).map((a) => [`nw_src=${a}`]),
      r.sample(ADDRESSES, 3).map((a) => [`nw_dst=${a}/${r.pick([16, 24, 32])}`]),
      r.sample(PORT_NUMBERS, 3).map((n) => [`tp_dst=${n}`]),
    ].slice(0, r.between(2, 3));
    dimensions.forEach((conditions, d) => {
      for (const c of conditions) this.flow(table, priority, ["tcp", ...c], [`conjunction(${id},${d + 1}/${dimensions.length})`]);
    });
    this.flow(table, priority, [`conj_id=${id}`, "tcp"], this.actions(table, PROTOCOLS[3], []));
  }

  private group(id: number): GroupSpec {
    const { r } = this;
    const type = r.pick(["all", "all", "indirect", "select"] as const);
    const bucket = () => {
      const actions = Array.from({ length: r.between(1, 3) }, () => this.simple(PROTOCOLS[0]));
      if (r.chance(0.4)) actions.push(`resubmit(,${r.pick(BUCKET_TABLES)})`);
      if (r.chance(0.5)) actions.push(this.output());
      return { keys: type === "select" ? ["weight:1"] : [], actions };
    };
    // What a hash picks among several buckets is the switch's secret.
    const count = type === "all" ? r.int(4) : 1;
    return { id, type, keys: type === "select" ? ["selection_method=hash", "fields(eth_dst)"] : [], buckets: Array.from({ length: count }, bucket) };
  }

  private output(): string {
    const { r } = this;
    return r.chance(0.85)
      ? `output:${r.pick(PORTS)}`
      : r.pick(["in_port", "all", "flood", "output:99", "LOCAL", "output:NXM_NX_REG1[0..2]", "output:reg2[4..6]"]);
  }
  private next(table: number): number {
    return table < LAST ? this.r.between(table + 1, LAST) : LAST + 1;
  }
  private register(): string {
    return `NXM_NX_REG${this.r.int(6)}`;
  }
  private part(bits: number, count: number): string {
    const from = this.r.int(bits - count + 1);
    return count === bits ? "[]" : count === 1 ? `[${from}]` : `[${from}..${from + count - 1}]`;
  }

  /** An action that writes, and leads nowhere. */
  private simple(p: Protocol): string {
    const { r } = this;
    const n = r.between(1, 32);
    const choices: (() => string)[] = [
      () => `${r.pick(["mod_dl_src", "mod_dl_dst"])}:${r.pick(MACS)}`,
      () =>
        `set_field:${r.pick(["50:54:00:00:00:00/ff:ff:ff:00:00:00", "00:00:00:00:00:05/00:00:00:00:00:ff", "01:00:00:00:00:00/01:00:00:00:00:00"])}->${r.pick(["eth_src", "eth_dst"])}`,
      () => `load:0x${r.bits(n).toString(16)}->${this.register()}${this.part(32, n)}`,
      () => `set_field:${masked(r, r.int(256), 32, 0.5)}->reg${r.int(6)}`,
      () => `set_field:${masked(r, r.int(4), 64, 0.3)}->${r.pick(["metadata", "xreg1", "tun_id"])}`,
      () => `set_field:${masked(r, r.int(4), 32, 0.3)}->pkt_mark`,
      () => `move:${this.register()}${this.part(32, n)}->${this.register()}${this.part(32, n)}`,
      () => `move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG1${this.part(128, 48)}`,
      () => `move:${this.register()}[0..15]->NXM_OF_ETH_DST[${r.pick(["0..15", "16..31", "32..47"])}]`,
      () => "move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]",
    ];
    if (p.family !== 0)
      choices.push(
        () => "dec_ttl",
        () => `mod_nw_tos:${r.pick([0, 4, 184])}`,
        () => `mod_nw_ttl:${r.pick([1, 2, 64])}`,
        () => `set_field:${r.int(4)}->nw_ecn`,
        () => "move:NXM_NX_IP_TTL[]->NXM_NX_REG4[0..7]",
      );
    if (p.family === 4)
      choices.push(
        () => `${r.pick(["mod_nw_src", "mod_nw_dst"])}:${r.pick(ADDRESSES)}`,
        () => `set_field:${r.pick(ADDRESSES)}/255.255.0.0->${r.pick(["ip_src", "ip_dst"])}`.replace(/\d+\.\d+\/255/, "0.0/255"),
        () => "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]",
        () => `move:NXM_OF_IP_DST[]->${this.register()}[]`,
      );
    if (p.family === 6)
      choices.push(
        () => `set_field:${r.pick(ADDRESSES6)}->${r.pick(["ipv6_src", "ipv6_dst"])}`,
        () => "move:NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[]",
        () => `set_field:${r.pick([0, 1, 0x12345])}->ipv6_label`,
      );
    if (p.ports)
      choices.push(
        () => `${r.pick(["mod_tp_src", "mod_tp_dst"])}:${r.pick(PORT_NUMBERS)}`,
        () => `move:${this.register()}[0..15]->NXM_OF_${p.name.slice(0, 3).toUpperCase()}_DST[]`.replace("NXM_OF_SCT_", "OXM_OF_SCTP_"),
      );
    if (p.name === "arp")
      choices.push(
        () => `set_field:${r.pick(ADDRESSES)}->${r.pick(["arp_spa", "arp_tpa"])}`,
        () => `load:${r.between(1, 2)}->NXM_OF_ARP_OP[]`,
        () => "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        () => "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
      );
    return r.pick(choices)();
  }

  /** @param tagged the match asks for a tag, without which OpenFlow 1.1 and later do not take one off */
  private vlan(tagged: boolean): string {
    const { r } = this;
    const push = this.old ? [] : [`push_vlan:0x8100,set_field:${4096 + r.pick([1, 10])}->vlan_vid`, "push_vlan:0x8100", "push_vlan:0x88a8"];
    const strip = tagged || this.old ? ["strip_vlan", "strip_vlan"] : [];
    return r.pick([
      ...push,
      ...strip,
      `mod_vlan_vid:${r.pick([1, 10, 100])}`,
      `mod_vlan_pcp:${r.int(8)}`,
      "move:NXM_OF_VLAN_TCI[0..11]->NXM_NX_REG3[0..11]",
      `load:0x${(0x1000 | r.int(128)).toString(16)}->NXM_OF_VLAN_TCI[]`,
    ]);
  }

  private actions(table: number, p: Protocol, match: readonly string[]): string[] {
    const { r } = this;
    const out: string[] = [];
    // Tables multiply: seldom more than one way on.
    let ways = r.chance(0.75) ? 1 : 2;
    const on = (text: string) => {
      if (ways-- > 0) out.push(text);
    };
    for (let i = r.between(1, 6); i > 0; i--) {
      const kind = r.fraction();
      if (kind < 0.2) out.push(this.output());
      else if (kind < 0.4) on(`resubmit(,${this.next(table)})`);
      else if (kind < 0.44) on(`resubmit(${r.pick(PORTS)},${this.next(table)})`);
      else if (kind < 0.5 && this.groups.length > 0) on(`group:${r.pick(this.groups).id}`);
      else if (kind < 0.55)
        on(`clone(${[this.simple(p), this.simple(p), this.output(), `resubmit(,${this.next(table)})`].slice(r.int(3)).join(",")})`);
      else if (kind < 0.6) out.push(r.pick([`push:${this.register()}${this.part(32, 32)}`, `pop:${this.register()}${this.part(32, 32)}`]));
      else if (kind < 0.62) out.push(r.pick(["note:01.02", "set_queue:1", "pop_queue"]));
      else if (kind < 0.63)
        out.push(r.pick(["exit", `multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG${r.int(4)}[])`, `delete_field:metadata`].slice(0, 2)));
      else if (kind < 0.7 && this.kinds.vlan) out.push(this.vlan(match.some((m) => /^dl_vlan|^vlan_tci=0x1/.test(m))));
      else if (kind < 0.73 && match.some((m) => /^ct_state=.*(est|new|rpl|-inv)/.test(m) && !/-new|-est|-rpl/.test(m))) on(`resubmit(,${this.next(table)},ct)`);
      else out.push(this.simple(p));
    }
    if (this.kind === "ct" && p.family !== 0 && table < LAST && r.chance(0.4)) {
      if (r.chance(0.1)) out.push("ct_clear");
      out.push(this.ct(table));
    } else if (ways > 0 && table < LAST && r.chance(0.65))
      out.push(...this.tail(table));
    return out.filter((a, i) => a !== "exit" || i === out.length - 1);
  }

  private tail(table: number): string[] {
    const { r } = this;
    if (this.old || r.chance(0.7)) return [`resubmit(,${this.next(table)})`];
    return [...(r.chance(0.3) ? [`write_metadata:${masked(r, r.int(4), 2, 0.5)}`] : []), `goto_table:${this.next(table)}`];
  }

  /** Last of its list, so that the order of the copy and of what follows does not matter. */
  private ct(table: number): string {
    const { r } = this;
    const args = [`table=${this.next(table)}`, `zone=${r.pick(["1", "5", "NXM_NX_REG0[0..15]"])}`];
    if (r.chance(0.4)) args.push("commit");
    if (r.chance(0.3)) args.push("nat");
    return `ct(${args.join(",")})`;
  }
}

const CT_INPUT = [0x21, 0x22, 0x2a, 0x30, 0x25, 0x62, 0xa2, 0x6a, 0xaa];

/** A random packet; `state`: with registers and connection fields. */
export function randomPacket(r: Random, state: boolean): Row {
  const row = newRow();
  set(row, "in_port", r.pick(PORTS));
  set(row, "eth_src", macNumber(r.pick(MACS))!);
  set(row, "eth_dst", macNumber(r.pick(MACS))!);
  if (r.chance(0.25)) set(row, "vlan_tci", 0x1000 | r.pick([1, 10, 100]) | (r.int(8) << 13));
  const type = r.pick([0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x88cc]);
  set(row, "eth_type", type);
  if (type === 0x0800 || type === 0x86dd) {
    const v6 = type === 0x86dd;
    const address = () => (v6 ? ipv6Number(r.pick(ADDRESSES6))! : ipv4Number(r.pick(ADDRESSES))!);
    set(row, v6 ? "ipv6_src" : "ip_src", address());
    set(row, v6 ? "ipv6_dst" : "ip_dst", address());
    if (v6 && r.chance(0.3)) set(row, "ipv6_label", r.pick([1, 0xfffff]));
    set(row, "ip_ttl", r.pick([0, 1, 2, 64, 64, 64, 255]));
    set(row, "nw_tos", r.chance(0.7) ? 0 : r.pick([4, 184, 252]) | r.int(4));
    const proto = r.pick([6, 6, 17, v6 ? 58 : 1, 132, 47]);
    set(row, "ip_proto", proto);
    set(row, "tp_src", r.pick(PORT_NUMBERS));
    set(row, "tp_dst", r.pick(PORT_NUMBERS));
    set(row, "tcp_flags", r.pick([2, 2, 2, 0x12, 0x10, 4, 0x11, 1]));
    if (r.chance(0.05)) set(row, "ip_frag", r.pick([1, 3]));
    set(row, "icmp_type", v6 ? r.pick([128, 129, 135, 136]) : r.pick([8, 8, 0, 3]));
    set(row, "icmp_id", r.pick([1, 2]));
    set(row, "nd_target", ipv6Number(r.pick(ADDRESSES6))!);
    set(row, "nd_sll", macNumber(r.pick(MACS))!);
    set(row, "nd_tll", macNumber(r.pick(MACS))!);
  } else if (type === 0x0806) {
    set(row, "arp_op", r.between(1, 2));
    for (const f of ["arp_spa", "arp_tpa"]) set(row, f, ipv4Number(r.pick(ADDRESSES))!);
    for (const f of ["arp_sha", "arp_tha"]) set(row, f, macNumber(r.pick(MACS))!);
  }
  if (state) {
    for (let i = 0; i < 6; i++) if (r.chance(0.4)) set(row, `reg${i}`, r.int(4));
    if (r.chance(0.3)) set(row, "metadata", r.int(4));
    if (r.chance(0.2)) set(row, "pkt_mark", r.int(4));
    if (r.chance(0.2)) set(row, "tun_id", r.int(4));
    if ((type === 0x0800 || type === 0x86dd) && r.chance(0.7)) {
      const v6 = type === 0x86dd;
      set(row, "ct_state", r.pick(CT_INPUT));
      set(row, "ct_zone", r.pick([0, 1, 5]));
      set(row, "ct_mark", r.int(4));
      set(row, "ct_label", r.int(4));
      set(row, "ct_nw_proto", r.pick([6, 17]));
      for (const end of ["src", "dst"]) {
        set(row, v6 ? `ct_ipv6_${end}` : `ct_nw_${end}`, v6 ? ipv6Number(r.pick(ADDRESSES6))! : ipv4Number(r.pick(ADDRESSES))!);
        set(row, `ct_tp_${end}`, r.pick(PORT_NUMBERS));
      }
    }
  }
  return row;
}

const HEADER_WORDS = [...wordsOf("header"), ...wordsOf("inner")];
const IN_PORT = field("in_port").word;

/** The packet bent until it meets the rule, and then made one that a wire can carry; `state`: it keeps what no wire carries. */
export function bend(row: Row, rule: Rule | undefined, state: boolean): Row {
  const bent = row.slice();
  for (const m of rule?.rows[0] ?? []) bent[m.w] = ((bent[m.w] & ~m.m) | m.v) >>> 0;
  settleHeaders(bent);
  const wire = rowOf(frameOf(headersOf(bent)));
  const out = state ? bent.slice() : newRow();
  for (const w of HEADER_WORDS) out[w] = wire[w];
  // No packet brings these along.
  for (const f of ["conj_id", "recirc_id", "dp_hash"]) set(out, f, 0);
  if (state) settleConnection(out);
  out[IN_PORT] = PORTS.includes(bent[IN_PORT]) ? bent[IN_PORT] : row[IN_PORT];
  return out;
}

/**
 * Takes off what no sender would send. To a packet without protocol (or ARP operation) the switch writes nothing at all; a
 * fragment has no ports for it, which is a limitation of ours (docs/limitations.md).
 */
function settleHeaders(row: Row): void {
  if (get(row, "arp_op") === 0) set(row, "arp_op", 1);
  if (get(row, "ip_proto") === 0) set(row, "ip_proto", 47);
  if (get(row, "ip_frag") !== 0) for (const f of ["tp_src", "tp_dst", "icmp_type", "icmp_code"]) set(row, f, 0);
}

/** Takes off what the switch would not believe: an original tuple of another family, or of a packet without a connection. */
function settleConnection(row: Row): void {
  const type = get(row, "eth_type");
  const clear = (names: readonly string[]) => {
    for (const f of names) set(row, f, 0);
  };
  const v4 = ["ct_nw_src", "ct_nw_dst"];
  const v6 = ["ct_ipv6_src", "ct_ipv6_dst"];
  if (type !== 0x0800 && type !== 0x86dd) clear(["ct_state", "ct_zone", "ct_mark", "ct_label"]);
  const state = get(row, "ct_state");
  const valid = (state & (CT.new | CT.est | CT.rpl)) !== 0 && (state & CT.inv) === 0;
  if (state !== 0) set(row, "ct_state", valid ? state | CT.trk : CT.trk | CT.inv);
  if (!valid) clear([...v4, ...v6, "ct_nw_proto", "ct_tp_src", "ct_tp_dst"]);
  else {
    clear(type === 0x0800 ? v6 : v4);
    if (get(row, "ct_nw_proto") === 0) set(row, "ct_nw_proto", 6);
  }
}

const VERSIONS = ["OpenFlow15", "OpenFlow15", "OpenFlow14", "OpenFlow13", "OpenFlow13", "OpenFlow10"];

export function randomTables(r: Random, kind: TableKind): Omit<Scenario, "packets"> {
  const version = r.pick(VERSIONS);
  const t = new Tables(r, kind, version === "OpenFlow10");
  t.make(r.between(8, 60));
  return { ask: { trace: true, wire: kind === "plain" }, version, flows: t.flows, groups: t.groups };
}

/** Packets for tables that are lowered: most of them meet some flow of the first tables. */
export function packetsFor(r: Random, mirror: Mirror, kind: TableKind, count: number): Row[] {
  const rules = mirror.network.rules.filter((x) => /^[0-3]$/.test(mirror.network.tables[x.table]?.name ?? ""));
  const entry = rules.filter((x) => mirror.network.tables[x.table].name === "0");
  return Array.from({ length: count }, () => {
    let row = randomPacket(r, kind === "state");
    if (r.chance(0.4)) row = bend(row, r.pick(rules), kind === "state");
    return bend(row, entry.length > 0 && r.chance(0.8) ? r.pick(entry) : undefined, kind === "state");
  });
}
