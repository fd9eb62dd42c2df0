/**
 * A match as OVS holds it: a value and a mask for each place of its flow structure (struct match; lib/match.c, lib/meta-flow.c).
 *
 * Some places have several names: `nw_src` is also `arp_spa`, `tp_src` is also `icmp_type`, `arp_sha` is also `nd_sll`. What
 * they mean is told by the Ethernet type and the protocol that the match asks for. A later condition on a place replaces an
 * earlier one; `field[bits]=value` alone adds to it.
 */
import { type OvsField, storageBits } from "../fields.js";
import { bytesMask, type FieldValue } from "./fieldValue.js";

export interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

/** A condition on a geneve option. */
export interface OptionMatch extends Bits {
  /** Bytes: as long as the mapping of options says, else as value and mask need. */
  readonly bytes: number;
  /** Written with a mask of its own, or `present`. */
  readonly masked: boolean;
  /** False: the option must be absent. */
  readonly present: boolean;
}

const NOTHING: Bits = { value: 0n, mask: 0n };
export const ETH = { ip: 0x0800, ipv6: 0x86dd, arp: 0x0806, rarp: 0x8035, mpls: 0x8847, mplsMulticast: 0x8848, nsh: 0x894f } as const;
export const PROTO = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
/** Namespace of packet types that are EtherTypes. */
const ETHERTYPE_NAMESPACE = 1n;

export const TCI = { cfi: 0x1000n, vid: 0x0fffn, vidCfi: 0x1fffn, pcp: 0xe000n } as const;

export class FlowMatch {
  private readonly places = new Map<string, Bits>();
  /** By number of the option. */
  readonly options = new Map<number, OptionMatch>();
  /** Ports by name, whose numbers are not known. */
  readonly portNames = new Map<string, string>();

  get(place: string): Bits {
    return this.places.get(place) ?? NOTHING;
  }
  put(place: string, value: bigint, mask: bigint): void {
    if (mask === 0n) this.places.delete(place);
    else this.places.set(place, { value: value & mask, mask });
  }
  has(place: string): boolean {
    return this.places.has(place);
  }
  /** Value of a place that is matched in all its bits or in some, 0 where it is not. */
  value(place: string): number {
    return Number(this.get(place).value);
  }
  entries(): IterableIterator<[string, Bits]> {
    return this.places.entries();
  }

  copy(): FlowMatch {
    const c = new FlowMatch();
    for (const [k, v] of this.places) c.places.set(k, v);
    for (const [k, v] of this.options) c.options.set(k, v);
    for (const [k, v] of this.portNames) c.portNames.set(k, v);
    return c;
  }

  /** The Ethernet type that the match asks for, by `dl_type` or by a packet type (flow.h, get_dl_type). 0: none. */
  ethType(): number {
    const type = this.get("packet_type");
    if (type.mask !== 0n && type.value >> 16n === ETHERTYPE_NAMESPACE) return Number(type.value & 0xffffn);
    return this.value("eth_type");
  }
  isIp(): boolean {
    const t = this.ethType();
    return t === ETH.ip || t === ETH.ipv6;
  }
  isMpls(): boolean {
    const t = this.ethType();
    return t === ETH.mpls || t === ETH.mplsMulticast;
  }
  isArp(): boolean {
    const t = this.ethType();
    return t === ETH.arp || t === ETH.rarp;
  }
  /** The match is on Ethernet packets and says so. */
  hasDefaultPacketType(): boolean {
    const t = this.get("packet_type");
    return t.mask === 0xffffffffn && t.value === 0n;
  }
  setDefaultPacketType(): void {
    if (!this.has("packet_type")) this.places.set("packet_type", { value: 0n, mask: 0xffffffffn });
  }

  /** `ip`, `tcp6`, … */
  setProtocol(ethType: number, proto: number): void {
    this.put("eth_type", BigInt(ethType), 0xffffn);
    if (proto !== 0) this.put("nw_proto", BigInt(proto), 0xffn);
    this.setDefaultPacketType();
  }

  /** mf_set: a field's condition, in the field's own bits. */
  setField(f: OvsField, v: FieldValue): void {
    if (f.storage.startsWith("tun_metadata")) this.setOption(f, v);
    else this.setPlace(f, v.value, v.mask);
    if (v.port !== undefined) this.portNames.set(f.storage, v.port);
    else this.portNames.delete(f.storage);
    if (f.needs !== "-") this.setDefaultPacketType();
  }

