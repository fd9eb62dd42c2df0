/**
 * Which source address the kernel prefers with a next hop.
 *
 * IPv4: inet_select_addr() (net/ipv4/devinet.c). IPv6: ipv6_dev_get_saddr() (net/ipv6/addrconf.c), which is RFC 6724 with its rules 1, 2, 3,
 * 5, 6 and 8; which addresses are temporary is not looked at.
 */
import { BITS, contains, maskOf, parseAddress, parsePrefix } from "../address.js";
import type { HostEvidence, Interface, OwnAddress, Route } from "./evidence.js";

const SCOPES: Readonly<Record<string, number>> = { "": 0, global: 0, site: 200, link: 253, host: 254, nowhere: 255 };
const scopeOf = (text: string): number => SCOPES[text] ?? (Number(text) || 0);

const LINK = 253;
/** RT_SCOPE_HOST: addresses of every scope count. */
export const HOST_SCOPE = 254;

type RouteSource = Pick<Route, "family" | "src" | "scope" | "prefix" | "nhid">;

/**
 * The address, or null if there is none.
 * @param out interface of the next hop, undefined if it is not known
 * @param via the next hop, "" for one on the link
 * @param dst IPv6: the destination, which has its say; without it the route's prefix stands for it
 */
export function sourceOf(evidence: HostEvidence, r: RouteSource, out: Interface | undefined, via: string, dst?: bigint): bigint | null {
  const own = parseAddress(r.src);
  if (own) return own.value;
  if (r.family === 6) return out ? selectIPv6(evidence, out, dst ?? parsePrefix(r.prefix)?.value ?? 0n) : null;
  const gateway = parseAddress(via);
  // A next hop object has its source by its own scope, less one (nh_create_ipv4(), net/ipv4/nexthop.c).
  const scope = (r.nhid ?? 0) > 0 ? (gateway ? LINK : HOST_SCOPE) - 1 : scopeOf(r.scope);
  return selectIPv4(evidence, out, gateway?.family === 4 ? gateway.value : null, scope);
}

/** @param near address whose network is preferred, null for any */
export function selectIPv4(evidence: HostEvidence, out: Interface | undefined, near: bigint | null, scope: number): bigint | null {
  const primary = (i: Interface) => i.addresses.filter((a) => a.family === 4 && !a.secondary);
  const value = (a: OwnAddress | undefined) => (a ? (parseAddress(a.address)?.value ?? null) : null);
  if (out) {
    const wide = primary(out).filter((a) => Math.min(scopeOf(a.scope), HOST_SCOPE) <= scope);
    const network = (a: OwnAddress) => contains(parsePrefix(`${a.address}/${a.prefixLen}`)!, { family: 4, value: near! });
    const chosen = (near !== null ? wide.find(network) : undefined) ?? wide[0];
    if (chosen) return value(chosen);
  }
  // Of another interface of the same VRF, that of the VRF first.
  const fits = (i: Interface) => primary(i).find((a) => scopeOf(a.scope) !== LINK && scopeOf(a.scope) <= scope);
  const vrf = vrfOf(evidence, out);
  const others = evidence.interfaces.filter((i) => vrfOf(evidence, i) === vrf && i !== vrf);
  for (const i of vrf ? [vrf, ...others] : others) {
    const a = fits(i);
    if (a) return value(a);
  }
  return null;
}

/** The VRF that an interface is in, or is. */
export function vrfOf(evidence: HostEvidence, i: Interface | undefined): Interface | undefined {
  if (!i) return undefined;
  if (i.vrfTable !== undefined) return i;
  return i.master === "" ? undefined : evidence.interfaces.find((m) => m.name === i.master && m.vrfTable !== undefined);
}

/** Scopes of RFC 4007 as numbers: the wider the larger. */
const INTERFACE_LOCAL = 1;
const LINK_LOCAL = 2;
const SITE_LOCAL = 5;
const GLOBAL = 14;

function scope6(v: bigint): number {
  if (v >> 120n === 0xffn) return Number((v >> 112n) & 15n);
  if (v === 1n) return INTERFACE_LOCAL;
  if (v >> 118n === 0x3fan) return LINK_LOCAL;
  if (v >> 118n === 0x3fbn) return SITE_LOCAL;
  return GLOBAL;
}

/** Labels of ip6addrlbl_init_table (net/ipv6/addrlabel.c). */
const LABELS: readonly (readonly [bigint, number, number])[] = [
  [1n, 128, 0],
  [0xffffn << 32n, 96, 4],
  [0n, 96, 3],
  [0x20010000n << 96n, 32, 6],
  [0x20010010n << 96n, 28, 7],
  [0x2002n << 112n, 16, 2],
  [0x3ffen << 112n, 16, 12],
  [0xfec0n << 112n, 10, 11],
  [0xfcn << 120n, 7, 5],
];

function label6(v: bigint): number {
  for (const [value, len, label] of LABELS) if ((v & maskOf(6, len)) === value) return label;
  return 1;
}

function commonBits(a: bigint, b: bigint): number {
  const x = a ^ b;
  return x === 0n ? 128 : 128 - x.toString(2).length;
}

function selectIPv6(evidence: HostEvidence, out: Interface, dst: bigint): bigint | null {
  const dstScope = scope6(dst);
  const multicast = dst >> 120n === 0xffn;
  const onlyOut = multicast || dstScope <= LINK_LOCAL;
  const vrf = vrfOf(evidence, out);
  let best: { v: bigint; score: number[] } | null = null;
  for (const i of evidence.interfaces) {
    if (onlyOut ? i !== out : vrfOf(evidence, i) !== vrf) continue;
    for (const a of i.addresses) {
      const v = a.family === 6 ? parseAddress(a.address)?.value : undefined;
      if (v === undefined || a.tentative) continue;
      const s = scope6(v);
      const same = v === dst ? 1 : 0;
      // A scope that is wide enough, the narrowest of them; else the widest there is.
      const fit = s >= dstScope ? 1000 - s : s;
      const prefix = Math.min(commonBits(v, dst), a.prefixLen || BITS[6]);
      const score = [same, fit, a.deprecated ? 0 : 1, i === out ? 1 : 0, label6(v) === label6(dst) ? 1 : 0, prefix];
      if (!best || better(score, best.score)) best = { v, score };
    }
  }
  return best?.v ?? null;
}

function better(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] > b[i];
  return false;
}
