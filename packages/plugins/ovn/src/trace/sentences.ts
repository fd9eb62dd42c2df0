/**
 * What logical flows say: matches as rows, actions as trees. Every text is parsed once, however many flows have it, and matches that
 * differ in constants alone are parsed as one form (templates.ts).
 */
import type { Match } from "@plumbline/model";
import { type LogicalAction, parseActions } from "../actions/index.js";
import { type Row, rows } from "../database.js";
import type { FlowTable } from "../db/flow-table.js";
import { pipelineAt, tableAt } from "../db/flow-table.js";
import {
  addressSetConstants,
  annotate,
  combine,
  type Expr,
  expandTemplates,
  type FlowMatch,
  formatExpr,
  type LookupPort,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  resolveConditions,
  type SymbolRelease,
  type SymbolTable,
  simplify,
  TooManyFlows,
  toMatches,
  toRows,
} from "../expr/index.js";
import type { LogicalDatapath, Topology } from "../logical/topology.js";
import { asMap, asSet, asText } from "../values.js";
import { type GroupText, withoutGroups, withPorts } from "./port-groups.js";
import { onDatapath } from "./tables.js";
import { type Form, fill, fits, formOf, learn, type TextConstant } from "./templates.js";

/** Rows beyond which a match is made conjunctive instead of being multiplied out. */
const MOST_ROWS = 32;
/** Tables of a pipeline (LOG_PIPELINE_LEN): 24 up to OVN 22, 29 and more since; actions may name the last. */
const PIPELINE_TABLES = 64;

export interface SaidActions {
  readonly actions: readonly LogicalAction[];
  readonly prereqs: Expr | undefined;
  /** Number of the prerequisites: alike ones have the same. */
  readonly needs: number;
  /** Ports and groups that are named. */
  readonly names: readonly string[];
}

/** A match that was read: rows for a datapath on request. */
export interface SaidMatch {
  /** Ports and groups that are named. */
  readonly names: readonly string[];
  /** True for every packet. */
  readonly always: boolean;
  /** Why it is not known whether the flow matches where these rows do; with the command that would tell. */
  readonly unsure?: { readonly why: string; readonly command: string } | undefined;
  /** @param key the one datapath that the rows are for; undefined for all */
  rows(lookup: LookupPort, key: number | undefined): readonly FlowMatch[];
}

export class Sentences {
  readonly symbols: SymbolTable;
  readonly addressSets: ReadonlyMap<string, ReturnType<typeof addressSetConstants>>;
  readonly portGroups: ReadonlyMap<string, readonly string[]>;
  private readonly variables: ReadonlyMap<string, string>;
  private readonly release: SymbolRelease;
  private readonly said = new Map<number, SaidActions | string>();
  private readonly needs = new Map<string, number>([["", 0]]);
  private readonly matches = new Map<string, SaidMatch | string>();
  private readonly groupMatches = new Map<string, { readonly expr: Expr; readonly groups: GroupText } | null>();
  /** Forms that were met: null where one is not simple. One that is met but once is not worth learning. */
  private readonly forms = new Map<string, Form | null>();
  private readonly metOnce = new Set<string>();
  private nextConjunction = 1;

  /** @param isResident whether a port is on the chassis that the flows are for */
  constructor(
    topology: Topology,
    private readonly flows: FlowTable,
    private readonly known: ReadonlySet<string>,
    private readonly isResident: (port: string) => boolean,
  ) {
    const sb = (table: string) => rows(topology.zone, "southbound", table);
    this.release = releaseOf(sb("SB_Global"));
    this.symbols = ovnSymbols(this.release);
    this.addressSets = new Map(
      sb("Address_Set").map((r) => [asText(r.columns["name"]), addressSetConstants(asSet(r.columns["addresses"]).map(String))]),
    );
    this.portGroups = new Map(sb("Port_Group").map((r) => [asText(r.columns["name"]), asSet(r.columns["ports"]).map(String)]));
    this.variables = new Map(
      sb("Chassis_Template_Var").flatMap((r) => Object.entries(asMap(r.columns["variables"])).map(([k, v]) => [k, String(v)] as const)),
    );
  }

