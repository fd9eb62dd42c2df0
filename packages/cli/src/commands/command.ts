/** What a command's file exports. */
import type { Command } from "commander";

/** Runs a command's work and keeps the exit code that it returns. */
export type Runner = (work: () => Promise<number>) => Promise<void>;

/** Makes the command; its action hands its work to `run`. */
export type CommandMaker = (run: Runner) => Command;
