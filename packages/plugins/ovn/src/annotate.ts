/**
 * Names what stands behind a rule of an integration bridge: cookie -> southbound row -> northbound row -> Kubernetes object.
 *
 * A bridge is taken for an integration bridge rule by rule: its cookies are the beginnings of southbound UUIDs, and the
 * table must fit. Nothing is said of a rule whose cookie stands for nothing.
 */
import type { Annotator, Device, EvidenceLink, FactBase, Rule } from "@plumbline/model";
import { balancerLinks, lflowBalancerLinks, serviceOf } from "./balancers.js";
import { fitting } from "./cookies.js";
import { type Lflow, type Row, row, rows, type Zone } from "./database.js";
import { logicalSource } from "./logical.js";
import { flowHead } from "./offsets.js";
import { asMap, asNumber, asSet, asText } from "./values.js";

export function annotator(facts: FactBase): Annotator {
  return (rule: Rule, device: Device) => {
    if (device.kind === "logical") return logicalLinks(facts, rule);
    if (device.kind !== "bridge" || !rule.origin) return [];
    // A rule that stands in for OpenFlow says itself what the flow would be.
    const head = flowHead(rule.derived ?? rule.origin.text);
    const cookie = rule.cookie ?? head.cookie;
    if (cookie === undefined) return [];
    const found = fitting(facts, device.host, cookie, head.table);
    if (!found) return [];
    const datapath = head.metadata === undefined ? undefined : found.zone.datapathByKey.get(head.metadata);
    return [
      ...found.lflows.flatMap((l) => lflowLinks(facts, found.zone, l, datapath)),
      ...found.rows.flatMap((r) => rowLinks(facts, found.zone, r)),
    ];
  };
}

/** What a rule of a logical device was made from. */
function logicalLinks(facts: FactBase, rule: Rule): EvidenceLink[] {
  const source = logicalSource(rule);
  if (!source) return [];
  if (source.kind === "balancer") return balancerLinks([source]);
  const { zone, lflow, datapath } = source;
  return [...lflowLinks(facts, zone, lflow, datapath), ...forcedSnat(zone, lflow, datapath)];
}

/**
 * The flows that translate the source of what a gateway router's load balancer sent on (`force_snat`): one a way out, the one of
 * the highest priority; the way to the join switch first, because pods are behind it.
 */
function forcedSnat(zone: Zone, l: Lflow, datapath: string): EvidenceLink[] {
  if (!/\bforce_snat\b/.test(l.actions)) return [];
  const ways = new Map<string, { readonly lflow: Lflow; readonly link: EvidenceLink }>();
  for (const s of zone.lflows) {
    const origin = s.at.get(datapath);
    if (s.stage !== "lr_out_snat" || !origin || !/\bflags\.force_snat_for_lb == 1\b/.test(s.match)) continue;
    const way = /\boutport == "([^"]+)"/.exec(s.match)?.[1] ?? "";
    if ((ways.get(way)?.lflow.priority ?? -1) >= s.priority) continue;
    const text = `${s.match} -> ${s.actions}`;
    ways.set(way, {
      lflow: s,
      link: { kind: "lflow", uuid: s.uuid, stage: s.stage, datapath, text, file: origin.file, line: origin.line },
    });
  }
  const order = [...ways].sort(([a], [b]) => Number(b.startsWith("rtoj-")) - Number(a.startsWith("rtoj-")));
  return order.map(([, w]) => w.link);
}

/** A logical flow and all that it was made from. `datapath`: that of the OpenFlow rule, where it names one. */
export function lflowLinks(facts: FactBase, zone: Zone, l: Lflow, datapath: string | undefined): EvidenceLink[] {
  const name = datapath !== undefined && l.at.has(datapath) ? datapath : (l.at.keys().next().value ?? "");
  const origin = l.at.get(name);
  const link: EvidenceLink = {
    kind: "lflow",
    uuid: l.uuid,
    stage: l.stage,
    ...(name === "" ? {} : { datapath: name }),
    text: `${l.match} -> ${l.actions}`,
    ...(origin ? { file: origin.file, line: origin.line } : {}),
  };
  const balancers = lflowBalancerLinks(facts, zone, l, name);
  return [link, ...balancers, ...madeFrom(facts, zone, l, balancers.length > 0)];
}

/** The northbound rows a logical flow was made from: by its stage hint; ACLs and NAT, failing that, by what they say. */
function madeFrom(facts: FactBase, zone: Zone, l: Lflow, hasBalancers: boolean): EvidenceLink[] {
  const hinted = l.hints.flatMap((h) => (zone.rowsByPrefix.get(h) ?? []).filter((r) => r.database === "northbound"));
  const links = hinted.filter((r) => !(hasBalancers && r.table === "Load_Balancer")).flatMap((r) => rowLinks(facts, zone, r));
  const has = (kind: string) => links.some((x) => x.kind === kind);
  if (/_acl/.test(l.stage) && !has("acl"))
    links.push(
      ...rows(zone, "northbound", "ACL")
        .filter((a) => aclMade(a, l))
        .flatMap((a) => rowLinks(facts, zone, a)),
    );
  if (/nat$/.test(l.stage) && !has("nat"))
    links.push(
      ...rows(zone, "northbound", "NAT")
        .filter((n) => natMade(n, l))
        .flatMap((n) => rowLinks(facts, zone, n)),
    );
  return links;
}

