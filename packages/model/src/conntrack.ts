/**
 * Connection tracking, as Open vSwitch (lib/conntrack.c, ovs-actions(7) "ct") and the kernel (nf_conntrack, nf_nat) do it,
 * as far as one packet's fate depends on it.
 *
 * ## Connections
 *
 * A connection lives in one tracker and zone. It has two tuples: `orig`, the first packet as it came, and `reply`, what
 * an answer looks like: the inverse of the translated first packet. Both are keys. A tuple is (family, protocol, source,
 * destination, two ports); ICMP echo has its identifier as both ports, and request or reply besides; protocols without ports have 0.
 *
 * ## State of a packet (bits of ct_state)
 *
 * - Not IP, a later fragment, an ICMP message that is neither echo nor an error with a known inner packet: inv.
 * - An ICMP error (inner_proto != 0): the inverse of the inner tuple is looked up; found: rel, and rpl if that key is a
 *   `reply` tuple (the error goes back to the originator); not found, or not addressed to the inner packet's sender: inv.
 * - linux: found by `orig`: est if an answer was seen, else new. Found by `reply`: est + rpl, and an answer is seen from now on. TCP
 *   walks the kernel's table of states ({@link linuxTcpNext}); a segment that its state forbids, or with flags that no TCP sends, is inv. A
 *   reset before any answer was seen forgets the connection; a SYN of a closed connection starts a new one. Sequence numbers are not
 *   looked at. IPv6 neighbour and multicast listener discovery is not tracked: its state is 0, without trk.
 * - userspace (lib/conntrack-tcp.c, conntrack-other.c, conntrack-icmp.c): TCP is followed end by end ({@link ConnTracker.update}):
 *   any segment but a SYN alone is est, whether or not an answer was seen, and a SYN alone is new while its end is no further.
 *   Packets of other protocols are new until an answer is seen. Flags that no TCP sends are inv, of a known connection too. Found
 *   by `reply`: est + rpl, but for a SYN alone that is new. A SYN alone starts a new connection where both ends are done.
 * - Not found: new, but inv for: a TCP segment with SYN and ACK; with SYN and FIN or SYN and RST; without any flag; userspace: with
 *   FIN, PSH or URG and no ACK; linux: with RST or FIN; an ICMP reply. ICMP's other questions (timestamp, information, address mask) are
 *   tracked as echoes are.
 * trk is set but where linux does not track.
 *
 * ## Translation
 *
 * The packet of direction d of a translated connection becomes the inverse of the tuple of the other direction. In an
 * ICMP error the inner packet is translated too: its source like the outer destination, its destination like the outer
 * source. A new connection binds a range: the first address, the packet's own port (linux: also where it lies in the range) or the first
 * of the range; if the reply tuple
 * is taken, the next ports: of the range if there is one, else 1024 to 65535 of the source port (upwards from the packet's own + 1,
 * around; userspace: from an own port below 1024 too). The userspace tracker changes ports of TCP and UDP alone. If all are taken
 * nothing is created: linux: inv; userspace: new, as it was. (The real choosers start at a hash; the first is what ofproto/trace
 * takes.)
 * A range that cannot be bound drops the packet at a netfilter hook. Tracking "inplace" (netfilter) sets snat/dnat of the
 * connection (what `--ctstate SNAT,DNAT` tests). Elsewhere snat/dnat are set on packets that `nat` translated, and tell what was done
 * to this packet: an answer to a connection of nat(dst) has snat. The userspace tracker sets them for every packet of a connection
 * bound by nat(src)/nat(dst), linux only where an address or port differs.
 *
 * Timeouts are not modelled: a replay forgets by number of connections, not by time (docs/limitations.md).
 */
import { CT, field, TCP } from "./fields.js";
import type { NatRange } from "./ir.js";
import { get, getBig, type Row, set } from "./row.js";

export interface Tuple {
  readonly v6: boolean;
  readonly proto: number;
  readonly src: bigint;
  readonly dst: bigint;
  readonly sport: number;
  readonly dport: number;
}

export interface Conn {
  readonly zone: number;
  readonly orig: Tuple;
  reply: Tuple;
  natSrc: boolean;
  natDst: boolean;
  /** An answer was seen (linux keeps it). `closed` is what a dump tells: TCP is over; where TCP begins follows from both. */
  seenReply: boolean;
  closed: boolean;
  /** How far the connection is: userspace: see {@link firstProgress}; linux: the state of TCP, see {@link linuxTcpState}. */
  progress?: number;
  mark: number;
  label: bigint;
}

