/**
 * Tunnel ports whose encapsulation is the datapath's (ofproto/tunnel.c, tnl_port_send; lib/odp-util.c, commit_odp_tunnel_action,
 * tun_key_to_attr): the packet gets what the port is set to, and `set(tunnel(…))` before it leaves, if the datapath has not that already.
 *
 * With the userspace datapath OVS itself puts the outer headers on, by routes and neighbours of its own that no file here tells: there too
 * it is told as the kernel's.
 */
import { type Action, ipv4Number, ipv4Text, ipv6Number, ipv6Text, slice, TUNNEL_FIELDS } from "@plumbline/model";
import { type Context, DRIFT } from "./context.js";
import { hex } from "./datapath.js";

/** How a tunnel port is set; null where each packet says it. */
export interface Tunnel {
  readonly type: string;
  readonly src: Address | null;
  readonly dst: Address | null;
  /** The key that is sent; "none" without one. */
  readonly key: bigint | null | "none";
  readonly ttl: number | "inherit";
  readonly tos: number | "inherit";
  readonly dstPort: number;
  readonly df: boolean;
  readonly csum: boolean;
  /** `pkt_mark` of what leaves, where it is set. */
  readonly mark: number | null;
  /** Fields of ERSPAN that each packet does not say itself: they are none. */
  readonly cleared: readonly string[];
}
interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** UDP or TCP ports by type (lib/netdev-vport.c). */
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  geneve: 6081,
  vxlan: 4789,
  gre: 0,
  ip6gre: 0,
  erspan: 0,
  ip6erspan: 0,
  gtpu: 2152,
};
const DEFAULT_TTL = 64;
const NO_ADDRESS: Address = { family: 4, value: 0n };

/**
 * The tunnel of a port by its type and options, as `dpif/show` prints them; null if it is none.
 * @throws TunnelOption naming an option that changes what is sent and is not modelled
 */
export function tunnelOf(type: string | undefined, options: Readonly<Record<string, string>>): Tunnel | null {
  if (type === undefined || DEFAULT_PORTS[type] === undefined) return null;
  const o = options;
  const address = (text: string | undefined): Address | null => {
    if (text === "flow") return null;
    if (text === undefined) return NO_ADDRESS;
    const four = ipv4Number(text);
    if (four !== null) return { family: 4, value: BigInt(four) };
    const six = ipv6Number(text);
    if (six === null) throw new TunnelOption(`'${text}' is not an address`);
    return { family: 6, value: six };
  };
  const big = (text: string, bits: number): bigint => {
    if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text) || BigInt(text) >> BigInt(bits) !== 0n)
      throw new TunnelOption(`'${text}' is no number of ${bits} bits`);
    return BigInt(text);
  };
  const number = (text: string, bits: number) => Number(big(text, bits));
  const keyText = o.out_key ?? o.key;
  for (const name of ["packet_type", "exts", "erspan_ver", "erspan_idx", "erspan_dir", "erspan_hwid"])
    if (o[name] !== undefined && o[name] !== "flow" && o[name] !== "legacy_l2" && o[name] !== "gbp")
      throw new TunnelOption(`option ${name}=${o[name]} is not modelled`);
  return {
    type,
    src: address(o.local_ip),
    dst: address(o.remote_ip),
    key: keyText === undefined ? "none" : keyText === "flow" ? null : big(keyText, 64),
    ttl: o.ttl === undefined ? DEFAULT_TTL : o.ttl === "inherit" ? "inherit" : number(o.ttl, 8),
    tos: o.tos === undefined ? 0 : o.tos === "inherit" ? "inherit" : number(o.tos, 8),
    dstPort: o.dst_port === undefined ? DEFAULT_PORTS[type] : number(o.dst_port, 16),
    df: o.df_default !== "false",
    csum: o.csum === "true",
    cleared: ["erspan_ver", "erspan_idx", "erspan_dir", "erspan_hwid"].filter((name) => o[name] !== "flow").map((name) => `tun_${name}`),
    mark: o.egress_pkt_mark === undefined ? null : number(o.egress_pkt_mark, 32),
  };
}
export class TunnelOption extends Error {}

/** The one flag of a tunnel that flows can match. */
export const TUNNEL_OAM = 1;
const FLAG = { oam: TUNNEL_OAM, df: 2, csum: 4, key: 8 } as const;
const ECN = 3;
const CE = 3;
const ECT_0 = 2;
const DSCP = 0xfc;

