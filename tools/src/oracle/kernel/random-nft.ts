/**
 * Random native nft rule sets, as a list of commands: tables of the families ip, ip6 and inet, chains with many priorities, named
 * sets, maps and verdict maps, concatenations, translation by map.
 */
import { set } from "@plumbline/model";
import { address, anyAddress, type Draw, type Hint, MARKS, network, PORTS, setAddress, setProtocol } from "./draw.js";
import { type Piece, sportOf } from "./pieces-iptables.js";
import {
  NFT_MATCHES,
  type NftHook,
  type NftPlace,
  type NftSets,
  nftTcpFlags,
  nftTransport,
  nftUndecided,
  someAddresses,
} from "./pieces-nft.js";
import type { DrawnRule, DrawnSet } from "./random-iptables.js";
import type { RuleLine } from "./rule-set.js";

const PRIORITIES: Readonly<Record<"filter" | "route", readonly string[]>> = {
  filter: ["raw", "mangle", "filter", "filter", "filter", "security", "filter - 5", "filter + 10", "-160", "50"],
  route: ["mangle", "filter"],
};
const NAT_PRIORITY: Readonly<Partial<Record<NftHook, readonly string[]>>> = {
  prerouting: ["dstnat", "dstnat - 1", "dstnat + 1"],
  output: ["-100", "-99"],
  input: ["100"],
  postrouting: ["srcnat", "srcnat - 1", "srcnat + 1"],
};

interface Chain {
  readonly name: string;
  readonly at: NftPlace;
  /** Chains it may lead to. */
  readonly later: readonly string[];
}

/** `open`: also matches whose outcome no dump tells. */
export function randomNft(d: Draw, open = false): DrawnSet {
  const { random: r } = d;
  const frame: RuleLine[] = [];
  const lines: RuleLine[] = [];
  const rules: DrawnRule[] = [];
  const add = (text: string) => frame.push({ table: "", text });
  const own = d.version === 6 ? ("ip6" as const) : ("ip" as const);
  for (let t = 0; t < r.between(1, 2); t++) {
    const family = r.chance(0.5) ? "inet" : own;
    const table = `${family} t${t}`;
    add(`add table ${table}`);
    const sets = declareSets(d, table, add);
    const chains: Chain[] = [];
    for (const [i, hook] of (["prerouting", "input", "forward", "output", "postrouting"] as const).entries()) {
      for (const type of ["filter", "nat", "route"] as const) {
        if (!r.chance(type === "route" ? (hook === "output" ? 0.15 : 0) : type === "nat" ? (hook === "forward" ? 0 : 0.55) : 0.6)) continue;
        const priority = type === "nat" ? r.pick(NAT_PRIORITY[hook] ?? ["0"]) : r.pick(PRIORITIES[type]);
        const early = priority === "raw" && (hook === "prerouting" || hook === "output");
        const policy = type === "filter" && r.chance(0.12) ? "drop" : "accept";
        // `dstnat` and `srcnat` are names for certain hooks alone; numbers go everywhere.
        const name = `${type}_${hook}`;
        add(`add chain ${table} ${name} { type ${type} hook ${hook} priority ${priority}; policy ${policy}; }`);
        const at = { family, type, hook, early } as const;
        const users = Array.from({ length: r.int(3) }, (_, k) => `u${i}${type[0]}${k}`);
        for (const u of users) add(`add chain ${table} ${u}`);
        [name, ...users].forEach((c, k) => void chains.push({ name: c, at, later: users.slice(k) }));
      }
    }
    for (const c of chains) {
      for (let n = r.between(0, 6); n > 0; n--) {
        const rule = randomRule(d, c, sets, open);
        lines.push({ table: "", text: `add rule ${table} ${c.name} ${rule.text}` });
        rules.push({ hints: rule.hints, kinds: rule.kinds });
      }
    }
  }
  return { set: { tool: "nft", version: d.version, frame, rules: lines }, rules, style: open ? "branches" : "random" };
}

const typeOf = (d: Draw) => (d.version === 6 ? "ipv6_addr" : "ipv4_addr");

