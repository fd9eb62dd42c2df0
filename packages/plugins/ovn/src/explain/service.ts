/**
 * A Service in OVN: its load balancers, which node's switch and router has which of its addresses with which backends, and the
 * logical flows that come of them.
 */
import type { ExplainItem, ExplainSection, FactBase, Frontend, KnownService } from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { lflowLinks } from "../annotate.js";
import { destinationOf, protocolOf, serviceOf, splitVip } from "../balancers.js";
import { type Lflow, type Row, rows, type Zone, zones } from "../database.js";
import { tableOffsets } from "../offsets.js";
import { asMap, asText } from "../values.js";
import { lflowBody } from "./cookie.js";
import { hostsOf, nodeAddresses, nodeOfDatapath, nodesOf, roleOf, usersOf } from "./usage.js";

export function explainService(facts: FactBase, service: KnownService): ExplainSection[] {
  return [...zones(facts).values()].flatMap((zone) => [
    ...balancerSections(facts, zone, service),
    ...logicalSections(facts, zone, service),
    ...cookieSection(zone, service),
  ]);
}

const cookieOf = (uuid: string): { cookie: bigint } | object => (uuid === "" ? {} : { cookie: BigInt(`0x${uuid.slice(0, 8)}`) });

function balancersOf(zone: Zone, service: KnownService): Row[] {
  return rows(zone, "northbound", "Load_Balancer").filter((lb) => serviceOf(lb) === service.name);
}

function balancerSections(facts: FactBase, zone: Zone, service: KnownService): ExplainSection[] {
  const all = rows(zone, "northbound", "Load_Balancer");
  if (all.length === 0) return [];
  const balancers = balancersOf(zone, service);
  const users = usersOf(zone);
  const names = (lb: Row) => [
    ...new Set((users.get(lb.uuid) ?? []).map((u) => (u.group === "" ? `${u.kind} ${u.name}` : `group ${u.group}`))),
  ];
  const items = balancers.map((lb): ExplainItem => {
    const vips = Object.entries(asMap(lb.columns["vips"])).map(
      ([vip, backends]) => `${vip} -> ${backends === "" ? "no backend: rejects" : backends}`,
    );
    const options = Object.entries(asMap(lb.columns["options"])).map(([k, v]) => `${k}=${v}`);
    const used = names(lb);
    return {
      text: `${asText(lb.columns["name"])} (${protocolOf(lb)}): ${vips.join("; ")}${options.length > 0 ? `; options ${options.join(" ")}` : ""}${users.size === 0 ? "" : `; used by ${used.length === 0 ? "no switch or router" : used.join(", ")}`}`,
      file: lb.origin.file,
      line: lb.origin.line,
      links: [{ kind: "load_balancer", name: asText(lb.columns["name"]), uuid: lb.uuid }],
    };
  });
  const sections: ExplainSection[] = [{ layer: "load-balancers", title: "load balancers (northbound)", host: zone.host, items, nodes: [] }];
  if (users.size > 0)
    sections.push({
      layer: "load-balancers",
      title: "its addresses, switch by switch and router by router",
      host: zone.host,
      items: balancers.flatMap((lb) => useItems(facts, zone, lb)),
      nodes: nodesOf(facts, zone),
    });
  return sections;
}

/** A line for each address of a load balancer on each datapath that uses it. */
function useItems(facts: FactBase, zone: Zone, lb: Row): ExplainItem[] {
  const protocol = protocolOf(lb);
  return (usersOf(zone).get(lb.uuid) ?? []).flatMap((u) =>
    Object.entries(asMap(lb.columns["vips"])).map(([vip, backends]): ExplainItem => {
      const node = nodeOfDatapath(facts, u.name);
      const end = `${neutral(facts, vip)}/${protocol}`;
      return {
        text: `${u.kind} ${u.name}: ${vip}/${protocol} -> ${backends === "" ? "no backend: rejects" : backends}`,
        file: lb.origin.file,
        line: lb.origin.line,
        links: [{ kind: "load_balancer", name: asText(lb.columns["name"]), uuid: lb.uuid }],
        ...(node === "" ? {} : { nodes: [node], key: `${roleOf(u.name)} has ${end}`, value: backends === "" ? "no backend" : "backends" }),
      };
    }),
  );
}

/** A virtual address as it is called on every node: a node's own address, given or by a template, is "NODE". */
function neutral(facts: FactBase, vip: string): string {
  const { address, port } = splitVip(vip);
  const own = address.startsWith("^") || nodeAddresses(facts).has(address);
  return own ? `NODE:${port}` : addressPort(address, port);
}

/** The frontend that a logical flow's match asks for. */
function frontendOf(l: Lflow, frontends: readonly Frontend[], own: ReadonlySet<string>): Frontend | undefined {
  const to = destinationOf(l.match);
  if (!to) return undefined;
  return frontends.find(
    (f) =>
      (f.address === to.address || (f.address === "" && (own.has(to.address) || to.address.startsWith("^")))) &&
      (to.port === 0 ? f.address !== "" : to.port === f.port) &&
      (to.protocol === "" || f.protocol === "" || to.protocol === f.protocol),
  );
}

function logicalSections(facts: FactBase, zone: Zone, service: KnownService): ExplainSection[] {
  if (zone.lflows.length === 0) return [];
  const own = nodeAddresses(facts);
  const offsets = tableOffsets(facts, hostsOf(facts, zone)[0] ?? zone.host);
  const items = zone.lflows.flatMap((l): ExplainItem[] => {
    const f = frontendOf(l, service.frontends, own);
    if (!f) return [];
    const origin = l.at.values().next().value;
    const nodes = [...new Set([...l.at.keys()].map((d) => nodeOfDatapath(facts, d)))].filter((n) => n !== "");
    const roles = [...new Set([...l.at.keys()].map(roleOf))].join(", ");
    const end = f.address === "" ? `NODE:${f.port}` : addressPort(f.address, f.port);
    return [
      {
        text: `${l.uuid.slice(0, 8)} ${lflowBody(l, offsets)}`.trim(),
        file: origin?.file ?? "",
        line: origin?.line ?? 0,
        links: lflowLinks(facts, zone, l, l.at.keys().next().value).filter((x) => x.kind !== "lflow"),
        nodes,
        key: `${l.stage} (${roles}) for ${end}/${f.protocol}`,
        value: /\breject \{/.test(l.actions) ? "rejects" : /\bct_lb(_mark)?\(backends=/.test(l.actions) ? "balances" : "",
        ...cookieOf(l.uuid),
      },
    ];
  });
  return [{ layer: "logical", title: "logical flows", host: zone.host, items, nodes: nodesOf(facts, zone) }];
}

/** The southbound rows of its load balancers: their UUIDs are cookies too (hairpin flows). */
function cookieSection(zone: Zone, service: KnownService): ExplainSection[] {
  const names = new Set(balancersOf(zone, service).map((lb) => asText(lb.columns["name"])));
  const items = rows(zone, "southbound", "Load_Balancer")
    .filter((lb) => names.has(asText(lb.columns["name"])))
    .map(
      (lb): ExplainItem => ({
        text: `${asText(lb.columns["name"])} ${lb.uuid}`,
        file: lb.origin.file,
        line: lb.origin.line,
        links: [],
        ...cookieOf(lb.uuid),
      }),
    );
  return items.length === 0 ? [] : [{ layer: "load-balancers", title: "load balancers (southbound)", host: zone.host, items, nodes: [] }];
}
