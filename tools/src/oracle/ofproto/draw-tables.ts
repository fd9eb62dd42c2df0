/** Random sets of tables, about some subjects and with some kinds of actions each, and packets that meet them. */
import { ADDRESSES, PORT_NUMBERS } from "../ovs/draw.js";
import type { Random } from "../random.js";
import { KINDS, type Kind, portText, type Surroundings } from "./action-list.js";
import { Actions } from "./draw-actions.js";
import { type Aim, type Demand, demandsOf, Matches } from "./draw-match.js";
import { drawPacket } from "./draw-packets.js";
import { MATCH_FIELDS, type MatchField, type Subject } from "./fields.js";
import { ANY, named, PROTOCOLS, type Protocol } from "./protocols.js";
import { type FlowSpec, FORMS, type Form, type GroupSpec, type Question, type TableSet } from "./tables.js";
import { BRIDGES, type Bridge, DATAPATH } from "./topology.js";

/** Tables 0 to LAST lead forward; LAST + 1 is always empty; buckets resubmit to two more. */
const LAST = 6;
const BUCKET_TABLES = [LAST + 2, LAST + 3];
const SUBJECTS: readonly Subject[] = ["registers", "vlan", "mpls", "tunnel", "connection", "neighbours", "fragments", "nsh", "actset"];
const VERSIONS = ["OpenFlow15", "OpenFlow15", "OpenFlow14", "OpenFlow13", "OpenFlow13", "OpenFlow10", "OpenFlow10"];
/** What a dump of OpenFlow 1.0 does not tell: fields that came with OpenFlow 1.2 and later. */
const UNTOLD = /^(nd_reserved|nd_options_type|nsh_|tun_erspan|tun_gbp|tun_ipv6)/;
/** Fields that a set asks for in any case. */
const FEATURED = 4;
/** Bridges that packets enter, the first most of all. */
const ENTRANCES = [0, 0, 0, 0, 0, 1, 2, 3, 3];

/** A set of tables with what packets must be to meet its rules. */
export interface Drawn {
  readonly set: TableSet;
  /** By bridge, then by cookie. */
  readonly aims: ReadonlyMap<string, ReadonlyMap<number, Aim>>;
  /** What meets several clauses of a conjunction at once. */
  readonly recipes: readonly { readonly bridge: string; readonly parts: readonly Aim[] }[];
  readonly withCt: boolean;
  /** Frames may be sent, as nothing is learned of them. */
  readonly withFrames: boolean;
}

/** `turn`: sets one after another ask for all fields by turns, so that none is left out for long. */
export function drawTables(r: Random, turn: number): Drawn {
  const version = r.pick(VERSIONS);
  const kinds = new Set<Kind>(
    KINDS.filter((k) => r.chance(k === "ct" ? 0.5 : k === "encap" ? 0.15 : k === "normal" || k === "mpls" ? 0.35 : 0.45)),
  );
  const subjects = new Set<Subject>(["packet", ...SUBJECTS.filter((s) => r.chance(s === "registers" ? 0.8 : 0.35))]);
  if (kinds.has("vlan")) subjects.add("vlan");
  if (kinds.has("mpls")) subjects.add("mpls");
  if (kinds.has("ct")) subjects.add("connection");
  if (kinds.has("encap")) subjects.add("nsh");
  if (r.chance(0.1)) for (const k of kinds) if (k !== "ct") kinds.delete(k);
  if (subjects.has("actset")) kinds.add("set");
  // The switch ends by an assertion of its own (recirc_alloc_id__) at some recirculations with an action set.
  if (kinds.has("ct") && r.chance(0.75)) kinds.delete("set");
  const form = r.pick(Object.keys(FORMS) as Form[]);
  let cookie = 1;
  const aims = new Map<string, Map<number, Aim>>();
  const recipes: { bridge: string; parts: Aim[] }[] = [];
  const bridges = BRIDGES.map((b, i) => {
    const t = new BridgeDrawer(r, b, kinds, subjects, version, form, () => cookie++);
    const used = i === 0 || i === 3 || kinds.has("patch") || kinds.has("normal");
    if (i === 0) t.feature(Array.from({ length: FEATURED }, (_, n) => MATCH_FIELDS[(FEATURED * turn + n) % MATCH_FIELDS.length]));
    if (used) t.make(i === 0 ? r.between(20, 80) : i === 3 ? r.between(8, 30) : r.between(6, 20));
    aims.set(b.name, t.aims);
    recipes.push(...t.recipes.map((parts) => ({ bridge: b.name, parts })));
    return { name: b.name, flows: t.flows, groups: t.groups };
  });
  return {
    set: { version, form, bridges },
    aims,
    recipes,
    withCt: kinds.has("ct"),
    withFrames: !kinds.has("learn") && !kinds.has("normal"),
  };
}