/** How far one end of a TCP connection is, in the userspace tracker (lib/packets.h, enum ct_dpif_tcp_state). Fits 4 bits. */
export const TCP_END = { closed: 0, synSent: 2, established: 4, closing: 7, finWait2: 9, timeWait: 10 } as const;

/**
 * Where a connection of the userspace tracker begins. TCP: {@link TCP_END} of the originator, and times 16 of the other end.
 * Other protocols: 1 once it is answered.
 */
export function firstProgress(c: { readonly orig: Pick<Tuple, "proto">; readonly seenReply: boolean; readonly closed: boolean }): number {
  if (c.orig.proto !== 6) return c.seenReply ? 1 : 0;
  const { synSent, established, timeWait } = TCP_END;
  return c.closed ? timeWait * 17 : c.seenReply ? established * 17 : synSent;
}

/** Flags that the kernel takes for a TCP's, ECE, CWR and PSH left out (tcp_valid_flags, net/netfilter/nf_conntrack_proto_tcp.c). */
const LINUX_FLAGS: ReadonlySet<number> = new Set([0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30]);
/** What a segment does, by [direction][RST, SYN, SYN and ACK, FIN, ACK][state]: the next state, IGNORED, or FORBIDDEN (tcp_conntracks in the same file). */
const LINUX_TCP = [
  ["b888888888", "11aaaaa119", "bb2bbbbbb2", "bb4466678b", "3b3355778b"],
  ["b888888888", "b9bbbbb1b9", "b2aaaaaaa2", "bb4466678b", "ba2355778a"],
].map((rows) => rows.map((row) => [...row].map((c) => Number.parseInt(c, 16))));
const LINUX_TCP_STATE = { none: 0, synSent: 1, established: 3, timeWait: 7 } as const;
const IGNORED = 10;
const FORBIDDEN = 11;
/** Marks a progress as linux' own, so that what {@link firstProgress} gives can be told from it. */
const LINUX_OWN = 0x10;

/** The kernel's state of a TCP connection (enum tcp_conntrack), 0 to 9. */
function linuxTcpState(c: Conn): number {
  const at = c.progress ?? firstProgress(c);
  if ((at & 0xf0) === LINUX_OWN) return at & 15;
  return c.closed ? LINUX_TCP_STATE.timeWait : c.seenReply ? LINUX_TCP_STATE.established : LINUX_TCP_STATE.synSent;
}
/** What a segment makes of a state. */
function linuxTcpNext(state: number, dir: "orig" | "reply", flags: number): number {
  if (!LINUX_FLAGS.has(flags & 0x37)) return FORBIDDEN;
  const kind = flags & TCP.rst ? 0 : flags & TCP.syn ? (flags & TCP.ack ? 2 : 1) : flags & TCP.fin ? 3 : 4;
  return LINUX_TCP[dir === "orig" ? 0 : 1][kind][state];
}

/** A connection that a table holds before any packet has run: one that was dumped. */
export interface KnownConnection extends Readonly<Conn> {
  /** Index in Network.trackers. */
  readonly tracker: number;
}

/** A packet's connection on a host: found (`pending` false) or not yet entered in the table. */
export interface CtRef {
  readonly conn: Conn;
  readonly dir: "orig" | "reply";
  pending: boolean;
}

/** `answer`: the tuple of an echo reply, which a request with the same addresses and identifier has not. */
const key = (zone: number, t: Tuple, answer: boolean) =>
  `${zone}|${t.v6 ? 6 : 4}|${t.proto}|${t.src}|${t.dst}|${t.sport}|${t.dport}|${answer}`;
const origKey = (c: Conn) => key(c.zone, c.orig, false);
const replyKey = (c: Conn) => key(c.zone, c.reply, isIcmp(c.orig.v6, c.orig.proto));
const inverse = (t: Tuple): Tuple => ({ v6: t.v6, proto: t.proto, src: t.dst, dst: t.src, sport: t.dport, dport: t.sport });

const hasPorts = (proto: number) => proto === 6 || proto === 17 || proto === 132;
const isIcmp = (v6: boolean, proto: number) => (v6 ? proto === 58 : proto === 1);

