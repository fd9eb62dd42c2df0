/** The answer of `plumbline ovn trace`: the JSON of docs/schemas/ovn-trace-1.json, and the tree that ovn-trace prints. */
import { EV, type Event, field, LEAF, type Row } from "@plumbline/model";
import { formatAction, formatActions, type LogicalAction, type Pipeline } from "../actions/index.js";
import { type FlowTable, pipelineAt, tableAt } from "../db/flow-table.js";
import { LOGICAL } from "../expr/index.js";
import type { LogicalDatapath, LogicalPort, Topology } from "../logical/topology.js";
import { ownStage, type RuleMap } from "./compile.js";
import { type Mark, markOf, render, type TextContext } from "./marks.js";
import { CHOICE } from "./style/parts.js";
import { actionLines } from "./style/program.js";
import { keyOf } from "./tables.js";

/** The northbound row that a flow was made from. */
export interface OvnOrigin {
  readonly table: string;
  readonly uuid: string;
  readonly name?: string;
}

/** A logical flow that was hit, or a table in which none was. */
export interface OvnStep {
  readonly datapath: string;
  readonly pipeline: Pipeline;
  readonly table: number;
  readonly stage: string;
  readonly priority?: number;
  readonly match?: string;
  /** First eight digits. */
  readonly uuid?: string;
  readonly actions?: string;
  /** What of the northbound database it was made from, where that is given. */
  readonly nb?: OvnOrigin;
  readonly file?: string;
  readonly line?: number;
  readonly miss?: true;
}

export interface OvnOutput {
  readonly datapath: string;
  readonly port: string;
  /** Port_Binding type. */
  readonly type: string;
}

export interface OvnTrace {
  readonly schema: "plumbline.ovn-trace/1";
  readonly microflow: string;
  readonly steps: readonly OvnStep[];
  readonly outputs: readonly OvnOutput[];
  readonly verdict: "output" | "drop" | "unknown";
  readonly notes: readonly string[];
}

/** A line of ovn-trace's output with what is under it. */
export interface TraceNode {
  readonly kind: "table" | Exclude<Mark["kind"], "end">;
  readonly text: string;
  /** Indented even where it is the last of its list. */
  readonly indented?: boolean;
  readonly under: TraceNode[];
}

export interface TraceTree {
  readonly steps: readonly OvnStep[];
  readonly outputs: readonly OvnOutput[];
  readonly roots: readonly TraceNode[];
  readonly notes: readonly string[];
  readonly unknown: boolean;
}

/** What is known of the compiled pipelines when events are read. */
export interface Legend {
  readonly flows: FlowTable;
  readonly topology: Topology;
  rules(): RuleMap;
  /** Texts of notes, and how choices are called, by the numbers that events have. */
  texts(): readonly string[];
  sites(): readonly { readonly how: string }[];
  /** The actions of a flow. */
  actionsOf(flow: number): readonly LogicalAction[];
  fileOf(flow: number): string;
  /** The northbound row that a flow was made from, by the first digits of its UUID. */
  northbound(hint: string): OvnOrigin | undefined;
}

/** What the events of a run say. */
export class TraceReader {
  private readonly datapaths: ReadonlyMap<number, { readonly index: number; readonly datapath: LogicalDatapath }>;

  constructor(private readonly legend: Legend) {
    this.datapaths = new Map([...legend.topology.datapaths.values()].map((datapath, index) => [datapath.key, { index, datapath }]));
  }

