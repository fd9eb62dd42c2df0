/**
 * The bridge between a gateway router and the physical network, as OVN-Kubernetes programs it (go-controller/pkg/node:
 * gateway_shared_intf.go, gateway_localnet.go; OpenFlow as a node has it).
 *
 * No database says what its flows are. Where they are not in evidence they are assumed: from the gateway router's external port, the
 * node's routes (masquerade subnet, Service and cluster networks) and the load balancers of its router. In shared gateway mode
 * traffic to a Service's address or node port goes straight to OVN, in local mode to the host.
 *
 * Assumed as well: zones 64000 to 64002, marks 1 and 2. Not made: flows for fragments, path MTU and BFD.
 */
import { type DerivedLine, type DerivedPort, type DerivedSwitch, type FactBase, ipv4Number, ipv4Text, type Origin } from "@plumbline/model";
import { endpoint } from "../actions/index.js";
import { row, rows } from "../database.js";
import { expandTemplates } from "../expr/index.js";
import type { LogicalPort } from "../logical/topology.js";
import { asMap, asSet, asText } from "../values.js";
import { bridgeOf, type Chassis, configOf } from "./chassis.js";

const UPLINK = "uplink";
const PATCH = "patch";
const COOKIE = "0xdeff105";

/** What a node's own evidence says of its networks. */
interface NodeNetworks {
  readonly mac: string;
  readonly address: string;
  readonly network: string;
  /** Masquerade addresses of the host and of OVN, and their subnet; undefined without one. */
  readonly masquerade: { readonly subnet: string; readonly host: string; readonly ovn: string } | undefined;
  /** Of Services. */
  readonly services: string | undefined;
  /** Of all pods, and of this node's. */
  readonly cluster: string | undefined;
  readonly pods: string | undefined;
  /** The host's own address among the pods'. */
  readonly management: string | undefined;
}

/** The gateway's bridge of a chassis; undefined where nothing tells that there is one. */
export function gatewayBridge(
  facts: FactBase,
  host: string,
  chassis: Chassis,
  templates: ReadonlyMap<string, string>,
): DerivedSwitch | undefined {
  const external = externalPort(chassis);
  if (!external) return undefined;
  const { router, localnet } = external;
  const name = bridgeName(facts, host, chassis, localnet);
  const node = name === undefined ? undefined : networksOf(facts, host, name, router);
  if (name === undefined || !node) return undefined;
  const type = asMap(chassis.row.columns["other_config"])["datapath-type"];
  const own = bridgeOf(configOf(facts, host));
  const { origin } = localnet.row;
  const ports: DerivedPort[] = [
    { key: UPLINK, kind: "uplink", origin },
    { key: PATCH, kind: "patch", name: `patch-${localnet.name}-to-${own}`, peer: `patch-${own}-to-${localnet.name}`, origin },
  ];
  return {
    host,
    bridge: name,
    ports,
    certainty: "assumed",
    onlyMissing: true,
    why: `the OpenFlow of ${name} of ${host} is not in evidence: taken to be as OVN-Kubernetes writes it`,
    instead: "they are taken to be as OVN-Kubernetes writes them (assumed)",
    datapathType: type === undefined ? undefined : type === "netdev" ? "netdev" : "system",
    lines(numberOf) {
      const [uplink, patch] = [numberOf(UPLINK), numberOf(PATCH)];
      if (uplink === undefined || patch === undefined) return { flows: [], groups: [] };
      const flows = new Flows(uplink, patch, origin);
      common(flows, node);
      if (isLocalMode(chassis, node)) localMode(flows, node);
      else sharedMode(flows, node, chassis, router, templates);
      return { flows: flows.lines, groups: [] };
    },
  };
}

/** The gateway router's port to the outside, and the way of its switch to the physical network. */
function externalPort(chassis: Chassis): { readonly router: LogicalPort; readonly localnet: LogicalPort } | undefined {
  for (const port of chassis.topology.ports.values()) {
    if (port.type !== "l3gateway" || port.datapath.kind !== "router" || !chassis.isBoundHere(port) || !port.peer) continue;
    const localnet = chassis.localnetOf(port.peer.datapath);
    if (localnet) return { router: port, localnet };
  }
  return undefined;
}

function bridgeName(facts: FactBase, host: string, chassis: Chassis, localnet: LogicalPort): string | undefined {
  const network = String(asMap(localnet.row.columns["options"])["network_name"] ?? "");
  const mappings =
    configOf(facts, host)["ovn-bridge-mappings"] ?? String(asMap(chassis.row.columns["other_config"])["ovn-bridge-mappings"] ?? "");
  return mappings
    .split(",")
    .map((m) => m.split(":"))
    .find(([n]) => n === network)?.[1];
}

