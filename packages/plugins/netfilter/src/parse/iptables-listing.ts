/**
 * `iptables -nvL` and `-vnxL`: the list for people, one table.
 *
 * Its columns are those of `-S` (protocol, interfaces, addresses); what matches and targets print behind them is free text, which is
 * turned back into the options of `-S`, so that both forms are read by one reader. What is not known stays as an option that no match
 * has: the rule is then opaque, with a problem that names its line. Without `-v` the interfaces are left out: such a list is not read.
 * Source: iptables 1.8, print_firewall_details in iptables/iptables.c and the print functions in extensions/.
 */
import type { Complain } from "./iptables.js";

/** The same rules as `-S` prints them, with the line each stands on. */
export interface ListedLine {
  readonly text: string;
  readonly line: number;
}

/** Lines of `-S`, or null if the list does not tell the interfaces (no `-v`). */
export function listedLines(text: string, complain: Complain): ListedLine[] | null {
  const out: ListedLine[] = [];
  let chain = "";
  const lines = text.split("\n");
  let columns = false;
  for (const [i, raw] of lines.entries()) {
    const line = i + 1;
    const row = raw.trim();
    if (row === "") continue;
    const head = /^Chain (\S+) \((?:policy (ACCEPT|DROP)\b.*|\d+ references)\)$/.exec(row);
    if (head) {
      chain = head[1];
      out.push({ text: head[2] ? `-P ${chain} ${head[2]}` : `-N ${chain}`, line });
      continue;
    }
    if (/^(num\s+)?pkts\s+bytes\s+target\s+prot\s+opt\s+in\s+out\s+source\s+destination/.test(row)) {
      columns = true;
      continue;
    }
    if (/^(num\s+)?target\s+prot\s+opt\s+source/.test(row)) return null;
    if (/^#/.test(row)) continue;
    if (chain === "" || !columns) {
      complain("warning", line, `not a line of iptables -nvL: ${row.slice(0, 120)}`);
      continue;
    }
    const rule = ruleOf(raw, chain);
    if (rule === null) complain("warning", line, `not a line of iptables -nvL: ${row.slice(0, 120)}`);
    else out.push({ text: rule, line });
  }
  return columns || out.length > 0 ? out : null;
}

const COUNT = "\\d+[KMGT]?";
/** Counters, target (may be blank), protocol, options, interfaces, addresses, the rest. */
const RULE = new RegExp(
  `^\\s*(?:\\d+\\s+)??${COUNT}\\s+${COUNT}\\s+(?:(\\S+)\\s+)?(!?[a-z0-9-]+)\\s+(--|-f|!f|\\s\\s)\\s+(\\S+)\\s+(\\S+)\\s+(!?[0-9a-fA-F.:/]+)\\s+(!?[0-9a-fA-F.:/]+)\\s*(.*)$`,
);

const ANY = new Set(["0.0.0.0/0", "::/0", "0.0.0.0", "*", "any"]);

function ruleOf(raw: string, chain: string): string | null {
  // ip6tables leaves the options' column blank.
  const m = RULE.exec(raw) ?? RULE.exec(raw.replace(/^(\s*(?:\d+\s+)?\S+\s+\S+\s+\S+\s+\S+)\s{4,}/, "$1 -- "));
  if (!m) return null;
  const [, target, proto, opt, iif, oif, src, dst, rest] = m;
  const words = ["-A", chain];
  const option = (name: string, value: string) => {
    if (ANY.has(value)) return;
    words.push(...(value.startsWith("!") ? ["!", name, value.slice(1)] : [name, value]));
  };
  option("-s", src);
  option("-d", dst);
  if (proto !== "all" && proto !== "0") option("-p", proto);
  option("-i", iif);
  option("-o", oif);
  if (opt === "-f") words.push("-f");
  else if (opt === "!f") words.push("!", "-f");
  const name = proto.replace("!", "");
  const { matches, targets } = details(rest, NAMES.get(name) ?? name, target ?? "");
  words.push(...matches);
  const go = /\[goto\]/.test(rest);
  if (target !== undefined && target !== "") words.push(go ? "-g" : "-j", target, ...targets);
  return words.join(" ");
}

/** `-n` prints protocols by number. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["6", "tcp"],
  ["17", "udp"],
  ["33", "dccp"],
  ["132", "sctp"],
  ["136", "udplite"],
]);

/** A phrase behind the columns, and the options that it stands for. */
type Phrase = readonly [look: RegExp, options: (m: RegExpExecArray, proto: string, target: string) => string | null];

const not = (mark: string | undefined) => (mark ? "! " : "");

const MATCHES: readonly Phrase[] = [
  [/^\/\* (.*?) \*\//, (m) => `-m comment --comment ${quoted(m[1])}`],
  [/^\[goto\]/, () => ""],
  [/^(tcp|udp|sctp|dccp|udplite) (?=spts?:|dpts?:|flags:|option=)/, () => ""],
  [/^(spt|dpt):(!)?(\d+)/, (m, p) => `-m ${p} ${not(m[2])}${m[1] === "spt" ? "--sport" : "--dport"} ${m[3]}`],
  [/^(spts|dpts):(!)?(\d+):(\d+)/, (m, p) => `-m ${p} ${not(m[2])}${m[1] === "spts" ? "--sport" : "--dport"} ${m[3]}:${m[4]}`],
  [/^flags:\s?(!)?(0x[0-9A-Fa-f]+)\/(0x[0-9A-Fa-f]+)/, (m) => `-m tcp ${not(m[1])}--tcp-flags ${m[2]} ${m[3]}`],
  [/^option=(!)?(\d+)/, (m) => `-m tcp ${not(m[1])}--tcp-option ${m[2]}`],
  [/^icmp(v6)?-?\s?(!)?type (\d+)(?: code (\d+))?/, (m) => icmp(m[1] !== undefined, m[2], m[3], m[4])],
  [/^(ipv6-icmp|icmp)\s?(!)?type (\d+)(?: code (\d+))?/, (m) => icmp(m[1] !== "icmp", m[2], m[3], m[4])],
  [/^icmp(v6)? ?(!)?\s?type (\d+)/, (m) => icmp(m[1] !== undefined, m[2], m[3], undefined)],
  [/^multiport (sports|dports|ports)\s+(!\s?)?(\S+)/, (m) => `-m multiport ${not(m[2])}--${m[1]} ${m[3]}`],
  [/^(!\s?)?ctstate (\S+)/, (m) => `-m conntrack ${not(m[1])}--ctstate ${m[2]}`],
  [/^(!\s?)?ctstatus (\S+)/, (m) => `-m conntrack ${not(m[1])}--ctstatus ${m[2]}`],
  [/^ctdir (\S+)/, (m) => `-m conntrack --ctdir ${m[1]}`],
  [
    /^(!\s?)?(ctorigsrc|ctorigdst|ctreplsrc|ctrepldst|ctproto|ctorigsrcport|ctorigdstport) (\S+)/,
    (m) => `-m conntrack ${not(m[1])}--${m[2]} ${m[3]}`,
  ],
  [/^(!\s?)?state (\S+)/, (m) => `-m state ${not(m[1])}--state ${m[2]}`],
  [/^(connmark|mark|CONNMARK|MARK) match (!)?\s?(\S+)/, (m) => `-m ${m[1].toLowerCase()} ${not(m[2])}--mark ${m[3]}`],
  [/^ADDRTYPE match( (?:!)?src-type (?:!)?\S+)?( (?:!)?dst-type (?:!)?\S+)?( limit-in)?( limit-out)?/, (m) => addrtype(m)],
  [/^source IP range (!)?\s?(\S+)/, (m) => `-m iprange ${not(m[1])}--src-range ${m[2]}`],
  [/^destination IP range (!)?\s?(\S+)/, (m) => `-m iprange ${not(m[1])}--dst-range ${m[2]}`],
  [/^limit: (?:avg|up to) (\S+) burst (\d+)/, (m) => `-m limit --limit ${m[1]} --limit-burst ${m[2]}`],
  [
    /^limit: (above|up to) (\S+) burst (\d+)(?: mode \S+)?(?: htable-\S+ \d+)*(?: srcmask \d+)?(?: dstmask \d+)?/,
    (m) => `-m hashlimit --hashlimit-${m[1] === "above" ? "above" : "upto"} ${m[2]}`,
  ],
  [/^MAC\s?(!)?\s?([0-9A-Fa-f:]{17})/, (m) => `-m mac ${not(m[1])}--mac-source ${m[2]}`],
  [/^length (!)?\s?(\d+(?::\d+)?)/, (m) => `-m length ${not(m[1])}--length ${m[2]}`],
  [/^PKTTYPE (!=|=) (\S+)/, (m) => `-m pkttype ${not(m[1] === "!=" ? "!" : undefined)}--pkt-type ${m[2]}`],
  [/^(TTL|HL) match (?:TTL|HL) (==|!=|<|>) (\d+)/, (m) => ttl(m)],
  [/^DSCP match (!)?(0x[0-9a-fA-F]+)/, (m) => `-m dscp ${not(m[1])}--dscp ${m[2]}`],
  [/^tos match\s?(!)?(0x[0-9a-fA-F]+\/0x[0-9a-fA-F]+)/, (m) => `-m tos ${not(m[1])}--tos ${m[2]}`],
  [/^statistic mode random (!)?\s?probability (\S+)/, (m) => `-m statistic --mode random ${not(m[1])}--probability ${m[2]}`],
  [
    /^statistic mode nth (!)?\s?every (\d+)(?: packet (\d+))?/,
    (m) => `-m statistic --mode nth ${not(m[1])}--every ${m[2]} --packet ${m[3] ?? 0}`,
  ],
  [/^(?:! )?match-set (\S+) (\S+)/, (m) => `-m set ${not(m[0].startsWith("!") ? "!" : undefined)}--match-set ${m[1]} ${m[2]}`],
  [/^(! )?owner (UID|GID) match (\S+)/, (m) => `-m owner ${not(m[1])}--${m[2].toLowerCase()}-owner ${m[3]}`],
  [/^(! )?owner socket exists/, (m) => `-m owner ${not(m[1])}--socket-exists`],
  [
    /^recent: (SET|CHECK|UPDATE|REMOVE) (.*?name: \S+(?: side: \S+)?(?: mask: \S+)?)/,
    (m) => `-m recent --${RECENT[m[1]]} --name ${/name: (\S+)/.exec(m[2])?.[1]}`,
  ],
  [
    /^rpfilter( loose)?( validmark)?( accept-local)?( invert)?/,
    (m) => `-m rpfilter${m[1] ? " --loose" : ""}${m[2] ? " --validmark" : ""}${m[3] ? " --accept-local" : ""}${m[4] ? " --invert" : ""}`,
  ],
  [/^PHYSDEV match((?: (?:! )?--physdev-\S+(?: [^-\s]\S*)?)+)/, (m) => `-m physdev${m[1]}`],
  [/^policy match dir (in|out) pol (!)?\s?(none|ipsec)/, (m) => `-m policy --dir ${m[1]} ${not(m[2])}--pol ${m[3]}`],
  [
    /^STRING match (!)?\s*"(.*?)" ALGO name (\S+)(?: FROM \d+)?(?: TO \d+)?(?: ICASE)?/,
    (m) => `-m string ${not(m[1])}--string ${quoted(m[2])} --algo ${m[3]}`,
  ],
  [/^TIME (.*?)(?=$| {2})/, () => "-m time --datestart listed"],
  [/^quota: (!)?\s?(\d+) bytes/, (m) => `-m quota ${not(m[1])}--quota ${m[2]}`],
  [/^#conn (?:src|dst)\/\d+ (<=|>) (\d+)/, (m) => `-m connlimit --connlimit-${m[1] === ">" ? "above" : "upto"} ${m[2]}`],
];
const RECENT: Readonly<Record<string, string>> = { SET: "set", CHECK: "rcheck", UPDATE: "update", REMOVE: "remove" };

const TARGETS: readonly Phrase[] = [
  [
    /^to:(\S+)(?: random| random-fully| persistent)*/,
    (m, _, t) => (t === "SNAT" ? `--to-source ${m[1]}` : t === "DNAT" ? `--to-destination ${m[1]}` : `--to ${m[1]}`),
  ],
  [/^(?:redir|masq) ports:? (\S+)/, (m) => `--to-ports ${m[1]}`],
  [/^(random-fully|random|persistent)\b/, (m) => `--${m[1]}`],
  [/^reject-with (\S+(?: \S+)?)/, (m) => `--reject-with ${m[1].replace(/ .*/, "")}`],
  [/^(?:CONN)?MARK (set|xset|and|or|xor) (\S+)/, (m) => `--${m[1] === "xset" ? "set-xmark" : `${m[1]}-mark`} ${m[2]}`],
  [/^CONNMARK (save|restore)(?: mask (\S+))?(?: nfmask (\S+) ctmask ~?(\S+))?/, (m) => connmark(m)],
  [/^(?:CT notrack|NOTRACK)\b/, () => "--notrack"],
  [/^CT zone (\d+)/, (m) => `--zone ${m[1]}`],
  [/^CT helper (\S+)/, (m) => `--helper ${m[1]}`],
  [/^LOG flags \d+ level \d+(?: prefix "(.*?)")?/, (m) => (m[1] === undefined ? "--log-level 4" : `--log-prefix ${quoted(m[1])}`)],
  [/^nflog-(prefix|group|range|threshold|size) (?:"(.*?)"|(\S+))/, (m) => `--nflog-${m[1]} ${quoted(m[2] ?? m[3])}`],
  [/^TCPMSS (clamp to PMTU|set \d+)/, (m) => (m[1].startsWith("clamp") ? "--clamp-mss-to-pmtu" : `--set-mss ${m[1].slice(4)}`)],
  [/^DSCP set (0x[0-9a-fA-F]+)/, (m) => `--set-dscp ${m[1]}`],
  [/^TOS set (0x[0-9a-fA-F]+\/0x[0-9a-fA-F]+)/, (m) => `--set-tos ${m[1]}`],
  [/^TTL set to (\d+)/, (m) => `--ttl-set ${m[1]}`],
  [/^TTL (increment|decrement) by (\d+)/, (m) => `--ttl-${m[1] === "increment" ? "inc" : "dec"} ${m[2]}`],
  [/^HL set to (\d+)/, (m) => `--hl-set ${m[1]}`],
  [/^CHECKSUM fill/, () => "--checksum-fill"],
  [/^CLASSIFY set (\S+)/, (m) => `--set-class ${m[1]}`],
  [/^NFQUEUE num (\S+)(?: bypass)?/, (m) => `--queue-num ${m[1]}`],
  [/^TPROXY redirect (\S+?):(\d+) mark (\S+)/, (m) => `--on-ip ${m[1]} --on-port ${m[2]} --tproxy-mark ${m[3]}`],
];

function icmp(v6: boolean, neg: string | undefined, type: string, code: string | undefined): string | null {
  const value = code === undefined ? type : `${type}/${code}`;
  return v6 ? `-m icmp6 ${not(neg)}--icmpv6-type ${value}` : `-m icmp ${not(neg)}--icmp-type ${value}`;
}

function addrtype(m: RegExpExecArray): string {
  const words = ["-m addrtype"];
  for (const part of [m[1], m[2]]) {
    const p = part === undefined ? null : /(!)?(src|dst)-type (!)?(\S+)/.exec(part);
    if (p) words.push(`${not(p[1] ?? p[3])}--${p[2]}-type ${p[4]}`);
  }
  if (m[3]) words.push("--limit-iface-in");
  if (m[4]) words.push("--limit-iface-out");
  return words.join(" ");
}

function ttl(m: RegExpExecArray): string {
  const name = m[1].toLowerCase();
  const how: Readonly<Record<string, string>> = { "==": "eq", "!=": "eq", "<": "lt", ">": "gt" };
  return `-m ${name} ${m[2] === "!=" ? "! " : ""}--${name}-${how[m[2]]} ${m[3]}`;
}

function connmark(m: RegExpExecArray): string {
  if (m[3]) return `--${m[1]}-mark --nfmask ${m[3]} --ctmask ${m[4]}`;
  return `--${m[1]}-mark${m[2] ? ` --mask ${m[2]}` : ""}`;
}

const quoted = (text: string) => `"${text.replace(/(["\\])/g, "\\$1")}"`;

/** The free text as options of matches and of the target; what is left over becomes an option that is not understood. */
function details(text: string, proto: string, target: string): { matches: string[]; targets: string[] } {
  const matches: string[] = [];
  const targets: string[] = [];
  let left = text.trim();
  while (left !== "") {
    const before = left;
    for (const [list, into] of [
      [TARGETS, targets],
      [MATCHES, matches],
    ] as const) {
      for (const [look, options] of list) {
        const m = look.exec(left);
        if (!m || m[0] === "") continue;
        const words = options(m, proto, target);
        if (words) into.push(words);
        left = left.slice(m[0].length).trim();
        break;
      }
      if (left !== before) break;
    }
    if (left === before) {
      matches.push(`-m listed --not-read ${quoted(left)}`);
      break;
    }
  }
  return { matches, targets };
}
