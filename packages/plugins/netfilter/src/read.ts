/**
 * Reads a file by what it is: each form to tables of the one typed form, as facts.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import type { TableAst } from "./ast.js";
import { sourceOf } from "./claim.js";
import { parseIpsets } from "./parse/ipset.js";
import { type Complain, parseIptables } from "./parse/iptables.js";
import { listedLines } from "./parse/iptables-listing.js";
import { parseNftJson } from "./parse/nft-json.js";
import { parseNftText } from "./parse/nft-text.js";

/** What a shell says in place of a listing where there is no nft: "bash: line 1: nft: command not found". */
const NO_NFT = /\bnft['"]?: (command not found|not found|No such file or directory)\s*$/m;

/** A list for people as tables, the lines as they stand there; null if it does not tell enough. */
function readListing(text: string, family: "ip" | "ip6", named: string, complain: Complain): TableAst[] | null {
  const listed = listedLines(text, complain);
  if (listed === null) return null;
  const lines = text.split("\n");
  const spelled = lines.map(() => "");
  for (const l of listed) spelled[l.line - 1] = l.text;
  const { tables } = parseIptables(`${spelled.join("\n")}\n`, family, named, complain);
  for (const t of tables)
    for (const c of t.chains) {
      if (c.line > 0) c.text = lines[c.line - 1];
      c.rules.forEach((r, i) => {
        c.rules[i] = { ...r, text: lines[r.line - 1] };
      });
    }
  return tables;
}

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
    case "people": {
      const tables = readListing(text, source.family, source.table, complain);
      if (tables === null) ctx.fact("netfilter.listing", { family: source.family, table: source.table }, 1, lineText(1));
      else for (const table of tables) ctx.fact("netfilter.table", { form: "iptables -L", table }, table.line, lineText(table.line));
      return;
    }
    case "nft": {
      if (NO_NFT.test(text.slice(0, 500))) {
        ctx.fact("netfilter.no-nft", {}, 1, lineText(1));
        return;
      }
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
