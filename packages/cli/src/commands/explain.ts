/** `plumbline explain SNAPSHOT cookie|service|route|rule …`: what a thing is, and all that belongs to it; `… logical`: whether switches do what logical flows say. */
import { explain, logicalAgreement, PlumblineError } from "@plumbline/engine";
import { Argument, Command, InvalidArgumentError } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, collect, common, print, printJson } from "../output.js";
import { type RemoteOptions, remote, serviceOf } from "../remote/options.js";
import { findRemote, renamed } from "../remote/snapshot.js";
import { renderExplanation } from "../render/explain.js";
import { renderAgreement } from "../render/logical.js";
import { lookOf } from "../render/style.js";
import { loadAndBuild } from "../session.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions, RemoteOptions {
  readonly overlay?: string[];
  readonly table?: number;
  readonly all?: boolean;
}

type What = "cookie" | "service" | "route" | "rule" | "logical";

export const explainCommand: CommandMaker = (run) =>
  remote(common(new Command("explain")))
    .description(
      "Says what a cookie, a Service, a prefix or a rule is, and shows all that belongs to it on every layer and node; or holds OpenFlow against logical flows.",
    )
    .argument("<snapshot>", "a folder or an archive of command outputs")
    .addArgument(new Argument("<what>", "the kind of thing").choices(["cookie", "service", "route", "rule", "logical"]))
    .argument("[name]", "0x… | NAMESPACE/NAME | PREFIX or ADDRESS | FILE:LINE; logical: a node (default: all)")
    .option("--table <n>", "cookie: the OpenFlow table it was seen in", tableNumber)
    .option("--overlay <path>", "other evidence laid over the snapshot; repeatable", collect)
    .option("--all", "list everything, and in full")
    .addHelpText(
      "after",
      `
Examples:
  plumbline explain snapshot.tar.gz cookie 0x93f7000b --table 21
  plumbline explain snapshot.tar.gz service my-namespace/my-service
  plumbline explain snapshot.tar.gz route 203.0.113.100/32
  plumbline explain snapshot.tar.gz logical node-1
  plumbline explain snapshot.tar.gz rule node-1/host/iptables-save:61 --format json`,
    )
    .action((snapshot: string, what: What, name: string | undefined, options: Options) =>
      run(async () => {
        if (options.table !== undefined && what !== "cookie")
          throw new PlumblineError("USAGE", [`--table says nothing of a ${what}.`, "It narrows down what a cookie can stand for."]);
        if (what !== "logical" && name === undefined)
          throw new PlumblineError("USAGE", [`which ${what} is not said.`, `Give its name: plumbline explain ${snapshot} ${what} NAME.`]);
        const service = await serviceOf(options);
        const found = service ? await findRemote(service, snapshot, options.overlay ?? []) : undefined;
        const { loaded, built } = service ? { loaded: undefined, built: undefined } : await loadAndBuild(snapshot, options.overlay);
        if (what === "logical" || name === undefined) {
          const agreement = loaded ? logicalAgreement(loaded, built, name) : await service!.agreement(found!.id, name);
          if (options.format === "text") print(renderAgreement(agreement, lookOf(process.stdout, process.env), options.all === true));
          else printJson(agreement, options.format);
          return agreement.switches.some((s) => s.findings.length > 0) ? EXIT.bad : EXIT.done;
        }
        const table = options.table === undefined ? {} : { table: options.table };
        const result = loaded
          ? explain(loaded, built, { kind: what, name, ...table })
          : renamed(await service!.explain(found!.id, { question: what, what: name, ...table }), found!);
        if (options.format === "text") print(renderExplanation(result, lookOf(process.stdout, process.env), { all: options.all === true }));
        else printJson(result, options.format);
        return EXIT.done;
      }),
    );

function tableNumber(value: string): number {
  const n = Number(value);
  if (!/^\d+$/.test(value) || n > 254) throw new InvalidArgumentError("It is the number of an OpenFlow table, 0 to 254.");
  return n;
}
