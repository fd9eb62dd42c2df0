/** `ovs-ofctl dump-groups BR` as a file. */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { parseGroupLine } from "../parse/groups.js";
import { outputLines } from "./output.js";

export function readGroups(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  const lines = outputLines(file, ctx);
  if (!lines) return;
  lines.forEach((raw, i) => {
    const line = raw.trimEnd();
    if (line.trim() === "" || /^\s*(NXST|OFPST|NXT)_?\w* reply/.test(line)) return;
    const { group, problems } = parseGroupLine(line);
    for (const p of problems)
      ctx.problem(
        group ? "warning" : "error",
        i + 1,
        p.message,
        group ? "Packets that this group handles so are answered 'unknown' from here on." : "",
      );
    if (group) ctx.fact("ovs.group", { bridge, group }, i + 1, line.trim());
  });
  ctx.fact("ovs.read", { bridge, what: "groups" }, 0, "");
}
