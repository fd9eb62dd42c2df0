/**
 * OpenFlow 1.5 actions as bytes: what ovn-controller finds in the userdata of a packet that nested actions sent it
 * (lib/ofp-actions.c and include/openflow/nicira-ext.h of OVS).
 */
import type { PacketField } from "../expr/fields.js";
import type { OpenFlowAction, SubField } from "./openflow.js";

/** An action whose bytes are not known here. */
export class NoWireForm extends Error {}

const NICIRA = 0x00002320;
const EXPERIMENTER = 0xffff;
const OFPP_IN_PORT = 0xfff8;

/** Bytes put together in network order. */
export class Bytes {
  private readonly out: number[] = [];

  get length(): number {
    return this.out.length;
  }
  u8(...values: readonly number[]): this {
    for (const v of values) this.out.push(v & 0xff);
    return this;
  }
  u16(v: number): this {
    return this.u8(v >>> 8, v);
  }
  u32(v: number): this {
    return this.u8(v >>> 24, v >>> 16, v >>> 8, v);
  }
  big(v: bigint, bytes: number): this {
    for (let i = bytes - 1; i >= 0; i--) this.u8(Number((v >> BigInt(8 * i)) & 0xffn));
    return this;
  }
  text(s: string): this {
    return this.u8(...new TextEncoder().encode(s));
  }
  put(other: Uint8Array): this {
    return this.u8(...other);
  }
  /** Zeros up to a multiple of `to`. */
  pad(to: number): this {
    while (this.out.length % to !== 0) this.out.push(0);
    return this;
  }
  set8(at: number, v: number): this {
    this.out[at] = v & 0xff;
    return this;
  }
  get8(at: number): number {
    return this.out[at]!;
  }
  done(): Uint8Array {
    return Uint8Array.from(this.out);
  }
}

const bytesOf = (f: PacketField) => Math.ceil(f.bits / 8);

/** The OXM header of a field: class, number, length. */
export function oxmHeader(f: PacketField): number {
  return (f.header | bytesOf(f)) >>> 0;
}

/** The header of Nicira's own number for a field, which stack actions use. */
function nxmHeader(f: PacketField): number {
  return (f.nxmHeader | bytesOf(f)) >>> 0;
}

export function wireActions(actions: readonly OpenFlowAction[]): Uint8Array {
  const out = new Bytes();
  for (const a of actions) out.put(wireAction(a));
  return out.done();
}

/** With type and length before, and zeros up to eight bytes behind. */
function standard(type: number, body: Bytes): Uint8Array {
  const length = Math.ceil((body.length + 4) / 8) * 8;
  return new Bytes().u16(type).u16(length).put(body.done()).pad(8).done();
}
function nicira(subtype: number, body: Bytes): Uint8Array {
  return standard(EXPERIMENTER, new Bytes().u32(NICIRA).u16(subtype).put(body.done()));
}

function wireAction(a: OpenFlowAction): Uint8Array {
  switch (a.op) {
    case "resubmit":
      return nicira(14, new Bytes().u16(OFPP_IN_PORT).u8(a.table, 0, 0, 0));
    case "set_field": {
      const n = bytesOf(a.field);
      const exact = a.mask === (1n << BigInt(a.field.bits)) - 1n;
      const header = exact ? oxmHeader(a.field) : (a.field.header | 0x100 | (2 * n)) >>> 0;
      const body = new Bytes().u32(header).big(a.value, n);
      return standard(25, exact ? body : body.big(a.mask, n));
    }
    case "move":
      return standard(
        28,
        new Bytes().u16(a.dst.bits).u16(a.src.ofs).u16(a.dst.ofs).u16(0).u32(oxmHeader(a.src.field)).u32(oxmHeader(a.dst.field)),
      );
    case "push":
    case "pop":
      return nicira(a.op === "push" ? 27 : 28, new Bytes().u16(a.field.ofs).u32(nxmHeader(a.field.field)).u16(a.field.bits).u32(0).u16(0));
    case "dec_ttl":
      return standard(24, new Bytes().u32(0));
    case "group":
      return standard(22, new Bytes().u32(a.id));
    case "meter":
      return standard(29, new Bytes().u32(a.id));
    case "set_queue":
      return standard(21, new Bytes().u32(a.queue));
    case "ct_clear":
      return nicira(43, new Bytes().u16(0).u32(0));
    case "note":
      return nicira(8, new Bytes().put(a.bytes));
    case "clone":
      return nicira(42, new Bytes().u16(0).u32(0).put(wireActions(a.actions)));
    case "controller":
      return nicira(37, controllerBody(a.userdata, a.pause));
    case "ct":
      return ctWire(a);
    case "check_pkt_larger":
    case "other":
      throw new NoWireForm(`no wire form of ${a.op}`);
  }
}

function controllerBody(userdata: Uint8Array, pause: boolean): Bytes {
  const body = new Bytes().u16(0).u32(0);
  // Properties: userdata (3) and pause (4), each up to eight bytes.
  body.put(
    new Bytes()
      .u16(3)
      .u16(4 + userdata.length)
      .put(userdata)
      .pad(8)
      .done(),
  );
  if (pause) body.put(new Bytes().u16(4).u16(4).pad(8).done());
  return body;
}

function zoneBits({ ofs, bits }: SubField): number {
  return (ofs << 6) | (bits - 1);
}

function ctWire(a: Extract<OpenFlowAction, { op: "ct" }>): Uint8Array {
  if (a.nat && a.nat.type !== "existing") throw new NoWireForm("no wire form of a translation to an address");
  const body = new Bytes()
    .u16(a.commit ? 1 : 0)
    .u32(oxmHeader(a.zone.field))
    .u16(zoneBits(a.zone))
    .u8(a.table ?? 0xff, 0, 0, 0)
    .u16(0);
  if (a.nat) body.put(nicira(36, new Bytes().u16(0).u16(0).u16(0)));
  body.put(wireActions(a.exec));
  return nicira(35, body);
}
