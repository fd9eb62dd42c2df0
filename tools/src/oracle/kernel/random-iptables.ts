/**
 * Random iptables rule sets: base and user chains of four tables, matches from pieces-iptables.ts, every deterministic target.
 */
import type { Draw, Hint } from "./draw.js";
import { address, anyAddress, MARKS, PORTS } from "./draw.js";
import { type HookName, MATCHES, type Piece, type Place, protocolPieces, undecided } from "./pieces-iptables.js";
import type { RuleLine, RuleSet, Tool } from "./rule-set.js";

/** A rule with what makes a packet match it, and which matches and targets it has. */
export interface DrawnRule {
  readonly hints: readonly Hint[];
  readonly kinds: readonly string[];
}

export interface DrawnSet {
  readonly set: RuleSet;
  /** One for each of `set.rules`. */
  readonly rules: readonly DrawnRule[];
  /** What generated it: "random", "kube-proxy", … */
  readonly style: string;
}

const HOOKS: Readonly<Record<Place["table"], readonly HookName[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
  security: ["INPUT", "FORWARD", "OUTPUT"],
};
const CHANCES: Readonly<Record<Place["table"], number>> = { raw: 0.3, mangle: 0.5, nat: 0.9, filter: 0.9, security: 0.1 };

interface Target {
  readonly text: string;
  readonly kind: string;
  /** What the rest of its rule must match: TCP, a protocol with ports, a SYN. */
  readonly needs?: "tcp" | "ports" | "syn";
}

/** `open`: also matches whose outcome no dump tells. */
export function randomIptables(d: Draw, tool: Exclude<Tool, "nft">, open = false): DrawnSet {
  const frame: RuleLine[] = [];
  const lines: RuleLine[] = [];
  const rules: DrawnRule[] = [];
  const { random: r, version } = d;
  const tables = (["raw", "mangle", "nat", "filter", "security"] as const).filter((t) => r.chance(CHANCES[t]));
  for (const table of tables.length > 0 ? tables : (["filter"] as const)) {
    for (const hook of HOOKS[table]) {
      const drops = table === "filter" ? 0.25 : 0.03;
      frame.push({ table, text: `:${hook} ${table !== "nat" && r.chance(drops) ? "DROP" : "ACCEPT"} [0:0]` });
    }
    for (const hook of HOOKS[table]) {
      if (!r.chance(table === "nat" && hook === "INPUT" ? 0.2 : 0.75)) continue;
      const users = Array.from({ length: r.int(4) }, (_, i) => `${hook.slice(0, 3)}-${i}`);
      for (const u of users) frame.push({ table, text: `:${u} - [0:0]` });
      // A chain leads to later ones alone, so that there is no way round.
      [hook, ...users].forEach((chain, at) => {
        const later = users.slice(at);
        const count = at === 0 ? r.between(1, 7) : r.between(0, 5);
        for (let n = 1; n <= count; n++) {
          const rule = randomRule(
            d,
            { tool, table, hook, inUserChain: at > 0 },
            at === 0 && n <= later.length ? [later[n - 1]] : later,
            open,
          );
          lines.push({ table, text: `-A ${chain} ${rule.text}` });
          rules.push({ hints: rule.hints, kinds: rule.kinds });
        }
      });
    }
  }
  return { set: { tool, version, frame, rules: lines }, rules, style: open ? "branches" : "random" };
}

function randomRule(d: Draw, at: Place, later: readonly string[], open: boolean): { text: string; hints: Hint[]; kinds: string[] } {
  const { random: r } = d;
  const target = randomTarget(d, at, later);
  const pieces: Piece[] = [];
  if (target.needs === "syn") pieces.push({ kind: "-p", text: "-p tcp -m tcp --tcp-flags SYN,RST SYN" });
  else if (target.needs) {
    const fits = target.needs === "tcp" ? ["tcp"] : ["tcp", "udp"];
    let p = protocolPieces(d);
    while (!fits.includes(p.proto)) p = protocolPieces(d);
    pieces.push(...p.pieces);
  } else if (r.chance(0.6)) pieces.push(...protocolPieces(d).pieces);
  const makers = Object.entries(MATCHES);
  const wanted = r.pick([0, 0, 1, 1, 1, 2]);
  const common = ["source", "destination", "in", "out"];
  for (let i = 0; i < wanted; i++) {
    const name = r.chance(0.45) ? r.pick(common) : r.pick(makers)[0];
    const piece = MATCHES[name](d, at);
    if (piece && !pieces.some((p) => p.kind === piece.kind)) pieces.push(piece);
  }
  // A rule that does nothing is no step of ours where it is not known whether it matched (docs/limitations.md).
  if (open && !/^(LOG|NFLOG|no target)/.test(target.kind) && r.chance(0.15)) pieces.push(undecided(d, at));
  const text = [...pieces.map((p) => p.text), target.text].join(" ");
  return { text, hints: pieces.flatMap((p) => (p.hint ? [p.hint] : [])), kinds: [...pieces.map((p) => p.kind), target.kind] };
}

const hex = (n: number) => `0x${n.toString(16)}`;

