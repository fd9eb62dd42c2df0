/**
 * A netfilter rule set as it is loaded, line by line, so that lines can be left out when a difference is shrunk.
 */
import type { HowToName } from "./answer.js";
import { handlesOf, lengthsOf } from "./answer.js";
import type { HostDumps } from "./host.js";
import type { Namespace } from "./namespace.js";

export type Tool = HowToName["tool"];

/** A line of a rule set. `table` is iptables'; nft's commands name it themselves. */
export interface RuleLine {
  readonly table: string;
  /** "-A FORWARD …", ":FORWARD DROP [0:0]"; "add rule ip t c …". */
  readonly text: string;
}

export interface RuleSet {
  readonly tool: Tool;
  readonly version: 4 | 6;
  /** Chains (with policies), nft's tables and sets: these stay. */
  readonly frame: readonly RuleLine[];
  readonly rules: readonly RuleLine[];
}

const TABLE_ORDER = ["raw", "mangle", "nat", "filter", "security"];

/** What is given to iptables-restore or `nft -f`. */
export function ruleSetText(set: RuleSet): string {
  if (set.tool === "nft") return [...set.frame, ...set.rules].map((l) => `${l.text}\n`).join("");
  const tables = [...new Set([...set.frame, ...set.rules].map((l) => l.table))].sort(
    (a, b) => TABLE_ORDER.indexOf(a) - TABLE_ORDER.indexOf(b),
  );
  const lines = tables.flatMap((t) => [`*${t}`, ...[...set.frame, ...set.rules].filter((l) => l.table === t).map((l) => l.text), "COMMIT"]);
  return `${lines.join("\n")}\n`;
}

/** The name of each rule in answers: "nat PREROUTING 3", "inet t input 1". */
export function stepsOf(set: RuleSet): string[] {
  const counts = new Map<string, number>();
  return set.rules.map((l) => {
    const [, chain] = set.tool === "nft" ? (/^add rule (\S+ \S+ \S+)/.exec(l.text) ?? []) : (/^-A (\S+)/.exec(l.text) ?? []);
    const name = set.tool === "nft" ? chain : `${set.version === 6 ? "ip6 " : ""}${l.table} ${chain}`;
    const n = (counts.get(name) ?? 0) + 1;
    counts.set(name, n);
    return `${name} ${n}`;
  });
}

/** What a rule asks of which no dump tells the outcome: a rate, a clock, a random number, a memory, a socket's owner, contents, how a connection went on. */
const UNDECIDED =
  /-m (statistic|limit|hashlimit|recent|time|connlimit|string|owner|u32|socket)\b|--(tcp-option|chunk-types|ctstatus \S*ASSURED)\b|\bct status \S*assured\b|\b(numgen|jhash|limit rate|quota|hour|random|socket|skuid)\b|@nh,/;
/** Statements that change neither the packet's headers nor its way. */
const HARMLESS = /-j (LOG|NFLOG|TCPMSS|CLASSIFY|CHECKSUM|TRACE)\b/;
const EFFECT = /-[jg] |\b(accept|drop|return|jump|goto|set|reject|dnat|snat|masquerade|redirect|notrack|vmap|tproxy|queue)\b/;

/**
 * Names of the rules without effect behind something undecided: whether such a rule is hit is no branch of ours
 * (docs/limitations.md), so a step more or less of it is no difference.
 */
export function optionalSteps(set: RuleSet): ReadonlySet<string> {
  const names = stepsOf(set);
  return new Set(names.filter((_, i) => isOptional(set.rules[i].text)));
}

function isOptional(text: string): boolean {
  const said = text.replace(/"[^"]*"/g, '""');
  // What stands before it in nft's rule has happened whether or not the rule goes on.
  const rest = said.slice(UNDECIDED.exec(said)?.index ?? said.length);
  return rest !== "" && (HARMLESS.test(rest) || !EFFECT.test(rest));
}

/** Places in `set.rules` of the lines that a tool's complaint names. */
export function complainedOf(set: RuleSet, error: string): number[] {
  const lines = ruleSetText(set).split("\n");
  const named = [...error.matchAll(/stdin:(\d+):|line:? (\d+)/g)].map((m) => lines[Number(m[1] ?? m[2]) - 1]);
  return set.rules.flatMap((l, i) => (named.includes(l.text) ? [i] : []));
}

/** Splits a text of iptables-restore or a list of nft commands. */
export function readRuleSet(tool: Tool, version: 4 | 6, text: string): RuleSet {
  const frame: RuleLine[] = [];
  const rules: RuleLine[] = [];
  let table = "";
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line === "COMMIT") continue;
    if (tool === "nft") (line.startsWith("add rule ") ? rules : frame).push({ table: "", text: line });
    else if (line.startsWith("*")) table = line.slice(1);
    else (line.startsWith(":") ? frame : rules).push({ table, text: line });
  }
  return { tool, version, frame, rules };
}

const iptables = (set: RuleSet, verb: "restore" | "save") =>
  `${set.version === 6 ? "ip6tables" : "iptables"}-${set.tool === "legacy" ? "legacy" : "nft"}-${verb}`;

/**
 * The nft table that switches tracing on. What the host makes itself is traced and thrown away, so that it changes no connection.
 * The kernel tracks connections only where a rule asks for them, and runs nat chains only on tracked packets: one asks here.
 */
const WATCH = `table inet oracle {
  chain tracked { ct state new; }
  chain pre { type filter hook prerouting priority -500; meta nftrace set 1; }
  chain out { type filter hook output priority -500; meta nftrace set 1; meta skuid 0 accept; drop; }
  chain in { type filter hook input priority 10000; meta nftrace set 1; }
  chain post { type filter hook postrouting priority 10000; meta nftrace set 1; }
}
`;

const saveFile = (set: RuleSet) => (set.version === 6 ? "ip6tables-save" : "iptables-save");

export interface Loaded {
  /** What the tool complained of; the rule set is not in force then. */
  readonly error: string | null;
  /** The rules as the kernel lists them, by file name. */
  readonly dumps: HostDumps;
  readonly how: HowToName;
}

/** Loads a rule set into a fresh namespace and starts to watch. */
export async function loadRuleSet(ns: Namespace, set: RuleSet, form: "text" | "json" = "text"): Promise<Loaded> {
  const command = set.tool === "nft" ? ["nft", "-f", "-"] : [iptables(set, "restore")];
  const r = await ns.run(command, ruleSetText(set));
  const none = { tool: set.tool, version: set.version, handles: new Map<string, number>(), lengths: new Map<string, number>() } as const;
  if (r.rc !== 0) return { error: r.err.trim(), dumps: {}, how: none };
  const dumps: Record<string, string> = {};
  if (set.tool === "nft") {
    const listing = form === "json" ? ["nft", "-j", "list", "ruleset"] : ["nft", "-a", "list", "ruleset"];
    dumps[form === "json" ? "nft_-j_list_ruleset" : "nft_-a_list_ruleset"] = (await ns.run(listing)).out;
  } else dumps[saveFile(set)] = (await ns.run([iptables(set, "save")])).out;
  const lengths = lengthsOf(dumps[saveFile(set)] ?? "");
  const handles = set.tool === "legacy" ? none.handles : handlesOf((await ns.run(["nft", "-j", "-a", "list", "ruleset"])).out);
  const w = await ns.watch(WATCH);
  if (w.rc !== 0) throw new Error(`the watching table was refused: ${w.err}`);
  return { error: null, dumps, how: { tool: set.tool, version: set.version, handles, lengths } };
}
