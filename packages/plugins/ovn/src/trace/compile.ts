/** All logical flows of a southbound database lowered: rules of the class tables, and which flow each rule is. */
import type { Action, Match, Rule } from "@plumbline/model";
import type { FlowTable } from "../db/flow-table.js";
import { pipelineAt, tableAt } from "../db/flow-table.js";
import type { FlowMatch } from "../expr/index.js";
import { portKey } from "../logical/flows.js";
import type { LogicalDatapath } from "../logical/topology.js";
import { type ActionForm, fillActions, isFlat, learnActions } from "./action-forms.js";
import { flowOrder } from "./row-order.js";
import type { SaidActions, SaidMatch, Sentences } from "./sentences.js";
import { programOf } from "./style/program.js";
import { type ClassTable, type LogicalTables, onDatapath } from "./tables.js";
import { formOf } from "./templates.js";

/** What the reader of a trace needs to know of the rules. */
export interface RuleMap {
  /** By rule: the flow that it is, -1 if it is none or only goes on to the next table. */
  readonly flowOf: Int32Array;
  /** By table: the logical table. */
  readonly placeOf: ReadonlyMap<number, number>;
  /** Stages of tables with a group's flows, and of those with flows of one datapath (by table and index of the datapath). */
  readonly stageOf: ReadonlyMap<number, number>;
  readonly ownStageOf: ReadonlyMap<number, number>;
}
/** Key of {@link RuleMap.ownStageOf}. */
export const ownStage = (table: number, datapath: number): number => table * 2 ** 20 + datapath;

const PASSAGE = -1;
/** Of rules that are parts of conjunctions. */
const NOTHING: readonly Action[] = [];
/** Programs that are kept to be shared. */
const MOST_PROGRAMS = 20_000;

export interface CompileInput {
  readonly tables: LogicalTables;
  readonly flows: FlowTable;
  readonly sentences: Sentences;
  /** The datapaths of a set of {@link FlowTable.sets}. */
  datapathsOf(set: number): readonly LogicalDatapath[];
  /** The flow cannot be used. */
  fault(flow: number, message: string): void;
}

export function compileFlows(input: CompileInput): RuleMap {
  const c = new Compiler(input);
  c.all();
  return c.map();
}

class Compiler {
  private flowOf = new Int32Array(1 << 12).fill(-1);
  private readonly stageOf = new Map<number, number>();
  private readonly ownStageOf = new Map<number, number>();
  /** By table, then by number of the actions' text; those that name ports by what the names stand for. */
  private readonly programs = new Map<number, Map<number, readonly Action[]>>();
  private readonly namingPrograms = new Map<string, readonly Action[]>();
  private lastStage = -1;
  /** By table. */
  private readonly forms = new Map<number, Map<string, (ActionForm & { readonly said: SaidActions }) | "once" | null>>();
  /** Texts of actions that have no form. */
  private readonly unformed = new Set<number>();
  private readonly faulty = new Set<number>();

  constructor(private readonly input: CompileInput) {}

  map(): RuleMap {
    const { net } = this.input.tables;
    const flowOf = new Int32Array(net.rules.length).fill(-1);
    flowOf.set(this.flowOf.subarray(0, Math.min(this.flowOf.length, flowOf.length)));
    return { flowOf, placeOf: this.input.tables.placeOf, stageOf: this.stageOf, ownStageOf: this.ownStageOf };
  }

  all(): void {
    const { flows, tables } = this.input;
    const places = new Map<number, number[]>();
    // Where flows overlap at one priority, that is hit which ovn-trace takes: the first that it meets.
    for (const f of flowOrder(flows)) {
      const place = flows.place(f);
      const list = places.get(place);
      if (list) list.push(f);
      else places.set(place, [f]);
    }
    for (const [place, of] of places) {
      const groups = [...new Set(of.map((f) => flows.setAt(f)))].map((s) => this.input.datapathsOf(s)).filter((d) => d.length > 1);
      tables.classify(place, groups);
    }
    for (const [place, of] of places) {
      const classes = tables.classesOf(place);
      const met = new Map<number, readonly ClassTable[]>();
      for (const f of of) {
        const set = flows.setAt(f);
        const datapaths = this.input.datapathsOf(set);
        if (datapaths.length === 1) this.one(f, datapaths[0], classes[tables.indexOf.get(datapaths[0])!]);
        else if (datapaths.length > 1) {
          let into = met.get(set);
          if (!into) met.set(set, (into = [...new Set(datapaths.map((d) => classes[tables.indexOf.get(d)!]))]));
          this.group(f, into);
        }
      }
    }
  }

