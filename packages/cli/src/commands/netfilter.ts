/** `plumbline netfilter trace`: a host's netfilter rules alone, at one hook or on the whole way through the host. */
import { readFileSync } from "node:fs";
import { type HostText, oneHost, PlumblineError } from "@plumbline/engine";
import linux from "@plumbline/plugin-linux";
import { type NetfilterOptions, netfilterAlone, openNetfilter } from "@plumbline/plugin-netfilter";
import { Command, Option } from "commander";
import { askLayer } from "../layer.js";
import { type CommonOptions, collect, common } from "../output.js";
import type { CommandMaker } from "./command.js";

const HOOKS = ["prerouting", "input", "forward", "output", "postrouting"] as const;

interface Options extends CommonOptions {
  readonly rules: string[];
  readonly hook?: (typeof HOOKS)[number];
  readonly path?: "receive" | "send";
  readonly in?: string;
  readonly out?: string;
  readonly ct?: string;
  readonly routes?: string[];
  readonly rulesOfPolicy?: string[];
  readonly addresses?: string[];
  readonly sysctl?: string;
  readonly sockets?: string;
  readonly packets?: string;
  readonly fresh?: boolean;
}

export const netfilterCommand: CommandMaker = (run) => {
  const trace = common(new Command("trace"))
    .description("Which rules a packet hits, in order, and what becomes of it, as the kernel's own rule trace tells it.")
    .argument("[packet...]", "as ofproto/trace has it, or 'tcp 192.0.2.1:40000 > 192.0.2.2:80'")
    .requiredOption("--rules <file>", "iptables-save, iptables -S, nft list ruleset (text or JSON), ipset save; repeatable", collect)
    .addOption(new Option("--hook <hook>", "the chains of this hook alone").choices([...HOOKS]))
    .addOption(new Option("--path <way>", "the whole way: in at an interface, or out from a socket").choices(["receive", "send"]))
    .option("--in <if>", "the interface by which packets come in")
    .option("--out <if>", "with --hook: the interface by which they are to leave")
    .option("--ct <state>", "with --hook: new, established, related, invalid, untracked; with reply, snat, dnat joined by ','")
    .option("--routes <file>", "with --path: ip route show table all; repeatable", collect)
    .option("--rules-of-policy <file>", "with --path: ip rule; repeatable (ip -6 rule)", collect)
    .option("--addresses <file>", "ip addr; repeatable", collect)
    .option("--sysctl <file>", "with --path: sysctl -a (default: the host forwards)")
    .option("--sockets <file>", "with --path: ss -tuln (default: nothing listens)")
    .option(
      "--packets <file>",
      "read packets from a file (- is stdin), one a line, each with options of its own behind it (--in, --out, --ct, --choose)",
    )
    .option("--fresh", "forget connections before each packet")
    .addHelpText(
      "after",
      `
Examples:
  plumbline netfilter trace --rules iptables-save.txt --hook prerouting --in eth0 'tcp,nw_src=192.0.2.1,nw_dst=203.0.113.9,tp_src=40000,tp_dst=80'
  plumbline netfilter trace --rules ruleset.json --path receive --in eth0 --routes ip_route --addresses ip_addr --packets probes.txt --format ndjson`,
    )
    .action((packets: string[], options: Options) =>
      run(async () => {
        const layer = openNetfilter(oneHost(textsOf(options), [netfilterAlone, linux]), optionsOf(options));
        return askLayer(
          layer,
          { given: packets, file: options.packets, what: "packet", option: "--packets" },
          { format: options.format, schema: "plumbline.netfilter-trace/1", key: "packet" },
        );
      }),
    );
  return new Command("netfilter")
    .description("iptables and nftables rules alone.")
    .helpOption("-h, --help", "print this help")
    .addCommand(trace);
};

function optionsOf(o: Options): NetfilterOptions {
  if ((o.hook === undefined) === (o.path === undefined))
    throw new PlumblineError("USAGE", [
      "either --hook or --path says where the packet is.",
      `Hooks: ${HOOKS.join(", ")}; paths: receive, send.`,
    ]);
  const shared = { ...(o.in !== undefined && { in: o.in }), ...(o.fresh && { fresh: true }) };
  if (o.path !== undefined) {
    if (o.out !== undefined || o.ct !== undefined)
      throw new PlumblineError("USAGE", ["--out and --ct go with --hook.", "On a whole path routing and tracking decide about them."]);
    for (const [name, given] of [
      ["--routes", o.routes],
      ["--addresses", o.addresses],
    ] as const)
      if (given === undefined)
        throw new PlumblineError("USAGE", [`--path needs ${name} FILE.`, "Collect ip route show table all, and ip addr."]);
    return { path: o.path, ...shared };
  }
  return { hook: o.hook!, ...shared, ...(o.out !== undefined && { out: o.out }), ...(o.ct !== undefined && { ct: o.ct }) };
}

function textsOf(o: Options): HostText[] {
  const texts: HostText[] = [];
  const add = (paths: readonly string[] | undefined, command: (text: string) => string) => {
    for (const path of paths ?? []) {
      const text = contents(path);
      texts.push({ path, command: command(text), text });
    }
  };
  add(o.rules, () => "");
  add(o.addresses, () => "ip addr");
  add(o.routes, (text) => (/\btable\b/.test(text) ? "ip route show table all" : `ip${onlyV6(text)} route`));
  add(o.rulesOfPolicy, (text) => `ip${onlyV6(text)} rule`);
  if (o.path === undefined) return texts;
  const assumed = (path: string | undefined, command: string, otherwise: string) =>
    path === undefined ? texts.push({ path: command, command, text: otherwise }) : add([path], () => command);
  assumed(o.sysctl, "sysctl -a", FORWARDS);
  assumed(o.sockets, "ss -tuln", NO_SOCKETS);
  return texts;
}

const FORWARDS = "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n";
const NO_SOCKETS = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n";

/** ` -6` if all addresses of the text are IPv6. */
const onlyV6 = (text: string): string => (/[0-9a-f]*:[0-9a-f:]*:/i.test(text) && !/\d+\.\d+\.\d+\.\d+/.test(text) ? " -6" : "");

function contents(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (e) {
    throw new PlumblineError("USAGE", [
      `${path}: ${(e as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(e)}.`,
      "Give the file that holds the command's output.",
    ]);
  }
}
