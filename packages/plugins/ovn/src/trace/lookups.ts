/**
 * What logical actions look up, as tables of decisions: MAC bindings, learned MAC addresses, port security, load balancers'
 * addresses. Each leaves what ovn-trace says of it (ovn/utilities/ovn-trace.c of OVN, execute_*).
 */
import {
  type Action,
  addMatch,
  getBig,
  ipv4Number,
  ipv6Number,
  type Match,
  macNumber,
  macText,
  printSlice,
  type Row,
  type Slice,
} from "@plumbline/model";
import { addressOf, addressText, endpoint, type LogicalAction } from "../actions/index.js";
import { rows } from "../database.js";
import { resolveSlice } from "../expr/index.js";
import { type FieldValue, type HelperRule, type LogicalDevice, rowOf } from "../logical/pipelines.js";
import { asMap, asSet } from "../values.js";
import type { Marks } from "./marks.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

const ethDst = (row: Row) => macText(getBig(row, "eth_dst"));

/** `get_arp`, `get_nd`: eth.dst becomes the address that is bound, or zero. */
export function getMac(on: LogicalDevice, a: Of<"get_mac">, marks: Marks): Action {
  const [port, ip] = [resolveSlice(a.port), resolveSlice(a.ip)];
  const dst: Slice = { field: "eth_dst", ofs: 0, n: 48 };
  return on.helper(`${a.name} ${printSlice(port)} ${printSlice(ip)}`, () => ({
    rules: bindings(on, port, ip).map(({ match, mac, origin }) => ({
      priority: 1,
      rows: [match],
      program: [{ op: "set", dst, value: mac }, marks.make({ kind: "comment", text: (r) => `/* MAC binding to ${ethDst(r)}. */` })],
      origin,
    })),
    miss: [{ op: "set", dst, value: 0n }, marks.make({ kind: "comment", text: "/* No MAC binding. */" })],
  }));
}

/** `lookup_arp` and its like: one bit, whether the binding is known. */
export function lookupMac(on: LogicalDevice, a: Of<"lookup_mac">, marks: Marks): Action {
  const [port, ip, dst] = [resolveSlice(a.port), resolveSlice(a.ip), resolveSlice(a.dst)];
  const mac = a.mac && resolveSlice(a.mac);
  return on.helper(`${a.name} ${printSlice(dst)} ${printSlice(port)} ${printSlice(ip)} ${mac ? printSlice(mac) : ""}`, () => ({
    rules: bindings(on, port, ip).flatMap((b): HelperRule[] => {
      const match = mac ? addMatch(b.match, mac, b.mac) : b.match;
      const text = mac ? (r: Row) => `/* MAC binding to ${ethDst(r)} found. */` : "/* MAC binding found. */";
      const program: Action[] = [{ op: "set", dst, value: 1n }, marks.make({ kind: "comment", text })];
      return match ? [{ priority: 1, rows: [match], program, origin: b.origin }] : [];
    }),
    miss: [{ op: "set", dst, value: 0n }, marks.make({ kind: "comment", text: "/* lookup failed - No MAC binding. */" })],
  }));
}

function bindings(on: LogicalDevice, port: Slice, ip: Slice) {
  return on.datapath.macBindings.flatMap((b) => {
    // ovn-trace does not read those that the CMS has given.
    if (b.fixed) return [];
    const address = addressOf(b.ip);
    const mac = macNumber(b.mac);
    if (!address || mac === null || (address.family === 4) !== (ip.n === 32)) return [];
    const at = addMatch([], port, BigInt(b.port.key));
    const match = at && addMatch(at, ip, address.value);
    return match ? [{ match, mac, origin: b.origin }] : [];
  });
}

/** `get_fdb`: the key of the port where the MAC address was learned, or 0. */
export function getFdb(on: LogicalDevice, a: Of<"get_fdb">): Action {
  const [mac, dst] = [resolveSlice(a.mac), resolveSlice(a.dst)];
  return on.helper(`get_fdb ${printSlice(dst)} ${printSlice(mac)}`, () => ({
    rules: learned(on, mac).map(({ match, portKey, origin }) => ({
      priority: 1,
      rows: [match],
      program: [{ op: "set", dst, value: BigInt(portKey) }],
      origin,
    })),
    miss: [{ op: "set", dst, value: 0n }],
  }));
}

export function lookupFdb(on: LogicalDevice, a: Of<"lookup_fdb">, marks: Marks): Action {
  const [mac, port, dst] = [resolveSlice(a.mac), resolveSlice(a.port), resolveSlice(a.dst)];
  return on.helper(`lookup_fdb ${printSlice(dst)} ${printSlice(port)} ${printSlice(mac)}`, () => ({
    rules: learned(on, mac).flatMap((l): HelperRule[] => {
      const match = addMatch(l.match, port, BigInt(l.portKey));
      const text = (r: Row) => `/* MAC lookup for ${ethDst(r)} found in FDB. */`;
      return match
        ? [
            {
              priority: 1,
              rows: [match],
              program: [{ op: "set", dst, value: 1n }, marks.make({ kind: "comment", text })],
              origin: l.origin,
            },
          ]
        : [];
    }),
    miss: [{ op: "set", dst, value: 0n }, marks.make({ kind: "comment", text: "/* lookup mac failed in mac learning table. */" })],
  }));
}

