/**
 * Which output of `ip`, `ss`, `sysctl` or `bridge` a file is: its command taken apart, or, where the name says nothing,
 * the look of its first line.
 */
import type { EvidenceFile } from "@plumbline/model";

type Subject = "link" | "addr" | "route" | "rule" | "neigh" | "nexthop" | "ss" | "sysctl" | "fdb" | "conntrack";

export interface Command {
  readonly subject: Subject;
  /** 0: no family was asked for. */
  readonly family: 0 | 4 | 6;
  readonly json: boolean;
  readonly details: boolean;
  readonly statistics: boolean;
  /** `ip -br`. */
  readonly brief?: boolean;
  /** What stands behind the subject and `show`/`list`. */
  readonly args: readonly string[];
  /** The command names what it is; false where only the contents do. */
  readonly named: boolean;
}

/** `ip` takes any unambiguous beginning of these. */
const OBJECTS: readonly (readonly [Subject, readonly string[]])[] = [
  ["addr", ["address"]],
  ["link", ["link"]],
  ["route", ["route"]],
  ["rule", ["rule"]],
  ["neigh", ["neighbour", "neighbor"]],
  ["nexthop", ["nexthop"]],
];
/** The shortest forms that iproute2 itself takes for one of them. */
const SHORT: Readonly<Record<string, Subject>> = { a: "addr", l: "link", r: "route", ru: "rule", n: "neigh", nei: "neigh", nex: "nexthop" };

function object(word: string): Subject | null {
  if (word in SHORT) return SHORT[word];
  for (const [subject, names] of OBJECTS) if (word.length > 1 && names.some((n) => n.startsWith(word))) return subject;
  return null;
}

function ipCommand(words: readonly string[]): Command | null {
  let family: 0 | 4 | 6 = 0;
  let json = false;
  let details = false;
  let statistics = false;
  let brief = false;
  let i = 0;
  for (; i < words.length && words[i].startsWith("-"); i++) {
    const o = words[i].replace(/^--?/, "");
    if (o === "4") family = 4;
    else if (o === "6") family = 6;
    else if ("json".startsWith(o)) json = true;
    else if ("details".startsWith(o)) details = true;
    else if ("stats".startsWith(o) || "statistics".startsWith(o)) statistics = true;
    else if ("brief".startsWith(o) && o.length > 1) brief = true;
    else if (o === "f" || o === "family") {
      const f = words[++i];
      if (f === "inet") family = 4;
      else if (f === "inet6") family = 6;
      else return null;
    } else if (o === "n" || o === "netns") i++;
  }
  const subject = i < words.length ? object(words[i]) : null;
  // Of links, the brief form leaves out what is wanted of them.
  if (!subject || (brief && (subject !== "addr" || json))) return null;
  const args = words.slice(i + 1);
  if (["show", "list", "lst", "ls", "s", "l", "sh"].includes(args[0])) args.shift();
  else if (args[0] === "get" || args[0] === "save") return null;
  return { subject, family, json, details, statistics, ...(brief ? { brief } : {}), args, named: true };
}

/** `conntrack -L` lists connections; expectations, counters and XML are something else. */
function conntrackCommand(words: readonly string[]): Command | null {
  if (!words.some((w) => w === "-L" || w === "--dump") || words.some((w) => /^(expect|dying|unconfirmed|xml)$|[,]?xml/.test(w)))
    return null;
  const args = words.filter((w) => w !== "-L" && w !== "--dump" && w !== "conntrack");
  return { subject: "conntrack", family: 0, json: false, details: false, statistics: false, args, named: true };
}

/** What of its options selects a part of the connections: those of output change the form alone. */
export function selectedConnections(args: readonly string[]): string {
  return args
    .join(" ")
    .replace(/(^| )(-o|--output) \S+/g, "")
    .replace(/(^| )-z(?= |$)/g, "")
    .trim();
}

/** The look of a first line, for files whose name says nothing. */
const LOOKS: readonly (readonly [RegExp, Subject])[] = [
  [/^\d+: [^\s:]+: <[A-Z_,-]*> mtu \d/, "link"],
  [/^\d+:\s+(not )?from \S+ .*lookup \S/, "rule"],
  [/^((unicast|local|broadcast|blackhole|unreachable|prohibit|throw) )?(default|[0-9a-f.:]+(\/\d+)?) (via \S+ )?dev \S/, "route"],
  [/^(default|blackhole default|[\d.]+(\/\d+)?) (via|proto|nhid) /, "route"],
  [/^Netid\s+State\s+Recv-Q/, "ss"],
  [/^net\.(ipv[46]|core|netfilter)\.\S+ = /, "sysctl"],
];

const NEIGHBOUR_LINE = /^[0-9a-f.:]+ dev \S+ (lladdr \S+ )?.*(REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NOARP|PERMANENT)\s*$/m;

function byLook(file: EvidenceFile): Command | null {
  // More than any host prints: not worth decoding for a guess.
  if (file.size > 4_000_000 || file.size === 0) return null;
  const head = file.text().slice(0, 2000);
  const as = (subject: Subject): Command => ({
    subject,
    family: 0,
    json: false,
    details: false,
    statistics: false,
    args: [],
    named: false,
  });
  if (NEIGHBOUR_LINE.test(head.split("\n", 1)[0])) return as("neigh");
  for (const [look, subject] of LOOKS)
    if (look.test(head)) return as(subject === "link" && /^\s+inet6? /m.test(file.text().slice(0, 20_000)) ? "addr" : subject);
  return null;
}

/** What `file` is of ours, or null. */
export function commandOf(file: EvidenceFile): Command | null {
  const words = file.command.split(/\s+/).filter(Boolean);
  const tool = (words.shift() ?? "").replace(/^.*\//, "");
  switch (tool) {
    case "ip":
      return ipCommand(words);
    case "ss":
      return { subject: "ss", family: 0, json: false, details: false, statistics: false, args: words, named: true };
    case "sysctl":
      return { subject: "sysctl", family: 0, json: false, details: false, statistics: false, args: words, named: true };
    case "conntrack":
      return conntrackCommand(words);
    // /proc/net/nf_conntrack, which a file's name turns into two words.
    case "cat":
    case "nf":
    case "nf_conntrack":
      if (/(^|\/|\s)nf[_ ]conntrack$/.test(file.command)) return conntrackCommand(["-L", "-o", "extended"]);
      return byLook(file);
    case "bridge": {
      const json = words.some((w) => /^-j/.test(w));
      const rest = words.filter((w) => !w.startsWith("-"));
      return rest[0] === "fdb"
        ? { subject: "fdb", family: 0, json, details: false, statistics: false, args: rest.slice(1), named: true }
        : null;
    }
    default:
      // A name that says another tool is believed.
      return /^(ovs|ovn|vtysh|ovsdb|iptables|ip6tables|nft|conntrack|kubectl|oc|crictl)/.test(tool) ? null : byLook(file);
  }
}

/** The one table that `ip route show table T` asked for; "all", or "main" if none was named. */
export function routeTable(args: readonly string[]): string {
  const at = args.indexOf("table");
  return at >= 0 ? tableName(args[at + 1] ?? "main") : "main";
}

/** Tables by the names that iproute2 gives to the fixed numbers. */
export function tableName(text: string): string {
  switch (text) {
    case "255":
      return "local";
    case "254":
      return "main";
    case "253":
      return "default";
    case "0":
      return "all";
    default:
      return text;
  }
}
