/**
 * Whether a list of actions may stand in a flow with such a match (lib/ofp-actions.c, ofpacts_check).
 *
 * Each action is held against what the match says of the packet and what the actions before it have made of it. Throws
 * {@link BadArgument} with OVS's message; what only narrows the protocols is returned.
 */
import type { FieldSlice, LearnSpec, OvsAction } from "../ast.js";
import { type Needs, ovsField } from "../fields.js";
import { PORT } from "../ports.js";
import { bad } from "./badArgument.js";
import { ETH, FlowMatch, PROTO } from "./flowMatch.js";
import { P } from "./protocols.js";

const MAX_PORTS = 0xff00;
const MAX_METER = 0xffff0000;

/** What is known of the packet while its actions run. */
class Packet {
  packetType: number;
  ethType: number;
  proto: number;
  tags: number[];
  constructor(readonly match: FlowMatch) {
    this.packetType = match.value("packet_type");
    this.ethType = match.value("eth_type");
    this.proto = match.value("nw_proto");
    this.tags = [match.value("vlan_tci"), match.value("vlan_tci1")];
  }
  copy(): Packet {
    const c = new Packet(this.match);
    c.packetType = this.packetType;
    c.ethType = this.ethType;
    c.proto = this.proto;
    c.tags = [...this.tags];
    return c;
  }
  get type(): number {
    return this.packetType >>> 16 === 1 ? this.packetType & 0xffff : this.ethType;
  }
  get isIp(): boolean {
    return this.type === ETH.ip || this.type === ETH.ipv6;
  }
  get isMpls(): boolean {
    return this.type === ETH.mpls || this.type === ETH.mplsMulticast;
  }
  get isTagged(): boolean {
    return (this.tags[0] & 0x1000) !== 0;
  }
  get isLaterFragment(): boolean {
    return (this.match.value("nw_frag") & 2) !== 0;
  }
  private l4(proto: number): boolean {
    return this.isIp && this.proto === proto;
  }
  /** mf_are_prereqs_ok. */
  has(needs: Needs): boolean {
    switch (needs) {
      case "-":
        return true;
      case "eth":
        return this.packetType === 0;
      case "vlan":
        return this.isTagged;
      case "arp":
        return this.type === ETH.arp || this.type === ETH.rarp;
      case "ip4":
        return this.type === ETH.ip;
      case "ip6":
        return this.type === ETH.ipv6;
      case "ip":
        return this.isIp;
      case "mpls":
        return this.isMpls;
      case "nsh":
        return this.type === ETH.nsh;
      case "ct":
        return this.hasConnection();
      case "tcp":
        return this.l4(PROTO.tcp) && !this.isLaterFragment;
      case "udp":
        return this.l4(PROTO.udp) && !this.isLaterFragment;
      case "sctp":
        return this.l4(PROTO.sctp) && !this.isLaterFragment;
      case "icmp4":
        return this.type === ETH.ip && this.proto === PROTO.icmp;
      case "icmp6":
        return this.type === ETH.ipv6 && this.proto === PROTO.icmp6;
      case "nd":
        return this.isNeighbourDiscovery();
      case "ns":
        return this.isNeighbourDiscovery() && this.match.value("tp_src") === 135;
      case "na":
        return this.isNeighbourDiscovery() && this.match.value("tp_src") === 136;
    }
  }
  private isNeighbourDiscovery(): boolean {
    const kind = this.match.value("tp_src");
    return this.has("icmp6") && this.match.value("tp_dst") === 0 && (kind === 135 || kind === 136);
  }
  /** flow.h, is_ct_valid: the match asks for a state that only a valid connection has, or for one that is not invalid. */
  hasConnection(): boolean {
    const { value, mask } = this.match.get("ct_state");
    return (value & 0xcfn) !== 0n || ((value & 0x20n) !== 0n && (mask & 0x10n) !== 0n && (value & 0x10n) === 0n);
  }
}

