import { expect, test } from "vitest";
import { build, type Cable, walk } from "./walk.js";

const link = (n: number, name: string, mac: string, addresses: readonly string[]) =>
  `${n}: ${name}: <BROADCAST,UP> mtu 1500 state UP
    link/ether ${mac} brd ff:ff:ff:ff:ff:ff
${addresses.map((a) => `    inet ${a} scope global ${name}\n`).join("")}`;
const LO =
  "1: lo: <LOOPBACK,UP> mtu 65536\n    link/loopback 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n    inet 203.0.113.7/32 scope host lo\n";

/** a (192.0.2.2) - gw (192.0.2.1, 198.51.100.1) - b (198.51.100.2). */
const FILES: Record<string, string> = {
  "a/ip_addr": link(2, "eth0", "52:54:00:00:00:02", ["192.0.2.2/24"]),
  "a/ip_route": "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2\n",
  "gw/ip_addr": LO + link(2, "lan", "52:54:00:00:00:01", ["192.0.2.1/24"]) + link(3, "dmz", "52:54:00:00:01:01", ["198.51.100.1/24"]),
  "gw/ip_route":
    "192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1\n198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1\n",
  "gw/sysctl_net.ipv4": "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.arp_ignore = 0\nnet.ipv4.conf.lan.arp_ignore = 0\n",
  "b/ip_addr": link(2, "eth0", "52:54:00:00:01:02", ["198.51.100.2/24"]),
  "b/ip_route": "198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.2\n",
};
const CABLES: readonly Cable[] = [
  ["a:eth0", "gw:lan"],
  ["gw:dmz", "b:eth0"],
];
const setting = (more: string) => ({ ...FILES, "gw/sysctl_net.ipv4": FILES["gw/sysctl_net.ipv4"] + more });
const ask = (files: Readonly<Record<string, string>>, text: string, from = "a") => walk(build(files, CABLES), from, text);
const last = (text: string) => text.split("\n").at(-1)!.trim();
const ANSWERED = "local: takes the answer to an ARP request";
const SILENT = "not an address of this host: it does not answer";

test("a host asks for its neighbour, by the interface whose network has the target, and gets its MAC", () => {
  expect(ask(FILES, "arp 192.0.2.2 > 192.0.2.1")).toMatchInlineSnapshot(`
    "a: from a socket, arp 192.0.2.2 > 192.0.2.1 op 1, 00:00:00:00:00:00 to 00:00:00:00:00:00
      interface: inet 192.0.2.2/24 scope global eth0
      request: 2: eth0: <BROADCAST,UP> mtu 1500 state UP link/ether 52:54:00:00:00:02
    [1] gw: in lan, arp 192.0.2.2 > 192.0.2.1 op 1, 52:54:00:00:00:02 to ff:ff:ff:ff:ff:ff
    [1]   requests: inet 192.0.2.1/24 scope global lan (inferred: follows from the address; the local route table is not in evidence)
    [1]   answer: 2: lan: <BROADCAST,UP> mtu 1500 state UP link/ether 52:54:00:00:00:01
    [2] a: in eth0, arp 192.0.2.1 > 192.0.2.2 op 2, 52:54:00:00:00:01 to 52:54:00:00:00:02
    [2]   local: takes the answer to an ARP request"
  `);
});

test("a target in no network of the host goes out by its route; the kernel answers for addresses of its other interfaces too", () => {
  expect(last(ask(FILES, "arp 192.0.2.2 > 198.51.100.1"))).toContain(ANSWERED);
  expect(last(ask(FILES, "arp 192.0.2.2 > 203.0.113.7"))).toContain(ANSWERED);
  // b has no route to it.
  expect(last(ask(FILES, "arp 198.51.100.2 > 192.0.2.1", "b"))).toContain("no ARP on the interface that leads to the target");
});

