/**
 * What logical actions look up, as tables of decisions: MAC bindings, learned MAC addresses, port security, load balancers'
 * addresses. Each leaves what ovn-trace says of it (ovn/utilities/ovn-trace.c of OVN, execute_*).
 */
import { type Action, addMatch, type Match, macNumber, printSlice, type Slice } from "@plumbline/model";
import { addressOf, addressText, endpoint, type LogicalAction } from "../actions/index.js";
import { rows } from "../database.js";
import { resolveSlice } from "../expr/index.js";
import { asMap, asSet } from "../values.js";
import { mark, variable } from "./marks.js";
import { type FieldValue, type HelperRule, type LogicalTables, onDatapath, rowOf } from "./tables.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

const ETH_DST = variable("eth.dst");

/** `get_arp`, `get_nd`: eth.dst becomes the address that is bound, or zero. */
export function getMac(t: LogicalTables, a: Of<"get_mac">): Action {
  const [port, ip] = [resolveSlice(a.port), resolveSlice(a.ip)];
  const dst: Slice = { field: "eth_dst", ofs: 0, n: 48 };
  return t.helper(`${a.name} ${printSlice(port)} ${printSlice(ip)}`, () => ({
    rules: bindings(t, port, ip).map(({ match, mac, origin }) => ({
      priority: 1,
      rows: [match],
      program: [{ op: "set", dst, value: mac }, mark("comment", `/* MAC binding to ${ETH_DST}. */`)],
      origin,
    })),
    miss: orMissing(t.missing("MAC_Binding", "the MAC address of the next hop: no MAC bindings are in evidence"), [
      { op: "set", dst, value: 0n },
      mark("comment", "/* No MAC binding. */"),
    ]),
  }));
}

/** `lookup_arp` and its like: one bit, whether the binding is known. */
export function lookupMac(t: LogicalTables, a: Of<"lookup_mac">): Action {
  const [port, ip, dst] = [resolveSlice(a.port), resolveSlice(a.ip), resolveSlice(a.dst)];
  const mac = a.mac && resolveSlice(a.mac);
  return t.helper(`${a.name} ${printSlice(dst)} ${printSlice(port)} ${printSlice(ip)} ${mac ? printSlice(mac) : ""}`, () => ({
    rules: bindings(t, port, ip).flatMap((b): HelperRule[] => {
      const match = mac ? addMatch(b.match, mac, b.mac) : b.match;
      const text = mac ? `/* MAC binding to ${ETH_DST} found. */` : "/* MAC binding found. */";
      const program: Action[] = [{ op: "set", dst, value: 1n }, mark("comment", text)];
      return match ? [{ priority: 1, rows: [match], program, origin: b.origin }] : [];
    }),
    miss: orMissing(t.missing("MAC_Binding", "whether the address is bound: no MAC bindings are in evidence"), [
      { op: "set", dst, value: 0n },
      mark("comment", "/* lookup failed - No MAC binding. */"),
    ]),
  }));
}

/** What is done where the table that was looked at may not hold all. */
const orMissing = (missing: Action | undefined, actions: readonly Action[]): readonly Action[] => (missing ? [missing] : actions);

function bindings(t: LogicalTables, port: Slice, ip: Slice) {
  return t.all.datapaths
    .flatMap((d) => d.macBindings)
    .flatMap((b) => {
      // ovn-trace does not read those that the CMS has given.
      if (b.fixed) return [];
      const address = addressOf(b.ip);
      const mac = macNumber(b.mac);
      if (!address || mac === null || (address.family === 4) !== (ip.n === 32)) return [];
      const at = addMatch([], port, BigInt(b.port.key));
      const match = at && addMatch(at, ip, address.value);
      return match ? [{ match: onDatapath(match, b.port.datapath.key), mac, origin: b.origin }] : [];
    });
}

/** `get_fdb`: the key of the port where the MAC address was learned, or 0. */
export function getFdb(t: LogicalTables, a: Of<"get_fdb">): Action {
  const [mac, dst] = [resolveSlice(a.mac), resolveSlice(a.dst)];
  return t.helper(`get_fdb ${printSlice(dst)} ${printSlice(mac)}`, () => ({
    rules: learned(t, mac).map(({ match, portKey, origin }) => ({
      priority: 1,
      rows: [match],
      program: [{ op: "set", dst, value: BigInt(portKey) }],
      origin,
    })),
    miss: orMissing(t.missing("FDB", "where the MAC address was learned: no FDB is in evidence"), [{ op: "set", dst, value: 0n }]),
  }));
}

