/** `plumbline serve`: the HTTP service with its page. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PlumblineError } from "@plumbline/engine";
import type { DemoData } from "@plumbline/server";
import { Command, InvalidArgumentError, Option } from "commander";
import { EXIT } from "../failure.js";
import { collect, print } from "../output.js";
import { version } from "../version.js";
import type { CommandMaker } from "./command.js";

interface Options {
  readonly host: string;
  readonly port: number;
  readonly data?: string;
  readonly demo?: boolean;
  readonly threads?: number;
  readonly replays?: number;
  readonly maxArchive?: number;
  readonly maxCapture?: number;
  readonly rate?: number;
  readonly keepSnapshots?: number;
  readonly keepCaptures?: number;
  readonly keepReplays?: number;
  readonly keepAudit?: number;
  readonly trustProxy?: boolean;
  readonly plugins?: string[];
  readonly logLevel: string;
}

const MiB = 1024 ** 2;

export const serveCommand: CommandMaker = (run) =>
  new Command("serve")
    .description("Serves snapshots, traces and replays over HTTP, with a page for the browser.")
    .option("--host <address>", "where it listens", "127.0.0.1")
    .option("--port <n>", "the port, 0 for any that is free", number(0, 65_535), 8080)
    .option("--data <dir>", "where its data are (default: ~/.local/share/plumbline; with --demo a temporary folder)")
    .option("--demo", "load the snapshots that ship with Plumbline, and print a link that opens them")
    .option("--threads <n>", "threads that answer questions (default: one a core, at most 8)", number(1, 64))
    .option("--replays <n>", "replays at a time (default 1)", number(1, 64))
    .option("--max-archive <MiB>", "largest archive that is taken (default 2048)", number(1, 1 << 20))
    .option("--max-capture <MiB>", "largest capture that is taken (default 16384)", number(1, 1 << 20))
    .option("--rate <n>", "requests of one token in a minute (default 120000)", number(1, 1e9))
    .option("--keep-snapshots <days>", "remove older ones (default: keep all)", number(1, 36_500))
    .option("--keep-captures <days>", "remove older ones (default: keep all)", number(1, 36_500))
    .option("--keep-replays <days>", "remove older ones that have ended (default: keep all)", number(1, 36_500))
    .option("--keep-audit <days>", "remove older entries of the audit log (default 365)", number(1, 36_500))
    .option("--trust-proxy", "believe X-Forwarded-For: only behind a proxy that sets it")
    .option("--plugins <dir>", "a plugin's folder, or one that holds some; repeatable (also: PLUMBLINE_PLUGINS)", collect)
    .addOption(
      new Option("--log-level <level>", "what is logged, as JSON lines on stderr")
        .choices(["trace", "debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .option("--debug", "with an error, print where it happened")
    .helpOption("-h, --help", "print this help")
    .addHelpText(
      "after",
      `
Examples:
  plumbline serve --demo
  plumbline serve --data /var/lib/plumbline --host 0.0.0.0 --port 8080 --keep-replays 30
  plumbline trace snapshot.tar.gz 'tcp 192.0.2.10:40000 > 203.0.113.100:8080' --server http://127.0.0.1:8080`,
    )
    .action((options: Options) =>
      run(async () => {
        const limits = {
          ...(options.maxArchive === undefined
            ? {}
            : { archiveBytes: options.maxArchive * MiB, contentBytes: 2 * options.maxArchive * MiB }),
          ...(options.maxCapture === undefined ? {} : { captureBytes: options.maxCapture * MiB }),
          ...(options.rate === undefined ? {} : { requestsPerMinute: options.rate }),
        };
        // Loaded only here: no other command waits for a web server's modules.
        const { serve } = await import("@plumbline/server");
        // The service's threads find them there.
        if (options.plugins)
          process.env.PLUMBLINE_PLUGINS = [...options.plugins, process.env.PLUMBLINE_PLUGINS ?? ""].filter(Boolean).join(delimiter);
        const data = options.data ?? (options.demo ? undefined : defaultFolder());
        const serving = await serve({
          host: options.host,
          port: options.port,
          plugins: { module: new URL("../plugins.js", import.meta.url).href, name: "activePlugins" },
          version: version(),
          limits,
          retention: {
            ...(options.keepSnapshots === undefined ? {} : { snapshots: options.keepSnapshots }),
            ...(options.keepCaptures === undefined ? {} : { captures: options.keepCaptures }),
            ...(options.keepReplays === undefined ? {} : { replays: options.keepReplays }),
            ...(options.keepAudit === undefined ? {} : { audit: options.keepAudit }),
          },
          trustProxy: options.trustProxy === true,
          logLevel: options.logLevel,
          ...(data === undefined ? {} : { data }),
          ...(options.threads === undefined ? {} : { threads: options.threads }),
          ...(options.replays === undefined ? {} : { replays: options.replays }),
          ...(options.demo ? { demo: demoData() } : {}),
        });
        print(`Plumbline serves ${serving.url}`);
        if (serving.demoToken !== null) print(`Open the demo: ${serving.url}/#token=${serving.demoToken}`);
        else if (serving.setupToken !== null)
          print(
            `Nobody has set it up yet. The set-up token, good for one use:\n  ${serving.setupToken}\n  curl -X POST ${serving.url}/v1/setup -H 'Content-Type: application/json' -d '{"setupToken":"${serving.setupToken}","name":"YOU"}'`,
          );
        await stopSignal();
        await serving.stop();
        return EXIT.done;
      }),
    );

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

function defaultFolder(): string {
  return join(process.env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "plumbline");
}

function number(least: number, most: number) {
  return (value: string): number => {
    const n = Number(value);
    if (!/^\d+$/.test(value) || n < least || n > most) throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`);
    return n;
  };
}

function demoData(): DemoData {
  const example = (name: string): string => {
    const path = fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
    if (!existsSync(path))
      throw new PlumblineError("USAGE", [`${path}: the example is missing.`, "Run the demo from a clone of the repository."]);
    return path;
  };
  return {
    snapshots: [
      { name: "cluster.tar.gz", path: example("cluster.tar.gz") },
      {
        name: "local.tar.gz",
        path: example("local.tar.gz"),
        over: { name: "local-negative.tar.gz", path: example("local-negative.tar.gz") },
      },
    ],
    captures: [example("cluster.router.enp7s0.pcap.gz"), example("local.router.enp7s0.pcap.gz")],
  };
}
