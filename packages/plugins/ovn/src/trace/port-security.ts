/**
 * Port security: `check_in_port_sec` and `check_out_port_sec` (ovn/utilities/ovn-trace.c of OVN, execute_check_in_port_sec; controller/lflow.c, build_port_security_…).
 *
 * A port's entries say which MAC addresses it may have, each with the addresses that go with it. What must be the same in several
 * places of a packet is moved to fields that logical pipelines have no name for, and looked up there: so an entry is a row in
 * each of a few tables, and not a row for each kind of packet.
 */
import { type Action, ipv4Number, ipv6Number, type Match, macNumber, printSlice, type Slice, slice } from "@plumbline/model";
import { LOGICAL } from "../expr/index.js";
import { mark } from "./marks.js";
import { type FieldValue, type LogicalTables, onDatapath, rowOf } from "./tables.js";

/** An entry of Port_Binding's port_security: "MAC [ADDRESS[/LEN]]…". */
interface Secured {
  readonly mac: bigint;
  readonly v4: readonly number[];
  readonly v6: readonly bigint[];
}

/** Which kinds of addresses an entry has. */
interface Kind {
  readonly v4: boolean;
  readonly v6: boolean;
}
const KINDS: readonly Kind[] = [true, false].flatMap((v4) => [true, false].map((v6) => ({ v4, v6 })));

const PORT = "uid";
const MAC: Slice = { field: "inner_src", ofs: 0, n: 48 };
const OTHER_MAC: Slice = { field: "inner_dst", ofs: 0, n: 48 };
const ADDRESS = "nexthop";
const FOUND = "inner_proto";

const V4 = ["eth_type", 0x0800] as const;
const V6 = ["eth_type", 0x86dd] as const;
const ARP = ["eth_type", 0x0806] as const;
const ICMP6 = ["ip_proto", 58] as const;
const set = (field: string, value: bigint | number): Action => ({ op: "set", dst: slice(field), value: BigInt(value) });
const low = (field: string, n: number): Slice => ({ field, ofs: 0, n });
const copy = (src: string, dst: Slice): Action => ({ op: "move", src: slice(src), dst });

