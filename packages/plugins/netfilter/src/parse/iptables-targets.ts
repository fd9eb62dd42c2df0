/**
 * iptables' targets as effects and verdicts.
 *
 * A target that lets the rule walk go on (MARK, LOG) has no verdict; one that ends it in this chain's favour has. What is
 * not understood is an `opaqueEffect`: from there on nothing is known about the packet.
 * Sources: iptables-extensions(8); net/netfilter/xt_*.c and net/ipv4/netfilter/ipt_*.c for return values.
 */
import type { AddressRange, MarkExpression, PortRange, RejectWith, Statement } from "../ast.js";
import { type IpFamily, shown } from "./iptables-matches.js";
import type { Group, Option } from "./iptables-words.js";
import { address, dscp, exact, masked, network, number, portRange, valueMask } from "./values.js";

const ALL = 0xffffffffn;

/** The statements of `-j` or `-g`; `command` shows what the rule did. */
export function targetStatements(target: Group & { readonly go: boolean }, family: IpFamily, command: string): Statement[] {
  if (target.go) return [{ s: "verdict", verdict: { v: "goto", chain: target.name } }];
  const opaque = (why: string): Statement[] => [{ s: "opaqueEffect", why: `target ${shown(target)}: ${why}`, command }];
  const option = (...names: string[]) => target.options.find((o) => names.includes(o.name));
  /** Options beyond these change what the target does. */
  const beyond = (...known: string[]): Option | undefined => target.options.find((o) => !known.includes(o.name));
  switch (target.name) {
    case "ACCEPT":
    case "DROP":
    case "RETURN": {
      const v = target.name.toLowerCase() as "accept" | "drop" | "return";
      return [{ s: "verdict", verdict: { v } }];
    }
    case "REJECT":
      return reject(target, family) ?? opaque("its answer is not understood");
    case "DNAT":
    case "SNAT": {
      const dst = target.name === "DNAT";
      const to = option("--to-destination", "--to-source");
      if (target.options.filter((o) => o === to || o.name === to?.name).length > 1) return opaque("it has several ranges");
      if (!to || beyond("--to-destination", "--to-source", "--random", "--random-fully", "--persistent"))
        return opaque("an option is not understood");
      const where = natTarget(to.args[0] ?? "");
      if (!where) return opaque("its address is not understood");
      return [{ s: "nat", type: dst ? "dst" : "src", to: "given", ...where, family, random: random(target) }];
    }
    case "MASQUERADE":
    case "REDIRECT": {
      const ports = option("--to-ports", "--to-port");
      const port = ports ? portRange(ports.args[0] ?? "", "-") : null;
      if ((ports && !port) || beyond("--to-ports", "--to-port", "--random", "--random-fully")) return opaque("an option is not understood");
      const masquerade = target.name === "MASQUERADE";
      return [
        {
          s: "nat",
          type: masquerade ? "src" : "dst",
          to: masquerade ? "masquerade" : "redirect",
          address: null,
          port,
          family,
          random: random(target),
        },
      ];
    }
    case "NETMAP": {
      const to = network(option("--to")?.args[0] ?? "");
      if (to?.value.k !== "range") return opaque("its network is not understood");
      const size = to.value.hi - to.value.lo + 1n;
      const bits = to.family === 4 ? 32 : 128;
      return [{ s: "netmap", lo: to.value.lo, prefixLen: bits - (size.toString(2).length - 1), family }];
    }
    case "MARK":
      return mark(target, "meta mark") ?? opaque("an option is not understood");
    case "CONNMARK":
      return mark(target, "ct mark") ?? opaque("an option is not understood");
    case "NOTRACK":
      return [{ s: "notrack" }];
    case "CT": {
      if (option("--notrack")) return [{ s: "notrack" }];
      const zone = option("--zone");
      if (zone) {
        const n = number(zone.args[0] ?? "");
        if (n !== null && n <= 0xffff) return [{ s: "zone", zone: n }];
      }
      if (zone || option("--zone-orig", "--zone-reply"))
        return opaque("it puts one direction of the connection into a conntrack zone of its own");
      // A helper, a timeout, events: all in a template, of the usual zone.
      return [
        { s: "note", text: shown(target) },
        { s: "zone", zone: 0 },
      ];
    }
    case "TTL":
    case "HL": {
      for (const [name, sign] of [
        ["--ttl-inc", 1],
        ["--ttl-dec", -1],
        ["--hl-inc", 1],
        ["--hl-dec", -1],
      ] as const) {
        const by = number(option(name)?.args[0] ?? "");
        if (by !== null) return [{ s: "ttl", add: sign * by }];
      }
      const set = option("--ttl-set", "--hl-set");
      const n = number(set?.args[0] ?? "");
      return n === null || n > 255
        ? opaque("only setting it is translated")
        : [{ s: "set", selector: family === "ip" ? "ip ttl" : "ip6 hoplimit", value: exact(n) }];
    }
    case "DSCP": {
      const v = dscp(option("--set-dscp", "--set-dscp-class")?.args[0] ?? "");
      return v === null
        ? opaque("its value is not understood")
        : [{ s: "set", selector: family === "ip" ? "ip dscp" : "ip6 dscp", value: exact(v) }];
    }
    case "TOS": {
      const v = valueMask(option("--set-tos", "--set-xtos")?.args[0] ?? "");
      if (!v) return opaque("its value is not understood");
      // `--set-tos V/M`: zero the bits of M, then exclusive-or with V.
      return v.value & ~v.mask ? opaque("it flips bits") : [{ s: "set", selector: "ip tos", value: masked(v.value, v.mask & 0xff) }];
    }
    case "LOG":
    case "NFLOG":
    case "ULOG":
    case "TRACE":
    case "CHECKSUM":
    case "TCPMSS":
    case "TCPOPTSTRIP":
    case "CLASSIFY":
    case "ECN":
    case "AUDIT":
    case "SECMARK":
    case "CONNSECMARK":
    case "RATEEST":
    case "IDLETIMER":
    case "LED":
    case "SET":
    case "TEE":
      return [{ s: "note", text: shown(target) }];
    case "NFQUEUE":
    case "QUEUE":
      return [{ s: "handed", how: `${shown(target)}: the program at the queue` }];
    case "TPROXY": {
      const m = option("--tproxy-mark");
      const v = m ? valueMask(m.args[0] ?? "") : null;
      if (m && !v) return opaque("its mark is not understood");
      const mark: MarkExpression | undefined = v
        ? { terms: [{ from: "meta mark", and: ALL & ~BigInt(v.mask) }], xor: BigInt(v.value) }
        : undefined;
      return [{ s: "handed", how: `${shown(target)}: whether a socket listens there`, ...(mark && { mark }) }];
    }
    default:
      // A name that is no known target is a chain; if there is no such chain, lowering says so.
      return target.options.length > 0 || KNOWN_TARGETS.has(target.name)
        ? opaque("there is no translation of it")
        : [{ s: "verdict", verdict: { v: "jump", chain: target.name } }];
  }
}

