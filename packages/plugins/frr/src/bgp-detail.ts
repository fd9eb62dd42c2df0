/**
 * BGP paths with all attributes: `show bgp ipv4 unicast PREFIX` and, from FRR 9 on, `… detail`; text (bgpd/bgp_route.c, route_vty_out_detail and
 * route_vty_out_detail_header) and JSON. FRR 8's `show ip bgp detail` does not say which prefix a path is of: that is a problem.
 */
import type { ReadContext } from "@plumbline/model";
import { list, num, obj, parsed, str } from "./json.js";
import type { BgpDetailFact, BgpDetailPath } from "./private-facts.js";

const ENTRY = /^BGP routing table entry for (\S+?)(?:, version \d+)?$/;
const FROM = /^\s{4}(\S+)(?: \(([^)]*)\))?.*? from (\S+) \(([^)]*)\)/;
const ATTRIBUTES = /^\s+Origin (IGP|EGP|incomplete)\b(.*)$/;
const NOWHERE = new Set(["0.0.0.0", "::"]);

export function readBgpDetail(text: string, ctx: ReadContext): void {
  let fact: BgpDetailFact | null = null;
  let at = { line: 0, text: "" };
  let path: BgpDetailPath | null = null;
  let asPath = "";
  let inPeers = false;
  let orphan = 0;
  const finish = () => {
    if (fact) ctx.fact("frr.bgp-detail", fact, at.line, at.text);
    fact = null;
  };
  text.split("\n").forEach((raw, i) => {
    const line = raw.trimEnd();
    const entry = ENTRY.exec(line);
    if (entry) {
      path = null;
      inPeers = false;
      // Of a whole table each path may have a heading of its own.
      if (fact?.prefix === entry[1]) return;
      finish();
      fact = { prefix: entry[1], advertisedTo: [], paths: [] };
      at = { line: i + 1, text: line };
      return;
    }
    if (/^\s+Advertised to /.test(line)) {
      inPeers = true;
      return;
    }
    if (/^Paths: |^\s+Not advertised to any peer/.test(line)) return;
    // Peers stand on lines of their own, several on one, with their host names before the address.
    if (inPeers && fact && /^ {2}\S/.test(line) && /[0-9a-f]*[.:][0-9a-f.:]+/i.test(line) && !/ from /.test(line)) {
      for (const word of line.trim().split(/\s+/)) {
        const address = /(?:^|\()([0-9a-f]*[.:][0-9a-f.:]+)\)?$/i.exec(word)?.[1];
        if (address !== undefined && !fact.advertisedTo?.includes(address)) fact.advertisedTo?.push(address);
      }
      return;
    }
    const from = FROM.exec(line);
    if (from) {
      if (!fact) {
        orphan ||= i + 1;
        return;
      }
      const [, nexthop, state, peer] = from;
      path = {
        nexthop,
        from: NOWHERE.has(peer) ? "" : peer,
        valid: false,
        best: false,
        multipath: false,
        internal: false,
        localPref: -1,
        metric: -1,
        weight: 0,
        asPath,
        origin: "",
        communities: [],
        why: /inaccessible/.test(state ?? "") ? "inaccessible" : "",
      };
      // `2001:db8::1 from …` may be followed by its link-local address, marked as the one used.
      fact.paths.push(path);
      return;
    }
    const attributes = ATTRIBUTES.exec(line);
    if (attributes && path) {
      setAttributes(path, attributes[1], attributes[2]);
      return;
    }
    const community = /^\s+Community: (.*)$/.exec(line);
    if (community && path) {
      path.communities = community[1].trim().split(/\s+/);
      return;
    }
    const local = /^\s+\((fe80:[0-9a-f:]+)\) \(used\)/i.exec(line);
    if (local && path) {
      path.nexthop = local[1];
      return;
    }
    const as = /^ {2}(Local|\d[\d ,.{}()]*?)(?:, \(.*)?$/.exec(line);
    if (as) {
      inPeers = false;
      asPath = as[1] === "Local" ? "" : as[1];
    }
  });
  finish();
  if (orphan > 0)
    ctx.problem(
      "warning",
      orphan,
      "the paths of this output do not tell their prefix",
      "FRR before 9 prints no prefix with `show ip bgp detail`. Collect `show ip bgp`, or `show bgp ipv4 unicast json`.",
    );
}

function setAttributes(path: BgpDetailPath, origin: string, rest: string): void {
  path.origin = origin;
  const number = (name: string) => {
    const m = new RegExp(`, ${name} (\\d+)`).exec(rest);
    return m ? Number(m[1]) : null;
  };
  path.metric = number("metric") ?? -1;
  path.localPref = number("localpref") ?? -1;
  path.weight = number("weight") ?? 0;
  const words = rest.split(", ").map((w) => w.trim());
  path.valid = words.includes("valid");
  path.internal = words.some((w) => w === "internal");
  path.multipath = words.includes("multipath");
  path.best = words.some((w) => /^best\b/.test(w));
}

/** One prefix (`paths` at the top), or a whole table with details (`routes`: prefix → paths). */
export function readBgpDetailJson(text: string, ctx: ReadContext): void {
  const top = parsed(text, ctx);
  if (!top) return;
  const lineOf = (prefix: string) => {
    const at = text.indexOf(`"${prefix}"`);
    return at < 0 ? 1 : text.slice(0, at).split("\n").length;
  };
  const put = (prefix: string, advertisedTo: readonly string[] | null, paths: readonly unknown[]) =>
    ctx.fact(
      "frr.bgp-detail",
      { prefix, advertisedTo: advertisedTo && [...advertisedTo], paths: paths.map((p) => pathOf(obj(p))) },
      lineOf(prefix),
      `${prefix} ${JSON.stringify(paths)}`.slice(0, 2000),
    );
  const own = str(top["prefix"]);
  if (own !== "") put(own, Object.keys(obj(top["advertisedTo"])), list(top["paths"]));
  for (const [prefix, entry] of Object.entries(obj(top["routes"]))) {
    const paths = Array.isArray(entry) ? entry : list(obj(entry)["paths"]);
    const to = obj(entry)["advertisedTo"];
    put(prefix, to === undefined ? null : Object.keys(obj(to)), paths);
  }
}

function pathOf(p: Readonly<Record<string, unknown>>): BgpDetailPath {
  const peer = obj(p["peer"]);
  const hops = list(p["nexthops"]).map(obj);
  const hop = hops.find((h) => h["used"] === true) ?? hops[0] ?? {};
  const best = p["bestpath"];
  const id = str(peer["peerId"]);
  const optional = (v: unknown) => (typeof v === "number" ? v : -1);
  const as = obj(p["aspath"]);
  const asPath = str(as["string"]) || str(p["aspath"]);
  return {
    nexthop: str(hop["ip"]),
    from: NOWHERE.has(id) || id === "(unspec)" ? "" : id,
    valid: p["valid"] === true,
    best: best === true || obj(best)["overall"] === true,
    multipath: p["multipath"] === true,
    internal: str(peer["type"]) === "internal",
    localPref: optional(p["locPrf"] ?? p["localpref"]),
    metric: optional(p["metric"] ?? p["med"]),
    weight: num(p["weight"]),
    asPath: asPath === "Local" ? "" : asPath,
    origin: str(p["origin"]),
    communities: str(obj(p["community"])["string"]).split(/\s+/).filter(Boolean),
    why: hop["accessible"] === false ? "inaccessible" : "",
  };
}
