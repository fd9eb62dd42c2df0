/**
 * NAT targets. What the rule gives is bound as it stands; what the interface gives (MASQUERADE, REDIRECT) is looked up in
 * a generated table keyed by the port, whose rules point at the address's line.
 *
 * Which address the kernel takes: masquerade: of the outgoing interface's primary global addresses the first whose
 * network holds the next hop, else the first; an interface without one (the loopback is such) has it from the first of
 * the host's interfaces that has, in its VRF (inet_select_addr, net/ipv4/devinet.c); redirect: the first address of the
 * incoming interface, and the loopback address for what the host sends itself (nf_nat_redirect.c).
 */
import {
  type Action,
  addMatch,
  CT,
  type Match,
  matchField,
  type NatRange,
  type NetworkBuilder,
  slice,
  type Table,
  type TableId,
} from "@plumbline/model";
import type { HookName, PortRange, Statement } from "../ast.js";
import { ETH_IPV4, ETH_IPV6, HAS_CONNECTION, NOTRACK, TEMPLATE } from "./fields.js";
import type { HostView, InterfaceAddress } from "./host.js";
import { ones, prefixes } from "./ternary.js";

type Nat = Extract<Statement, { s: "nat" }>;

const MARK_FIELD = { "meta mark": "pkt_mark", "ct mark": "ct_mark" } as const;
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
    if (s.portBase !== undefined && s.port) return [...drawn, { op: "call", table: this.shifted(s, s.port, s.portBase).id }];
    if (s.to === "given") {
      if (!s.address || s.address.lo === s.address.hi)
        return [...drawn, { op: "nat", type: s.type, range: { ...(s.address && { min: s.address.lo, max: s.address.hi }), ...ports } }];
      // The kernel takes one by a hash with a secret of its own (find_best_ips_proto, net/netfilter/nf_nat_core.c).
      const { lo, hi } = s.address;
      const size = hi - lo + 1n;
      const addresses = Array.from({ length: Number(size < RANGE_ADDRESSES ? size : RANGE_ADDRESSES) }, (_, i) => lo + BigInt(i));
      const note: Action[] =
        size > RANGE_ADDRESSES ? [{ op: "note", text: `of ${size} addresses the first ${RANGE_ADDRESSES} stand for all` }] : [];
      return [
        ...drawn,
        ...note,
        {
          op: "choose",
          how: "address of the range, by a hash that only this kernel knows",
          weights: addresses.map(() => 1),
          options: addresses.map((a): Action[] => [{ op: "nat", type: s.type, range: { min: a, max: a, ...ports } }]),
        },
      ];
    }
    if (s.to === "redirect" && hook === "output" && families.length === 1)
      return [...drawn, { op: "nat", type: "dst", range: { min: LOOPBACK[families[0]], max: LOOPBACK[families[0]], ...ports } }];
    const table = s.to === "masquerade" ? this.masquerade(s.port, families) : this.redirect(s.port, families, hook);
    return [...drawn, { op: "call", table: table.id }];
  }

  /** Ports in step with the packet's own: the first of the range for `base`, the next for the one behind it. */
  private shifted(s: Nat, port: PortRange, base: number): Table {
    const name = `${s.type === "dst" ? "destination" : "source"} ports ${port.lo}-${port.hi}, the first for ${base}${s.address ? `, ${s.address.lo}` : ""}`;
    return this.generated(name, (t) => {
      const size = port.hi - port.lo + 1;
      for (let i = 0; i < Math.min(size, SHIFTED_PORTS); i++) {
        const range: NatRange = { ...(s.address && { min: s.address.lo, max: s.address.lo }), portMin: port.lo + i, portMax: port.lo + i };
        const rows = [matchField([], s.type === "dst" ? "tp_dst" : "tp_src", (base + i) & 0xffff)];
        this.net.rule(t, { rows, program: [{ op: "nat", type: s.type, range }] });
      }
      t.miss = [{ op: "unknown", why: "a port outside of the range is mapped round it", command: "conntrack -L", on: this.view.host }];
    });
  }

  /** Adds to the TTL or hop limit, which stays from 0 to 255 (xt_HL.c). */
  ttl(add: number): Table {
    return this.generated(`TTL ${add < 0 ? "-" : "+"} ${Math.abs(add)}`, (t) => {
      for (let v = 0; v <= 255; v++) {
        const value = BigInt(Math.max(0, Math.min(255, v + add)));
        this.net.rule(t, { rows: [matchField([], "ip_ttl", v)], program: [{ op: "set", dst: slice("ip_ttl"), value }] });
      }
    });
  }

  /**
   * NOTRACK, or a conntrack zone. Neither does anything to packets that are tracked (those that come round through the loopback
   * interface) or have a zone; a zone given by iptables, nothing to untracked ones either (xt_CT.c, nft_ct.c).
   */
  untracked(zone: number | null, source: "iptables" | "nft"): TableId {
    const what = zone === null ? "notrack" : `zone ${zone}`;
    return this.generated(`${what} unless tracked (${source})`, (t) => {
      const decided = [matchField([], "ct_state", CT.trk, CT.trk), matchField([], "reg13", 2, 2)];
      if (zone !== null && source === "iptables") decided.push(matchField([], "reg13", 1, 1));
      this.net.rule(t, { rows: decided, program: [] });
      t.miss =
        zone === null
          ? [{ op: "set", dst: NOTRACK, value: 1n }]
          : [
              { op: "set", dst: slice("ct_zone"), value: BigInt(zone) },
              { op: "set", dst: NOTRACK, value: 0n },
              { op: "set", dst: TEMPLATE, value: 1n },
            ];
    }).id;
  }

  /** A known connection has its mark at once, whatever becomes of the packet; a new one when it is entered in its table. */
  connectionMark(): TableId {
    return this.generated("the connection's mark", (t) => {
      const known = matchField(HAS_CONNECTION, "ct_label", 1n << 127n, 1n << 127n);
      this.net.rule(t, { rows: [known], program: [{ op: "confirm" }] });
    }).id;
  }

  /** One bit of a mark as the exclusive-or of bits. */
  xor(dst: "meta mark" | "ct mark", bit: number, of: readonly ("meta mark" | "ct mark")[], constant: boolean): TableId {
    const name = `${of.map((m) => `${m}[${bit}]`).join(" ^ ")}${constant ? " ^ 1" : ""} to ${dst}[${bit}]`;
    return this.generated(name, (t) => {
      for (let bits = 0; bits < 1 << of.length; bits++) {
        let row: Match = [];
        let odd = constant;
        of.forEach((m, i) => {
          const on = (bits >> i) & 1;
          row = matchField(row, MARK_FIELD[m], on ? 1n << BigInt(bit) : 0n, 1n << BigInt(bit));
          if (on) odd = !odd;
        });
        this.net.rule(t, { rows: [row], program: [{ op: "set", dst: slice(MARK_FIELD[dst], bit, 1), value: odd ? 1n : 0n }] });
      }
    }).id;
  }

  private generated(name: string, fill: (t: Table) => void): Table {
    let t = this.made.get(name);
    if (!t) {
      t = this.net.table(this.view.device, name, "netfilter", "priority");
      this.made.set(name, t);
      fill(t);
    }
    return t;
  }

  private masquerade(port: PortRange | null, families: readonly (4 | 6)[]): Table {
    return this.table("masquerade address", port, families, (t) => {
      for (const family of families)
        for (const [name, number] of this.view.ports ?? []) {
          const here = matchField(matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6), "out_port", number);
          const usable = this.view.addresses(family).filter((a) => !a.secondary && (a.scope === "global" || a.scope === ""));
          const own = usable.filter((a) => a.ifname === name);
          if (own.length === 0 && family === 6 && name === "lo") {
            // To an own address from that address itself (RFC 6724, rule 1).
            for (const a of this.view.addresses(6)) this.bind(t, [matchField(here, "ipv6_dst", a.value)], 1, "src", a, port);
            continue;
          }
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

/** Addresses of a range that become options of a choice. */
const RANGE_ADDRESSES = 256n;
/** Ports of a shifted range that are mapped. */
const SHIFTED_PORTS = 8192;

const span = (port: PortRange | null) => (port ? { portMin: port.lo, portMax: port.hi } : {});

/** NETMAP: the host's bits stay, the network's are `lo`'s. */
export function netmapAction(s: Extract<Statement, { s: "netmap" }>, type: "src" | "dst"): Action {
  const bits = s.family === "ip" ? 32 : 128;
  return { op: "nat", type, range: { min: s.lo, max: s.lo, keep: ones(bits - s.prefixLen) } };
}
