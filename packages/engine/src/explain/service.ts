/**
 * `explain service`: all that exists for a Service on every node, layer by layer, and what is not alike on all of them.
 *
 * Sources say what their own facts hold (objects, BGP, load balancers, logical flows); rules that name its addresses are found
 * in the network, whatever source they come from; routes are those that its addresses would take.
 */
import type { EvidenceLink, ExplainItem, ExplainSection, KnownService } from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { compareNodes } from "./compare.js";
import { type Concern, concernsOf, Targets, withTranslations } from "./concern.js";
import { connectionSections } from "./connections.js";
import { type Context, counted } from "./context.js";
import type { Explanation } from "./model.js";
import { addressPrefix, interfaces, routesIn, routeTables, routeText, stacks } from "./routes.js";
import { byLine, itemOf } from "./rules.js";
import { findService } from "./services.js";

/** The way of a packet from outside, and then what stands behind it. Bridges stand between netfilter and the load balancers. */
const ORDER = [
  "object",
  "endpoints",
  "announcement",
  "bgp",
  "sessions",
  "routes",
  "netfilter",
  "*",
  "groups",
  "load-balancers",
  "logical",
  "conntrack",
];

export function explainService(ctx: Context, name: string): Explanation {
  const known = findService(ctx.services, name);
  const nodeAddresses = ctx.nodeAddresses();
  const first = concernsOf(ctx.net, new Targets(known.frontends, nodeAddresses), new Set());
  const service = withTranslations(known, first);
  const told = ctx.ask({ kind: "service", service });
  const concerns = concernsOf(ctx.net, new Targets(service.frontends, nodeAddresses), cookiesIn(told));
  const sections = ordered(
    merged([
      ...told,
      ...ruleSections(ctx, service, concerns),
      ...routeSections(ctx, service),
      ...connectionSections(ctx.snapshot.facts, service.frontends, nodeAddresses),
    ]),
  );
  const differences = compareNodes(sections, (h) => ctx.nodeOf(h), service.exceptions);
  return ctx.explanation(
    { kind: "service", service: service.name },
    answerOf(ctx, service, sections, differences.filter((d) => d.verdict === "odd").length),
    {
      sections: sections
        .filter((s) => s.items.length > 0 || (s.nodes === undefined && ctx.nodeOf(s.host) !== ""))
        .map((s) => ctx.section(s)),
      differences: differences.sort((a, b) => rank(a.layer) - rank(b.layer)),
      missing: ctx.missing().filter((m) => m.role !== "cluster"),
    },
  );
}

function answerOf(ctx: Context, service: KnownService, sections: readonly ExplainSection[], odd: number): string[] {
  const ends = service.frontends.map(
    (f) => `${f.what} ${f.address === "" ? f.port : addressPort(f.address, f.port)}/${f.protocol || "any"}`,
  );
  const ready = service.endpoints.filter((e) => e.ready).length;
  const answer = [
    `Service ${service.name}: ${ends.join(", ") || "no address"}; ${counted(service.endpoints.length, "endpoint")}, ${ready} ready.`,
  ];
  if (!ctx.snapshot.facts.all("k8s.service").some((s) => `${s.data.namespace}/${s.data.name}` === service.name))
    answer.push(
      "Its object is not in evidence: what is known of it was read off load balancers. Whether its policy is Local, so that nodes may rightly differ, is not known (kubectl get services,endpointslices,nodes -A -o yaml would tell).",
    );
  const items = sections.reduce((n, s) => n + s.items.length, 0);
  answer.push(
    `${counted(items, "piece")} of evidence; ${odd === 0 ? "nothing that a node lacks without a reason" : `${counted(odd, "thing")} that a node lacks or has without a reason`}.`,
  );
  return answer;
}

/** Cookies that sources call the Service's own. */
function cookiesIn(sections: readonly ExplainSection[]): Set<bigint> {
  return new Set(sections.flatMap((s) => s.items.flatMap((i) => (i.cookie === undefined ? [] : [i.cookie]))));
}

