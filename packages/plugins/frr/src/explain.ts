/**
 * What FRR says of an address: the BGP paths of each router and node, its own announcements, the sessions they go over, and the routes of
 * zebra, whether they are in the kernel or not.
 */
import type { ExplainItem, ExplainSection, Fact, FactBase, FactKind, KnownService, Question } from "@plumbline/model";
import { covers, type Prefix, parsePrefix } from "@plumbline/plugin-sdk";
import "./private-facts.js";

export function explain(facts: FactBase, question: Question): ExplainSection[] {
  switch (question.kind) {
    case "service":
      return explainService(facts, question.service);
    case "route":
      return routesOf(facts, { family: question.family, value: question.value, len: question.len });
    case "line":
      return lineOf(facts, question.file, question.line);
    case "cookie":
    case "owners":
      return [];
  }
}

/** By its addresses that are reached from outside; where no Service object says which these are, by all that BGP knows a path to. */
function explainService(facts: FactBase, service: KnownService): ExplainSection[] {
  const outside = service.frontends.filter((f) => f.address !== "" && f.what !== "cluster IP");
  const sections = [...new Set(outside.map((f) => f.address))]
    .map((address) => ({ address, found: announcements(facts, address) }))
    .filter(({ address, found }) => found.some((s) => s.items.length > 0) || outside.some((f) => f.address === address && f.what === "VIP"))
    .flatMap(({ found }) => found);
  return sections.length === 0 ? [] : [...sections, ...sessions(facts)];
}

const item = (f: Fact<FactKind>, text: string, more: Partial<ExplainItem> = {}): ExplainItem => ({
  text,
  file: f.origin.file,
  line: f.origin.line,
  links: [],
  ...more,
});

const isOwn = (nexthop: string) => nexthop === "0.0.0.0" || nexthop === "::";

/** Name of the node that has an address, "" if none has. */
function nodeAt(facts: FactBase, address: string): string {
  return facts.all("k8s.node").find((n) => n.data.addresses.includes(address))?.data.name ?? "";
}

/** Hosts of which a BGP table is in evidence. */
function speakers(facts: FactBase): string[] {
  return [...new Set([...facts.all("frr.bgp-path"), ...facts.all("frr.bgp-empty")].map((f) => f.host))].sort();
}

/** Whether the evidence of a host is that of a cluster's node. */
function isNode(facts: FactBase, host: string): boolean {
  return (
    facts.all("k8s.node").some((n) => n.data.name === host || n.data.name.split(".")[0] === host) ||
    facts.of("linux.address", host).some((a) => nodeAt(facts, a.data.address) !== "")
  );
}

/** Who announces an address and who has heard of it, router by router and node by node; and the sessions that carry it. */
function announcements(facts: FactBase, address: string): ExplainSection[] {
  const wanted = parsePrefix(address);
  if (!wanted) return [];
  const nodes = facts.all("k8s.node").map((n) => n.data.name);
  return speakers(facts).map((host): ExplainSection => {
    const ofNode = isNode(facts, host);
    const items = facts.of("frr.bgp-path", host).flatMap((f): ExplainItem[] => {
      const prefix = parsePrefix(f.data.prefix);
      // The default route of a table covers everything and announces nothing.
      if (!prefix || prefix.len === 0 || !covers(prefix, wanted)) return [];
      const node = nodeAt(facts, f.data.nexthop);
      return [
        item(f, pathText(f), {
          links: node === "" ? [] : [{ kind: "node", name: node, text: f.data.nexthop }],
          ...(ofNode && isOwn(f.data.nexthop) ? { key: `its FRR announces ${address}` } : {}),
          ...(!ofNode && node !== "" && f.data.valid ? { nodes: [node], key: `${host} has a path to ${address} by it` } : {}),
        }),
      ];
    });
    return { layer: "bgp", title: `BGP paths to ${address}`, host, items, ...(ofNode ? {} : { nodes }) };
  });
}

/** The sessions of each node's FRR, and those of a router with nodes. */
function sessions(facts: FactBase): ExplainSection[] {
  const nodes = facts.all("k8s.node").map((n) => n.data.name);
  const hosts = [...new Set(facts.all("frr.bgp-peer").map((f) => f.host))].sort();
  return hosts.map((host): ExplainSection => {
    const ofNode = isNode(facts, host);
    const items = facts.of("frr.bgp-peer", host).flatMap((f): ExplainItem[] => {
      const { address, asn, state, received, sent } = f.data;
      const peer = nodeAt(facts, address);
      if (!ofNode && nodes.length > 0 && peer === "") return [];
      const counts = state.startsWith("Established")
        ? `, ${received < 0 ? "an unknown number of" : received} ${received === 1 ? "prefix" : "prefixes"} received${sent < 0 ? "" : `, ${sent} sent`}`
        : "";
      return [
        item(f, `session with ${address}${peer === "" ? "" : ` (${peer})`} AS ${asn}: ${state}${counts}`, {
          ...(ofNode ? {} : { nodes: [peer] }),
          key: ofNode ? `BGP session with ${address}` : `BGP session of ${host} with it`,
          value: state,
        }),
      ];
    });
    return { layer: "sessions", title: "BGP sessions", host, items, ...(ofNode ? {} : { nodes }) };
  });
}

