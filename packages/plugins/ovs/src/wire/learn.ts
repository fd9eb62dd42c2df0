/** The bytes of `learn` (lib/ofp-actions.c: struct nx_action_learn, nx_action_learn2, decode_LEARN_common). */
import type { FieldSlice, LearnSpec, OvsAction } from "../ast.js";
import { readBig } from "./oxm.js";
import { fieldOf, malformed, type Reader } from "./reader.js";

const FLAGS = { sendFlowRem: 1, deleteLearned: 2, writeResult: 4 } as const;
/** A part's header: width in the low bits, an immediate value, what becomes of it. */
const SPEC = { bits: 0x7ff, immediate: 1 << 13, destination: 3 << 11, match: 0, load: 1 << 11, output: 2 << 11 } as const;

export function decodeLearn(r: Reader, second: boolean): OvsAction {
  const v = r.view;
  const flags = v.getUint16(24);
  let at = second ? 40 : 32;
  let resultDst: FieldSlice | null = null;
  if (second && (flags & FLAGS.writeResult) !== 0) {
    const f = fieldOf(r, at, v.getUint16(36), 1);
    resultDst = f;
    at += f.headerSize;
  }
  const specs: LearnSpec[] = [];
  while (at + 2 <= r.size) {
    const header = v.getUint16(at);
    at += 2;
    if (header === 0) break;
    const bits = header & SPEC.bits;
    let value: bigint | null = null;
    let src: FieldSlice | null = null;
    if ((header & SPEC.immediate) !== 0) {
      const size = 2 * Math.ceil(bits / 16);
      value = readBig(v, at, size);
      at += size;
    } else {
      const f = field(r, at, bits);
      src = f.slice;
      at = f.end;
    }
    const destination = header & SPEC.destination;
    if (destination === SPEC.output) {
      if (src) specs.push({ kind: "output", src });
      continue;
    }
    const dst = field(r, at, bits);
    at = dst.end;
    if (destination === SPEC.match)
      specs.push(src ? { kind: "matchField", dst: dst.slice, src } : { kind: "matchValue", dst: dst.slice, value: value! });
    else if (destination === SPEC.load)
      specs.push(src ? { kind: "loadField", dst: dst.slice, src } : { kind: "loadValue", dst: dst.slice, value: value! });
    else throw malformed("a part of learn that is not known");
  }
  return {
    kind: "learn",
    table: v.getUint8(26),
    priority: v.getUint16(14),
    cookie: v.getBigUint64(16),
    idleTimeout: v.getUint16(10),
    hardTimeout: v.getUint16(12),
    finIdleTimeout: v.getUint16(28),
    finHardTimeout: v.getUint16(30),
    sendFlowRem: (flags & FLAGS.sendFlowRem) !== 0,
    deleteLearned: (flags & FLAGS.deleteLearned) !== 0,
    limit: second ? v.getUint32(32) : 0,
    resultDst,
    specs,
  };
}

/** A field's header, then the lowest bit of it. */
function field(r: Reader, at: number, bits: number): { slice: FieldSlice; end: number } {
  const { headerSize } = fieldOf(r, at, 0, 1);
  const { headerSize: _, ...slice } = fieldOf(r, at, r.view.getUint16(at + headerSize), bits);
  return { slice, end: at + headerSize + 2 };
}
