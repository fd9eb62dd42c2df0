/**
 * `show running-config` and frr.conf: `router bgp` with its neighbours and address families, prefix lists and route maps: what decides
 * whether a prefix is announced or taken. Other lines are not looked at.
 */
import type { ReadContext } from "@plumbline/model";
import type {
  ConfigFamily,
  ConfigNeighbour,
  ConfigNeighbourFamily,
  ConfigRouterFact,
  PrefixListFact,
  RouteMapFact,
} from "./private-facts.js";

const IPV4 = "ipv4 unicast";

interface Open {
  readonly router?: ConfigRouterFact;
  readonly map?: RouteMapFact;
  readonly line: number;
  readonly text: string;
}

/** Prefix lists by family and name; `last` is the highest sequence number so far. */
type PrefixLists = Map<string, { readonly fact: PrefixListFact; readonly line: number; readonly text: string; last: number }>;

export function readConfig(text: string, ctx: ReadContext): void {
  const lists: PrefixLists = new Map();
  let open: Open | null = null;
  let family = "";
  const finish = () => {
    if (open?.router) ctx.fact("frr.config-router", open.router, open.line, open.text);
    if (open?.map) ctx.fact("frr.route-map", open.map, open.line, open.text);
    open = null;
    family = "";
  };
  text.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("!")) return;
    const words = line.split(/\s+/);
    const top = !/^\s/.test(raw);
    if (top) {
      if (words[0] === "exit" || words[0] === "end") {
        finish();
        return;
      }
      finish();
      if (words[0] === "router" && words[1] === "bgp") open = { router: routerOf(words), line: i + 1, text: line };
      else if (words[0] === "route-map") open = { map: mapOf(words), line: i + 1, text: line };
      else if ((words[0] === "ip" || words[0] === "ipv6") && words[1] === "prefix-list") prefixList(lists, words, i + 1, line);
      return;
    }
    if (open?.map) mapLine(open.map, words);
    else if (open?.router) {
      if (words[0] === "address-family") family = words.slice(1).join(" ");
      else if (words[0] === "exit-address-family") family = "";
      else if (family === "") routerLine(open.router, words, i + 1, line);
      else familyLine(open.router, family, words, i + 1, line);
    }
  });
  finish();
  for (const l of lists.values()) {
    l.fact.entries.sort((a, b) => a.seq - b.seq);
    ctx.fact("frr.prefix-list", l.fact, l.line, l.text);
  }
  ctx.fact("frr.config-read", {}, 0, "");
}

function routerOf(words: readonly string[]): ConfigRouterFact {
  const vrf = words.indexOf("vrf");
  return {
    asn: words[2] ?? "",
    vrf: vrf < 0 ? "default" : (words[vrf + 1] ?? "default"),
    routerId: "",
    ebgpRequiresPolicy: true,
    importCheck: true,
    defaultIpv4: true,
    neighbours: [],
    families: {},
  };
}

function neighbourOf(router: ConfigRouterFact, name: string, line: number, text: string): ConfigNeighbour {
  let n = router.neighbours.find((x) => x.name === name);
  if (!n) {
    n = { name, remoteAs: "", peerGroup: "", description: "", shutdown: false, bfd: false, ebgpMultihop: false, families: {}, line, text };
    router.neighbours.push(n);
  }
  return n;
}

function routerLine(router: ConfigRouterFact, words: readonly string[], line: number, text: string): void {
  const off = words[0] === "no";
  const w = off ? words.slice(1) : words;
  if (w[0] === "bgp") {
    if (w[1] === "router-id") router.routerId = w[2] ?? "";
    else if (w[1] === "ebgp-requires-policy") router.ebgpRequiresPolicy = !off;
    else if (w[1] === "network" && w[2] === "import-check") router.importCheck = !off;
    else if (w[1] === "default" && w[2] === "ipv4-unicast") router.defaultIpv4 = !off;
    return;
  }
  if (w[0] !== "neighbor" || w[1] === undefined) return;
  const n = neighbourOf(router, w[1], line, text);
  switch (w[2]) {
    case "remote-as":
      n.remoteAs = w[3] ?? "";
      break;
    case "interface":
      // neighbor eth0 interface remote-as external
      if (w.includes("remote-as")) n.remoteAs = w[w.indexOf("remote-as") + 1] ?? "";
      break;
    case "peer-group":
      n.peerGroup = w[3] ?? "";
      break;
    case "description":
      n.description = w.slice(3).join(" ");
      break;
    case "shutdown":
      n.shutdown = !off;
      if (!off) n.shutdownLine = line;
      break;
    case "bfd":
      n.bfd = !off;
      break;
    case "ebgp-multihop":
      n.ebgpMultihop = !off;
      break;
    default:
      // In an old configuration the policies of IPv4 stand outside its address family.
      neighbourFamilyLine(n, IPV4, w, off);
  }
}