function networksOf(facts: FactBase, host: string, bridge: string, router: LogicalPort): NodeNetworks | undefined {
  const [mac = "", cidr = ""] = asText(router.row.columns["mac"]).split(/\s+/);
  const [address = "", len = ""] = cidr.split("/");
  const value = ipv4Number(address);
  const own = facts.of("linux.address", host).filter((f) => f.data.family === 4);
  // The router has the node's own address on that bridge.
  if (value === null || !own.some((f) => f.data.ifname === bridge && f.data.address === address)) return undefined;
  const routes = facts.of("linux.route", host).filter((f) => f.data.family === 4 && f.data.table === "main" && f.data.type === "unicast");
  const masked = own.find((f) => f.data.ifname === bridge && f.data.address.startsWith("169.254."))?.data;
  const base = masked && networkOf(masked.address, masked.prefixLen);
  const via = (dev: string, has: (via: string) => boolean) =>
    routes.find((f) => f.data.nexthops.some((n) => n.dev === dev && has(n.via)))?.data.prefix;
  const management = own.find((f) => f.data.ifname.startsWith("ovn-k8s-mp"))?.data;
  const prefixes = management
    ? routes.filter((f) => f.data.nexthops.some((n) => n.dev === management.ifname && n.via !== "")).map((f) => f.data.prefix)
    : [];
  return {
    mac,
    address,
    network: networkOf(address, Number(len)),
    masquerade:
      masked && base ? { subnet: base, host: masked.address, ovn: ipv4Text((ipv4Number(base.split("/")[0]!) ?? 0) + 1) } : undefined,
    services: via(bridge, (v) => v.startsWith("169.254.")),
    cluster: prefixes.find((p) => management !== undefined && contains(p, management.address) && !p.endsWith("/32")),
    pods: management && networkOf(management.address, management.prefixLen),
    management: management?.address,
  };
}

function networkOf(address: string, len: number): string {
  const value = ipv4Number(address) ?? 0;
  return `${ipv4Text(len === 0 ? 0 : (value & (0xffffffff << (32 - len))) >>> 0)}/${len}`;
}
function contains(prefix: string, address: string): boolean {
  const len = Number(prefix.split("/")[1] ?? 32);
  return networkOf(address, len) === networkOf(prefix.split("/")[0]!, len);
}

/** In local mode the cluster's router sends what this node's pods have for the outside to the host. */
function isLocalMode(chassis: Chassis, node: NodeNetworks): boolean {
  return [...chassis.localDatapaths].some((d) =>
    d.lflows.some(
      (l) =>
        l.stage === "lr_in_ip_routing" && l.match.includes(`ip4.src == ${node.pods}`) && l.actions.includes(`reg0 = ${node.management};`),
    ),
  );
}

class Flows {
  readonly lines: DerivedLine[] = [];
  constructor(
    readonly uplink: number,
    readonly patch: number,
    private readonly origin: Origin,
  ) {}
  add(table: number, priority: number, match: string, actions: string, origin = this.origin): void {
    const text = `cookie=${COOKIE}, table=${table}, priority=${priority}${match === "" ? "" : `,${match}`} actions=${actions}`;
    this.lines.push({ text, origin: { file: origin.file, line: origin.line, text: `assumed: ${text}` } });
  }
}

const OF_OVN = "ct(commit,zone=64000,exec(set_field:0x1->ct_mark))";
const OF_HOST = "ct(commit,zone=64000,exec(set_field:0x2->ct_mark))";

