/**
 * A packet's headers as Open vSwitch's translation sees them (struct flow), over a packet row.
 *
 * Rows have a place for every field; what OVS keeps beside is which ethertype a VLAN tag has. Pushing and popping follow
 * lib/flow.c: flow_push_vlan_uninit, flow_pop_vlan, flow_push_mpls, flow_pop_mpls, flow_clear_conntrack.
 */
import { FIELDS, field, get, getBits, newRow, type Row, type Slice, setBits, TUN_METADATA } from "@plumbline/model";
import { CT_FIELDS } from "../lower/bits.js";
import { HIDDEN_BY_HEADER, HIDDEN_BY_LABEL } from "../lower/layers.js";
import { hasField, readField, writeField } from "../rowField.js";

export const ETH = {
  ip: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  qinq: 0x88a8,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsm: 0x8848,
  nsh: 0x894f,
} as const;
export const PROTO = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
/** Bit of vlan_tci that says that there is a tag. */
export const CFI = 0x1000;
/** packet_type of Ethernet frames, and of bare NSH packets. */
export const PT = { eth: 0, nsh: 0x1894f } as const;

const MPLS = ["mpls_lse", "mpls_lse1", "mpls_lse2"] as const;
const BOS = 0x100;
const OPTIONS = Array.from({ length: TUN_METADATA.fields }, (_, i) => `tun_metadata${i}`);

export class Headers {
  constructor(
    readonly row: Row,
    /** Ethertypes of the two tags; 0 without. */
    readonly tpid: [number, number],
    /** Geneve options that the packet has, one bit each: one of value 0 is still there. */
    public options = 0,
    /** What deleted options were: OVS forgets that they are there, and keeps their bytes (tun_metadata_delete, lib/tun-metadata.c). */
    private left: ReadonlyMap<number, bigint> = new Map(),
  ) {}

  static of(row: Row): Headers {
    const type = (tci: string) => (get(row, tci) & CFI ? ETH.vlan : 0);
    let options = 0;
    for (let i = 0; i < TUN_METADATA.fields; i++) if (hasField(row, OPTIONS[i])) options |= 1 << i;
    return new Headers(row.slice(), [type("vlan_tci"), type("vlan_tci2")], options);
  }
  /** A mask of no bit. */
  static none(): Headers {
    return new Headers(newRow(), [0, 0]);
  }
  copy(): Headers {
    return new Headers(this.row.slice(), [...this.tpid], this.options, this.left);
  }
  /** Takes over all of another. */
  become(other: Headers): void {
    this.row.set(other.row);
    this.tpid[0] = other.tpid[0];
    this.tpid[1] = other.tpid[1];
    this.options = other.options;
    this.left = other.left;
  }
  /** Takes an option away. */
  deleteOption(s: Slice): void {
    const i = Number(s.field.slice("tun_metadata".length));
    const was = this.bits(s);
    if (was !== 0n) this.left = new Map([...this.left, [i, was]]);
    setBits(this.row, s, 0n);
    this.options &= ~(1 << i);
  }
  /** The same to the byte, as OVS compares flows: an option that was set and deleted has left its bytes. */
  equals(other: Headers): boolean {
    for (const i of new Set([...this.left.keys(), ...other.left.keys()]))
      if (((this.options | other.options) & (1 << i)) === 0 && (this.left.get(i) ?? 0n) !== (other.left.get(i) ?? 0n)) return false;
    if (this.options !== other.options || this.tpid[0] !== other.tpid[0] || this.tpid[1] !== other.tpid[1]) return false;
    for (let i = 0; i < this.row.length; i++) if (this.row[i] !== other.row[i]) return false;
    return true;
  }

  get(name: string): number {
    return get(this.row, name);
  }
  big(name: string): bigint {
    return readField(this.row, name);
  }
  set(name: string, value: number | bigint): void {
    writeField(this.row, name, value);
  }
  bits(s: Slice): bigint {
    return getBits(this.row, s);
  }
  setBits(s: Slice, value: bigint): void {
    setBits(this.row, s, value);
    // OVS keeps the low byte of ARP's operation.
    if (s.field === "arp_op") this.set("arp_op", this.get("arp_op") & 0xff);
    if (!s.field.startsWith("tun_metadata")) return;
    const i = Number(s.field.slice("tun_metadata".length));
    this.options |= 1 << i;
    if (this.left.has(i)) this.left = new Map([...this.left].filter(([n]) => n !== i));
  }

  /** All bits of a field. */
  full(name: string): bigint {
    return (1n << BigInt(field(name).bits)) - 1n;
  }

