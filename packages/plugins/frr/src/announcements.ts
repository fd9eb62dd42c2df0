/**
 * How an announcement fares in FRR: does the node's configuration have the prefix and let it out, is the session up, was it sent; and at the peer, if
 * that is FRR too, was it taken, is it used.
 *
 * What was sent is read where FRR was asked for it (advertised-routes, the prefix in detail); else it follows from the best path, the session and the policies.
 */
import type { AnnouncementStep, Fact, FactBase } from "@plumbline/model";
import { covers, type Prefix, parsePrefix, prefixText } from "@plumbline/plugin-sdk";
import { applyPrefixList, applyRouteMap, type Policy } from "./policy.js";
import type { ConfigNeighbour, ConfigRouterFact } from "./private-facts.js";

type Step = Pick<AnnouncementStep, "is" | "text" | "object" | "file" | "line"> & { command?: string; on?: string };

/** A node or another host with FRR, and its peers in the default VRF. */
interface Speaker {
  readonly host: string;
  /** Kubernetes node, else the host. */
  readonly node: string;
  readonly config: Fact<"frr.config-router"> | undefined;
  readonly peers: readonly string[];
}

export function announcements(facts: FactBase, wanted: Prefix): AnnouncementStep[] {
  const out: AnnouncementStep[] = [];
  const nodes = speakers(facts).filter(
    (s) => facts.all("k8s.node").length === 0 || facts.all("k8s.node").some((n) => n.data.name === s.node),
  );
  for (const s of nodes)
    for (const prefix of prefixesOf(facts, s, wanted))
      for (const peer of s.peers) {
        const at = { prefix, node: s.node, peer };
        const running = runningStep(facts, s, prefix, peer);
        const session = sessionStep(facts, s, peer);
        out.push({ stage: "running", ...at, ...running }, { stage: "session", ...at, ...session });
        out.push({ stage: "announced", ...at, ...announcedStep(facts, s, prefix, peer, [running, session]) });
        out.push(...peerSteps(facts, s, prefix, peer).map((x) => ({ ...x, ...at })));
      }
  return out;
}

function speakers(facts: FactBase): Speaker[] {
  const kinds = ["frr.config-router", "frr.bgp-path", "frr.bgp-empty", "frr.bgp-peer", "frr.neighbour"] as const;
  const hosts = [...new Set(kinds.flatMap((k) => facts.all(k)).map((f) => f.host))].filter((h) => h !== "").sort();
  return hosts.map((host) => {
    const config = facts.of("frr.config-router", host).find((f) => f.data.vrf === "default");
    const named = config?.data.neighbours.filter((n) => parsePrefix(n.name)).map((n) => n.name) ?? [];
    const told = facts
      .of("frr.bgp-peer", host)
      .filter((f) => f.data.vrf === undefined)
      .map((f) => f.data.address);
    return {
      host,
      node: nodeOf(facts, host),
      config,
      peers: [...new Set([...named, ...told, ...facts.of("frr.neighbour", host).map((f) => f.data.address)])],
    };
  });
}

/** Kubernetes node of a host, by name or address; the host itself if it is none. */
function nodeOf(facts: FactBase, host: string): string {
  const nodes = facts.all("k8s.node");
  const named = nodes.find((n) => n.data.name === host || n.data.name.split(".")[0] === host);
  if (named) return named.data.name;
  const own = new Set(facts.of("linux.address", host).map((a) => a.data.address));
  return nodes.find((n) => n.data.addresses.some((a) => own.has(a)))?.data.name ?? host;
}

/** Prefixes that a speaker has to do with: its own paths, its configuration's networks, and what it might have from others' wishes. */
function prefixesOf(facts: FactBase, s: Speaker, wanted: Prefix): string[] {
  const out = new Set<string>();
  const add = (text: string) => {
    const p = parsePrefix(text);
    if (p && p.family === wanted.family && p.len > 0 && (covers(p, wanted) || covers(wanted, p))) out.add(prefixText(p));
  };
  // Every node is asked about every prefix that some node announces, so that one that lacks it shows.
  for (const f of facts.all("frr.bgp-path")) if (isOwn(f.data.nexthop) && isNode(facts, f.host)) add(f.data.prefix);
  for (const f of facts.all("frr.config-router"))
    if (isNode(facts, f.host)) for (const family of Object.values(f.data.families)) for (const n of family.networks) add(n.prefix);
  if (out.size === 0 && s.peers.length > 0) add(prefixText(wanted));
  return [...out];
}

