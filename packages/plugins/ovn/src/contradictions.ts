/**
 * What load balancers of nodes say that other evidence denies, or that they should say alike and do not.
 *
 * - A node's load balancer has the Service's node port on the node's addresses. An address there that the node is not known to
 *   have is of another moment or of another node.
 * - Under policy Local the host sends a Service's traffic to a masquerade address (169.254.x.3) and the node port, and every
 *   node's load balancer has that virtual address: with the local backends, or empty, which refuses. Where it is missing
 *   nothing refuses.
 */
import type { FactBase, LowerContext, Origin } from "@plumbline/model";
import { serviceOf, splitVip } from "./balancers.js";
import { type Row, rows, zones } from "./database.js";
import { asMap, asText } from "./values.js";

/** The node ports of a cluster that does not choose its own (kube-apiserver, --service-node-port-range). */
const NODE_PORTS = { first: 30000, last: 32767 } as const;
const LINK_LOCAL = /^169\.254\./;
/** The host's masquerade address for local endpoints only. */
const LOCAL_ONLY = /^169\.254\.\d+\.3:(\d+)$/;

/** A load balancer that is one node's, by its name: Service_NS/NAME_TCP_node_switch_NODE. */
interface NodeBalancer {
  readonly host: string;
  readonly lb: Row;
  readonly name: string;
  /** The name without the node: the same for all nodes of a Service. */
  readonly stem: string;
  readonly vips: readonly string[];
}

/** Stage `devices`. */
export function reportContradictions(ctx: LowerContext): void {
  const balancers = nodeBalancers(ctx);
  for (const b of balancers) foreignAddresses(ctx, b);
  const byStem = new Map<string, NodeBalancer[]>();
  for (const b of balancers) byStem.set(b.stem, [...(byStem.get(b.stem) ?? []), b]);
  for (const list of byStem.values()) missingLocalAddress(ctx, list);
}

function nodeBalancers(ctx: LowerContext): NodeBalancer[] {
  const names = (host: string) => [...new Set([host, ctx.nodeOf(host)])].filter((n) => n !== "");
  const all = ctx.facts.hosts().filter((h) => h !== "" && !h.startsWith("pods/"));
  const out: NodeBalancer[] = [];
  for (const [zone, z] of zones(ctx.facts)) {
    const hosts = zone === "" ? all : [zone];
    for (const lb of rows(z, "northbound", "Load_Balancer")) {
      const name = asText(lb.columns["name"]);
      for (const host of hosts) {
        const node = names(host).find((n) => name.endsWith(`_${n}`));
        if (node === undefined || !/_node_(?:switch|router|local_router)\w*_/.test(name)) continue;
        out.push({ host, lb, name, stem: name.slice(0, -node.length), vips: Object.keys(asMap(lb.columns["vips"])) });
        break;
      }
    }
  }
  return out;
}

const at = (o: Origin) => `${o.file}:${o.line}`;

/** Addresses that other evidence gives to a host. */
function knownAddresses(facts: FactBase, host: string, node: string): Map<string, Origin> {
  const known = new Map<string, Origin>();
  const add = (address: string, origin: Origin) => {
    if (!known.has(address)) known.set(address, origin);
  };
  for (const f of facts.of("linux.address", host)) add(f.data.address, f.origin);
  for (const f of facts.all("k8s.node"))
    if (f.data.name === host || f.data.name === node) for (const a of f.data.addresses) add(a, f.origin);
  for (const f of facts.of("host.address-claim", host)) add(f.data.address, f.origin);
  return new Map([...known].filter(([a]) => /^\d+\.\d+\.\d+\.\d+$/.test(a)));
}

