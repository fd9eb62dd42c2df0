/**
 * Routing: policy rules in order, each looking in one route table; the first route found decides.
 *
 * A host's routing is one table that is called and returns. A route's program writes reg14, out_port, nexthop and the
 * preferred source; rules apply only as long as reg14 is 0, so that the walk ends at the first route, and a `throw` route or a
 * table without one goes on to the next rule, as in fib_rules_lookup() (net/core/fib_rules.c).
 *
 * Where nobody ever added a rule, the kernel has the IPv4 tables `local` and `main` in one trie (fib_lookup(), include/net/ip_fib.h;
 * fib_trie_unmerge()): a longer prefix of main goes before a shorter one of local. They are one here only where that matters.
 *
 * Not modelled: encapsulating routes (they answer *unknown*), path MTU, and which of several default routes of one metric the kernel takes
 * when a neighbour is dead (fib_select_default()).
 */
import { type Action, intersect, type Match, type Problem, type Table, type TableId } from "@plumbline/model";
import type { Family } from "../address.js";
import { isOpaque, type OpaqueRule, type PolicyRule } from "./evidence.js";
import { InterfaceSets } from "./interface-sets.js";
import { DEFAULT_RULES, isDefaultRule, rowsOf } from "./policy-rows.js";
import { hasTies, overlaps } from "./route-overlaps.js";
import { type LookUp, type RouteOf, RouteTables } from "./route-tables.js";
import { ETH_TYPE, FAMILIES, match, ROUTE, type RoutingStack, set } from "./stack.js";

/** The policy rules of a family, as they stand in evidence or as every kernel has them. */
function rulesOf(stack: RoutingStack, family: Family): readonly (PolicyRule | OpaqueRule)[] {
  return stack.evidence.rules[family] ?? defaultRules(family);
}

/** True where the kernel never had any rules but its own. */
export function hasDefaultRules(stack: RoutingStack, family: Family): boolean {
  return rulesOf(stack, family).every((r) => !isOpaque(r) && isDefaultRule(r, family));
}

function defaultRules(family: Family): PolicyRule[] {
  return DEFAULT_RULES.filter((r) => family === 4 || r.table !== "default").map((r) => ({
    family,
    priority: r.priority,
    not: false,
    from: "",
    to: "",
    iif: "",
    oif: "",
    ipproto: "",
    sport: "",
    dport: "",
    action: "lookup",
    table: r.table,
    origin: null,
    certainty: "inferred",
    why: `${family === 6 ? "ip -6 rule" : "ip rule"} is not in evidence; the kernel's own rules are taken`,
  }));
}

/** The routing of one host: its tables are made as they are asked for, each once. */
export class Routing {
  /** What the rules of the IR stand for. */
  readonly routeOf: RouteOf = new Map();
  readonly ruleOf = new Map<number, PolicyRule>();
  /** Sets of interfaces that reg4 holds after a look-up of a source. */
  readonly sets = new InterfaceSets();
  private readonly made = new Map<string, TableId>();

  constructor(
    private readonly stack: RoutingStack,
    private readonly problem: (p: Problem) => void,
  ) {}