const isNode = (facts: FactBase, host: string) =>
  facts.all("k8s.node").length === 0 || facts.all("k8s.node").some((n) => n.data.name === nodeOf(facts, host));
const isOwn = (nexthop: string) => nexthop === "0.0.0.0" || nexthop === "::";
const same = (a: string, b: string) => {
  const p = parsePrefix(a);
  return p !== null && prefixText(p) === b;
};
const familyOf = (prefix: string) => (prefix.includes(":") ? "ipv6 unicast" : "ipv4 unicast");

function runningStep(facts: FactBase, s: Speaker, prefix: string, peer: string): Step {
  const object = `FRR of ${s.node}`;
  const no = (text: string, file: string, line: number): Step => ({ is: false, text, object, file, line });
  const own = facts.of("frr.bgp-path", s.host).find((f) => same(f.data.prefix, prefix) && isOwn(f.data.nexthop));
  if (!s.config) {
    const read = tableRead(facts, s.host);
    if (own) return { is: true, text: "its BGP table has it as its own", object, file: own.origin.file, line: own.origin.line };
    if (read) return no("its BGP table does not have it as its own", read.file, read.line);
    return {
      is: null,
      text: "its configuration is not in evidence",
      object,
      file: "",
      line: 0,
      command: "vtysh -c 'show running-config'",
      on: s.host,
    };
  }
  const { file } = s.config.origin;
  const { data } = s.config;
  const family = data.families[familyOf(prefix)];
  const network = family?.networks.find((n) => same(n.prefix, prefix));
  const aggregate = family?.aggregates.find((n) => same(n.prefix, prefix));
  const source = network ?? aggregate ?? (own ? family?.redistribute[0] : undefined);
  if (!source)
    return no(
      own ? "its table has it, its configuration does not say why" : "its configuration does not announce it (no network statement)",
      file,
      s.config.origin.line,
    );
  const n = data.neighbours.find((x) => x.name === peer);
  if (!n) return no(`its configuration has no neighbour ${peer}`, file, s.config.origin.line);
  const group = data.neighbours.find((x) => x.name === n.peerGroup);
  const out = outPolicies(facts, s, data, n, group, prefix);
  const denied = out.find((p) => p !== null && !p.permit);
  if (denied) return no(`its policy keeps it from ${peer}: ${denied.why}`, denied.file || file, denied.line || n.line);
  if (out.includes(null))
    return {
      is: null,
      text: `its policy towards ${peer} hangs on more than the prefix`,
      object,
      file,
      line: n.line,
      command: `vtysh -c 'show bgp ${familyOf(prefix)} neighbors ${peer} advertised-routes'`,
      on: s.host,
    };
  return { is: true, text: source.text, object, file, line: source.line };
}

/** The policies between the table and a neighbour, each with its decision; null where one hangs on more than the prefix. */
function outPolicies(
  facts: FactBase,
  s: Speaker,
  router: ConfigRouterFact,
  n: ConfigNeighbour,
  group: ConfigNeighbour | undefined,
  prefix: string,
): (Policy | null)[] {
  const name = familyOf(prefix);
  const own = n.families[name];
  const shared = group?.families[name];
  const file = s.config!.origin.file;
  const out: (Policy | null)[] = [];
  const active = own?.activate ?? shared?.activate ?? (name === "ipv4 unicast" && router.defaultIpv4);
  if (!active) out.push({ permit: false, why: `the neighbour is not activated for ${name}`, file, line: n.line });
  const list = own?.prefixListOut || shared?.prefixListOut;
  if (list) out.push(applyPrefixList(facts, s.host, prefix.includes(":") ? 6 : 4, list, prefix));
  const map = own?.routeMapOut || shared?.routeMapOut;
  if (map) out.push(applyRouteMap(facts, s.host, map, prefix));
  const remote = n.remoteAs || group?.remoteAs || "";
  const external = remote === "external" || (remote !== "internal" && remote !== router.asn);
  if (external && router.ebgpRequiresPolicy && !map && !list)
    out.push({ permit: false, why: "bgp ebgp-requires-policy is on, and there is no policy for it", file, line: n.line });
  return out;
}

