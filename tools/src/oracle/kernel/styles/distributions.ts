/**
 * Rule sets in the style of what runs on ordinary servers: Docker, firewalld (nftables back end), Shorewall.
 */
import { address, type Draw, network, PORTS } from "../draw.js";
import type { DrawnSet } from "../random-iptables.js";
import { fromText } from "./from-text.js";

const bases = (policy: Readonly<Record<string, string>> = {}) =>
  ["INPUT", "FORWARD", "OUTPUT"].map((c) => `:${c} ${policy[c] ?? "ACCEPT"} [0:0]`);
const NAT = ["*nat", ...["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`)];

/** Docker's chains (libnetwork): published ports, isolation of bridges. The last interface stands for docker0, the one before for a second bridge. */
export function docker(d: Draw, tool: "legacy" | "iptables-nft"): DrawnSet {
  const { random: r } = d;
  const bridges = d.interfaces.slice(1);
  const net = (i: number) => (d.version === 6 ? `fd00:${i}::/64` : `10.${i}.0.0/24`);
  const box = (i: number, n: number) => (d.version === 6 ? `fd00:${i}::${n}` : `10.${i}.0.${n}`);
  const len = d.version === 6 ? 128 : 32;
  const published = bridges.flatMap((b, k) =>
    r.sample(PORTS, r.between(1, 3)).map((port, n) => ({ bridge: b, port, to: box(k + 1, 5 + n), inside: r.pick([80, 8080, port]) })),
  );
  const loop = d.version === 6 ? "::1/128" : "127.0.0.0/8";
  const text = [
    ...NAT,
    ":DOCKER - [0:0]",
    "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    ...bridges.map((b, k) => `-A POSTROUTING -s ${net(k + 1)} ! -o ${b} -j MASQUERADE`),
    ...published.map((p) => `-A POSTROUTING -s ${p.to}/${len} -d ${p.to}/${len} -p tcp -m tcp --dport ${p.inside} -j MASQUERADE`),
    `-A OUTPUT ! -d ${loop} -m addrtype --dst-type LOCAL -j DOCKER`,
    ...bridges.map((b) => `-A DOCKER -i ${b} -j RETURN`),
    ...published.map(
      (p) =>
        `-A DOCKER ! -i ${p.bridge} -p tcp -m tcp --dport ${p.port} -j DNAT --to-destination ${d.version === 6 ? `[${p.to}]` : p.to}:${p.inside}`,
    ),
    "COMMIT",
    "*filter",
    ...bases({ FORWARD: "DROP" }),
    ...["DOCKER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"].map((c) => `:${c} - [0:0]`),
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
    ...bridges.flatMap((b) => [
      `-A FORWARD -o ${b} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-A FORWARD -o ${b} -j DOCKER`,
      `-A FORWARD -i ${b} ! -o ${b} -j ACCEPT`,
      `-A FORWARD -i ${b} -o ${b} -j ${r.chance(0.3) ? "DROP" : "ACCEPT"}`,
    ]),
    ...published.map((p) => `-A DOCKER -d ${p.to}/${len} ! -i ${p.bridge} -o ${p.bridge} -p tcp -m tcp --dport ${p.inside} -j ACCEPT`),
    ...bridges.map((b) => `-A DOCKER-ISOLATION-STAGE-1 -i ${b} ! -o ${b} -j DOCKER-ISOLATION-STAGE-2`),
    "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
    ...bridges.map((b) => `-A DOCKER-ISOLATION-STAGE-2 -o ${b} -j DROP`),
    "-A DOCKER-ISOLATION-STAGE-2 -j RETURN",
    ...(r.chance(0.5) ? [`-A DOCKER-USER -s ${network(d)} -j DROP`] : []),
    "-A DOCKER-USER -j RETURN",
    "COMMIT",
  ].join("\n");
  return fromText(d, "docker", tool, text);
}

/** firewalld's table `inet firewalld`: zones by interface, policies, services, rich rules, port forwarding. */
export function firewalld(d: Draw): DrawnSet {
  const { random: r } = d;
  const t = "inet firewalld";
  const of = d.version === 6 ? "ip6" : "ip";
  const zones = d.interfaces.map((i, k) => ({ iface: i, name: ["public", "trusted", "internal", "dmz"][k % 4] }));
  const out = [
    `add table ${t}`,
    ...(
      [
        ["mangle_PREROUTING", "filter", "prerouting", -140],
        ["nat_PREROUTING", "nat", "prerouting", -90],
        ["nat_POSTROUTING", "nat", "postrouting", 110],
        ["nat_OUTPUT", "nat", "output", -90],
        ["filter_PREROUTING", "filter", "prerouting", 10],
        ["filter_INPUT", "filter", "input", 10],
        ["filter_FORWARD", "filter", "forward", 10],
        ["filter_OUTPUT", "filter", "output", 10],
      ] as const
    ).map(([name, type, hook, priority]) => `add chain ${t} ${name} { type ${type} hook ${hook} priority ${priority} ; }`),
  ];
  const chain = (name: string) => out.push(`add chain ${t} ${name}`);
  const rules: string[] = [];
  const rule = (c: string, text: string) => rules.push(`add rule ${t} ${c} ${text}`);
  for (const c of [
    "filter_INPUT_ZONES",
    "filter_FORWARD_IN_ZONES",
    "filter_FORWARD_OUT_ZONES",
    "nat_PREROUTING_ZONES",
    "nat_POSTROUTING_ZONES",
    "mangle_PREROUTING_ZONES",
  ])
    chain(c);
  if (d.version === 6) rule("filter_PREROUTING", "icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept");
  if (r.chance(0.5)) rule("filter_PREROUTING", "meta nfproto ipv6 fib saddr . iif oif missing drop");
  rule("filter_INPUT", "ct state { established, related } accept");
  rule("filter_INPUT", "ct status dnat accept");
  rule("filter_INPUT", 'iifname "lo" accept');
  rule("filter_INPUT", "ct state invalid drop");
  rule("filter_INPUT", "jump filter_INPUT_ZONES");
  rule("filter_INPUT", "reject with icmpx type admin-prohibited");
  rule("filter_FORWARD", "ct state { established, related } accept");
  rule("filter_FORWARD", "ct status dnat accept");
  rule("filter_FORWARD", 'iifname "lo" accept');
  rule("filter_FORWARD", "ct state invalid drop");
  if (d.version === 6) rule("filter_FORWARD", "ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24 } reject with icmpv6 type addr-unreachable");
  rule("filter_FORWARD", "jump filter_FORWARD_IN_ZONES");
  rule("filter_FORWARD", "jump filter_FORWARD_OUT_ZONES");
  rule("filter_FORWARD", "reject with icmpx type admin-prohibited");
  rule("filter_OUTPUT", 'oifname "lo" accept');
  rule("nat_PREROUTING", "jump nat_PREROUTING_ZONES");
  rule("nat_POSTROUTING", "jump nat_POSTROUTING_ZONES");
  rule("mangle_PREROUTING", "jump mangle_PREROUTING_ZONES");
  for (const z of zones) {
    const names = {
      in: `filter_IN_${z.name}`,
      fin: `filter_FWDI_${z.name}`,
      fout: `filter_FWDO_${z.name}`,
      pre: `nat_PRE_${z.name}`,
      post: `nat_POST_${z.name}`,
      mangle: `mangle_PRE_${z.name}`,
    };
    for (const n of Object.values(names)) for (const part of ["", "_pre", "_log", "_deny", "_allow", "_post"]) chain(`${n}${part}`);
    for (const n of Object.values(names)) for (const part of ["_pre", "_log", "_deny", "_allow", "_post"]) rule(n, `jump ${n}${part}`);
    rule("filter_INPUT_ZONES", `iifname "${z.iface}" goto ${names.in}`);
    rule("filter_FORWARD_IN_ZONES", `iifname "${z.iface}" goto ${names.fin}`);
    rule("filter_FORWARD_OUT_ZONES", `oifname "${z.iface}" goto ${names.fout}`);
    rule("nat_PREROUTING_ZONES", `iifname "${z.iface}" goto ${names.pre}`);
    rule("nat_POSTROUTING_ZONES", `oifname "${z.iface}" goto ${names.post}`);
    rule("mangle_PREROUTING_ZONES", `iifname "${z.iface}" goto ${names.mangle}`);
    for (const port of r.sample(PORTS, 3))
      rule(`${names.in}_allow`, `${r.pick(["tcp", "udp"])} dport ${port} ct state { new, untracked } accept`);
    if (r.chance(0.5))
      rule(`${names.in}_deny`, `${of} saddr ${network(d)} ${r.pick(["drop", "reject", "reject with icmpx type host-unreachable"])}`);
    if (r.chance(0.4)) rule(`${names.in}_log`, `${of} saddr ${network(d)} log prefix "seen "`);
    rule(names.in, d.version === 6 ? "meta l4proto ipv6-icmp accept" : "meta l4proto icmp accept");
    if (z.name === "trusted") {
      rule(names.in, "accept");
      rule(names.fin, "accept");
      rule(names.fout, "accept");
    } else if (r.chance(0.6)) rule(`${names.fout}_allow`, "ct state { new, untracked } accept");
    if (z.name === "public" || r.chance(0.3)) rule(`${names.post}_allow`, `meta nfproto ipv${d.version} oifname != "lo" masquerade`);
    if (r.chance(0.5)) {
      const to = address(d, "near");
      rule(
        `${names.pre}_allow`,
        `meta nfproto ipv${d.version} tcp dport ${r.pick(PORTS)} dnat ${of} to ${d.version === 6 ? `[${to}]` : to}:${r.pick(PORTS)}`,
      );
    }
    if (r.chance(0.3)) rule(`${names.mangle}_allow`, `tcp dport ${r.pick(PORTS)} mark set mark & 0xffff0000 ^ ${r.pick([1, 2])}`);
  }
  return fromText(d, "firewalld", "nft", [...out, ...rules].join("\n"));
}

/** Shorewall's chains for two or more zones: policies, exclusions by address type, TCP flag checks, logging. */
export function shorewall(d: Draw, tool: "legacy" | "iptables-nft"): DrawnSet {
  const { random: r } = d;
  const zones = d.interfaces.map((iface, k) => ({ iface, name: ["net", "loc", "dmz", "vpn"][k % 4] }));
  const filter: string[] = [];
  const chains: string[] = ["dynamic", "tcpflags", "smurfs", "smurflog", "logflags", "reject", "Broadcast", "sha-lh"];
  // xt_addrtype knows no broadcast of IPv6: the legacy tables refuse it.
  const broadcast = d.version === 4 || tool !== "legacy";
  const rule = (text: string) => filter.push(text);
  for (const z of zones) chains.push(`${z.iface.slice(0, 20)}_in`, `${z.iface.slice(0, 20)}_fwd`);
  const pairs = zones.flatMap((a) => [
    ...zones.filter((b) => b !== a).map((b) => [a.name, b.name] as const),
    [a.name, "fw"] as const,
    ["fw", a.name] as const,
  ]);
  for (const [a, b] of pairs) chains.push(`${a}-${b}`);
  for (const z of zones) {
    rule(`-A INPUT -i ${z.iface} -j ${z.iface.slice(0, 20)}_in`);
    rule(`-A FORWARD -i ${z.iface} -j ${z.iface.slice(0, 20)}_fwd`);
    rule(`-A OUTPUT -o ${z.iface} -j fw-${z.name}`);
  }
  rule("-A INPUT -i lo -j ACCEPT");
  if (broadcast) rule("-A INPUT -m addrtype --dst-type BROADCAST -j DROP");
  rule("-A INPUT -m addrtype --dst-type MULTICAST -j DROP");
  rule("-A INPUT -g reject");
  rule("-A FORWARD -g reject");
  rule("-A OUTPUT -o lo -j ACCEPT");
  rule("-A OUTPUT -g reject");
  for (const z of zones) {
    const name = z.iface.slice(0, 20);
    rule(`-A ${name}_in -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic`);
    rule(`-A ${name}_in -m conntrack --ctstate NEW,INVALID,UNTRACKED -j smurfs`);
    rule(`-A ${name}_in -p tcp -j tcpflags`);
    rule(`-A ${name}_in -j ${z.name}-fw`);
    rule(`-A ${name}_fwd -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic`);
    rule(`-A ${name}_fwd -m conntrack --ctstate NEW,INVALID,UNTRACKED -j smurfs`);
    rule(`-A ${name}_fwd -p tcp -j tcpflags`);
    for (const o of zones) if (o !== z) rule(`-A ${name}_fwd -o ${o.iface} -j ${z.name}-${o.name}`);
  }
  for (const [a, b] of pairs) {
    rule(`-A ${a}-${b} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`);
    if (r.chance(0.6)) rule(`-A ${a}-${b} -p ${r.pick(["tcp", "udp"])} -m multiport --dports ${r.sample(PORTS, 3).join(",")} -j ACCEPT`);
    if (r.chance(0.4))
      rule(`-A ${a}-${b} ${d.version === 6 ? "-p ipv6-icmp -m icmp6 --icmpv6-type 128" : "-p icmp -m icmp --icmp-type 8"} -j ACCEPT`);
    if (r.chance(0.4)) rule(`-A ${a}-${b} -s ${network(d)} -p tcp -m tcp --dport ${r.pick(PORTS)} -j ${r.pick(["ACCEPT", "DROP"])}`);
    if (a !== "net") rule(`-A ${a}-${b} -j ACCEPT`);
    else {
      rule(`-A ${a}-${b} -j Broadcast`);
      rule(`-A ${a}-${b} -j LOG --log-prefix "Shorewall:${a}-${b}:DROP:" --log-level 6`);
      rule(`-A ${a}-${b} -j DROP`);
    }
  }
  if (broadcast) rule("-A Broadcast -m addrtype --dst-type BROADCAST -j DROP");
  rule("-A Broadcast -m addrtype --dst-type MULTICAST -j DROP");
  rule("-A Broadcast -m addrtype --dst-type ANYCAST -j DROP");
  rule('-A logflags -j LOG --log-prefix "Shorewall:logflags:DROP:" --log-level 6 --log-ip-options');
  rule("-A logflags -j DROP");
  if (broadcast) rule("-A reject -m addrtype --src-type BROADCAST -j DROP");
  if (d.version === 4) rule("-A reject -s 224.0.0.0/4 -j DROP");
  rule("-A reject -p tcp -j REJECT --reject-with tcp-reset");
  rule("-A reject -p udp -j REJECT");
  rule(
    `-A reject ${d.version === 6 ? "-p ipv6-icmp -j REJECT --reject-with icmp6-addr-unreachable" : "-p icmp -j REJECT --reject-with icmp-host-unreachable"}`,
  );
  rule(`-A reject -j REJECT --reject-with ${d.version === 6 ? "icmp6-adm-prohibited" : "icmp-host-prohibited"}`);
  rule('-A smurflog -j LOG --log-prefix "Shorewall:smurfs:DROP:" --log-level 6');
  rule("-A smurflog -j DROP");
  if (d.version === 4) rule("-A smurfs -s 0.0.0.0/32 -j RETURN");
  if (broadcast) rule("-A smurfs -m addrtype --src-type BROADCAST -g smurflog");
  if (d.version === 4) rule("-A smurfs -s 224.0.0.0/4 -g smurflog");
  rule("-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -g logflags");
  rule("-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -g logflags");
  rule("-A tcpflags -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -g logflags");
  rule("-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -g logflags");
  rule("-A tcpflags -p tcp -m tcp --sport 0 --tcp-flags FIN,SYN,RST,ACK SYN -g logflags");
  const text = [
    "*mangle",
    ...["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`),
    ":tcpre - [0:0]",
    "-A PREROUTING -j tcpre",
    "-A FORWARD -j MARK --set-xmark 0x0/0xff",
    ...(r.chance(0.5) ? [`-A tcpre -i ${zones[0].iface} -j MARK --set-xmark 0x1/0xff`] : []),
    "COMMIT",
    ...NAT,
    ...zones
      .slice(1)
      .map(
        (_, k) =>
          `-A POSTROUTING -s ${d.version === 6 ? `fd00:${k + 1}::/64` : `10.${k + 1}.0.0/24`} -o ${zones[0].iface} -j ${r.pick(["MASQUERADE", `SNAT --to-source ${address(d, "own", 0)}`])}`,
      ),
    `-A PREROUTING -i ${zones[0].iface} -p tcp -m tcp --dport ${r.pick(PORTS)} -j DNAT --to-destination ${address(d, "near", 1)}`,
    "COMMIT",
    "*filter",
    ...bases({ INPUT: "DROP", FORWARD: "DROP", OUTPUT: "DROP" }),
    ...[...new Set(chains)].map((c) => `:${c} - [0:0]`),
    ...filter,
    "COMMIT",
  ].join("\n");
  return fromText(d, "shorewall", tool, text);
}
