/**
 * `ct(...)` and its `nat(...)` (ovs-actions(7); lib/ofp-actions.c, parse_CT and parse_NAT).
 */
import { ipv4Number, ipv6Number } from "@plumbline/model";
import type { CtSpec, NatSpec, OvsAction } from "../ast.js";
import { BadArgument, bad, shorten } from "./badArgument.js";
import type { MatchOptions } from "./match.js";
import { tableFromText } from "./names.js";
import { unsigned } from "./numbers.js";
import { keyValues } from "./scan.js";
import { parseSubfield } from "./setField.js";

const ALGS = new Set(["ftp", "tftp"]);

/** @param actions parses the list of `exec`; `at` is its column in `text` */
export function parseCt(text: string, o: MatchOptions, actions: (text: string, at: number) => OvsAction[]): CtSpec {
  let commit = false;
  let force = false;
  let zone: CtSpec["zone"] = 0;
  let table: CtSpec["table"] = null;
  let nat: NatSpec | null = null;
  let exec: OvsAction[] = [];
  let alg = "";
  for (const kv of keyValues(text)) {
    const { key } = kv;
    const value = kv.value ?? "";
    if (kv.open && !o.strict) bad(`'${shorten(text.slice(kv.at))}' is cut off`);
    if (key === "commit") commit = true;
    else if (key === "force") force = true;
    else if (key === "nat") nat = parseNat(value);
    else if (key === "table") {
      table = tableFromText(value, o.names);
      if (table === null) bad(`unknown table ${value}`);
      if (table === 255) bad("invalid table 0xff");
    } else if (key === "alg") {
      if (!ALGS.has(value) && (o.strict || !/^\d+$/.test(value))) bad(`invalid conntrack helper "${value}"`);
      alg = value;
    } else if (key === "zone") zone = parseZone(value, o);
    else if (key === "exec") {
      exec = actions(value, kv.valueAt);
      const odd = exec.find((a) => a.kind !== "setField" && a.kind !== "move" && a.kind !== "bad");
      if (odd && !o.strict) bad(`'${shorten(value)}' is not allowed in exec()`);
    } else bad(`invalid argument to "ct" action: \`${key}'`);
  }
  if (force && !commit) bad('"force" flag requires "commit" flag.');
  return { kind: "ct", commit, force, zone, table, nat, exec, alg };
}

function parseZone(text: string, o: MatchOptions): CtSpec["zone"] {
  try {
    return unsigned(text, "zone", 0xffff);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return parseSubfield(text, o);
  }
}

const FLAGS = ["persistent", "hash", "random"] as const;

/** The inside of `nat(...)`; "" for `nat` alone. */
export function parseNat(text: string): NatSpec {
  let src = false;
  let dst = false;
  let range: Range = { family: 4 };
  const flags = new Set<string>();
  for (const { key, value } of keyValues(text)) {
    if (key === "src" || key === "dst") {
      if (key === "src") src = true;
      else dst = true;
      if (value !== null && value !== "") range = parseRange(value);
    } else if ((FLAGS as readonly string[]).includes(key)) flags.add(key);
    else bad(`invalid key "${key}" in "nat" argument`);
  }
  if (src && dst) bad('May only specify one of "src" or "dst".');
  if (!src && !dst && flags.size > 0) bad('Flags allowed only with "src" or "dst".');
  if (flags.has("hash") && flags.has("random")) bad('Both "hash" and "random" are not allowed.');
  return { type: src ? "src" : dst ? "dst" : "existing", ...range, flags: FLAGS.filter((f) => flags.has(f)) };
}

type Range = Pick<NatSpec, "family" | "min" | "max" | "portMin" | "portMax">;

/** `192.0.2.1`, `192.0.2.1-192.0.2.9:1024-2047`, `[2001:db8::1]:80`, `2001:db8::1-2001:db8::9`. */
function parseRange(text: string): Range {
  const wrong = (): never => bad(`invalid nat range "${text}"`);
  const garbage = (rest: string): never => bad(`garbage (${rest}) after nat range "${text}" (pos: ${text.length - rest.length})`);
  const one = (s: string): { family: 4 | 6; value: bigint; rest: string } | null => {
    const v4 = /^\d{1,3}(?:\.\d{1,3}){3}/.exec(s);
    const n4 = v4 && ipv4Number(v4[0]);
    if (v4 && n4 !== null) return { family: 4, value: BigInt(n4), rest: s.slice(v4[0].length) };
    const v6 = /^\[([0-9a-fA-F:.]+)\]|^([0-9a-fA-F:.]+)/.exec(s);
    const n6 = v6 && ipv6Number(v6[1] ?? v6[2]);
    return v6 && n6 !== null ? { family: 6, value: n6, rest: s.slice(v6[0].length) } : null;
  };
  const first = one(text);
  if (!first) return garbage(text);
  const out: { family: 4 | 6; min: bigint; max: bigint; portMin?: number; portMax?: number } = {
    family: first.family,
    min: first.value,
    max: first.value,
  };
  let { rest } = first;
  if (rest[0] === "-") {
    const last = one(rest.slice(1));
    if (!last || last.family !== first.family || last.value < first.value) return wrong();
    out.max = last.value;
    rest = last.rest;
  }
  if (rest[0] === ":") {
    const ports = /^:(\d+)(?:-(\d+))?/.exec(rest);
    if (!ports || Number(ports[1]) > 0xffff || Number(ports[2] ?? 0) > 0xffff) return wrong();
    out.portMin = Number(ports[1]);
    out.portMax = Number(ports[2] ?? ports[1]);
    if (out.portMax < out.portMin) return wrong();
    rest = rest.slice(ports[0].length);
  }
  return rest === "" ? out : garbage(rest);
}