/** ICMP messages that open a connection, and those that answer them: echo, timestamp, information, address mask; IPv6: echo, node information. */
const isQuestion = (v6: boolean, t: number) => (v6 ? t === 128 || t === 139 : t === 8 || t === 13 || t === 15 || t === 17);
const isAnswer = (v6: boolean, t: number) => (v6 ? t === 129 || t === 140 : t === 0 || t === 14 || t === 16 || t === 18);
/** IPv6 messages that the kernel does not track (noct_valid_new, nf_conntrack_proto_icmpv6.c). */
const isUntracked = (t: number) => (t >= 130 && t <= 137) || t === 143;

/** The tuple of a packet's own header, or null if it cannot be tracked. */
export function tupleOf(row: Row): Tuple | null {
  const type = get(row, "eth_type");
  if (type !== 0x0800 && type !== 0x86dd) return null;
  if (get(row, "ip_frag") & 2) return null;
  const v6 = type === 0x86dd;
  const proto = get(row, "ip_proto");
  const src = v6 ? getBig(row, "ipv6_src") : BigInt(get(row, "ip_src"));
  const dst = v6 ? getBig(row, "ipv6_dst") : BigInt(get(row, "ip_dst"));
  if (isIcmp(v6, proto)) {
    const t = get(row, "icmp_type");
    if (!isQuestion(v6, t) && !isAnswer(v6, t)) return null;
    const id = get(row, "icmp_id");
    return { v6, proto, src, dst, sport: id, dport: id };
  }
  return { v6, proto, src, dst, sport: hasPorts(proto) ? get(row, "tp_src") : 0, dport: hasPorts(proto) ? get(row, "tp_dst") : 0 };
}

/** The tuple quoted in an ICMP error, or null. */
export function innerTuple(row: Row): Tuple | null {
  const proto = get(row, "inner_proto");
  if (proto === 0) return null;
  return {
    v6: get(row, "eth_type") === 0x86dd,
    proto,
    src: getBig(row, "inner_src"),
    dst: getBig(row, "inner_dst"),
    sport: get(row, "inner_tp_src"),
    dport: get(row, "inner_tp_dst"),
  };
}

/** Flags that no TCP sends (lib/conntrack-tcp.c, tcp_invalid_flags). */
function oddFlags(flags: number): boolean {
  if (flags & TCP.syn ? flags & (TCP.rst | TCP.fin) : (flags & (TCP.ack | TCP.rst)) === 0) return true;
  return (flags & TCP.ack) === 0 && (flags & (TCP.fin | TCP.psh | TCP.urg)) !== 0;
}

/** Writes one end of `target` into the packet: source or destination; its port alone without `address`. Returns whether it changed. */
function writeEnd(row: Row, target: Tuple, type: "src" | "dst", address = true): boolean {
  const before = row.slice();
  const addr = type === "src" ? target.src : target.dst;
  const port = type === "src" ? target.sport : target.dport;
  if (address) set(row, `${target.v6 ? "ipv6" : "ip"}_${type}`, addr);
  if (get(row, "inner_proto") !== 0) {
    // The quoted packet goes the other way: its destination is where the outer one comes from.
    const other = type === "src" ? "dst" : "src";
    if (address) set(row, `inner_${other}`, addr);
    if (target.proto !== 1 && target.proto !== 58) set(row, `inner_tp_${other}`, port);
    else if (type === "dst") {
      set(row, "inner_tp_src", port);
      set(row, "inner_tp_dst", port);
    }
  } else if (hasPorts(target.proto)) set(row, `tp_${type}`, port);
  else if (isIcmp(target.v6, target.proto)) set(row, "icmp_id", port);
  return before.some((w, i) => w !== row[i]);
}

export class ConnTracker {
  private readonly conns = new Map<string, { conn: Conn; dir: "orig" | "reply" }>();

  constructor(readonly flavour: "userspace" | "linux") {}

  clear(): void {
    this.conns.clear();
  }
  /** All connections, in order of their entry. */
  get connections(): Conn[] {
    return [...new Set([...this.conns.values()].map((x) => x.conn))];
  }
  get size(): number {
    return this.connections.length;
  }
  private find(zone: number, t: Tuple, answer: boolean) {
    return this.conns.get(key(zone, t, answer));
  }
  private remove(c: Conn): void {
    this.conns.delete(origKey(c));
    this.conns.delete(replyKey(c));
  }
  /** Enters a connection under both keys. */
  insert(c: Conn): void {
    this.conns.set(origKey(c), { conn: c, dir: "orig" });
    // A connection to itself has one key; the original direction wins, linux: the reply. Of two with one key the userspace tracker finds the newer.
    const had = this.conns.get(replyKey(c));
    if (!had || (this.flavour === "userspace") === (had.conn !== c)) this.conns.set(replyKey(c), { conn: c, dir: "reply" });
  }

