/**
 * The text of `ofproto/trace` as data: a thread for the packet as given and one for each recirculation
 * (ofproto/ofproto-dpif-trace.c, oftrace_node_print_details).
 *
 * Indentation tells the bridge of a step: what a patch port leads to is listed under a heading `bridge("…")` of its own, and goes
 * on as far as lines are indented at least as its first step. (The last of a list is not indented further than the list.)
 */

/** A rule that was hit, or a table in which none was. */
interface Step {
  readonly bridge: string;
  /**
   * Below the first heading of a resumed thread. That names the bridge at which the packet came in, whichever bridge's tables are gone
   * on with (OVS 3.1).
   */
  readonly resumed: boolean;
  readonly table: number;
  /** Absent where no rule matched. */
  readonly hit?: { readonly priority: number; readonly match: string; readonly cookie: string };
}
export interface Thread {
  /** Recirculation id as printed, null for the packet as given. */
  readonly recirc: string | null;
  /** Its flags in the order of the text. */
  readonly ctState: string | null;
  readonly steps: readonly Step[];
  readonly finalFlow: string;
  readonly megaflow: string;
  readonly datapathActions: string;
}
export interface TraceText {
  readonly threads: readonly Thread[];
  /** Actions as listed under the steps, and remarks (` -> …`, ` >> …`), without indentation. */
  readonly lines: readonly string[];
  /** `Recursion too deep` and the like: the translation failed. */
  readonly failed: string | null;
}

const STEP = /^( *)(\d+)\. (.*)$/;
/** A miss in another bridge than that of the packet is printed as the rule that OVS keeps for misses. */
const MISS_RULE = /^reg0=0x[1-3], priority 0$/;
const HIT = /^(?:(.*), )?priority (\d+)(?:, cookie (0x[0-9a-f]+))?/;

export function readTrace(text: string): TraceText {
  const threads: Thread[] = [];
  const lines: string[] = [];
  let failed: string | null = null;
  let recirc: string | null = null;
  let ctState: string | null = null;
  let steps: Step[] = [];
  let bridges: { name: string; from: number }[] = [];
  let finalFlow = "";
  let megaflow = "";
  for (const line of text.split("\n")) {
    const resumed = /^recirc\((0x[0-9a-f]+)\) - (?:resume conntrack with (?:default )?ct_state=([a-z|]*))?/.exec(line);
    const step = STEP.exec(line);
    const bridge = /^ *bridge\("(.*)"\)$/.exec(line);
    if (resumed) {
      recirc = resumed[1];
      ctState = resumed[2] ?? null;
      steps = [];
      bridges = [];
    }
    // Table numbers are aligned to two columns, remarks stand one further in.
    const column = step ? line.indexOf(".") - Math.max(step[2].length, 2) : /^ *(?= [->]> |\S)/.exec(line)?.[0].length;
    if (column !== undefined && !/^ *-+$/.test(line)) while (bridges.length > 1 && bridges.at(-1)!.from > column) bridges.pop();
    // A bridge begins with a look-up: where an action follows its heading, a patch port has led to nothing there.
    if (bridges.length > 1 && bridges.at(-1)!.from < 0 && !step && !bridge && /^ *[^ >-]/.test(line)) bridges.pop();
    if (bridge) bridges.push({ name: bridge[1], from: -1 });
    else if (step) {
      const at = bridges.at(-1)!;
      if (at.from < 0) at.from = column!;
      const hit = MISS_RULE.test(step[3]) ? null : HIT.exec(step[3]);
      steps.push({
        bridge: at.name,
        resumed: recirc !== null && bridges.length === 1,
        table: Number(step[2]),
        hit: hit ? { match: hit[1] ?? "", priority: Number(hit[2]), cookie: hit[3] ?? "0x0" } : undefined,
      });
    } else if (line.startsWith("Final flow: ")) finalFlow = line.slice(12);
    else if (line.startsWith("Megaflow: ")) megaflow = line.slice(10);
    else if (line.startsWith("Datapath actions: "))
      threads.push({ recirc, ctState, steps, finalFlow, megaflow, datapathActions: line.slice(18) });
    else if (line.startsWith("Translation failed")) failed = line;
    else if (/^ +\S/.test(line) && !/^ *-+$/.test(line)) lines.push(line.trim());
  }
  return { threads, lines, failed };
}
