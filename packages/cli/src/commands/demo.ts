/** `plumbline demo`: a service's traffic under both traffic policies, on the snapshots that ship in `examples/`. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openCapture, PlumblineError, type ReplayResult, replay, type TraceResult, trace } from "@plumbline/engine";
import { Command } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, common, print, printJson } from "../output.js";
import { renderReplay } from "../render/replay.js";
import { lookOf, painter } from "../render/style.js";
import { renderTrace } from "../render/trace.js";
import { open } from "../session.js";
import type { CommandMaker } from "./command.js";

/** The client's connection to the address that the cluster announces by BGP. */
const PACKET = "tcp 192.168.55.10:40000 > 192.168.66.100:8080";

interface Case {
  readonly title: string;
  readonly tells: string;
  readonly snapshot: string;
  readonly overlays: readonly string[];
  /** Traffic that was captured while the snapshot was taken. */
  readonly capture?: string;
}

const CASES: readonly Case[] = [
  {
    title: "1. externalTrafficPolicy: Cluster, gateway mode shared",
    tells:
      "The router spreads over all three nodes. On each, br-ex hands the traffic straight to OVN: the host's iptables never see it. OVN chooses a pod, on whichever node.",
    snapshot: "cluster.tar.gz",
    overlays: [],
    capture: "cluster.router.enp7s0.pcap.gz",
  },
  {
    title: "2. externalTrafficPolicy: Local, gateway mode local",
    tells:
      "The router spreads over the two nodes that have a pod. br-ex gives the traffic to the host, whose iptables send it to 169.254.0.3; from there it enters OVN and stays on the node.",
    snapshot: "local.tar.gz",
    overlays: [],
    capture: "local.router.enp7s0.pcap.gz",
  },
  {
    title: "3. The same, after a static route on the router to a node without a pod",
    tells:
      "Only the router's outputs are new; they lie over the second snapshot. The connection is refused, and the last hop shows by which rule.",
    snapshot: "local.tar.gz",
    overlays: ["local-negative.tar.gz"],
  },
];

/** The folder of the examples, beside the packages of the repository. */
function example(name: string): string {
  const path = fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
  if (!existsSync(path))
    throw new PlumblineError("USAGE", [`${path}: the example is missing.`, "Run the demo from a clone of the repository: npm run demo."]);
  return path;
}

export const demoCommand: CommandMaker = (run) =>
  common(new Command("demo"))
    .description(
      "Traces a client's connection to a BGP-announced service under both traffic policies, and replays captured traffic, on the snapshots that ship with Plumbline.",
    )
    .option("--all-branches", "print the hops of every branch")
    .addHelpText("after", "\nExamples:\n  plumbline demo\n  plumbline demo --all-branches\n  plumbline demo --format ndjson")
    .action((options: CommonOptions & { readonly allBranches?: boolean }) =>
      run(async () => {
        const look = lookOf(process.stdout, process.env);
        const paint = painter(look);
        const results: (TraceResult | ReplayResult)[] = [];
        const show = (result: TraceResult | ReplayResult, text: string) => {
          results.push(result);
          if (options.format === "text") print(text);
          else if (options.format === "ndjson") printJson(result, "ndjson");
        };
        for (const c of CASES) {
          const session = await open(example(c.snapshot), c.overlays.map(example));
          const result = trace(session, PACKET, { from: "client" });
          const overlays = c.overlays.map((o) => ` --overlay examples/${o}`).join("");
          show(
            result,
            `${paint("heading", c.title)}\n${c.tells}\n\n$ plumbline trace examples/${c.snapshot} '${PACKET}' --from client${overlays}\n${renderTrace(result, look, { all: options.allBranches === true })}\n`,
          );
          if (c.capture === undefined) continue;
          const replayed = await replay(session, [{ source: await openCapture(example(c.capture), `examples/${c.capture}`) }]);
          show(
            replayed,
            `$ plumbline replay examples/${c.snapshot} examples/${c.capture}\n${renderReplay(replayed, look, { all: false, stats: false })}\n`,
          );
        }
        if (options.format === "json") printJson(results, "json");
        return EXIT.done;
      }),
    );
