/**
 * Hops as lines, under the device they happen on: stage, deciding rule, file:line, what changed, and
 * names, one line a hop.
 *
 *     master-02-demo
 *         stage                 rule, shortened in the middle        file:line  field a -> b  names
 *       ~ neighbours            192.0.2.7 dev br-ex lladdr …         …/ip_neigh:3  (inferred: …)
 *
 * The mark before the stage is the certainty: none for proven, `~` inferred, `?` assumed; the reason ends the line. The
 * rule takes what the width leaves; file:line is never cut, so that it can be copied. Columns are those of the whole trace,
 * so that branches compare.
 */
import type { EvidenceLink, Hop } from "@plumbline/engine";
import { type Look, type Paint, shorten } from "./style.js";

/** Widths of the columns of one trace. */
export interface Columns {
  readonly stage: number;
  readonly rule: number;
}

const MARK = { proven: " ", inferred: "~", assumed: "?" } as const;
const RULE_LEAST = 60;
const RULE_MOST = 110;
/** Room for file:line and a name behind the rule. */
const TAIL = 56;

export function columnsOf(hops: readonly Hop[], look: Look): Columns {
  // There may be more hops than a call takes arguments.
  const stage = Math.min(
    30,
    hops.reduce((w, h) => Math.max(w, stageOf(h).length), 0),
  );
  const widest = hops.reduce((w, h) => Math.max(w, ruleText(h).length), 0);
  const free = look.width - stage - TAIL - 8;
  return { stage, rule: Math.min(widest, Math.max(RULE_LEAST, Math.min(RULE_MOST, free))) };
}

/**
 * Whether a hop tells something: it changed or chose, is not proven, applies an object with a name, or ends the walk. The
 * rest are tables that a packet passes through.
 */
function tells(h: Hop): boolean {
  if (h.choice !== undefined || (h.certainty !== "proven" && !standsIn(h))) return true;
  if (h.links.some((l) => APPLIED.has(l.kind))) return true;
  if (seenChanges(h).length > 0) return true;
  // A dumped connection that was found.
  if (h.stage.endsWith(" conntrack") && h.rule.file !== "") return true;
  if (/^(openflow|logical|policy|hook) /.test(h.stage) || h.rule.file === "") return false;
  // A chain that ends without a decision.
  return !(h.stage.startsWith("netfilter ") && /^:\S+ ACCEPT\b|\bpolicy accept;/.test(h.rule.text));
}
/** A logical flow in place of the OpenFlow that it becomes: inferred, and no news after the first. */
const standsIn = (h: Hop) => h.stage.startsWith("logical ") && h.certainty === "inferred";
const APPLIED: ReadonlySet<string> = new Set(["service", "load_balancer", "network_policy", "acl", "nat", "conntrack"]);

/** Lines of a walk: with `all`, one a hop; else tables that tell nothing are counted, device by device. */
export function hopLines(hops: readonly Hop[], c: Columns, paint: Paint, all: boolean): string[] {
  const lines: string[] = [];
  let quiet: Hop[] = [];
  const flush = () => {
    // One table with evidence takes no more room than a line that counts it.
    if (quiet.length === 0 || (quiet.length === 1 && quiet[0].rule.file !== "")) lines.push(...quiet.map((h) => hopLine(h, c, paint)));
    else lines.push(paint("faint", `      ${quietText(quiet)}`));
    quiet = [];
  };
  for (const [i, h] of hops.entries()) {
    const enters = h.device !== hops[i - 1]?.device;
    if (enters) {
      flush();
      lines.push(`  ${paint("heading", h.device)}${h.node !== "" && !h.device.includes(h.node) ? paint("faint", ` on ${h.node}`) : ""}`);
    }
    // A switch shows the flow that took the packet in.
    const first = enters && /^(openflow|logical) /.test(h.stage);
    if (all || first || i === hops.length - 1 || tells(h)) {
      flush();
      lines.push(hopLine(!enters && standsIn(h) ? { ...h, why: "" } : h, c, paint));
    } else quiet.push(h);
  }
  flush();
  return lines;
}

/** "3 more that change nothing: openflow 9 ls_in_apply_port_sec to openflow 11 ls_in_put_fdb". */
function quietText(hops: readonly Hop[]): string {
  const [first, last] = [stageOf(hops[0]), stageOf(hops[hops.length - 1])];
  return `${hops.length} more that ${hops.length === 1 ? "changes" : "change"} nothing: ${first === last ? first : `${first} to ${last}`}`;
}