test.each([
  ["nobody's address", FILES, "arp 192.0.2.2 > 192.0.2.9", SILENT],
  ["another host's, on another wire", FILES, "arp 192.0.2.2 > 198.51.100.2", SILENT],
  ["a loopback address", FILES, "arp 192.0.2.2 > 127.0.0.1", "a loopback address is not asked for on a wire"],
  ["who claims to be the host", FILES, "arp 192.0.2.1 > 198.51.100.1", "the sender says it has an address of this host: no answer"],
  ["arp_ignore 1, own", setting("net.ipv4.conf.lan.arp_ignore = 1\n"), "arp 192.0.2.2 > 192.0.2.1", ANSWERED],
  [
    "arp_ignore 1, not the interface's",
    setting("net.ipv4.conf.lan.arp_ignore = 1\n"),
    "arp 192.0.2.2 > 198.51.100.1",
    "arp_ignore: it answers on lan",
  ],
  ["arp_ignore 2, same subnet", setting("net.ipv4.conf.all.arp_ignore = 2\n"), "arp 192.0.2.2 > 192.0.2.1", ANSWERED],
  [
    "arp_ignore 2, another subnet",
    setting("net.ipv4.conf.all.arp_ignore = 2\n"),
    "arp 10.0.0.1 > 192.0.2.1",
    "arp_ignore: it answers on lan",
  ],
  [
    "arp_ignore 3, scope host",
    setting("net.ipv4.conf.all.arp_ignore = 3\n"),
    "arp 192.0.2.2 > 203.0.113.7",
    "arp_ignore: it does not answer for addresses of scope host",
  ],
  ["arp_ignore 8", setting("net.ipv4.conf.lan.arp_ignore = 8\n"), "arp 192.0.2.2 > 192.0.2.1", "arp_ignore: it answers nobody on lan"],
  ["proxy_arp", setting("net.ipv4.conf.lan.proxy_arp = 1\n"), "arp 192.0.2.2 > 198.51.100.2", ANSWERED],
  [
    "proxy_arp, the target's own wire",
    setting("net.ipv4.conf.lan.proxy_arp = 1\n"),
    "arp 192.0.2.2 > 192.0.2.9",
    "the target is on that wire itself",
  ],
  ["proxy_arp, no route", setting("net.ipv4.conf.lan.proxy_arp = 1\n"), "arp 192.0.2.2 > 10.9.9.9", "no route to the target"],
  [
    "proxy_arp, not forwarding",
    setting("net.ipv4.conf.lan.proxy_arp = 1\nnet.ipv4.conf.lan.forwarding = 0\n"),
    "arp 192.0.2.2 > 198.51.100.2",
    SILENT,
  ],
] as readonly (readonly [name: string, files: Readonly<Record<string, string>>, text: string, want: string])[])(
  "%s",
  (_, files, text, want) => {
    expect(last(ask(files, text))).toContain(want);
  },
);

test("a frame for another MAC is not looked at", () => {
  const text = "arp,arp_spa=192.0.2.2,arp_tpa=192.0.2.1,eth_dst=52:54:00:00:00:99";
  expect(last(ask(FILES, text, "gw:lan"))).toContain("not this host's MAC");
});

test("arp_ignore that is not in evidence is taken at its default, inferred; a MAC that is not known is asked for", () => {
  const { "gw/sysctl_net.ipv4": _, ...bare } = FILES;
  expect(ask(bare, "arp 192.0.2.2 > 192.0.2.1")).toContain(
    "(inferred: follows from the address; the local route table is not in evidence; net.ipv4.conf.*.arp_ignore is not in evidence: by default the kernel answers for every address it has)",
  );
  const noMac = { ...FILES, "gw/ip_addr": FILES["gw/ip_addr"].replace("    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n", "") };
  expect(ask(noMac, "arp 192.0.2.2 > 192.0.2.1")).toContain("the MAC address of lan");
  expect(ask(setting("net.ipv4.conf.lan.arp_filter = 1\n"), "arp 192.0.2.2 > 192.0.2.1")).toContain("arp_filter is on");
});
