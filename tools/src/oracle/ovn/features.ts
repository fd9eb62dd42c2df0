/** What a random topology is told to do with packets: ACLs, load balancers, translations, routes, policies and services. */
import type { Random } from "../random.js";
import { addMatching } from "./matching.js";
import { CHASSIS, newMac, type Router, type Service, type Topology } from "./topology.js";

export function addFeatures(r: Random, t: Topology): void {
  addMatching(r, t);
  const balancers = r.int(4);
  for (let i = 1; i <= balancers; i++) addBalancer(r, t, i);
  for (const router of t.routers) {
    addNat(r, t, router);
    addRoutes(r, t, router);
    addPolicies(r, t, router);
  }
  addServices(r, t);
  for (const all of [...t.switches.flatMap((s) => s.ports), ...t.routers.flatMap((x) => x.ports)]) t.macs.push(all.mac);
}

const ports = (t: Topology) => t.switches.flatMap((s) => s.ports);
const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

function addBalancer(r: Random, t: Topology, i: number): void {
  const c = t.commands;
  const name = `lb${i}`;
  const protocol = r.pick(["tcp", "tcp", "udp", "sctp"] as const);
  const services: Service[] = [];
  for (let n = 0, count = r.between(1, 3); n < count; n++) {
    const v6 = r.chance(0.3);
    const own = r.pick(
      t.routers
        .flatMap((x) => x.ports)
        .concat([])
        .map((p) => (v6 ? p.v6 : p.v4))
        .concat(v6 ? `fd90::${i}${n}` : `10.90.${i}.${n}`),
    );
    const address = r.chance(0.2) ? own : v6 ? `fd90::${i}${n}` : `10.90.${i}.${n}`;
    const port = r.pick([80, 443, 53, 8080]);
    const bare = r.chance(0.15);
    const end = (ip: string, p: number) => (bare ? ip : v6 ? `[${ip}]:${p}` : `${ip}:${p}`);
    const to = r.sample(ports(t), r.int(4)).map((p) => end(v6 ? p.v6 : p.v4, r.pick([80, 8080, 9090])));
    services.push({ vip: end(address, port), protocol, backends: to });
    (v6 ? t.addresses6 : t.addresses4).push(address);
    c.push(["lb-add", name, end(address, port), to.join(","), ...(bare ? [] : [protocol])]);
    if (to.length === 0) c.push(["set", "load_balancer", name, `vips:"${end(address, port).replaceAll(":", "\\:")}"=""`]);
  }
  t.services.push(...services);
  for (const [option, values, share] of [
    ["reject", ["true"], 0.3],
    ["event", ["true"], 0.1],
    ["affinity_timeout", ["60"], 0.25],
    ["hairpin_snat_ip", ["10.91.0.1", "10.91.0.1 fd91::1"], 0.2],
    ["skip_snat", ["true"], 0.15],
    ["neighbor_responder", ["all", "none", "reachable"], 0.2],
    ["add_route", ["true"], 0.1],
    ["use_stateless_nat", ["true"], 0.1],
    ["template", ["true"], 0.03],
  ] as const)
    if (r.chance(share)) c.push(["set", "load_balancer", name, `options:${option}="${r.pick(values)}"`]);
  if (r.chance(0.15)) c.push(["set", "load_balancer", name, "selection_fields=ip_src,ip_dst"]);
  if (r.chance(0.2)) {
    c.push(["--", "--id=@g", "create", "load_balancer_group", `name=group${i}`].slice(1));
    c.push(["add", "load_balancer_group", `group${i}`, "load_balancer", name]);
    for (const s of t.switches) if (r.chance(0.5)) c.push(["add", "logical_switch", s.name, "load_balancer_group", `group${i}`]);
    return;
  }
  for (const s of t.switches) if (r.chance(0.6)) c.push(["ls-lb-add", s.name, name]);
  for (const x of t.routers) if (r.chance(0.6)) c.push(["lr-lb-add", x.name, name]);
}

