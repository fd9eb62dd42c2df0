/** Nicira's extension actions (NXAST_*): type 0xffff, vendor 0x2320, a subtype. */
import type { CtSpec, HashFields, NatSpec, OvsAction } from "../ast.js";
import { fieldSlice, ovsField, wholeField } from "../fields.js";
import { setTo, setWhole } from "../parse/setField.js";
import { PORT, port16 } from "../ports.js";
import { decodeLearn } from "./learn.js";
import { readBig, readOxmHeader } from "./oxm.js";
import { fieldOf, malformed, ofsNbits, type Reader } from "./reader.js";

export const NICIRA = 0x00002320;

/** NXAST_* numbers (include/openvswitch/nicira-ext.h and lib/ofp-actions.c). */
const NXAST = {
  resubmit: 1,
  setTunnel: 2,
  setQueue: 4,
  popQueue: 5,
  regMove: 6,
  regLoad: 7,
  note: 8,
  setTunnel64: 9,
  multipath: 10,
  bundle: 12,
  bundleLoad: 13,
  resubmitTable: 14,
  outputReg: 15,
  learn: 16,
  exit: 17,
  decTtl: 18,
  finTimeout: 19,
  controller: 20,
  decTtlIds: 21,
  writeMetadata: 22,
  pushMpls: 23,
  popMpls: 24,
  setMplsTtl: 25,
  decMplsTtl: 26,
  stackPush: 27,
  stackPop: 28,
  sample: 29,
  setMplsLabel: 30,
  setMplsTc: 31,
  outputReg2: 32,
  regLoad2: 33,
  conjunction: 34,
  ct: 35,
  controller2: 37,
  sample2: 38,
  outputTrunc: 39,
  group: 40,
  sample3: 41,
  clone: 42,
  ctClear: 43,
  resubmitTableCt: 44,
  learn2: 45,
  encap: 46,
  decap: 47,
  decNshTtl: 48,
  checkPktLarger: 49,
  deleteField: 50,
  sample4: 51,
} as const;

const NO_TABLE = 0xff;