const KNOWN_TARGETS = new Set("SYNPROXY DNPT SNPT HMARK CLUSTERIP MIRROR SAME STANDARD".split(" "));

const random = (g: Group) => g.options.some((o) => o.name === "--random" || o.name === "--random-fully");

/** `192.0.2.1`, `192.0.2.1-192.0.2.9:80-90`, `:8080`, `[2001:db8::1]:80`. */
function natTarget(text: string): { address: AddressRange | null; port: PortRange | null; portBase?: number } | null {
  const shifted = /^(.*):(\d+-\d+)\/(\d+)$/.exec(text);
  if (shifted) {
    const inner = natTarget(`${shifted[1]}:${shifted[2]}`);
    return inner && { ...inner, portBase: Number(shifted[3]) };
  }
  let hosts = text;
  let port: PortRange | null = null;
  const bracket = /^\[([^\]]+)\](?:-\[([^\]]+)\])?(?::(.*))?$/.exec(text);
  if (bracket) {
    hosts = bracket[2] ? `${bracket[1]}-${bracket[2]}` : bracket[1];
    if (bracket[3] !== undefined) {
      port = portRange(bracket[3], "-");
      if (!port) return null;
    }
  } else {
    const colon = text.indexOf(":");
    if (colon >= 0 && colon === text.lastIndexOf(":")) {
      port = portRange(text.slice(colon + 1), "-");
      if (!port) return null;
      hosts = text.slice(0, colon);
    }
  }
  if (hosts === "") return { address: null, port };
  const [lo, hi] = hosts.split("-");
  const a = address(lo);
  const b = hi === undefined ? a : address(hi);
  return a && b && a.family === b.family ? { address: { lo: a.value, hi: b.value }, port } : null;
}

