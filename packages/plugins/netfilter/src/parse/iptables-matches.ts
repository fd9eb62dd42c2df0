/**
 * iptables' matches, spelled with nft's selectors.
 *
 * Promise: a match is either translated exactly, or it becomes `outside` (its answer lies in no dump: rates, clocks,
 * owners of sockets) or `opaque` (not understood), each with its own text. No option is passed over.
 * Sources: iptables-extensions(8); iptables 1.8 extensions/libxt_*.c and libipt_*.c for what `-S` prints.
 */

import { macNumber } from "@plumbline/model";
import type { Selector, Statement, Tuple, Value } from "../ast.js";
import type { Group, Option, RuleWords } from "./iptables-words.js";
import { PACKET_TYPES } from "./names.js";
import {
  dscp,
  exact,
  icmpType,
  interfaceName,
  masked,
  network,
  number,
  portRange,
  protocol,
  range,
  single,
  tcpFlags,
  valueMask,
} from "./values.js";

/** Which tool's rules these are. */
export type IpFamily = "ip" | "ip6";

const match = (selectors: readonly Selector[], tuples: readonly Tuple[], not = false): Statement => ({
  s: "match",
  selectors,
  not,
  set: { tuples },
});
const one = (selector: Selector, values: readonly Value[], not = false): Statement => match([selector], single(values), not);

/** A group as it was printed. */
export function shown(g: Group): string {
  const options = g.options.map((o) =>
    [...(o.not ? ["!"] : []), o.name, ...o.args.map((a) => (/\s/.test(a) || a === "" ? `"${a}"` : a))].join(" "),
  );
  return [g.kind === "match" ? "-m" : "-j", g.name, ...options].join(" ");
}

/** An option that stopped the translation of its match. */
class NotUnderstood extends Error {}
function bad(o: Option, why = "is not understood"): never {
  throw new NotUnderstood(`'${[o.name, ...o.args].join(" ")}' ${why}`);
}

/** The statements of -s, -d, -p, -i, -o and of all `-m`, in the order in which iptables tests them. */
export function matchStatements(rule: RuleWords, family: IpFamily, command: string): Statement[] {
  const out: Statement[] = [];
  const attempt = (what: string, f: () => Statement[]) => {
    try {
      out.push(...f());
    } catch (e) {
      if (!(e instanceof NotUnderstood)) throw e;
      out.push({ s: "opaque", why: `${what}: ${e.message}`, command });
    }
  };
  for (const o of rule.general) attempt(`option ${o.name}`, () => generalOption(o, family));
  const proto = rule.general.find((o) => o.name === "-p" && !o.not)?.args[0];
  for (const g of rule.matches) attempt(`match ${shown(g)}`, () => matchGroup(g, family, proto));
  return out;
}

function generalOption(o: Option, family: IpFamily): Statement[] {
  const arg = o.args[0];
  if (o.name === "-f") return [one("ip later-fragment", [exact(1)], o.not)];
  if (o.name === "-4") return family === "ip" ? [] : bad(o);
  if (o.name === "-6") return family === "ip6" ? [] : bad(o);
  if (o.args.length !== 1) bad(o, "needs one value");
  switch (o.name) {
    case "-s":
    case "-d": {
      const values = arg.split(",").map((a) => network(a) ?? bad(o));
      if (values.some((v) => v.family !== (family === "ip" ? 4 : 6))) bad(o, "is of the other family");
      return [
        one(
          `${family} ${o.name === "-s" ? "saddr" : "daddr"}`,
          values.map((v) => v.value),
          o.not,
        ),
      ];
    }
    case "-p": {
      if (arg === "all" || arg === "0") return [];
      return [one("meta l4proto", [exact(protocol(arg) ?? bad(o))], o.not)];
    }
    case "-i":
      return arg === "+" ? [] : [one("meta iifname", [interfaceName(arg, "+")], o.not)];
    case "-o":
      return arg === "+" ? [] : [one("meta oifname", [interfaceName(arg, "+")], o.not)];
    default:
      return bad(o);
  }
}