export function decodeNicira(r: Reader): OvsAction {
  if (r.size < 16) throw malformed(`a Nicira action of ${r.size} bytes`);
  const v = r.view;
  const subtype = v.getUint16(8);
  switch (subtype) {
    case NXAST.resubmit:
      return resubmit(v.getUint16(10), NO_TABLE, false);
    case NXAST.resubmitTable:
      return resubmit(v.getUint16(10), v.getUint8(12), false);
    case NXAST.resubmitTableCt:
      return resubmit(v.getUint16(10), v.getUint8(12), true);
    case NXAST.setTunnel:
      return setWhole("set_tunnel", "tun_id", BigInt(v.getUint32(12)));
    case NXAST.setTunnel64:
      return setWhole("set_tunnel64", "tun_id", v.getBigUint64(16));
    case NXAST.writeMetadata:
      return { kind: "writeMetadata", value: v.getBigUint64(16), mask: v.getBigUint64(24) };
    case NXAST.regMove: {
      const n = v.getUint16(10);
      const src = fieldOf(r, 16, v.getUint16(12), n);
      return { kind: "move", src, dst: fieldOf(r, 16 + src.headerSize, v.getUint16(14), n) };
    }
    case NXAST.regLoad: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      const dst = fieldOf(r, 12, ofs, n);
      return setTo("load", dst, v.getBigUint64(16), undefined, ovsField(dst.field)?.needsVlan);
    }
    case NXAST.regLoad2: {
      const h = readOxmHeader(v, 16);
      if (!h?.field) throw malformed("reg_load2 names no field");
      const dst = wholeField(h.field);
      const at = 16 + h.size;
      const mask = h.hasMask ? readBig(v, at + h.valueSize, h.valueSize) : undefined;
      return setTo("set_field", dst, readBig(v, at, h.valueSize), mask, h.field.needsVlan);
    }
    case NXAST.stackPush:
      return { kind: "push", src: fieldOf(r, 12, v.getUint16(10), v.getUint16(16)) };
    case NXAST.stackPop:
      return { kind: "pop", dst: fieldOf(r, 12, v.getUint16(10), v.getUint16(16)) };
    case NXAST.outputReg: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      return { kind: "outputField", src: fieldOf(r, 12, ofs, n), maxLen: v.getUint16(16) };
    }
    case NXAST.outputReg2: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      return { kind: "outputField", src: fieldOf(r, 14, ofs, n), maxLen: v.getUint16(12) };
    }
    case NXAST.outputTrunc:
      return { kind: "outputTrunc", port: port16(v.getUint16(10)), maxLen: v.getUint32(12) };
    case NXAST.exit:
      return { kind: "exit" };
    case NXAST.decTtl:
      return { kind: "decTtl", controllers: [] };
    case NXAST.decTtlIds:
      return { kind: "decTtl", controllers: Array.from({ length: v.getUint16(10) }, (_, i) => v.getUint16(16 + 2 * i)) };
    case NXAST.controller: {
      const [maxLen, id] = [v.getUint16(10), v.getUint16(12)];
      return {
        kind: "controller",
        text: `controller(max_len=${maxLen},id=${id})`,
        maxLen,
        reason: REASONS[v.getUint8(14)] ?? "",
        id,
        userdata: new Uint8Array(0),
        meter: null,
        pause: false,
      };
    }
    case NXAST.controller2:
      return controller2(r);
    case NXAST.setMplsTtl:
      return setWhole("set_mpls_ttl", "mpls_ttl", BigInt(v.getUint8(10)));
    case NXAST.setMplsLabel:
      return setWhole("set_mpls_label", "mpls_label", BigInt(v.getUint32(12)));
    case NXAST.setMplsTc:
      return setWhole("set_mpls_tc", "mpls_tc", BigInt(v.getUint8(10)));
    case NXAST.conjunction:
      return { kind: "conjunction", clause: v.getUint8(10) + 1, of: v.getUint8(11), id: v.getUint32(12) };
    case NXAST.ct:
      return ct(r);
    case NXAST.ctClear:
      return { kind: "ctClear" };
    case NXAST.group:
      return { kind: "group", id: v.getUint32(12) };
    case NXAST.clone:
      return { kind: "clone", actions: r.nested(16, r.size) };
    case NXAST.checkPktLarger:
      return { kind: "checkPktLarger", size: v.getUint16(10), dst: fieldOf(r, 14, v.getUint16(12), 1) };
    case NXAST.deleteField: {
      const h = readOxmHeader(v, 10);
      if (!h?.field) throw malformed("delete_field names no field");
      return { kind: "deleteField", dst: fieldSlice(h.field, 0, h.field.bits) };
    }
    case NXAST.multipath: {
      const { ofs, n } = ofsNbits(v.getUint16(26));
      return {
        kind: "multipath",
        fields: hashFields(v.getUint16(10)),
        basis: v.getUint16(12),
        algorithm: (["modulo_n", "hash_threshold", "hrw", "iter_hash"] as const)[v.getUint16(16)] ?? unknownAlgorithm(),
        links: v.getUint16(18) + 1,
        arg: v.getUint32(20),
        dst: fieldOf(r, 28, ofs, n),
      };
    }
    case NXAST.bundle:
    case NXAST.bundleLoad: {
      const { ofs, n } = ofsNbits(v.getUint16(22));
      const members = Array.from({ length: v.getUint16(20) }, (_, i) => v.getUint16(32 + 2 * i));
      const load = subtype === NXAST.bundleLoad;
      return {
        kind: "bundle",
        fields: hashFields(v.getUint16(12)),
        basis: v.getUint16(14),
        algorithm: v.getUint16(10) === 0 ? "active_backup" : "hrw",
        members,
        dst: load ? fieldOf(r, 24, ofs, n) : null,
      };
    }
    case NXAST.setQueue:
      return { kind: "setQueue", queue: v.getUint32(12) };
    case NXAST.popQueue:
      return { kind: "popQueue" };
    case NXAST.note:
      return { kind: "note", bytes: bytesAt(v, 10, r.size - 10) };
    case NXAST.finTimeout:
      return { kind: "finTimeout", idle: v.getUint16(10), hard: v.getUint16(12) };
    case NXAST.pushMpls:
      return { kind: "pushMpls", ethertype: v.getUint16(10) };
    case NXAST.popMpls:
      return { kind: "popMpls", ethertype: v.getUint16(10) };
    case NXAST.decMplsTtl:
      return { kind: "decMplsTtl" };
    case NXAST.decNshTtl:
      return { kind: "decNshTtl" };
    case NXAST.sample:
    case NXAST.sample2:
    case NXAST.sample3:
      return sample(r, subtype);
    case NXAST.sample4:
      return sample4(r);
    case NXAST.encap:
      return encap(r);
    case NXAST.decap: {
      const type = v.getUint32(12);
      return { kind: "decap", packetType: type === USE_NEXT_PROTO ? null : type };
    }
    case NXAST.learn:
    case NXAST.learn2:
      return decodeLearn(r, subtype === NXAST.learn2);
    default:
      throw malformed(`there is no Nicira action ${subtype}`);
  }
}

