/**
 * The host under test: interfaces, addresses and routes, and the dumps that are taken of it as evidence.
 *
 * Addresses: interface n has 10.n.0.1/24 and fd00:n::1/64, its neighbours are 10.n.0.5 to .9; 20.n.0.0/16 and fd20:n::/64 lie behind it.
 */
import type { Namespace, NamespaceSpec, TestInterface } from "./namespace.js";

export interface TestHost extends NamespaceSpec {
  readonly interfaces: readonly TestInterface[];
}

/** Dumps of the host, by the name under which they stand in a snapshot. */
export type HostDumps = Readonly<Record<string, string>>;

const QUIET: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "1",
  "net/ipv6/conf/all/forwarding": "1",
  "net/ipv6/conf/default/forwarding": "1",
  "net/ipv6/conf/default/accept_dad": "0",
  "net/ipv6/conf/all/accept_dad": "0",
  "net/ipv6/conf/default/router_solicitations": "0",
  "net/ipv6/conf/default/accept_ra": "0",
  "net/ipv4/conf/all/rp_filter": "0",
  "net/ipv4/conf/default/rp_filter": "0",
  "net/ipv4/conf/all/send_redirects": "0",
  "net/ipv4/conf/default/send_redirects": "0",
  // Errors are to be seen for each packet.
  "net/ipv4/icmp_ratemask": "0",
  "net/ipv4/icmp_msgs_per_sec": "1000000",
  "net/ipv4/icmp_msgs_burst": "1000000",
  "net/ipv6/icmp/ratelimit": "0",
  // The limit for all destinations together asks the mask alone (icmpv6_global_allow(), net/ipv6/icmp.c).
  "net/ipv6/icmp/ratemask": "255",
};

/** Connections that would be forgotten within seconds: between two packets the machine may be busy with others. */
const SHORT_LIVED = [
  "sctp_timeout_closed",
  "sctp_timeout_cookie_wait",
  "sctp_timeout_cookie_echoed",
  "sctp_timeout_shutdown_sent",
  "sctp_timeout_shutdown_recd",
  "sctp_timeout_shutdown_ack_sent",
  "tcp_timeout_close",
  "udp_timeout",
  "icmp_timeout",
  "icmpv6_timeout",
];
const PATIENT = Object.fromEntries(SHORT_LIVED.map((name) => [`net/netfilter/nf_conntrack_${name}`, "600"]));

/** A host with these interfaces. */
export function hostWith(names: readonly string[], sysctl: Readonly<Record<string, string>> = {}): TestHost {
  const batch = names.flatMap((n, i) => [
    `addr add 10.${i}.0.1/24 dev ${n}`,
    `addr add 10.${i}.0.2/24 dev ${n}`,
    `addr add fd00:${i}::1/64 dev ${n} nodad`,
    `route add 20.${i}.0.0/16 via 10.${i}.0.254 dev ${n}`,
    `route add fd20:${i}::/64 via fd00:${i}::fe dev ${n}`,
  ]);
  batch.push(
    `route add default via 10.0.0.254`,
    `route add default via fd00:0::fe`,
    "route add blackhole 20.200.0.0/16",
    "route add unreachable 20.201.0.0/16",
    "route add prohibit 20.202.0.0/16",
  );
  const interfaces = names.map((name, i) => ({ name, mac: `02:00:00:00:00:${(i + 1).toString(16).padStart(2, "0")}` }));
  return { interfaces, sysctl: { ...QUIET, ...PATIENT, ...sysctl }, batch };
}

const COMMANDS: readonly (readonly [file: string, command: readonly string[]])[] = [
  ["ip_-d_addr", ["ip", "-d", "addr"]],
  ["ip_route_show_table_all", ["ip", "route", "show", "table", "all"]],
  ["ip_-6_route_show_table_all", ["ip", "-6", "route", "show", "table", "all"]],
  ["ip_rule", ["ip", "rule"]],
  ["ip_-6_rule", ["ip", "-6", "rule"]],
];
/** Settings of each interface that decide about packets. */
const SETTINGS = [
  "ipv4/conf/*/forwarding",
  "ipv4/conf/*/rp_filter",
  "ipv4/conf/*/accept_local",
  "ipv4/conf/*/route_localnet",
  "ipv6/conf/*/forwarding",
];

/** Dumps by what the host was made of: the same makes the same. */
const KNOWN = new Map<string, HostDumps>();

/** What the host's own commands print of its addresses, routes, rules and settings, before it has rules. */
export async function dumpsOf(ns: Namespace, host: TestHost): Promise<HostDumps> {
  const key = JSON.stringify(host);
  const known = KNOWN.get(key);
  if (known) return known;
  const out: Record<string, string> = {};
  for (const [file, command] of COMMANDS) out[file] = (await ns.run(command)).out;
  const names = ["all", "default", "lo", ...host.interfaces.map((i) => i.name)];
  const settings = SETTINGS.flatMap((s) => names.map((n) => `net/${s.replace("*", n)}`));
  // `sysctl -a` reads a thousand settings to print these.
  out["sysctl_-a"] = (await ns.run(["sysctl", "net/ipv4/ip_forward", ...settings, "net/netfilter/nf_conntrack_tcp_loose"])).out;
  KNOWN.set(key, out);
  return out;
}
