/**
 * One host alone, from a few texts: what a single-layer command about a host's stack asks.
 *
 * The texts go through the plugins' own claims, reading and lowering, so that the pipeline is that of a whole snapshot. Beyond
 * the host's interfaces there is nothing: what is routed out of an interface leaves there, whoever would be its neighbour.
 */
import { type FactBase, type NetworkBuilder, type Plugin, PlumblineError, type Problem, slice } from "@plumbline/model";
import { FactStore, inlineFile, readFile } from "@plumbline/plugin-sdk";
import { buildNetwork } from "../network/build.js";

/** What a command printed on the host. */
export interface HostText {
  /** Names it in origins and problems. */
  readonly path: string;
  /** The command that printed it; "" if its look has to tell. */
  readonly command: string;
  readonly text: string;
}

/** A host and the network that holds it alone. */
export interface OneHost {
  readonly facts: FactBase;
  readonly network: NetworkBuilder;
  readonly problems: readonly Problem[];
}

/** Evidence folder of the host. */
const HOST = "host";

/** Reads and lowers the texts of one host. Throws PlumblineError for a text that no plugin can read. */
export function oneHost(texts: readonly HostText[], plugins: readonly Plugin[]): OneHost {
  const facts = new FactStore();
  const problems: Problem[] = [];
  for (const t of texts) {
    const file = inlineFile(t.path, t.text, { host: HOST, command: t.command });
    const best = plugins
      .map((plugin) => ({ plugin, score: plugin.claims?.(file)?.score ?? 0 }))
      .reduce((a, b) => (b.score > a.score ? b : a), { plugin: plugins[0], score: 0 });
    if (best.score === 0)
      throw new PlumblineError("USAGE", [
        `${t.path}: what it holds is not understood.`,
        "Give the output of the command as it was printed; docs/collecting.md lists the commands.",
      ]);
    const read = readFile(best.plugin, file);
    for (const fact of read.facts) facts.add(fact);
    problems.push(...read.problems);
  }
  const built = buildNetwork(facts, plugins);
  leaveUnasked(built.net);
  return { facts, network: built.net, problems: [...problems, ...built.problems] };
}

/** What routing sends out of an interface leaves: nobody is asked whether there is a neighbour. */
function leaveUnasked(net: NetworkBuilder): void {
  for (const t of net.tables)
    if (t.stage === "neighbour")
      net.rule(t, {
        priority: 1 << 30,
        program: [{ op: "output", port: slice("out_port"), allowIn: true }],
        certainty: "inferred",
        why: "beyond the host's interfaces nothing is asked",
      });
}