/** Next hops of the routes to any of these addresses, as routers print them. */
function nextHopsTo(facts: FactBase, addresses: ReadonlySet<string>): string[] {
  const of = (prefix: string) => prefix.endsWith("/32") && addresses.has(prefix.slice(0, -3));
  const routes = facts
    .all("frr.route")
    .flatMap((f) => (of(f.data.prefix) ? f.data.nexthops.map((h) => ({ via: h.via, origin: f.origin })) : []));
  const paths = facts.all("frr.bgp-path").flatMap((f) => (of(f.data.prefix) ? [{ via: f.data.nexthop, origin: f.origin }] : []));
  const texts = new Map<string, string>();
  for (const { via, origin } of [...routes, ...paths]) if (via !== "" && !texts.has(via)) texts.set(via, `${via} (${at(origin)})`);
  return [...texts.values()].sort();
}

function foreignAddresses(ctx: LowerContext, b: NodeBalancer): void {
  const { facts } = ctx;
  const services = new Set(facts.all("k8s.service").flatMap((f) => [...f.data.vips, ...f.data.externalIPs, ...f.data.clusterIPs]));
  const nodePorts = b.vips.filter((key) => {
    const vip = splitVip(key);
    const candidate = /^\d+\.\d+\.\d+\.\d+$/.test(vip.address) && !LINK_LOCAL.test(vip.address) && !services.has(vip.address);
    return candidate && vip.port >= NODE_PORTS.first && vip.port <= NODE_PORTS.last;
  });
  const known = knownAddresses(facts, b.host, ctx.nodeOf(b.host));
  const foreign = nodePorts.filter((key) => !known.has(splitVip(key).address));
  if (foreign.length === 0) return;
  const ways = nextHopsTo(facts, new Set(b.vips.map((key) => splitVip(key).address)));
  if (known.size === 0 && (ways.length === 0 || foreign.some((key) => ways.some((w) => w.startsWith(`${splitVip(key).address} `))))) return;
  const own = [...known].map(([address, origin]) => `${address} (${at(origin)})`);
  ctx.problem({
    severity: "warning",
    file: b.lb.origin.file,
    line: b.lb.origin.line,
    message: `load balancer ${b.name} has node ports on ${foreign.join(" and ")}, but ${
      own.length > 0
        ? `${b.host} has ${own.join(", ")}`
        : `no other evidence gives ${b.host} such an address: the next hops to its virtual address are ${ways.join(", ")}`
    }`,
    hint: `The two are of different moments or different nodes. Collect \`ip addr\` and \`ovn-nbctl list Load_Balancer\` of ${b.host} again.`,
  });
}

function missingLocalAddress(ctx: LowerContext, list: readonly NodeBalancer[]): void {
  const expected = new Map<string, string>();
  for (const b of list)
    for (const key of b.vips)
      if (LOCAL_ONLY.test(key) && !expected.has(key)) expected.set(key, `that of ${b.host} has it (${at(b.lb.origin)})`);
  const service = ctx.facts.all("k8s.service").find((f) => `${f.data.namespace}/${f.data.name}` === serviceOf(list[0]!.lb));
  const local = service?.data.externalTrafficPolicy === "Local" ? service.data : undefined;
  if (local && /_node_switch/.test(list[0]!.stem))
    for (const { nodePort } of local.ports)
      if (nodePort > 0 && ![...expected.keys()].some((key) => LOCAL_ONLY.exec(key)?.[1] === String(nodePort)))
        expected.set(`169.254.x.3:${nodePort}`, `the Service's externalTrafficPolicy is Local (${at(service!.origin)})`);
  for (const b of list) {
    for (const [key, because] of expected) {
      if (b.vips.includes(key)) continue;
      ctx.problem({
        severity: "warning",
        file: b.lb.origin.file,
        line: b.lb.origin.line,
        message: `load balancer ${b.name} has no virtual address ${key}, and ${because}: absent, not empty. A connection to it on ${b.host} falls through the load balancer; only an empty virtual address refuses it (reject)`,
        hint: `Collect \`ovn-nbctl find load_balancer name="${b.name}"\` on ${b.host} again.`,
      });
    }
  }
}
