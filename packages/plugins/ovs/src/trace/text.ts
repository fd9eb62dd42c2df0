/** A trace in the shape of `ofproto/trace`'s text (ofproto/ofproto-dpif-trace.c), with the file and line of each rule. */
import { printFlow } from "../print/flow.js";
import type { Told, ToldThread } from "./answer-of.js";
import { reportText } from "./report.js";

const RULE = "=".repeat(79);

export function traceText(told: Told, notes: readonly string[]): string {
  const threads = told.threads.map((t) => `${headOf(t)}${bodyOf(t)}`).join("\n\n");
  return notes.length === 0 ? threads : `${threads}\n\n${notes.map((n) => `Note: ${n}`).join("\n")}`;
}

function headOf({ fork, given, thread }: ToldThread): string {
  if (!fork) return "";
  const state = given ? `ct_state=${thread.ctState}` : `default ct_state=trk|new (use --ct-next to customize)`;
  const nat = fork.nat
    ? `Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ${fork.nat.before}\n Modified flow: ${fork.nat.after}\n`
    : "";
  return `${RULE}\nrecirc(${thread.recirc}) - resume conntrack with ${state}\n${nat}${RULE}\n\n`;
}

function bodyOf(t: ToldThread): string {
  const { thread } = t;
  const end = [`Final flow: ${thread.finalFlow}`, `Megaflow: ${thread.megaflow}`, `Datapath actions: ${thread.datapathActions}`];
  if (t.failure) end.push(`Translation failed (${t.failure}), packet is dropped.`);
  else if (t.slow.length > 0) end.push("This flow is handled by the userspace slow path because it:", ...t.slow.map((s) => `  - ${s}.`));
  return `Flow: ${printFlow(t.initial.row, t.initial.options, t.frame)}\n${reportText(t.report)}\n${end.join("\n")}`;
}