function sessionStep(facts: FactBase, s: Speaker, peer: string): Step {
  const object = `FRR of ${s.node}`;
  const n = s.config?.data.neighbours.find((x) => x.name === peer);
  const group = s.config?.data.neighbours.find((x) => x.name === n?.peerGroup);
  const shut = n?.shutdown ? n : group?.shutdown ? group : undefined;
  const told =
    facts.of("frr.bgp-peer", s.host).find((f) => f.data.address === peer && f.data.vrf === undefined) ??
    facts.of("frr.neighbour", s.host).find((f) => f.data.address === peer);
  const state = told?.data.state ?? "";
  if (shut && !/^Established/.test(state))
    return {
      is: false,
      text: `neighbor ${shut.name} shutdown${state === "" ? "" : `: the session is ${state}`}`,
      object,
      file: s.config!.origin.file,
      line: shutdownLine(s.config!, shut),
    };
  if (!told)
    return {
      is: null,
      text: "its sessions are not in evidence",
      object,
      file: "",
      line: 0,
      command: "vtysh -c 'show bgp summary'",
      on: s.host,
    };
  const bfd = facts.of("frr.bfd-peer", s.host).find((f) => f.data.peer === peer && f.data.status !== "up");
  const reset = facts.of("frr.neighbour", s.host).find((f) => f.data.address === peer)?.data.lastReset ?? "";
  if (/^Established/.test(state))
    return { is: true, text: `session with ${peer}: ${state}`, object, file: told.origin.file, line: told.origin.line };
  const more = [bfd ? `BFD is ${bfd.data.status}` : "", reset === "" ? "" : `last reset: ${reset}`].filter(Boolean).join(", ");
  return {
    is: false,
    text: `session with ${peer} is ${state || "not up"}${more === "" ? "" : ` (${more})`}`,
    object,
    file: told.origin.file,
    line: told.origin.line,
  };
}

/** The line that shuts a neighbour down stands apart from the one that names it. */
function shutdownLine(config: Fact<"frr.config-router">, n: ConfigNeighbour): number {
  return n.shutdownLine ?? config.origin.line;
}

function announcedStep(facts: FactBase, s: Speaker, prefix: string, peer: string, before: readonly Step[]): Step {
  const object = `FRR of ${s.node}`;
  const family = prefix.includes(":") ? 6 : 4;
  const list = facts
    .of("frr.neighbour-routes-read", s.host)
    .find((f) => f.data.neighbour === peer && f.data.direction === "advertised" && f.data.family === family);
  if (list) {
    const sent = facts
      .of("frr.neighbour-route", s.host)
      .find((f) => f.data.neighbour === peer && f.data.direction === "advertised" && same(f.data.prefix, prefix));
    if (sent) return { is: true, text: `sent to ${peer}: ${sent.origin.text}`, object, file: sent.origin.file, line: sent.origin.line };
    return { is: false, text: `what is sent to ${peer} does not have it`, object, file: list.origin.file, line: list.origin.line };
  }
  const detail = facts.of("frr.bgp-detail", s.host).find((f) => same(f.data.prefix, prefix) && f.data.advertisedTo !== null);
  if (detail) {
    const peers = detail.data.advertisedTo!;
    const to = peers.includes(peer);
    const text = to
      ? `advertised to ${peer}`
      : peers.length === 0
        ? "not advertised to any peer"
        : `advertised to ${peers.join(", ")} alone`;
    return { is: to, text, object, file: detail.origin.file, line: detail.origin.line };
  }
  const hindered = before.find((b) => b.is === false);
  if (hindered) return { is: false, text: "follows from the above", object, file: hindered.file, line: hindered.line };
  const best = facts.of("frr.bgp-path", s.host).find((f) => same(f.data.prefix, prefix) && f.data.best);
  const unknown = {
    object,
    file: "",
    line: 0,
    command: `vtysh -c 'show bgp ${familyOf(prefix)} neighbors ${peer} advertised-routes'`,
    on: s.host,
  };
  if (best && before.every((b) => b.is))
    return { is: true, text: `its best path, and nothing keeps it from ${peer}`, object, file: best.origin.file, line: best.origin.line };
  const read = tableRead(facts, s.host);
  if (!best && read) return { is: false, text: "its BGP table has no best path to it", object, file: read.file, line: read.line };
  return { is: null, text: `what it sends to ${peer} is not in evidence`, ...unknown };
}

/** Where a host's BGP table was read, even if nothing is in it. */
function tableRead(facts: FactBase, host: string): { file: string; line: number } | null {
  const f = facts.of("frr.bgp-path", host)[0] ?? facts.of("frr.bgp-empty", host)[0];
  return f ? { file: f.origin.file, line: f.origin.line } : null;
}

