/**
 * Random logical topologies, as commands for `ovn-nbctl`, with what traffic may aim at: switches with ports, routers between them,
 * distributed or of one chassis, with a join switch and a localnet port to the outside. What policies, translations and load balancers
 * are put on it comes from features.ts.
 */
import type { Random } from "../random.js";
import type { Command } from "./private-ovn.js";
import type { Operation } from "./private-southbound.js";

export const CHASSIS = ["hv1", "hv2"] as const;

export interface SwitchPort {
  readonly name: string;
  readonly mac: string;
  readonly v4: string;
  readonly v6: string;
}
export interface Switch {
  readonly name: string;
  /** `10.0.1` and `fd00:1::` */
  readonly net4: string;
  readonly net6: string;
  readonly ports: SwitchPort[];
  /** Ports of any type, routers' included. */
  readonly all: string[];
}
interface RouterPort extends SwitchPort {
  readonly to: Switch;
}
export interface Router {
  readonly name: string;
  readonly ports: RouterPort[];
  /** Of one chassis. */
  readonly gateway: boolean;
}
export interface Service {
  /** IP or IP:PORT */
  readonly vip: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly backends: readonly string[];
}

export interface Topology {
  readonly commands: Command[];
  readonly switches: Switch[];
  readonly routers: Router[];
  readonly services: Service[];
  /** More addresses that something knows: external ones, next hops, members of address sets. */
  readonly addresses4: string[];
  readonly addresses6: string[];
  readonly macs: string[];
  /** Ports of TCP, UDP and SCTP that something matches. */
  readonly numbers: number[];
}