export function lookupFdb(t: LogicalTables, a: Of<"lookup_fdb">): Action {
  const [mac, port, dst] = [resolveSlice(a.mac), resolveSlice(a.port), resolveSlice(a.dst)];
  return t.helper(`lookup_fdb ${printSlice(dst)} ${printSlice(port)} ${printSlice(mac)}`, () => ({
    rules: learned(t, mac).flatMap((l): HelperRule[] => {
      const match = addMatch(l.match, port, BigInt(l.portKey));
      const text = `/* MAC lookup for ${ETH_DST} found in FDB. */`;
      return match
        ? [
            {
              priority: 1,
              rows: [match],
              program: [{ op: "set", dst, value: 1n }, mark("comment", text)],
              origin: l.origin,
            },
          ]
        : [];
    }),
    miss: [{ op: "set", dst, value: 0n }, mark("comment", "/* lookup mac failed in mac learning table. */")],
  }));
}

function learned(t: LogicalTables, mac: Slice) {
  return t.all.datapaths.flatMap((d) =>
    d.fdb.flatMap((f) => {
      const value = macNumber(f.mac);
      const match = value === null ? null : addMatch([], mac, value);
      return match ? [{ match: onDatapath(match, d.key), portKey: f.portKey, origin: f.origin }] : [];
    }),
  );
}

/** Every address of a load balancer with its backends' `IP:PORT`. */
function vips(t: LogicalTables) {
  return rows(t.topology.zone, "southbound", "Load_Balancer").flatMap((r) =>
    Object.entries(asMap(r.columns["vips"])).flatMap(([key, value]) => {
      const vip = endpoint(key);
      return vip ? [{ vip, backends: String(value).split(","), origin: r.origin }] : [];
    }),
  );
}

/** Addresses that a packet may have as both its source and its destination: those of backends and of ports. */
function knownAddresses(t: LogicalTables): Set<string> {
  const out = new Set<string>();
  for (const { backends } of vips(t)) for (const text of backends) out.add(text);
  for (const p of t.topology.ports.values())
    for (const text of asSet(p.row.columns["mac"])) for (const word of String(text).split(/\s+/).slice(1)) out.add(word.split("/")[0]);
  return out;
}

/**
 * `chk_lb_hairpin`: whether a load balancer sent the packet back to its sender: translated, source and destination the same,
 * its port that of the load balancer (before translation; in the reply direction now). Where load balancers have one address with
 * several ports, ovn-trace looks at one of them; here each counts.
 */
export function lbHairpin(t: LogicalTables, dst: Slice, reply: boolean): Action[] {
  const [yes, no] = [1n, 0n].map((value): Action => ({ op: "set", dst, value }));
  // Seldom a packet is one that comes back: where that cannot be told it is taken not to be.
  if (t.missing("Load_Balancer", ""))
    return [no, mark("error", "*** no load balancers are in evidence (ovn-sbctl list Load_Balancer): taken not to be hairpin traffic")];
  const back = t.helper(`back to its sender ${printSlice(dst)}`, () => {
    const matches = new Map<string, Match>();
    for (const text of knownAddresses(t)) {
      const address = endpoint(text)?.address;
      if (!address) continue;
      const { family, value } = address;
      const ends = family === 4 ? (["ip_src", "ip_dst"] as const) : (["ipv6_src", "ipv6_dst"] as const);
      const fields = ends.map((f): FieldValue => [f, value]);
      matches.set(`${family} ${value}`, rowOf(["eth_type", family === 4 ? 0x0800 : 0x86dd], ...fields, ["ct_state", 0x80, 0x80]));
    }
    return { rules: matches.size > 0 ? [{ priority: 1, rows: [...matches.values()], program: [yes] }] : [], miss: [no] };
  });
  const toVip = t.helper(`to a load balancer ${reply} ${printSlice(dst)}`, () => {
    const matches = vips(t).map(({ vip: { address, port } }) =>
      rowOf([address.family === 4 ? "ct_nw_dst" : "ct_ipv6_dst", address.value], [reply ? "tp_dst" : "ct_tp_dst", port]),
    );
    return { rules: matches.length > 0 ? [{ priority: 1, rows: matches, program: [] }] : [], miss: [no] };
  });
  return [back, toVip];
}

/** `ct_snat_to_vip`: says to which load balancer's address the source would be translated, and does not. */
export function snatToVip(t: LogicalTables): Action {
  return t.helper("ct_snat_to_vip", () => ({
    rules: vips(t).map(({ vip: { address, port }, origin }): HelperRule => {
      const field = address.family === 4 ? "ct_nw_dst" : "ct_ipv6_dst";
      const text = `/* nat(src=${addressText(address)}) */`;
      return {
        priority: 1,
        rows: [rowOf([field, address.value], ["ct_tp_dst", port])],
        program: [mark("comment", text)],
        origin,
      };
    }),
    miss: [],
  }));
}
