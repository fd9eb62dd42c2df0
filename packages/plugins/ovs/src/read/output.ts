/** What the tools print when they have nothing to say, or could not ask. */
import type { EvidenceFile, ReadContext } from "@plumbline/model";

/** `ovs-ofctl: br-x is not a bridge or a socket`; a log line of the tool itself. */
const COMPLAINT = /^ovs-\w+: |^ovsdb-client: |^sh: |: command not found$/;
const LOG = /^\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|/;

/**
 * The lines of a command's output, without the tool's log. Null, with a problem, where the command failed or the file
 * is empty: then nothing is in evidence, which is not the same as an empty table.
 */
export function outputLines(file: EvidenceFile, ctx: ReadContext): string[] | null {
  const text = file.text();
  if (text.trim() === "") {
    ctx.problem(
      "warning",
      0,
      "the file is empty: the command printed nothing, not even its heading",
      "Collect it again, and see what it says on stderr.",
    );
    return null;
  }
  const lines = text.split("\n");
  // Both begin with a letter or digit of their own; most lines begin with a blank.
  for (let i = 0; i < lines.length; i++) if (lines[i].charCodeAt(4) === 45 && LOG.test(lines[i])) lines[i] = "";
  const failed = lines.findIndex((l) => l.charCodeAt(0) > 32 && COMPLAINT.test(l));
  if (failed < 0) return lines;
  ctx.problem("error", failed + 1, `the command failed: ${lines[failed].trim()}`, "Collect it again.");
  return null;
}
