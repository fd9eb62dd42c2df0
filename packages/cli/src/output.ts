/**
 * Where results go and in which form: text for people, JSON and NDJSON for programs, all on stdout.
 */
import { type Command, Option } from "commander";

export type Format = "text" | "json" | "ndjson";

/** Options of every command. */
export interface CommonOptions {
  readonly format: Format;
  readonly debug?: boolean;
  readonly plugins?: string[];
}

/** Adds `--format` and `--debug`. */
export function common(command: Command, formats: readonly Format[] = ["text", "json", "ndjson"]): Command {
  return command
    .addOption(new Option("--format <format>", "how to print the result").choices([...formats]).default("text"))
    .option("--plugins <dir>", "a plugin's folder, or one that holds some; repeatable (also: PLUMBLINE_PLUGINS)", collect)
    .option("--debug", "with an error, print where it happened")
    .helpOption("-h, --help", "print this help");
}

export function print(text: string): void {
  process.stdout.write(harmless(text.endsWith("\n") ? text : `${text}\n`));
}

/** Evidence is shown verbatim, but for what a terminal would obey: control characters other than a change of colour. */
export function harmless(text: string): string {
  return text.replace(/\x1b(?!\[[\d;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g, "\ufffd");
}

/** One result: indented for `json`, on one line for `ndjson`. */
export function printJson(value: unknown, format: "json" | "ndjson"): void {
  print(format === "json" ? JSON.stringify(value, null, 2) : JSON.stringify(value));
}

/** What happens meanwhile: shown on stderr, and only to somebody who watches. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

export function progressDone(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

/** A warning, on stderr whoever watches. */
export function warn(text: string): void {
  process.stderr.write(harmless(`plumbline: ${text}\n`));
}

/** Repeated use of an option gathers its values. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}
