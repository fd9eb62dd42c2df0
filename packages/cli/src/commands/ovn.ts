/** `plumbline ovn trace`: OVN's logical pipelines alone, from a southbound database. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { diskStore, PlumblineError } from "@plumbline/engine";
import { followOvn, openOvn, remoteOf } from "@plumbline/plugin-ovn";
import { Command } from "commander";
import { askLayer, type LayerQuestions } from "../layer.js";
import { type CommonOptions, collect, common, warn } from "../output.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions {
  readonly sb: string[];
  readonly nb?: string;
  readonly datapath?: string;
  readonly ct?: string[];
  readonly lbDst?: string;
  readonly microflows?: string;
  readonly cache: string | boolean;
  readonly watch?: boolean;
  readonly privateKey?: string;
  readonly certificate?: string;
  readonly caCert?: string;
}

/** The directory that is named, or the user's (XDG Base Directory Specification). */
function cacheDirectory(named: string | boolean): string {
  if (typeof named === "string") return named;
  const user = process.env["XDG_CACHE_HOME"];
  return join(user ? user : join(homedir(), ".cache"), "plumbline");
}

/** Milliseconds without a change, after which a database is at rest. */
const REST = 200;

/** Asks a database that is in use. */
async function live(options: Options, questions: LayerQuestions, how: Parameters<typeof askLayer>[2]): Promise<number> {
  const [text, ...more] = options.sb;
  const remote = remoteOf(text);
  if (!remote || more.length > 0)
    throw new PlumblineError("USAGE", ["--sb: a server is given beside files.", "Give one server, or files alone."]);
  let changed = () => {};
  const { datapath, ct, lbDst, nb } = options;
  const source = await followOvn({
    remote,
    tls: { key: options.privateKey, cert: options.certificate, ca: options.caCert },
    datapath,
    ct,
    lbDst,
    ...(nb !== undefined && { nb: { name: nb, bytes: new Uint8Array(readFileSync(nb)) } }),
    note: (message) => warn(`note: ${message}`),
    changed: () => changed(),
  });
  try {
    for (;;) {
      const code = await askLayer({ current: () => source.layer() }, questions, how);
      if (!options.watch) return code;
      await new Promise<void>((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        changed = () => {
          clearTimeout(timer);
          timer = setTimeout(resolve, REST);
        };
      });
    }
  } finally {
    source.stop();
  }
}

export const ovnCommand: CommandMaker = (run) => {
  const trace = common(new Command("trace"))
    .description("Which logical flows a packet meets, datapath by datapath, and where it leaves, as ovn-trace tells it.")
    .argument("[microflow...]", `as ovn-trace has it: 'inport == "p1" && eth.dst == 0a:00:00:00:00:01 && ip4.dst == 192.0.2.1'`)
    .requiredOption("--sb <file>", "the southbound database, or a part of it (see below); repeatable", collect)
    .option("--nb <file>", "the northbound database, in any of these forms, or ovn-nbctl show: names what flows were made from")
    .option("--datapath <name>", "the logical switch or router where it starts, by name or UUID (default: that of its inport)")
    .option("--ct <state>", "the state that connection tracking gives next (new, est, rel, rpl, …); repeatable; beyond them est", collect)
    .option("--lb-dst <address>", "the backend that a load balancer is to choose: IP or IP:PORT")
    .option(
      "--microflows <file>",
      "read microflows from a file (- is stdin), one a line, each with --ct, --lb-dst, --datapath of its own behind it",
    )
    .option("--cache <dir>", "where large databases are kept compiled (default: ~/.cache/plumbline)")
    .option("--no-cache", "keep nothing")
    .option("--watch", "with a server: answer again after every change, until interrupted")
    .option("--private-key <file>", "with ssl: the client's key, in PEM")
    .option("--certificate <file>", "with ssl: the client's certificate, in PEM")
    .option("--ca-cert <file>", "with ssl: the authority that the server's certificate is of, in PEM")
    .addHelpText(
      "after",
      `
--sb takes
  ovsdb-client -f json dump SOCKET OVN_Southbound    also -f list, -f table
  ovsdb-client backup, or the database's file        standalone or clustered
  ovn-sbctl lflow-list                               with or without --uuid, --ovs, --vflows, --stats, or a part of it
  ovn-sbctl list TABLE, find TABLE …                 beside the flows, as many as there are
  unix:PATH, tcp:HOST:PORT, ssl:HOST:PORT            a server: each question is answered by what its database holds then
With flows alone, what port bindings, multicast groups, MAC bindings and sets would tell is unknown where a packet meets it.

Examples:
  plumbline ovn trace --sb ovnsb.json --ct new 'inport == "pod-1" && eth.src == 0a:58:0a:80:02:04 && eth.dst == 0a:58:0a:80:02:01 && ip4.src == 10.128.2.4 && ip4.dst == 172.30.0.1 && ip.ttl == 64 && tcp.dst == 443'
  plumbline ovn trace --sb lflows.txt --sb port_bindings.txt 'inport == "pod-1" && ip4.dst == 10.128.2.5 && ip.ttl == 64'
  plumbline ovn trace --sb ovnsb_db.db --datapath join --microflows flows.txt --format ndjson`,
    )
    .action((microflows: string[], options: Options) =>
      run(async () => {
        const file = (name: string) => ({ name, bytes: new Uint8Array(readFileSync(name)) });
        const { datapath, ct, lbDst } = options;
        const questions = { given: microflows, file: options.microflows, what: "microflow", option: "--microflows" };
        const how = { format: options.format, schema: "plumbline.ovn-trace/1", key: "microflow" };
        const remotes = options.sb.map(remoteOf);
        if (remotes.some((r) => r !== undefined)) return live(options, questions, how);
        const layer = openOvn({
          sb: options.sb.map(file),
          ...(options.cache !== false && { store: diskStore(cacheDirectory(options.cache), (message) => warn(`note: ${message}`)) }),
          ...(options.nb !== undefined && { nb: file(options.nb) }),
          ...(datapath !== undefined && { datapath }),
          ...(ct !== undefined && { ct }),
          ...(lbDst !== undefined && { lbDst }),
        });
        return askLayer(layer, questions, how);
      }),
    );
  return new Command("ovn").description("OVN's logical pipelines alone.").helpOption("-h, --help", "print this help").addCommand(trace);
};
