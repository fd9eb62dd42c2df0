/**
 * Random nets of BGP routers: cables in a row or a ring, addresses of both families, static routes (several next hops, recursive, blackhole,
 * distances), networks, policies in and out by prefix lists and route maps, communities, BFD.
 */
import type { Random } from "../random.js";

export interface DrawnLink {
  readonly a: number;
  readonly b: number;
  /** Third byte of 10.200.N.0/24, and of 2001:db8:N::/64. */
  readonly n: number;
}
export interface DrawnNet {
  readonly routers: readonly { readonly name: string; readonly config: string; readonly neighbours: readonly string[] }[];
  readonly links: readonly DrawnLink[];
}

export const portOf = (link: DrawnLink, router: number) => `e${link.n}${router === link.a ? "a" : "b"}`;
const side = (link: DrawnLink, router: number) => (router === link.a ? 1 : 2);
export const address4 = (link: DrawnLink, router: number) => `10.200.${link.n}.${side(link, router)}`;
export const address6 = (link: DrawnLink, router: number) => `2001:db8:${link.n}::${side(link, router)}`;

export function drawNet(r: Random): DrawnNet {
  const count = r.between(2, 4);
  const pairs = Array.from({ length: count - 1 }, (_, i) => [i, i + 1] as const);
  const links: DrawnLink[] = [
    ...pairs,
    ...(count > 2 && r.chance(0.5) ? [[0, count - 1] as const] : []),
    ...(r.chance(0.3) ? [[0, 1] as const] : []),
  ].map(([a, b], i) => ({ a, b, n: i + 1 }));
  // The same number for some: iBGP.
  const asns = Array.from({ length: count }, () => 65000 + r.int(r.chance(0.5) ? 2 : 4));
  const routers = asns.map((_, i) => drawRouter(r, i, asns, links));
  return { routers, links };
}

