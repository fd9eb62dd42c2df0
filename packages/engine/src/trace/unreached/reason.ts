/**
 * Why a rule was not hit by a packet on the way it took.
 *
 * Asked from the inside out: did a table's look-up reach the rule and find it wanting, or another one better? Was the table never
 * asked, and then which rule would have led there, and why did that one not? Did the packet never come to the device, and then which
 * decision sent it elsewhere? Every answer follows from the run's events and the network; where nothing leads to a table, that is said.
 */
import { type Device, EV, endText, type Network, type Rule, type Table } from "@plumbline/model";
import { type Caller, callersOf, isOption } from "./callers.js";
import { type Condition, conditionsOf, conditionText } from "./conditions.js";
import { type Decision, decisionOf, type Form, nextOf, placeOf, type Visit, type Way } from "./way.js";

/**
 * - hit: it was hit.
 * - no-match: its table looked at it, and a condition failed.
 * - preferred: it matches, and another rule of its table is preferred.
 * - ended: its chain's walk ended at an earlier rule.
 * - not-asked: the packet was on the device, and nothing led to the table.
 * - not-there: the packet was on the host, and never came to the device.
 * - translated: the packet came there, or to the host, only after its destination had been translated to another.
 * - other-node: the packet never came to the host.
 */
export type ReasonKind = "hit" | "no-match" | "preferred" | "ended" | "not-asked" | "not-there" | "translated" | "other-node";

export interface Reason {
  readonly kind: ReasonKind;
  /** A sentence's worth. */
  readonly why: string;
  /** The rule that took the packet elsewhere, or that was preferred. */
  readonly by: { readonly device: Device; readonly table: Table; readonly rule: Rule | null } | null;
  /** For no-match. */
  readonly conditions: readonly Condition[];
  /** For no-match: the rule that its look-up took instead. */
  readonly instead?: Rule;
}

/** Rules that would lead to a table and are looked at closely; where there are more, any of them tells. */
const CALLERS_LOOKED_AT = 400;

/** @param form the packet as the rule speaks of it; left out: as it was anywhere */
export function reasonFor(way: Way, rule: Rule, form?: Form): Reason {
  const { net } = way;
  const table = net.tables[rule.table];
  if (way.hit.has(placeOf(rule))) return { kind: "hit", why: "it was hit", by: null, conditions: [] };
  const device = net.devices[table.device];
  const seen = form ? within(way, form) : way;
  const here = lookedAt(seen, rule, table);
  if (here) return here;
  if (seen.visits.some((v) => v.device === device)) return notAsked(seen, table, device);
  const on = (d: Device) => d.host !== "" && d.host === device.host;
  if (form && !seen.visits.some((v) => on(v.device)) && way.visits.some((v) => on(v.device))) return translated(way, device, form);
  return elsewhere(seen, device);
}

/** The part of the way on which the packet has this form. */
function within(way: Way, form: Form): Way {
  const asked = new Map<number, readonly number[]>();
  for (const [table, events] of way.asked) {
    const own = events.filter((i) => form.at.has(i));
    if (own.length > 0) asked.set(table, own);
  }
  const visits = way.visits.filter((v) => [...form.at].some((i) => i >= v.from && i < v.to));
  return { ...way, asked, visits, whole: way.whole ?? way.visits };
}

/** The host sees the packet only with another destination. */
function translated(way: Way, device: Device, form: Form): Reason {
  const { net } = way;
  const later = way.forms.find((f) => [...f.devices].some((d) => d.host === device.host));
  const { table, rule } = form.end;
  const name = device.node || device.host;
  return {
    kind: "translated",
    why: later
      ? `the packet comes to ${name} only as one to ${endText(later.row, "dst")}: its destination was translated before`
      : `the packet comes to ${name} only inside a tunnel, its destination translated before`,
    by: { device: net.devices[table.device], table, rule },
    conditions: [],
  };
}

/** What the look-ups in the rule's table say of it; null where there was none. Of several the one that came nearest. */
function lookedAt(way: Way, rule: Rule, table: Table): Reason | null {
  const events = way.asked.get(table.id);
  if (!events) return null;
  const reasons = table.kind === "sequence" ? inChain(way, rule, table, events) : events.map((i) => inTable(way, rule, table, i));
  return reasons.reduce((a, b) => (nearness(b) < nearness(a) ? b : a));
}

/** Smaller is nearer to a hit. */
function nearness(r: Reason): number {
  if (r.kind === "no-match") return 10 + r.conditions.length;
  return r.kind === "preferred" ? 0 : r.kind === "ended" ? 1 : 100;
}