const inconsistent = (): never => bad("actions are invalid with specified match (OFPBAC_MATCH_INCONSISTENT)");
const invalid = (code: string): never => bad(`actions are invalid with specified match (${code})`);

/** ofpacts_check: protocols that can say these actions with this match. */
export function checkActions(list: readonly OvsAction[], match: FlowMatch, table: number | string): number {
  return check(list, new Packet(match), table);
}

function check(list: readonly OvsAction[], p: Packet, table: number | string): number {
  let usable: number = P.any;
  for (const a of list) usable &= checkOne(a, p, table);
  return usable;
}

function source(s: FieldSlice, p: Packet): void {
  const f = ovsField(s.field)!;
  if (!p.has(f.needs)) inconsistent();
}
function destination(s: FieldSlice, p: Packet): void {
  source(s, p);
  if (!ovsField(s.field)!.writable) invalid("OFPBAC_BAD_SET_ARGUMENT");
}

function outputPort(port: number | string): void {
  if (typeof port !== "number" || port < MAX_PORTS) return;
  const known: number[] = [PORT.inPort, PORT.table, PORT.normal, PORT.flood, PORT.all, PORT.controller, PORT.local];
  if (!known.includes(port)) invalid("OFPBAC_BAD_OUT_PORT");
}

/** Protocols that are left; OpenFlow 1.0 alone where the packet may not have what the action writes. */
function checkOne(a: OvsAction, p: Packet, table: number | string): number {
  const onlyIf = (ok: boolean): number => (ok ? P.any : P.of10Any);
  switch (a.kind) {
    case "output":
    case "outputTrunc":
      outputPort(a.port);
      return P.any;
    case "enqueue":
      if (typeof a.port === "number" && a.port >= MAX_PORTS && a.port !== PORT.inPort && a.port !== PORT.local)
        invalid("OFPBAC_BAD_OUT_PORT");
      return P.any;
    case "outputField":
      source(a.src, p);
      return P.any;
    case "bundle":
      if (a.dst) destination(a.dst, p);
      for (const m of a.members) {
        if (m === PORT.controller) invalid("OFPBAC_BAD_OUT_PORT");
        if (m !== PORT.none) outputPort(m);
      }
      return P.any;
    case "multipath":
      destination(a.dst, p);
      return P.any;
    case "setField":
      return checkWrite(a, p, onlyIf);
    case "move":
      source(a.src, p);
      destination(a.dst, p);
      return P.any;
    case "push":
      source(a.src, p);
      return P.any;
    case "pop":
      destination(a.dst, p);
      return P.any;
    case "deleteField":
      if (!/^tun_metadata\d+$/.test(a.dst.field)) invalid("OFPBAC_BAD_ARGUMENT");
      return P.any;
    case "decTtl":
      return onlyIf(p.isIp);
    case "decMplsTtl":
      return onlyIf(p.isMpls);
    case "decNshTtl":
      return onlyIf(p.packetType === 0x1894f || p.ethType === ETH.nsh);
    case "popVlan": {
      const ok = p.isTagged;
      p.tags = [p.tags[1], 0];
      return onlyIf(ok);
    }
    case "pushVlan":
      if ((p.tags[1] & 0x1000) !== 0) invalid("OFPBAC_BAD_TAG");
      p.tags = [0x1000, p.tags[0]];
      return P.any;
    case "pushMpls": {
      const ok = p.packetType === 0;
      p.ethType = a.ethertype;
      p.proto = 0;
      return onlyIf(ok);
    }
    case "popMpls": {
      const ok = p.packetType === 0 && p.isMpls;
      p.ethType = a.ethertype;
      return onlyIf(ok);
    }
    case "encap":
      p.packetType = a.packetType;
      if (a.packetType >>> 16 === 1) p.ethType = a.packetType & 0xffff;
      if (!p.isIp) p.proto = 0;
      return P.any;
    case "decap":
      if (p.packetType === 0) p.packetType = 0x10000 + p.ethType;
      else {
        p.packetType = 0xffffffff;
        p.ethType = 0xffff;
      }
      return P.any;
    case "finTimeout":
      return onlyIf(p.proto === PROTO.tcp);
    case "resubmit":
      if (a.ct && !p.hasConnection()) inconsistent();
      return P.any;
    case "learn":
      checkLearn(a.specs, a.resultDst, p);
      return P.any;
    case "ct": {
      const invalidState = (p.match.value("ct_state") & 0x10) !== 0 && a.commit;
      if (!p.isIp || invalidState || (a.alg === "ftp" && p.proto !== PROTO.tcp) || (a.alg === "tftp" && p.proto !== PROTO.udp))
        inconsistent();
      if (typeof a.zone !== "number") {
        source(a.zone, p);
        return P.any;
      }
      if (a.nat && a.nat.min !== undefined && p.type !== (a.nat.family === 4 ? ETH.ip : ETH.ipv6)) inconsistent();
      return check(a.exec, p.copy(), table);
    }
    case "clone":
      return check(a.actions, p.copy(), table);
    case "writeActions":
      check(a.actions, p.copy(), table);
      return P.any;
    case "meter":
      if (a.id === 0 || a.id > MAX_METER) invalid("OFPMMFC_INVALID_METER");
      return P.any;
    case "goto":
      if (typeof a.table === "number" && ((typeof table === "number" && table !== 255 && a.table <= table) || a.table >= 255))
        invalid("OFPBIC_BAD_TABLE_ID");
      return P.any;
    default:
      return P.any;
  }
}