/** Questions that meet the rules; rules of `missed` (cookies) above others. */
export function drawQuestions(r: Random, d: Drawn, count: number, missed: ReadonlySet<number>): Question[] {
  return Array.from({ length: count }, () => {
    const bridge = BRIDGES[r.pick(ENTRANCES)];
    const rules = d.aims.get(bridge.name)!;
    const wanted = [...rules].filter(([c]) => missed.has(c));
    const pool = wanted.length > 0 && r.chance(0.7) ? wanted : [...rules];
    const aims = pool.length > 0 ? [r.pick(pool)[1]] : [];
    const recipes = d.recipes.filter((x) => x.bridge === bridge.name);
    if (recipes.length > 0 && r.chance(0.15)) aims.unshift(...r.pick(recipes).parts);
    if (rules.size > 0 && r.chance(0.6)) aims.push(r.pick([...rules.values()]));
    const { packet, options } = drawPacket(r, aims, bridge, d);
    return [packet.includes("(") ? DATAPATH : bridge.name, ...packet.split(" "), ...options];
  });
}

class BridgeDrawer {
  readonly flows: FlowSpec[] = [];
  readonly groups: GroupSpec[] = [];
  readonly aims = new Map<number, Aim>();
  readonly recipes: Aim[][] = [];
  private readonly old: boolean;
  private readonly newest: boolean;
  private readonly matches: Matches;
  private readonly ports: readonly number[];
  private readonly protocols: Protocol[];

  constructor(
    private readonly r: Random,
    private readonly bridge: Bridge,
    private readonly kinds: ReadonlySet<Kind>,
    private readonly subjects: ReadonlySet<Subject>,
    version: string,
    form: Form,
    private readonly cookie: () => number,
  ) {
    this.old = version === "OpenFlow10";
    this.newest = version === "OpenFlow15";
    this.matches = new Matches(r, subjects, (f) => (f.subject === "actset" ? this.newest : !(this.old && UNTOLD.test(f.name))), {
      asWritten: form === "written" && !this.old && !kinds.has("vlan"),
      asHeld: form !== "written" || this.old,
    });
    this.ports = bridge.ports.filter((p) => !p.peer).map((p) => p.number);
    this.protocols = r.sample(PROTOCOLS, 8);
    if (subjects.has("neighbours")) this.protocols.push(named("ns"), named("na"), named("ns"), named("na"));
  }

  make(count: number): void {
    const { r } = this;
    if (this.kinds.has("group") && !this.old) for (let id = r.between(1, 4); id >= 1; id--) this.groups.unshift(this.group(id));
    const actions = new Actions(r, this.surroundings());
    for (let i = 0; i < count; i++) {
      const table = r.pick([0, 0, 0, ...Array.from({ length: LAST + 1 }, (_, n) => n)]);
      const p = this.protocol();
      this.rule(table, r.pick([1, 10, 100, 100 + i, 1000 + i, 32768]), p, actions);
    }
    if (this.bridge === BRIDGES[0] || r.chance(0.3)) for (let i = r.int(3); i > 0; i--) this.conjunction(i, actions);
    if (this.groups.length > 0)
      for (const table of BUCKET_TABLES)
        for (let i = 0; i < 3; i++) this.rule(table, r.between(1, 99), this.protocol(), [`output:${portText(r.pick(this.ports))}`]);
    if (this.subjects.has("actset") && this.newest) this.actionSetOutput();
    for (let table = 0; table <= LAST; table++) {
      if (table > 0 && r.chance(0.15)) continue;
      const on = `resubmit(,${table + 1})`;
      this.flow(
        table,
        0,
        [],
        r.pick([[], [on], [on], [on], [on, `output:${portText(r.pick(this.ports))}`], [`output:${portText(r.pick(this.ports))}`]]),
        { protocol: ANY, demands: [] },
      );
    }
  }