function common(f: Flows, { mac, address, network, masquerade, services, cluster, pods, management }: NodeNetworks): void {
  const { uplink, patch } = f;
  const fromOvn = `in_port=${patch},dl_src=${mac}`;
  f.add(0, 205, `udp,in_port=${uplink},dl_dst=${mac},tp_dst=6081`, "LOCAL");
  f.add(0, 200, `udp,in_port=${uplink},tp_dst=6081`, "NORMAL");
  f.add(0, 200, "udp,in_port=LOCAL,tp_dst=6081", `output:${uplink}`);
  if (masquerade && services !== undefined) {
    const { subnet, host, ovn } = masquerade;
    f.add(0, 550, `ip,in_port=LOCAL,nw_src=${subnet},nw_dst=${services}`, "ct(commit,table=2,zone=64001)");
    f.add(0, 500, `ip,in_port=LOCAL,nw_dst=${services}`, `ct(commit,table=2,zone=64001,nat(src=${host}))`);
    f.add(0, 500, `ip,in_port=${patch},nw_src=${services},nw_dst=${subnet}`, "ct(table=3,zone=64001,nat)");
    f.add(0, 500, `ip,in_port=${patch},nw_src=${address},nw_dst=${host}`, `ct(commit,table=4,zone=64001,nat(dst=${address}))`);
    f.add(0, 500, `ip,in_port=LOCAL,nw_dst=${ovn}`, "ct(table=5,zone=64002,nat)");
    f.add(0, 115, `ip,in_port=${patch},nw_dst=${services}`, "drop");
    f.add(2, 100, "", `set_field:${mac}->eth_dst,output:${patch}`);
    f.add(3, 100, "", `move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[],set_field:${mac}->eth_dst,LOCAL`);
    f.add(4, 100, "ip", `ct(commit,table=3,zone=64002,nat(src=${ovn}))`);
    f.add(5, 100, "ip", "ct(commit,table=2,zone=64001,nat)");
  }
  if (pods !== undefined) f.add(0, 109, `ip,${fromOvn},nw_src=${pods}`, `${OF_OVN},output:${uplink}`);
  if (cluster !== undefined) f.add(0, 104, `ip,in_port=${patch},nw_src=${cluster}`, "drop");
  f.add(0, 105, `pkt_mark=0x3f0,ip,${fromOvn}`, `ct(commit,zone=64000,nat(src=${address}),exec(set_field:0x1->ct_mark)),output:${uplink}`);
  f.add(0, 102, `ip,in_port=LOCAL,dl_src=${mac},nw_dst=${network}`, `${OF_HOST},NORMAL`);
  f.add(0, 100, `ip,${fromOvn}`, `${OF_OVN},output:${uplink}`);
  f.add(0, 100, "ip,in_port=LOCAL", `${OF_HOST},output:${uplink}`);
  f.add(0, 50, "ip", "ct(table=1,zone=64000,nat)");
  f.add(0, 10, `dl_dst=${mac}`, `output:${patch},NORMAL`);
  f.add(0, 10, fromOvn, "NORMAL");
  f.add(0, 9, `in_port=${patch}`, "drop");
  f.add(0, 0, "", "NORMAL");
  for (const state of ["+est+trk", "+rel+trk"]) {
    f.add(1, 100, `ct_state=${state},ct_mark=0x2,ip`, "LOCAL");
    f.add(1, 100, `ct_state=${state},ct_mark=0x1,ip`, `output:${patch}`);
  }
  if (management !== undefined) f.add(1, 16, `ip,nw_dst=${management}`, "LOCAL");
  if (cluster !== undefined) f.add(1, 15, `ip,nw_dst=${cluster}`, `output:${patch}`);
  f.add(1, 10, `dl_dst=${mac}`, "LOCAL");
  f.add(1, 0, "", "NORMAL");
}

function localMode(f: Flows, { address }: NodeNetworks): void {
  for (const p of ["tcp", "udp", "sctp"]) f.add(0, 175, `${p},in_port=${f.patch},nw_src=${address}`, "ct(table=4,zone=64001)");
}

/** Services' external addresses and node ports go straight to OVN. */
function sharedMode(f: Flows, node: NodeNetworks, chassis: Chassis, router: LogicalPort, templates: ReadonlyMap<string, string>): void {
  const { uplink, patch } = f;
  f.add(0, 102, `ip,in_port=${patch},dl_src=${node.mac},nw_dst=${node.network}`, `${OF_OVN},NORMAL`);
  const told = new Set<string>();
  for (const lb of rows(chassis.zone, "southbound", "Load_Balancer").concat(rows(chassis.zone, "northbound", "Load_Balancer"))) {
    if (!isOf(lb, chassis, router)) continue;
    const protocol = asText(lb.columns["protocol"]) || "tcp";
    for (const key of Object.keys(asMap(lb.columns["vips"]))) {
      const vip = endpoint(expandTemplates(key, templates));
      if (vip?.address.family !== 4 || vip.port === 0) continue;
      const to = ipv4Text(Number(vip.address.value));
      if (to.startsWith("169.254.") || (node.services !== undefined && contains(node.services, to))) continue;
      const own = to === node.address;
      const match = own ? `tp_dst=${vip.port}` : `nw_dst=${to},tp_dst=${vip.port}`;
      if (told.has(`${protocol} ${match}`)) continue;
      told.add(`${protocol} ${match}`);
      f.add(0, 110, `${protocol},in_port=${uplink},${match}`, `output:${patch}`, lb.origin);
      const back = own ? `tp_src=${vip.port}` : `nw_src=${to},tp_src=${vip.port}`;
      f.add(0, 110, `${protocol},in_port=${patch},dl_src=${node.mac},${back}`, `output:${uplink}`, lb.origin);
      if (!own) f.add(0, 110, `arp,in_port=${uplink},arp_op=1,arp_tpa=${to}`, "LOCAL", lb.origin);
    }
  }
}

/** The gateway router's own load balancers: by its southbound row's datapaths, or the northbound router's list. */
function isOf(lb: ReturnType<typeof rows>[number], chassis: Chassis, router: LogicalPort): boolean {
  const { zone } = chassis;
  if (lb.database === "southbound") {
    const groups = ["datapath_group", "lr_datapath_group"].map((c) => row(zone, "southbound", "Logical_DP_Group", asText(lb.columns[c])));
    return [lb.columns["datapaths"], ...groups.map((g) => g?.columns["datapaths"])].some((m) => asSet(m).includes(router.datapath.uuid));
  }
  const nb = row(zone, "northbound", "Logical_Router", router.datapath.nbUuid);
  const groups = asSet(nb?.columns["load_balancer_group"]).map((g) => row(zone, "northbound", "Load_Balancer_Group", String(g)));
  return [nb, ...groups].some((r) => asSet(r?.columns["load_balancer"]).includes(lb.uuid));
}