function inTable(way: Way, rule: Rule, table: Table, at: number): Reason {
  const { net } = way;
  const device = net.devices[table.device];
  const e = way.line[at];
  const won = e.kind === EV.hit ? net.rules[e.b] : null;
  const failed = noMatch(rule, table, e.row, device);
  if (failed) return won ? { ...failed, instead: won } : failed;
  const by = { device, table, rule: won };
  if (rule.conj)
    return {
      kind: "no-match",
      why: `it is part ${rule.conj.map((c) => `${c.clause} of ${c.of} of conjunction ${c.id}`).join(", ")}: other parts do not match, or another rule is preferred`,
      by,
      conditions: [],
    };
  return { kind: "preferred", why: preference(rule, won, table), by, conditions: [] };
}

function preference(rule: Rule, won: Rule | null, table: Table): string {
  if (!won) return "it matches, but no rule was taken";
  if (table.kind === "lpm") {
    if ((won.prefix?.len ?? 0) > (rule.prefix?.len ?? 0))
      return `it matches, but a longer prefix wins (/${won.prefix?.len} before /${rule.prefix?.len})`;
    if ((won.metric ?? 0) < (rule.metric ?? 0)) return `it matches, but a lower metric wins (${won.metric ?? 0} before ${rule.metric})`;
    return "it matches, but another route to the same prefix is taken";
  }
  if (won.priority > rule.priority) return `it matches, but a higher priority wins (${won.priority} before ${rule.priority})`;
  return `it matches, but another rule of the same priority (${rule.priority}) is taken`;
}

function noMatch(rule: Rule, table: Table, row: Parameters<typeof conditionsOf>[2], device: Device): Reason | null {
  const conditions = conditionsOf(rule, table, row, device);
  if (conditions === null) return { kind: "no-match", why: "no packet can match it", by: null, conditions: [] };
  if (conditions.length === 0) return null;
  return { kind: "no-match", why: `looked at, and it does not match: ${conditionText(conditions)}`, by: null, conditions };
}

/** A chain: each walk either came to the rule's place or ended before it. */
function inChain(way: Way, rule: Rule, table: Table, events: readonly number[]): Reason[] {
  const { net } = way;
  const device = net.devices[table.device];
  const place = new Map(table.rules.map((r, i) => [r.id, i]));
  const own = place.get(rule.id) ?? -1;
  const at = (i: number) => (way.line[i].kind === EV.miss ? table.rules.length : (place.get(way.line[i].b) ?? -1));
  const out: Reason[] = [];
  for (let k = 0; k < events.length; ) {
    // A walk goes on as long as places grow; its end is the table's.
    let end = k + 1;
    while (end < events.length && at(events[end]) > at(events[end - 1]) && at(events[end - 1]) < table.rules.length) end++;
    const walk = events.slice(k, end);
    k = end;
    const behind = walk.find((i) => at(i) >= own);
    if (behind !== undefined) {
      const e = way.line[behind];
      const failed = noMatch(rule, table, e.row, device);
      if (failed) out.push(failed);
      continue;
    }
    const last = walk[walk.length - 1];
    const ender = takerOf(way, last, table);
    const matches = conditionsOf(rule, table, way.line[last].row, device)?.length === 0;
    out.push({
      kind: "ended",
      why: `an earlier rule of the chain took the packet${matches ? ", which it would have matched as well" : ""}`,
      by: { device, table: net.tables[ender.table], rule: ender },
      conditions: [],
    });
  }
  // A rule that several lines became may match at another's place.
  return out.length > 0 ? out : [{ kind: "preferred", why: "another rule of its line was taken", by: null, conditions: [] }];
}

/** The rule at an event, or, where it jumped to other chains of its table, the last one hit there. */
function takerOf({ net, line }: Way, at: number, table: Table): Rule {
  const family = table.name.split(" ")[0];
  let rule = net.rules[line[at].b];
  for (let i = at + 1; i < line.length && line[i].kind !== EV.enter; i++) {
    const e = line[i];
    if (e.kind !== EV.hit && e.kind !== EV.miss) continue;
    const t = net.tables[e.a];
    if (t.stage !== table.stage || t.name.split(" ")[0] !== family || e.kind === EV.miss) break;
    rule = net.rules[e.b];
  }
  return rule;
}