function securedOf(entries: readonly string[]): Secured[] {
  const seen = new Set<bigint>();
  return entries.flatMap((text): Secured[] => {
    const [first, ...addresses] = text.trim().split(/\s+/);
    const mac = macNumber(first);
    if (mac === null || seen.has(mac)) return [];
    seen.add(mac);
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

/** An entry with its port and its datapath's key. */
interface Entry {
  readonly key: number;
  readonly port: number;
  readonly entry: Secured;
}
const ENTRIES = new WeakMap<
  LogicalTables,
  { readonly secured: readonly Entry[]; readonly free: readonly { key: number; port: number }[] }
>();

/** Every entry of every port, and the ports that have none. */
function entriesOf(t: LogicalTables) {
  let known = ENTRIES.get(t);
  if (!known) {
    const secured: Entry[] = [];
    const free: { key: number; port: number }[] = [];
    for (const d of t.all.datapaths)
      for (const p of d.ports) {
        const own = securedOf(p.portSecurity);
        for (const entry of own) secured.push({ key: d.key, port: p.key, entry });
        if (own.length === 0) free.push({ key: d.key, port: p.key });
      }
    ENTRIES.set(t, (known = { secured, free }));
  }
  return known;
}
const entries = (t: LogicalTables): readonly Entry[] => entriesOf(t).secured;

/** The row of an entry, in the fields that it was moved to. */
function ownRow(port: number, mac: bigint, ...more: readonly FieldValue[]): Match {
  return rowOf([PORT, port], ["inner_src", mac, 0xffffffffffffn], ...more);
}

const yes = [set(FOUND, 1)];
const no = [set(FOUND, 0)];
const table = (rows: readonly Match[]) => ({ rules: rows.length > 0 ? [{ priority: 1, rows, program: yes }] : [], miss: no });

const v4Known = (t: LogicalTables): Action =>
  t.helper("port security: IPv4", () =>
    table(entries(t).flatMap((e) => e.entry.v4.map((a) => onDatapath(ownRow(e.port, e.entry.mac, [ADDRESS, a, 0xffffffffn]), e.key)))),
  );
const v6Known = (t: LogicalTables): Action =>
  t.helper("port security: IPv6", () =>
    table(
      entries(t).flatMap(({ key, port, entry }) =>
        entry.v4.length + entry.v6.length === 0
          ? []
          : [...entry.v6, linkLocal(entry.mac)].map((a) => onDatapath(ownRow(port, entry.mac, [ADDRESS, a]), key)),
      ),
    ),
  );
const macKnown = (t: LogicalTables): Action =>
  t.helper("port security: MAC address", () =>
    table(entries(t).map(({ key, port, entry }) => onDatapath(ownRow(port, entry.mac, ["inner_dst", entry.mac, 0xffffffffffffn]), key))),
  );

/** 1 in `dst` if port security forbids the packet. */
export function portSecurity(t: LogicalTables, dst: Slice, side: "in" | "out"): Action {
  const result = printSlice(dst);
  const allow: Action = { op: "set", dst, value: 0n };
  const forbid: Action = { op: "set", dst, value: 1n };
  if (t.missing("Port_Binding", ""))
    return t.helper(`check_${side}_port_sec ${result}`, () => ({
      rules: [],
      miss: [
        allow,
        mark("error", "*** no port bindings are in evidence (ovn-sbctl list Port_Binding): port security is taken to allow it"),
      ],
    }));
  const [port, mac] = side === "in" ? [LOGICAL.inport, "eth_src"] : [LOGICAL.outport, "eth_dst"];
  /** Goes on with `then` if what was looked up is there. */
  const ifFound = (name: string, then: readonly Action[]): Action =>
    t.helper(`port security ${result}: ${name}`, () => ({
      rules: [{ priority: 1, rows: [rowOf([FOUND, 1])], program: then }],
      miss: [forbid],
    }));
  const found = () => ifFound("found", []);
  const is4 = (field: string): Action[] => [copy(field, low(ADDRESS, 32)), v4Known(t), found()];
  const is6 = (field: string): Action[] => [copy(field, slice(ADDRESS)), v6Known(t), found()];
  const incoming = (k: Kind): Action =>
    t.helper(`port security in ${result} ${k.v4} ${k.v6}`, () => {
      const any = !k.v4 && !k.v6;
      const arp = [copy("arp_sha", OTHER_MAC), macKnown(t), k.v4 ? ifFound("ARP sender", is4("arp_spa")) : found()];
      const target = k.v6 ? is6("nd_target") : [];
      const dhcp = rowOf(V4, ["ip_src", 0], ["ip_dst", 0xffffffff], ["ip_proto", 17], ["tp_src", 68], ["tp_dst", 67]);
      const solicitation = t.helper(`port security ${result}: nd.sll`, () => ({
        rules: [{ priority: 1, rows: [rowOf(["nd_sll", 0])], program: [] }],
        miss: [copy("nd_sll", OTHER_MAC), macKnown(t), found()],
      }));
      const advertisement = t.helper(`port security ${result}: nd.tll ${k.v6}`, () => ({
        rules: [{ priority: 1, rows: [rowOf(["nd_tll", 0])], program: target }],
        miss: [copy("nd_tll", OTHER_MAC), macKnown(t), ifFound(`target ${k.v6}`, target)],
      }));
      const sender = t.helper(`port security ${result}: IPv6 sender ${k.v6}`, () => ({
        rules: [
          { priority: 2, rows: [rowOf([FOUND, 1], ICMP6, ["icmp_type", 135])], program: [solicitation] },
          { priority: 2, rows: [rowOf([FOUND, 1], ICMP6, ["icmp_type", 136])], program: [advertisement] },
          { priority: 1, rows: [rowOf([FOUND, 1])], program: [] },
        ],
        miss: [forbid],
      }));
      const addressed = [
        { priority: 2, rows: [dhcp], program: [] },
        { priority: 1, rows: [rowOf(V4)], program: is4("ip_src") },
        { priority: 1, rows: [rowOf(V6)], program: [copy("ipv6_src", slice(ADDRESS)), v6Known(t), sender] },
      ];
      return { rules: [...(any ? [] : addressed), { priority: 1, rows: [rowOf(ARP)], program: arp }], miss: [] };
    });
  const outgoing = (k: Kind): Action =>
    t.helper(`port security out ${result} ${k.v4} ${k.v6}`, () => {
      if (!k.v4 && !k.v6) return { rules: [], miss: [] };
      const many4 = [rowOf(V4, ["ip_dst", 0xffffffff]), rowOf(V4, ["ip_dst", 0xe0000000, 0xf0000000])];
      const many6 = [rowOf(V6, ["ipv6_dst", 0xffn << 120n, 0xffn << 120n])];
      return {
        rules: [
          { priority: 2, rows: [...(k.v4 ? many4 : []), ...(k.v6 ? many6 : [])], program: [] },
          { priority: 1, rows: [rowOf(V4)], program: k.v4 ? is4("ip_dst") : [forbid] },
          { priority: 1, rows: [rowOf(V6)], program: k.v6 ? is6("ipv6_dst") : [forbid] },
        ],
        miss: [],
      };
    });
  return t.helper(`check_${side}_port_sec ${result}`, () => {
    const free = entriesOf(t).free.map((p) => onDatapath(rowOf([port, p.port]), p.key));
    const rules = KINDS.flatMap((k) => {
      const rows = entries(t)
        .filter(({ entry }) => entry.v4.length > 0 === k.v4 && entry.v6.length > 0 === k.v6)
        .map((e) => onDatapath(rowOf([port, e.port], [mac, e.entry.mac]), e.key));
      const program = [allow, copy(port, slice(PORT)), copy(mac, MAC), side === "in" ? incoming(k) : outgoing(k)];
      return rows.length > 0 ? [{ priority: 1, rows, program }] : [];
    });
    return { rules: [...rules, ...(free.length > 0 ? [{ priority: 1, rows: free, program: [allow] }] : [])], miss: [forbid] };
  });
}
