/**
 * How a run fails: one message on stderr (what happened, what to do) and an exit code. Never a stack trace without --debug.
 *
 * 0 done; 1 done, and the answer is bad; 2 wrong usage or input that cannot be used; 3 an internal error.
 */
import { PlumblineError } from "@plumbline/engine";
import { CommanderError } from "commander";

export const EXIT = { done: 0, bad: 1, usage: 2, internal: 3 } as const;

export interface Failure {
  readonly exit: number;
  /** "" where everything has been said (help, version). */
  readonly message: string;
  readonly hint: string;
}

/** File system errors that are the user's: code → what it means. */
const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EISDIR: "is a folder",
  ENOTDIR: "is not a folder",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
};

export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { exit: EXIT.done, message: "", hint: "" };
    const [message, ...more] = error.message.replace(/^error: /, "").split("\n");
    // `plumbline` alone or `plumbline help nonsense`: the help has been printed and says what to do.
    if (error.code === "commander.help") return { exit: EXIT.usage, message: "", hint: "" };
    return {
      exit: EXIT.usage,
      message: `${message.replace(/\.$/, "")}.`,
      hint: [...more, "Say --help for the usage."].filter(Boolean).join(" "),
    };
  }
  if (error instanceof PlumblineError)
    return { exit: error.code === "INTERNAL" ? EXIT.internal : EXIT.usage, message: error.message, hint: error.hint };
  // A service's refusal: by its name, since its class is loaded only where a service is asked.
  if (error instanceof Error && error.name === "ServiceError") {
    const { status, hint, message } = error as Error & { status: number; hint: string };
    return { exit: status >= 500 && status !== 503 && status !== 507 ? EXIT.internal : EXIT.usage, message, hint };
  }
  const system = error as NodeJS.ErrnoException;
  if (error instanceof Error && system.code !== undefined && system.path !== undefined && SYSTEM[system.code] !== undefined)
    return { exit: EXIT.usage, message: `${system.path}: ${SYSTEM[system.code]}.`, hint: "Check the path and its permissions." };
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    exit: EXIT.internal,
    message: `internal error: ${what}`,
    hint: "This is a bug. Run it again with --debug, and report what it prints with the command line and, if you can, the snapshot.",
  };
}
