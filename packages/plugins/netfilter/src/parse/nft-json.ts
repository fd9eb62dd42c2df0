/**
 * `nft -j list ruleset`: each statement is written out as nft's text and read by the text form's reader, so that the two
 * forms cannot mean different things.
 *
 * JSON is the poorer evidence: iptables-nft's targets are names only (`{"xt": …}`), and it has no lines. A rule's line is
 * that of its `"rule"` key; nft prints all on the first.
 * Source: libnftables-json(5).
 */
import type { BaseChain, ChainAst, Family, HookName, NamedSet, TableAst } from "../ast.js";
import type { Complain } from "./iptables.js";
import { Cursor, NotUnderstood, tokens } from "./nft-lex.js";
import { parseRule, targetOf } from "./nft-rule.js";
import { braced } from "./nft-sets.js";
import { elementsOf } from "./nft-text.js";
import { HOOK_NAMES, type Kind, kindOfType } from "./nft-values.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [k: string]: Json };
type JsonObject = { readonly [k: string]: Json };

const isObject = (j: Json | undefined): j is JsonObject => typeof j === "object" && j !== null && !Array.isArray(j);
const isList = (j: Json | undefined): j is readonly Json[] => Array.isArray(j);
const text = (j: Json | undefined): string => (typeof j === "string" ? j : typeof j === "number" ? String(j) : "");

/** Something that has no text form here; the rule's reader will say that it does not understand it. */
const strange = (j: Json): string => `json-${JSON.stringify(JSON.stringify(j))}`;