/** Packet type that means: what the header's next protocol says. */
const USE_NEXT_PROTO = 0xfffe;

/** NX_HASH_FIELDS_*. */
const HASH_FIELDS: readonly HashFields[] = [
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
];
function hashFields(n: number): HashFields {
  const f = HASH_FIELDS[n];
  if (!f) throw malformed(`there are no hash fields ${n}`);
  return f;
}
function unknownAlgorithm(): never {
  throw malformed("an unknown algorithm");
}

function bytesAt(v: DataView, at: number, size: number): Uint8Array {
  return Uint8Array.from({ length: Math.max(0, size) }, (_, i) => v.getUint8(at + i));
}

function sample(r: Reader, subtype: number): OvsAction {
  const v = r.view;
  const port = subtype === NXAST.sample ? 0xffff : v.getUint16(24);
  return {
    kind: "sample",
    probability: v.getUint16(10),
    collectorSet: v.getUint32(12),
    obsDomain: v.getUint32(16),
    obsPoint: v.getUint32(20),
    samplingPort: port === 0xffff ? null : port,
    direction: subtype === NXAST.sample3 ? ((["", "ingress", "egress"] as const)[v.getUint8(26)] ?? "") : "",
  };
}

/** Observation ids may be fields: a header, then bits of it; a header of zeros is followed by a number. */
function sample4(r: Reader): OvsAction {
  const v = r.view;
  const id = (at: number) => {
    if (v.getUint32(at) === 0) return v.getUint32(at + 4);
    const { ofs, n } = ofsNbits(v.getUint16(at + 4));
    const { headerSize: _, ...slice } = fieldOf(r, at, ofs, n);
    return slice;
  };
  const port = v.getUint16(32);
  return {
    kind: "sample",
    probability: v.getUint16(10),
    collectorSet: v.getUint32(12),
    obsDomain: id(16),
    obsPoint: id(24),
    samplingPort: port === 0xffff ? null : port,
    direction: (["", "ingress", "egress"] as const)[v.getUint8(34)] ?? "",
  };
}

/** Properties of class 4 (NSH): type 1 is md_type, type 2 a TLV. */
function encap(r: Reader): OvsAction {
  const v = r.view;
  let mdType = 0;
  const tlvs: { class: number; type: number; value: Uint8Array }[] = [];
  for (let at = 16; at + 4 <= r.size; ) {
    const size = v.getUint8(at + 3);
    if (v.getUint16(at) === 0 && size === 0) break;
    if (size < 4 || at + size > r.size || v.getUint16(at) !== 4) throw malformed("a property of encap that is not known");
    if (v.getUint8(at + 2) === 1) mdType = v.getUint8(at + 4);
    else tlvs.push({ class: v.getUint16(at + 4), type: v.getUint8(at + 6), value: bytesAt(v, at + 8, v.getUint8(at + 7)) });
    at += (size + 7) & ~7;
  }
  return { kind: "encap", packetType: v.getUint32(12), mdType, tlvs };
}

const REASONS: Record<number, string> = { 0: "no_match", 1: "action", 2: "invalid_ttl", 3: "action_set", 4: "group", 5: "packet_out" };
function resubmit(inPort: number, table: number, withTuple: boolean): OvsAction {
  return { kind: "resubmit", inPort: inPort === PORT.inPort ? null : inPort, table: table === NO_TABLE ? null : table, ct: withTuple };
}

