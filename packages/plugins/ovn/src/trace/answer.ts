/** The answer of `plumbline ovn trace`: the JSON of docs/schemas/ovn-trace-1.json, and the tree that ovn-trace prints. */
import { EV, type Event, LEAF, type Numbering, type Rule } from "@plumbline/model";
import { formatActions, type Pipeline } from "../actions/index.js";
import type { LogicalDevice, LogicalPipelines } from "../logical/pipelines.js";
import type { Mark, Marks, TraceState } from "./marks.js";
import { CHOICE, friendly, isPassage } from "./style.js";

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

/** What the events of a run say. */
export class TraceReader {
  private readonly tables = new Map<number, { on: LogicalDevice; pipeline: Pipeline; n: number; stage: string }>();

  constructor(
    private readonly pipelines: LogicalPipelines,
    private readonly marks: Marks,
    private readonly num: Numbering,
    private readonly rules: readonly Rule[],
  ) {
    for (const on of pipelines.devices.values())
      for (const [key, t] of on.allTables()) {
        const [pipeline, n] = key.split(" ");
        this.tables.set(t.id, { on, pipeline: pipeline as Pipeline, n: Number(n), stage: on.stages.get(key) ?? "" });
      }
  }

  /** @param asked how many connection states the question gave */
  read(events: readonly Event[], asked: number): TraceTree {
    const steps: OvnStep[] = [];
    const outputs: OvnOutput[] = [];
    const notes: string[] = [];
    const roots: TraceNode[] = [];
    const open: TraceNode[][] = [roots];
    let states = 0;
    let unknown = false;
    const add = (node: TraceNode, opens: boolean) => {
      open.at(-1)!.push(node);
      if (opens) open.push(node.under);
    };
    for (const e of events) {
      if (e.kind === EV.choice && this.num.sites[e.a]?.how === CHOICE.ctState) states++;
      else if (e.kind === EV.hit) {
        const found = this.pipelines.flowOf(this.rules[e.b]);
        if (!found || isPassage(found.flow)) continue;
        const { on, flow } = found;
        const { lflow } = flow;
        const rule = this.rules[e.b];
        steps.push({
          datapath: on.datapath.friendly,
          pipeline: lflow.pipeline,
          table: lflow.table,
          stage: lflow.stage,
          priority: lflow.priority,
          match: friendly(on, lflow.match),
          uuid: lflow.uuid.slice(0, 8),
          actions: friendly(on, formatActions(flow.actions)),
          ...(rule.origin && { file: rule.origin.file, line: rule.origin.line }),
        });
        const stage = lflow.stage === "" ? "" : `${lflow.stage}: `;
        const text = `${String(lflow.table).padStart(2)}. ${stage}${friendly(on, lflow.match)}, priority ${lflow.priority}, uuid ${lflow.uuid.slice(0, 8)}`;
        add({ kind: "table", text, under: [] }, true);
      } else if (e.kind === EV.miss) {
        const t = this.tables.get(e.a);
        if (!t) continue;
        steps.push({ datapath: t.on.datapath.friendly, pipeline: t.pipeline, table: t.n, stage: t.stage, miss: true });
        const stage = t.stage === "" ? "" : `${t.stage}: `;
        add({ kind: "table", text: `${String(t.n).padStart(2)}. ${stage}no match (implicit drop)`, under: [] }, false);
      } else if (e.kind === EV.note) {
        const mark = this.marks.find(this.num.texts[e.a]);
        if (!mark) continue;
        if (mark.kind === "end") {
          if (open.length > 1) open.pop();
          continue;
        }
        const state: TraceState = { ctDefault: states > asked };
        if (mark.kind === "output") {
          const type = mark.port?.type ?? "";
          add({ kind: "output", text: `/* output to "${mark.name}", type "${type}" */`, under: [] }, false);
          if (!mark.port?.peer) outputs.push({ datapath: mark.datapath, port: mark.name, type });
          continue;
        }
        const text = typeof mark.text === "string" ? mark.text : mark.text(e.row, state);
        if (mark.kind === "error") notes.push(text);
        const indented = mark.kind === "pipeline" && mark.indented === true;
        add({ kind: mark.kind, text, ...(indented && { indented }), under: [] }, mark.kind === "pipeline" || mark.kind === "change");
      } else if (e.kind === EV.leaf && e.a === LEAF.looped) {
        unknown = true;
        const text = "the packet goes on for ever: the trace ends here";
        notes.push(text);
        add({ kind: "error", text: `*** ${text}`, under: [] }, false);
      }
    }
    return { steps, outputs, roots, notes, unknown };
  }
}

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
