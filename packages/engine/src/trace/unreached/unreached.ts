/**
 * Rules that speak of where the packet is going and are not on its path: present, never reached.
 *
 * A node's DNAT rule for an address looks as if it translated the packet; where the switch before it sends the packet elsewhere, it never
 * sees it. Of a branch this collects the rules that name the packet's destination as it was at some point of the way (before and after
 * translations, outside of tunnels), whose header conditions hold, and that no event of the run hit; each with why.
 */
import { type Annotator, type EvidenceLink, type Network, packetText, type Row, type Rule, type Table } from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { translations } from "../../explain/concern.js";
import { addressText } from "../../explain/fields.js";
import { uniqueLinks } from "../../explain/rules.js";
import { rulesAbout } from "./by-destination.js";
import { type Reason, type ReasonKind, reasonFor } from "./reason.js";
import { placeOf, type Way } from "./way.js";

/** A rule as evidence, and where it stands. */
export interface PlacedRule {
  readonly device: string;
  readonly node: string;
  /** Kind of decision, and the table: "netfilter nat PREROUTING". */
  readonly stage: string;
  readonly rule: { readonly text: string; readonly file: string; readonly line: number };
}

export interface UnreachedRule extends PlacedRule {
  /** The packet that it speaks of. */
  readonly packet: string;
  readonly reason: Exclude<ReasonKind, "hit">;
  readonly why: string;
  /** The rule that took the packet elsewhere, or was preferred; null where no single one did. */
  readonly by: PlacedRule | null;
  /** Where it would send the packet. */
  readonly to: readonly string[];
  readonly links: readonly EvidenceLink[];
}

export interface Unreached {
  /** The most telling first. */
  readonly rules: readonly UnreachedRule[];
  /** How many more there are, by node (or host, or device) and reason. */
  readonly more: readonly { readonly on: string; readonly reason: UnreachedRule["reason"]; readonly rules: number }[];
}

/** Rules told of one branch; the others are counted. */
const MOST = 24;
/** Of the nodes that are not on the path. */
const MOST_ELSEWHERE = 8;

/** What an engineer asks about first. */
const RANK: Readonly<Record<ReasonKind, number>> = {
  "not-there": 0,
  preferred: 1,
  ended: 2,
  "not-asked": 3,
  "no-match": 4,
  translated: 5,
  "other-node": 6,
  hit: 9,
};
const STAGE_RANK = ["netfilter", "openflow", "fib", "policy", "logical"];

interface Found {
  readonly rule: Rule;
  readonly table: Table;
  readonly row: Row;
  readonly reason: Reason;
  /** Which of the packet's forms it speaks of. */
  readonly form: number;
}

/** @param told lines of evidence that are told otherwise */
export function unreachedOn(way: Way, annotators: readonly Annotator[], told: ReadonlySet<string>): Unreached {
  const { net } = way;
  const hosts = new Set(way.visits.map((v) => v.device.host));
  const found = new Map<string, Found>();
  const more = new Map<string, { on: string; reason: UnreachedRule["reason"]; rules: number }>();
  const count = (table: Table, reason: ReasonKind) => {
    const d = net.devices[table.device];
    const on = d.node || d.host || d.name;
    const known = more.get(`${on} ${reason}`);
    if (known) known.rules++;
    else more.set(`${on} ${reason}`, { on, reason: reason as UnreachedRule["reason"], rules: 1 });
  };
  const beyond = new Set<string>();
  let others = 0;
  for (const [n, form] of way.forms.entries())
    for (const rule of rulesAbout(net, form.row)) {
      const place = placeOf(rule);
      if (way.hit.has(place) || told.has(place) || beyond.has(place)) continue;
      const table = net.tables[rule.table];
      const { host } = net.devices[table.device];
      // There may be very many nodes, and the reason is the same for each rule of one.
      if (host !== "" && !hosts.has(host) && !found.has(place) && others++ >= MOST_ELSEWHERE) {
        beyond.add(place);
        count(table, "other-node");
        continue;
      }
      const reason = reasonFor(way, rule, form);
      const known = found.get(place);
      if (!known || RANK[reason.kind] < RANK[known.reason.kind])
        found.set(place, { rule, table, row: form.row, reason, form: known?.form ?? n });
    }
  const sorted = [...found.values()].sort(
    (a, b) =>
      RANK[a.reason.kind] - RANK[b.reason.kind] ||
      a.form - b.form ||
      STAGE_RANK.indexOf(a.table.stage) - STAGE_RANK.indexOf(b.table.stage) ||
      a.rule.id - b.rule.id,
  );
  for (const f of sorted.slice(MOST)) count(f.table, f.reason.kind);
  return { rules: sorted.slice(0, MOST).map((f) => toldRule(net, f, annotators)), more: [...more.values()] };
}

function toldRule(net: Network, { rule, table, row, reason }: Found, annotators: readonly Annotator[]): UnreachedRule {
  const device = net.devices[table.device];
  return {
    ...placed(net, rule, table),
    packet: packetText(row),
    reason: reason.kind as UnreachedRule["reason"],
    why: withDatapaths(net, rule, reason, annotators),
    by: byOf(net, reason),
    to: [
      ...new Set(
        translations(rule.program).map((t) => (t.port === 0 ? addressText(t.address) : addressPort(addressText(t.address), t.port))),
      ),
    ],
    links: uniqueLinks(annotators.flatMap((a) => [...a(rule, device)])),
  };
}

/** OVN's datapaths by their names, where the evidence has them, in place of their keys in `metadata`. */
export function withDatapaths(net: Network, rule: Rule, { why, conditions, instead }: Reason, annotators: readonly Annotator[]): string {
  const key = conditions.find((c) => c.field === "metadata");
  if (!key || !instead) return why;
  const of = (r: Rule) =>
    annotators.flatMap((a) => [...a(r, net.devices[net.tables[r.table].device])]).find((l) => l.kind === "lflow" && l.datapath)?.datapath;
  const [wants, is] = [of(rule), of(instead)];
  if (wants === undefined || is === undefined) return why;
  return why.replace(`metadata is ${key.is}, it wants ${key.wants}`, `the packet is in ${is} there, the rule is of ${wants}`);
}

/** A rule and where it stands; of a table's end, the line that says what is done there. */
export function placed(net: Network, rule: Rule | null, table: Table): PlacedRule {
  const device = net.devices[table.device];
  const origin = rule ? rule.origin : table.missOrigin;
  return {
    device: device.name,
    node: device.node,
    stage: `${table.stage} ${table.name}`,
    rule: { text: origin?.text ?? "", file: origin?.file ?? "", line: origin?.line ?? 0 },
  };
}

/** The other rule of a reason as evidence; null where it has none. */
export function byOf(net: Network, { by }: Reason): PlacedRule | null {
  const told = by ? placed(net, by.rule, by.table) : null;
  return told && told.rule.file !== "" ? told : null;
}
