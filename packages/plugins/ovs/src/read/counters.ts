/**
 * Tables of counters that say nothing of where packets go: `dump-ports`, `dump-tables`, `mdb/show`. They are recognised, so that a
 * snapshot that holds them has no unknown files, and their lines are checked, so that a broken one is told.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { outputLines } from "./output.js";

const HEADER = /^(?:NXST|OFPST|NXT|OFPT)_?\w* (?:reply|request)/;
const NUMBERS = /^(?:[a-z]+\s)?(?:pkts|[\w ]+?)=[\d?]+(?:,\s*[\w ]+=[\d?]+)*,?$/;
const LINES = {
  "dump-ports": [
    HEADER,
    /^port\s+\S+(?:\s*\(.*\))?\s*:\s*rx pkts=[\d?]+(?:, \w+=[\d?]+)*$/,
    /^port\s+"?[^"]+"?\s*:\s*rx pkts=[\d?]+(?:, \w+=[\d?]+)*$/,
    /^tx pkts=[\d?]+(?:, \w+=[\d?]+)*$/,
    /^duration=[\d.?]+s?$/,
    /^rx (?:rfc2819|\w+) ?.*$/,
    /^(?:CUSTOM Statistics|\w+=\d+,?)/,
  ],
  "dump-tables": [
    HEADER,
    /^tables? \S+(?: \(.*\))?:(?: ditto)?$/,
    /^\d+: ?\S+\s*: wild=/,
    /^active=\d+, lookup=\d+, matched=\d+$/,
    /^lookup=\d+, matched=\d+$/,
    NUMBERS,
    /^(?:max_entries|metadata|instructions|flags|config|vacancy|\(same|exact match|maskable|matching|supported|Write-|Apply-|next tables|actions|eviction|arbitrary)/,
  ],
  "mdb/show": [/^port\s+VLAN\s+(?:protocol\s+)?GROUP\s+Age$/i, /^(?:LOCAL|\S+)\s+\d+\s+(?:\w+\s+)?\S+\s+\d+$/],
} as const;
export type CounterTable = keyof typeof LINES;

/** Whether such a table has lines like this one. */
function isCounterLine(table: CounterTable, line: string): boolean {
  const text = line.trim();
  return text === "" || LINES[table].some((p) => p.test(text));
}

export function readCounters(file: EvidenceFile, table: CounterTable, ctx: ReadContext): void {
  if (file.text().trim() === "") return;
  outputLines(file, ctx)?.forEach((line, i) => {
    if (!isCounterLine(table, line)) ctx.problem("warning", i + 1, `'${line.trim()}' is not understood in ${table}`);
  });
}
