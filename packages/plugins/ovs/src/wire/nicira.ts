/** Nicira's extension actions (NXAST_*): type 0xffff, vendor 0x2320, a subtype. */
import type { CtSpec, NatSpec, OvsAction } from "../ast.js";
import { parseFieldSlice } from "../fields.js";
import { setTo } from "../parse/setField.js";
import { PORT, port16 } from "../ports.js";
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
      return setTo(parseFieldSlice("tun_id")!, BigInt(v.getUint32(12)));
    case NXAST.setTunnel64:
      return setTo(parseFieldSlice("tun_id")!, v.getBigUint64(16));
    case NXAST.writeMetadata:
      return setTo(parseFieldSlice("metadata")!, v.getBigUint64(16), v.getBigUint64(24));
    case NXAST.regMove: {
      const n = v.getUint16(10);
      const src = fieldOf(r, 16, v.getUint16(12), n);
      return { kind: "move", src, dst: fieldOf(r, 16 + src.headerSize, v.getUint16(14), n) };
    }
    case NXAST.regLoad: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      const dst = fieldOf(r, 12, ofs, n);
      return setTo(dst, v.getBigUint64(16), undefined, dst.slice?.field === "vlan_tci" && dst.slice.n <= 13);
    }
    case NXAST.regLoad2: {
      const h = readOxmHeader(v, 16);
      if (!h?.field) throw malformed("reg_load2 names no field");
      const dst = parseFieldSlice(h.field.name)!;
      const at = 16 + h.size;
      return setTo(dst, readBig(v, at, h.valueSize), h.hasMask ? readBig(v, at + h.valueSize, h.valueSize) : undefined, h.field.needsVlan);
    }
    case NXAST.stackPush:
      return { kind: "push", src: fieldOf(r, 12, v.getUint16(10), v.getUint16(16)) };
    case NXAST.stackPop:
      return { kind: "pop", dst: fieldOf(r, 12, v.getUint16(10), v.getUint16(16)) };
    case NXAST.outputReg: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      return { kind: "outputField", src: fieldOf(r, 12, ofs, n) };
    }
    case NXAST.outputReg2: {
      const { ofs, n } = ofsNbits(v.getUint16(10));
      return { kind: "outputField", src: fieldOf(r, 14, ofs, n) };
    }
    case NXAST.outputTrunc:
      return { kind: "output", port: port16(v.getUint16(10)) };
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
        pause: false,
      };
    }
    case NXAST.controller2:
      return controller2(r);
    case NXAST.setMplsTtl:
      return setTo(parseFieldSlice("mpls_ttl")!, BigInt(v.getUint8(10)));
    case NXAST.setMplsLabel:
      return setTo(parseFieldSlice("mpls_label")!, BigInt(v.getUint32(12)));
    case NXAST.setMplsTc:
      return setTo(parseFieldSlice("mpls_tc")!, BigInt(v.getUint8(10)));
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
      return setTo(parseFieldSlice(h.field.name)!, 0n);
    }
    case NXAST.multipath: {
      const { ofs, n } = ofsNbits(v.getUint16(26));
      return { kind: "multipath", text: "multipath", links: v.getUint16(18) + 1, dst: fieldOf(r, 28, ofs, n) };
    }
    case NXAST.bundle:
    case NXAST.bundleLoad: {
      const { ofs, n } = ofsNbits(v.getUint16(22));
      const members = Array.from({ length: v.getUint16(20) }, (_, i) => v.getUint16(32 + 2 * i));
      const load = subtype === NXAST.bundleLoad;
      return {
        kind: "bundle",
        text: load ? "bundle_load" : "bundle",
        algorithm: v.getUint16(10) === 0 ? "active_backup" : "hrw",
        members,
        dst: load ? fieldOf(r, 24, ofs, n) : null,
      };
    }
    default: {
      const named = REMARKS[subtype];
      if (named) return { kind: "remark", name: named, text: named };
      const beyond = UNMODELLED[subtype];
      if (beyond) return { kind: "unmodelled", name: beyond, text: beyond };
      throw malformed(`there is no Nicira action ${subtype}`);
    }
  }
}

const REASONS: Record<number, string> = { 0: "no_match", 1: "action", 2: "invalid_ttl", 3: "action_set", 4: "group", 5: "packet_out" };
const REMARKS: Record<number, string> = {
  [NXAST.setQueue]: "set_queue",
  [NXAST.popQueue]: "pop_queue",
  [NXAST.note]: "note",
  [NXAST.finTimeout]: "fin_timeout",
  [NXAST.sample]: "sample",
  [NXAST.sample2]: "sample",
  [NXAST.sample3]: "sample",
  [NXAST.sample4]: "sample",
  [NXAST.learn]: "learn",
  [NXAST.learn2]: "learn",
};
const UNMODELLED: Record<number, string> = {
  [NXAST.pushMpls]: "push_mpls",
  [NXAST.popMpls]: "pop_mpls",
  [NXAST.decMplsTtl]: "dec_mpls_ttl",
  [NXAST.encap]: "encap",
  [NXAST.decap]: "decap",
  [NXAST.decNshTtl]: "dec_nsh_ttl",
};

function resubmit(inPort: number, table: number, withTuple: boolean): OvsAction {
  return { kind: "resubmit", inPort: inPort === PORT.inPort ? null : inPort, table: table === NO_TABLE ? null : table, ct: withTuple };
}

/** Properties: type, size, value, padded to 8 bytes. */
function controller2(r: Reader): OvsAction {
  const v = r.view;
  const out = { maxLen: 0xffff, id: 0, reason: "action", userdata: new Uint8Array(0), pause: false };
  for (let at = 16; at + 4 <= r.size; ) {
    const type = v.getUint16(at);
    const size = v.getUint16(at + 2);
    if (size < 4 || at + size > r.size) throw malformed(`a property of ${size} bytes`);
    if (type === 0) out.maxLen = v.getUint16(at + 4);
    else if (type === 1) out.id = v.getUint16(at + 4);
    else if (type === 2) out.reason = REASONS[v.getUint8(at + 4)] ?? "";
    else if (type === 3) out.userdata = Uint8Array.from({ length: size - 4 }, (_, i) => v.getUint8(at + 4 + i));
    else if (type === 4) out.pause = true;
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