  /** Looks a packet up: its ct_state bits and its connection; a new one is made but not entered. */
  lookup(row: Row, zone: number, force = false): { state: number; ref: CtRef | null } {
    const inner = innerTuple(row);
    if (inner) {
      const to = inner.v6 ? getBig(row, "ipv6_dst") : BigInt(get(row, "ip_dst"));
      const back = inverse(inner);
      // Of a quoted echo the row does not tell what it is: a request, which an answer would meet, if there is such a connection.
      const hit = to !== inner.src ? undefined : (this.find(zone, back, isIcmp(inner.v6, inner.proto)) ?? this.find(zone, back, false));
      if (!hit) return { state: CT.trk | CT.inv, ref: null };
      if (force && hit.dir === "reply") {
        this.remove(hit.conn);
        return { state: CT.trk | CT.inv, ref: null };
      }
      return { state: CT.trk | CT.rel | (hit.dir === "reply" ? CT.rpl : 0), ref: { conn: hit.conn, dir: hit.dir, pending: false } };
    }
    const t = tupleOf(row);
    if (!t) {
      const apart =
        this.flavour === "linux" && get(row, "eth_type") === 0x86dd && get(row, "ip_proto") === 58 && isUntracked(get(row, "icmp_type"));
      return { state: apart ? 0 : CT.trk | CT.inv, ref: null };
    }
    const flags = t.proto === 6 ? get(row, "tcp_flags") : 0;
    let hit = this.find(zone, t, isIcmp(t.v6, t.proto) && isAnswer(t.v6, get(row, "icmp_type")));
    const tcp = this.flavour === "linux" && t.proto === 6;
    const next = tcp && hit ? linuxTcpNext(linuxTcpState(hit.conn), hit.dir, flags) : 0;
    const reopens =
      this.flavour === "userspace"
        ? hit && this.isOver(hit.conn, flags)
        : tcp && hit && next === LINUX_TCP_STATE.synSent && linuxTcpState(hit.conn) >= LINUX_TCP_STATE.timeWait;
    if (hit && (reopens || (force && hit.dir === "reply"))) {
      this.remove(hit.conn);
      hit = undefined;
    }
    if (hit && this.flavour === "userspace")
      return { state: CT.trk | this.update(hit.conn, hit.dir, flags), ref: { conn: hit.conn, dir: hit.dir, pending: false } };
    if (hit) {
      if (tcp && next === FORBIDDEN) return { state: CT.trk | CT.inv, ref: null };
      if (tcp && next !== IGNORED) hit.conn.progress = LINUX_OWN | next;
      if (tcp && flags & TCP.rst && !hit.conn.seenReply) this.remove(hit.conn);
      if (hit.dir === "reply") hit.conn.seenReply = true;
      const state = hit.dir === "reply" ? CT.est | CT.rpl : hit.conn.seenReply ? CT.est : CT.new;
      return { state: CT.trk | state, ref: { conn: hit.conn, dir: hit.dir, pending: false } };
    }
    if (!this.mayOpen(t, row, flags)) return { state: CT.trk | CT.inv, ref: null };
    const conn: Conn = {
      zone,
      orig: t,
      reply: inverse(t),
      natSrc: false,
      natDst: false,
      seenReply: false,
      closed: false,
      mark: 0,
      label: 0n,
    };
    if (tcp) conn.progress = LINUX_OWN | linuxTcpNext(LINUX_TCP_STATE.none, "orig", flags);
    return { state: CT.trk | CT.new, ref: { conn, dir: "orig", pending: true } };
  }

  /** userspace: a SYN alone ends a connection of which both ends are done, and may begin another. */
  private isOver(c: Conn, flags: number): boolean {
    const at = c.progress ?? firstProgress(c);
    const both = Math.min(at & 15, at >> 4);
    return c.orig.proto === 6 && !oddFlags(flags) && (flags & (TCP.syn | TCP.ack)) === TCP.syn && both >= TCP_END.finWait2;
  }