  /** Actions by the number of their text, or OVN's complaint. */
  actions(text: number, place: number): SaidActions | string {
    const key = 256 * text + place;
    let s = this.said.get(key);
    if (s === undefined) {
      s = this.readActions(this.flows.texts.at(text), place);
      remember(this.said, key, s);
    }
    return s;
  }
  /** Actions by their text. */
  readActions(text: string, place: number): SaidActions | string {
    // A match that names a variable which is not in evidence leaves what its actions would do open.
    if (text.includes("^") && !this.known.has("Chassis_Template_Var")) return { actions: [], prereqs: undefined, needs: 0, names: [] };
    try {
      const { actions, prereqs } = parseActions(expandTemplates(text, this.variables, this.release), {
        symbols: this.symbols,
        pipeline: pipelineAt(place),
        table: tableAt(place),
        tables: PIPELINE_TABLES,
        release: this.release,
      });
      const sign = prereqs ? formatExpr(prereqs) : "";
      let needs = this.needs.get(sign);
      if (needs === undefined) this.needs.set(sign, (needs = this.needs.size));
      return { actions, prereqs, needs, names: [...namesIn(actions)] };
    } catch (e) {
      if (e instanceof OvnSyntaxError) return e.message;
      throw e;
    }
  }

  /** A match with what its actions need, or OVN's complaint. `dp` is asked only for its part of port groups. */
  match(text: number, { prereqs, needs }: SaidActions, dp: LogicalDatapath): SaidMatch | string {
    const match = this.flows.texts.at(text);
    const unsure = this.unsure(match);
    if (unsure && match.includes(MONITOR)) return "the service monitor's MAC address is not in evidence: packets are taken not to have it";
    if (unsure) {
      const m = this.readMatch(withoutSets(match), prereqs, dp);
      return typeof m === "string" ? m : { ...m, unsure };
    }
    if (!match.includes("^") && !match.includes("@")) {
      const { form, constants } = formOf(match);
      if (constants.length > 0) {
        const f = this.form(`${needs} ${form}`, form, constants, prereqs);
        // A text whose constants do not fit is the parser's.
        if (f && fits(f, constants)) return new FilledForm(f, constants);
      }
    }
    const grouped = match.includes("@") ? this.grouped(match, `${needs} ${text}`, prereqs) : null;
    const ports = grouped && this.portsOn(grouped, dp);
    if (grouped && ports) {
      const { expr, groups } = grouped;
      return {
        names: [...ports.values()].flat(),
        always: false,
        rows: (lookup, key) => {
          const here = (group: string) => ports.get(group)!.filter((p) => lookup(p) !== undefined);
          return this.rowsOf(withPorts(expr, groups, here), lookup, key);
        },
      };
    }
    const key = `${match.includes("@") ? dp.key : ""} ${needs} ${text}`;
    let m = this.matches.get(key);
    if (m === undefined) {
      m = this.readMatch(match, prereqs, dp);
      remember(this.matches, key, m);
    }
    return m;
  }

  /** A match with port groups, parsed once for all datapaths; null where it cannot be. */
  private grouped(match: string, key: string, prereqs: Expr | undefined): { readonly expr: Expr; readonly groups: GroupText } | null {
    let known = this.groupMatches.get(key);
    if (known === undefined) {
      known = null;
      const groups = match.includes("^") ? undefined : withoutGroups(match);
      if (groups && !/port/.test(prereqs ? formatExpr(prereqs) : "")) {
        const { symbols, addressSets } = this;
        try {
          known = { expr: normalize(this.meaning(parseExpression(groups.text, { symbols, addressSets }), prereqs)), groups };
        } catch (e) {
          // The parser says what is wrong with the match as it is written.
          if (!(e instanceof OvnSyntaxError) && !(e instanceof TooManyFlows)) throw e;
        }
      }
      remember(this.groupMatches, key, known);
    }
    return known;
  }
  /** The ports of a datapath's groups; undefined if one of these is not known. */
  private portsOn({ groups }: { readonly groups: GroupText }, dp: LogicalDatapath): ReadonlyMap<string, readonly string[]> | undefined {
    const out = new Map<string, readonly string[]>();
    for (const g of groups.groups.values()) {
      const ports = this.portGroups.get(`${dp.key}_${g}`) ?? this.portGroups.get(g);
      if (!ports) return undefined;
      out.set(g, [...new Set(ports)].sort());
    }
    return out;
  }

  /** Whether a match names a set that is not in evidence. */
  private unsure(match: string): SaidMatch["unsure"] {
    for (const [sign, table] of [
      ["^", "Chassis_Template_Var"],
      ["$", "Address_Set"],
      ["@", "Port_Group"],
    ])
      if (match.includes(sign) && !this.known.has(table))
        return { why: `what the names in the match stand for: no ${table} is in evidence`, command: `ovn-sbctl list ${table}` };
    return undefined;
  }

