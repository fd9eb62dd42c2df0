/**
 * Linux hosts: what `ip`, `ss`, `sysctl` and `bridge` print.
 */
import { definePlugin } from "@plumbline/plugin-sdk";
import { announcements } from "./announcements.js";
import { claim } from "./claims.js";
import { lowerHosts, lowerLinked } from "./lower/lower.js";
import "./private-facts.js";
import { readLinux } from "./read/read.js";
import { SHAPES } from "./shapes.js";

export * from "./route-get/index.js";

export default definePlugin({
  id: "linux",
  title: "Linux hosts: ip (addresses, links, routes, rules, neighbours), ss, sysctl, bridge fdb, conntrack",
  claims: claim,
  parse: readLinux,
  facts: SHAPES,
  lower: { devices: lowerHosts, linked: lowerLinked },
  announcements,
  collects: [
    { what: "addresses (ip addr)", command: "ip addr", on: "node" },
    { what: "interfaces (ip link)", command: "ip -d link", on: "node" },
    { what: "routes (ip route)", command: "ip route show table all", on: "node" },
    { what: "policy rules (ip rule)", command: "ip rule", on: "node" },
    { what: "neighbours (ip neigh)", command: "ip neigh", on: "node" },
    { what: "sockets (ss -tulpn)", command: "ss -tulpn", on: "node" },
    { what: "kernel settings (sysctl -a)", command: "sysctl -a", on: "node" },
    { what: "connections (conntrack -L)", command: "conntrack -L -o extended", on: "node" },
    { what: "addresses (ip addr)", command: "ip addr", on: "router" },
    { what: "routes (ip route)", command: "ip route show table all", on: "router" },
    { what: "neighbours (ip neigh)", command: "ip neigh", on: "router" },
    { what: "addresses (ip addr)", command: "ip addr", on: "pod" },
    { what: "routes (ip route)", command: "ip route", on: "pod" },
    { what: "neighbours (ip neigh)", command: "ip neigh", on: "pod" },
    { what: "sockets (ss -tuln)", command: "ss -tuln", on: "pod" },
  ],
});