  get ethType(): number {
    return this.get("eth_type");
  }
  get isIp(): boolean {
    return this.ethType === ETH.ip || this.ethType === ETH.ipv6;
  }
  get isArp(): boolean {
    return this.ethType === ETH.arp || this.ethType === ETH.rarp;
  }
  get isMpls(): boolean {
    return this.ethType === ETH.mpls || this.ethType === ETH.mplsm;
  }
  get isTagged(): boolean {
    return (this.get("vlan_tci") & CFI) !== 0;
  }
  get isLaterFragment(): boolean {
    return (this.get("ip_frag") & 2) !== 0;
  }
  /** ICMP of this family's kind. */
  get isIcmp4(): boolean {
    return this.ethType === ETH.ip && this.get("ip_proto") === PROTO.icmp;
  }
  get isIcmp6(): boolean {
    return this.ethType === ETH.ipv6 && this.get("ip_proto") === PROTO.icmp6;
  }

  clearConnection(): void {
    for (const name of CT_FIELDS) this.set(name, 0);
  }

  /** flow_fix_vlan_tpid: a tag without an ethertype has the usual one. */
  fixTpid(): void {
    if (this.tpid[0] === 0 && this.get("vlan_tci") !== 0) this.tpid[0] = ETH.vlan;
  }
  pushVlan(ethertype: number): void {
    this.set("vlan_tci2", this.get("vlan_tci"));
    this.tpid[1] = this.tpid[0];
    this.set("vlan_tci", CFI);
    this.tpid[0] = ethertype;
  }
  popVlan(): void {
    if (!this.isTagged) return;
    this.set("vlan_tci", this.get("vlan_tci2"));
    this.tpid[0] = this.tpid[1];
    this.set("vlan_tci2", 0);
    this.tpid[1] = 0;
  }
  /** Tags, outermost first, as ethertype and TCI: down to the first that is none (lib/flow.c, flow_count_vlan_headers). */
  get tags(): { tpid: number; tci: number }[] {
    const all = [
      { tpid: this.tpid[0], tci: this.get("vlan_tci") },
      { tpid: this.tpid[1], tci: this.get("vlan_tci2") },
    ];
    const end = all.findIndex((t) => (t.tci & CFI) === 0);
    return end < 0 ? all : all.slice(0, end);
  }

  /** flow_count_mpls_labels: labels down to the end of the stack; of a stack without an end, those that are not zero. */
  get mplsDepth(): number {
    if (!this.isMpls) return 0;
    let count = 0;
    for (let i = 0; i < MPLS.length; i++) {
      const lse = this.get(MPLS[i]);
      if (lse & BOS) return i + 1;
      if (lse !== 0) count++;
    }
    return count;
  }
  lse(i: number): number {
    return this.get(MPLS[i]);
  }
  setLse(i: number, value: number): void {
    this.set(MPLS[i], value >>> 0);
  }
  /** @param hides the label hides what stands behind it */
  pushMpls(ethertype: number, hides: boolean): void {
    const n = this.mplsDepth;
    if (n > 0) {
      for (let i = Math.min(n, MPLS.length - 1); i >= 1; i--) this.setLse(i, this.lse(i - 1));
      this.setLse(0, this.lse(0) & ~BOS);
    } else {
      // Explicit null of the family, class and TTL of the packet (RFC 3032).
      const label = this.ethType === ETH.ipv6 ? 2 : 0;
      const tc = this.isIp ? (this.get("nw_tos") >> 2) & 7 : 0;
      const ttl = (this.isIp && this.get("ip_ttl")) || 64;
      this.setLse(0, (label << 12) | (tc << 9) | BOS | ttl);
      if (hides) for (const f of HIDDEN_BY_LABEL) this.set(f, 0);
    }
    this.set("eth_type", ethertype);
  }
  /** False if there is no label, or the stack's end does not fit the new ethertype. */
  popMpls(ethertype: number): boolean {
    const n = this.mplsDepth;
    if (n === 0) return false;
    if (n === MPLS.length && !(this.lse(n - 1) & BOS)) return false;
    for (let i = 1; i < n; i++) this.setLse(i - 1, this.lse(i));
    this.setLse(n - 1, 0);
    this.set("eth_type", ethertype);
    return true;
  }
  /** All of the frame: what a pushed NSH header hides. */
  hideFrame(): void {
    for (const f of HIDDEN_BY_HEADER) this.set(f, 0);
    for (const f of FIELDS) if (/^(eth_|vlan_|mpls_)/.test(f.name)) this.set(f.name, 0);
    this.tpid[0] = 0;
    this.tpid[1] = 0;
  }
}