const PORTS: Readonly<Record<string, Selector>> = {
  "--sport": "th sport",
  "--source-port": "th sport",
  "--dport": "th dport",
  "--destination-port": "th dport",
};

function ports(o: Option): Value[] {
  return o.args
    .join("")
    .split(",")
    .map((p) => {
      const r = portRange(p, ":") ?? bad(o, "holds a port that is not understood");
      return range(r.lo, r.hi);
    });
}

/** What each match says of a packet. */
function matchGroup(g: Group, family: IpFamily, proto: string | undefined): Statement[] {
  const each = (f: (o: Option) => Statement[]): Statement[] => g.options.flatMap(f);
  const none = (): Statement[] => (g.options.length === 0 ? [] : bad(g.options[0]));
  const outside = (): Statement[] => [{ s: "outside", how: shown(g), usual: usually(g) }];
  switch (g.name) {
    case "tcp":
    case "udp":
    case "udplite":
    case "sctp":
    case "dccp":
      return each((o) => transportOption(o, g.name));
    case "icmp":
    case "icmp6":
    case "icmpv6":
    case "ipv6-icmp":
      return each((o) => icmpOption(o));
    case "multiport":
      return each((o) => {
        const values = ports(o);
        if (/^--s(ource-)?ports?$/.test(o.name)) return [one("th sport", values, o.not)];
        if (/^--d(estination-)?ports?$/.test(o.name)) return [one("th dport", values, o.not)];
        if (o.name === "--ports") return eitherPort(values, o);
        return bad(o);
      });
    case "comment":
      return [];
    case "state":
      return each((o) => (o.name === "--state" ? [states(o)] : bad(o)));
    case "conntrack":
      return each((o) => conntrackOption(o, family));
    case "mark":
    case "connmark":
      return each((o) => {
        const v = o.name === "--mark" ? valueMask(o.args[0] ?? "") : null;
        if (!v) return bad(o);
        // A bit outside the mask can never come up (xt_mark.c compares the masked mark).
        const values = BigInt(v.value) & ~BigInt(v.mask) ? [] : [masked(v.value, v.mask)];
        return [one(g.name === "mark" ? "meta mark" : "ct mark", values, o.not)];
      });
    case "addrtype":
      return addrtype(g);
    case "iprange":
      return each((o) => {
        const n = network(o.args[0] ?? "") ?? bad(o);
        if (o.name === "--src-range") return [one(`${family} saddr`, [n.value], o.not)];
        if (o.name === "--dst-range") return [one(`${family} daddr`, [n.value], o.not)];
        return bad(o);
      });
    case "mac":
      return each((o) => (o.name === "--mac-source" ? [one("ether saddr", [exact(macNumber(o.args[0] ?? "") ?? bad(o))], o.not)] : bad(o)));
    case "pkttype":
      return each((o) => {
        const kind = PACKET_TYPES.get(o.args[0]);
        return o.name === "--pkt-type" && kind !== undefined ? [one("meta pkttype", [exact(kind)], o.not)] : bad(o);
      });
    case "dscp":
      return each((o) => {
        if (o.name !== "--dscp" && o.name !== "--dscp-class") return bad(o);
        return [one(family === "ip" ? "ip dscp" : "ip6 dscp", [exact(dscp(o.args[0] ?? "") ?? bad(o))], o.not)];
      });
    case "tos":
      return each((o) => {
        const v = o.name === "--tos" ? valueMask(o.args[0]?.includes("/") ? o.args[0] : `${o.args[0]}/0xff`) : null;
        return v ? [one("ip tos", v.value & ~v.mask ? [] : [masked(v.value, v.mask & 0xff)], o.not)] : bad(o);
      });
    case "ttl":
    case "hl":
      return each((o) => ttlOption(o, family));
    case "length":
      return each((o) => {
        const r = o.name === "--length" ? portRange(o.args[0] ?? "", ":") : null;
        return r ? [one("meta length", [range(r.lo, r.hi)], o.not)] : bad(o);
      });
    case "statistic":
      return statistic(g);
    case "owner":
      // Packets without a socket fulfil what is negated (xt_owner.c).
      return [
        { s: "outside", how: shown(g), usual: usually(g), local: true, elsewhere: g.options.length > 0 && g.options.every((o) => o.not) },
      ];
    case "cgroup":
      return [{ s: "outside", how: shown(g), usual: usually(g), local: true, elsewhere: g.options.every((o) => o.not) }];
    case "recent":
      // Entering an address is no question.
      return g.options.some((o) => o.name === "--set" && !o.not) ? [{ s: "note", text: shown(g) }] : outside();
    case "limit":
    case "hashlimit":
    case "time":
    case "connlimit":
    case "quota":
    case "connbytes":
    case "cpu":
    case "rateest":
    case "nfacct":
    case "socket":
    case "string":
    case "u32":
    case "tcpmss":
    case "osf":
    case "helper":
    case "realm":
    case "ipvs":
    case "esp":
    case "ah":
      return outside();
    case "rpfilter": {
      const has = (name: string) => g.options.some((o) => o.name === name);
      const beyond = g.options.find((o) => !["--loose", "--invert", "--accept-local", "--validmark"].includes(o.name));
      if (beyond) return bad(beyond);
      const wants = has("--invert") ? "missing" : "exists";
      return [{ s: "route", how: shown(g), end: "src", iface: has("--loose") ? null : "in", wants, local: has("--accept-local") }];
    }
    case "physdev":
      // Without a bridge every option is false (xt_physdev.c).
      return [{ s: "bridged", how: shown(g), otherwise: g.options.every((o) => o.not) }];
    case "policy":
      return policy(g);
    case "rt":
    case "hbh":
    case "dst":
    case "mh":
    case "frag":
      // The packets that are followed have no extension headers.
      return g.name === proto && g.options.length === 0 ? [] : [NEVER];
    case "set":
      return ipset(g, family);
    default:
      if (g.name === proto) return none();
      throw new NotUnderstood("there is no translation of it");
  }
}