let macs = 0;
export function newMac(): string {
  macs = (macs + 1) & 0xffffff;
  const hex = macs.toString(16).padStart(6, "0");
  return `0a:00:5e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
}

export function randomTopology(r: Random): Topology {
  macs = 0;
  const t: Topology = { commands: [], switches: [], routers: [], services: [], addresses4: [], addresses6: [], macs: [], numbers: [] };
  const count = r.between(1, 4);
  for (let i = 1; i <= count; i++) addSwitch(r, t, i);
  const routers = r.int(4);
  for (let i = 1; i <= routers; i++) addRouter(r, t, i);
  if (t.routers.length > 1 && r.chance(0.7)) join(r, t);
  for (const s of t.switches) addTypes(r, t, s);
  return t;
}

function addSwitch(r: Random, t: Topology, i: number): Switch {
  const name = r.chance(0.1) ? `${i}c1e8f7a-1b2c-4d3e-8f90-a1b2c3d4e5f${i}` : `s${i}`;
  const s: Switch = { name, net4: `10.0.${i}`, net6: `fd00:${i}::`, ports: [], all: [] };
  t.switches.push(s);
  t.commands.push(["ls-add", name]);
  if (r.chance(0.15)) t.commands.push(["set", "logical_switch", name, `external_ids:"neutron:network_name"=net${i}`]);
  for (const [option, values, share] of [
    ["mcast_snoop", ["true"], 0.25],
    ["mcast_flood_unregistered", ["true", "false"], 0.15],
    ["mcast_querier", ["false"], 0.1],
    ["vlan-passthru", ["true"], 0.15],
    ["broadcast-arps-to-all-routers", ["false"], 0.15],
    ["subnet", [`${s.net4}.0/24`], 0.15],
    ["ipv6_prefix", [`fd00:${i}::`], 0.1],
    ["fdb_local", ["true"], 0.1],
    ["enable-stateless-acl-with-lb", ["true"], 0.1],
    ["ct-zone-limit", ["10"], 0.05],
  ] as const)
    if (r.chance(share)) t.commands.push(["set", "logical_switch", name, `other_config:${option}="${r.pick(values)}"`]);
  const ports = r.between(1, 4);
  for (let n = 1; n <= ports; n++) addPort(r, t, s, i, n);
  return s;
}

function addPort(r: Random, t: Topology, s: Switch, i: number, n: number): void {
  const name = r.chance(0.08) ? `${i}${n}aa11bb-1b2c-4d3e-8f90-a1b2c3d4e5f6` : `${s.name.length > 8 ? `u${i}` : s.name}-vm${n}`;
  const p: SwitchPort = { name, mac: newMac(), v4: `${s.net4}.${10 + n}`, v6: `${s.net6}${10 + n}` };
  s.ports.push(p);
  s.all.push(name);
  const c = t.commands;
  const parent = s.ports[0];
  if (n > 1 && r.chance(0.08)) c.push(["lsp-add", s.name, name, parent.name, String(r.between(1, 100))]);
  else c.push(["lsp-add", s.name, name]);
  const addresses = r.pick([
    `${p.mac} ${p.v4} ${p.v6}`,
    `${p.mac} ${p.v4} ${p.v6}`,
    `${p.mac} ${p.v4}`,
    `${p.mac} ${p.v6}`,
    p.mac,
    "unknown",
  ]);
  const dynamic = r.chance(0.05);
  c.push(["lsp-set-addresses", name, dynamic ? "dynamic" : addresses, ...(r.chance(0.1) && addresses !== "unknown" ? ["unknown"] : [])]);
  if (r.chance(0.35)) {
    const secured = [`${p.mac} ${p.v4} ${p.v6}`, `${p.mac} ${p.v4}/24 ${p.v6}/64`, p.mac, `${p.mac} ${p.v4}`, `${p.mac} ${p.v6}`];
    c.push(["lsp-set-port-security", name, ...r.sample(secured, r.chance(0.15) ? 2 : 1)]);
  }
  if (r.chance(0.04)) c.push(["lsp-set-enabled", name, "disabled"]);
  if (r.chance(0.1)) c.push(["set", "logical_switch_port", name, `external_ids:"neutron:port_name"=friend-${i}-${n}`]);
  if (r.chance(0.06))
    c.push([
      "lsp-set-options",
      name,
      r.pick(["arp_proxy=10.0.9.9", "mcast_flood=true", "mcast_flood_reports=true", "force_fdb_lookup=true"]),
    ]);
}

/** Ports of the other types. */
function addTypes(r: Random, t: Topology, s: Switch): void {
  const c = t.commands;
  const add = (type: string, addresses: string, ...options: string[]) => {
    const name = `${s.ports[0].name}-${type}`;
    c.push(["lsp-add", s.name, name], ["lsp-set-type", name, type], ["lsp-set-addresses", name, addresses]);
    if (options.length > 0) c.push(["lsp-set-options", name, ...options]);
    s.all.push(name);
    return name;
  };
  if (r.chance(0.3)) {
    const localnet = add("localnet", "unknown", "network_name=physnet", ...(r.chance(0.3) ? ["localnet_learn_fdb=true"] : []));
    if (r.chance(0.3)) c.push(["set", "logical_switch_port", localnet, `tag=${r.between(1, 100)}`]);
  }
  if (r.chance(0.15)) add("localport", `${newMac()} ${s.net4}.2`);
  if (r.chance(0.08)) add("l2gateway", "unknown", "network_name=physnet2", `l2gateway-chassis=${CHASSIS[0]}`);
  if (r.chance(0.08)) add("remote", `${newMac()} ${s.net4}.60`);
  if (r.chance(0.08)) add("external", `${newMac()} ${s.net4}.61`);
  if (r.chance(0.08))
    add("virtual", `${newMac()} ${s.net4}.62`, `virtual-ip=${s.net4}.62`, `virtual-parents=${s.ports.map((p) => p.name).join(",")}`);
  if (r.chance(0.05)) add("vtep", "unknown", "vtep-physical-switch=v1", "vtep-logical-switch=v2");
}

function addRouter(r: Random, t: Topology, i: number): Router {
  const router: Router = { name: `r${i}`, ports: [], gateway: r.chance(0.35) };
  t.routers.push(router);
  const c = t.commands;
  c.push(["lr-add", router.name]);
  if (router.gateway) c.push(["set", "logical_router", router.name, `options:chassis=${CHASSIS[0]}`]);
  for (const [option, values, share] of [
    ["always_learn_from_arp_request", ["false", "true"], 0.25],
    ["dynamic_neigh_routers", ["true"], 0.15],
    ["mcast_relay", ["true"], 0.15],
    ["lb_force_snat_ip", ["router_ip", "10.9.9.9", "10.9.9.9 fd99::9"], router.gateway ? 0.4 : 0.05],
    ["dnat_force_snat_ip", ["10.9.9.8", "10.9.9.8 fd99::8"], router.gateway ? 0.25 : 0.05],
    ["snat-ct-zone", ["0"], 0.1],
    ["mac_binding_age_threshold", ["300"], 0.1],
    ["use_common_zone", ["true", "false"], 0.1],
    ["lb_force_snat", ["true"], 0.05],
  ] as const)
    if (r.chance(share)) c.push(["set", "logical_router", router.name, `options:${option}="${r.pick(values)}"`]);
  const free = t.switches.filter(() => r.chance(0.75));
  for (const s of free.length > 0 ? free : [r.pick(t.switches)]) connect(r, t, router, s, i === 1 ? 1 : 200 + i);
  return router;
}

function connect(r: Random, t: Topology, router: Router, to: Switch, host: number): RouterPort {
  const name = `${router.name}-${to.name.slice(0, 6)}`;
  const p: RouterPort = { name, mac: newMac(), v4: `${to.net4}.${host}`, v6: `${to.net6}${host}`, to };
  router.ports.push(p);
  const c = t.commands;
  const networks = r.pick([
    [`${p.v4}/24`, `${p.v6}/64`],
    [`${p.v4}/24`, `${p.v6}/64`],
    [`${p.v4}/24`],
    [`${p.v6}/64`],
    [`${p.v4}/24`, `10.77.${host}.1/24`],
  ]);
  c.push(["lrp-add", router.name, name, p.mac, ...networks]);
  const far = `${to.name.length > 8 ? `u${to.net4.slice(5)}` : to.name}-${router.name}`;
  c.push(["lsp-add", to.name, far], ["lsp-set-type", far, "router"], ["lsp-set-options", far, `router-port=${name}`]);
  c.push(["lsp-set-addresses", far, r.chance(0.85) ? "router" : `${p.mac} ${p.v4}`]);
  to.all.push(far);
  if (!router.gateway && r.chance(0.35)) {
    c.push(["lrp-set-gateway-chassis", name, CHASSIS[0], "20"]);
    if (r.chance(0.4)) c.push(["lrp-set-gateway-chassis", name, CHASSIS[1], "10"]);
    if (r.chance(0.1)) c.push(["lrp-set-redirect-type", name, r.pick(["bridged", "overlay"])]);
  }
  for (const [option, share] of [
    ["gateway_mtu=1400", 0.15],
    ["gateway_mtu_bypass=tcp", 0.05],
    ["reside-on-redirect-chassis=true", 0.1],
    ["route_table=rtb-1", 0.1],
    ["mcast_flood=true", 0.08],
    ["prefix_delegation=true", 0.05],
  ] as const)
    if (r.chance(share)) c.push(["set", "logical_router_port", name, `options:${option}`]);
  if (r.chance(0.25)) c.push(["set", "logical_router_port", name, `ipv6_ra_configs:address_mode=${r.pick(["slaac", "dhcpv6_stateful"])}`]);
  if (r.chance(0.1))
    c.push([
      "lsp-set-options",
      far,
      `router-port=${name}`,
      r.pick(["nat-addresses=router", "exclude-lb-vips-from-garp=true", "mcast_flood=true"]),
    ]);
  return p;
}

/** Two routers behind one another, over a switch of their own or straight. */
function join(r: Random, t: Topology): void {
  const [a, b] = r.sample(t.routers, 2);
  if (r.chance(0.3)) {
    const [pa, pb] = [`${a.name}-p-${b.name}`, `${b.name}-p-${a.name}`];
    t.commands.push(["lrp-add", a.name, pa, newMac(), "100.65.0.1/24", "fd65::1/64", `peer=${pb}`]);
    t.commands.push(["lrp-add", b.name, pb, newMac(), "100.65.0.2/24", "fd65::2/64", `peer=${pa}`]);
    t.addresses4.push("100.65.0.1", "100.65.0.2");
    t.addresses6.push("fd65::1", "fd65::2");
    return;
  }
  const s: Switch = { name: "join", net4: "100.64.0", net6: "fd64::", ports: [], all: [] };
  t.switches.push(s);
  t.commands.push(["ls-add", "join"]);
  addPort(r, t, s, 9, 1);
  connect(r, t, a, s, 1);
  connect(r, t, b, s, 2);
}

/** What chassis would have learned: MAC bindings and where MAC addresses are. `keys` are datapaths by name. */
export function learnedRows(r: Random, t: Topology, datapaths: ReadonlyMap<string, { uuid: string; key: number }>): Operation[] {
  const out: Operation[] = [];
  const insert = (table: string, row: Record<string, unknown>) => void out.push({ op: "insert", table, row });
  for (const router of t.routers)
    for (const p of router.ports) {
      const of = datapaths.get(router.name);
      if (!of) continue;
      const beside = [...p.to.ports, ...t.routers.flatMap((o) => o.ports.filter((x) => x.to === p.to && x !== p))];
      const ips = [
        ...r.sample(
          beside.flatMap((x) => [x.v4, x.v6]),
          2,
        ),
        ...r.sample([...t.addresses4, ...t.addresses6], 1),
      ];
      for (const ip of new Set(ips)) {
        const mac = beside.find((x) => x.v4 === ip || x.v6 === ip)?.mac ?? newMac();
        if (r.chance(0.6)) insert("MAC_Binding", { logical_port: p.name, ip, mac, datapath: ["uuid", of.uuid] });
      }
    }
  for (const s of t.switches) {
    const of = datapaths.get(s.name);
    if (!of || r.chance(0.6)) continue;
    for (const mac of new Set([r.pick(s.ports).mac, r.chance(0.5) && t.macs.length > 0 ? r.pick(t.macs) : newMac()]))
      insert("FDB", { mac, dp_key: of.key, port_key: r.between(1, s.all.length + 1) });
  }
  return out;
}