/** An ACL's match stands whole in the logical flow's, whose priority is 1000 above the ACL's (northd, OVN_ACL_PRI_OFFSET). */
function aclMade(acl: Row, l: Lflow): boolean {
  const match = asText(acl.columns["match"]);
  const towards = asText(acl.columns["direction"]) === "from-lport" ? "ingress" : "egress";
  return (
    match !== "" && towards === l.pipeline && (asNumber(acl.columns["priority"]) ?? 0) + 1000 === l.priority && l.match.includes(match)
  );
}

function natMade(nat: Row, l: Lflow): boolean {
  const inside = asText(nat.columns["logical_ip"]);
  const outside = asText(nat.columns["external_ip"]);
  const says = (text: string) => l.match.endsWith(text) || l.match.includes(`${text} `) || l.match.includes(`${text})`);
  if (/_out_/.test(l.stage)) return says(`ip4.src == ${inside}`) || says(`ip6.src == ${inside}`);
  return (
    (says(`ip4.dst == ${outside}`) || says(`ip6.dst == ${outside}`)) && (l.actions.includes(inside) || !l.actions.includes("ct_dnat("))
  );
}

/** `namespace/name` of the pod that a logical port is for: as the port says, else as a pod's name makes the port's. */
function podOfPort(facts: FactBase, zone: Zone, port: string): string {
  const lsp = rows(zone, "northbound", "Logical_Switch_Port").find((p) => asText(p.columns["name"]) === port);
  const ids = asMap(lsp?.columns["external_ids"]);
  const namespace = ids["namespace"];
  if (ids["pod"] !== undefined && namespace !== undefined && port.startsWith(`${namespace}_`))
    return `${namespace}/${port.slice(`${namespace}_`.length)}`;
  const pod = facts.all("k8s.pod").find((p) => `${p.data.namespace}_${p.data.name}` === port);
  return pod ? `${pod.data.namespace}/${pod.data.name}` : "";
}

function at(r: Row): { uuid: string; file: string; line: number } {
  return { uuid: r.uuid, file: r.origin.file, line: r.origin.line };
}

/** Links to a row of either database and to what it belongs to. */
export function rowLinks(facts: FactBase, zone: Zone, r: Row): EvidenceLink[] {
  const text = (column: string) => asText(r.columns[column]);
  const ids = asMap(r.columns["external_ids"]);
  const datapath = datapathOf(zone, r);
  const place = datapath === "" ? {} : { datapath };
  switch (r.table) {
    case "Port_Binding":
    case "Logical_Switch_Port": {
      const port = r.table === "Port_Binding" ? text("logical_port") : text("name");
      const type = text("type");
      const addresses = asSet(r.table === "Port_Binding" ? r.columns["mac"] : r.columns["addresses"]).join(" ");
      const kind = r.table === "Port_Binding" ? "port_binding" : "logical_switch_port";
      const link: EvidenceLink = { kind, name: port, ...place, text: [type, addresses].filter((x) => x !== "").join(" "), ...at(r) };
      const pod = podOfPort(facts, zone, port);
      return pod === "" ? [link] : [link, { kind: "pod", name: pod }];
    }
    case "MAC_Binding":
    case "Static_MAC_Binding":
      return [{ kind: r.table.toLowerCase(), name: text("logical_port"), ...place, text: `${text("ip")} -> ${text("mac")}`, ...at(r) }];
    case "Chassis":
      return [{ kind: "chassis", name: text("hostname"), text: text("name"), ...at(r) }];
    case "Load_Balancer": {
      const vips = Object.entries(asMap(r.columns["vips"])).map(([k, v]) => `${k} -> ${v === "" ? "no backend: rejects" : v}`);
      // Southbound rows have no owner: the northbound row of the same name or of the id they keep has.
      const northbound =
        r.database === "northbound"
          ? r
          : rows(zone, "northbound", "Load_Balancer").find((n) => n.uuid === ids["lb_id"] || asText(n.columns["name"]) === text("name"));
      const service = serviceOf(northbound ?? r);
      const link: EvidenceLink = { kind: "load_balancer", name: text("name"), text: vips.join("; "), ...at(northbound ?? r) };
      return service === "" ? [link] : [link, { kind: "service", name: service }];
    }
    case "ACL": {
      const name = String(ids["k8s.ovn.org/name"] ?? text("name"));
      const link: EvidenceLink = {
        kind: "acl",
        name,
        text: `${text("direction")} ${text("priority")} ${text("match")} ${text("action")}`,
        ...at(r),
      };
      const policy = /^([^:]+):([^:]+)$/.exec(name);
      if (ids["k8s.ovn.org/owner-type"] !== "NetworkPolicy" || !policy) return [link];
      return [link, { kind: "network_policy", name: `${policy[1]}/${policy[2]}` }];
    }
    case "NAT":
      return [{ kind: "nat", name: `${text("type")} ${text("logical_ip")} ${text("external_ip")}`, ...at(r) }];
    case "Logical_Router_Static_Route":
      return [{ kind: "static_route", name: text("ip_prefix"), text: `via ${text("nexthop")} ${text("output_port")}`.trim(), ...at(r) }];
    case "Logical_Router_Policy":
      return [
        {
          kind: "router_policy",
          name: text("priority"),
          text: `${text("match")} ${text("action")} ${asSet(r.columns["nexthops"]).join(",")}`.trim(),
          ...at(r),
        },
      ];
    default:
      return [{ kind: r.table.toLowerCase(), name: text("name"), ...place, ...at(r) }];
  }
}

/** Name of the logical datapath that a southbound row refers to. */
function datapathOf(zone: Zone, r: Row): string {
  const d = row(zone, "southbound", "Datapath_Binding", asText(r.columns["datapath"]));
  return d ? asText(asMap(d.columns["external_ids"])["name"]) : "";
}