  /** Rules that packets come to first, each asking for one of these fields. */
  feature(fields: readonly MatchField[]): void {
    const { r } = this;
    for (const f of fields)
      for (const p of r.sample(
        PROTOCOLS.filter((x) => f.needs === "" || x.has.includes(f.needs)),
        2,
      )) {
        const c = this.matches.on(f, p);
        if (!c || (p === ANY && f.subject === "actset")) continue;
        const list = [`resubmit(,${r.between(1, LAST)})`];
        this.flow(0, r.between(40_000, 40_100), [...p.keywords, ...c.texts], list, { protocol: p, demands: c.demands });
      }
  }

  private surroundings(): Surroundings {
    const { bridge } = this;
    const patches = bridge.ports.filter((p) => p.peer).map((p) => p.number);
    return {
      ...{ kinds: this.kinds, subjects: this.subjects, old: this.old, last: LAST, ports: this.ports },
      // Back and forth between bridges a connection would be tracked for ever.
      patches: bridge === BRIDGES[0] || (bridge === BRIDGES[1] && !this.kinds.has("ct") && this.r.chance(0.2)) ? patches : [],
      groups: this.groups.map((g) => g.id),
    };
  }
  private protocol(): Protocol {
    const { r, subjects } = this;
    const p = r.chance(0.6) ? r.pick(this.protocols) : r.pick(PROTOCOLS);
    if (p.name === "nsh" && !subjects.has("nsh")) return named("tcp");
    if (p.name.startsWith("mpls") && !subjects.has("mpls")) return named("ip");
    return p;
  }
  private rule(table: number, priority: number, p: Protocol, actions: Actions | readonly string[]): void {
    let conditions = this.matches.draw(p);
    // Few rules that take everything: they hide the others.
    if (p === ANY && conditions.length === 0 && this.r.chance(0.9)) conditions = this.matches.draw(p);
    const tagged = conditions.some((c) => c.demands.some((d) => d.in === "vlan_tci" && (d.value & 0x1000n) !== 0n));
    const tuple = conditions.some((c) => c.texts.some((t) => /^ct_state=\+(new|est)\+trk$/.test(t)));
    const list = !(actions instanceof Actions) ? actions : this.r.chance(0.04) ? [] : actions.rule(table, p, { tuple, tagged });
    this.flow(table, priority, [...p.keywords, ...conditions.flatMap((c) => c.texts)], list, {
      protocol: p,
      demands: conditions.flatMap((c) => c.demands),
    });
  }
  private flow(table: number, priority: number, match: readonly string[], actions: readonly string[], aim: Aim): void {
    const cookie = this.cookie();
    this.flows.push({ table, priority, cookie, match, actions });
    this.aims.set(cookie, aim);
  }

  /** A port in the action set, and rules that ask for it. */
  private actionSetOutput(): void {
    const { r } = this;
    const [a, b] = r.sample(this.ports, 2);
    const table = r.int(LAST - 1);
    const about: Aim = { protocol: ANY, demands: [] };
    this.flow(table, r.pick([1, 5000]), [], [`write_actions(output:${portText(a)})`, `goto_table:${table + 1}`], about);
    for (const port of [a, b])
      this.flow(table + 1, r.pick([5000, 6000]), [`actset_output=${port}`], [`output:${portText(r.pick(this.ports))}`], about);
  }