  /** The table to call for this kind of look-up. */
  table(lookUp: LookUp = { of: "packet", oif: null }): TableId {
    if (lookUp.near && !hasTies(this.stack.evidence))
      return this.table({ ...lookUp, near: undefined, ...(lookUp.bound === "" ? { bound: undefined } : {}) });
    const key = `${lookUp.of} ${lookUp.oif?.number ?? 0} ${lookUp.near?.number ?? 0} ${boundTo(lookUp)}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const { net, device } = this.stack;
    const name = lookUp.of === "source" ? "routing back to the source" : lookUp.oif ? `routing by ${lookUp.oif.name}` : "routing";
    const dispatch = net.table(device, name, "hook", "priority");
    this.made.set(key, dispatch.id);
    for (const family of lookUp.near ? ([6] as const) : FAMILIES) {
      const rules = new RuleWalk(this.stack, family, lookUp, this, this.problem).sequence(0);
      net.rule(dispatch, { rows: [match({ eth_type: ETH_TYPE[family] })], program: [{ op: "goto", table: rules }] });
    }
    return dispatch.id;
  }
}

const boundTo = (lookUp: LookUp): string => lookUp.bound ?? lookUp.oif?.name ?? "";

/** The rules of one family, for one kind of look-up. */
class RuleWalk {
  private readonly rules: readonly (PolicyRule | OpaqueRule)[];
  private readonly tables: RouteTables;
  /** Local and main are one to the kernel, and it shows. */
  private readonly merged: boolean;
  private readonly suffix: string;
  /** The rules from index `from` on: all of them, or the target of a `goto`. */
  private readonly sequences = new Map<number, TableId>();

  constructor(
    private readonly stack: RoutingStack,
    family: Family,
    private readonly lookUp: LookUp,
    private readonly routing: Routing,
    private readonly problem: (p: Problem) => void,
  ) {
    this.rules = rulesOf(stack, family);
    this.tables = new RouteTables(stack, family, lookUp, routing.sets, routing.routeOf);
    this.merged = family === 4 && hasDefaultRules(stack, family) && overlaps(stack.evidence, family);
    this.suffix = `${family === 6 ? " (IPv6)" : ""}${lookUp.of === "source" ? ", back to the source" : ""}${lookUp.oif ? `, by ${lookUp.oif.name}` : ""}`;
  }

  sequence(from: number): TableId {
    const known = this.sequences.get(from);
    if (known !== undefined) return known;
    const { net, device } = this.stack;
    const name = from === 0 ? `ip rule${this.suffix}` : `ip rule${this.suffix} from ${this.rules[from]?.priority ?? "the end"}`;
    const stage = this.lookUp.of === "source" ? "hook" : "policy";
    const t = net.table(device, name, stage, "sequence");
    this.sequences.set(from, t.id);
    for (const r of this.rules.slice(from)) this.add(t, r);
    return t.id;
  }

  private add(t: Table, r: PolicyRule | OpaqueRule): void {
    const { net, device, evidence } = this.stack;
    const source = { origin: r.origin, certainty: r.certainty, why: r.why };
    const undecided = match({ reg14: ROUTE.none });
    if (isOpaque(r)) {
      const why = `policy rule ${r.priority}: ${r.why}`;
      const ask: Action = { op: "unknown", why, command: "ip route get DESTINATION from SOURCE", on: evidence.host, go: true };
      if (this.lookUp.of === "packet") net.rule(t, { rows: [undecided], program: [ask], ...source, why: "" });
      return;
    }
    const program = this.program(r);
    const rows = rowsOf(r, evidence, { oif: boundTo(this.lookUp) });
    if (rows.length === 0) {
      if (this.lookUp.of === "packet" && !this.lookUp.oif && !r.not)
        this.problem({
          severity: "info",
          file: r.origin?.file ?? "",
          line: r.origin?.line ?? 0,
          message: `policy rule ${r.priority} is left out: it is for packets of a socket bound to an interface, for an interface that is not there, or for no packet at all`,
          hint: "",
        });
      // What no packet can meet, `not` lets every packet meet.
      if (!r.not) return;
    }
    const put = (rows: readonly Match[], actions: readonly Action[]) =>
      net.rule(t, { rows: rows.map((m) => intersect(m, undecided)).filter((m) => m !== null), program: actions, ...source });
    let rule: { id: number };
    if (!r.not) rule = put(rows, program);
    else if (rows.length === 0) rule = put([[]], program);
    else {
      // `not`: what matches passes by, all else meets the action.
      const test = net.table(device, `ip rule ${r.priority}${this.suffix}: not`, "policy", "priority");
      if (r.action !== "goto") {
        net.rule(test, { rows, program: [] });
        test.miss = program;
        rule = put([[]], [{ op: "call", table: test.id }]);
      } else {
        // Who is called cannot leave for good: it tells, and the next rule goes.
        net.rule(test, { rows, program: [set("reg3", 0)] });
        put([[]], [set("reg3", 1), { op: "call", table: test.id }]);
        rule = put([match({ reg3: 1 })], [set("reg3", 0), ...program]);
      }
    }
    this.routing.ruleOf.set(rule.id, r);
  }

  private program(r: PolicyRule): Action[] {
    switch (r.action) {
      case "lookup":
        return this.lookup(r);
      case "goto": {
        // To the first rule of that very priority; without one, the rule does nothing.
        const target = this.rules.findIndex((x) => x.priority === Number(r.table));
        return target < 0 || Number(r.table) <= r.priority ? [] : [{ op: "goto", table: this.sequence(target) }];
      }
      case "nop":
        return [];
      case "blackhole":
        return [set("reg14", ROUTE.blackhole)];
      case "unreachable":
        // A rule says "network unreachable" where a route says "host unreachable".
        return [set("reg14", ROUTE.refused)];
      case "prohibit":
        return [set("reg14", ROUTE.prohibit)];
    }
  }

  private lookup(r: PolicyRule): Action[] {
    const suppress = { len: r.suppressPrefixlen ?? -1, group: r.suppressIfgroup ?? "" };
    if (this.merged) {
      if (r.table === "local") return [];
      if (r.table === "main") return [{ op: "call", table: this.tables.get(["local", "main"]) }];
    }
    if (!r.l3mdev) return [{ op: "call", table: this.tables.get([r.table], suppress) }];
    // The table of the VRF that the packet belongs to.
    const { net, device, evidence } = this.stack;
    const t = net.table(device, `the VRF's table${this.suffix}`, "hook", "priority");
    for (const i of evidence.interfaces)
      if (i.vrfTable !== undefined)
        net.rule(t, {
          rows: [match({ reg5: i.number })],
          program: [{ op: "call", table: this.tables.get([i.vrfTable], suppress) }],
          origin: i.origin,
        });
    return [{ op: "call", table: t.id }];
  }
}
