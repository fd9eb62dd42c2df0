/**
 * Reserved OpenFlow ports as 16-bit numbers, the form that OVS uses inside (include/openflow/openflow-1.0.h, OFPP_*;
 * OpenFlow 1.1 and later print the same ports as 0xffff0000 + number, see {@link port16}).
 */
export const PORT = {
  unset: 0xfff7,
  inPort: 0xfff8,
  table: 0xfff9,
  normal: 0xfffa,
  flood: 0xfffb,
  all: 0xfffc,
  controller: 0xfffd,
  local: 0xfffe,
  none: 0xffff,
} as const;

const BY_NAME = new Map<string, number>([
  ["UNSET", PORT.unset],
  ["IN_PORT", PORT.inPort],
  ["TABLE", PORT.table],
  ["NORMAL", PORT.normal],
  ["FLOOD", PORT.flood],
  ["ALL", PORT.all],
  ["CONTROLLER", PORT.controller],
  ["LOCAL", PORT.local],
  ["ANY", PORT.none],
  ["NONE", PORT.none],
]);

/** The number of a reserved port's name in any case, or undefined. */
export function reservedPort(name: string): number | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.toUpperCase());
}

/** The name of a reserved port as OVS prints it, or undefined. */
export function reservedName(port: number): string | undefined {
  for (const [name, n] of BY_NAME) if (n === port && name !== "NONE") return name;
  return undefined;
}

/** Folds an OpenFlow 1.1+ port number (32 bits) to 16 bits. */
export function port16(n: number): number {
  return n >= 0xffffff00 ? n & 0xffff : n;
}

/** Undoes the JSON quoting of names. */
export function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text.replace(/^"|"$/g, "");
  }
}
