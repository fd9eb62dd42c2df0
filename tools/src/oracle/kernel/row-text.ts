/** Packets as text: their header fields, `eth_type=0x800,ip_src=…`, as questions and case files have them. */
import { FIELDS, findField, formatValue, getBig, newRow, parseValue, type Row, set } from "@plumbline/model";

const HEADER = FIELDS.filter((f) => (f.cls === "header" || f.cls === "inner") && !/^xx?reg/.test(f.name));

export function rowText(row: Row): string {
  return HEADER.filter((f) => getBig(row, f.name) !== 0n)
    .map((f) => `${f.name}=${formatValue(f, getBig(row, f.name))}`)
    .join(",");
}

export function rowFromText(text: string): Row {
  const row = newRow();
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const f = findField(part.slice(0, at));
    const v = f ? parseValue(f, part.slice(at + 1)) : null;
    if (!f || v === null) throw new Error(`not a field of a packet: '${part}'`);
    set(row, f.name, v);
  }
  return row;
}
