/** All commands, in the order in which the help lists them. */
import type { CommandMaker } from "./command.js";
import { demoCommand } from "./demo.js";
import { explainCommand } from "./explain.js";
import { inspectCommand } from "./inspect.js";
import { netfilterCommand } from "./netfilter.js";
import { ofprotoCommand } from "./ofproto.js";
import { ovnCommand } from "./ovn.js";
import { pluginCommand } from "./plugin.js";
import { replayCommand } from "./replay.js";
import { routeCommand } from "./route.js";
import { serveCommand } from "./serve.js";
import { traceCommand } from "./trace.js";

export const COMMANDS: readonly CommandMaker[] = [
  inspectCommand,
  traceCommand,
  explainCommand,
  replayCommand,
  ofprotoCommand,
  ovnCommand,
  netfilterCommand,
  routeCommand,
  pluginCommand,
  serveCommand,
  demoCommand,
];
