/**
 * The one typed form of a netfilter rule set, whether iptables-save, `iptables -S` or nft printed it.
 *
 * A rule is a list of statements from left to right: matches, effects, a verdict. A match that fails ends the rule; what
 * stood before it has happened. iptables has its matches first and one target last, nft may mix them. Selectors carry
 * nft's names ("ip daddr", "th dport", "meta mark"); iptables' options are spelled with them.
 *
 * Numbers are bigints because an address may have 128 bits. Nothing here knows a host: interface names stay names,
 * "local addresses" stay those words; lowering gives them meaning.
 */

/** nft's families; iptables' tables are `ip`, ip6tables' `ip6`. */
export type Family = "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev";

export type HookName = "prerouting" | "input" | "forward" | "output" | "postrouting" | "ingress" | "egress";

/** What a match or a map looks at. */
export type Selector =
  | "ip saddr"
  | "ip daddr"
  | "ip6 saddr"
  | "ip6 daddr"
  /** `ip protocol`: the IPv4 header's. */
  | "ip protocol"
  | "ip6 nexthdr"
  /** The transport protocol, of either family. */
  | "meta l4proto"
  /** 2 for IPv4, 10 for IPv6. */
  | "meta nfproto"
  /** EtherType. */
  | "meta protocol"
  | "meta iifname"
  | "meta oifname"
  | "meta mark"
  | "meta length"
  | "meta pkttype"
  | "ct mark"
  | "ct state"
  | "ct status"
  | "ct direction"
  | "ct zone"
  | "ct original ip saddr"
  | "ct original ip daddr"
  | "ct original ip6 saddr"
  | "ct original ip6 daddr"
  | "ct original protocol"
  | "ct original proto-src"
  | "ct original proto-dst"
  | "ct reply ip saddr"
  | "ct reply ip daddr"
  | "ct reply ip6 saddr"
  | "ct reply ip6 daddr"
  | "ct reply proto-src"
  | "ct reply proto-dst"
  /** Ports of whatever transport the packet has. */
  | "th sport"
  | "th dport"
  | "tcp flags"
  | "icmp type"
  | "icmp code"
  | "icmp id"
  | "icmpv6 type"
  | "icmpv6 code"
  | "icmpv6 id"
  | "ip dscp"
  | "ip ecn"
  | "ip6 dscp"
  | "ip6 ecn"
  /** All eight bits. */
  | "ip tos"
  | "ip ttl"
  | "ip6 hoplimit"
  | "ip6 flowlabel"
  /** 1: a fragment but not the first. */
  | "ip later-fragment"
  | "ether saddr"
  | "ether daddr"
  | "fib saddr type"
  | "fib daddr type";

/** A value that a selector is held against. */
export type Value =
  /** From `lo` to `hi`, both in. */
  | { readonly k: "range"; readonly lo: bigint; readonly hi: bigint }
  /** `(field & mask) == value`. */
  | { readonly k: "mask"; readonly value: bigint; readonly mask: bigint }
  /** An interface; with `wildcard` all whose name begins so. */
  | { readonly k: "ifname"; readonly name: string; readonly wildcard: boolean }
  /** new, established, related, invalid, untracked; snat, dnat (iptables counts them among the states). */
  | { readonly k: "state"; readonly name: string }
  /** Address type: local, unicast, broadcast, multicast, anycast, …; `iface` narrows it to addresses of the interface of that direction. */
  | { readonly k: "addrtype"; readonly name: string; readonly iface?: "in" | "out" };

/** Values, one for each selector of a concatenation, that match together. */
export type Tuple = readonly Value[];

/** A named or anonymous set: tuples, or a name to look up in the table. */
export type SetRef = { readonly tuples: readonly Tuple[] } | { readonly name: string };

/** A terminal or steering verdict. */
export type Verdict = { readonly v: "accept" | "drop" | "return" | "continue" } | { readonly v: "jump" | "goto"; readonly chain: string };

/** How one of several options comes to be taken. */
export interface Lottery {
  /** As printed: "numgen random mod 2", "-m statistic --mode random --probability 0.5". */
  readonly how: string;
  /** Numbers 0 to modulus - 1 (plus offset) come up alike. */
  readonly modulus: number;
  readonly offset: number;
}