function pathText({ data: p }: Fact<"frr.bgp-path">): string {
  const flags = [p.best ? "best" : "", p.multipath ? "multipath" : "", p.internal ? "internal" : "", p.valid ? "" : "not valid"].filter(
    Boolean,
  );
  const path = p.asPath === "" ? "" : `, AS path ${p.asPath}`;
  return `${p.prefix} ${isOwn(p.nexthop) ? "announced here" : `by ${p.nexthop}`}${flags.length > 0 ? ` (${flags.join(", ")})` : ""}, local preference ${p.localPref}${path}`;
}

/** Items whose prefix covers the asked one (the longest) or lies inside it. */
function near<F>(list: readonly F[], prefixOf: (f: F) => string, wanted: Prefix): F[] {
  const parsed = list.flatMap((f) => {
    const p = parsePrefix(prefixOf(f));
    return p && p.family === wanted.family ? [{ f, p }] : [];
  });
  const covering = parsed.filter(({ p }) => covers(p, wanted));
  const longest = Math.max(...covering.map(({ p }) => p.len), -1);
  return parsed.filter(({ p }) => (p.len === longest && covers(p, wanted)) || covers(wanted, p)).map(({ f }) => f);
}

/** The longest covering routes and all within, of zebra and of BGP. */
function routesOf(facts: FactBase, wanted: Prefix): ExplainSection[] {
  return facts.hosts().flatMap((host): ExplainSection[] => {
    const routes = near(
      facts.of("frr.route", host).filter((f) => f.data.family === wanted.family),
      (f) => f.data.prefix,
      wanted,
    );
    const paths = near(facts.of("frr.bgp-path", host), (f) => f.data.prefix, wanted);
    const sections: ExplainSection[] = [];
    // A prefix may have been asked for by itself too: the same route, told in several lines.
    const told = new Set<string>();
    const rib = routes.filter((f) => {
      const key = JSON.stringify([f.data.prefix, f.data.vrf, f.data.protocol, f.data.nexthops.map((h) => [h.via, h.dev])]);
      return !told.has(key) && told.add(key);
    });
    if (rib.length > 0)
      sections.push({
        layer: "frr",
        title: "FRR's routes",
        host,
        items: rib.map((f) =>
          item(
            f,
            `${f.origin.text.startsWith("{") ? `${f.data.prefix} ${f.data.protocol}` : f.origin.text.replace(/\s+/g, " ")}${f.data.vrf === "default" ? "" : ` (VRF ${f.data.vrf})`}${f.data.fib ? "" : f.data.selected ? " (selected, not in the kernel)" : " (not selected)"}`,
          ),
        ),
      });
    if (paths.length > 0)
      sections.push({
        layer: "bgp",
        title: "BGP paths",
        host,
        items: paths.map((f) => {
          const node = nodeAt(facts, f.data.nexthop);
          return item(f, pathText(f), { links: node === "" ? [] : [{ kind: "node", name: node, text: f.data.nexthop }] });
        }),
      });
    return sections;
  });
}

function lineOf(facts: FactBase, file: string, line: number): ExplainSection[] {
  const here = <K extends FactKind>(kind: K) => facts.all(kind).filter((f) => f.origin.file === file && f.origin.line === line);
  const items = [
    ...here("frr.bgp-path").map((f) => item(f, `BGP path: ${pathText(f)}`)),
    ...here("frr.route").map((f) =>
      item(
        f,
        `FRR route: ${f.data.prefix} ${f.data.protocol}, ${f.data.selected ? "selected" : "not selected"}, ${f.data.fib ? "in the kernel" : "not in the kernel"}`,
      ),
    ),
    ...here("frr.bgp-peer").map((f) => item(f, `BGP peer ${f.data.address} AS ${f.data.asn}: ${f.data.state}`)),
  ];
  const kinds: readonly FactKind[] = ["frr.bgp-path", "frr.route", "frr.bgp-peer"];
  const host = kinds.flatMap((k) => facts.all(k)).find((f) => f.origin.file === file)?.host ?? "";
  return items.length === 0 ? [] : [{ layer: "bgp", title: "FRR", host, items }];
}
