/**
 * Symbols and fields: what the names in expressions and actions stand for (include/ovn/expr.h of OVN).
 */
import type { Slice } from "@plumbline/model";

/**
 * Measurement level. Nominal fields can be compared for equality only, as OpenFlow matches them whole; a boolean's order means
 * nothing; an ordinal field takes masks and ranges.
 */
export type Level = "nominal" | "boolean" | "ordinal";
export const LEVELS: readonly Level[] = ["nominal", "boolean", "ordinal"];

/** Where a field may be written: in ordinary actions, or in those nested in `ct_commit`. */
export type WriteScope = "default" | "ct_commit";

/** A field of the packet that symbols stand for. */
export interface PacketField {
  /** Where it lives in a packet's row. */
  readonly slice: Slice;
  /** OpenFlow's name in actions of OpenFlow 1.0: `NXM_OF_ETH_DST`. */
  readonly nxm: string;
  /** Its name in OpenFlow 1.5: `OXM_OF_ETH_DST`. */
  readonly oxm: string;
  /** Its name in `set_field`: `eth_dst`. */
  readonly name: string;
  readonly bits: number;
  readonly maskable: boolean;
  readonly writable: boolean;
  /** Number of the header in OXM's class, for nested actions sent over the wire: 0x80000606 without mask bit and length. */
  readonly header: number;
  /** The same of OpenFlow 1.0's extensions, where the field has a number there. */
  readonly nxmHeader: number;
}

export interface LogicalSymbol {
  readonly name: string;
  /** Bits; 0 for a string. */
  readonly width: number;
  readonly level: Level;
  /** An expression that must hold as well wherever the symbol is used. */
  readonly prereqs: string | undefined;
  /** Part of another symbol. */
  readonly parent: { readonly symbol: LogicalSymbol; readonly ofs: number } | undefined;
  readonly predicate: string | undefined;
  readonly field: PacketField | undefined;
  /** A field that no OpenFlow field holds (`icmp4.frag_mtu`): it can only be set, by way of ovn-controller. */
  readonly controllerField: boolean;
  /** Rows are multiplied out by this field rather than made conjunctive flows. */
  readonly mustCrossproduct: boolean;
  readonly writable: ReadonlySet<WriteScope>;
}

/** A symbol, or some of its bits. */
export interface FieldRef {
  readonly symbol: LogicalSymbol;
  readonly ofs: number;
  /** 0 for strings. */
  readonly bits: number;
}

/** Symbols by name. */
export interface SymbolSource {
  find(name: string): LogicalSymbol | undefined;
}

/** The bits of a packet that a reference means. */
export function resolveField(f: FieldRef): { field: PacketField; ofs: number; bits: number } {
  let { symbol, ofs } = f;
  while (symbol.parent) {
    ofs += symbol.parent.ofs;
    symbol = symbol.parent.symbol;
  }
  if (!symbol.field) throw new Error(`${symbol.name} is no field of the packet`);
  return { field: symbol.field, ofs, bits: symbol.width > 0 ? f.bits : symbol.field.bits };
}

/** The bits of a packet's row that a reference means. */
export function resolveSlice(f: FieldRef): Slice {
  const { field, ofs, bits } = resolveField(f);
  return { field: field.slice.field, ofs: field.slice.ofs + ofs, n: bits };
}

/** Why a field cannot stand where one of `bits` bits (0: a string), writable in `write` if given, is needed; undefined if it can. */
export function fieldComplaint(f: FieldRef, bits: number, write?: WriteScope): string | undefined {
  const name = f.symbol.name;
  if (bits !== f.bits) {
    if (bits > 0 && f.bits > 0)
      return `Cannot use ${f.bits}-bit field ${name}[${f.ofs}..${f.ofs + f.bits - 1}] where ${bits}-bit field is required.`;
    return bits > 0
      ? `Cannot use string field ${name} where numeric field is required.`
      : `Cannot use numeric field ${name} where string field is required.`;
  }
  return write !== undefined && !f.symbol.writable.has(write) ? `Field ${name} is not modifiable.` : undefined;
}
