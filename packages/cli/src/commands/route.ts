/** `plumbline route get`: a host's route tables alone, as `ip route get` would ask them. */
import { readFileSync } from "node:fs";
import { PlumblineError } from "@plumbline/engine";
import { openRoutes, type RouteSelectors, type RouteText } from "@plumbline/plugin-linux";
import { Command } from "commander";
import { askLayer } from "../layer.js";
import { type CommonOptions, collect, common } from "../output.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions {
  readonly routes: string[];
  readonly rules?: string[];
  readonly addresses?: string[];
  readonly nexthops?: string[];
  readonly neighbours?: string[];
  readonly sysctl?: string[];
  readonly destinations?: string;
  readonly from?: string;
  readonly iif?: string;
  readonly oif?: string;
  readonly mark?: string;
  readonly uid?: string;
  readonly tos?: string;
  readonly ipproto?: string;
  readonly sport?: string;
  readonly dport?: string;
}

export const routeCommand: CommandMaker = (run) => {
  const get = common(new Command("get"))
    .description("Where the kernel would send a packet: policy rules, route tables, next hops, source address; with file and line.")
    .argument("[destination...]", "an address; or a question as for ip route get: '192.0.2.1 from 198.51.100.7 iif eth0 mark 1'")
    .requiredOption("--routes <file>", "ip route show table all, text or JSON; repeatable", collect)
    .option("--rules <file>", "ip rule, text or JSON; repeatable (ip -6 rule) (default: the kernel's own rules)", collect)
    .option("--addresses <file>", "ip addr, ip -d addr, ip -br addr; repeatable (default: they follow from the routes)", collect)
    .option("--nexthops <file>", "ip nexthop; repeatable", collect)
    .option("--neighbours <file>", "ip neigh; repeatable", collect)
    .option("--sysctl <file>", "sysctl -a; repeatable (default: the host forwards, and does not filter by the way back)", collect)
    .option("--from <address>", "source address")
    .option("--iif <if>", "the packet comes in by it (default: a socket of the host sends)")
    .option("--oif <if>", "the socket is bound to it")
    .option("--mark <n>", "the packet's mark")
    .option("--uid <n>", "whose socket it is (default: 0)")
    .option("--tos <n>", "type of service")
    .option("--ipproto <protocol>", "IP protocol")
    .option("--sport <port>", "source port")
    .option("--dport <port>", "destination port")
    .option("--destinations <file>", "read destinations from a file (- is stdin), one a line, each with selectors of its own behind it")
    .addHelpText(
      "after",
      `
Examples:
  plumbline route get --routes ip_route_show_table_all 192.0.2.7
  plumbline route get --routes routes.json --rules rules.json --from 198.51.100.7 --iif eth0 --mark 0x10 192.0.2.7 --format json
  plumbline route get --routes ip_route --rules ip_rule --destinations probes.txt --format ndjson`,
    )
    .action((destinations: string[], options: Options) =>
      run(async () => {
        const read = (files: string[] | undefined) => files?.map(textOf);
        const { routes, rules, addresses, nexthops, neighbours, sysctl } = options;
        const rest = {
          rules: read(rules),
          addresses: read(addresses),
          nexthops: read(nexthops),
          neighbours: read(neighbours),
          sysctl: read(sysctl),
        };
        const given = Object.fromEntries(Object.entries(rest).filter(([, texts]) => texts !== undefined));
        const layer = openRoutes({ routes: routes.map(textOf), ...given }, selectorsOf(options));
        return askLayer(
          layer,
          { given: questions(destinations), file: options.destinations, what: "destination", option: "--destinations" },
          { format: options.format, schema: "plumbline.route-get/1", key: "dst" },
        );
      }),
    );
  return new Command("route")
    .description("Route tables and policy rules alone.")
    .helpOption("-h, --help", "print this help")
    .addCommand(get);
};

const SELECTORS = new Set(["from", "iif", "oif", "dev", "vrf", "mark", "uid", "tos", "dsfield", "ipproto", "sport", "dport", "to"]);

/** Arguments are destinations; with a selector among them they are one question, as `ip route get` takes it. */
function questions(words: readonly string[]): readonly string[] {
  return words.some((w) => SELECTORS.has(w)) ? [words.join(" ")] : words;
}

function selectorsOf(o: Options): RouteSelectors {
  const number = (name: "mark" | "uid" | "tos" | "sport" | "dport", max: number) => {
    const text = o[name];
    if (text === undefined) return {};
    const n = Number(text);
    if (text.trim() === "" || !Number.isInteger(n) || n < 0 || n > max)
      throw new PlumblineError("USAGE", [
        `--${name} '${text}' is not a number from 0 to ${max}.`,
        "Numbers are decimal, or hexadecimal with 0x.",
      ]);
    return { [name]: n };
  };
  return {
    ...(o.from !== undefined && { from: o.from }),
    ...(o.iif !== undefined && { iif: o.iif }),
    ...(o.oif !== undefined && { oif: o.oif }),
    ...(o.ipproto !== undefined && { ipproto: o.ipproto }),
    ...number("mark", 0xffffffff),
    ...number("uid", 0xffffffff),
    ...number("tos", 0xff),
    ...number("sport", 0xffff),
    ...number("dport", 0xffff),
  };
}

function textOf(path: string): RouteText {
  try {
    return { file: path, text: readFileSync(path === "-" ? 0 : path, "utf8") };
  } catch (e) {
    throw new PlumblineError("USAGE", [
      `${path}: ${(e as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(e)}.`,
      "Give the file that holds the command's output.",
    ]);
  }
}