function declareSets(d: Draw, table: string, add: (text: string) => void): NftSets {
  const { random: r } = d;
  const hosts = someAddresses(d, 4);
  const nets = d.version === 6 ? ["fd00:1::/64", "fd20::/32", "fd96::5-fd96::7"] : ["10.1.0.0/24", "20.0.0.0/15", "172.30.0.5-172.30.0.7"];
  const chosen = r.sample(nets, 2);
  add(`add set ${table} hosts { type ${typeOf(d)}; elements = { ${hosts.join(", ")} } }`);
  add(`add set ${table} nets { type ${typeOf(d)}; flags interval; elements = { ${chosen.join(", ")} } }`);
  add(`add set ${table} ports { type inet_service; elements = { 53, 443, 8080 } }`);
  add(`add set ${table} ranges { type inet_service; flags interval; elements = { 22, 5000-5010 } }`);
  return {
    addresses: [
      { name: "hosts", elements: hosts },
      { name: "nets", elements: chosen.map((c) => (c.includes("-") ? c.split("-")[0] : c)) },
    ],
    ports: [
      { name: "ports", elements: ["53", "443", "8080"] },
      { name: "ranges", elements: ["22", "5000-5010"] },
    ],
  };
}

interface Drawn {
  readonly text: string;
  readonly hints: Hint[];
  readonly kinds: string[];
}

function randomRule(d: Draw, c: Chain, sets: NftSets, open: boolean): Drawn {
  const { random: r } = d;
  const pieces: Piece[] = [];
  const target = c.at.type === "nat" && r.chance(0.6) ? translation(d, c.at) : statement(d, c, open);
  if (target.transport || r.chance(0.5)) pieces.push(target.transport ? portPiece(d, target.transport) : nftTransport(d, sets));
  if (r.chance(0.12)) pieces.push(nftTcpFlags(d));
  for (let i = r.pick([0, 0, 1, 1, 1, 2]); i > 0; i--) {
    const name = r.chance(0.4) ? r.pick(["address", "address", "in", "out", "fib"]) : r.pick(Object.keys(NFT_MATCHES));
    const piece = NFT_MATCHES[name](d, c.at, sets);
    // nft 1.0.6 lists such a rule without what it rejects with.
    if (piece?.kind === "ether saddr" && target.kind === "reject with icmp") continue;
    if (piece && NOT_LISTED.has(piece.kind) && target.kind === "concatenated vmap") continue;
    if (piece && !pieces.some((p) => p.kind === piece.kind)) pieces.push(piece);
  }
  if (r.chance(0.1) && !pieces.some((p) => p.kind.startsWith("icmp") || NOT_LISTED.has(p.kind))) pieces.push(concatenation(d));
  if (open && r.chance(0.2)) pieces.push(nftUndecided(d, c.at));
  if (r.chance(0.2)) pieces.push({ kind: "counter", text: "counter" });
  // Now and then an effect stands before the matches.
  const text = [...pieces.map((p) => p.text), target.text];
  const kinds = [...pieces.map((p) => p.kind), target.kind];
  if (!c.at.early && c.at.type !== "nat" && r.chance(0.05)) {
    text.unshift(`meta mark set ${r.pick(MARKS)}`);
    kinds.push("effect before matches");
  }
  return {
    text: text.join(" "),
    kinds,
    hints: [...pieces.flatMap((p) => (p.hint ? [p.hint] : [])), ...(target.hint ? [target.hint] : [])],
  };
}

/** Conditions that nft 1.0.6 takes for implied by a transport's port behind them, and does not list, though the port may be another protocol's. */
const NOT_LISTED: ReadonlySet<string> = new Set(["ct protocol", "ct original proto-dst"]);

function portPiece(d: Draw, transport: readonly ("tcp" | "udp")[]): Piece {
  const proto = d.random.pick(transport);
  const port = d.random.pick(PORTS);
  const hint: Hint = (p) => {
    setProtocol(d, p.row, proto, sportOf(p));
    set(p.row, "tp_dst", port);
  };
  return d.random.chance(0.7)
    ? { kind: `${proto} dport`, text: `${proto} dport ${port}`, hint }
    : { kind: "meta l4proto", text: `meta l4proto ${proto}`, hint };
}