  private said(f: number, dp: LogicalDatapath): { readonly actions: SaidActions; readonly match: SaidMatch } | undefined {
    const { flows, sentences } = this.input;
    const actions = sentences.actions(flows.actions(f), flows.place(f));
    const match = typeof actions === "string" ? actions : sentences.match(flows.match(f), actions, dp);
    if (typeof match !== "string" && typeof actions !== "string") return { actions, match };
    if (!this.faulty.has(f)) {
      this.faulty.add(f);
      this.input.fault(f, typeof match === "string" ? match : (actions as string));
    }
    return undefined;
  }

  /** A flow whose actions are of a form that is known: its match, and its program. */
  private formed(f: number, dp: LogicalDatapath, into: ClassTable) {
    const { flows, sentences, tables } = this.input;
    const text = flows.actions(f);
    if (this.unformed.has(text)) return undefined;
    const { form, constants } = formOf(flows.texts.at(text));
    if (constants.length === 0 || !isFlat(form)) {
      this.unformed.add(text);
      return undefined;
    }
    let forms = this.forms.get(into.table.id);
    if (!forms) this.forms.set(into.table.id, (forms = new Map()));
    let known = forms.get(form);
    if (known === undefined) {
      // What is met but once is not worth learning.
      forms.set(form, "once");
      return undefined;
    }
    if (known === "once") {
      let said: SaidActions | undefined;
      const learned = learnActions(form, (text, port) => {
        const actions = sentences.readActions(text, into.place);
        if (typeof actions === "string" || (said && said.needs !== actions.needs)) return undefined;
        said = actions;
        return programOf(tables, into.scope, pipelineAt(into.place), actions.actions, port);
      });
      known = learned && said ? { ...learned, said: { ...said, actions: [] } } : null;
      forms.set(form, known);
    }
    if (!known) return undefined;
    const lookup = this.lookup(dp);
    const program = fillActions(known, constants, (name) => lookup(name) ?? 0);
    const match = program && sentences.match(flows.match(f), known.said, dp);
    return program && match !== undefined && typeof match !== "string" && !match.unsure ? { match, program } : undefined;
  }

  /** A flow of one datapath. */
  private one(f: number, dp: LogicalDatapath, into: ClassTable): void {
    const formed = this.formed(f, dp, into);
    if (formed) {
      const rows = formed.match.rows(this.lookup(dp), into.scope.datapaths.length === 1 ? undefined : dp.key);
      this.stage(f, dp, into);
      this.rules(f, formed, into, rows, dp);
      return;
    }
    const said = this.said(f, dp);
    if (!said) return;
    const alone = into.scope.datapaths.length === 1;
    const rows = said.match.rows(this.lookup(dp), alone ? undefined : dp.key);
    this.stage(f, dp, into);
    this.rules(f, said, into, rows, dp);
  }
  private stage(f: number, dp: LogicalDatapath, into: ClassTable): void {
    const stage = ownStage(into.table.id, this.input.tables.indexOf.get(dp)!);
    if (stage !== this.lastStage && !this.ownStageOf.has(stage)) this.ownStageOf.set(stage, this.input.flows.stageAt(f));
    this.lastStage = stage;
  }

  /** A flow of several datapaths, in each of their classes. */
  private group(f: number, into: readonly ClassTable[]): void {
    const { flows } = this.input;
    const perDatapath = flows.texts.at(flows.match(f)).includes("@");
    for (const c of into) {
      const { datapaths } = c.scope;
      if (perDatapath) {
        for (const dp of datapaths) this.one(f, dp, c);
        continue;
      }
      const said = this.said(f, datapaths[0]);
      if (!said) return;
      if (!this.stageOf.has(c.table.id)) this.stageOf.set(c.table.id, flows.stageAt(f));
      const names = [...said.match.names, ...said.actions.names];
      if (names.length === 0) {
        this.rules(
          f,
          said,
          c,
          said.match.rows(() => undefined, undefined),
          datapaths[0],
        );
        continue;
      }
      // Names mean something else on each datapath: those for which they mean the same have the flow in common.
      const alike = new Map<string, LogicalDatapath[]>();
      for (const dp of datapaths) {
        const lookup = this.lookup(dp);
        const sign = names.map(lookup).join();
        const list = alike.get(sign);
        if (list) list.push(dp);
        else alike.set(sign, [dp]);
      }
      for (const of of alike.values()) {
        const rows = said.match.rows(this.lookup(of[0]), undefined);
        const on =
          of.length === datapaths.length ? rows : of.flatMap((dp) => rows.map((r) => ({ ...r, match: onDatapath(r.match, dp.key) })));
        this.rules(f, said, c, on, of[0]);
      }
    }
  }