  /**
   * userspace: moves a connection on by a packet, and tells the packet's state, without trk. TCP as pf does it, without sequence
   * numbers: the sender's end is at least at SYN_SENT, with FIN at CLOSING; ACK takes the other end from SYN_SENT to ESTABLISHED
   * and from CLOSING to FIN_WAIT_2; RST both to TIME_WAIT.
   */
  update(c: Conn, dir: "orig" | "reply", flags: number): number {
    const at = c.progress ?? firstProgress(c);
    const valid = dir === "orig" ? CT.est : CT.est | CT.rpl;
    if (c.orig.proto !== 6) {
      if (dir === "reply") c.progress = 1;
      return dir === "orig" && at === 0 ? CT.new : valid;
    }
    if (oddFlags(flags)) return CT.inv;
    const shift = dir === "orig" ? 0 : 4;
    let own = (at >> shift) & 15;
    let other = (at >> (4 - shift)) & 15;
    const alone = (flags & (TCP.syn | TCP.ack)) === TCP.syn && own <= TCP_END.synSent;
    own = Math.max(own, TCP_END.synSent);
    if (!alone) {
      if (flags & TCP.fin) own = Math.max(own, TCP_END.closing);
      if (flags & TCP.ack && other === TCP_END.synSent) other = TCP_END.established;
      else if (flags & TCP.ack && other === TCP_END.closing) other = TCP_END.finWait2;
      if (flags & TCP.rst) own = other = TCP_END.timeWait;
    }
    c.progress = (own << shift) | (other << (4 - shift));
    return alone ? CT.new : valid;
  }

  /**
   * userspace: a packet that this tracker has translated comes to it again in the same zone. It is found by what it was made, and
   * moves its connection on once more.
   */
  again(row: Row, ref: CtRef, state: number): number {
    if (get(row, "inner_proto") !== 0) return state;
    const now = this.update(ref.conn, ref.dir, get(row, "tcp_flags"));
    if (now === CT.inv) return CT.trk | CT.inv;
    return (now & CT.est ? state & ~CT.new : state) | now;
  }
  /** userspace: `force` meets a packet of the reply direction: its connection is forgotten. */
  forget(c: Conn): void {
    this.remove(c);
  }

  private mayOpen(t: Tuple, row: Row, flags: number): boolean {
    if (isIcmp(t.v6, t.proto)) return isQuestion(t.v6, get(row, "icmp_type"));
    if (t.proto !== 6) return true;
    if (this.flavour === "linux") return linuxTcpNext(LINUX_TCP_STATE.none, "orig", flags) !== FORBIDDEN;
    if (oddFlags(flags)) return false;
    return (flags & TCP.syn) === 0 || (flags & (TCP.ack | TCP.rst | TCP.fin)) === 0;
  }

  /** Translates a packet of a known connection, one end or both. Returns the snat/dnat bits and whether it changed. */
  translate(row: Row, ref: CtRef, types: readonly ("src" | "dst")[]): { bits: number; changed: boolean } {
    const { conn, dir } = ref;
    if (!conn.natSrc && !conn.natDst) return { bits: 0, changed: false };
    const target = inverse(dir === "orig" ? conn.reply : conn.orig);
    let changed = false;
    for (const type of types) {
      // The reply direction undoes a source translation at its destination, and the other way round.
      const by = dir === "orig" ? type : type === "src" ? "dst" : "src";
      // The userspace tracker writes both ports: a clash of nat(dst) is resolved on the source port.
      const both = by === "src" ? conn.natSrc : conn.natDst;
      if (both || this.flavour === "userspace") changed = writeEnd(row, target, type, both) || changed;
    }
    // What is done to this packet: to an answer, the reverse.
    const { natSrc, natDst } = conn;
    const [snat, dnat] = dir === "orig" ? [natSrc, natDst] : [natDst, natSrc];
    const bits = types.length === 2 ? (snat ? CT.snat : 0) | (dnat ? CT.dnat : 0) : 0;
    return { bits, changed };
  }

  /**
   * userspace: a new connection that is committed with `nat` and no range gets a reply tuple from no address, and for TCP and UDP
   * to port 0 (OVS 3.1 to 3.5): no answer ever meets it. False: another has that tuple.
   */
  bindNothing(conn: Conn): boolean {
    const { proto } = conn.orig;
    const reply = { ...conn.reply, src: 0n, dport: proto === 6 || proto === 17 ? 0 : conn.reply.dport };
    if (this.find(conn.zone, reply, isIcmp(reply.v6, proto))) return false;
    conn.reply = reply;
    return true;
  }