/** What a map is asked with. */
export type MapKey = { readonly selectors: readonly Selector[] } | { readonly lottery: Lottery };

/** An element of a verdict map. */
export interface VerdictElement {
  readonly key: Tuple;
  readonly verdict: Verdict;
  /** As printed, for the reader; with the line it stands on. */
  readonly text: string;
  readonly line: number;
}
/** An element of a data map: its data are one value for each type on the right (address, port, mark). */
export interface DataElement {
  readonly key: Tuple;
  readonly data: Tuple;
  readonly text: string;
  readonly line: number;
}
export type VerdictMap = { readonly elements: readonly VerdictElement[] } | { readonly name: string };
export type DataMap = { readonly elements: readonly DataElement[] } | { readonly name: string };

export interface AddressRange {
  readonly lo: bigint;
  readonly hi: bigint;
}
export interface PortRange {
  readonly lo: number;
  readonly hi: number;
}

/** `mark = XOR of (each term's field AND its mask) XOR constant`: what MARK, CONNMARK and nft's bit operations come to. */
export interface MarkExpression {
  readonly terms: readonly { readonly from: "meta mark" | "ct mark"; readonly and: bigint }[];
  readonly xor: bigint;
}

export type RejectWith =
  | { readonly kind: "tcp-reset" }
  /** Type and code for each family; null where that family is not rejected by this statement. */
  | {
      readonly kind: "icmp";
      readonly v4: readonly [type: number, code: number] | null;
      readonly v6: readonly [type: number, code: number] | null;
    };

export type Statement =
  | { readonly s: "match"; readonly selectors: readonly Selector[]; readonly not: boolean; readonly set: SetRef }
  /** True for `share` of `of` packets. */
  | { readonly s: "chance"; readonly how: string; readonly share: number; readonly of: number }
  /**
   * Depends on what no dump of the rules holds (rates, clocks, contents, socket owners): `how` is the match as printed. `local`: the question
   * is one about sockets of this host; `elsewhere` is its answer for all other packets. `usual`: the answer that a host at rest gives to a
   * packet of which no more is said (no rate is exceeded, nothing is remembered, no option is set).
   */
  | { readonly s: "outside"; readonly how: string; readonly usual: boolean; readonly local?: boolean; readonly elsewhere?: boolean }
  /** True or false for packets that did not cross a Linux bridge; for others it depends on what no dump of the rules holds. */
  | { readonly s: "bridged"; readonly how: string; readonly otherwise: boolean }
  /**
   * Asks the routes where an address leads (`fib saddr . iif oif`, `-m rpfilter`). `iface`: the route has to be one by the interface of that
   * direction. `wants`: that there is such a route, that there is none, or that it is one by an interface. `local`: addresses of the host count.
   */
  | {
      readonly s: "route";
      readonly how: string;
      readonly end: "src" | "dst";
      readonly iface: "in" | "out" | null;
      readonly wants: "exists" | "missing" | { readonly device: string };
      readonly local: boolean;
    }
  /** Membership in an ipset; its type says which header fields the directions mean. */
  | {
      readonly s: "ipset";
      readonly name: string;
      readonly directions: readonly ("src" | "dst")[];
      readonly family: "ip" | "ip6";
      readonly not: boolean;
    }
  /** A match that is not understood. `command` would tell. */
  | { readonly s: "opaque"; readonly why: string; readonly command: string }
  | { readonly s: "verdict"; readonly verdict: Verdict }
  | { readonly s: "reject"; readonly with: RejectWith }
  | {
      readonly s: "nat";
      readonly type: "src" | "dst";
      /** masquerade: the address of the outgoing interface; redirect: of the incoming one. */
      readonly to: "given" | "masquerade" | "redirect";
      readonly address: AddressRange | null;
      readonly port: PortRange | null;
      /** nft's `dnat ip to`; "" where the table's family tells. */
      readonly family: "ip" | "ip6" | "";
      /** The port is drawn (`--random`, `fully-random`). */
      readonly random: boolean;
      /** `--to 192.0.2.1:1000-1999/8000`: the first port is for packets to 8000, the next for 8001, … */
      readonly portBase?: number;
    }
  /** NETMAP: the network part of the address becomes that of `lo`, the host part stays; the hook says which end. */
  | { readonly s: "netmap"; readonly lo: bigint; readonly prefixLen: number; readonly family: "ip" | "ip6" }
  /** `dnat to KEY map …`: `fields` says what the data are. */
  | {
      readonly s: "natMap";
      readonly type: "src" | "dst";
      /** masquerade and redirect take the address from the interface and the port from the map. */
      readonly to: "given" | "masquerade" | "redirect";
      readonly family: "ip" | "ip6" | "";
      readonly key: MapKey;
      readonly map: DataMap;
      readonly fields: readonly ("address" | "port")[];
    }
  | { readonly s: "vmap"; readonly key: MapKey; readonly map: VerdictMap }
  | { readonly s: "mark"; readonly dst: "meta mark" | "ct mark"; readonly value: MarkExpression }
  | { readonly s: "markMap"; readonly dst: "meta mark" | "ct mark"; readonly key: MapKey; readonly map: DataMap }
  /** Writes a header field. */
  | { readonly s: "set"; readonly selector: Selector; readonly value: Value }
  | { readonly s: "notrack" }
  /** The connection is looked for, and entered, in this conntrack zone. */
  | { readonly s: "zone"; readonly zone: number }
  /** Adds to the TTL or hop limit, without going round. */
  | { readonly s: "ttl"; readonly add: number }
  /** Something outside decides: accepted, with these marks, or dropped. `how` names it. */
  | { readonly s: "handed"; readonly how: string; readonly mark?: MarkExpression }
  /** Does nothing to the packet's way (LOG, TRACE, CHECKSUM, …). */
  | { readonly s: "note"; readonly text: string }
  /** An effect that is not understood: what happens to the packet is unknown. */
  | { readonly s: "opaqueEffect"; readonly why: string; readonly command: string };