function learned(on: LogicalDevice, mac: Slice) {
  return on.datapath.fdb.flatMap((f) => {
    const value = macNumber(f.mac);
    const match = value === null ? null : addMatch([], mac, value);
    return match ? [{ match, portKey: f.portKey, origin: f.origin }] : [];
  });
}

/** Every address of a load balancer with its backends' `IP:PORT`. */
function vips(on: LogicalDevice) {
  return rows(on.topology.zone, "southbound", "Load_Balancer").flatMap((r) =>
    Object.entries(asMap(r.columns["vips"])).flatMap(([key, value]) => {
      const vip = endpoint(key);
      return vip ? [{ vip, backends: String(value).split(","), origin: r.origin }] : [];
    }),
  );
}

/** Addresses that a packet may have as both its source and its destination: those of backends and of ports. */
function knownAddresses(on: LogicalDevice): Set<string> {
  const out = new Set<string>();
  for (const { backends } of vips(on)) for (const text of backends) out.add(text);
  for (const p of on.topology.ports.values())
    for (const text of asSet(p.row.columns["mac"])) for (const word of String(text).split(/\s+/).slice(1)) out.add(word.split("/")[0]);
  return out;
}

/**
 * `chk_lb_hairpin`: whether a load balancer sent the packet back to its sender: translated, source and destination the same,
 * its port that of the load balancer (before translation; in the reply direction now). Where load balancers have one address with
 * several ports, ovn-trace looks at one of them; here each counts.
 */
export function lbHairpin(on: LogicalDevice, dst: Slice, reply: boolean): Action[] {
  const [yes, no] = [1n, 0n].map((value): Action => ({ op: "set", dst, value }));
  const back = on.sharedHelper(`back to its sender ${printSlice(dst)}`, () => {
    const matches = new Map<string, Match>();
    for (const text of knownAddresses(on)) {
      const address = endpoint(text)?.address;
      if (!address) continue;
      const { family, value } = address;
      const ends = family === 4 ? (["ip_src", "ip_dst"] as const) : (["ipv6_src", "ipv6_dst"] as const);
      const fields = ends.map((f): FieldValue => [f, value]);
      matches.set(`${family} ${value}`, rowOf(["eth_type", family === 4 ? 0x0800 : 0x86dd], ...fields, ["ct_state", 0x80, 0x80]));
    }
    return { rules: matches.size > 0 ? [{ priority: 1, rows: [...matches.values()], program: [yes] }] : [], miss: [no] };
  });
  const toVip = on.sharedHelper(`to a load balancer ${reply} ${printSlice(dst)}`, () => {
    const matches = vips(on).map(({ vip: { address, port } }) =>
      rowOf([address.family === 4 ? "ct_nw_dst" : "ct_ipv6_dst", address.value], [reply ? "tp_dst" : "ct_tp_dst", port]),
    );
    return { rules: matches.length > 0 ? [{ priority: 1, rows: matches, program: [] }] : [], miss: [no] };
  });
  return [back, toVip];
}

/** `ct_snat_to_vip`: says to which load balancer's address the source would be translated, and does not. */
export function snatToVip(on: LogicalDevice, marks: Marks): Action {
  return on.sharedHelper("ct_snat_to_vip", () => ({
    rules: vips(on).map(({ vip: { address, port }, origin }): HelperRule => {
      const field = address.family === 4 ? "ct_nw_dst" : "ct_ipv6_dst";
      const text = `/* nat(src=${addressText(address)}) */`;
      return {
        priority: 1,
        rows: [rowOf([field, address.value], ["ct_tp_dst", port])],
        program: [marks.make({ kind: "comment", text })],
        origin,
      };
    }),
    miss: [],
  }));
}

/** An entry of Port_Binding's port_security: "MAC [ADDRESS[/LEN]]…". */
interface Secured {
  readonly mac: bigint;
  readonly v4: readonly number[];
  readonly v6: readonly bigint[];
}

function securedOf(entries: readonly string[]): Secured[] {
  return entries.flatMap((text): Secured[] => {
    const [first, ...addresses] = text.trim().split(/\s+/);
    const mac = macNumber(first);
    if (mac === null) return [];
    const bare = addresses.map((a) => a.split("/")[0]);
    return [
      {
        mac,
        v4: bare.map(ipv4Number).filter((x) => x !== null),
        v6: bare
          .filter((a) => a.includes(":"))
          .map(ipv6Number)
          .filter((x) => x !== null),
      },
    ];
  });
}

