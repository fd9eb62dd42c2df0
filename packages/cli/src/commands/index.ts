/** All commands, in the order in which the help lists them. */
import type { CommandMaker } from "./command.js";
import { demoCommand } from "./demo.js";
import { inspectCommand } from "./inspect.js";
import { traceCommand } from "./trace.js";

export const COMMANDS: readonly CommandMaker[] = [inspectCommand, traceCommand, demoCommand];
