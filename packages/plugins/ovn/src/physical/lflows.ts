/**
 * Flows of the logical pipelines (controller/lflow.c of OVN, consider_logical_flow): a logical flow of a datapath that is
 * here becomes OpenFlow, but for one that a switch has for a single port which is not.
 */
import type { Match, Origin } from "@plumbline/model";
import { field } from "@plumbline/model";
import { type EncodeContext, encodeActions, type LogicalAction, NoWireForm, openFlowText, parseActions } from "../actions/index.js";
import { type Lflow, rows, type Zone } from "../database.js";
import {
  addressSetConstants,
  annotate,
  booleanExpr,
  combine,
  type Expr,
  expandTemplates,
  LOGICAL,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  resolveConditions,
  type SymbolTable,
  simplify,
  toMatches,
} from "../expr/index.js";
import { portKey } from "../logical/flows.js";
import type { LogicalDatapath, Topology } from "../logical/topology.js";
import { asSet, asText } from "../values.js";
import { parentOf } from "./chassis.js";
import { hex, matchText } from "./match-text.js";
import type { Physical } from "./physical.js";
import type { ControllerRelease } from "./release.js";

/** Keys of multicast groups begin here. */
const MULTICAST = 0x8000;
/** Tables of a pipeline; actions may name the last. */
const PIPELINE_TABLES = 64;
/** Numbers of conjunctions below are OVN's own. */
const FIRST_CONJUNCTION = 1000;
const PORT_WORD = { ingress: field(LOGICAL.inport).word, egress: field(LOGICAL.outport).word } as const;

/** A logical flow that cannot be used, in OVN's words. */
export interface LflowFault {
  readonly lflow: Lflow;
  readonly origin: Origin;
  readonly message: string;
}

interface Sentence {
  readonly expr: Expr;
  readonly actions: readonly LogicalAction[];
}

/** Texts of logical flows, parsed: once for all chassis of a zone that put the same in for template variables. */
class Sentences {
  readonly symbols: SymbolTable;
  private readonly addressSets;
  private readonly portGroups;
  private readonly known = new Map<string, Sentence | string>();

  constructor(
    zone: Zone,
    private readonly release: ControllerRelease,
  ) {
    const sb = (table: string) => rows(zone, "southbound", table);
    this.symbols = ovnSymbols(release.symbols);
    this.addressSets = new Map(
      sb("Address_Set").map((r) => [asText(r.columns["name"]), addressSetConstants(asSet(r.columns["addresses"]).map(String))]),
    );
    this.portGroups = new Map(sb("Port_Group").map((r) => [asText(r.columns["name"]), asSet(r.columns["ports"]).map(String)]));
  }

  /** Match and actions, or OVN's complaint. */
  of(l: Lflow, dp: LogicalDatapath, templates: ReadonlyMap<string, string>): Sentence | string {
    const [match, actions] = [l.match, l.actions].map((t) => expandTemplates(t, templates, this.release.symbols));
    const key = `${match!.includes("@") ? dp.key : 0} ${l.pipeline} ${l.table} ${match}\n${actions}`;
    let s = this.known.get(key);
    if (s === undefined) this.known.set(key, (s = this.read(match!, actions!, l, dp.key)));
    return s;
  }

  private read(match: string, actions: string, l: Lflow, datapath: number): Sentence | string {
    const { symbols, addressSets, portGroups } = this;
    try {
      const written = parseExpression(match, { symbols, addressSets, portGroups, datapath });
      const parsed = parseActions(actions, {
        symbols,
        pipeline: l.pipeline,
        table: l.table,
        tables: PIPELINE_TABLES,
        release: this.release.symbols,
      });
      const whole = parsed.prereqs ? combine("and", written, parsed.prereqs) : written;
      return { expr: simplify(annotate(whole ?? booleanExpr(true), symbols)), actions: parsed.actions };
    } catch (e) {
      if (e instanceof OvnSyntaxError) return e.message;
      throw e;
    }
  }
}

const SENTENCES = new WeakMap<Zone, Map<string, Sentences>>();

function sentencesOf(zone: Zone, release: ControllerRelease): Sentences {
  const byRelease = SENTENCES.get(zone) ?? new Map<string, Sentences>();
  SENTENCES.set(zone, byRelease);
  let s = byRelease.get(release.symbols);
  if (!s) byRelease.set(release.symbols, (s = new Sentences(zone, release)));
  return s;
}