  private setPlace(f: OvsField, value: bigint, mask: bigint): void {
    const exact = mask === bytesMask(f.bytes);
    switch (f.name) {
      case "dl_vlan":
        if (exact && value === 0xffffn) this.put("vlan_tci", 0n, 0xffffn);
        else this.replaceBits("vlan_tci", (value & TCI.vid) | TCI.cfi, exact ? TCI.vidCfi : 0n, TCI.vidCfi);
        return;
      case "vlan_vid":
        this.replaceBits("vlan_tci", value, mask & TCI.vidCfi, TCI.vidCfi);
        return;
      case "dl_vlan_pcp":
      case "vlan_pcp":
        this.mergeBits("vlan_tci", ((value & 7n) << 13n) | TCI.cfi, exact ? TCI.pcp | TCI.cfi : 0n);
        return;
      case "in_port_oxm":
      case "actset_output":
        // OpenFlow 1.1 and later have 32 bits, OVS has 16.
        this.put(f.storage, value & 0xffffn, exact ? 0xffffn : 0n);
        return;
      case "nw_tos":
        this.replaceBits("nw_tos", value, mask & 0xfcn, 0xfcn);
        return;
      case "arp_op":
        this.put("nw_proto", value & 0xffn, mask & 0xffn);
        return;
      case "icmp_type":
      case "icmp_code":
      case "icmpv6_type":
      case "icmpv6_code":
      case "nd_options_type":
        this.put(f.storage, value, exact ? 0xffffn : 0n);
        return;
      case "ct_state":
        this.put("ct_state", value & 0xffn, mask & 0xffn);
        return;
    }
    const all = (1n << BigInt(f.bits)) - 1n;
    if (f.bits > 32 && /^x+reg/.test(f.name)) {
      this.setRegisters(f, value, mask);
      return;
    }
    const at = BigInt(f.at);
    if (f.bits === storageBits(f.storage)) this.put(f.storage, value & all, mask & all);
    else this.replaceBits(f.storage, (value & all) << at, (mask & all) << at, all << at);
  }

  /** Writes bits of a place; those outside of `reach` stay as they are. */
  private replaceBits(place: string, value: bigint, mask: bigint, reach: bigint): void {
    const old = this.get(place);
    this.put(place, (old.value & ~reach) | (value & mask), (old.mask & ~reach) | mask);
  }
  private mergeBits(place: string, value: bigint, mask: bigint): void {
    this.replaceBits(place, value, mask, mask);
  }

  /** The first of several registers has the highest bits. */
  private setRegisters(f: OvsField, value: bigint, mask: bigint): void {
    const first = Number(f.storage.slice(3));
    const words = f.bits / 32;
    for (let i = 0; i < words; i++) {
      const shift = BigInt(32 * (words - 1 - i));
      this.put(`reg${first + i}`, (value >> shift) & 0xffffffffn, (mask >> shift) & 0xffffffffn);
    }
  }

  private setOption(f: OvsField, v: FieldValue): void {
    const exact = v.mask === bytesMask(f.bytes);
    const need = (n: bigint) => (n === 0n ? 0 : Math.ceil(n.toString(16).length / 2));
    const bytes = exact ? need(v.value) : Math.max(need(v.value), need(v.mask));
    this.options.set(Number(f.storage.slice(12)), {
      value: v.value & v.mask,
      mask: exact ? bytesMask(bytes) : v.mask,
      bytes,
      masked: !exact,
      present: true,
    });
  }

  /** `field[a..b]=value`: what is asked of the field's other bits stays. Value and mask in the field's own bits. */
  addToField(f: OvsField, value: bigint, mask: bigint): void {
    if (f.storage.startsWith("tun_metadata")) {
      const old = this.options.get(Number(f.storage.slice(12)));
      this.setOption(f, { value: (old?.value ?? 0n) | value, mask: (old?.mask ?? 0n) | mask });
      return;
    }
    const old = this.read(f);
    const m = old.mask | mask;
    // A field that no mask may cut is asked for as a whole, as soon as all its bits are.
    const whole = (m & ((1n << BigInt(f.bits)) - 1n)) === (1n << BigInt(f.bits)) - 1n;
    this.setPlace(f, (old.value & ~mask) | value, whole ? bytesMask(f.bytes) : m);
    if (f.needs !== "-") this.setDefaultPacketType();
  }

  /** What is asked of a field, in its own bits. */
  read(f: OvsField): Bits {
    if (/^x+reg/.test(f.name)) {
      const first = Number(f.storage.slice(3));
      const words = f.bits / 32;
      let value = 0n;
      let mask = 0n;
      for (let i = 0; i < words; i++) {
        const r = this.get(`reg${first + i}`);
        value = (value << 32n) | r.value;
        mask = (mask << 32n) | r.mask;
      }
      return { value, mask };
    }
    const all = (1n << BigInt(f.bits)) - 1n;
    const b = this.get(f.storage);
    // DSCP; the two bits below it have a name of their own.
    if (f.name === "nw_tos") return { value: b.value & 0xfcn, mask: b.mask & 0xfcn };
    return { value: (b.value >> BigInt(f.at)) & all, mask: (b.mask >> BigInt(f.at)) & all };
  }

  drop(...places: string[]): void {
    for (const p of places) this.places.delete(p);
  }

  /** flow.h, is_nd: an ICMPv6 solicitation or advertisement of a neighbour, code 0. */
  isNeighbourDiscovery(): boolean {
    return (
      this.ethType() === ETH.ipv6 &&
      this.value("nw_proto") === PROTO.icmp6 &&
      this.value("tp_dst") === 0 &&
      (this.value("tp_src") === 135 || this.value("tp_src") === 136)
    );
  }
}
