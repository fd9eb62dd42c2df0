/**
 * One `-A` line of iptables as words and option groups, before any of it has a meaning.
 *
 * iptables-save quotes a word with `"` where it holds blanks or quotes, and escapes `"`, `\` and `'` in it
 * (xtables_save_string). An option belongs to the match or target that was named last and knows it; `!` before an option
 * negates it (old dumps have it behind the option: `-s ! 192.0.2.1`).
 */

interface Word {
  readonly text: string;
  /** A quoted word is never an option. */
  readonly quoted: boolean;
}

/** Splits a line; null if a quote is left open. */
export function words(line: string): Word[] | null {
  // Almost all lines hold neither quotes nor escapes.
  if (!/["'\\]/.test(line)) return line.split(/\s+/).flatMap((text) => (text === "" ? [] : [{ text, quoted: false }]));
  const out: Word[] = [];
  let i = 0;
  while (i < line.length) {
    if (/\s/.test(line[i])) {
      i++;
      continue;
    }
    let text = "";
    let quoted = false;
    let open = "";
    for (; i < line.length && (open !== "" || !/\s/.test(line[i])); i++) {
      const c = line[i];
      if (c === "\\" && i + 1 < line.length) text += line[++i];
      else if (open === "" && (c === '"' || c === "'")) {
        open = c;
        quoted = true;
      } else if (c === open) open = "";
      else text += c;
    }
    if (open !== "") return null;
    out.push({ text, quoted });
  }
  return out;
}

export interface Option {
  /** With its dashes: "--dport", "-s". */
  readonly name: string;
  readonly not: boolean;
  readonly args: readonly string[];
}

/** What one `-m NAME` (or `-p NAME`, which loads a match of that name), or the target, was told. */
export interface Group {
  readonly kind: "match" | "target";
  readonly name: string;
  readonly options: Option[];
}

export interface RuleWords {
  readonly chain: string;
  /** -s -d -p -i -o -f. */
  readonly general: readonly Option[];
  readonly matches: readonly Group[];
  /** Null: the rule counts only. `go`: by `-g`. */
  readonly target: (Group & { readonly go: boolean }) | null;
}

const GENERAL: Readonly<Record<string, string>> = {
  "-s": "-s",
  "--source": "-s",
  "--src": "-s",
  "-d": "-d",
  "--destination": "-d",
  "--dst": "-d",
  "-p": "-p",
  "--protocol": "-p",
  "--proto": "-p",
  "-i": "-i",
  "--in-interface": "-i",
  "-o": "-o",
  "--out-interface": "-o",
  "-f": "-f",
  "--fragment": "-f",
  "-4": "-4",
  "--ipv4": "-4",
  "-6": "-6",
  "--ipv6": "-6",
};
/** Options that take exactly one argument, whatever it looks like. */
const ONE_ARGUMENT = new Set([
  "--comment",
  "--log-prefix",
  "--nflog-prefix",
  "--string",
  "--hex-string",
  "--name",
  "--hashlimit-name",
  "--ulog-prefix",
  "--not-read",
]);

const PROTOCOL_OPTIONS = new Set(
  "--sport --source-port --dport --destination-port --tcp-flags --syn --tcp-option --icmp-type --icmpv6-type --chunk-types".split(" "),
);
const PROTOCOL_MATCHES = new Set("tcp udp udplite sctp dccp icmp icmp6 icmpv6 multiport".split(" "));

/** Groups the words behind `-A CHAIN`. A string is what is wrong with them. */
export function groupOptions(chain: string, rest: readonly Word[]): RuleWords | string {
  const general: Option[] = [];
  const matches: Group[] = [];
  let target: (Group & { go: boolean }) | null = null;
  let i = 0;
  const isOption = (w: Word | undefined) => w !== undefined && !w.quoted && (/^-[^\d]/.test(w.text) || w.text === "!");
  while (i < rest.length) {
    let not = false;
    if (rest[i].text === "!" && !rest[i].quoted) {
      not = true;
      if (++i >= rest.length) return "'!' with nothing behind it";
    }
    const word = rest[i++];
    if (word.quoted || !word.text.startsWith("-")) return `'${word.text}' where an option is expected`;
    const name = word.text;
    const args: string[] = [];
    if (ONE_ARGUMENT.has(name)) {
      if (i >= rest.length) return `'${name}' without its value`;
      args.push(rest[i++].text);
    } else {
      if (rest[i]?.text === "!" && !rest[i].quoted && i + 1 < rest.length && !isOption(rest[i + 1])) {
        not = !not;
        i++;
      }
      while (i < rest.length && !isOption(rest[i])) args.push(rest[i++].text);
    }
    if (name === "-m" || name === "--match") {
      if (args.length !== 1) return `'${name}' without the name of a match`;
      matches.push({ kind: "match", name: args[0], options: [] });
      continue;
    }
    if (name === "-j" || name === "--jump" || name === "-g" || name === "--goto") {
      if (args.length !== 1) return `'${name}' without a target`;
      target = { kind: "target", name: args[0], options: [], go: name === "-g" || name === "--goto" };
      continue;
    }
    // iptables-save -c of old prints the counters as an option.
    if (name === "-c" || name === "--set-counters") continue;
    if (Object.hasOwn(GENERAL, name) && target === null) {
      general.push({ name: GENERAL[name], not, args });
      continue;
    }
    const option: Option = { name, not, args };
    if (target !== null) {
      target.options.push(option);
      continue;
    }
    const protocol = general.find((o) => o.name === "-p" && !o.not)?.args[0];
    let group = matches.at(-1);
    // People write `-p tcp -m state --state NEW --dport 22`: the port is the protocol's all the same.
    if (protocol !== undefined && (group === undefined || (PROTOCOL_OPTIONS.has(name) && !PROTOCOL_MATCHES.has(group.name)))) {
      group = matches.find((g) => g.name === protocol);
      if (!group) matches.push((group = { kind: "match", name: protocol, options: [] }));
    }
    if (!group) return `'${name}' without a match or target that it belongs to`;
    group.options.push(option);
  }
  return { chain, general, matches, target };
}
