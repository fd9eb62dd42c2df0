/**
 * Reads a file by what it is: each form to tables of the one typed form, as facts.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { sourceOf } from "./claim.js";
import { parseIpsets } from "./parse/ipset.js";
import { type Complain, parseIptables } from "./parse/iptables.js";
import { parseNftJson } from "./parse/nft-json.js";
import { parseNftText } from "./parse/nft-text.js";

export function read(file: EvidenceFile, ctx: ReadContext): void {
  const source = sourceOf(file)?.source;
  if (!source) throw new Error("a file that was not claimed");
  const text = file.text();
  const lines = text.split("\n");
  const lineText = (n: number) => lines[n - 1] ?? "";
  const complain: Complain = (severity, line, message, hint) => ctx.problem(severity, line, message, hint);
  switch (source.kind) {
    case "save":
    case "list": {
      const named = source.kind === "list" ? source.table : null;
      const parsed = parseIptables(text, source.family, named, complain, source.variant);
      const form = source.kind === "save" || parsed.save ? "iptables-save" : "iptables -S";
      // An error message instead of a dump says nothing of what is there; one table says nothing of the others.
      const whole = parsed.tables.length > 0 || text.trim() === "" || text.startsWith("#");
      if (form === "iptables-save" && whole && !(source.kind === "save" && source.table !== null))
        ctx.fact("netfilter.ruleset", { form, family: source.family, variant: parsed.variant }, 0, lineText(1));
      for (const table of parsed.tables) {
        ctx.fact("netfilter.table", { form, table }, table.line, lineText(table.line));
        if (!table.whole) {
          const chains = table.chains.map((c) => c.name);
          ctx.fact("netfilter.partial", { family: source.family, table: table.name, chains }, table.line, lineText(table.line));
          ctx.problem(
            "info",
            table.line,
            `some lines of table ${table.name}, without its policies: the rest of the table is not in evidence`,
            `Collect ${source.family === "ip" ? "iptables" : "ip6tables"}-save -c.`,
          );
        }
      }
      return;
    }
    case "people":
      ctx.fact("netfilter.listing", { family: source.family, table: source.table }, 1, lineText(1));
      return;
    case "nft": {
      const tables = source.json ? parseNftJson(text, complain) : parseNftText(text, complain);
      if (tables === null) return;
      if (source.table === null) ctx.fact("netfilter.ruleset", { form: "nft", family: "all", variant: "" }, 0, lineText(1));
      for (const table of tables) ctx.fact("netfilter.table", { form: "nft", table }, table.line, lineText(table.line));
      return;
    }
    case "ipset":
      for (const s of parseIpsets(text, complain)) ctx.fact("netfilter.ipset", s.set, s.line, s.text);
      return;
  }
}