function addNat(r: Random, t: Topology, router: Router): void {
  const c = t.commands;
  for (let n = 1, count = r.chance(0.7) ? r.between(1, 4) : 0; n <= count; n++) {
    const v6 = r.chance(0.25);
    const external = v6 ? `fd80::${router.name.slice(1)}${n}` : `172.16.${router.name.slice(1)}.${n}`;
    const inside = r.pick(ports(t));
    const s = r.pick(t.switches);
    const logical = v6 ? inside.v6 : inside.v4;
    (v6 ? t.addresses6 : t.addresses4).push(external);
    const flags = [
      ...(r.chance(0.15) ? ["--stateless"] : []),
      ...(router.ports.length > 0 && r.chance(0.2) ? [`--gateway-port=${r.pick(router.ports).name}`] : []),
    ];
    const type = r.pick(["snat", "snat", "dnat", "dnat_and_snat", "dnat_and_snat"]);
    if (type === "snat") {
      const net = r.pick([`${s.net4}.0/24`, "0.0.0.0/0", inside.v4]);
      const net6 = r.pick([`${s.net6}/64`, "::/0", inside.v6]);
      c.push([...flags.filter((f) => f !== "--stateless"), "lr-nat-add", router.name, type, external, v6 ? net6 : net]);
    } else if (type === "dnat_and_snat" && r.chance(0.4))
      c.push([...flags, "lr-nat-add", router.name, type, external, logical, inside.name, newMac()]);
    else if (r.chance(0.15)) c.push(["--portrange", "lr-nat-add", router.name, type, external, logical, "3000-4000"]);
    else c.push([...flags, "lr-nat-add", router.name, type, external, logical]);
    if (r.chance(0.12)) {
      const column = r.pick(["allowed_ext_ips", "exempted_ext_ips"]);
      const set = `ext${router.name}${n}`;
      c.push(["create", "address_set", `name=${set}`, `addresses=${v6 ? '"fd80::/64"' : '"172.16.0.0/16"'}`]);
      c.push(["--", "--id=@s", "get", "address_set", set, "--", "set", "nat", external, `${column}=@s`].slice(1));
    }
    if (r.chance(0.1)) c.push(["set", "nat", external, `priority=${r.int(100)}`], ["set", "nat", external, 'match="ip4.dst == 8.8.8.8"']);
  }
}

function addRoutes(r: Random, t: Topology, router: Router): void {
  if (router.ports.length === 0) return;
  const c = t.commands;
  for (let n = 1, count = r.int(4); n <= count; n++) {
    const v6 = r.chance(0.3);
    const prefix = v6 ? r.pick(["::/0", `fd7${n}::/32`, `fd70:${n}::/64`]) : r.pick(["0.0.0.0/0", `20.${n}.0.0/16`, `20.0.${n}.0/24`]);
    const target = v6 ? `fd7${n}::5` : `20.${n}.0.5`;
    (v6 ? t.addresses6 : t.addresses4).push(target);
    const flags = [
      ...(r.chance(0.15) ? ["--policy=src-ip"] : []),
      ...(r.chance(0.15) ? ["--route-table=rtb-1"] : []),
      ...(r.chance(0.1) ? ["--bfd"] : []),
    ];
    const hops = r.chance(0.4) ? r.between(2, 3) : 1;
    const ecmp = hops > 1 ? [r.chance(0.4) ? "--ecmp-symmetric-reply" : "--ecmp"] : [];
    if (r.chance(0.08)) c.push([...flags, "lr-route-add", router.name, prefix, "discard"]);
    else
      for (let h = 0; h < hops; h++) {
        const p = r.pick(router.ports);
        const hop = v6 ? `${p.to.net6}${r.between(5, 14)}` : `${p.to.net4}.${r.between(5, 14)}`;
        (v6 ? t.addresses6 : t.addresses4).push(hop);
        c.push([...flags, ...ecmp, "lr-route-add", router.name, prefix, hop, ...(r.chance(0.3) ? [p.name] : [])]);
      }
  }
  for (const p of router.ports)
    if (r.chance(0.15)) c.push(["static-mac-binding-add", p.name, `${p.to.net4}.${r.between(5, 14)}`, newMac()]);
}