/** Rules by host and layer: netfilter, and each bridge by its name; of a host's bridges those without a rule for it too. */
function ruleSections(ctx: Context, service: KnownService, concerns: readonly Concern[]): ExplainSection[] {
  const backends = new Set(service.endpoints.map((e) => e.address));
  const byDevice = new Map<number, Concern[]>();
  for (const c of concerns) byDevice.set(c.table.device, [...(byDevice.get(c.table.device) ?? []), c]);
  const sections: ExplainSection[] = [];
  for (const device of ctx.net.devices) {
    const own = byDevice.get(device.id) ?? [];
    const itemsOf = (stage: string) => byLine(own.filter((c) => c.table.stage === stage)).map((line) => itemOf(ctx.view, line, backends));
    if (device.kind === "bridge") {
      const bridge = device.name.slice(device.name.lastIndexOf("/") + 1);
      const flows = ctx.net.tables.some((t) => t.device === device.id && t.stage === "openflow" && t.rules.some((r) => r.origin !== null));
      if (!flows) continue;
      const items = itemsOf("openflow");
      sections.push({ layer: bridge, title: `OpenFlow rules of ${bridge}`, host: device.host, items });
      const groups = groupItems(items);
      if (groups.length > 0)
        sections.push({ layer: "groups", title: `OpenFlow groups of ${bridge}`, host: device.host, items: groups, nodes: [] });
    } else if (own.length > 0) {
      const items = itemsOf("netfilter");
      if (items.length > 0) sections.push({ layer: "netfilter", title: "netfilter rules", host: device.host, items });
    }
  }
  return sections;
}

/** The groups that rules go to, each once. */
function groupItems(items: readonly ExplainItem[]): ExplainItem[] {
  const groups = new Map<string, EvidenceLink>();
  for (const l of items.flatMap((i) => i.links)) if (l.kind === "group") groups.set(`${l.file}:${l.line}`, l);
  return [...groups.values()].map((l) => ({ text: l.text ?? `group ${l.name}`, file: l.file ?? "", line: l.line ?? 0, links: [] }));
}

/** The routes that its addresses take on nodes and routers. A default route is no route of the Service's. */
function routeSections(ctx: Context, service: KnownService): ExplainSection[] {
  const addresses = [...new Set(service.frontends.map((f) => f.address).filter((a) => a !== ""))];
  return stacks(ctx.net).flatMap((device): ExplainSection[] => {
    const isNode = device.node !== "";
    if (!isNode && device.kind !== "router") return [];
    const items = addresses.flatMap((address) => {
      const wanted = addressPrefix(address);
      if (!wanted) return [];
      return routeTables(ctx.net, device, wanted.family).flatMap((table) =>
        routesIn(table, wanted)
          .filter((r) => r.prefix.len > 0)
          .map((r): ExplainItem => {
            const out = interfaces(device, r.rule);
            return {
              text: `${address}: ${routeText(device, r)} (table ${table.name})`,
              file: r.rule.origin?.file ?? "",
              line: r.rule.origin?.line ?? 0,
              links: ctx.view.annotators.flatMap((a) => [...a(r.rule, device)]),
              key: `route to ${address} in table ${table.name}`,
              // A node's own prefixes differ; the way out and how specific the route is do not.
              value: `/${r.prefix.len}${out.length === 0 ? "" : ` by ${out.join(", ")}`}`,
            };
          }),
      );
    });
    const complete = routeTables(ctx.net, device, 4).some((t) => t.rules.some((r) => r.origin !== null));
    if (!complete && items.length === 0) return [];
    return [{ layer: "routes", title: "routes to its addresses", host: device.host, items, ...(isNode ? {} : { nodes: [] }) }];
  });
}

/** Sections of one host, layer and title are one. */
function merged(sections: readonly ExplainSection[]): ExplainSection[] {
  const out = new Map<string, ExplainSection>();
  for (const s of sections) {
    const key = JSON.stringify([s.layer, s.title, s.host, s.nodes !== undefined]);
    const old = out.get(key);
    out.set(key, old ? { ...old, items: [...old.items, ...s.items] } : s);
  }
  return [...out.values()];
}

function rank(layer: string): number {
  const i = ORDER.indexOf(layer);
  return i < 0 ? ORDER.indexOf("*") : i;
}

/** Bridges in the order in which a packet from outside meets them: those with a rule for the host's address before the integration bridge, as named. */
function ordered(sections: readonly ExplainSection[]): ExplainSection[] {
  const layers = [...new Set(sections.map((s) => s.layer))].sort();
  const titles = [...new Set(sections.map((s) => s.title))];
  return [...sections].sort(
    (a, b) =>
      rank(a.layer) - rank(b.layer) ||
      layers.indexOf(a.layer) - layers.indexOf(b.layer) ||
      titles.indexOf(a.title) - titles.indexOf(b.title) ||
      (a.host < b.host ? -1 : a.host > b.host ? 1 : 0),
  );
}
