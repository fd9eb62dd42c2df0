/**
 * Which rules of the network are about a Service: those that ask for one of its addresses and ports, coming or going, and those
 * that carry a cookie which a source says is its own.
 */
import {
  type Action,
  type Frontend,
  field,
  type KnownService,
  type Match,
  type Network,
  nested,
  type Rule,
  type Table,
} from "@plumbline/model";
import { addressText, exactly } from "./fields.js";

const PROTOCOLS: Readonly<Record<string, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/** Fields that may hold a Service's address, each with the one that then holds its port ("" if none does). */
const PLACES: readonly (readonly [address: string, port: string])[] = [
  ["ip_dst", "tp_dst"],
  ["ip_src", "tp_src"],
  ["ipv6_dst", "tp_dst"],
  ["ipv6_src", "tp_src"],
  ["ct_nw_dst", "ct_tp_dst"],
  ["ct_ipv6_dst", "ct_tp_dst"],
  ["arp_tpa", ""],
];
const PORTS = ["tp_dst", "tp_src", "ct_tp_dst"];

/** Low words of the fields above: a row without any of them is about no Service. */
const WORDS = new Set(
  PLACES.flat()
    .filter((n) => n !== "")
    .map((n) => field(n).word + field(n).words - 1),
);

export interface Concern {
  readonly rule: Rule;
  readonly table: Table;
  /** What of the Service it names; empty if only its cookie tells. */
  readonly frontends: readonly Frontend[];
}

export class Targets {
  private readonly byAddress = new Map<string, Frontend[]>();
  private readonly nodePorts: readonly Frontend[];

  constructor(
    readonly frontends: readonly Frontend[],
    /** Addresses of nodes: with a node port they stand for the Service. */
    private readonly nodeAddresses: ReadonlySet<string>,
  ) {
    for (const f of frontends) if (f.address !== "") this.byAddress.set(f.address, [...(this.byAddress.get(f.address) ?? []), f]);
    this.nodePorts = frontends.filter((f) => f.address === "");
  }

  /** Frontends that a row names. */
  named(match: Match): Frontend[] {
    if (!match.some((x) => WORDS.has(x.w))) return [];
    const protocol = PROTOCOLS[String(exactly(match, "ip_proto") ?? "")] ?? "";
    const fits = (f: Frontend, port: bigint | undefined) =>
      (protocol === "" || f.protocol === "" || f.protocol === protocol) && (port === undefined || Number(port) === f.port);
    const hits: Frontend[] = [];
    for (const [place, portName] of PLACES) {
      const n = exactly(match, place);
      if (n === undefined) continue;
      const port = portName === "" ? undefined : exactly(match, portName);
      const text = addressText(n);
      hits.push(...(this.byAddress.get(text) ?? []).filter((f) => fits(f, port)));
      if (port !== undefined && this.nodeAddresses.has(text)) hits.push(...this.nodePorts.filter((f) => fits(f, port)));
    }
    if (hits.length > 0 || this.nodePorts.length === 0) return hits;
    // A node port may be asked for without an address.
    for (const name of PORTS) {
      const port = exactly(match, name);
      const place = PLACES.filter(([, p]) => p === name);
      if (port !== undefined && place.every(([address]) => exactly(match, address) === undefined))
        hits.push(...this.nodePorts.filter((f) => fits(f, port)));
    }
    return hits;
  }
}

/** Destinations that a program translates to. */
export function translations(program: readonly Action[]): { address: bigint; port: number }[] {
  return program.flatMap((a) => {
    const nat = a.op === "nat" ? a : a.op === "ct" && a.nat !== null && a.nat !== "existing" ? a.nat : null;
    const own = nat?.type === "dst" && nat.range.min !== undefined ? [{ address: nat.range.min, port: nat.range.portMin ?? 0 }] : [];
    return [...own, ...nested(a).flatMap(translations)];
  });
}

export function concernsOf(net: Network, targets: Targets, cookies: ReadonlySet<bigint>): Concern[] {
  const out: Concern[] = [];
  for (const rule of net.rules) {
    const table = net.tables[rule.table];
    const device = net.devices[table.device];
    // Routes are asked by address, and what is no rule of a device's own is told by its source.
    if (!rule.origin || rule.prefix || device.kind === "logical") continue;
    const frontends = new Set(rule.rows.flatMap((m) => targets.named(m)));
    if (frontends.size > 0 || (device.kind === "bridge" && rule.cookie !== undefined && cookies.has(rule.cookie)))
      out.push({ rule, table, frontends: [...frontends] });
  }
  return out;
}

/** The Service with the addresses that netfilter translates its own to on their way (a masquerade address, another Service's). */
export function withTranslations(service: KnownService, concerns: readonly Concern[]): KnownService {
  const known = new Set(service.frontends.map((f) => `${f.address} ${f.port}`));
  const backends = new Set(service.endpoints.map((e) => e.address));
  const more: Frontend[] = [];
  for (const c of concerns) {
    if (c.table.stage !== "netfilter") continue;
    for (const t of translations(c.rule.program)) {
      const address = addressText(t.address);
      const port = t.port === 0 ? (c.frontends[0]?.port ?? 0) : t.port;
      if (known.has(`${address} ${port}`) || backends.has(address)) continue;
      known.add(`${address} ${port}`);
      more.push({ what: "translated to", address, protocol: c.frontends[0]?.protocol ?? "", port });
    }
  }
  return more.length === 0 ? service : { ...service, frontends: [...service.frontends, ...more] };
}