/** What the peer made of it. */
function peerSteps(facts: FactBase, s: Speaker, prefix: string, peer: string): (Step & Pick<AnnouncementStep, "stage">)[] {
  const host = hostWith(facts, peer, s.host);
  if (host === null || !tableRead(facts, host)) {
    const on = host ?? peer;
    const text = host === null ? `who ${peer} is, is not in evidence` : `the BGP table of ${host} is not in evidence`;
    return [{ stage: "received", is: null, text, object: "", file: "", line: 0, command: "vtysh -c 'show bgp ipv4 unicast'", on }];
  }
  const object = `FRR of ${nodeOf(facts, host)}`;
  const own = new Set([
    ...facts.of("linux.address", s.host).map((a) => a.data.address),
    ...(facts.all("k8s.node").find((n) => n.data.name === s.node)?.data.addresses ?? []),
  ]);
  const id = facts.of("host.address-claim", s.host).map((f) => f.data.address);
  for (const a of id) own.add(a);
  const path = facts.of("frr.bgp-path", host).find((f) => same(f.data.prefix, prefix) && own.has(f.data.nexthop));
  const table = tableRead(facts, host)!;
  const steps: (Step & Pick<AnnouncementStep, "stage">)[] = [];
  if (!path) {
    const raw = facts
      .of("frr.neighbour-route", host)
      .find((f) => f.data.direction === "received" && own.has(f.data.neighbour) && same(f.data.prefix, prefix));
    const text = raw ? "it was received, and its policy does not take it" : `its BGP table has no path to it by ${s.node}`;
    steps.push({ stage: "received", is: false, text, object, file: raw?.origin.file ?? table.file, line: raw?.origin.line ?? table.line });
    steps.push({ stage: "selected", is: false, text: "no path, none selected", object, file: table.file, line: table.line });
  } else {
    const at = { object, file: path.origin.file, line: path.origin.line };
    steps.push({
      stage: "received",
      is: true,
      text: path.origin.text.startsWith("{") ? `a path by ${path.data.nexthop}` : path.origin.text.replace(/\s+/g, " "),
      ...at,
    });
    const used = path.data.valid && (path.data.best || path.data.multipath);
    steps.push({
      stage: "selected",
      is: used,
      text: used ? (path.data.best ? "the best path" : "used beside the best path") : unusedWhy(facts, host, path),
      ...at,
    });
  }
  steps.push(...zebraStep(facts, host, prefix, own, object, s.node));
  return steps;
}

function unusedWhy(facts: FactBase, host: string, path: Fact<"frr.bgp-path">): string {
  if (!path.data.valid) return "the path is not valid: its next hop is not reachable";
  const config = facts.of("frr.config-router", host).find((f) => f.data.vrf === "default");
  const family = config?.data.families[familyOf(path.data.prefix)];
  const paths = path.data.internal ? family?.maximumPathsIbgp : family?.maximumPaths;
  if (config && (paths ?? 0) <= 1) return "another path is better, and maximum-paths allows no second one";
  return "another path is better";
}

function zebraStep(
  facts: FactBase,
  host: string,
  prefix: string,
  own: ReadonlySet<string>,
  object: string,
  node: string,
): (Step & Pick<AnnouncementStep, "stage">)[] {
  const routes = facts.of("frr.route", host).filter((f) => f.data.vrf === "default");
  if (routes.length === 0) return [];
  const route = routes.find((f) => f.data.selected && same(f.data.prefix, prefix));
  const hop = route?.data.nexthops.find((h) => h.fib && own.has(h.via));
  const at = { object, file: (route ?? routes[0]).origin.file, line: (route ?? routes[0]).origin.line };
  if (hop) return [{ stage: "installed", is: true, text: `in the FIB by ${hop.via}`, ...at }];
  return [{ stage: "installed", is: false, text: route ? `its route does not lead to ${node}` : "it has no route to it", ...at }];
}

/** The host that has an address; its own evidence says so, or its router ID. */
function hostWith(facts: FactBase, address: string, other: string): string | null {
  const own = facts.all("linux.address").find((f) => f.data.address === address && f.host !== other && !f.host.startsWith("pods/"));
  if (own) return own.host;
  return facts.all("host.address-claim").find((f) => f.data.address === address && f.host !== other)?.host ?? null;
}
