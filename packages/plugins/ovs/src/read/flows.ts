/**
 * `ovs-ofctl dump-flows BR` and `ovs-appctl bridge/dump-flows BR` as files.
 *
 * A dump that is cut off lacks flows, and a lacking flow may be the one a packet hits. A cut dump is therefore told from
 * a whole one by its last line, and an excerpt (lines that somebody pasted) by the lack of what every dump has: a header
 * or the blank before each flow.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { parseFlowLine } from "../parse/flow.js";
import { outputLines } from "./output.js";
import { parseDatapathFlowLine } from "./statistics.js";

const HEADER = /^\s*(NXST|OFPST)_FLOW reply|^\s*OFPT_|^\s*NXT_/;
const BROKEN_HINT = "Collect the dump again, to a file, and check that the command ended by itself.";

export function readFlows(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  const lines = outputLines(file, ctx);
  if (!lines) return;
  let excerpt = true;
  let last = { line: 0, table: 0, used: true, sound: true };
  let ascending = true;
  let top = 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < lines.length; i++) {
    const raw = lines[i];
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    // A header has no flow's cookie in its first columns.
    if (!line.startsWith(" cookie=") && HEADER.test(line)) {
      excerpt = false;
      continue;
    }
    if (line.startsWith(" ") || /^(table_id|duration)=/.test(line)) excerpt = false;
    const { flow, problems } = parseFlowLine(line);
    const ofDatapath = flow ? null : parseDatapathFlowLine(line);
    if (ofDatapath) {
      ctx.fact("ovs.datapath-flow", ofDatapath, i + 1, trimmed);
      continue;
    }
    for (const p of problems)
      ctx.problem(
        p.harmless ? "info" : flow ? "warning" : "error",
        i + 1,
        p.message,
        p.harmless ? "" : flow ? "The flow is kept; packets that hit it are answered 'unknown' from here on." : "",
      );
    last = { line: i + 1, table: last.table, used: flow !== null, sound: problems.length === 0 };
    if (!flow) continue;
    if (typeof flow.table === "number") {
      if (flow.table < top) ascending = false;
      top = Math.max(top, flow.table);
      lowest = Math.min(lowest, flow.table);
      last.table = flow.table;
    }
    // Table 254 holds what OVS made for itself (`bridge/dump-flows` prints it); no packet is sent there by a flow.
    if (flow.table !== 254) ctx.fact("ovs.flow", { bridge, flow }, i + 1, trimmed);
  }
  const ends = file.text().endsWith("\n");
  // Without a line end, a last line that does not parse was cut; one that does may have been pasted.
  const cut = !last.used || (!ends && (!last.sound || /[,:(=>]\s*$/.test(lines[lines.length - 1])));
  if (cut)
    ctx.problem(
      "error",
      last.line,
      `the dump of ${bridge} is cut off here: flows of table ${last.table} and later may be lacking, and packets that meet no other flow there are 'unknown'`,
      BROKEN_HINT,
    );
  else if (!ends && last.line > 0)
    ctx.problem("info", last.line, "the file does not end in a line end: it may be cut off here", BROKEN_HINT);
  if (excerpt && last.line > 0)
    ctx.problem(
      "info",
      0,
      `these flows of ${bridge} have no heading: taken as an excerpt, so packets that meet none of them are 'unknown'`,
      `Collect \`ovs-ofctl -O OpenFlow15 dump-flows ${bridge}\`.`,
    );
  // Packets enter at table 0: a dump of some flows without one there was filtered (`dump-flows BR table=21`, grep).
  if (!excerpt && !cut && lowest > 0 && lowest !== Number.POSITIVE_INFINITY) {
    excerpt = true;
    ctx.problem(
      "info",
      0,
      `these flows of ${bridge} begin at table ${lowest}: taken as an excerpt, so packets that meet none of them are 'unknown'`,
      `Collect \`ovs-ofctl -O OpenFlow15 dump-flows ${bridge}\`.`,
    );
  }
  // Only a dump in order of tables tells which tables are complete.
  const from = cut && ascending ? last.table : 0;
  ctx.fact(
    "ovs.flow-dump",
    { bridge, extent: cut ? "cut" : excerpt && last.line > 0 ? "excerpt" : "whole", from },
    cut ? last.line : 0,
    cut ? (lines[last.line - 1] ?? "").trim() : "",
  );
}