function familyOf(router: ConfigRouterFact, name: string): ConfigFamily {
  return (router.families[name] ??= { networks: [], redistribute: [], aggregates: [], maximumPaths: 0, maximumPathsIbgp: 0 });
}

function familyLine(router: ConfigRouterFact, name: string, words: readonly string[], line: number, text: string): void {
  const off = words[0] === "no";
  const w = off ? words.slice(1) : words;
  const of = familyOf(router, name);
  const routeMap = w.includes("route-map") ? (w[w.indexOf("route-map") + 1] ?? "") : "";
  switch (w[0]) {
    case "network":
      if (!off) of.networks.push({ prefix: w[1] ?? "", routeMap, line, text });
      break;
    case "redistribute":
      if (!off) of.redistribute.push({ protocol: w[1] ?? "", routeMap, line, text });
      break;
    case "aggregate-address":
      if (!off) of.aggregates.push({ prefix: w[1] ?? "", summaryOnly: w.includes("summary-only"), line, text });
      break;
    case "maximum-paths":
      if (w[1] === "ibgp") of.maximumPathsIbgp = Number(w[2]) || 0;
      else of.maximumPaths = Number(w[1]) || 0;
      break;
    case "neighbor":
      if (w[1] !== undefined) neighbourFamilyLine(neighbourOf(router, w[1], line, text), name, w, off);
      break;
  }
}

function neighbourFamilyLine(n: ConfigNeighbour, family: string, w: readonly string[], off: boolean): void {
  const of = (): ConfigNeighbourFamily =>
    (n.families[family] ??= { activate: null, routeMapIn: "", routeMapOut: "", prefixListIn: "", prefixListOut: "", maximumPrefix: 0 });
  switch (w[2]) {
    case "activate":
      of().activate = !off;
      break;
    case "route-map":
      if (w[4] === "in") of().routeMapIn = w[3] ?? "";
      else of().routeMapOut = w[3] ?? "";
      break;
    case "prefix-list":
      if (w[4] === "in") of().prefixListIn = w[3] ?? "";
      else of().prefixListOut = w[3] ?? "";
      break;
    case "maximum-prefix":
      of().maximumPrefix = Number(w[3]) || 0;
      break;
  }
}

function prefixList(lists: PrefixLists, words: readonly string[], line: number, text: string): void {
  // ip prefix-list NAME [seq N] permit|deny PREFIX|any [ge N] [le N]
  const family = words[0] === "ipv6" ? 6 : 4;
  const name = words[2] ?? "";
  let key = lists.get(`${family} ${name}`);
  if (!key) lists.set(`${family} ${name}`, (key = { fact: { family, name, entries: [] }, line, text, last: 0 }));
  let i = 3;
  let seq = key.last + 5;
  if (words[i] === "seq") {
    seq = Number(words[i + 1]) || seq;
    i += 2;
  }
  if (words[i] !== "permit" && words[i] !== "deny") return;
  const permit = words[i] === "permit";
  const given = words[i + 1] ?? "";
  const after = (w: string) => (words.includes(w, i) ? Number(words[words.indexOf(w, i) + 1]) || 0 : 0);
  const any = given === "any";
  const prefix = any ? (family === 4 ? "0.0.0.0/0" : "::/0") : given;
  key.fact.entries.push({ seq, permit, prefix, ge: after("ge"), le: any ? (family === 4 ? 32 : 128) : after("le"), line, text });
  key.last = Math.max(key.last, seq);
}

function mapOf(words: readonly string[]): RouteMapFact {
  return { name: words[1] ?? "", seq: Number(words[3] ?? 10), permit: words[2] !== "deny", match: [], set: [], call: "", onMatch: "" };
}

function mapLine(map: RouteMapFact, words: readonly string[]): void {
  const rest = words.slice(1).join(" ");
  if (words[0] === "match") map.match.push(rest);
  else if (words[0] === "set") map.set.push(rest);
  else if (words[0] === "call") map.call = words[1] ?? "";
  else if (words[0] === "on-match") map.onMatch = rest;
  else if (words[0] === "continue") map.onMatch = words[1] === undefined ? "next" : `goto ${words[1]}`;
}
