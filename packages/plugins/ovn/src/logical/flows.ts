/**
 * Logical flows, parsed for one datapath: rows of the IR and the tree of actions.
 *
 * What a flow says does not depend on its datapath but for names of ports and the datapath's part of port groups, so one that
 * names neither is parsed once however many datapaths have it.
 */
import type { Conjunction, Match } from "@plumbline/model";
import { type LogicalAction, parseActions } from "../actions/index.js";
import { type Lflow, type Row, rows } from "../database.js";
import {
  addressSetConstants,
  annotate,
  booleanExpr,
  combine,
  type Expr,
  expandTemplates,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  resolveConditions,
  type SymbolRelease,
  type SymbolTable,
  simplify,
  toMatches,
  toRows,
} from "../expr/index.js";
import { asMap, asSet, asText } from "../values.js";
import type { LogicalDatapath, Topology } from "./topology.js";

/** Rows beyond which a match is made conjunctive instead of being multiplied out. */
const MOST_ROWS = 256;
/** Tables of a pipeline (LOG_PIPELINE_LEN): 24 up to OVN 22, 29 and more since; actions may name the last. */
const PIPELINE_TABLES = 64;

export interface ParsedFlow {
  readonly lflow: Lflow;
  /** Any-of rows with the flow's actions; those of conjunctive parts have `conj`. */
  readonly rows: readonly { readonly match: Match; readonly conj: readonly Conjunction[] }[];
  readonly actions: readonly LogicalAction[];
  /** The match is true for every packet. */
  readonly always: boolean;
}

/** Why a flow cannot be used, in OVN's words. */
export interface FlowFault {
  readonly lflow: Lflow;
  readonly message: string;
}

interface Sentence {
  readonly expr: Expr;
  readonly actions: readonly LogicalAction[];
}

export class FlowParser {
  readonly symbols: SymbolTable;
  readonly addressSets: ReadonlyMap<string, ReturnType<typeof addressSetConstants>>;
  readonly portGroups: ReadonlyMap<string, readonly string[]>;
  private readonly templates: ReadonlyMap<string, string>;
  private readonly sentences = new Map<string, Sentence | string>();
  private nextConjunction = 1;
  private readonly release: SymbolRelease;

  /** @param isResident whether a port is on the chassis that the flows are for */
  constructor(
    private readonly topology: Topology,
    private readonly isResident: (port: string) => boolean,
  ) {
    const { zone } = topology;
    const sb = (table: string) => rows(zone, "southbound", table);
    this.release = releaseOf(sb("SB_Global"));
    this.symbols = ovnSymbols(this.release);
    this.addressSets = new Map(
      sb("Address_Set").map((r) => [asText(r.columns["name"]), addressSetConstants(asSet(r.columns["addresses"]).map(String))]),
    );
    this.portGroups = new Map(sb("Port_Group").map((r) => [asText(r.columns["name"]), asSet(r.columns["ports"]).map(String)]));
    this.templates = new Map(
      sb("Chassis_Template_Var").flatMap((r) => Object.entries(asMap(r.columns["variables"])).map(([k, v]) => [k, String(v)] as const)),
    );
  }

  parse(lflow: Lflow, dp: LogicalDatapath): ParsedFlow | FlowFault {
    const sentence = this.sentence(lflow, dp);
    if (typeof sentence === "string") return { lflow, message: sentence };
    const e = normalize(resolveConditions(simplify(sentence.expr), this.isResident));
    const lookup = (name: string) => portKey(this.topology, dp, name);
    const { actions } = sentence;
    const always = e.type === "boolean" && e.value;
    const plain = toRows(e, lookup, MOST_ROWS);
    if (plain) return { lflow, rows: plain.map((match) => ({ match, conj: [] })), actions, always };
    const matches = toMatches(e, lookup, { firstId: this.nextConjunction, whole: true });
    this.nextConjunction = Math.max(this.nextConjunction, ...matches.map((m) => m.conjId + 1));
    return { lflow, rows: matches, actions, always };
  }

  /** Parsed and annotated, or OVN's complaint. */
  private sentence(lflow: Lflow, dp: LogicalDatapath): Sentence | string {
    const own = lflow.match.includes("@") ? dp.key : 0;
    const key = `${own} ${lflow.pipeline} ${lflow.table} ${lflow.match}\n${lflow.actions}`;
    let s = this.sentences.get(key);
    if (s === undefined) {
      s = this.read(lflow, dp.key);
      this.sentences.set(key, s);
    }
    return s;
  }

  private read(lflow: Lflow, datapath: number): Sentence | string {
    const { symbols, addressSets, portGroups } = this;
    try {
      const match = parseExpression(expandTemplates(lflow.match, this.templates), { symbols, addressSets, portGroups, datapath });
      const parsed = parseActions(expandTemplates(lflow.actions, this.templates), {
        symbols,
        pipeline: lflow.pipeline,
        table: lflow.table,
        tables: PIPELINE_TABLES,
        release: this.release,
      });
      const whole = parsed.prereqs ? combine("and", match, parsed.prereqs) : match;
      return { expr: annotate(whole ?? booleanExpr(true), symbols), actions: parsed.actions };
    } catch (e) {
      if (e instanceof OvnSyntaxError) return e.message;
      throw e;
    }
  }
}

/** By northd's own version (`23.03.1-20.27.0-70.6`); the newest if it does not say. */
function releaseOf(global: readonly Row[]): SymbolRelease {
  const text = String(asMap(global[0]?.columns["options"])["northd_internal_version"] ?? "");
  const m = /^(\d+)\.(\d+)\./.exec(text);
  return m && Number(m[1]) * 100 + Number(m[2]) < 2403 ? "21.12" : "24.03";
}

/** The key of a port or multicast group of the datapath; undefined if it has none of that name. */
export function portKey(topology: Topology, dp: LogicalDatapath, name: string): number | undefined {
  // No port: OVN writes the empty string or this word.
  if (name === "" || name === "none") return 0;
  const port = topology.ports.get(name);
  if (port && port.datapath === dp) return port.key;
  return dp.groups.find((g) => g.name === name)?.key;
}
