/** `plumbline ofproto trace`: Open vSwitch bridges alone, as `ovs-appctl ofproto/trace` answers on the machine. */
import { readFileSync } from "node:fs";
import { PlumblineError } from "@plumbline/engine";
import { type LayerFile, type OfprotoBridge, type OfprotoPatch, openOfproto } from "@plumbline/plugin-ovs";
import { Command } from "commander";
import { askLayer } from "../layer.js";
import { type CommonOptions, collect, common } from "../output.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions {
  readonly patch?: string[];
  readonly ctNext?: string[];
  readonly whyNot?: string;
  readonly packets?: string;
}

/** Files of a bridge, as options are called. */
const FILES = ["flows", "groups", "ports", "fdb", "tlvMap"] as const;
type FileOption = (typeof FILES)[number];
/** Options that tell of bridges, in the order in which they were given. */
type Given = { readonly option: "bridge" | FileOption; readonly value: string };

/** The bridge where none is named. */
const ONLY_BRIDGE = "br0";

export const ofprotoCommand: CommandMaker = (run) => {
  const given: Given[] = [];
  const tells = (option: Given["option"]) => (value: string) => {
    given.push({ option, value });
    return value;
  };
  const trace = common(new Command("trace"))
    .description("Which flows a packet hits, what the datapath is told to do with it, and where it leaves, as ofproto/trace tells it.")
    .argument(
      "[packet...]",
      "as ofproto/trace has it: 'in_port=1,tcp,nw_src=192.0.2.1,…', 'in_port(1),eth(…)', or either with a frame in hexadecimal",
    )
    .option("--bridge <name>", `the bridge that the files behind it are of (default: ${ONLY_BRIDGE}); repeatable`, tells("bridge"))
    .option("--flows <file>", "ovs-ofctl dump-flows of any version, ovs-appctl bridge/dump-flows, or add-flows input", tells("flows"))
    .option("--groups <file>", "ovs-ofctl dump-groups, or add-groups input", tells("groups"))
    .option(
      "--ports <file>",
      "ovs-ofctl dump-ports-desc or show, ovs-appctl dpif/show (tells tunnels and peers), both in one file, or lines 'OFPORT NAME [DPPORT [up|down]]'",
      tells("ports"),
    )
    .option("--fdb <file>", "ovs-appctl fdb/show", tells("fdb"))
    .option("--tlv-map <file>", "ovs-ofctl dump-tlv-map", tells("tlvMap"))
    .option("--patch <ports>", "two patch ports: BRIDGE:PORT=BRIDGE:PORT; repeatable", collect)
    .option("--ct-next <state>", "the state that connection tracking gives next (trk,est; …); repeatable; beyond them trk,new", collect)
    .option("--why-not <rule>", "say why this rule was not hit: FILE:LINE, its line, or a part of its text")
    .option("--packets <file>", "read packets from a file (- is stdin), one a line, each with --ct-next of its own behind it")
    .addHelpText(
      "after",
      `
Examples:
  plumbline ofproto trace --bridge br-int --flows flows.txt --groups groups.txt --ports ports.txt 'in_port=5,tcp,nw_src=10.128.2.4,nw_dst=10.128.4.9,tcp_dst=80'
  plumbline ofproto trace --flows flows.txt --packets packets.txt --format ndjson
  plumbline ofproto trace --bridge br-ex --flows ex.txt --bridge br-int --flows int.txt --patch br-ex:2=br-int:1 'br-int in_port=3,icmp'`,
    )
    .action((packets: string[], options: Options) =>
      run(async () => {
        const layer = openOfproto({
          bridges: bridgesOf(given),
          patches: (options.patch ?? []).map(patchOf),
          ...(options.ctNext !== undefined && { ctNext: options.ctNext }),
          ...(options.whyNot !== undefined && { whyNot: options.whyNot }),
        });
        return askLayer(
          layer,
          { given: packets, file: options.packets, what: "packet", option: "--packets" },
          { format: options.format, schema: "plumbline.ofproto-trace/1", key: "packet" },
        );
      }),
    );
  return new Command("ofproto").description("Open vSwitch bridges alone.").helpOption("-h, --help", "print this help").addCommand(trace);
};

function usage(what: string, todo: string): never {
  throw new PlumblineError("USAGE", [what, todo]);
}

function bridgesOf(given: readonly Given[]): OfprotoBridge[] {
  const bridges: { name: string | null; files: Partial<Record<FileOption, LayerFile>> }[] = [];
  for (const { option, value } of given) {
    const last = bridges.at(-1);
    if (option === "bridge") {
      // One bridge may be named behind its files.
      if (last && last.name === null) last.name = value;
      else bridges.push({ name: value, files: {} });
      continue;
    }
    const at = last ?? { name: null, files: {} };
    if (!last) bridges.push(at);
    if (at.files[option])
      usage(
        `--${option === "tlvMap" ? "tlv-map" : option} is given twice for ${at.name ?? "one bridge"}.`,
        "Name the next bridge with --bridge before its files.",
      );
    at.files[option] = { name: value, text: readFileSync(value, "utf8") };
  }
  if (bridges.length === 0) usage("no flows are given.", "Give them with --flows FILE.");
  return bridges.map(({ name, files }) => {
    const { flows, ...rest } = files;
    if (!flows) return usage(`bridge ${name ?? ONLY_BRIDGE} has no flows.`, "Give them with --flows FILE behind its --bridge.");
    return { name: name ?? ONLY_BRIDGE, flows, ...rest };
  });
}

function patchOf(text: string): OfprotoPatch {
  const m = /^([^:=]+):([^:=]+)=([^:=]+):([^:=]+)$/.exec(text);
  if (!m) return usage(`--patch '${text}' is not understood.`, "Write it as BRIDGE:PORT=BRIDGE:PORT, ports by number or name.");
  return { a: { bridge: m[1], port: m[2] }, b: { bridge: m[3], port: m[4] } };
}