/** Matches that a host at rest answers with yes. */
const USUALLY_TRUE = new Set(["limit", "hashlimit", "time", "connlimit", "quota", "nfacct", "owner"]);

/** What a match says of a packet of which no more is known, on a host where nothing has happened. */
function usually(g: Group): boolean {
  const above = g.options.some((o) => o.name === "--hashlimit-above" || o.name === "--connlimit-above");
  const not = g.options.some((o) => o.not);
  return (USUALLY_TRUE.has(g.name) && !above) !== not;
}

/** Fulfilled by no packet. */
const NEVER: Statement = match(["meta l4proto"], []);

/** IPsec: the packets that are followed have not been in any. */
function policy(g: Group): Statement[] {
  const pol = g.options.find((o) => o.name === "--pol");
  const dir = g.options.find((o) => o.name === "--dir");
  if (!pol || !dir || (pol.args[0] !== "none" && pol.args[0] !== "ipsec")) throw new NotUnderstood("neither --pol none nor --pol ipsec");
  const note: Statement = { s: "note", text: `${shown(g)}: the packet is taken to be under no IPsec policy` };
  return (pol.args[0] === "none") === pol.not ? [NEVER] : [note];
}

function transportOption(o: Option, proto: string): Statement[] {
  if (Object.hasOwn(PORTS, o.name) && o.args.length === 1) return [one(PORTS[o.name], ports(o), o.not)];
  if (proto === "tcp" && o.name === "--syn") return [one("tcp flags", [masked(0x02, 0x17)], o.not)];
  if (proto === "tcp" && o.name === "--tcp-flags" && o.args.length === 2) {
    const mask = tcpFlags(o.args[0]);
    const set = tcpFlags(o.args[1]);
    if (mask === null || set === null) return bad(o);
    // A flag that is asked for outside the mask can never be there (libxt_tcp compares the masked byte).
    return set & ~mask ? [match(["tcp flags"], [], o.not)] : [one("tcp flags", [masked(set, mask)], o.not)];
  }
  // What a packet's options and chunks are is not followed.
  if (o.name === "--tcp-option" || o.name === "--chunk-types" || o.name === "--dccp-types" || o.name === "--dccp-option")
    return [{ s: "outside", usual: o.not, how: `-m ${proto} ${o.not ? "! " : ""}${[o.name, ...o.args].join(" ")}` }];
  return bad(o);
}