function randomTarget(d: Draw, at: Place, later: readonly string[]): Target {
  const { random: r, version } = d;
  if (later.length > 0 && r.chance(0.45)) {
    const chain = r.pick(later);
    return r.chance(0.15) ? { text: `-g ${chain}`, kind: "-g" } : { text: `-j ${chain}`, kind: "-j CHAIN" };
  }
  const j = (kind: string, options = "", needs?: Target["needs"]): Target => ({
    text: `-j ${kind}${options ? ` ${options}` : ""}`,
    kind: `${kind}${options.startsWith("--") ? ` ${options.split(" ")[0]}` : ""}`,
    needs,
  });
  const plain = () =>
    r.pick([j("ACCEPT"), j("RETURN"), j("LOG", '--log-prefix "seen: "'), j("NFLOG", "--nflog-group 5"), { text: "", kind: "no target" }]);
  const mark = r.pick(MARKS);
  switch (at.table) {
    case "raw":
      return r.pick([
        j("CT", "--notrack"),
        j("NOTRACK"),
        j("CT", "--notrack"),
        j("CT", `--zone ${r.between(1, 3)}`),
        j("TRACE"),
        j("ACCEPT"),
        j("RETURN"),
        j("DROP"),
        plain(),
      ]);
    case "mangle": {
      const hop = version === 4 ? "TTL" : "HL";
      const options = [
        j("MARK", `--set-mark ${hex(mark)}`),
        j("MARK", `--set-xmark ${hex(mark)}/${hex(r.pick([mark, 0xff, 0xffffffff]))}`),
        j("MARK", `--or-mark ${hex(mark)}`),
        j("MARK", `--and-mark ${hex(0xf)}`),
        j("MARK", `--xor-mark ${hex(mark)}`),
        j("CONNMARK", `--set-mark ${hex(mark)}`),
        j("CONNMARK", `--set-xmark ${hex(mark)}/0xff`),
        j("CONNMARK", "--save-mark"),
        j("CONNMARK", "--restore-mark"),
        j("CONNMARK", "--save-mark --nfmask 0xff --ctmask 0xff"),
        j("CONNMARK", "--restore-mark --nfmask 0xf0 --ctmask 0xf0"),
        j("TOS", `--set-tos ${hex(r.pick([0x10, 0x08]))}/0x3f`),
        j("DSCP", `--set-dscp ${hex(r.pick([2, 46]))}`),
        j(hop, `--${hop.toLowerCase()}-set ${r.pick([64, 10])}`),
        j(hop, `--${hop.toLowerCase()}-dec 1`),
        j(hop, `--${hop.toLowerCase()}-inc 5`),
        j("ACCEPT"),
        j("DROP"),
        plain(),
      ];
      if (at.hook === "FORWARD" || at.hook === "POSTROUTING")
        options.push(j("TCPMSS", r.pick(["--clamp-mss-to-pmtu", "--set-mss 1400"]), "syn"));
      if (at.hook === "PREROUTING")
        options.push(j("TPROXY", `--on-port 50080 --tproxy-mark ${hex(mark)}/${hex(r.pick([mark, 0xff]))}`, "ports"));
      if (at.hook === "POSTROUTING") options.push(j("CLASSIFY", "--set-class 1:1"), j("CHECKSUM", "--checksum-fill"));
      return r.pick(options);
    }
    case "nat":
      return natTarget(d, at, plain);
    case "security":
      return r.pick([j("ACCEPT"), j("DROP"), j("RETURN"), j("MARK", `--set-mark ${hex(mark)}`), plain()]);
    case "filter": {
      const types =
        version === 4
          ? ["icmp-port-unreachable", "icmp-host-prohibited", "icmp-net-unreachable", "icmp-admin-prohibited"]
          : ["icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-no-route"];
      return r.pick([
        j("ACCEPT"),
        j("ACCEPT"),
        j("ACCEPT"),
        j("DROP"),
        j("DROP"),
        j("REJECT"),
        j("REJECT", `--reject-with ${r.pick(types)}`),
        j("REJECT", "--reject-with tcp-reset", "tcp"),
        plain(),
      ]);
    }
  }
}

function natTarget(d: Draw, at: Place, plain: () => Target): Target {
  const { random: r, version } = d;
  const wrap = (a: string) => (version === 6 ? `[${a}]` : a);
  const port = r.pick(PORTS);
  const options: Target[] = [];
  if (at.hook === "PREROUTING" || at.hook === "OUTPUT") {
    const to = r.pick([address(d, "near"), address(d, "far"), address(d, "own")]);
    options.push(
      { text: `-j DNAT --to-destination ${to}`, kind: "DNAT" },
      { text: `-j DNAT --to-destination ${wrap(to)}:${port}`, kind: "DNAT with port", needs: "ports" },
      { text: `-j DNAT --to-destination ${wrap(to)}:${port}`, kind: "DNAT with port", needs: "ports" },
      { text: `-j REDIRECT --to-ports ${port}`, kind: "REDIRECT", needs: "ports" },
    );
    if (r.chance(0.2)) options.push({ text: "-j REDIRECT", kind: "REDIRECT" });
  } else if (at.hook === "POSTROUTING")
    options.push(
      { text: "-j MASQUERADE", kind: "MASQUERADE" },
      { text: "-j MASQUERADE", kind: "MASQUERADE" },
      { text: `-j SNAT --to-source ${r.pick([address(d, "own"), anyAddress(d)])}`, kind: "SNAT" },
    );
  else options.push({ text: `-j SNAT --to-source ${address(d, "near")}`, kind: "SNAT in INPUT" });
  if (r.chance(0.15) && at.hook !== "INPUT")
    options.push({
      text: `-j NETMAP --to ${version === 4 ? r.pick(["10.1.0.0/24", "172.31.0.0/29"]) : "fd20:1::/120"}`,
      kind: "NETMAP",
    });
  return r.chance(0.7) ? r.pick(options) : r.pick([{ text: "-j ACCEPT", kind: "ACCEPT" }, { text: "-j RETURN", kind: "RETURN" }, plain()]);
}
