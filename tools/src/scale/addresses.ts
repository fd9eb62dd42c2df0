/** Addresses of a synthetic cluster, as OVN-Kubernetes hands them out. */

/** What is filled into the templates of one node. */
export interface NodeNames {
  readonly [name: string]: string;
}

const octets = (n: number) => [24, 16, 8, 0].map((s) => (n >>> s) & 255);
const dotted = (n: number) => octets(n).join(".");
const hex = (n: number) => n.toString(16).padStart(2, "0");
const ip = (a: number, b: number, c: number, d: number) => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
/** The MAC address that OVN-Kubernetes gives to an IPv4 address. */
const macOf = (n: number) => ["0a", "58", ...octets(n).map(hex)].join(":");
/** The link-local address of a MAC address (RFC 4291, appendix A), and its solicited-node group. */
function links(mac: string): { link: string; group: string } {
  const b = mac.split(":").map((x) => Number.parseInt(x, 16));
  const word = (hi: number, lo: number) => ((hi << 8) | lo).toString(16);
  return {
    link: `fe80::${word(b[0] ^ 2, b[1])}:${word(b[2], 0xff)}:${word(0xfe, b[3])}:${word(b[4], b[5])}`,
    group: `ff02::1:${word(0xff, b[3])}:${word(b[4], b[5])}`,
  };
}

/** /23 a node out of 10.128.0.0/14: up to 512 nodes. */
const podNet = (node: number) => ip(10, 128, 0, 0) + node * 512;

export function namesOf(node: number): NodeNames {
  const net = podNet(node);
  const join = ip(100, 64, 0, 2) + node;
  const host = ip(192, 0, 0, 10) + node;
  const hostMac = `52:54:00:99:${hex(node >> 8)}:${hex(node & 255)}`;
  const [gw, jn, ht] = [links(macOf(net + 1)), links(macOf(join)), links(hostMac)];
  return {
    node: `node-${String(node).padStart(4, "0")}`,
    subnet: `${dotted(net)}/23`,
    broadcast: dotted(net + 511),
    gateway: dotted(net + 1),
    gatewayMac: macOf(net + 1),
    gatewayLink: gw.link,
    gatewayGroup: gw.group,
    management: dotted(net + 2),
    managementMac: macOf(net + 2),
    join: dotted(join),
    joinMac: macOf(join),
    joinLink: jn.link,
    joinGroup: jn.group,
    host: dotted(host),
    hostMac,
    hostLink: ht.link,
    hostGroup: ht.group,
    lan: "192.0.0.0/16",
    lanBroadcast: "192.0.255.255",
    uplink: "192.0.0.1",
    pods: "10.128.0.0/14",
  };
}

/** Pod `n` of a node, from 0. */
export function podOf(node: number, n: number): { podIp: string; podMac: string; pod: string } {
  const address = podNet(node) + 3 + n;
  return { podIp: dotted(address), podMac: macOf(address), pod: `ns-${(node * 7 + n) % 997}_pod-${node}-${n}` };
}

/** The cluster address and port of a Service. */
export function vipOf(service: number): { vip: string; port: string } {
  return { vip: dotted(ip(172, 30, 0, 1) + service), port: String(1024 + ((service * 37) % 8000)) };
}
