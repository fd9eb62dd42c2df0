/**
 * Runs a plugin's `parse` on one file and keeps what it said.
 *
 * Promise: a plugin that throws costs its file, not the snapshot: the exception becomes a problem of severity error that
 * names the file, and the facts read until then are kept.
 */
import type { EvidenceFile, Fact, Plugin, Problem, ReadContext } from "@plumbline/model";

export interface ReadResult {
  readonly facts: Fact[];
  readonly problems: Problem[];
}

/** Problems of one kind are listed one by one up to this many a file; the rest is counted. */
const PROBLEMS_A_FILE = 200;

export function readFile(plugin: Plugin, file: EvidenceFile): ReadResult {
  const facts: Fact[] = [];
  const problems: Problem[] = [];
  let unlisted = 0;
  const ctx: ReadContext = {
    fact: (kind, data, line, text) => void facts.push({ kind, host: file.host, origin: { file: file.path, line, text }, data }),
    problem: (severity, line, message, hint = "") => {
      if (problems.length < PROBLEMS_A_FILE) problems.push({ severity, file: file.path, line, message, hint });
      else unlisted++;
    },
  };
  try {
    plugin.parse?.(file, ctx);
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e);
    problems.push({
      severity: "error",
      file: file.path,
      line: 0,
      message: `the ${plugin.id} plugin stopped reading here: ${why}`,
      hint: "What was read of the file until then is used. Please report it, with the file if you can.",
    });
  }
  if (unlisted > 0)
    problems.push({
      severity: "warning",
      file: file.path,
      line: 0,
      message: `${unlisted} more problems in this file are not listed`,
      hint: "",
    });
  return { facts, problems };
}
