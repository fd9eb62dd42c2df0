/**
 * `snat`, `dnat`, `masquerade` and `redirect`, with addresses, port ranges and maps.
 */
import type { MapKey, Statement } from "../ast.js";
import { type Cursor, NotUnderstood } from "./nft-lex.js";
import { lottery, selectorList } from "./nft-selectors.js";
import { braced, dataElements } from "./nft-sets.js";
import { type Kind, kindOf } from "./nft-values.js";
import { address, network, portRange } from "./values.js";

const NAT_FLAGS = ["random", "fully-random", "persistent", ","];

function natFlags(c: Cursor): boolean {
  let random = false;
  for (let f = c.take(...NAT_FLAGS); f; f = c.take(...NAT_FLAGS)) if (f === "random" || f === "fully-random") random = true;
  return random;
}

/** `masquerade to :1024-2048 random`, `redirect to :8080`. */
export function interfaceNat(c: Cursor, word: "masquerade" | "redirect"): Statement[] {
  c.next();
  let port = null;
  if (c.take("to")) {
    const mapped = c.peek().startsWith(":") ? portMap(c, word) : null;
    if (mapped) return mapped;
    const text = c.next().text;
    port = portRange(text.replace(/^:/, ""), "-");
    if (!port) throw new NotUnderstood(`'${text}' behind '${word} to'`);
  }
  const random = natFlags(c);
  return [{ s: "nat", type: word === "masquerade" ? "src" : "dst", to: word, address: null, port, family: "", random }];
}

/** `redirect to :KEY map @m`, the colon with or without a blank behind it; null, and the cursor where it was, if it is none. */
function portMap(c: Cursor, word: "masquerade" | "redirect"): Statement[] | null {
  const start = c.position;
  c.splitColon();
  const drawn = lottery(c);
  const implied: Statement[] = [];
  const key: MapKey | null = drawn ? { lottery: drawn } : mapKey(c, implied);
  if (!key || c.take("map") === null) {
    c.seek(start);
    return null;
  }
  const kinds: Kind[] = "lottery" in key ? ["number"] : key.selectors.map(kindOf);
  const shared = { s: "natMap", type: word === "masquerade" ? "src" : "dst", to: word, family: "", key, fields: ["port"] } as const;
  if (c.peek().startsWith("@")) {
    const map = { name: c.next().text.slice(1) };
    natFlags(c);
    return [...implied, { ...shared, map }];
  }
  const elements = dataElements(braced(c), kinds, ["port"]);
  if (typeof elements === "string") throw new NotUnderstood(elements);
  natFlags(c);
  return [...implied, { ...shared, map: { elements } }];
}

/** `dnat ip to 192.0.2.1:80`, `dnat ip addr . port to KEY map @m`. */
export function natStatement(c: Cursor, word: "snat" | "dnat"): Statement[] {
  c.next();
  const type = word === "snat" ? "src" : "dst";
  let family = (c.take("ip", "ip6") ?? "") as "ip" | "ip6" | "";
  if (c.peek() === "prefix") throw new NotUnderstood(`'${word} prefix'`);
  let fields: ("address" | "port")[] | null = null;
  if (c.take("addr")) {
    fields = ["address"];
    if (c.take(".")) {
      c.expect("port");
      fields.push("port");
    }
  }
  c.expect("to");
  const drawn = lottery(c);
  const implied: Statement[] = [];
  const key: MapKey | null = drawn ? { lottery: drawn } : mapKey(c, implied);
  if (key) {
    const colonPort = fields === null && !c.done && c.peek() === ":";
    if (colonPort) throw new NotUnderstood(`'${c.rest()}' behind '${word} to'`);
    c.expect("map");
    const kinds: Kind[] = "lottery" in key ? ["number"] : key.selectors.map(kindOf);
    if (c.peek().startsWith("@")) {
      const name = c.next().text.slice(1);
      natFlags(c);
      return [...implied, { s: "natMap", type, to: "given", family, key, map: { name }, fields: fields ?? [] }];
    }
    const elements = dataElements(braced(c), kinds, null);
    if (typeof elements === "string") throw new NotUnderstood(elements);
    natFlags(c);
    return [
      ...implied,
      {
        s: "natMap",
        type,
        to: "given",
        family,
        key,
        map: { elements },
        fields: fields ?? (elements[0]?.data.length === 2 ? ["address", "port"] : ["address"]),
      },
    ];
  }
  const text = c.next().text;
  const where = natAddress(text);
  if (!where) throw new NotUnderstood(`'${text}' behind '${word} to'`);
  if (where.family !== "") family = where.family;
  return [{ s: "nat", type, to: "given", address: where.address, port: where.port, family, random: natFlags(c) }];
}

/** `192.0.2.1:80`, `192.0.2.1-192.0.2.9`, `:8080-8090`, `[2001:db8::1]:80`. */
function natAddress(
  text: string,
): { address: { lo: bigint; hi: bigint } | null; port: { lo: number; hi: number } | null; family: "ip" | "ip6" | "" } | null {
  const m = /^(?:\[([^\]]+)\](?:-\[([^\]]+)\])?|([^:[\]]*)|([^[\]]*:[^[\]]*:[^[\]]*))(?::([\w-]+))?$/.exec(text);
  if (!m) return null;
  const hosts = m[1] !== undefined ? (m[2] ? `${m[1]}-${m[2]}` : m[1]) : (m[3] ?? m[4]);
  const port = m[5] === undefined ? null : portRange(m[5], "-");
  if (m[5] !== undefined && !port) return null;
  if (hosts === "") return port ? { address: null, port, family: "" } : null;
  if (hosts.includes("/")) return null;
  const n = network(hosts);
  return n?.value.k === "range" ? { address: { lo: n.value.lo, hi: n.value.hi }, port, family: n.family === 4 ? "ip" : "ip6" } : null;
}

/** Selectors before `map` or `vmap`; null if something else stands there. What they need (`tcp dport`: TCP) is added to `implied`. */
export function mapKey(c: Cursor, implied: Statement[]): MapKey | null {
  const start = c.position;
  if (address(c.peek()) || /^\d/.test(c.peek())) return null;
  const s = selectorList(c);
  if (s && (c.peek() === "map" || c.peek() === "vmap")) {
    implied.push(...s.implied);
    return { selectors: s.selectors };
  }
  c.seek(start);
  return null;
}