const REJECT4: ReadonlyMap<string, number> = new Map([
  ["icmp-net-unreachable", 0],
  ["net-unreach", 0],
  ["icmp-host-unreachable", 1],
  ["host-unreach", 1],
  ["icmp-proto-unreachable", 2],
  ["proto-unreach", 2],
  ["icmp-port-unreachable", 3],
  ["port-unreach", 3],
  ["icmp-net-prohibited", 9],
  ["net-prohib", 9],
  ["icmp-host-prohibited", 10],
  ["host-prohib", 10],
  ["icmp-admin-prohibited", 13],
  ["admin-prohib", 13],
]);
const REJECT6: ReadonlyMap<string, number> = new Map([
  ["icmp6-no-route", 0],
  ["no-route", 0],
  ["icmp6-adm-prohibited", 1],
  ["adm-prohibited", 1],
  ["icmp6-addr-unreachable", 3],
  ["addr-unreach", 3],
  ["icmp6-port-unreachable", 4],
  ["port-unreach", 4],
  ["icmp6-policy-fail", 5],
  ["policy-fail", 5],
  ["icmp6-reject-route", 6],
  ["reject-route", 6],
]);

function reject(target: Group, family: IpFamily): Statement[] | null {
  const how =
    target.options.find((o) => o.name === "--reject-with")?.args[0] ??
    (family === "ip" ? "icmp-port-unreachable" : "icmp6-port-unreachable");
  let w: RejectWith;
  if (how === "tcp-reset" || how === "tcp-rst") w = { kind: "tcp-reset" };
  else {
    const code = (family === "ip" ? REJECT4 : REJECT6).get(how);
    if (code === undefined) return null;
    w = { kind: "icmp", v4: family === "ip" ? [3, code] : null, v6: family === "ip6" ? [1, code] : null };
  }
  return [{ s: "reject", with: w }];
}

/** MARK and CONNMARK: `mark = (mark & ~mask) ^ value` in all their spellings. */
function mark(target: Group, dst: "meta mark" | "ct mark"): Statement[] | null {
  const option = (name: string) => target.options.find((o) => o.name === name);
  const bits = (o: Option | undefined, otherwise: bigint) => (o ? number(o.args[0] ?? "") : Number(otherwise));
  const save = option("--save-mark");
  const restore = option("--restore-mark");
  if (save || restore) {
    const both = option("--mask");
    const nf = bits(option("--nfmask") ?? both, ALL);
    const ct = bits(option("--ctmask") ?? both, ALL);
    if (dst !== "ct mark" || nf === null || ct === null) return null;
    const keep = (m: number) => ALL & ~BigInt(m);
    // xt_CONNMARK.c: save: ctmark = (ctmark & ~ctmask) ^ (nfmark & nfmask); restore: the same the other way round.
    return save
      ? [
          {
            s: "mark",
            dst: "ct mark",
            value: {
              terms: [
                { from: "ct mark", and: keep(ct) },
                { from: "meta mark", and: BigInt(nf) },
              ],
              xor: 0n,
            },
          },
        ]
      : [
          {
            s: "mark",
            dst: "meta mark",
            value: {
              terms: [
                { from: "meta mark", and: keep(nf) },
                { from: "ct mark", and: BigInt(ct) },
              ],
              xor: 0n,
            },
          },
        ];
  }
  if (target.options.length !== 1) return null;
  const o = target.options[0];
  const v = valueMask(o.args[0] ?? "");
  if (!v) return null;
  const value = BigInt(v.value);
  const mask = BigInt(v.mask);
  const set = (clear: bigint, xor: bigint): Statement[] => [{ s: "mark", dst, value: { terms: [{ from: dst, and: ALL & ~clear }], xor } }];
  switch (o.name) {
    case "--set-xmark":
      return set(mask, value);
    case "--set-mark":
      return set(mask | value, value);
    case "--and-mark":
      return set(ALL & ~value, 0n);
    case "--or-mark":
      return set(value, value);
    case "--xor-mark":
      return set(0n, value);
    default:
      return null;
  }
}