function concatenation(d: Draw): Piece {
  const { random: r } = d;
  const of = d.version === 6 ? "ip6" : "ip";
  const tuples = Array.from({ length: 3 }, () => ({ a: anyAddress(d), proto: r.pick(["tcp", "udp"] as const), port: r.pick(PORTS) }));
  const unique = [...new Map(tuples.map((t) => [`${t.a} . ${t.proto} . ${t.port}`, t])).values()];
  const one = r.pick(unique);
  return {
    kind: "concatenation",
    text: `${of} daddr . meta l4proto . th dport ${r.chance(0.1) ? "!= " : ""}{ ${unique.map((t) => `${t.a} . ${t.proto} . ${t.port}`).join(", ")} }`,
    hint: (p) => {
      setAddress(p.row, "dst", one.a);
      setProtocol(d, p.row, one.proto, sportOf(p));
      set(p.row, "tp_dst", one.port);
    },
  };
}

interface Target {
  readonly text: string;
  readonly kind: string;
  readonly hint?: Hint;
  /** The rule must match one of these. */
  readonly transport?: readonly ("tcp" | "udp")[];
}

function statement(d: Draw, c: Chain, open: boolean): Target {
  const { random: r } = d;
  const { at, later } = c;
  if (later.length > 0 && r.chance(0.35)) {
    const chain = r.pick(later);
    return r.chance(0.2) ? { text: `goto ${chain}`, kind: "goto" } : { text: `jump ${chain}`, kind: "jump" };
  }
  const verdict = () =>
    r.pick(["accept", "accept", "drop", "return", ...(later.length > 0 ? later.map((x) => `jump ${x}`) : ["continue"])]);
  const plain = (text: string, kind = text): Target => ({ text, kind });
  const options: (() => Target)[] = [
    () => plain("accept"),
    () => plain("accept"),
    () => plain("return"),
    () => plain("continue"),
    () => plain('log prefix "seen "', "log"),
    () => vmap(d, at, verdict),
    () => vmap(d, at, verdict),
  ];
  const mark = r.pick(MARKS);
  if (open)
    options.push(
      () => plain(`numgen ${r.pick(["random", "inc"])} mod 3 vmap { 0 : ${verdict()}, 1 : ${verdict()} }`, "numgen vmap"),
      () => plain(`jhash ${d.version === 6 ? "ip6" : "ip"} saddr mod 2 vmap { 0 : ${verdict()}, 1 : ${verdict()} }`, "jhash vmap"),
      ...(at.type === "nat" ? [] : [() => plain("meta mark set numgen random mod 2", "meta mark set numgen")]),
    );
  if (at.early) options.push(() => plain(`ct zone set ${r.between(1, 3)}`, "ct zone set"));
  if (at.type !== "nat")
    options.push(
      () => plain("drop"),
      () => plain(`meta mark set ${mark}`, "meta mark set"),
      () => plain(`meta mark set meta mark | ${mark}`, "meta mark set |"),
      () => plain(`meta mark set meta mark & 0xff00 ^ ${mark}`, "meta mark set & ^"),
      () => markMap(d),
      () => plain(`${d.version === 6 ? "ip6" : "ip"} dscp set ${r.pick(["ef", "cs1"])}`, "dscp set"),
      () => plain(`${d.version === 6 ? "ip6 hoplimit" : "ip ttl"} set ${r.pick([10, 60])}`, "ttl set"),
    );
  if (at.early)
    options.push(
      () => plain("notrack"),
      () => plain("notrack"),
    );
  else if (at.type !== "nat")
    options.push(
      () => plain(`ct mark set ${mark}`, "ct mark set"),
      () => plain("ct mark set meta mark", "ct mark set meta mark"),
      () => plain("meta mark set ct mark", "meta mark set ct mark"),
      () => plain(`ct mark set ct mark | ${mark}`, "ct mark set |"),
    );
  if (at.type === "filter" && (at.hook === "input" || at.hook === "forward" || at.hook === "output") && !at.early)
    options.push(
      () => plain("reject"),
      () =>
        plain(
          `reject with ${r.pick(d.version === 6 ? ["icmpv6 type admin-prohibited", "icmpv6 type no-route"] : ["icmp type host-prohibited", "icmp type admin-prohibited"])}`,
          "reject with icmp",
        ),
      () => ({ text: "reject with tcp reset", kind: "reject with tcp reset", transport: ["tcp"] }),
      ...(at.family === "inet" ? [() => plain("reject with icmpx type admin-prohibited", "reject with icmpx")] : []),
    );
  return r.pick(options)();
}

