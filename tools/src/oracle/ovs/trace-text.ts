/**
 * The text of `ofproto/trace`: which flows were hit in which tables, what the datapath is told to do.
 *
 * One section for the packet as it came and one for each resumption (`recirc(0x1) - resume conntrack …`).
 */

/** What one pass through the tables did. */
export interface Pass {
  /** `table/cookie`, or `table/none` where no flow matched, in order. */
  readonly hits: readonly string[];
  /** Datapath ports, in order. */
  readonly outputs: readonly number[];
  /** Zones of `ct`, in order. */
  readonly zones: readonly number[];
}

const HIT = /^\s*(\d+)\. (?:(.*?),? ?priority \d+(?:, cookie (0x[0-9a-f]+))?.*|No match\.?)$/;

/** Throws on a trace that failed for a reason of its own (loops, depth). */
export function readTrace(text: string): Pass[] {
  const passes: Pass[] = [];
  let hits: string[] = [];
  for (const line of text.split("\n")) {
    const hit = HIT.exec(line);
    if (hit) hits.push(`${hit[1]}/${line.includes("No match") ? "none" : (hit[3] ?? "0x0")}`);
    const actions = /^Datapath actions: (.*)$/.exec(line);
    if (actions) {
      passes.push({ hits, ...datapath(actions[1]) });
      hits = [];
    }
    if (/^Translation failed|^\s*>> .*(depth|recursi|limit|too many|maximum)/i.test(line)) throw new Error(line.trim());
  }
  return passes;
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

/** Parts between commas outside of parentheses. */
function split(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if ((c === "," || c === undefined) && depth === 0) {
      out.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return out;
}