function icmpOption(o: Option): Statement[] {
  const v6 = o.name === "--icmpv6-type";
  if (o.name !== "--icmp-type" && !v6) return bad(o);
  const arg = o.args[0] ?? "";
  if (arg === "any" || arg === "255") return o.not ? [match(["icmp type"], [])] : [];
  const t = icmpType(arg, v6 ? 6 : 4) ?? bad(o);
  const type: Selector = v6 ? "icmpv6 type" : "icmp type";
  const code: Selector = v6 ? "icmpv6 code" : "icmp code";
  return t.code === undefined ? [one(type, [exact(t.type)], o.not)] : [match([type, code], [[exact(t.type), exact(t.code)]], o.not)];
}

/** `--ports`: source or destination. */
function eitherPort(values: readonly Value[], o: Option): Statement[] {
  const any = range(0, 65535);
  return [match(["th sport", "th dport"], [...values.map((v) => [v, any]), ...values.map((v) => [any, v])], o.not)];
}

const STATES = new Set(["new", "established", "related", "invalid", "untracked", "snat", "dnat"]);

function states(o: Option): Statement {
  const names = (o.args[0] ?? "").split(",").map((s) => s.toLowerCase());
  if (names.some((n) => !STATES.has(n))) bad(o);
  return one(
    "ct state",
    names.map((name): Value => ({ k: "state", name })),
    o.not,
  );
}

const STATUSES = new Set(["none", "seen-reply", "confirmed", "expected"]);

function conntrackOption(o: Option, family: IpFamily): Statement[] {
  const arg = o.args[0] ?? "";
  switch (o.name) {
    case "--ctstate":
      return [states(o)];
    case "--ctproto":
      return [one("ct original protocol", [exact(protocol(arg) ?? bad(o))], o.not)];
    case "--ctorigsrc":
    case "--ctorigdst":
      return [one(`ct original ${family} ${o.name === "--ctorigsrc" ? "saddr" : "daddr"}`, [(network(arg) ?? bad(o)).value], o.not)];
    case "--ctreplsrc":
    case "--ctrepldst":
      return [one(`ct reply ${family} ${o.name === "--ctreplsrc" ? "saddr" : "daddr"}`, [(network(arg) ?? bad(o)).value], o.not)];
    case "--ctreplsrcport":
    case "--ctrepldstport": {
      const r = portRange(arg, ":") ?? bad(o);
      return [one(o.name === "--ctreplsrcport" ? "ct reply proto-src" : "ct reply proto-dst", [range(r.lo, r.hi)], o.not)];
    }
    case "--ctorigsrcport":
    case "--ctorigdstport": {
      const r = portRange(arg, ":") ?? bad(o);
      return [one(o.name === "--ctorigsrcport" ? "ct original proto-src" : "ct original proto-dst", [range(r.lo, r.hi)], o.not)];
    }
    case "--ctdir":
      if (arg !== "ORIGINAL" && arg !== "REPLY") return bad(o);
      return [one("ct direction", [exact(arg === "REPLY" ? 1 : 0)], o.not)];
    case "--ctexpire":
      return [{ s: "outside", usual: o.not, how: `-m conntrack ${o.not ? "! " : ""}--ctexpire ${arg}` }];
    case "--ctstatus": {
      const names = arg.split(",").map((s) => s.toLowerCase().replace("_", "-"));
      // When a connection becomes assured is a matter of time, too.
      if (names.includes("assured")) return [{ s: "outside", usual: o.not, how: `-m conntrack ${o.not ? "! " : ""}--ctstatus ${arg}` }];
      if (names.some((n) => !STATUSES.has(n))) return bad(o);
      return [
        one(
          "ct status",
          names.filter((n) => n !== "none").map((name): Value => ({ k: "state", name })),
          o.not,
        ),
      ];
    }
    default:
      return bad(o);
  }
}

