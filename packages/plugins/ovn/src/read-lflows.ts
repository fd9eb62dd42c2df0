/**
 * `ovn-sbctl [--uuid] [--ovs|--vflows] lflow-list [DATAPATH]`, OVN 21.12 to main, and partial pastes of it.
 *
 * A datapath's header gives name and pipeline; without one (a paste) the pipeline is read off the stage's name and the
 * datapath is the one named on the command line, or unknown. A UUID may stand on a line of its own before its flow, cut
 * short or not; a flow may be wrapped over several lines. The `match` and the `actions` are kept verbatim.
 */
import type { ReadContext } from "@plumbline/model";
import type { LflowFact, Pipeline } from "./facts.js";
import type { Value } from "./values.js";

const HEADER = /^Datapath: (.*?)\s+\(([0-9a-f-]{36})\)\s+Pipeline: (ingress|egress)\s*$/;
const FLOW = /^\s*(?:uuid=0x([0-9a-fA-F]+)[^,\s]*,?\s*)?table=(\d+)\s*\(\s*(\w+)\s*\),\s*priority=(\d+)\s*,\s*match=\(/;
const UUID_ALONE = /^\s*uuid=0x([0-9a-fA-F]+)\S*\s*$/;
const SPLIT = "), action=(";

/** Sections that `--vflows` adds, and the table whose rows stand in them. */
const SECTIONS: { readonly [heading: string]: string } = {
  "Port Bindings:": "Port_Binding",
  "MAC Bindings:": "MAC_Binding",
  "MC Groups:": "Multicast_Group",
  "Chassis:": "Chassis",
  "Load Balancers:": "Load_Balancer",
};

/** Stages are named lr_in_x, ls_out_y: the pipeline is in the name. */
function pipelineOfStage(stage: string): Pipeline | undefined {
  if (/^l[rs]_in_/.test(stage)) return "ingress";
  if (/^l[rs]_out_/.test(stage)) return "egress";
  return undefined;
}

/** 32 digits become a UUID; anything shorter keeps the 8 that a cookie has. */
function uuidOf(digits: string | undefined): string {
  if (!digits) return "";
  const hex = digits.toLowerCase();
  if (hex.length === 32) return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return hex.padStart(8, "0").slice(0, 8);
}

/** The name of a datapath in its header: `"a" aka "b"` is known as b too; the first is what ports and rows refer to. */
function datapathName(quoted: string): string {
  return /^"([^"]*)"/.exec(quoted)?.[1] ?? quoted;
}

/** A header of the list. */
export interface LflowHeader {
  readonly name: string;
  readonly uuid: string;
  readonly line: number;
  readonly text: string;
}

/** @param headers is told the datapaths that stand above flows */
export function readLflows(text: string, commandDatapath: string, ctx: ReadContext, headers?: (header: LflowHeader) => void): void {
  const lines = text.split("\n");
  let datapath = commandDatapath;
  let pipeline: Pipeline | undefined;
  let section = "";
  let pending = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trimEnd();
    if (line.trim() === "") continue;
    const header = HEADER.exec(line);
    if (header) {
      datapath = datapathName(header[1]!);
      pipeline = header[3] as Pipeline;
      section = "";
      headers?.({ name: datapath, uuid: header[2]!, line: i + 1, text: line });
      continue;
    }
    if (line.trim() in SECTIONS) {
      section = SECTIONS[line.trim()]!;
      continue;
    }
    const alone = UUID_ALONE.exec(line);
    if (alone) {
      pending = alone[1]!;
      continue;
    }
    const at = i + 1;
    const m = FLOW.exec(line);
    if (!m) {
      if (section !== "" && readVflowRow(line, section, at, ctx)) continue;
      // OpenFlow lines of --ovs and --vflows hang under their logical flow.
      if (/\bactions=/.test(line)) continue;
      ctx.problem("warning", at, `not a logical flow: ${line.trim().slice(0, 80)}`);
      continue;
    }
    let whole = line;
    while (!(whole.includes(SPLIT) && whole.endsWith(")")) && i + 1 < lines.length && !startsRecord(lines[i + 1]!))
      whole += ` ${lines[++i]!.trim()}`;
    const split = whole.indexOf(SPLIT);
    const stage = m[3]!;
    const flowPipeline = pipelineOfStage(stage) ?? pipeline;
    if (split < 0 || !whole.endsWith(")") || !flowPipeline) {
      const what = flowPipeline ? "logical flow cut short" : `stage ${stage} tells no pipeline, and no datapath line stands before it`;
      ctx.problem("warning", at, `${what}: ${line.trim().slice(0, 80)}`, "Collect it again: ovn-sbctl --uuid lflow-list");
      pending = "";
      continue;
    }
    const fact: LflowFact = {
      uuid: uuidOf(m[1] ?? pending),
      datapath,
      pipeline: flowPipeline,
      table: Number(m[2]),
      stage,
      priority: Number(m[4]),
      match: whole.slice(m[0].length, split),
      actions: whole.slice(split + SPLIT.length, -1),
    };
    pending = "";
    ctx.fact("ovn.lflow", fact, at, whole.trim());
  }
}

function startsRecord(line: string): boolean {
  return line.trim() === "" || FLOW.test(line) || HEADER.test(line) || UUID_ALONE.test(line) || line.trim() in SECTIONS;
}

/** `uuid=0x…, logical_port=x, ip=y, mac=z` of a --vflows section. False if the line is none. */
function readVflowRow(line: string, table: string, at: number, ctx: ReadContext): boolean {
  const m = /^\s*uuid=0x([0-9a-f]+),?\s*(.*)$/.exec(line);
  if (!m) return /^\s+\S/.test(line);
  const columns: { [column: string]: Value } = {};
  for (const f of m[2]!.matchAll(/(\w+)=("[^"]*"|\([^)]*\)|[^,]*)/g)) columns[f[1]!] = f[2]!.trim().replace(/^"(.*)"$/, "$1");
  ctx.fact("ovn.row", { database: "southbound", table, uuid: uuidOf(m[1]), columns, ownLine: true }, at, line.trim());
  return true;
}

/** `ovn-appctl ct-zone-list`. */
export function readZones(text: string, ctx: ReadContext): void {
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    const m = /^(\S+) (\d+)$/.exec(line.trim());
    if (m) ctx.fact("ovn.ct-zone", { name: m[1]!, zone: Number(m[2]) }, i + 1, line.trim());
    else ctx.problem("warning", i + 1, `not a 'name zone' line: ${line.slice(0, 60)}`);
  });
}
