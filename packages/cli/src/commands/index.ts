/** All commands, in the order in which the help lists them. */
import type { CommandMaker } from "./command.js";
import { demoCommand } from "./demo.js";
import { explainCommand } from "./explain.js";
import { inspectCommand } from "./inspect.js";
import { replayCommand } from "./replay.js";
import { traceCommand } from "./trace.js";

export const COMMANDS: readonly CommandMaker[] = [inspectCommand, traceCommand, explainCommand, replayCommand, demoCommand];