type Write = Extract<OvsAction, { kind: "setField" }>;

function checkWrite(a: Write, p: Packet, onlyIf: (ok: boolean) => number): number {
  switch (a.form) {
    case "set_field":
    case "load": {
      const f = ovsField(a.dst.field)!;
      if (!p.has(f.needs) || (f.name === "vlan_vid" && !p.isTagged)) inconsistent();
      if (f.name === "vlan_tci") p.tags[0] = Number(a.value << BigInt(a.dst.ofs));
      return P.any;
    }
    case "mod_vlan_vid":
    case "mod_vlan_pcp":
    case "set_vlan_vid":
    case "set_vlan_pcp": {
      const ok = p.isTagged || a.form.startsWith("mod_");
      p.tags[0] |= 0x1000;
      return onlyIf(ok);
    }
    case "mod_nw_src":
    case "mod_nw_dst":
      return onlyIf(p.type === ETH.ip);
    case "mod_nw_tos":
    case "mod_nw_ecn":
    case "mod_nw_ttl":
      return onlyIf(p.isIp);
    case "mod_tp_src":
    case "mod_tp_dst":
      return onlyIf(p.isIp && !p.isLaterFragment && [PROTO.tcp, PROTO.udp, PROTO.sctp].some((x) => x === p.proto));
    case "set_mpls_label":
    case "set_mpls_tc":
    case "set_mpls_ttl":
      return onlyIf(p.isMpls);
    default:
      return P.any;
  }
}

/** learn_check: the learned flow's own match must say what its fields need. */
function checkLearn(specs: readonly LearnSpec[], resultDst: FieldSlice | null, p: Packet): void {
  const learned = new FlowMatch();
  if (resultDst) destination(resultDst, p);
  for (const s of specs) {
    if (s.kind !== "matchValue" && s.kind !== "loadValue") source(s.src, p);
    const to = new Packet(learned);
    if (s.kind === "matchField" || s.kind === "matchValue") {
      source(s.dst, to);
      if (s.kind === "matchValue") {
        const ones = (1n << BigInt(s.dst.bits)) - 1n;
        learned.addToField(ovsField(s.dst.field)!, s.value << BigInt(s.dst.ofs), ones << BigInt(s.dst.ofs));
      }
    } else if (s.kind === "loadField" || s.kind === "loadValue") destination(s.dst, to);
  }
}

/** Whether a packet with these fields has a field that needs so much (mf_are_prereqs_ok). */
export function packetHas(flow: FlowMatch, needs: Needs): boolean {
  return new Packet(flow).has(needs);
}