const prefix4 = (r: Random) => {
  const len = r.pick([8, 16, 20, 24, 24, 25, 32, 32]);
  const bytes = [r.pick([20, 172, 198, 203]), r.pick([0, 18, 51, 113, 255]), r.pick([0, 100, 113, 128]), r.pick([0, 1, 128, 255])];
  const v = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) & (-1 << (32 - len));
  return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}/${len}`;
};
const prefix6 = (r: Random) =>
  r.pick([
    `2001:db8:${r.between(16, 99)}::/48`,
    `2001:db8:ab${r.between(10, 99)}:cd00::/56`,
    `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${r.between(1, 99)}/128`,
    "fd00::/8",
  ]);

function drawRouter(r: Random, me: number, asns: readonly number[], links: readonly DrawnLink[]) {
  const name = `r${me}`;
  const mine = links.filter((l) => l.a === me || l.b === me);
  const lines = [`hostname ${name}`];
  const four = Array.from({ length: r.between(1, 6) }, () => prefix4(r));
  const six = Array.from({ length: r.between(0, 3) }, () => prefix6(r));
  const hop = () => {
    const l = r.pick(mine);
    return r.chance(0.75) ? `10.200.${l.n}.${r.between(1, 9)}` : portOf(l, me);
  };
  for (const p of four) lines.push(`ip route ${p} ${r.chance(0.5) ? "blackhole" : hop()}${r.chance(0.2) ? ` ${r.pick([5, 200])}` : ""}`);
  for (const p of r.sample(four, 2)) if (r.chance(0.5)) lines.push(`ip route ${p} ${hop()}`);
  if (r.chance(0.5)) lines.push(`ip route ${prefix4(r)} ${four[0].split("/")[0].replace(/\d+$/, "9")}`);
  for (const p of six) lines.push(`ipv6 route ${p} blackhole`);
  const list = (n: string, family: "ip" | "ipv6") => {
    const any = family === "ip" ? four : six;
    let seq = 5;
    for (const p of r.sample(any, 2)) {
      const len = Number(p.split("/")[1]);
      const le = r.chance(0.3) && len < 24 ? ` le ${r.between(len + 1, 32)}` : "";
      lines.push(`${family} prefix-list ${n} seq ${seq} ${r.chance(0.8) ? "permit" : "deny"} ${p}${le}`);
      seq += 5;
    }
    if (r.chance(0.6)) lines.push(`${family} prefix-list ${n} seq ${seq} ${r.pick(["permit", "permit", "deny"])} any`);
  };
  list("P4", "ip");
  list("Q4", "ip");
  list("P6", "ipv6");
  const map = (n: string) => {
    lines.push(`route-map ${n} ${r.chance(0.8) ? "permit" : "deny"} 10`, " match ip address prefix-list P4");
    if (r.chance(0.5)) lines.push(` set community 65000:${r.between(1, 99)} ${r.pick(["", "no-export", "65001:7"])}`.trimEnd());
    if (r.chance(0.3)) lines.push(` set metric ${r.between(1, 500)}`);
    if (r.chance(0.3)) lines.push(` set local-preference ${r.between(1, 300)}`);
    if (r.chance(0.3)) lines.push(" on-match next");
    lines.push("exit", `route-map ${n} ${r.chance(0.7) ? "permit" : "deny"} 20`);
    if (r.chance(0.3)) lines.push(" match ipv6 address prefix-list P6");
    if (r.chance(0.3)) lines.push(` set as-path prepend ${asns[me]} ${asns[me]}`);
    lines.push("exit");
  };
  map("OUT");
  map("IN");
  const neighbours: string[] = [];
  const inFour: string[] = [];
  const inSix: string[] = [];
  const general: string[] = [];
  for (const l of mine) {
    const peer = l.a === me ? l.b : l.a;
    const address = address4(l, peer);
    neighbours.push(address);
    general.push(`neighbor ${address} remote-as ${asns[peer]}`, `neighbor ${address} timers 3 9`, `neighbor ${address} timers connect 1`);
    if (r.chance(0.5)) general.push(`neighbor ${address} bfd`);
    if (r.chance(0.3)) general.push(`neighbor ${address} description link ${l.n} to r${peer}`);
    inFour.push(`neighbor ${address} soft-reconfiguration inbound`);
    if (r.chance(0.4)) inFour.push(`neighbor ${address} route-map OUT out`);
    if (r.chance(0.3)) inFour.push(`neighbor ${address} route-map IN in`);
    if (r.chance(0.2)) inFour.push(`neighbor ${address} prefix-list Q4 out`);
    if (r.chance(0.2)) inFour.push(`neighbor ${address} next-hop-self`);
    // A session of IPv6 for IPv6, or the one of IPv4 for both.
    const v6 = l.n % 2 === 0 ? address : address6(l, peer);
    if (v6 !== address) {
      general.push(`neighbor ${v6} remote-as ${asns[peer]}`, `neighbor ${v6} timers 3 9`, `neighbor ${v6} timers connect 1`);
      inFour.push(`no neighbor ${v6} activate`);
      neighbours.push(v6);
    }
    inSix.push(`neighbor ${v6} activate`, `neighbor ${v6} soft-reconfiguration inbound`);
  }
  // Nobody is there.
  if (r.chance(0.5)) general.push("neighbor 10.200.1.77 remote-as 65099");
  if (r.chance(0.3)) general.push("neighbor 192.0.2.77 remote-as 65098", "neighbor 192.0.2.77 shutdown");
  lines.push(`router bgp ${asns[me]}`, ` bgp router-id 10.0.0.${me + 1}`, " no bgp ebgp-requires-policy");
  if (r.chance(0.5)) lines.push(" no bgp network import-check");
  if (r.chance(0.5)) lines.push(" bgp bestpath as-path multipath-relax");
  lines.push(...general.map((x) => ` ${x}`), " address-family ipv4 unicast", ...inFour.map((x) => `  ${x}`));
  for (const p of four) if (r.chance(0.7)) lines.push(`  network ${p}`);
  if (r.chance(0.4)) lines.push("  redistribute static");
  if (r.chance(0.3)) lines.push("  redistribute connected");
  if (r.chance(0.5)) lines.push(`  maximum-paths ${r.between(2, 8)}`, `  maximum-paths ibgp ${r.between(2, 8)}`);
  lines.push(" exit-address-family", " address-family ipv6 unicast", ...inSix.map((x) => `  ${x}`), ...six.map((p) => `  network ${p}`));
  lines.push(" exit-address-family", "exit");
  return { name, config: `${lines.join("\n")}\n`, neighbours };
}