/** The packet was on the device: which rule would have led to the table, and why that one did not. */
function notAsked(way: Way, table: Table, device: Device): Reason {
  const { net } = way;
  const seen = new Set([table.id]);
  let front = [table];
  const roots = new Set<number>([table.id]);
  while (front.length > 0) {
    const next: Table[] = [];
    const near: { caller: Caller; reason: Reason; to: Table }[] = [];
    let looked = 0;
    for (const to of front)
      for (const caller of callersOf(net, to.id)) {
        if (caller.table.device !== device.id) continue;
        if (way.asked.has(caller.table.id)) {
          if (looked++ < CALLERS_LOOKED_AT) near.push({ caller, reason: callerReason(way, caller, to), to });
        } else if (!seen.has(caller.table.id)) {
          seen.add(caller.table.id);
          roots.add(caller.table.id);
          next.push(caller.table);
        }
      }
    if (near.length > 0) {
      const best = near.reduce((a, b) => (nearness(b.reason) < nearness(a.reason) ? b : a));
      const steps = best.to.id === table.id ? "" : `, by way of ${best.to.name}`;
      const { caller, reason } = best;
      // Where another rule stood in the way, that one is the answer; else the rule that would have led there.
      const other = reason.by?.rule && reason.by.rule !== caller.rule ? reason.by : null;
      const leads = caller.rule
        ? `${caller.table.name}${caller.rule.number === undefined ? "" : ` rule ${caller.rule.number}`}`
        : `the end of ${caller.table.name}`;
      return {
        kind: "not-asked",
        why: `${table.stage} ${table.name} was not asked${steps}: of ${leads}, which leads there: ${reason.why}`,
        by: other ?? (caller.rule ? { device, table: caller.table, rule: caller.rule } : null),
        conditions: best.reason.conditions,
      };
    }
    front = next;
  }
  const visit = way.visits.find((v) => v.device === device);
  if (roots.has(device.origin) && visit && !visit.sent)
    return {
      kind: "not-asked",
      why: `${table.stage} ${table.name} is asked only of what ${device.name} itself sends`,
      by: null,
      conditions: [],
    };
  if (roots.has(device.entry) && visit?.sent)
    return {
      kind: "not-asked",
      why: `${table.stage} ${table.name} is asked only of what comes in to ${device.name}`,
      by: null,
      conditions: [],
    };
  return { kind: "not-asked", why: `no rule leads to ${table.stage} ${table.name}`, by: null, conditions: [] };
}

function callerReason(way: Way, { table, rule }: Caller, to: Table): Reason {
  const by = { device: way.net.devices[table.device], table, rule };
  const ended = (why: string): Reason => ({ kind: "ended", why, by, conditions: [] });
  if (!rule) {
    const last = way.asked.get(table.id)?.at(-1);
    const e = last === undefined ? undefined : way.line[last];
    return e?.kind === EV.hit
      ? { ...ended("a rule took the packet before"), by: { ...by, rule: way.net.rules[e.b] } }
      : ended("the packet's way ended first");
  }
  if (way.asked.get(table.id)?.some((i) => way.line[i].kind === EV.hit && way.line[i].b === rule.id))
    return ended(
      isOption(rule.program, to.id) ? "it was hit, and took another of its options" : "it was hit, and the packet's way ended first",
    );
  return lookedAt(way, rule, table) ?? ended("it was not looked at");
}

/** The packet never came to the device: the decision that sent it elsewhere. */
function elsewhere(way: Way, device: Device): Reason {
  const { net } = way;
  const on = (d: Device) => d.host !== "" && d.host === device.host;
  const there = way.visits.some((v) => on(v.device));
  const from = nearest(way, device);
  const name = device.kind === "host" || device.kind === "router" ? `the host ${device.name}` : device.name;
  const decision = from && decisionOf(way, from);
  const by = decision ? byOf(net, decision) : null;
  const to = from && nextOf(way, from);
  const went = !from
    ? ""
    : to
      ? `: ${from.device.name} sent it ${there ? "straight " : ""}to ${to.name}${decision?.choice ? ` (${decision.choice})` : ""}`
      : `: it ended on ${from.device.name}`;
  return there
    ? { kind: "not-there", why: `the packet never came to ${name}${went}`, by, conditions: [] }
    : { kind: "other-node", why: `${device.node || device.host || name} is not on this path${went}`, by, conditions: [] };
}

const byOf = (net: Network, d: Decision) => ({ device: net.devices[d.table.device], table: d.table, rule: d.rule });

/** The stay from which the device is the fewest links away, wires not counted; of equals the earliest. */
function nearest(way: Way, device: Device): Visit | null {
  const { net } = way;
  const visits = new Map<number, Visit>();
  for (const v of way.visits) if (!WIRES.has(v.device.kind) && !visits.has(v.device.id)) visits.set(v.device.id, v);
  const seen = new Set([device.id]);
  let front = [device.id];
  while (front.length > 0) {
    const next: number[] = [];
    // Wires are passed at once: what they join is one step away. The list grows meanwhile.
    for (const d of front)
      for (const l of linksTo(net).get(d) ?? []) {
        if (seen.has(l)) continue;
        seen.add(l);
        (WIRES.has(net.devices[l].kind) ? front : next).push(l);
      }
    const found = next.flatMap((d) => visits.get(d) ?? []).sort((x, y) => x.from - y.from);
    if (found[0]) return found[0];
    front = next;
  }
  return null;
}

const WIRES: ReadonlySet<string> = new Set(["segment", "tunnel"]);
const LINKS = new WeakMap<Network, Map<number, number[]>>();

/** Devices with a link to a device. */
function linksTo(net: Network): Map<number, number[]> {
  let known = LINKS.get(net);
  if (!known) {
    known = new Map();
    for (const l of net.links) known.set(l.toDevice, [...(known.get(l.toDevice) ?? []), l.device]);
    LINKS.set(net, known);
  }
  return known;
}
