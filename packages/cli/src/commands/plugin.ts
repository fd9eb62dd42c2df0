/** `plumbline plugin list|info|new|test`: plugins, their own and others'. */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { nameFault, type PluginEntry, PlumblineError, scaffold, testPlugin } from "@plumbline/engine";
import { Command } from "commander";
import { EXIT } from "../failure.js";
import { type CommonOptions, common, print, printJson } from "../output.js";
import { PLUGINS, pluginSet } from "../plugins.js";
import { renderPluginInfo, renderPluginList, renderPluginTest } from "../render/plugin.js";
import { lookOf, painter } from "../render/style.js";
import { version } from "../version.js";
import type { CommandMaker, Runner } from "./command.js";

const paint = () => painter(lookOf(process.stdout, process.env));

/** An entry without its functions. */
function told(e: PluginEntry) {
  const { plugin, ...entry } = e;
  return { ...entry, facts: Object.keys(plugin?.facts ?? {}), collects: plugin?.collects ?? [] };
}

export const pluginCommand: CommandMaker = (run) =>
  new Command("plugin")
    .description("Lists, shows, makes and tests plugins: sources of evidence, ours and those of third parties.")
    .helpOption("-h, --help", "print this help")
    .addCommand(listCommand(run))
    .addCommand(infoCommand(run))
    .addCommand(newCommand(run))
    .addCommand(testCommand(run));

function listCommand(run: Runner): Command {
  return common(new Command("list"))
    .description(
      "Lists the plugins of a run here: what they read, what they declare to do, where they come from; and those that are refused.",
    )
    .action((options: CommonOptions) =>
      run(async () => {
        const { entries } = await pluginSet();
        if (options.format === "text") print(renderPluginList(entries, paint()));
        else if (options.format === "json") printJson({ schema: "plumbline.plugin-list/1", plugins: entries.map(told) }, "json");
        else for (const e of entries) printJson({ schema: "plumbline.plugin/1", ...told(e) }, "ndjson");
        return EXIT.done;
      }),
    );
}

function infoCommand(run: Runner): Command {
  return common(new Command("info"))
    .description("Shows one plugin: its parts, its kinds of facts, what would be run where to collect what it reads.")
    .argument("<name>", "its id, its package's name, or its folder")
    .action((name: string, options: CommonOptions) =>
      run(async () => {
        const { entries } = await pluginSet();
        const entry = entries.find((e) => e.id === name || e.package === name || (e.folder !== "" && e.folder === resolve(name)));
        if (!entry)
          throw new PlumblineError("USAGE", [
            `'${name}' is not a plugin here.`,
            `Plugins: ${entries.map((e) => e.id || e.folder).join(", ")}. Others are found with --plugins DIR.`,
          ]);
        if (options.format === "text") print(renderPluginInfo(entry, paint()));
        else printJson({ schema: "plumbline.plugin/1", ...told(entry) }, options.format);
        return EXIT.done;
      }),
    );
}

function newCommand(run: Runner): Command {
  return common(new Command("new"))
    .description("Makes a plugin's package: it builds, tests and runs at once.")
    .argument("<name>", "the package's name, with or without a scope: acme-gate, @acme/plumbline-plugin-gate")
    .argument("[folder]", "where to; left out: a folder of that name")
    .action((name: string, folder: string | undefined, options: CommonOptions) =>
      run(async () => {
        const wrong = nameFault(name);
        if (wrong !== "") throw new PlumblineError("USAGE", [`'${name}': ${wrong}.`, "Give a name like acme-gate."]);
        const to = resolve(folder ?? name.replace(/^@[^/]*\//, ""));
        if (existsSync(to) && readdirSync(to).length > 0)
          throw new PlumblineError("USAGE", [
            `${to}: is there already, and not empty.`,
            "Give another folder: plumbline plugin new NAME FOLDER.",
          ]);
        const files = scaffold(to, name, version());
        if (options.format === "text")
          print(
            `${files.map((f) => `  ${f}`).join("\n")}\n\nmade in ${to}. Next:\n  cd ${to}\n  npm install\n  npm test\n  npx plumbline plugin test`,
          );
        else printJson({ schema: "plumbline.plugin-new/1", folder: to, files }, options.format);
        return EXIT.done;
      }),
    );
}

function testCommand(run: Runner): Command {
  return common(new Command("test"))
    .description("Runs the conformance kit on a plugin: origins, facts, damaged input, time, lowering.")
    .argument("[folder]", "the plugin's package", ".")
    .option("--fixtures <dir>", "files as the commands print them, as in a snapshot; left out: its folder fixtures")
    .option("--seed <n>", "where the damaged files are drawn from", Number)
    .addHelpText("after", "\nExit code: 0 all passed; 1 a promise is not kept; 2 the folder cannot be used.")
    .action((folder: string, options: CommonOptions & { fixtures?: string; seed?: number }) =>
      run(async () => {
        if (options.seed !== undefined && !Number.isInteger(options.seed))
          throw new PlumblineError("USAGE", ["--seed is a whole number.", "Leave it out to draw as always."]);
        const test = await testPlugin(resolve(folder), { around: PLUGINS, ...options });
        if (options.format === "text") print(renderPluginTest(test, paint()));
        else
          printJson(
            { schema: "plumbline.plugin-test/1", ...test.report, folder: test.entry.folder, fixtures: test.fixtures },
            options.format,
          );
        return test.report.ok ? EXIT.done : EXIT.bad;
      }),
    );
}