function addPolicies(r: Random, t: Topology, router: Router): void {
  if (router.ports.length === 0 || r.chance(0.5)) return;
  for (let n = 0, count = r.between(1, 3); n < count; n++) {
    const p = r.pick(ports(t));
    const s = r.pick(t.switches);
    const match = r.pick([
      `ip4.src == ${p.v4}`,
      `ip4.dst == ${s.net4}.0/24`,
      `inport == "${r.pick(router.ports).name}" && ip4.dst == ${p.v4}`,
      `ip6.dst == ${p.v6}`,
      "tcp.dst == 80",
      "ip4.src == $as1 && ip4.dst != 10.0.0.0/8",
    ]);
    const hop = () => `${r.pick(router.ports).to.net4}.${r.between(5, 14)}`;
    const action = r.pick([
      ["allow"],
      ["drop"],
      ["reroute", hop()],
      ["reroute", `${hop()},${hop()}`],
      ["reroute", `${r.pick(router.ports).to.net6}7`],
    ]);
    const options = action[0] !== "drop" && r.chance(0.2) ? ["pkt_mark=100"] : [];
    t.commands.push(["lr-policy-add", router.name, String(r.between(1, 1000)), match, ...action, ...options]);
  }
}

/** DHCP, DNS, forwarding groups, QoS, control plane protection. */
function addServices(r: Random, t: Topology): void {
  const c = t.commands;
  for (const s of t.switches) {
    if (r.chance(0.3)) {
      const options = [
        `options:lease_time=3600`,
        `options:router=${s.net4}.1`,
        `options:server_id=${s.net4}.1`,
        'options:server_mac="0a:00:00:00:00:01"',
      ];
      const relays = s.ports.flatMap((p) => ["--", "set", "logical_switch_port", p.name, "dhcpv4_options=@d"]);
      c.push(["--id=@d", "create", "dhcp_options", `cidr=${s.net4}.0/24`, ...options, ...relays]);
    }
    if (r.chance(0.2)) {
      const relays = s.ports.flatMap((p) => ["--", "set", "logical_switch_port", p.name, "dhcpv6_options=@d"]);
      c.push(["--id=@d", "create", "dhcp_options", `cidr="${s.net6}/64"`, 'options:server_id="0a:00:00:00:00:02"', ...relays]);
    }
    if (r.chance(0.25))
      c.push([
        "--id=@d",
        "create",
        "dns",
        `records:"vm.example"="${s.ports[0].v4}"`,
        "--",
        "add",
        "logical_switch",
        s.name,
        "dns_records",
        "@d",
      ]);
    if (r.chance(0.12) && s.ports.length > 1) {
      t.addresses4.push(`${s.net4}.50`);
      c.push([
        ...(r.chance(0.5) ? ["--liveness"] : []),
        "fwd-group-add",
        `fg-${s.net4}`,
        s.name,
        `${s.net4}.50`,
        newMac(),
        ...s.ports.slice(0, 2).map((p) => p.name),
      ]);
    }
    if (r.chance(0.2)) {
      const p = r.pick(s.ports);
      const match = r.pick([`inport == "${p.name}"`, `outport == "${p.name}" && ip4`, `ip4.src == ${p.v4} && ${r.pick(PROTOCOLS)}`]);
      c.push([
        "qos-add",
        s.name,
        r.pick(["from-lport", "to-lport"]),
        String(r.between(1, 1000)),
        match,
        ...r.sample(["rate=1000", "dscp=33", "mark=5"], r.between(1, 2)),
      ]);
    }
  }
  if (r.chance(0.2)) {
    const [kind, name] = r.pick([
      ["ls", t.switches[0].name],
      ["lr", t.routers[0]?.name ?? "r9"],
    ]);
    c.push(
      ["meter-add", "limit", "drop", "10", "pktps"],
      ["copp-add", "guard", r.pick(["arp", "reject", "icmp4-error", "event-elb"]), "limit"],
    );
    c.push([`${kind}-copp-add`, "guard", name]);
  }
  if (r.chance(0.15)) c.push(["ha-chassis-group-add", "hagrp"], ["ha-chassis-group-add-chassis", "hagrp", CHASSIS[0], "10"]);
  if (r.chance(0.15))
    c.push([
      "set",
      "nb_global",
      ".",
      `options:${r.pick(["use_logical_dp_groups=true", "use_ct_inv_match=false", "ignore_lsp_down=false", "lb_hairpin_use_ct_mark=false"])}`,
    ]);
}