export function hopLine(h: Hop, c: Columns, paint: Paint): string {
  const cells = [
    `    ${h.certainty === "proven" ? MARK.proven : paint("doubt", MARK[h.certainty])} ${shorten(stageOf(h), c.stage).padEnd(c.stage)}`,
    shorten(ruleText(h), c.rule).padEnd(c.rule),
    paint("faint", placeOf(h)),
  ];
  const tail = [
    changesOf(h, paint),
    h.choice === undefined ? "" : paint("heading", `[${h.choice}]`),
    namesOf(h.links, paint),
    doubtOf(h, paint),
  ];
  return `${cells.join("  ")}  ${tail.filter(Boolean).join("  ")}`.trimEnd();
}

/** The table, and the logical stage where the rule has one. */
export function stageOf(h: Hop): string {
  const logical = h.links.find((l) => l.kind === "lflow" && l.stage !== undefined)?.stage;
  // "neighbour neighbours" says it once too often.
  const stage = h.stage.replace(/^(\w+) (?=\1)/, "");
  return logical === undefined || stage.endsWith(` ${logical}`) ? stage : `${stage} ${logical}`;
}

export function placeOf(h: Hop): string {
  return h.rule.file === "" ? "" : `${h.rule.file}${h.rule.line > 0 ? `:${h.rule.line}` : ""}`;
}

/** How a flow's line begins: cookie and table have columns of their own, times and counters decide nothing. */
const FLOW_HEAD = /^cookie=[^,]+, (?:duration=[^,]+, )?(?:table=[^,]+, )?(?:(?:n_packets|n_bytes|idle_age|hard_age)=[^,\s]+, )*/;

/** A rule's text on one line, without what columns of their own tell. */
export function ruleTextOf(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/^\[\d+:\d+\] /, "")
    .replace(FLOW_HEAD, "… ");
}

/** The rule as it stands in the evidence; what only the lowering knows, in brackets. */
export function ruleText(h: Hop): string {
  const text = ruleTextOf(h.rule.text);
  return text === "" ? (h.why === "" ? "" : `(${h.why})`) : text;
}

function doubtOf(h: Hop, paint: Paint): string {
  // Where there is no rule's text, the reason stands in its column.
  const why = h.rule.text.trim() === "" ? "" : h.why;
  if (h.certainty === "proven") return why === "" ? "" : paint("faint", `(${shorten(why, 100)})`);
  return paint("doubt", why === "" ? `(${h.certainty})` : `(${h.certainty}: ${why})`);
}

/** Names of Kubernetes first; a logical flow by the beginning of its UUID. */
const KINDS = ["conntrack", "service", "pod", "node", "network_policy", "load_balancer", "acl", "nat", "lflow"];

/** Names of what the links lead to, those of Kubernetes first. */
export function namesOf(links: readonly EvidenceLink[], paint: Paint): string {
  const names: string[] = [];
  for (const kind of KINDS)
    for (const l of links.filter((x) => x.kind === kind)) {
      const name = l.kind === "lflow" ? (l.uuid ?? "").slice(0, 8) : (l.name ?? "");
      const text = name === "" ? "" : `${kind.replace("_", " ")} ${name}`;
      if (text !== "" && !names.includes(text)) names.push(text);
    }
  return paint("name", names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? `, +${names.length - MOST_NAMES}` : ""));
}
const MOST_NAMES = 3;

/** Registers and other scratch of a device say nothing to somebody on call; JSON has them. */
const SCRATCH = /^(x*reg\d+|metadata|in_port|out_port|conj_id|nexthop|ct_.*|recirc_id|dp_hash|uid|tun_.*|pkt_mark|packet_len)$/;
/** Short names as they are said. */
const SHORT: Readonly<Record<string, string>> = {
  ip_src: "src",
  ip_dst: "dst",
  ipv6_src: "src",
  ipv6_dst: "dst",
  tp_src: "sport",
  tp_dst: "dport",
  ip_ttl: "ttl",
  eth_src: "mac src",
  eth_dst: "mac dst",
};

/** Changes of the packet itself. */
function seenChanges(h: Hop): Hop["changes"] {
  return h.changes.filter((c) => !SCRATCH.test(c.field));
}

function changesOf(h: Hop, paint: Paint): string {
  const seen = seenChanges(h);
  // A TTL or a MAC that changes says "routed": it is worth a word only where nothing else changed.
  const telling = seen.filter((c) => !/^(ip_ttl|eth_src|eth_dst|tcp_flags)$/.test(c.field));
  const shown = telling.length > 0 ? telling : seen;
  return paint("change", shown.map((c) => `${SHORT[c.field] ?? c.field} ${c.before} -> ${c.after}`).join(", "));
}
