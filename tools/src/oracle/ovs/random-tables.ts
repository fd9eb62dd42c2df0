/**
 * Random tables: what a bridge may be told to do with a packet short of following connections.
 *
 * Of four kinds: `plain` ones are traced and packets are sent through them; `state` ones are traced with registers and
 * connection fields to begin with, and know NORMAL; `ct` ones fork by `ct`, with the states that our connections give; `size`
 * ones look at a packet's length, of which a trace knows nothing.
 *
 * Left out, as their outcome is not the tables' alone: hashes over several ways, `learn`, output to the controller.
 */

import type { FlowSpec, GroupSpec } from "../ofproto/tables.js";
import type { Random } from "../random.js";
import { ADDRESSES, ADDRESSES6, MACS, type MatchKinds, masked, matchOf, PORT_NUMBERS, PROTOCOLS, type Protocol } from "./draw.js";
import { PORTS } from "./private-switch.js";
import type { Scenario } from "./scenario.js";

export type TableKind = "plain" | "state" | "ct" | "size";
export const TABLE_KINDS: readonly TableKind[] = ["plain", "state", "ct", "size"];

/** Tables 0 to LAST; flows lead forward only, so that nothing loops. LAST + 1 is always empty. */
const LAST = 5;
/** Tables that buckets resubmit to. */
const BUCKET_TABLES = [LAST + 2, LAST + 3];

class Tables {
  readonly flows: FlowSpec[] = [];
  readonly groups: GroupSpec[] = [];
  private readonly kinds: MatchKinds;
  /** `exit` leaves a clone in the switch, and what stands around it too; here the clone alone. */
  private readonly exits: boolean;
  private conjunctions = 0;

  constructor(
    private readonly r: Random,
    private readonly kind: TableKind,
    /** OpenFlow 1.0: without groups, `goto_table` and `push_vlan`. */
    private readonly old: boolean,
  ) {
    this.exits = r.chance(0.3);
    this.kinds = {
      registers: r.chance(0.8),
      vlan: r.chance(0.6),
      fragments: r.chance(0.4),
      ct: kind === "state" || kind === "ct",
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
      // Without a flow in table 0 the dump is taken for a part of one.
      if (table === 0 || r.chance(0.85))
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
    const type = r.pick(["all", "all", "indirect", "select", "ff"] as const);
    const bucket = () => {
      const actions = Array.from({ length: r.between(1, 3) }, () => this.simple(PROTOCOLS[0]));
      if (r.chance(0.4)) actions.push(`resubmit(,${r.pick(BUCKET_TABLES)})`);
      if (r.chance(0.5)) actions.push(this.output());
      // Forward only, as tables.
      if (r.chance(0.1) && id > 1) actions.push(`group:${r.between(1, id - 1)}`);
      return { keys: type === "select" ? ["weight:1"] : type === "ff" ? [`watch_port:${r.pick(PORTS)}`] : [], actions };
    };
    // What a hash picks among several buckets is the switch's secret.
    const count = type === "all" ? r.int(4) : type === "ff" ? r.between(1, 3) : 1;
    return {
      id,
      type,
      keys: type === "select" ? ["selection_method=hash", "fields(eth_dst)"] : [],
      buckets: Array.from({ length: count }, bucket),
    };
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
      else if (kind < 0.55 && !this.exits)
        on(`clone(${[this.simple(p), this.simple(p), this.output(), `resubmit(,${this.next(table)})`].slice(r.int(3)).join(",")})`);
      else if (kind < 0.6) out.push(r.pick([`push:${this.register()}${this.part(32, 32)}`, `pop:${this.register()}${this.part(32, 32)}`]));
      else if (kind < 0.62) out.push(r.pick(["note:01.02", "set_queue:1", "pop_queue"]));
      else if (kind < 0.63)
        out.push(
          r.pick([
            this.exits ? "exit" : "pop_queue",
            `multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG${r.int(4)}[])`,
            `bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG${r.int(4)}[0..15],members:5,1)`,
          ]),
        );
      // What follows in its list is lost to those who resubmitted to it: to table 0 nobody does.
      else if (kind < 0.66 && this.kind === "size" && table === 0)
        out.push(`check_pkt_larger(${r.between(54, 70)})->NXM_NX_REG${r.int(4)}[${r.int(3)}]`);
      else if (kind < 0.7 && this.kinds.vlan) out.push(this.vlan(match.some((m) => /^dl_vlan|^vlan_tci=0x1/.test(m))));
      else if (kind < 0.73 && match.some((m) => /^ct_state=.*(est|new|rpl|-inv)/.test(m) && !/-new|-est|-rpl/.test(m)))
        on(`resubmit(,${this.next(table)},ct)`);
      else out.push(this.simple(p));
    }
    if (this.kind === "ct" && p.family !== 0 && table < LAST && r.chance(0.4)) {
      if (r.chance(0.1)) out.push("ct_clear");
      out.push(this.ct(table));
    } else if (ways > 0 && table < LAST && r.chance(0.65)) out.push(...this.tail(table));
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

const VERSIONS = ["OpenFlow15", "OpenFlow15", "OpenFlow14", "OpenFlow13", "OpenFlow13", "OpenFlow10"];

export function randomTables(r: Random, kind: TableKind): Omit<Scenario, "packets"> {
  const version = r.pick(VERSIONS);
  const t = new Tables(r, kind, version === "OpenFlow10");
  t.make(r.between(8, 60));
  return { ask: { trace: kind !== "size", wire: kind === "plain" || kind === "size" }, version, flows: t.flows, groups: t.groups };
}