  private form(key: string, form: string, constants: readonly TextConstant[], prereqs: Expr | undefined): Form | null {
    let f = this.forms.get(key);
    if (f === undefined) {
      if (!this.metOnce.has(key)) {
        this.metOnce.add(key);
        return null;
      }
      try {
        f =
          learn(form, constants, (text, lookup) => {
            const written = parseExpression(text, { symbols: this.symbols, addressSets: this.addressSets });
            const meant = this.meaning(written, prereqs);
            return { written, meant, rows: toRows(normalize(meant), lookup, MOST_ROWS) };
          }) ?? null;
      } catch (e) {
        if (!(e instanceof OvnSyntaxError) && !(e instanceof TooManyFlows)) throw e;
        f = null;
      }
      this.forms.set(key, f);
    }
    return f;
  }

  private meaning(match: Expr, prereqs: Expr | undefined): Expr {
    return resolveConditions(simplify(annotate(prereqs ? combine("and", match, prereqs) : match, this.symbols)), this.isResident);
  }

  private readMatch(text: string, prereqs: Expr | undefined, dp: LogicalDatapath): SaidMatch | string {
    const { symbols, addressSets, portGroups } = this;
    try {
      const sets = { symbols, addressSets, portGroups, datapath: dp.key };
      const e = normalize(this.meaning(parseExpression(expandTemplates(text, this.variables, this.release), sets), prereqs));
      return {
        names: [...new Set(portsIn(e))],
        always: e.type === "boolean" && e.value,
        rows: (lookup, key) => this.rowsOf(e, lookup, key),
      };
    } catch (err) {
      if (err instanceof OvnSyntaxError || err instanceof TooManyFlows) return err.message;
      throw err;
    }
  }
  private rowsOf(e: Expr, lookup: LookupPort, key: number | undefined): readonly FlowMatch[] {
    const on = (m: Match) => (key === undefined ? m : onDatapath(m, key));
    const plain = toRows(e, lookup, MOST_ROWS);
    if (plain) return plain.map((m) => plainRow(on(m)));
    const matches = toMatches(e, lookup, { firstId: this.nextConjunction, whole: true });
    this.nextConjunction = Math.max(this.nextConjunction, ...matches.map((m) => m.conjId + 1));
    return matches.map((m) => ({ ...m, match: on(m.match) }));
  }
}

/** The address set that northd makes of a MAC address of its own, to which only answers to its probes of Services go. */
const MONITOR = "$svc_monitor_mac";

/** A match as wide as it can be, whatever is in the sets that it names: `ip4.src == $set` becomes `ip4`. */
function withoutSets(match: string): string {
  return match.replace(
    /([\w.]+)\s*[=!]=\s*(?:\{[^{}]*[$@^][^{}]*\}|[$@^][\w.-]+)/g,
    (_, field: string) => /^ip[46](?=\.)/.exec(field)?.[0] ?? "1",
  );
}

/** Texts whose meaning is kept: most are said once, and the trees of a million would take gigabytes. */
const MOST_KEPT = 4096;
function remember<K, V>(kept: Map<K, V>, key: K, value: V): void {
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, value);
}

class FilledForm implements SaidMatch {
  readonly always = false;

  constructor(
    private readonly form: Form,
    private readonly constants: readonly TextConstant[],
  ) {}

  get names(): readonly string[] {
    return this.form.names.map((i) => this.constants[i] as string);
  }
  rows(lookup: LookupPort, key: number | undefined): readonly FlowMatch[] {
    return fill(this.form, this.constants, lookup, key).map(plainRow);
  }
}

const NO_PARTS: FlowMatch["conj"] = [];
const plainRow = (match: Match): FlowMatch => ({ match, conj: NO_PARTS, conjId: 0 });

function* portsIn(e: Expr): Generator<string> {
  if (e.type === "cmp") {
    if (e.symbol.width === 0) yield e.text;
  } else if (e.type === "and" || e.type === "or") for (const s of e.subs) yield* portsIn(s);
}

function* namesIn(actions: readonly LogicalAction[]): Generator<string> {
  for (const a of actions) {
    if (a.type === "load" && typeof a.value === "string") yield a.value;
    else if (a.type === "nest") yield* namesIn(a.actions);
  }
}

/** By northd's own version (`23.03.1-20.27.0-70.6`); the newest if it does not say. */
function releaseOf(global: readonly Row[]): SymbolRelease {
  const text = String(asMap(global[0]?.columns["options"])["northd_internal_version"] ?? "");
  const m = /^(\d+)\.(\d+)\./.exec(text);
  return m && Number(m[1]) * 100 + Number(m[2]) < 2403 ? "21.12" : "24.03";
}