/** What the datapath is told of a tunnel; the same is not told again. Returns false if nothing leaves. */
export function sendByTunnel(c: Context, t: Tunnel): boolean {
  const { flow } = c;
  if (t.src) setAddress(c, "src", t.src);
  if (t.dst) setAddress(c, "dst", t.dst);
  if (t.key === "none") flow.set("tun_id", 0);
  else if (t.key !== null) flow.set("tun_id", t.key);
  if (t.ttl === "inherit" && flow.isIp) {
    c.consult("ip_ttl", 0xff);
    flow.set("tun_ttl", flow.get("ip_ttl"));
  } else flow.set("tun_ttl", t.ttl === "inherit" ? 0 : t.ttl);
  let tos = t.tos === "inherit" ? 0 : t.tos;
  if (t.tos === "inherit" && flow.isIp) {
    c.consult("nw_tos", DSCP);
    tos = flow.get("nw_tos") & DSCP;
  }
  // Congestion is always told outside too.
  if (flow.isIp) {
    c.consult("nw_tos", ECN);
    const ecn = flow.get("nw_tos") & ECN;
    tos |= ecn === CE ? ECT_0 : ecn;
  }
  flow.set("tun_tos", tos);
  flow.set(
    "tun_flags",
    (flow.get("tun_flags") & FLAG.oam) | (t.df ? FLAG.df : 0) | (t.csum ? FLAG.csum : 0) | (t.key === "none" ? 0 : FLAG.key),
  );
  for (const f of t.cleared) flow.set(f, 0);
  if (t.mark !== null) {
    flow.set("pkt_mark", t.mark);
    c.consult("pkt_mark", 0xffffffff);
  }
  const dst = flow.big("tun_dst") || flow.big("tun_ipv6_dst");
  if (dst === c.ownTunnelEnd) {
    c.report("warn", "Not tunneling to our own address");
    // Without an end it is told by the network.
    if (dst !== 0n || t.dst !== null) c.drift = DRIFT.tunnel;
    return false;
  }
  c.report("detail", "output to kernel tunnel");
  commitTunnel(c, t);
  return true;
}

/** What of a tunnel stays with a packet that did not leave by it, as far as flows can match it. */
export function leftByTunnel(t: Tunnel): Action[] {
  const set = (name: string, value: bigint): Action => ({ op: "set", dst: slice(name), value });
  const src = t.src
    ? [set("tun_src", t.src.family === 4 ? t.src.value : 0n), set("tun_ipv6_src", t.src.family === 6 ? t.src.value : 0n)]
    : [];
  return [...src, ...t.cleared.map((f) => set(f, 0n)), ...(t.key === null ? [] : [set("tun_id", t.key === "none" ? 0n : t.key)])];
}

function setAddress(c: Context, end: "src" | "dst", a: Address): void {
  c.flow.set(`tun_${end}`, a.family === 4 ? a.value : 0n);
  c.flow.set(`tun_ipv6_${end}`, a.family === 6 ? a.value : 0n);
}

/** commit_odp_tunnel_action. */
function commitTunnel(c: Context, t: Tunnel): void {
  const { flow, base } = c;
  if (flow.big("tun_dst") === 0n && flow.big("tun_ipv6_dst") === 0n) return;
  if (c.baseTunnelPort === t.dstPort && base.options === flow.options && TUNNEL_FIELDS.every((f) => base.big(f) === flow.big(f))) return;
  for (const f of TUNNEL_FIELDS) base.set(f, flow.big(f));
  base.options = flow.options;
  c.baseTunnelPort = t.dstPort;
  c.out.put(`set(tunnel(${tunnelText(c, t)}))`, 64);
}

function tunnelText(c: Context, t: Tunnel): string {
  const { flow } = c;
  const flags = flow.get("tun_flags");
  const out: string[] = [];
  const id = flow.big("tun_id");
  if (id !== 0n || flags & FLAG.key) out.push(`tun_id=0x${id.toString(16)}`);
  for (const end of ["src", "dst"]) if (flow.big(`tun_${end}`)) out.push(`${end}=${ipv4Text(flow.get(`tun_${end}`))}`);
  for (const end of ["src", "dst"]) if (flow.big(`tun_ipv6_${end}`)) out.push(`ipv6_${end}=${ipv6Text(flow.big(`tun_ipv6_${end}`))}`);
  if (flow.get("tun_tos")) out.push(`tos=${hex(flow.get("tun_tos"))}`);
  out.push(`ttl=${flow.get("tun_ttl")}`);
  if (t.dstPort) out.push(`tp_dst=${t.dstPort}`);
  if (t.type === "vxlan" && (flow.get("tun_gbp_id") || flow.get("tun_gbp_flags")))
    out.push(`vxlan(gbp(id=${flow.get("tun_gbp_id")},flags=${hex(flow.get("tun_gbp_flags"))}))`);
  if (t.type === "geneve") {
    const options = c.bridge.tlvMap
      .map((o) => ({ ...o, index: Number(o.field.slice("tun_metadata".length)) }))
      .filter((o) => flow.options & (1 << o.index))
      .sort((a, b) => a.index - b.index)
      .map((o) => `{class=0x${o.class.toString(16)},type=0x${o.type.toString(16)},len=${o.size},${hex(flow.big(o.field))}}`);
    if (options.length > 0) out.push(`geneve(${options.join("")})`);
  }
  if (/erspan/.test(t.type)) out.push(...erspan(c));
  const names = (["oam", "df", "csum", "key"] as const).filter((n) => flags & FLAG[n] || (n === "key" && id !== 0n));
  if (names.length > 0) out.push(`flags(${names.join("|")})`);
  return out.join(",");
}

function erspan({ flow }: Context): string[] {
  const version = flow.get("tun_erspan_ver");
  if (version === 1) return [`erspan(ver=1,idx=${hex(flow.get("tun_erspan_idx"))})`];
  if (version === 2) return [`erspan(ver=2,dir=${flow.get("tun_erspan_dir")},hwid=${hex(flow.get("tun_erspan_hwid"))})`];
  return [];
}
