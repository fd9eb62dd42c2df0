/** What random tables asked of the switch: each match field and each action, how often in rules, and how often in rules that were hit. */
import { MATCH_FIELDS } from "./fields.js";
import { type FlowSpec, type GroupSpec, split, type TableSet } from "./tables.js";
import type { Thread } from "./trace-text.js";

export interface Count {
  /** Rules that have it. */
  rules: number;
  /** Of these, rules that were hit. */
  met: number;
  /** Hits. */
  hits: number;
}

/** Match fields that every long run must meet. */
const FIELDS_TO_MEET: readonly string[] = [...MATCH_FIELDS.map((f) => f.name), "conj_id"];
/** Actions that every long run must meet. */
const ACTIONS_TO_MEET: readonly string[] = [
  ...["output", "output to a register's port", "output with max_len", "output to no port", "output to a patch port", "output to a tunnel"],
  ...["IN_PORT", "LOCAL", "FLOOD", "ALL", "NORMAL", "controller", "enqueue", "set_queue", "pop_queue", "drop"],
  ...["resubmit", "resubmit as port", "resubmit ct", "goto_table", "write_actions", "clear_actions", "write_metadata", "meter"],
  ...[
    "set_field",
    "set_field masked",
    "load",
    "move",
    "push",
    "pop",
    "dec_ttl",
    "dec_ttl ids",
    "mod_dl_src",
    "mod_dl_dst",
    "mod_nw_src",
    "mod_nw_dst",
  ],
  ...[
    "mod_nw_tos",
    "mod_nw_ecn",
    "mod_nw_ttl",
    "mod_tp_src",
    "mod_tp_dst",
    "mod_vlan_vid",
    "mod_vlan_pcp",
    "strip_vlan",
    "push_vlan",
    "set_tunnel",
    "set_tunnel64",
  ],
  ...[
    "push_mpls",
    "pop_mpls",
    "set_mpls_label",
    "set_mpls_tc",
    "set_mpls_ttl",
    "dec_mpls_ttl",
    "encap",
    "decap",
    "dec_nsh_ttl",
    "delete_field",
  ],
  ...[
    "ct",
    "ct commit",
    "ct force",
    "ct table",
    "ct zone",
    "ct zone from a field",
    "ct nat",
    "ct nat src",
    "ct nat dst",
    "ct exec",
    "ct alg",
    "ct_clear",
  ],
  ...["group all", "group indirect", "group select", "group select dp_hash", "group select hash", "group fast_failover"],
  ...["learn", "conjunction", "clone", "check_pkt_larger", "multipath", "bundle", "bundle_load", "sample", "note", "exit", "fin_timeout"],
];

/** Names under which a rule's actions are counted. */
function actionNames(actions: readonly string[], groups: readonly GroupSpec[], bridge: string): string[] {
  if (actions.length === 0) return ["drop"];
  return actions.flatMap((text) => {
    const name = /^[A-Za-z_0-9]+/.exec(text)?.[0] ?? text;
    const inside = /^[a-z_]+\((.*)\)$/s.exec(text)?.[1];
    switch (name) {
      case "output":
        if (text.includes("max_len")) return ["output with max_len"];
        if (/reg/i.test(text)) return ["output to a register's port"];
        if (text === "output:99") return ["output to no port"];
        if (bridge === "br3" && /:2\d$/.test(text)) return ["output", "output to a tunnel"];
        return bridge !== "br3" && /:1\d$/.test(text) ? ["output", "output to a patch port"] : ["output"];
      case "in_port":
        return ["IN_PORT"];
      case "resubmit":
        return [/,ct\)$/.test(text) ? "resubmit ct" : /^resubmit\(\d/.test(text) ? "resubmit as port" : "resubmit"];
      case "set_field":
        return text.slice(0, text.indexOf("->")).includes("/") ? ["set_field", "set_field masked"] : ["set_field"];
      case "dec_ttl":
        return [inside ? "dec_ttl ids" : "dec_ttl"];
      case "clone":
      case "write_actions":
        return [name, ...actionNames(split(inside ?? ""), groups, bridge)];
      case "ct":
        return ["ct", ...split(inside ?? "").flatMap(ctNames)];
      case "group":
        return groupNames(groups, Number(text.slice("group:".length)), bridge);
      default:
        return [name];
    }
  });
}
function ctNames(arg: string): string[] {
  if (arg.startsWith("zone=")) return ["ct zone", ...(/[a-z]/i.test(arg.slice(5)) ? ["ct zone from a field"] : [])];
  if (arg.startsWith("nat(")) return ["ct nat", arg.startsWith("nat(src") ? "ct nat src" : "ct nat dst"];
  return [`ct ${/^[a-z]+/.exec(arg)![0]}`];
}
function groupNames(groups: readonly GroupSpec[], id: number, bridge: string): string[] {
  const g = groups.find((x) => x.id === id);
  if (!g) return [];
  const method = g.keys.find((k) => k.startsWith("selection_method="))?.slice("selection_method=".length);
  return [
    `group ${g.type}`,
    ...(method ? [`group select ${method}`] : []),
    ...g.buckets.flatMap((b) =>
      actionNames(
        b.actions,
        groups.filter((x) => x.id < id),
        bridge,
      ),
    ),
  ];
}
function fieldNames(f: FlowSpec): string[] {
  return f.match.flatMap((m) => (m.includes("=") ? [m.slice(0, m.indexOf("="))] : []));
}

