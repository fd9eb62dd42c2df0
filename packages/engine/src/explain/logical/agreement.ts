/**
 * Logical against physical: whether the flows that a switch has are those that follow from the evidence they are made of.
 *
 * The network is built once more with derived flows in place of the switches' own; then rules are held against rules by table,
 * priority and match: what they do (groups with every bucket) and whose cookie they carry. Flows that a packet taught (`learn`) follow
 * from no row and are not judged.
 */
import { type Device, type EvidenceLink, type Network, PlumblineError, type Rule } from "@plumbline/model";
import { type BuiltNetwork, buildNetwork } from "../../network/build.js";
import type { Snapshot } from "../../snapshot/index.js";
import { type PlainRule, plainRules } from "./rules.js";

export interface FlowText {
  text: string;
  file: string;
  line: number;
}

/** One way in which a switch and what it should be made of do not agree. */
export interface LogicalFinding {
  /**
   * missing: a row asks for a flow that the switch has not. extra: the row that a flow's cookie names asks for none such.
   * unnamed: no row of the database has the flow's cookie. different: the same match, other actions. group: the same, and the
   * actions lead to groups with other buckets. cookie: another row's.
   */
  kind: "missing" | "extra" | "unnamed" | "different" | "group" | "cookie";
  /** In a sentence. */
  what: string;
  table: number;
  /** As the switch has it; null if it has none. */
  openflow: FlowText | null;
  /** What it should be made of; null if nothing asks for it. */
  logical: (FlowText & { openflow: string }) | null;
  links: readonly EvidenceLink[];
}

export interface SwitchAgreement {
  device: string;
  host: string;
  node: string;
  /** Flows that the switch has. */
  flows: number;
  /** Flows that both have alike. */
  agree: number;
  /** Flows in tables that packets teach. */
  learned: number;
  findings: LogicalFinding[];
}

export interface LogicalAgreement {
  schema: "plumbline.logical/1";
  switches: SwitchAgreement[];
  /** Switches that are not compared, and why. */
  left: { device: string; why: string }[];
}

/** @param only name of a device, host or node; undefined for all. Throws PlumblineError if there is nothing to compare. */
export function logicalAgreement(snapshot: Snapshot, built: BuiltNetwork, only?: string): LogicalAgreement {
  const other = buildNetwork(snapshot.facts, snapshot.plugins, "always");
  const out: LogicalAgreement = { schema: "plumbline.logical/1", switches: [], left: [] };
  const linksOf = annotating(snapshot);
  for (const logical of other.net.devices) {
    if (!isDerived(other.net, logical) || (only !== undefined && !isCalled(logical, only))) continue;
    const physical = built.net.devices.find((d) => d.name === logical.name);
    if (!physical || isDerived(built.net, physical)) out.left.push({ device: logical.name, why: "its OpenFlow flows are not in evidence" });
    else if (isUnsure(built.net, physical))
      out.left.push({ device: logical.name, why: "only a part of its OpenFlow flows is in evidence" });
    else out.switches.push(compare(built.net, physical, other.net, logical, linksOf));
  }
  nameElsewhere(out.switches);
  if (out.switches.length + out.left.length > 0) return out;
  throw new PlumblineError("USAGE", [
    only === undefined ? "no switch's flows follow from other evidence." : `'${only}' is no switch whose flows follow from other evidence.`,
    "A southbound database with Port_Binding and Chassis is wanted: ovsdb-client -f json dump unix:/var/run/ovn/ovnsb_db.sock OVN_Southbound",
  ]);
}

export const rulesOf = (net: Network, d: Device): readonly Rule[] => net.tables.flatMap((t) => (t.device === d.id ? t.rules : []));
export const isDerived = (net: Network, d: Device): boolean => d.kind === "bridge" && rulesOf(net, d).some((r) => r.derived !== undefined);
/** A packet that no flow matches is not dropped there, but unknown. */
const isUnsure = (net: Network, d: Device) => net.tables.some((t) => t.device === d.id && t.miss.some((a) => a.op === "unknown"));
const isCalled = (d: Device, name: string) => [d.name, d.host, d.node, ...d.aliases].includes(name);

type LinksOf = (rule: Rule, device: Device) => readonly EvidenceLink[];

function annotating(snapshot: Snapshot): LinksOf {
  const annotators = snapshot.plugins.flatMap((p) => (p.annotator ? [p.annotator(snapshot.facts)] : []));
  return (rule, device) => annotators.flatMap((a) => a(rule, device));
}