  private conjunction(id: number, actions: Actions): void {
    const { r } = this;
    const table = r.int(3);
    const priority = r.between(2000, 2004);
    const tcp = named("tcp");
    const clause = (name: string, text: string, value: bigint, length = 32) => {
      const f = MATCH_FIELDS.find((x) => x.name === name)!;
      const mask = name === "tp_dst" ? 0xffffn : (0xffffffffn >> BigInt(32 - length)) << BigInt(32 - length);
      return { text, demands: demandsOf(f, value, mask) };
    };
    const number = (a: string) => a.split(".").reduce((v, b) => (v << 8n) | BigInt(b), 0n);
    const dimensions: { text: string; demands: Demand[] }[][] = [
      r.sample(ADDRESSES, 3).map((a) => clause("nw_src", `nw_src=${a}`, number(a))),
      r.sample(ADDRESSES, 3).map((a) => {
        const length = r.pick([16, 24, 32]);
        return clause("nw_dst", `nw_dst=${a}/${length}`, number(a), length);
      }),
      r.sample(PORT_NUMBERS, 3).map((n) => clause("tp_dst", `tp_dst=${n}`, BigInt(n))),
    ];
    const used = dimensions.slice(0, r.between(2, 3));
    used.forEach((clauses, d) => {
      for (const c of clauses)
        this.flow(table, priority, ["tcp", c.text], [`conjunction(${id},${d + 1}/${used.length})`], { protocol: tcp, demands: c.demands });
    });
    this.flow(table, priority, [`conj_id=${id}`, "tcp"], actions.rule(table, tcp), { protocol: tcp, demands: [] });
    for (let i = 0; i < 4; i++) this.recipes.push(used.map((clauses) => ({ protocol: tcp, demands: r.pick(clauses).demands })));
  }

  private group(id: number): GroupSpec {
    const { r } = this;
    const type = r.pick(["all", "indirect", "select", "select", "fast_failover"] as const);
    const actions = new Actions(r, { ...this.surroundings(), groups: [] });
    const bucket = (n: number) => {
      const list = actions.bucket(ANY, LAST);
      if (r.chance(0.3)) list.push(`resubmit(,${r.pick(BUCKET_TABLES)})`);
      // Forward only, as tables.
      if (r.chance(0.1) && id > 1 && n === 0) list.push(`group:${id - 1}`);
      const plain = this.ports.filter((p) => p < 7);
      const keys =
        type === "select"
          ? [`bucket_id:${n}`, `weight:${r.pick([1, 1, 2, 5, 100])}`]
          : type === "fast_failover"
            ? [`bucket_id:${n}`, r.chance(0.15) && id > 1 ? `watch_group:${id - 1}` : `watch_port:${r.pick(r.chance(0.4) ? [6] : plain)}`]
            : [`bucket_id:${n}`];
      return {
        keys: this.bridge === BRIDGES[0] || type !== "fast_failover" ? keys : [`bucket_id:${n}`, `watch_port:${r.pick([1, 2])}`],
        actions: list,
      };
    };
    const count = type === "all" ? r.int(4) : type === "indirect" ? 1 : r.between(1, 4);
    return { id, type, keys: type === "select" ? this.selection() : [], buckets: Array.from({ length: count }, (_, n) => bucket(n)) };
  }
  private selection(): string[] {
    const { r } = this;
    const basis = r.chance(0.4) ? [`selection_method_param=${r.pick([0, 1, 77, 4294967296])}`] : [];
    const fields = r.pick([
      "eth_dst",
      "eth_src,eth_dst",
      "ip_src,ip_dst",
      "ip_dst=255.255.0.0,nw_proto",
      "tcp_src,tcp_dst",
      "ipv6_src,ipv6_dst",
      "vlan_vid,eth_src",
      "vlan_vid,vlan_pcp",
      "dl_vlan,eth_src",
      "icmp_type,icmp_code",
      "arp_spa,arp_op",
      "reg0,metadata,in_port",
      "mpls_label,eth_type",
      "ip_proto,nw_ecn,udp_src",
      "ct_mark,tun_id",
    ]);
    return r.pick([
      [],
      ["selection_method=dp_hash", ...basis],
      ["selection_method=hash", ...basis, `fields(${fields})`],
      ["selection_method=hash", `fields(${fields})`],
    ]);
  }
}