function vmap(d: Draw, at: NftPlace, verdict: () => string): Target {
  const { random: r } = d;
  const of = d.version === 6 ? "ip6" : "ip";
  const ports = r.sample(PORTS, 3);
  const hosts = someAddresses(d, 3);
  const entries = (keys: readonly string[]) => keys.map((k) => `${k} : ${verdict()}`).join(", ");
  const be =
    (port: number): Hint =>
    (p) => {
      setProtocol(d, p.row, "tcp", sportOf(p));
      set(p.row, "tp_dst", port);
    };
  const options: (() => Target)[] = [
    () => ({ text: `tcp dport vmap { ${entries(ports.map(String))} }`, kind: "tcp dport vmap", hint: be(ports[0]) }),
    () => ({ text: `${of} daddr vmap { ${entries(hosts)} }`, kind: "daddr vmap", hint: (p) => setAddress(p.row, "dst", hosts[0]) }),
    () => ({ text: `${of} saddr vmap { ${network(d)} : ${verdict()} }`, kind: "saddr vmap, interval" }),
    () => ({ text: `meta l4proto vmap { tcp : ${verdict()}, udp : ${verdict()} }`, kind: "l4proto vmap" }),
    () => ({
      text: `${of} daddr . meta l4proto . th dport vmap { ${hosts.map((h, i) => `${h} . tcp . ${ports[i % ports.length]} : ${verdict()}`).join(", ")} }`,
      kind: "concatenated vmap",
      hint: (p) => {
        be(ports[0])(p);
        setAddress(p.row, "dst", hosts[0]);
      },
    }),
    () => ({ text: `meta mark vmap { 1 : ${verdict()}, 2 : ${verdict()} }`, kind: "mark vmap" }),
  ];
  if (!at.early)
    options.push(() => ({
      text: `ct state vmap { established : ${verdict()}, related : ${verdict()}, new : ${verdict()} }`,
      kind: "ct state vmap",
    }));
  return r.pick(options)();
}

function markMap(d: Draw): Target {
  const hosts = someAddresses(d, 3);
  return {
    text: `meta mark set ${d.version === 6 ? "ip6" : "ip"} daddr map { ${hosts.map((h, i) => `${h} : ${i + 1}`).join(", ")} }`,
    kind: "meta mark set map",
    hint: (p) => setAddress(p.row, "dst", hosts[0]),
  };
}

/** Translations; in inet tables the family is named. */
function translation(d: Draw, at: NftPlace): Target {
  const { random: r } = d;
  const of = d.version === 6 ? "ip6" : "ip";
  const fam = at.family === "inet" ? `${of} ` : "";
  const port = r.pick(PORTS);
  const wrap = (a: string) => (d.version === 6 ? `[${a}]` : a);
  const to = r.pick([address(d, "near"), address(d, "far"), address(d, "own")]);
  const transport = ["tcp", "udp"] as const;
  if (at.hook === "prerouting" || at.hook === "output") {
    const vips = someAddresses(d, 3);
    const backends = vips.map(() => address(d, "near"));
    const ports = r.sample(PORTS, 3);
    const options: Target[] = [
      { text: `dnat ${fam}to ${to}`, kind: "dnat" },
      { text: `dnat ${fam}to ${wrap(to)}:${port}`, kind: "dnat with port", transport },
      { text: `redirect to :${port}`, kind: "redirect", transport },
      {
        text: `dnat ${fam}to ${of} daddr map { ${vips.map((v, i) => `${v} : ${backends[i]}`).join(", ")} }`,
        kind: "dnat to map",
        hint: (p) => setAddress(p.row, "dst", vips[0]),
      },
      {
        text: `dnat ${of} addr . port to ${of} daddr . th dport map { ${vips.map((v, i) => `${v} . ${ports[i % 3]} : ${backends[i]} . ${port}`).join(", ")} }`,
        kind: "dnat addr . port to map",
        transport: ["tcp"],
        hint: (p) => {
          setAddress(p.row, "dst", vips[0]);
          set(p.row, "tp_dst", ports[0]);
        },
      },
    ];
    return r.pick(options);
  }
  if (at.hook === "postrouting")
    return r.pick<Target>([
      { text: "masquerade", kind: "masquerade" },
      { text: "masquerade", kind: "masquerade" },
      { text: `snat ${fam}to ${anyAddress(d)}`, kind: "snat" },
      { text: `snat ${fam}to ${of} saddr map { ${network(d)} : ${address(d, "own")} }`, kind: "snat to map" },
    ]);
  return { text: `snat ${fam}to ${address(d, "near")}`, kind: "snat in input" };
}