/** Properties: type, size, value, padded to 8 bytes. */
function controller2(r: Reader): OvsAction {
  const v = r.view;
  const out = { maxLen: 0xffff, id: 0, reason: "action", userdata: new Uint8Array(0), meter: null as number | null, pause: false };
  for (let at = 16; at + 4 <= r.size; ) {
    const type = v.getUint16(at);
    const size = v.getUint16(at + 2);
    if (size < 4 || at + size > r.size) throw malformed(`a property of ${size} bytes`);
    if (type === 0) out.maxLen = v.getUint16(at + 4);
    else if (type === 1) out.id = v.getUint16(at + 4);
    else if (type === 2) out.reason = REASONS[v.getUint8(at + 4)] ?? "";
    else if (type === 3) out.userdata = Uint8Array.from({ length: size - 4 }, (_, i) => v.getUint8(at + 4 + i));
    else if (type === 4) out.pause = true;
    else if (type === 5) out.meter = v.getUint32(at + 4);
    at += (size + 7) & ~7;
  }
  const bytes = Array.from(out.userdata, (b) => b.toString(16).padStart(2, "0")).join(".");
  const text = `controller(max_len=${out.maxLen},id=${out.id}${bytes ? `,userdata=${bytes}` : ""}${out.pause ? ",pause" : ""})`;
  return { kind: "controller", text, ...out };
}

const CT_COMMIT = 1;
const CT_FORCE = 2;
const ALG: Record<number, string> = { 21: "ftp", 69: "tftp" };

function ct(r: Reader): CtSpec {
  const v = r.view;
  const flags = v.getUint16(10);
  const zoneHeader = v.getUint32(12);
  const zoneWord = v.getUint16(16);
  const { ofs, n } = ofsNbits(zoneWord);
  const table = v.getUint8(18);
  let nat: NatSpec | null = null;
  const exec: OvsAction[] = [];
  for (let at = 24; at + 4 <= r.size; ) {
    const size = v.getUint16(at + 2);
    if (size < 8 || at + size > r.size) throw malformed(`an action of ${size} bytes within ct`);
    if (v.getUint16(at) === 0xffff && v.getUint32(at + 4) === NICIRA && v.getUint16(at + 8) === 36) nat = natOf(v, at, size);
    else exec.push(...r.nested(at, at + size));
    at += size;
  }
  return {
    kind: "ct",
    commit: (flags & CT_COMMIT) !== 0,
    force: (flags & CT_FORCE) !== 0,
    zone: zoneHeader === 0 ? zoneWord : fieldOf(r, 12, ofs, n),
    table: table === NO_TABLE ? null : table,
    nat,
    exec,
    alg: ALG[v.getUint16(22)] ?? "",
  };
}

const NAT = { src: 1, dst: 2, persistent: 4, hash: 8, random: 16 };
/** Which parts of a range are present, in the order in which they stand. */
const RANGE = { ipv4Min: 1, ipv4Max: 2, ipv6Min: 4, ipv6Max: 8, portMin: 16, portMax: 32 };

function natOf(v: DataView, at: number, size: number): NatSpec {
  const flags = v.getUint16(at + 12);
  const present = v.getUint16(at + 14);
  let pos = at + 16;
  const take = (bit: number, bytes: number): bigint | undefined => {
    if ((present & bit) === 0) return undefined;
    if (pos + bytes > at + size) throw malformed("a nat range is cut off");
    const value = readBig(v, pos, bytes);
    pos += bytes;
    return value;
  };
  const min4 = take(RANGE.ipv4Min, 4);
  const max4 = take(RANGE.ipv4Max, 4);
  const min6 = take(RANGE.ipv6Min, 16);
  const max6 = take(RANGE.ipv6Max, 16);
  const portMin = take(RANGE.portMin, 2);
  const portMax = take(RANGE.portMax, 2);
  const min = min4 ?? min6;
  const max = max4 ?? max6 ?? min;
  return {
    type: flags & NAT.src ? "src" : flags & NAT.dst ? "dst" : "existing",
    family: min6 === undefined ? 4 : 6,
    ...(min === undefined ? {} : { min, max: max! }),
    ...(portMin === undefined ? {} : { portMin: Number(portMin), portMax: Number(portMax ?? portMin) }),
    flags: (["persistent", "hash", "random"] as const).filter((f) => flags & NAT[f]),
  };
}
