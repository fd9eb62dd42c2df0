/** What a pass through the tables did, of the text of `ofproto/trace`. */
import { split } from "../ofproto/tables.js";
import { readTrace } from "../ofproto/trace-text.js";

/** What one pass through the tables did. */
export interface Pass {
  /** `table/cookie`, or `table/none` where no flow matched, in order. */
  readonly hits: readonly string[];
  /** Datapath ports, in order. */
  readonly outputs: readonly number[];
  /** Zones of `ct`, in order. */
  readonly zones: readonly number[];
}

/** One for the packet as it came and one for each resumption. Throws on a trace that failed for a reason of its own (loops, depth). */
export function readPasses(text: string): Pass[] {
  const { threads, lines, failed } = readTrace(text);
  const why = failed ?? lines.find((l) => /^>> .*(depth|recursi|limit|too many|maximum)/i.test(l));
  if (why) throw new Error(why);
  return threads.map((t) => ({ hits: t.steps.map((s) => `${s.table}/${s.hit ? s.hit.cookie : "none"}`), ...datapath(t.datapathActions) }));
}

/** Outputs and zones of datapath actions, through `clone(...)` and the like. */
function datapath(text: string): { outputs: number[]; zones: number[] } {
  const outputs: number[] = [];
  const zones: number[] = [];
  for (const action of split(text)) {
    const call = /^([a-z_]+)\((.*)\)$/s.exec(action);
    if (/^\d+$/.test(action)) outputs.push(Number(action));
    else if (call?.[1] === "ct") zones.push(Number(/(?:^|,)zone=(\d+)/.exec(call[2])?.[1] ?? 0));
    else if (call?.[1] === "clone") {
      const inner = datapath(call[2]);
      outputs.push(...inner.outputs);
      zones.push(...inner.zones);
    } else if (action === "ct") zones.push(0);
  }
  return { outputs, zones };
}