/** The link-local address that is made of a MAC address (RFC 4291, appendix A). */
function linkLocal(mac: bigint): bigint {
  const id = ((mac >> 24n) << 40n) | (0xfffen << 24n) | (mac & 0xffffffn);
  return (0xfe80n << 112n) | (id ^ (2n << 56n));
}

const ALLOWED = 0n;

/** `check_in_port_sec` and `check_out_port_sec`: 1 if port security forbids the packet. */
export function portSecurity(on: LogicalDevice, dst: Slice, side: "in" | "out"): Action {
  return on.helper(`check_${side}_port_sec ${printSlice(dst)}`, () => {
    const rules: HelperRule[] = [];
    for (const p of on.datapath.ports) {
      const at = rowOf([side === "in" ? "reg14" : "reg15", p.key]);
      const add = (priority: number, value: bigint, fields: readonly FieldValue[]) =>
        rules.push({
          priority,
          rows: [rowOf([side === "in" ? "reg14" : "reg15", p.key], ...fields)],
          program: [{ op: "set", dst, value }],
          origin: p.row.origin,
        });
      const seen = new Set<bigint>();
      const secured = securedOf(p.portSecurity);
      if (secured.length === 0)
        rules.push({ priority: 0, rows: [at], program: [{ op: "set", dst, value: ALLOWED }], origin: p.row.origin });
      for (const s of secured) {
        if (seen.has(s.mac)) continue;
        seen.add(s.mac);
        if (side === "in") secureIn(s, add);
        else secureOut(s, add);
      }
    }
    return { rules, miss: [{ op: "set", dst, value: 1n }] };
  });
}

type Add = (priority: number, value: bigint, fields: readonly FieldValue[]) => void;
const V4 = ["eth_type", 0x0800] as const;
const V6 = ["eth_type", 0x86dd] as const;
const ARP = ["eth_type", 0x0806] as const;
const FORBIDDEN = 1n;

function secureIn(s: Secured, add: Add): void {
  const mac = ["eth_src", s.mac] as const;
  const anyAddress = s.v4.length === 0 && s.v6.length === 0;
  add(1, ALLOWED, [mac]);
  if (!anyAddress) {
    add(10, FORBIDDEN, [mac, V4]);
    for (const a of s.v4) add(20, ALLOWED, [mac, V4, ["ip_src", a]]);
    add(20, ALLOWED, [mac, V4, ["ip_src", 0], ["ip_dst", 0xffffffff], ["ip_proto", 17], ["tp_src", 68], ["tp_dst", 67]]);
  }
  add(10, FORBIDDEN, [mac, ARP]);
  if (s.v4.length === 0) add(20, ALLOWED, [mac, ARP, ["arp_sha", s.mac]]);
  for (const a of s.v4) add(20, ALLOWED, [mac, ARP, ["arp_sha", s.mac], ["arp_spa", a]]);
  if (anyAddress) return;
  const own = [...s.v6, linkLocal(s.mac)];
  add(10, FORBIDDEN, [mac, V6]);
  for (const a of own) {
    const src = ["ipv6_src", a] as const;
    add(20, ALLOWED, [mac, V6, src]);
    for (const type of [135, 136]) add(30, FORBIDDEN, [mac, V6, src, ["ip_proto", 58], ["icmp_type", type]]);
    for (const ll of [0n, s.mac]) {
      add(40, ALLOWED, [mac, V6, src, ["ip_proto", 58], ["icmp_type", 135], ["nd_sll", ll]]);
      if (s.v6.length === 0) add(40, ALLOWED, [mac, V6, src, ["ip_proto", 58], ["icmp_type", 136], ["nd_tll", ll]]);
      else for (const t of own) add(40, ALLOWED, [mac, V6, src, ["ip_proto", 58], ["icmp_type", 136], ["nd_tll", ll], ["nd_target", t]]);
    }
  }
}

function secureOut(s: Secured, add: Add): void {
  const mac = ["eth_dst", s.mac] as const;
  add(1, ALLOWED, [mac]);
  if (s.v4.length === 0 && s.v6.length === 0) return;
  add(10, FORBIDDEN, [mac, V4]);
  if (s.v4.length > 0) {
    for (const a of [...s.v4, 0xffffffff]) add(20, ALLOWED, [mac, V4, ["ip_dst", a]]);
    add(20, ALLOWED, [mac, V4, ["ip_dst", 0xe0000000, 0xf0000000]]);
  }
  add(10, FORBIDDEN, [mac, V6]);
  if (s.v6.length > 0) {
    for (const a of [...s.v6, linkLocal(s.mac)]) add(20, ALLOWED, [mac, V6, ["ipv6_dst", a]]);
    add(20, ALLOWED, [mac, V6, ["ipv6_dst", 0xffn << 120n, 0xffn << 120n]]);
  }
}
