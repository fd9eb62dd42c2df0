/** `--server` and `--token`: the same command, answered by a service. */
import type { ServiceClient } from "@plumbline/server/client";
import type { Command } from "commander";

export interface RemoteOptions {
  readonly server?: string;
  readonly token?: string;
}

export function remote(command: Command): Command {
  return command
    .option("--server <url>", "ask this service; SNAPSHOT is then an id or a name there, or a path here that is uploaded")
    .option("--token <token>", "token for the service, @FILE reads it from a file (also: PLUMBLINE_TOKEN)");
}

/** The service that is named, if one is. Its client is loaded only here. */
export async function serviceOf(options: RemoteOptions): Promise<ServiceClient | null> {
  if (options.server === undefined) return null;
  const { connect } = await import("@plumbline/server/client");
  return connect(options.server, options.token ?? process.env.PLUMBLINE_TOKEN);
}
