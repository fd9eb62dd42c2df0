/** `plumbline replay SNAPSHOT CAPTURE…`: recorded traffic, every flow's fate. */
import { type CaptureInput, flowFile, openCapture, PlumblineError, type Progress, type ReplayResult, replay } from "@plumbline/engine";
import { Command, InvalidArgumentError, Option } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, collect, common, print, printJson, progress, progressDone } from "../output.js";
import { type RemoteOptions, remote, serviceOf } from "../remote/options.js";
import { replayRemote } from "../remote/replay.js";
import { findRemote, warnRemote } from "../remote/snapshot.js";
import { renderReplay } from "../render/replay.js";
import { lookOf } from "../render/style.js";
import { open } from "../session.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions, RemoteOptions {
  readonly at?: string[];
  readonly flows?: string;
  readonly choose: "hash" | "enumerate";
  readonly overlay?: string[];
  readonly conntrack: "empty" | "dumped";
  readonly stats?: boolean;
  readonly all?: boolean;
  readonly workers?: number;
}

export const replayCommand: CommandMaker = (run) =>
  remote(common(new Command("replay")))
    .description("Runs recorded traffic through the network and tells every flow's fate: by verdict, path, node and backend.")
    .argument("<snapshot>", "a folder or an archive of command outputs")
    .argument("[capture...]", "pcap or pcapng files, maybe gzipped; - is standard input; several are taken together")
    .option("--at <device:port=file>", "where a capture was taken (default: its name's end, DEVICE.PORT.pcap)", collect)
    .option("--flows <file>", "write one record a flow: FILE.ndjson or FILE.parquet")
    .addOption(
      new Option("--choose <how>", "a branch that is not known (next hop, backend): by the flow's hash, or all with their shares")
        .choices(["hash", "enumerate"])
        .default("hash"),
    )
    .option("--overlay <path>", "other evidence laid over the snapshot; repeatable", collect)
    .addOption(
      new Option("--conntrack <tables>", "what the connection tables hold at the start").choices(["empty", "dumped"]).default("empty"),
    )
    .option("--workers <n>", "threads that share the connections of one capture (default 1)", workersOf)
    .option("--all", "list every path and reason")
    .option("--stats", "print packets a second, memory, and where the time goes")
    .addHelpText(
      "after",
      `
Examples:
  plumbline replay snapshot.tar.gz router.enp7s0.pcap
  plumbline replay snapshot.tar.gz captures/*.pcap --flows flows.ndjson
  plumbline replay snapshot.tar.gz monday.pcap.gz --at router:enp7s0=monday.pcap.gz --flows flows.parquet
  tcpdump -i enp7s0 -w - | plumbline replay snapshot.tar.gz - --at router:enp7s0=-`,
    )
    .action((snapshot: string, captures: string[], options: Options) =>
      run(async () => {
        const points = pointsOf(options.at ?? []);
        const paths = new Set([...captures, ...points.keys()]);
        if (paths.size === 0)
          throw new PlumblineError("USAGE", ["no capture is given.", "Give pcap files, - for stdin, or --at DEVICE:PORT=FILE."]);
        const service = await serviceOf(options);
        if (service) {
          const found = await findRemote(service, snapshot, options.overlay ?? []);
          await warnRemote(service, found, snapshot);
          const inputs = [...paths].map((path) => ({ path, ...(points.has(path) ? { at: points.get(path)! } : {}) }));
          const { choose, conntrack, flows } = options;
          show(
            await replayRemote(service, {
              snapshot: found.id,
              captures: inputs,
              choose,
              conntrack,
              ...(flows === undefined ? {} : { flows }),
            }),
            options,
          );
          return EXIT.done;
        }
        const inputs: CaptureInput[] = [];
        for (const path of paths) {
          const at = points.get(path);
          inputs.push({ source: await openCapture(path), ...(at === undefined ? {} : { at }) });
        }
        const session = await open(snapshot, options.overlay);
        const flows = options.flows === undefined ? {} : { flows: flowFile(options.flows) };
        let shown = 0;
        let result: ReplayResult;
        try {
          result = await replay(session, inputs, {
            plugins: session.snapshot.plugins,
            choose: options.choose,
            conntrack: options.conntrack,
            ...(options.workers === undefined ? {} : { workers: options.workers }),
            ...flows,
            progress: (done) => {
              if (done.seconds - shown < 0.25) return;
              shown = done.seconds;
              progress(progressText(done));
            },
          });
        } finally {
          progressDone();
        }
        show(result, options);
        return EXIT.done;
      }),
    );

function show(result: ReplayResult, options: Options): void {
  for (const c of result.captures) if (c.problem !== "") process.stderr.write(`plumbline: ${c.name}: ${c.problem}.\n`);
  if (options.format === "text")
    print(renderReplay(result, lookOf(process.stdout, process.env), { all: options.all === true, stats: options.stats === true }));
  else printJson(result, options.format);
}

function workersOf(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 64) throw new InvalidArgumentError("It is a number from 1 to 64.");
  return n;
}

function progressText({ packets, connections, seconds }: Progress): string {
  if (connections > 0) return `${packets} packets, ${connections} connections followed`;
  return `${packets} packets, ${Math.round(packets / seconds)} a second`;
}

/** `--at DEVICE:PORT=FILE`, by file. A file that is named here alone is a capture, too. */
function pointsOf(given: readonly string[]): Map<string, string> {
  const points = new Map<string, string>();
  for (const text of given) {
    const cut = text.indexOf("=");
    if (cut < 1)
      throw new PlumblineError("USAGE", [`--at '${text}' is not DEVICE:PORT=FILE.`, "Say it as --at router:enp7s0=capture.pcap."]);
    const file = text.slice(cut + 1);
    if (points.has(file)) throw new PlumblineError("USAGE", [`--at is given twice for ${file}.`, "Say it once."]);
    points.set(file, text.slice(0, cut));
  }
  return points;
}