const word = (s: string) => (/^[^\s{}(),;"]+$|^0x[0-9a-f]+ \[invalid type\]$/.test(s) ? s : JSON.stringify(s));

/** An expression as nft prints it. */
function expression(j: Json): string {
  if (typeof j === "string") return word(j);
  if (typeof j === "number") return String(j);
  if (typeof j === "boolean") return j ? "exists" : "missing";
  if (isList(j)) return j.map(expression).join(", ");
  if (!isObject(j)) return strange(j);
  const [kind] = Object.keys(j);
  const v = j[kind];
  switch (kind) {
    case "prefix":
      return isObject(v) ? `${expression(v["addr"])}/${text(v["len"])}` : strange(j);
    case "range":
      return isList(v) ? v.map(expression).join("-") : strange(j);
    case "concat":
      return isList(v) ? v.map(expression).join(" . ") : strange(j);
    case "set":
      return `{ ${(isList(v) ? v : [v]).map(element).join(", ")} }`;
    case "elem":
      return isObject(v) ? expression(v["val"]) : strange(j);
    case "map":
      return isObject(v) ? `${expression(v["key"])} map ${expression(v["data"])}` : strange(j);
    case "|":
    case "&":
    case "^":
      return isList(v) ? (kind === "|" ? `(${v.map(expression).join(" | ")})` : v.map(expression).join(` ${kind} `)) : strange(j);
    case "meta":
      return isObject(v) ? `meta ${text(v["key"])}` : strange(j);
    case "ct":
      return isObject(v) ? ["ct", text(v["dir"]), text(v["family"]), text(v["key"])].filter(Boolean).join(" ") : strange(j);
    case "payload":
      return isObject(v)
        ? v["protocol"]
          ? `${text(v["protocol"])} ${text(v["field"])}`
          : `@${text(v["base"])},${text(v["offset"])},${text(v["len"])}`
        : strange(j);
    case "fib":
      return isObject(v)
        ? `fib ${(isList(v["flags"]) ? v["flags"] : [v["flags"]]).map(text).join(" . ")} ${text(v["result"])}`
        : strange(j);
    case "numgen":
      return isObject(v)
        ? `numgen ${text(v["mode"])} mod ${text(v["mod"])}${v["offset"] ? ` offset ${text(v["offset"])}` : ""}`
        : strange(j);
    case "jhash":
      return isObject(v)
        ? `jhash ${expression(v["expr"])} mod ${text(v["mod"])}${v["offset"] ? ` offset ${text(v["offset"])}` : ""}`
        : strange(j);
    case "socket":
      return isObject(v) ? `socket ${text(v["key"])}` : strange(j);
    case "rt":
      return isObject(v) ? ["rt", text(v["family"]), text(v["key"])].filter(Boolean).join(" ") : strange(j);
    case "osf":
      return isObject(v) ? `osf ${v["ttl"] ? `ttl ${text(v["ttl"])} ` : ""}${text(v["key"])}` : strange(j);
    case "tcp option":
      return isObject(v) ? ["tcp option", text(v["name"]), text(v["field"])].filter(Boolean).join(" ") : strange(j);
    case "exthdr":
      return isObject(v)
        ? v["field"] === undefined
          ? `exthdr ${text(v["name"])}`
          : `exthdr ${text(v["name"])}.${text(v["field"])}`
        : strange(j);
    case "symhash":
      return isObject(v) ? `symhash mod ${text(v["mod"])}${v["offset"] ? ` offset ${text(v["offset"])}` : ""}` : strange(j);
    case "accept":
    case "drop":
    case "return":
    case "continue":
      return kind;
    case "jump":
    case "goto":
      return isObject(v) ? `${kind} ${word(text(v["target"]))}` : strange(j);
    default:
      return strange(j);
  }
}

/** An element of a set, or a pair of a map. */
function element(j: Json): string {
  return isList(j) && j.length === 2 ? `${expression(j[0])} : ${expression(j[1])}` : expression(j);
}

function flags(v: JsonObject): string {
  const f = v["flags"];
  return f === undefined ? "" : ` ${(isList(f) ? f : [f]).map(text).join(",")}`;
}

/** A statement as nft prints it. */
function statement(j: Json): string {
  if (!isObject(j)) return strange(j);
  const [kind] = Object.keys(j);
  const v = j[kind];
  switch (kind) {
    case "match": {
      if (!isObject(v)) return strange(j);
      const op = text(v["op"]);
      return [expression(v["left"]), op === "in" ? "" : op, expression(v["right"])].filter(Boolean).join(" ");
    }
    case "flow":
      return isObject(v) ? `flow ${text(v["op"])} ${text(v["flowtable"])}` : kind;
    case "queue":
    case "dup":
      return kind;
    case "tproxy":
      return isObject(v)
        ? `tproxy ${v["family"] ? `${text(v["family"])} ` : ""}to ${v["addr"] === undefined ? "" : expression(v["addr"])}${v["port"] === undefined ? "" : `:${expression(v["port"])}`}`
        : strange(j);
    case "ct helper":
    case "ct timeout":
    case "ct expectation":
      return `${kind} set ${JSON.stringify(text(v))}`;
    case "last":
      return "last";
    case "counter":
    case "log":
      return kind === "log" && isObject(v) && v["prefix"] !== undefined ? `log prefix ${JSON.stringify(text(v["prefix"]))}` : kind;
    case "limit":
      if (typeof v === "string") return `limit name ${word(v)}`;
      return isObject(v) ? `limit rate ${v["inv"] ? "over " : ""}${text(v["rate"])}/${text(v["per"])}` : "limit";
    case "quota":
      return "quota";
    case "ct count":
      return isObject(v) ? `ct count ${v["inv"] ? "over " : ""}${text(v["val"])}` : strange(j);
    case "mangle":
      return isObject(v) ? `${expression(v["key"])} set ${expression(v["value"])}` : strange(j);
    case "vmap":
      return isObject(v) ? `${expression(v["key"])} vmap ${expression(v["data"])}` : strange(j);
    case "notrack":
      return kind;
    case "masquerade":
    case "redirect":
      return isObject(v) ? `${kind}${v["port"] === undefined ? "" : ` to :${expression(v["port"])}`}${flags(v)}` : kind;
    case "snat":
    case "dnat":
      return isObject(v) ? nat(kind, v) : strange(j);
    case "reject":
      if (!isObject(v) || v["type"] === undefined) return kind;
      return v["type"] === "tcp reset"
        ? "reject with tcp reset"
        : `reject with ${text(v["type"])} ${expression(v["expr"] ?? "port-unreachable")}`;
    case "set":
      return isObject(v) ? `${text(v["op"])} ${text(v["set"])} { ${expression(v["elem"])} }` : strange(j);
    case "xt":
      return isObject(v) ? `xt ${text(v["type"])} ${JSON.stringify(text(v["name"]))}` : strange(j);
    case "accept":
    case "drop":
    case "return":
    case "continue":
    case "jump":
    case "goto":
      return expression(j);
    default:
      return strange(j);
  }
}

function nat(kind: string, v: JsonObject): string {
  const family = text(v["family"]);
  const types = v["type_flags"];
  const concat = (isList(types) ? types : [types]).some((t) => t === "concat");
  const head = [kind, family, concat ? "addr . port" : "", "to"].filter(Boolean).join(" ");
  const addr = v["addr"];
  const port = v["port"];
  const mapped = isObject(addr) && "map" in addr;
  let to = addr === undefined ? "" : expression(addr);
  if (port !== undefined) {
    if (mapped) return strange({ [kind]: v });
    to = to.includes(":") ? `[${to.replace("-", "]-[")}]:${expression(port)}` : `${to}:${expression(port)}`;
  }
  return `${head} ${to}${flags(v)}`;
}

/** Lines of the `"rule"` keys, in order. */
function ruleLines(source: string): number[] {
  const out: number[] = [];
  let line = 1;
  let from = 0;
  for (const m of source.matchAll(/"rule"\s*:\s*\{/g)) {
    for (let i = from; i < m.index; i++) if (source.charCodeAt(i) === 10) line++;
    from = m.index;
    out.push(line);
  }
  return out;
}

/** `ct original saddr` without a family, as nft takes it in tables of one family and prints it in JSON alone. */
function withFamily(j: Json, family: Family): Json {
  if (family !== "ip" && family !== "ip6") return j;
  if (isList(j)) return j.map((x) => withFamily(x, family));
  if (!isObject(j)) return j;
  const ct = j["ct"];
  if (isObject(ct) && ct["dir"] !== undefined && ct["family"] === undefined && (ct["key"] === "saddr" || ct["key"] === "daddr"))
    return { ct: { ...ct, family } };
  return Object.fromEntries(Object.entries(j).map(([k, v]) => [k, withFamily(v, family)]));
}

export function parseNftJson(source: string, complain: Complain): TableAst[] | null {
  let root: Json;
  try {
    root = JSON.parse(source) as Json;
  } catch (e) {
    complain("error", 1, `not JSON: ${e instanceof Error ? e.message : String(e)}`, "The dump may be cut off; collect it again.");
    return null;
  }
  const list = isObject(root) ? root["nftables"] : undefined;
  if (!isList(list)) {
    complain("error", 1, "no 'nftables' list in it", "Collect `nft -j list ruleset`.");
    return null;
  }
  const lines = ruleLines(source);
  const tables: { -readonly [K in keyof TableAst]: TableAst[K] }[] = [];
  const tableOf = (o: JsonObject) => tables.find((t) => t.family === text(o["family"]) && t.name === text(o["table"]));
  let rule = 0;
  for (const item of list) {
    if (!isObject(item)) continue;
    const [kind] = Object.keys(item);
    const o = item[kind];
    if (!isObject(o)) continue;
    if (kind === "table") {
      const f = o["flags"];
      const dormant = (isList(f) ? f : [f]).some((x) => x === "dormant");
      tables.push({
        family: text(o["family"]) as Family,
        name: text(o["name"]),
        chains: [],
        sets: [],
        source: "nft",
        line: 1,
        variant: "",
        whole: true,
        cut: false,
        dormant,
      });
      continue;
    }
    const table = tableOf(o);
    if (!table) continue;
    if (kind === "chain") table.chains.push(chainOf(o, complain));
    else if (kind === "set" || kind === "map") table.sets.push(setOf(o, kind === "map", complain));
    else if (kind === "rule") {
      const line = lines[rule++] ?? 1;
      const expr = o["expr"];
      const spelled = (isList(expr) ? expr : []).map((e) => statement(withFamily(e, table.family))).join(" ");
      const name = text(o["chain"]);
      const parsed = parseRule({
        list: tokens(spelled, line),
        command: `nft -a list chain ${table.family} ${table.name} ${name}`,
      });
      if (parsed.why !== null)
        complain("warning", line, `rule ${parsed.why}`, "Packets that match what stands before it end as unknown here.");
      const chain = table.chains.find((c) => c.name === name);
      chain?.rules.push({ line, text: JSON.stringify(item), target: targetOf(parsed.statements), statements: parsed.statements });
    }
  }
  return tables;
}

function chainOf(o: JsonObject, complain: Complain): ChainAst {
  const hook = text(o["hook"]);
  let base: BaseChain | null = null;
  if (hook !== "") {
    const type = text(o["type"]);
    if (HOOK_NAMES.has(hook) && (type === "filter" || type === "nat" || type === "route") && typeof o["prio"] === "number")
      base = { type, hook: hook as HookName, priority: o["prio"], policy: o["policy"] === "drop" ? "drop" : "accept" };
    else complain("error", 1, `the hook of chain ${text(o["name"])} is not understood`, "The chain is not evaluated.");
  }
  return { name: text(o["name"]), line: 1, text: JSON.stringify({ chain: o }), base, rules: [] };
}

function typeKinds(j: Json | undefined): Kind[] | null {
  // A map's data type is one string, "ipv4_addr . inet_service"; a key's is a list.
  const names = (isList(j) ? j : [j]).flatMap((n) => text(n).split(" . "));
  const kinds = names.map((n) => kindOfType(n));
  return kinds.some((k) => k === null) ? null : (kinds as Kind[]);
}

function setOf(o: JsonObject, isMap: boolean, complain: Complain): NamedSet {
  const name = text(o["name"]);
  const f = o["flags"];
  const dynamic = (isList(f) ? f : [f]).some((x) => x === "dynamic" || x === "timeout");
  const set: { -readonly [K in keyof NamedSet]: NamedSet[K] } = { name, line: 1, tuples: [], dynamic };
  const kinds = typeKinds(o["type"]);
  const data = !isMap ? null : o["map"] === "verdict" ? "verdict" : typeKinds(o["map"]);
  const fail = (why: string) => {
    set.unreadable = why;
    complain("warning", 1, `${isMap ? "map" : "set"} ${name}: ${why}`, "What is asked of it becomes unknown.");
  };
  if (dynamic) set.unreadable = "its elements come and go with the traffic";
  else if (kinds === null || (isMap && data === null)) fail("its type is not known");
  else {
    const elements = o["elem"];
    const spelled = `{ ${(isList(elements) ? elements : []).map(element).join(", ")} }`;
    try {
      const read = elementsOf(braced(new Cursor(tokens(spelled, 1))), kinds, isMap, data);
      if (typeof read === "string") fail(read);
      else Object.assign(set, read);
    } catch (e) {
      if (!(e instanceof NotUnderstood)) throw e;
      fail(e.message);
    }
  }
  return set;
}