  /** Binds a range to a connection that is not yet entered and translates the packet. False: no free tuple. */
  bind(row: Row, conn: Conn, type: "src" | "dst", range: NatRange): { ok: boolean; changed: boolean } {
    const now = inverse(conn.reply);
    const address = type === "src" ? now.src : now.dst;
    const addr = range.min === undefined ? address : range.min | (address & (range.keep ?? 0n));
    const own = type === "src" ? now.sport : now.dport;
    const ports =
      this.flavour === "userspace"
        ? now.proto === 6 || now.proto === 17
        : hasPorts(now.proto) || (type === "src" && isIcmp(now.v6, now.proto));
    const make = (port: number, sport = now.sport): Tuple =>
      type === "src"
        ? { ...now, src: addr, sport: port, dport: isIcmp(now.v6, now.proto) ? port : now.dport }
        : { ...now, dst: addr, dport: port, sport };
    const free = (t: Tuple) => {
      const hit = this.find(conn.zone, inverse(t), isIcmp(t.v6, t.proto));
      return !hit || hit.conn === conn;
    };
    let chosen: Tuple | null = null;
    if (!ports) {
      const t = make(own);
      if (free(t)) chosen = t;
    } else if (range.portMin !== undefined) {
      // linux leaves a port that lies in the range as it is (l4proto_in_range, net/netfilter/nf_nat_core.c).
      const within = this.flavour === "linux" && own >= range.portMin && own <= (range.portMax ?? range.portMin);
      if (within && free(make(own))) chosen = make(own);
      for (let p = range.portMin; p <= (range.portMax ?? range.portMin) && !chosen; p++) if (free(make(p))) chosen = make(p);
    } else if (free(make(own))) chosen = make(own);
    if (!chosen && ports && (type === "dst" || range.portMin === undefined)) {
      const dport = range.portMin ?? own;
      const first = this.flavour === "userspace" ? now.sport : Math.max(now.sport, 1023);
      for (let i = 1; i <= 64512 && !chosen; i++) {
        const p = first + i <= 65535 ? first + i : 1024 + ((first + i - 65536) % 64512);
        const t = type === "src" ? make(p) : make(dport, p);
        if (free(t)) chosen = t;
      }
    }
    if (!chosen) return { ok: false, changed: false };
    conn.reply = inverse(chosen);
    const differs = chosen.src !== now.src || chosen.dst !== now.dst || chosen.sport !== now.sport || chosen.dport !== now.dport;
    if (this.flavour === "userspace" || differs) {
      if (type === "src") conn.natSrc = true;
      else conn.natDst = true;
    }
    const a = writeEnd(row, chosen, type);
    // A clash resolved on the other end's port.
    const b = type === "dst" && chosen.sport !== now.sport ? writeEnd(row, chosen, "src") : false;
    return { ok: true, changed: a || b };
  }
}

/** Writes what tracking tells into the row's ct_ fields (all but ct_state). `ref` null: zeros. */
export function writeCtFields(row: Row, zone: number, ref: CtRef | null): void {
  set(row, "ct_zone", zone);
  set(row, "ct_mark", ref ? ref.conn.mark : 0);
  set(row, "ct_label", ref ? ref.conn.label : 0n);
  const o = ref?.conn.orig;
  set(row, "ct_nw_proto", o ? o.proto : 0);
  set(row, "ct_nw_src", o && !o.v6 ? o.src : 0);
  set(row, "ct_nw_dst", o && !o.v6 ? o.dst : 0);
  set(row, "ct_ipv6_src", o?.v6 ? o.src : 0n);
  set(row, "ct_ipv6_dst", o?.v6 ? o.dst : 0n);
  set(row, "ct_tp_src", o ? o.sport : 0);
  set(row, "ct_tp_dst", o ? o.dport : 0);
}

/** First words of the fields that `lookup` reads; what a cache of trajectories must have consulted. */
export const CT_KEY_FIELDS: readonly string[] = [
  "eth_type",
  "ip_frag",
  "ip_proto",
  "ip_src",
  "ip_dst",
  "ipv6_src",
  "ipv6_dst",
  "tp_src",
  "tp_dst",
  "tcp_flags",
  "icmp_type",
  "icmp_id",
  "inner_proto",
  "inner_src",
  "inner_dst",
  "inner_tp_src",
  "inner_tp_dst",
].map((n) => field(n).name);