/** Makes the flows. `originOf` gives each flow on each datapath its origin. */
export function lflowFlows(
  p: Physical,
  templates: ReadonlyMap<string, string>,
  originOf: (l: Lflow, dp: LogicalDatapath) => Origin,
): LflowFault[] {
  const { chassis, release } = p;
  const { topology } = chassis;
  const sentences = sentencesOf(chassis.zone, release);
  const related = relatedPorts(p);
  const faults: LflowFault[] = [];
  let nextConjunction = FIRST_CONJUNCTION;
  for (const dp of chassis.localDatapaths) {
    const lookupPort = (name: string) => portKey(topology, dp, name);
    const context: Omit<EncodeContext, "pipeline" | "cookie" | "groupId"> = {
      isSwitch: dp.kind === "switch",
      tables: release.tables,
      lookupPort,
      tunnelPort: (name) => tunnelPort(p, topology, name),
      // Limits of rate, which decide nothing here.
      meterId: () => 1,
      datapathKey: dp.key,
      hasCollectorSet: () => false,
      form: release.form,
      zeroSnat: true,
    };
    for (const l of dp.lflows) {
      const origin = originOf(l, dp);
      const sentence = sentences.of(l, dp, templates);
      if (typeof sentence === "string") {
        faults.push({ lflow: l, origin, message: sentence });
        continue;
      }
      const flows = toMatches(normalize(resolveConditions(sentence.expr, chassis.isResident)), lookupPort, { firstId: nextConjunction });
      nextConjunction = Math.max(nextConjunction, ...flows.map((m) => m.conjId + 1), ...flows.flatMap((m) => m.conj.map((c) => c.id + 1)));
      const cookie = l.uuid === "" ? 0 : Number.parseInt(l.uuid.slice(0, 8), 16);
      let actions: string | undefined;
      const table = l.table + (l.pipeline === "ingress" ? release.tables.ingress : release.tables.egress);
      for (const f of flows) {
        if (dp.kind === "switch" && isElsewhere(f.match, l.pipeline, dp, related)) continue;
        const text = [matchText(f.match), `metadata=${hex(dp.key)}`].filter((x) => x !== "").join(",");
        if (f.conj.length > 0) {
          const parts = f.conj.map((c) => `conjunction(${c.id},${c.clause}/${c.of})`);
          // Several rows may have a part in it: it is none's.
          p.add(table, l.priority, 0, text, parts, origin);
          continue;
        }
        try {
          actions ??= openFlowText(
            encodeActions(written(sentence.actions, release), {
              ...context,
              pipeline: l.pipeline,
              cookie,
              groupId: (group) => p.desired.group(group, origin),
            }),
          );
        } catch (e) {
          if (!(e instanceof NoWireForm)) throw e;
          faults.push({ lflow: l, origin, message: e.message });
          break;
        }
        p.add(table, l.priority, cookie, text, [actions], origin);
      }
    }
  }
  return faults;
}

/**
 * The actions that reach the switch: earlier releases lose a `ct_commit { … }` that others stand before (encode_CT_COMMIT_V2 of
 * lib/actions.c takes the first action of the flow for its own), as flows of OVN 23.03 show.
 */
function written(actions: readonly LogicalAction[], release: ControllerRelease): readonly LogicalAction[] {
  return release.number < 2403 ? actions.filter((a, i) => i === 0 || a.type !== "ct_commit") : actions;
}

/** Ports whose own flows a chassis has: those that are here, and those that are nowhere in particular. */
function relatedPorts(p: Physical): ReadonlySet<string> {
  const { chassis } = p;
  const out = new Set<string>();
  for (const port of chassis.topology.ports.values()) {
    const parent = chassis.topology.ports.get(parentOf(port));
    const here =
      ["patch", "localnet", "localport"].includes(port.type) ||
      (port.type === "remote" && p.release.number >= 2403) ||
      chassis.isBoundHere(port) ||
      chassis.isAdditional(port) ||
      (parent !== undefined && chassis.isBoundHere(parent));
    if (here) out.add(`${port.datapath.key} ${port.key}`);
  }
  return out;
}

function isElsewhere(match: Match, pipeline: Lflow["pipeline"], dp: LogicalDatapath, related: ReadonlySet<string>): boolean {
  const port = match.find((x) => x.w === PORT_WORD[pipeline])?.v ?? 0;
  return port !== 0 && port < MULTICAST && !related.has(`${dp.key} ${port}`);
}

function tunnelPort(p: Physical, topology: Topology, name: string): number | undefined {
  const port = topology.ports.get(name);
  const chassis = port && p.chassis.chassisOf(port);
  const tunnel = chassis && p.chassis.tunnelTo(chassis);
  return tunnel && p.numberOf(tunnel.key);
}
