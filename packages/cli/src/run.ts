/**
 * The command line: finds the command, runs it, turns what it throws into a message and an exit code.
 */
import { Command } from "commander";
import { COMMANDS } from "./commands/index.js";
import { EXIT, failureOf } from "./failure.js";
import { type CommonOptions, harmless } from "./output.js";
import { usePluginFolders } from "./plugins.js";
import { version } from "./version.js";

/** Runs one command line and returns its exit code; results go to stdout, everything else to stderr. */
export async function run(argv: readonly string[]): Promise<number> {
  let exit: number = EXIT.done;
  const program = new Command("plumbline")
    .description(
      "Follows a packet from the BGP route that attracted it to the pod that answers it, offline, and shows the evidence for every hop.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .showSuggestionAfterError()
    .addHelpText("after", AFTER);
  program.hook("preAction", (_, command) => usePluginFolders((command.opts() as CommonOptions).plugins ?? []));
  for (const add of COMMANDS) {
    const command = add(async (work) => {
      exit = await work();
    });
    program.addCommand(command);
  }
  for (const command of withSubcommands(program)) {
    command.exitOverride();
    command.configureOutput({ outputError: () => {} });
  }
  const debug = argv.includes("--debug");
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exit;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.message) process.stderr.write(harmless(`plumbline: ${failure.message}\n`));
    if (failure.hint) process.stderr.write(harmless(`  ${failure.hint}\n`));
    if (debug && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
    return failure.exit;
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

const AFTER = `
SNAPSHOT is a folder or an archive (.tar, .tar.gz, .tgz, .zip) of command outputs; docs/collecting.md says which.

Examples:
  plumbline demo
  plumbline inspect must-gather.local.1/
  plumbline trace snapshot.tar.gz 'tcp 192.0.2.10:40000 > 203.0.113.100:8080' --from client

Exit code: 0 done; 1 done, and the answer is bad; 2 wrong usage or unusable input; 3 a bug.`;
