/** `plumbline inspect SNAPSHOT`: what was recognised, what it became, and what is missing. */
import { inspect } from "@plumbline/engine";
import { Command } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, collect, common, print, printJson } from "../output.js";
import { renderInspect } from "../render/inspect.js";
import { lookOf } from "../render/style.js";
import { loadAndBuild } from "../session.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions {
  readonly overlay?: string[];
  readonly all?: boolean;
}

export const inspectCommand: CommandMaker = (run) =>
  common(new Command("inspect"))
    .description(
      "Shows what a snapshot holds by host and source, devices, links and why, what is missing and the command that collects it.",
    )
    .argument("<snapshot>", "a folder or an archive of command outputs")
    .option("--overlay <path>", "other evidence laid over the snapshot; repeatable", collect)
    .option("--all", "list every file, port and note")
    .addHelpText(
      "after",
      `
Examples:
  plumbline inspect snapshot.tar.gz
  plumbline inspect must-gather.local.1 --overlay sosreport-node-1.tar.gz
  plumbline inspect snapshot --format json | jq '.missing[].command'`,
    )
    .action((snapshot: string, options: Options) =>
      run(async () => {
        const { loaded, built } = await loadAndBuild(snapshot, options.overlay);
        const result = inspect(loaded, built);
        if (options.format === "text") print(renderInspect(result, lookOf(process.stdout, process.env), { all: options.all === true }));
        else printJson(result, options.format);
        return EXIT.done;
      }),
    );
