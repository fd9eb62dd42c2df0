/** Options of a tool: `--help` prints how it is used, what is none ends it with a line that says so and how it is used, and exit code 2. */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Wrong usage. */
export class UsageError extends Error {}

/** Runs `main` with what the command line has. A UsageError ends it with exit code 2, any other error with 1. */
export function tool<const O extends Options>(
  usage: string,
  options: O,
  main: (values: ReturnType<typeof parseArgs<{ options: O }>>["values"]) => void,
): void {
  try {
    if (process.argv.slice(2).some((a) => a === "--help" || a === "-h")) console.log(`usage: ${usage}`);
    else main(parseArgs({ options }).values);
  } catch (e) {
    const wrong = e instanceof UsageError || (e as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
    console.error(wrong ? `${(e as Error).message}\nusage: ${usage}` : (e as Error).message);
    process.exitCode = wrong ? 2 : 1;
  }
}

/** An option that is a number of at least `least`. */
export function numberOf(name: string, text: string, least: number): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n) || n < least)
    throw new UsageError(`--${name} wants a number of at least ${least}, not "${text}"`);
  return n;
}
