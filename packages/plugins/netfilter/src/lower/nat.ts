/**
 * NAT targets. What the rule gives is bound as it stands; what the interface gives (MASQUERADE, REDIRECT) is looked up in
 * a generated table keyed by the port, whose rules point at the address's line.
 *
 * Which address the kernel takes: masquerade: of the outgoing interface's primary global addresses the first whose
 * network holds the next hop, else the first; an interface without one (the loopback is such) has it from the first of
 * the host's interfaces that has, in its VRF (inet_select_addr, net/ipv4/devinet.c); redirect: the first address of the
 * incoming interface, and the loopback address for what the host sends itself (nf_nat_redirect.c).
 */
import { type Action, addMatch, type Match, matchField, type NatRange, type NetworkBuilder, slice, type Table } from "@plumbline/model";
import type { HookName, PortRange, Statement } from "../ast.js";
import { ETH_IPV4, ETH_IPV6 } from "./fields.js";
import type { HostView, InterfaceAddress } from "./host.js";
import { ones, prefixes } from "./ternary.js";

type Nat = Extract<Statement, { s: "nat" }>;

const LOOPBACK = { 4: 0x7f000001n, 6: 1n } as const;

/** The generated tables of one device; a table is made when first asked for. */
export class NatTables {
  private readonly made = new Map<string, Table>();
  constructor(
    private readonly net: NetworkBuilder,
    private readonly view: HostView,
  ) {}

  /** The actions of a nat statement; `families` are those that its packets may have. */
  actions(s: Nat, hook: HookName, families: readonly (4 | 6)[]): Action[] {
    const ports = s.port ? { portMin: s.port.lo, portMax: s.port.hi } : {};
    const drawn: Action[] = s.random ? [{ op: "note", text: "the kernel draws the port at random; the first free one stands for it" }] : [];
    if (s.to === "given") {
      const range: NatRange = { ...(s.address && { min: s.address.lo, max: s.address.hi }), ...ports };
      return [...drawn, { op: "nat", type: s.type, range }];
    }
    if (s.to === "redirect" && hook === "output" && families.length === 1)
      return [...drawn, { op: "nat", type: "dst", range: { min: LOOPBACK[families[0]], max: LOOPBACK[families[0]], ...ports } }];
    const table = s.to === "masquerade" ? this.masquerade(s.port, families) : this.redirect(s.port, families, hook);
    return [...drawn, { op: "call", table: table.id }];
  }

  private masquerade(port: PortRange | null, families: readonly (4 | 6)[]): Table {
    return this.table("masquerade address", port, families, (t) => {
      for (const family of families)
        for (const [name, number] of this.view.ports ?? []) {
          const here = matchField(matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6), "out_port", number);
          const usable = this.view.addresses(family).filter((a) => !a.secondary && (a.scope === "global" || a.scope === ""));
          const own = usable.filter((a) => a.ifname === name);
          if (own.length === 0) {
            const other = family === 4 ? usable.find((a) => this.view.vrfOf(a.ifname) === this.view.vrfOf(name)) : undefined;
            if (other) this.bind(t, [here], 0, "src", other, port, `${name} has no global address: the kernel takes the host's first`);
            continue;
          }
          if (own.length > 1)
            own.forEach((a, i) => {
              const bits = family === 4 ? 32 : 128;
              const size = ones(bits - a.prefixLen);
              const lo = a.value & ~size;
              const [net] = prefixes(lo, lo | size, bits);
              const rows = addMatch(here, slice("nexthop", 0, bits), net.value, net.mask);
              if (rows) this.bind(t, [rows], own.length - i, "src", a, port);
            });
          this.bind(
            t,
            [here],
            0,
            "src",
            own[0],
            port,
            own.length > 1 && family === 6 ? "the kernel weighs IPv6 source addresses by more rules (RFC 6724)" : "",
          );
        }
    });
  }

  private redirect(port: PortRange | null, families: readonly (4 | 6)[], hook: HookName): Table {
    return this.table(`redirect address ${hook}`, port, families, (t) => {
      for (const family of families) {
        const type = matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6);
        if (hook === "output") {
          const value = LOOPBACK[family];
          this.net.rule(t, { rows: [type], program: [{ op: "nat", type: "dst", range: { min: value, max: value, ...span(port) } }] });
          continue;
        }
        for (const [name, number] of this.view.ports ?? []) {
          const first = this.view.addresses(family).find((a) => a.ifname === name);
          if (first) this.bind(t, [matchField(type, "in_port", number)], 0, "dst", first, port);
        }
      }
    });
  }

  private bind(
    t: Table,
    rows: readonly Match[],
    priority: number,
    type: "src" | "dst",
    a: InterfaceAddress,
    port: PortRange | null,
    why = "",
  ): void {
    this.net.rule(t, {
      rows,
      priority,
      program: [{ op: "nat", type, range: { min: a.value, max: a.value, ...span(port) } }],
      origin: a.fact.origin,
      certainty: why === "" ? "proven" : "inferred",
      why,
    });
  }

  private table(what: string, port: PortRange | null, families: readonly (4 | 6)[], fill: (t: Table) => void): Table {
    const name = port ? `${what}, ports ${port.lo}-${port.hi}` : what;
    const key = `${name} ${families.join()}`;
    let t = this.made.get(key);
    if (!t) {
      t = this.net.table(this.view.device, name, "netfilter", "priority");
      this.made.set(key, t);
      fill(t);
      t.miss = [
        {
          op: "unknown",
          why: "the interface's address, which the translation takes, is not in evidence",
          command: "ip addr",
          on: this.view.host,
        },
      ];
    }
    return t;
  }
}

const span = (port: PortRange | null) => (port ? { portMin: port.lo, portMax: port.hi } : {});

/** Networks up to this many addresses are mapped address by address. */
const NETMAP_ADDRESSES = 256n;

/** NETMAP as one alternative an address, or null if the network is too large for that. */
export function netmapAlternatives(
  s: Extract<Statement, { s: "netmap" }>,
  type: "src" | "dst",
): { rows: Match[]; actions: Action[] }[] | null {
  const bits = s.family === "ip" ? 32 : 128;
  const size = 1n << BigInt(bits - s.prefixLen);
  if (size > NETMAP_ADDRESSES) return null;
  const at = slice(`${s.family === "ip" ? "ip" : "ipv6"}_${type}`);
  const out: { rows: Match[]; actions: Action[] }[] = [];
  for (let host = 0n; host < size; host++) {
    const row = addMatch([], at, host, size - 1n);
    const value = s.lo + host;
    if (row) out.push({ rows: [row], actions: [{ op: "nat", type, range: { min: value, max: value } }] });
  }
  return out;
}