  private lookup(dp: LogicalDatapath): (name: string) => number | undefined {
    return (name) => portKey(this.input.tables.topology, dp, name);
  }

  private rules(
    f: number,
    { actions, match, program: own }: { actions?: SaidActions; match: SaidMatch; program?: readonly Action[] },
    into: ClassTable,
    rows: readonly FlowMatch[],
    dp: LogicalDatapath,
  ): void {
    if (rows.length === 0) return;
    const { flows } = this.input;
    const priority = flows.priority(f);
    const passage = actions !== undefined && !match.unsure && match.always && isPassage(actions, into.place);
    const plain: Match[] = [];
    // Rows that are the same part of the same conjunctions are one rule.
    let parts: Map<string, { readonly conj: FlowMatch["conj"]; readonly rows: Match[] }> | undefined;
    for (const r of rows) {
      if (r.conj.length === 0) {
        plain.push(r.match);
        continue;
      }
      parts ??= new Map();
      const key = r.conj.length === 1 ? `${r.conj[0].id}.${r.conj[0].clause}` : r.conj.map((c) => `${c.id}.${c.clause}`).join();
      const part = parts.get(key);
      if (part) part.rows.push(r.match);
      else parts.set(key, { conj: r.conj, rows: [r.match] });
    }
    if (parts) for (const part of parts.values()) this.rule(into, { priority, rows: part.rows, program: NOTHING, conj: part.conj }, -1);
    if (plain.length === 0) return;
    const program: readonly Action[] = match.unsure
      ? [{ op: "unknown", ...match.unsure, on: "" }]
      : (own ?? this.program(flows.actions(f), actions!, into, dp, passage));
    this.rule(into, { priority, rows: plain, program }, passage ? PASSAGE : f);
  }

  private rule(
    into: ClassTable,
    { priority, rows, program, conj }: Pick<Rule, "priority" | "rows" | "program" | "conj">,
    flow: number,
  ): void {
    const { net } = this.input.tables;
    const id = net.rules.length;
    const { table } = into;
    const r: Rule = { id, table: table.id, priority, rows, conj, program, origin: null, certainty: "proven", why: "" };
    net.rules.push(r);
    table.rules.push(r);
    if (id >= this.flowOf.length) {
      const more = new Int32Array(2 * id).fill(-1);
      more.set(this.flowOf);
      this.flowOf = more;
    }
    this.flowOf[id] = flow;
  }

  /** Flows of one class with the same actions share a program. */
  private program(
    text: number,
    { actions, names }: SaidActions,
    into: ClassTable,
    dp: LogicalDatapath,
    passage: boolean,
  ): readonly Action[] {
    const { tables } = this.input;
    const { scope, place } = into;
    const lookup = this.lookup(dp);
    const make = (): readonly Action[] => {
      const pipeline = pipelineAt(place);
      // A flow that only goes on is no line of the trace.
      return passage
        ? [tables.next(scope, pipeline, tableAt(place) + 1)]
        : programOf(tables, scope, pipeline, actions, (name) => lookup(name) ?? 0);
    };
    if (names.length > 0) return known(this.namingPrograms, `${into.table.id} ${text} ${names.map(lookup).join()}`, make);
    let of = this.programs.get(into.table.id);
    if (!of) this.programs.set(into.table.id, (of = new Map()));
    // A match that is not always true makes the same actions another program.
    return known(of, passage ? -1 : text, make);
  }
}

function known<K>(programs: Map<K, readonly Action[]>, key: K, make: () => readonly Action[]): readonly Action[] {
  let p = programs.get(key);
  if (!p) {
    p = make();
    if (programs.size >= MOST_PROGRAMS) programs.clear();
    programs.set(key, p);
  }
  return p;
}

/** Actions that do nothing but go on to the next table. */
function isPassage({ actions }: SaidActions, place: number): boolean {
  const [a, ...more] = actions;
  return more.length === 0 && a?.type === "next" && a.pipeline === pipelineAt(place) && a.table === tableAt(place) + 1;
}