  /** @param asked how many connection states the question gave */
  read(events: readonly Event[], asked: number): TraceTree {
    const { legend } = this;
    const [rules, texts, sites] = [legend.rules(), legend.texts(), legend.sites()];
    const steps: OvnStep[] = [];
    const outputs: OvnOutput[] = [];
    const notes: string[] = [];
    const roots: TraceNode[] = [];
    // What is open, with the lines of the actions of the flow that it is under.
    const open: { readonly under: TraceNode[]; readonly lines: () => readonly string[] }[] = [{ under: roots, lines: () => [] }];
    let states = 0;
    let unknown = false;
    const add = (node: TraceNode, opens: boolean, lines?: () => readonly string[]) => {
      const top = open.at(-1)!;
      top.under.push(node);
      if (opens) open.push({ under: node.under, lines: lines ?? top.lines });
    };
    const context = (row: Row): TextContext => ({
      datapathName: () => this.at(row)?.datapath.friendly ?? "",
      portName: (r, side) => this.port(r, side)?.friendly ?? "(unnamed)",
      defaulted: states > asked,
    });
    for (const e of events) {
      if (e.kind === EV.choice && sites[e.a]?.how === CHOICE.ctState) states++;
      else if (e.kind === EV.hit) {
        const flow = rules.flowOf[e.b] ?? -1;
        if (flow < 0) continue;
        const step = this.step(flow, e.row);
        steps.push(step);
        const text = `${String(step.table).padStart(2)}. ${stageText(step.stage)}${step.match}, priority ${step.priority}, uuid ${step.uuid}`;
        let lines: readonly string[] | undefined;
        add({ kind: "table", text, under: [] }, true, () => (lines ??= this.lines(flow)));
      } else if (e.kind === EV.miss) {
        const place = rules.placeOf.get(e.a);
        if (place === undefined) continue;
        const on = this.at(e.row);
        const own = on && rules.ownStageOf.get(ownStage(e.a, on.index));
        const stage = legend.flows.stages[own ?? rules.stageOf.get(e.a) ?? 0];
        const table = tableAt(place);
        steps.push({ datapath: on?.datapath.friendly ?? "", pipeline: pipelineAt(place), table, stage, miss: true });
        add({ kind: "table", text: `${String(table).padStart(2)}. ${stageText(stage)}no match (implicit drop)`, under: [] }, false);
      } else if (e.kind === EV.note) {
        const mark = markOf(texts[e.a]);
        if (!mark) continue;
        switch (mark.kind) {
          case "end":
            if (open.length > 1) open.pop();
            break;
          case "action":
            add({ kind: "action", text: open.at(-1)!.lines()[Number(mark.text)] ?? "", under: [] }, false);
            break;
          case "output": {
            const port = this.port(e.row, "outport");
            const name = port?.friendly ?? this.group(e.row) ?? "(unnamed)";
            const type = port?.type ?? "";
            add({ kind: "output", text: `/* output to "${name}", type "${type}" */`, under: [] }, false);
            if (!port?.peer) outputs.push({ datapath: this.at(e.row)?.datapath.friendly ?? "", port: name, type });
            break;
          }
          default: {
            const text = render(mark.text, e.row, context(e.row));
            if (mark.kind === "error") notes.push(text);
            const opens = mark.kind === "pipeline" || mark.kind === "change";
            add({ kind: mark.kind, text, ...(mark.indented && { indented: true }), under: [] }, opens);
          }
        }
      } else if (e.kind === EV.leaf && (e.a === LEAF.looped || e.a === LEAF.unknown)) {
        unknown = true;
        const text = e.a === LEAF.looped ? "the packet goes on for ever: the trace ends here" : (texts[e.b] ?? "what follows is not known");
        notes.push(text);
        add({ kind: "error", text: `*** ${text}`, under: [] }, false);
      }
    }
    return { steps, outputs, roots, notes, unknown };
  }

  private at(row: Row) {
    return this.datapaths.get(keyOf(row));
  }
  private port(row: Row, side: "inport" | "outport"): LogicalPort | undefined {
    const key = row[WORDS[side]];
    return this.at(row)?.datapath.ports.find((p) => p.key === key);
  }
  private group(row: Row): string | undefined {
    const key = row[WORDS.outport];
    return this.at(row)?.datapath.groups.find((g) => g.key === key)?.name;
  }

  private step(flow: number, row: Row): OvnStep {
    const { flows } = this.legend;
    const line = flows.line(flow);
    const place = flows.place(flow);
    const nb = this.legend.northbound(flows.hint(flow));
    return {
      datapath: this.at(row)?.datapath.friendly ?? "",
      pipeline: pipelineAt(place),
      table: tableAt(place),
      stage: flows.stages[flows.stageAt(flow)],
      priority: flows.priority(flow),
      match: this.friendly(flows.texts.at(flows.match(flow))),
      uuid: flows.uuid(flow).slice(0, 8),
      actions: this.friendly(formatActions(this.legend.actionsOf(flow))),
      ...(nb && { nb }),
      file: this.legend.fileOf(flow),
      line,
    };
  }
  private lines(flow: number): readonly string[] {
    return actionLines(this.legend.actionsOf(flow), (a) => this.friendly(formatAction(a)));
  }
  /** Port names as the CMS gave them, for those that are UUIDs. */
  private friendly(text: string): string {
    return text.replace(/"([^"\\]*)"/g, (whole, name: string) => {
      const port = this.legend.topology.ports.get(name);
      return port ? `"${port.friendly}"` : whole;
    });
  }
}

const WORDS = { inport: field(LOGICAL.inport).word, outport: field(LOGICAL.outport).word };
const stageText = (stage: string) => (stage === "" ? "" : `${stage}: `);

/** Only endless ways go deeper. */
const DEEPEST_INDENT = 512;

/** The detailed form of ovn-trace's output (ovntrace_node_print_details). Endless ways make deep trees: no recursion. */
export function treeText(roots: readonly TraceNode[]): string {
  const out: string[] = [];
  const open = [{ nodes: roots, at: 0, level: 0 }];
  for (let list = open.at(-1); list; list = open.at(-1)) {
    const node = list.nodes[list.at++];
    if (!node) {
      open.pop();
      continue;
    }
    const title = node.kind === "pipeline" || node.kind === "change";
    const last = list.at === list.nodes.length;
    const more = !last || node.indented || (!title && node.kind !== "table") ? 1 : 0;
    const indent = " ".repeat(Math.min(list.level + more, DEEPEST_INDENT) * 4);
    if (title) out.push("");
    out.push(`${indent}${node.text}`);
    if (title) out.push(`${indent}${"-".repeat(node.text.length)}`);
    open.push({ nodes: node.under, at: 0, level: list.level + 2 * more });
  }
  return out.map((line) => `${line}\n`).join("");
}