export interface RuleAst {
  readonly line: number;
  /** As printed. */
  readonly text: string;
  /** What it does with a packet, in a word or two: "DNAT", "KUBE-SERVICES", "jump web", "accept"; "" if it only counts. */
  readonly target: string;
  readonly statements: readonly Statement[];
}

export interface BaseChain {
  readonly type: "filter" | "nat" | "route";
  readonly hook: HookName;
  readonly priority: number;
  readonly policy: "accept" | "drop";
}

export interface ChainAst {
  readonly name: string;
  /** Line of its declaration (with the policy, for a base chain); 0 if none was printed. */
  line: number;
  text: string;
  base: BaseChain | null;
  readonly rules: RuleAst[];
}

/** An ipset: what each part of its elements is, from its type ("hash:ip,port"). */
export interface IpSet {
  readonly name: string;
  readonly type: string;
  readonly family: 4 | 6;
  readonly parts: readonly ("address" | "port" | "mac" | "mark" | "interface")[];
  /** A part of kind port is a protocol and a port. */
  readonly elements: {
    readonly values: readonly (Value | { readonly proto: number; readonly port: Value })[];
    readonly nomatch: boolean;
  }[];
  /** list:set: the sets it holds. */
  readonly members: string[];
  /** Elements leave by themselves. */
  readonly timeout: boolean;
}

/** A named set or map of nft. */
export interface NamedSet {
  readonly name: string;
  readonly line: number;
  readonly tuples: Tuple[];
  /** Maps only; as long as `tuples`. */
  readonly verdicts?: VerdictElement[];
  readonly data?: DataElement[];
  /** Elements come and go with traffic (`flags dynamic`): the dump is a moment's. */
  readonly dynamic: boolean;
  /** Set if its elements could not be read. */
  readonly unreadable?: string;
}

/** One table. */
export interface TableAst {
  readonly family: Family;
  readonly name: string;
  readonly chains: ChainAst[];
  readonly sets: NamedSet[];
  /** What printed it. */
  readonly source: "iptables" | "nft";
  /** Lowest line of the table in its file. */
  readonly line: number;
  /** iptables: which of the kernel's two implementations, "" if the dump does not say. */
  readonly variant: "nf_tables" | "legacy" | "";
  /** Policies and all chains are there. False for a paste of some `-A` lines. */
  whole: boolean;
  /** The dump was cut off within this table. */
  cut: boolean;
  /** nft: `flags dormant`: its chains do not run. */
  readonly dormant: boolean;
}