const ADDRESS_TYPES = new Set(["unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"]);

function addrtype(g: Group): Statement[] {
  const iface = g.options.some((o) => o.name === "--limit-iface-in")
    ? "in"
    : g.options.some((o) => o.name === "--limit-iface-out")
      ? "out"
      : undefined;
  return g.options.flatMap((o) => {
    if (o.name === "--limit-iface-in" || o.name === "--limit-iface-out") return [];
    if (o.name !== "--src-type" && o.name !== "--dst-type") return bad(o);
    const names = (o.args[0] ?? "").toLowerCase().split(",");
    if (names.some((n) => !ADDRESS_TYPES.has(n))) bad(o);
    return [
      one(
        o.name === "--src-type" ? "fib saddr type" : "fib daddr type",
        names.map((name): Value => ({ k: "addrtype", name, ...(iface && { iface }) })),
        o.not,
      ),
    ];
  });
}

function ttlOption(o: Option, family: IpFamily): Statement[] {
  const n = number(o.args[0] ?? "");
  if (n === null || n > 255) return bad(o);
  const selector: Selector = family === "ip" ? "ip ttl" : "ip6 hoplimit";
  if (/-eq$/.test(o.name)) return [one(selector, [exact(n)], o.not)];
  if (/-lt$/.test(o.name)) return n === 0 ? [match([selector], [])] : [one(selector, [range(0, n - 1)], o.not)];
  if (/-gt$/.test(o.name)) return n === 255 ? [match([selector], [])] : [one(selector, [range(n + 1, 255)], o.not)];
  return bad(o);
}

/** Probabilities are printed with 11 digits of a 31-bit fraction (libxt_statistic). */
const SHARES = 0x80000000;

function statistic(g: Group): Statement[] {
  const get = (name: string) => g.options.find((o) => o.name === name);
  for (const o of g.options) if (!["--mode", "--probability", "--every", "--packet"].includes(o.name)) bad(o);
  const probability = get("--probability");
  if (probability) {
    const p = Number(probability.args[0]);
    if (!(p >= 0 && p <= 1)) bad(probability);
    const share = Math.round(p * SHARES);
    return [{ s: "chance", how: shown(g), share: probability.not ? SHARES - share : share, of: SHARES }];
  }
  const every = get("--every");
  const n = Number(every?.args[0]);
  if (!every || !Number.isInteger(n) || n < 1) throw new NotUnderstood("neither --probability nor --every");
  return [{ s: "chance", how: shown(g), share: every.not ? n - 1 : 1, of: n }];
}

/** `-m set --match-set NAME src,dst`: which header fields the directions mean depends on the set's type, so lowering resolves it by the set's own tuples. */
function ipset(g: Group, family: IpFamily): Statement[] {
  const o = g.options.find((x) => x.name === "--match-set");
  const beyond = g.options.find((x) => !["--match-set", "--return-nomatch", "--update-counters", "--update-subcounters"].includes(x.name));
  if (o?.args.length !== 2 || beyond) return bad(beyond ?? o ?? { name: g.name, not: false, args: [] });
  if (g.options.some((x) => x.name === "--return-nomatch")) return bad(o, "with --return-nomatch");
  const [name, directions] = o.args;
  return [{ s: "ipset", name, directions: directions.split(",").map((d) => (d === "src" ? "src" : "dst")), family, not: o.not }];
}