export class Coverage {
  readonly fields = new Map<string, Count>();
  readonly actions = new Map<string, Count>();
  /** Fields that actions write. */
  readonly writes = new Map<string, Count>();
  rules = 0;
  met = 0;

  /** Counts a set whose rules were hit as often as `hits` says, by cookie. */
  add(set: TableSet, hits: ReadonlyMap<number, number>): void {
    for (const b of set.bridges)
      for (const f of b.flows) {
        // Clauses are met where the whole is, which has a rule of its own.
        const whole = f.actions.some((a) => a.startsWith("conjunction")) ? wholeOf(b.flows, f) : f;
        const n = whole ? (hits.get(whole.cookie) ?? 0) : 0;
        this.rules++;
        if (n > 0) this.met++;
        count(this.fields, fieldNames(f), n);
        count(this.actions, new Set(actionNames(f.actions, b.groups, b.name)), n);
        count(this.writes, new Set(f.actions.flatMap((a) => [...a.matchAll(/->([a-zA-Z_0-9]+)/g)].map((m) => m[1]))), n);
      }
  }
  /** What of the lists above was never met. */
  get missing(): string[] {
    const none = (m: ReadonlyMap<string, Count>) => (name: string) => !m.get(name)?.hits;
    return [
      ...FIELDS_TO_MEET.filter(none(this.fields)).map((f) => `field ${f}`),
      ...ACTIONS_TO_MEET.filter(none(this.actions)).map((a) => `action ${a}`),
    ];
  }
  /** As a table, `name: rules/met/hits`. */
  get text(): string {
    const line = (m: ReadonlyMap<string, Count>) =>
      [...m]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([n, c]) => `    ${n.padEnd(32)} ${String(c.rules).padStart(7)} ${String(c.met).padStart(7)} ${String(c.hits).padStart(8)}`)
        .join("\n");
    const head = (what: string) => `  ${what.padEnd(34)} ${"rules".padStart(7)} ${"met".padStart(7)} ${"hits".padStart(8)}`;
    return [head("match fields"), line(this.fields), head("actions"), line(this.actions), head("fields written"), line(this.writes)].join(
      "\n",
    );
  }
}

function wholeOf(flows: readonly FlowSpec[], clause: FlowSpec): FlowSpec | undefined {
  const id = /^conjunction\((\d+),/.exec(clause.actions[0])?.[1];
  return flows.find((f) => f.table === clause.table && f.match.includes(`conj_id=${id}`));
}
function count(into: Map<string, Count>, names: Iterable<string>, hits: number): void {
  for (const n of names) {
    const c = into.get(n) ?? { rules: 0, met: 0, hits: 0 };
    c.rules++;
    if (hits > 0) c.met++;
    c.hits += hits;
    into.set(n, c);
  }
}

/** How often each rule was hit, by cookie. */
export function countHits(threads: readonly Thread[], into: Map<number, number>): void {
  for (const t of threads)
    for (const s of t.steps)
      if (s.hit) {
        const c = Number(s.hit.cookie);
        into.set(c, (into.get(c) ?? 0) + 1);
      }
}
