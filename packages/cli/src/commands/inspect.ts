/** `plumbline inspect SNAPSHOT`: what was recognised, what it became, and what is missing. */
import { type Inspection, inspect } from "@plumbline/engine";
import type { ServiceClient } from "@plumbline/server/client";
import { Command } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, collect, common, print, printJson } from "../output.js";
import { type RemoteOptions, remote, serviceOf } from "../remote/options.js";
import { findRemote, renamedInspection } from "../remote/snapshot.js";
import { renderInspect } from "../render/inspect.js";
import { lookOf } from "../render/style.js";
import { loadAndBuild } from "../session.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions, RemoteOptions {
  readonly overlay?: string[];
  readonly all?: boolean;
}

export const inspectCommand: CommandMaker = (run) =>
  remote(common(new Command("inspect")))
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
        const service = await serviceOf(options);
        const result = service ? await inspectRemote(service, snapshot, options.overlay) : await inspectHere(snapshot, options.overlay);
        if (options.format === "text") print(renderInspect(result, lookOf(process.stdout, process.env), { all: options.all === true }));
        else printJson(result, options.format);
        return EXIT.done;
      }),
    );

async function inspectHere(snapshot: string, overlays: readonly string[] | undefined): Promise<Inspection> {
  const { loaded, built } = await loadAndBuild(snapshot, overlays);
  return inspect(loaded, built);
}

async function inspectRemote(service: ServiceClient, snapshot: string, overlays: readonly string[] = []): Promise<Inspection> {
  const found = await findRemote(service, snapshot, overlays);
  return renamedInspection(await service.inspect(found.id), found);
}