function compare(physicalNet: Network, physical: Device, logicalNet: Network, logical: Device, linksOf: LinksOf): SwitchAgreement {
  const has = plainRules(physicalNet, physical);
  const wants = plainRules(logicalNet, logical);
  const taught = taughtTables([...rulesOf(physicalNet, physical), ...rulesOf(logicalNet, logical)]);
  const of = (rules: Map<string, PlainRule[]>) => new Map([...rules].filter(([, [r]]) => !taught.has(r.table)));
  const [own, wanted] = [of(has), of(wants)];
  const findings: LogicalFinding[] = [];
  const finding = (kind: LogicalFinding["kind"], what: string, there: Rule | null, here: Rule | null, table: string) => {
    const links = there ? linksOf(there, physical) : here ? linksOf(here, logical) : [];
    findings.push({ kind, what, table: Number(table), openflow: there && textOf(there), logical: here && wantedText(here), links });
  };
  let agree = 0;
  const extra: PlainRule[] = [];
  for (const [key, [flow]] of own) {
    const same = wanted.get(key);
    if (!same) extra.push(flow);
    else if (same.some((w) => w.body === flow.body && w.rule.cookie === flow.rule.cookie)) agree++;
    else {
      const [kind, what] = differing(flow.rule, same);
      finding(kind, what, flow.rule, (same.find((w) => w.rule.cookie === flow.rule.cookie) ?? same[0]).rule, flow.table);
    }
  }
  const missing = [...wanted].filter(([key]) => !own.has(key)).map(([, [w]]) => w);
  for (const flow of extra) {
    // The same row's flow of the same table, with another match or priority.
    const at = missing.findIndex((w) => w.table === flow.table && w.rule.cookie === flow.rule.cookie && w.body === flow.body);
    const moved = at < 0 ? undefined : missing.splice(at, 1)[0];
    const named = linksOf(flow.rule, physical).some((l) => l.kind !== "group");
    const cookie = `0x${(flow.rule.cookie ?? 0n).toString(16)}`;
    if (moved)
      finding(
        "different",
        `the flow's match or priority is not what the row of its cookie ${cookie} asks for`,
        flow.rule,
        moved.rule,
        flow.table,
      );
    else if (named)
      finding(
        "extra",
        `the row of its cookie ${cookie} asks for no such flow: it is stale, or was added by hand`,
        flow.rule,
        null,
        flow.table,
      );
    else
      finding(
        "unnamed",
        `no row of the southbound database begins with its cookie ${cookie}: the flow is stale, or the row is missing`,
        flow.rule,
        null,
        flow.table,
      );
  }
  for (const w of missing) finding("missing", "the switch has no flow for it", null, w.rule, w.table);
  const learned = [...has].filter(([, [r]]) => taught.has(r.table)).length;
  findings.sort((a, b) => a.table - b.table);
  return { device: physical.name, host: physical.host, node: physical.node, flows: has.size, agree, learned, findings };
}

function differing(flow: Rule, wanted: readonly PlainRule[]): [LogicalFinding["kind"], string] {
  const same = wanted.find((w) => w.rule.cookie === flow.cookie);
  const group = /\bgroup:(\d+)/.exec(flow.origin?.text ?? "")?.[1];
  if (!same) return ["cookie", `the flow has the cookie 0x${(flow.cookie ?? 0n).toString(16)}, and another row asks for it`];
  if (group !== undefined && /\bgroup:\d+/.test(same.rule.derived ?? ""))
    return ["group", `the buckets of group ${group}, or what else the flow does, are not what is asked for`];
  return ["different", "the flow's actions are not what is asked for"];
}

/** Tables that flows add to. */
export function taughtTables(rules: readonly Rule[]): Set<string> {
  const out = new Set<string>();
  for (const r of rules) for (const m of (r.derived ?? r.origin?.text ?? "").matchAll(/\blearn\(table=(\d+)/g)) out.add(m[1]);
  return out;
}

function textOf(r: Rule): FlowText {
  return { text: r.origin?.text ?? "", file: r.origin?.file ?? "", line: r.origin?.line ?? 0 };
}
function wantedText(r: Rule): FlowText & { openflow: string } {
  return { ...textOf(r), openflow: r.derived ?? "" };
}

/** What no database knows and several switches have was a row once that is gone; what one switch has is more likely stale. */
function nameElsewhere(switches: readonly SwitchAgreement[]): void {
  const count = new Map<string, number>();
  const key = (f: LogicalFinding) => /\bcookie=(0x[0-9a-f]+)/.exec(f.openflow?.text ?? "")?.[1] ?? "";
  for (const s of switches)
    for (const k of new Set(s.findings.filter((f) => f.kind === "unnamed").map(key))) count.set(k, (count.get(k) ?? 0) + 1);
  for (const s of switches)
    for (const f of s.findings) {
      const n = f.kind === "unnamed" ? (count.get(key(f)) ?? 0) : 0;
      if (n > 1) f.what += ` (${n} switches have it: the row is missing)`;
    }
}
