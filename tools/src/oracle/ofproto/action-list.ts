/** Lists of actions as they grow: what was pushed or taken off decides what may follow. */
import { ADDRESSES, MACS, PORT_NUMBERS } from "../ovs/draw.js";
import type { Random } from "../random.js";
import { drawValue, MATCH_FIELDS, type MatchField, maskedText, type Subject } from "./fields.js";
import { type Has, named, type Protocol } from "./protocols.js";
import { LOCAL, OPTIONS } from "./topology.js";

/** Kinds of actions beside writing and sending: a set of tables has some of them. */
export const KINDS = [
  "ct",
  "group",
  "vlan",
  "mpls",
  "stack",
  "learn",
  "clone",
  "set",
  "hash",
  "special",
  "normal",
  "encap",
  "patch",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Surroundings {
  readonly kinds: ReadonlySet<Kind>;
  readonly subjects: ReadonlySet<Subject>;
  /** OpenFlow 1.0: without groups, instructions and tags pushed. */
  readonly old: boolean;
  readonly groups: readonly number[];
  /** Ports to send to, patch ports not among them, and patch ports. */
  readonly ports: readonly number[];
  readonly patches: readonly number[];
  readonly last: number;
}

/** What a rule's match says beside the protocol. */
export interface Known {
  /** There is an original tuple. */
  readonly tuple: boolean;
  readonly tagged: boolean;
}

const HASHED = ["eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3"];
/** A port as actions spell it. */
export const portText = (n: number) => (n === LOCAL ? "LOCAL" : String(n));
const PORTS = ["NORMAL", "FLOOD", "ALL", "IN_PORT", "LOCAL"];
const hex = (v: bigint | number) => `0x${v.toString(16)}`;

/** A list as it grows: what was pushed or taken off decides what may follow. */
export class ActionList {
  readonly texts: string[] = [];
  /** Ways on that the list may still take: tables multiply. */
  ways: number;
  /** What the packet is by now is not known at load time. */
  lost = false;
  private has: readonly Has[];
  tagged: boolean;

  constructor(
    private readonly r: Random,
    private readonly s: Surroundings,
    private readonly writable: readonly MatchField[],
    private readonly table: number,
    p: Protocol,
    private readonly about: Known,
    private readonly depth = 0,
  ) {
    this.ways = r.chance(0.75) ? 1 : 2;
    this.tagged = about.tagged;
    this.has = p.has;
  }

  fill(count: number): void {
    for (let i = 0; i < count && !this.lost; i++) this.add();
    if (this.texts.length === 0) this.texts.push(this.output());
  }

  private add(): void {
    const { r, s } = this;
    const kind = (k: Kind) => s.kinds.has(k);
    const choices: (() => void)[] = [];
    const often = (times: number, f: () => void) => void choices.push(...new Array(times).fill(f));
    often(4, () => this.texts.push(this.output()));
    often(6, () => this.write());
    often(3, () => this.on());
    if (kind("ct") && this.is("ip")) often(5, () => this.ct());
    if (kind("group") && s.groups.length > 0) often(3, () => this.group());
    if (kind("vlan")) often(3, () => this.vlan());
    if (kind("mpls")) often(3, () => this.mpls());
    if (kind("stack")) often(kind("ct") ? 1 : 3, () => this.stack());
    if (kind("learn") && this.depth === 0) often(2, () => this.learn());
    if (kind("clone") && this.depth < 2) often(2, () => this.clone());
    if (kind("hash")) often(3, () => this.hash());
    if (kind("special")) often(3, () => this.special());
    if (kind("normal")) often(2, () => this.texts.push(r.pick(PORTS)));
    if (kind("patch") && s.patches.length > 0) often(3, () => this.texts.push(`output:${r.pick(s.patches)}`));
    if (kind("encap") && !s.old && this.depth === 0) often(1, () => this.encap());
    r.pick(choices)();
  }

  private is(what: Has): boolean {
    return this.has.includes(what);
  }
  private port(): string {
    return portText(this.r.pick(this.s.ports));
  }
  private push(...texts: string[]): void {
    this.texts.push(...texts);
  }

  output(): string {
    const { r } = this;
    const n = r.fraction();
    if (n < 0.8) return `output:${this.port()}`;
    if (n < 0.85) return r.pick([`output:NXM_NX_REG${r.int(6)}[0..15]`, `output:reg${r.int(6)}[0..2]`, `output:xreg${r.int(3)}[4..7]`]);
    if (n < 0.88) return `output(port=${this.port()},max_len=${r.pick([64, 100])})`;
    const others = ["in_port", "LOCAL", "output:99"];
    // Where a dump is read in any case: later versions make three actions of it.
    if (this.s.old || this.s.kinds.has("vlan")) others.push(`enqueue(${this.port()},${r.int(3)})`);
    return r.pick(others);
  }

  /** Part of a field, by its lowest bit and width. How wide an option is the switch's map says, so all of it is spelled out. */
  private range({ bits, name }: MatchField, count: number): string {
    if (name.startsWith("tun_metadata") && count === bits) return `[0..${bits - 1}]`;
    const from = this.r.int(bits - count + 1);
    return count === bits ? "[]" : count === 1 ? `[${from}]` : `[${from}..${from + count - 1}]`;
  }
  /** `whole`: for set_field, which writes the tag's number with a bit that says there is one. */
  private pickField(readable = false, whole = false): MatchField {
    const { r } = this;
    const fits = (f: MatchField) => (f.needs === "" || this.is(f.needs)) && (this.is("ethernet") || !/^(dl|eth|vlan)/.test(f.name));
    const pool = readable
      ? MATCH_FIELDS.filter(
          (f) => fits(f) && this.s.subjects.has(f.subject) && (f.written !== "" || /^ct_(mark|label)|ipv6_label|tcp_flags/.test(f.name)),
        )
      : this.writable.filter(fits);
    const own = pool.filter((f) => f.needs !== "");
    const unfit = whole ? "dl_vlan" : "vlan_vid";
    const kept = own.length > 0 && r.chance(0.5) ? own : pool;
    const f = r.pick(kept);
    return f.name === unfit ? MATCH_FIELDS.find((x) => x.name === "dl_src")! : f;
  }
  private nxm(f: MatchField): string {
    return f.written !== "" ? f.written : /^ct_|tcp_flags/.test(f.name) ? `NXM_NX_${f.name.toUpperCase()}` : f.name;
  }

  /** An action that writes, and leads nowhere. */
  write(): void {
    const kind = this.r.fraction();
    this.push(kind < 0.3 ? this.setField() : kind < 0.5 ? this.load() : kind < 0.7 ? this.move() : this.modify());
  }
  private load(): string {
    const { r } = this;
    const f = this.pickField();
    const n = r.chance(0.5) ? f.bits : r.between(1, f.bits);
    if (n > 64) return this.setField();
    const value = n === f.bits && f.pool.length > 0 ? r.pick(f.pool) : r.bits(n);
    return `load:${hex(value)}->${this.nxm(f)}${this.range(f, n)}`;
  }
  private move(): string {
    const { r } = this;
    const a = this.pickField(true);
    const b = this.pickField();
    const least = Math.min(a.bits, b.bits);
    const n = r.chance(0.6) ? least : r.between(1, least);
    return `move:${this.nxm(a)}${this.range(a, n)}->${this.nxm(b)}${this.range(b, n)}`;
  }
  private setField(): string {
    const { r } = this;
    const f = this.pickField(false, true);
    if (f.name === "vlan_vid") return `set_field:${4096 + r.pick([1, 10, 100])}->vlan_vid`;
    const { value, mask } = drawValue(r, f, 0.4);
    return `set_field:${f.format === "plain" ? value : f.name === "tcp_flags" ? hex(value) : maskedText(f, value, mask)}->${f.name}`;
  }
  private modify(): string {
    const { r } = this;
    const choices = ["set_queue:1", "pop_queue", `set_tunnel:${r.int(5)}`, `set_tunnel64:${r.int(5)}`];
    if (this.is("ethernet")) choices.push(`mod_dl_src:${r.pick(MACS)}`, `mod_dl_dst:${r.pick(MACS)}`);
    if (this.is("ip"))
      choices.push(
        "dec_ttl",
        "dec_ttl",
        "dec_ttl(1,2)",
        `mod_nw_tos:${r.pick([0, 4, 184])}`,
        `mod_nw_ecn:${r.int(4)}`,
        `mod_nw_ttl:${r.pick([1, 2, 64])}`,
      );
    if (this.is("ip4")) choices.push(`mod_nw_src:${r.pick(ADDRESSES)}`, `mod_nw_dst:${r.pick(ADDRESSES)}`);
    if (this.is("ports")) choices.push(`mod_tp_src:${r.pick(PORT_NUMBERS)}`, `mod_tp_dst:${r.pick(PORT_NUMBERS)}`);
    if (this.is("nsh") && !this.s.old) choices.push("dec_nsh_ttl", "dec_nsh_ttl");
    if (this.s.subjects.has("tunnel")) choices.push(`delete_field:${r.pick(OPTIONS).field}`, `delete_field:${r.pick(OPTIONS).field}`);
    return r.pick(choices);
  }

  private vlan(): void {
    const { r, s } = this;
    if (!this.is("ethernet")) return;
    const choices = [
      `mod_vlan_vid:${r.pick([1, 10, 100])}`,
      `mod_vlan_pcp:${r.int(8)}`,
      `load:0x${(0x1000 | r.int(128)).toString(16)}->NXM_OF_VLAN_TCI[]`,
    ];
    // A second tag the dummy datapath does not have; without a tag for certain, later versions take none off.
    if (!s.old && !this.tagged)
      choices.push("push_vlan:0x8100", "push_vlan:0x88a8", `push_vlan:0x8100,set_field:${4096 + r.pick([1, 10])}->vlan_vid`);
    if (s.old || this.tagged) choices.push("strip_vlan", "strip_vlan", "strip_vlan");
    const text = r.pick(choices);
    this.push(...text.split(/,(?=set_field)/));
    this.tagged = /^(push|mod)_vlan/.test(text);
  }

  private mpls(): void {
    const { r } = this;
    if (!this.is("mpls") || r.chance(0.3)) {
      this.push(`push_mpls:${r.pick(["0x8847", "0x8848"])}`);
      this.has = named("mpls").has;
      if (r.chance(0.6))
        this.push(
          r.pick([`set_field:${r.between(16, 20)}->mpls_label`, "set_mpls_label:7", "set_mpls_tc:3", "set_mpls_ttl:9", "dec_mpls_ttl"]),
        );
    } else if (r.chance(0.5))
      this.push(
        r.pick([`set_mpls_label:${r.between(16, 20)}`, `set_mpls_tc:${r.int(8)}`, `set_mpls_ttl:${r.pick([1, 64])}`, "dec_mpls_ttl"]),
      );
    else {
      const [type, name] = r.pick([
        ["0x0800", "ip"],
        ["0x86dd", "ipv6"],
        ["0x8847", "mpls"],
        ["0x1234", "other"],
      ] as const);
      this.push(`pop_mpls:${type}`);
      this.has = named(name).has;
    }
  }

  private stack(): void {
    const { r } = this;
    const f = this.pickField();
    const n = r.chance(0.5) ? f.bits : r.between(1, f.bits);
    this.push(`${r.pick(["push", "pop"])}:${this.nxm(f)}${this.range(f, n)}`);
  }

  private clone(): void {
    const { r } = this;
    const inner = new ActionList(
      r,
      this.s,
      this.writable,
      this.table,
      { name: "", keywords: [], has: this.has },
      { ...this.about, tagged: this.tagged },
      this.depth + 1,
    );
    inner.ways = this.ways > 0 ? 1 : 0;
    inner.fill(r.between(1, 3));
    if (inner.ways === 0) this.ways--;
    this.push(`clone(${inner.texts.join(",")})`);
  }

  private next(): number {
    const { last } = this.s;
    // Mostly to the next: what is skipped is not met.
    if (this.table < last && this.r.chance(0.6)) return this.table + 1;
    return this.table < last ? this.r.between(this.table + 1, last) : last + 1;
  }
  /** On to a later table. */
  on(): void {
    const { r } = this;
    if (this.ways-- <= 0) return;
    const n = r.fraction();
    if (this.about.tuple && n < 0.3) this.push(`resubmit(,${this.next()},ct)`);
    else if (n < 0.8) this.push(`resubmit(,${this.next()})`);
    else this.push(`resubmit(${this.port()},${this.next()})`);
  }
  private group(): void {
    if (this.ways-- > 0) this.push(`group:${this.r.pick(this.s.groups)}`);
  }

  private ct(): void {
    const { r } = this;
    if (r.chance(0.1)) {
      this.push("ct_clear");
      return;
    }
    const args: string[] = [];
    const commit = r.chance(0.5);
    if (commit) args.push("commit");
    if (commit && r.chance(0.15)) args.push("force");
    if (r.chance(0.7) && this.ways-- > 0) args.push(`table=${this.next()}`);
    if (r.chance(0.6)) args.push(`zone=${r.pick(["1", "5", "NXM_NX_REG0[0..15]", "reg1[0..15]"])}`);
    if (r.chance(0.5)) args.push(commit ? this.nat() : "nat");
    if (commit && r.chance(0.35))
      args.push(
        `exec(${r.pick(["set_field:1->ct_mark", "set_field:0x2/0x2->ct_mark", "move:NXM_NX_REG1[]->NXM_NX_CT_MARK[]", "set_field:0x3->ct_label", "load:0x1->NXM_NX_CT_LABEL[0..3]", "load:0x7->NXM_NX_CT_MARK[4..7]", "set_field:0x5/0xff->ct_label,set_field:0x9->ct_mark"])})`,
      );
    if (commit && r.chance(0.1)) args.push(this.is("tcp") ? "alg=ftp" : this.is("udp") ? "alg=tftp" : "");
    const given = args.filter(Boolean);
    this.push(given.length > 0 ? `ct(${given.join(",")})` : "ct");
  }
  private nat(): string {
    const { r } = this;
    const six = this.is("ip6");
    const range = r.pick(six ? ["2001:db8::99", "2001:db8::50-2001:db8::5f"] : ["10.0.0.99", "10.0.0.50-10.0.0.60", "192.168.9.9"]);
    // On ICMP ofproto/trace writes ports over type and code, as numbers that no packet can have: such an answer ends early.
    const to = !r.chance(this.is("ports") ? 0.35 : 0.05)
      ? range
      : six
        ? `[${range.split("-").join("]-[")}]:${r.pick(["4000-5000", "8080"])}`
        : `${range}:${r.pick(["4000-5000", "8080"])}`;
    return r.pick(["nat", `nat(src=${to})`, `nat(dst=${to})`, `nat(src=${to}${r.pick([",random", ",hash", ",persistent"])})`]);
  }

  private learn(): void {
    const { r, s } = this;
    const to = s.last;
    const choices = [
      `learn(table=${to},NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])`,
      `learn(table=${to},NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15])`,
      `learn(table=${to},priority=7,idle_timeout=10,cookie=0x99,load:0x7->NXM_NX_REG2[])`,
      `learn(table=${to},hard_timeout=10,delete_learned,eth_type=0x800,NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],load:NXM_NX_REG1[]->NXM_NX_REG2[])`,
    ];
    this.push(r.pick(this.is("ip4") ? choices : choices.slice(0, 3)));
  }

  private hash(): void {
    const { r, s } = this;
    const members = r
      .sample(
        s.ports.filter((p) => p !== LOCAL),
        3,
      )
      .join(",");
    const to = `NXM_NX_REG${r.int(4)}[0..15]`;
    this.push(
      r.pick([
        `multipath(${r.pick(HASHED)},${r.pick([0, 50])},${r.pick(["modulo_n", "hash_threshold", "hrw", "iter_hash"])},${r.between(1, 9)},${r.pick([0, 20])},${to})`,
        `bundle(${r.pick(HASHED)},${r.int(60)},${r.pick(["active_backup", "hrw"])},ofport,members:${members})`,
        `bundle_load(${r.pick(HASHED)},${r.int(60)},${r.pick(["active_backup", "hrw"])},ofport,${to},members:${members})`,
      ]),
    );
  }

  private special(): void {
    const { r } = this;
    const choices = [
      "note:01.02.03",
      `controller${r.pick(["", "(reason=action,max_len=100)", "(id=3)", "(userdata=01.02.03)"])}`,
      `sample(probability=${r.int(65536)},collector_set_id=1,obs_domain_id=2,obs_point_id=${r.int(4)})`,
    ];
    choices.push(`check_pkt_larger(${r.pick([100, 1500])})->NXM_NX_REG${r.int(4)}[${r.int(3)}]`);
    if (this.is("tcp")) choices.push("fin_timeout(idle_timeout=10,hard_timeout=20)");
    if (this.depth > 0 || r.chance(0.3)) choices.push("exit");
    this.push(r.pick(choices));
  }

  private encap(): void {
    const { r } = this;
    if (this.is("nsh")) {
      this.push("decap()");
      this.lost = true;
    } else if (this.is("ethernet") && r.chance(0.6)) {
      this.push("encap(nsh(md_type=1))");
      this.has = ["nsh"];
      if (r.chance(0.7))
        this.push(
          r.pick([
            `set_field:${hex(r.int(99))}->nsh_spi`,
            `set_field:${r.int(255)}->nsh_si`,
            "dec_nsh_ttl",
            `set_field:${hex(r.int(99))}->nsh_c1`,
          ]),
        );
      if (r.chance(0.7)) {
        this.push("encap(ethernet)");
        this.has = ["nsh", "ethernet"];
      }
    } else {
      this.push("decap()");
      this.lost = true;
    }
  }
}
