/** Helpers of these tests: read files as devices print them, lower them, and print what came out. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type NetworkBuilder, printNetwork, printProgram } from "@plumbline/model";
import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import plugin, { parseActions } from "../src/index.js";

/** Problems as one line each. */
export function said(problems: readonly { severity: string; file: string; line: number; message: string }[]): string[] {
  return problems.map((p) => `${p.severity} ${p.file}:${p.line}: ${p.message}`);
}

/** Lowers files (path → content). */
export function lower(files: Record<string, string>): { net: NetworkBuilder; problems: string[]; text: string } {
  const read = readFiles([plugin], files);
  const low = lowerFacts([plugin], read.facts);
  return { net: low.net, problems: said([...read.problems, ...low.problems]), text: printNetwork(low.net) };
}

const SHOW = `0000
    Bridge br0
        datapath_type: netdev
        Port br0
            Interface br0
                type: internal
        Port eth0
            Interface eth0
        Port eth1
            Interface eth1
`;
const PORTS = `OFPST_PORT_DESC reply (OF1.5) (xid=0x2):
 1(eth0): addr:02:00:00:00:00:01
     config:     0
     state:      LIVE
 2(eth1): addr:02:00:00:00:00:02
     config:     0
     state:      LINK_DOWN
 LOCAL(br0): addr:02:00:00:00:00:ff
     config:     0
     state:      LIVE
`;

/** A bridge br0 with ports 1 (eth0), 2 (eth1, down) and LOCAL. */
export function bridge(flows: string, groups = "OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n", more: Record<string, string> = {}) {
  return lower({
    "node/ovs/ovs-vsctl_show": SHOW,
    "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br0": PORTS,
    "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0": groups,
    "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br0": flows,
    ...more,
  });
}

/** The program of one list of actions on {@link bridge}, and the tables it made beside table 0. */
export function program(actions: string, match = "ip", groups?: string): string {
  const { net, problems } = bridge(`OFPST_FLOW reply (OF1.5) (xid=0x2):\n ${match} actions=${actions}\n`, groups);
  const others = net.tables.filter((t) => t.name !== "0" && (t.rules.length > 0 || t.miss.length > 0));
  const more = others.map(
    (t) =>
      `; ${t.name}: ${t.rules.map((r) => printProgram(r.program)).join(" ")}${t.miss.length > 0 ? ` else ${printProgram(t.miss)}` : ""}`,
  );
  return [printProgram(net.tables.find((t) => t.name === "0")?.rules[0]?.program ?? []), ...more, ...problems.map((p) => `; ${p}`)].join(
    "",
  );
}

/** Actions as plain values, bigints as text. */
export function plain(text: string): unknown {
  return simplify(parseActions(text));
}
export function simplify(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v instanceof Uint8Array ? [...v] : v)));
}

/** Lines of a recorded file, where a checkout of them stands beside this one or PLUMBLINE_SHARED says where; none, and said so, if not. */
export function shared<T>(path: string): T[] {
  const root = process.env.PLUMBLINE_SHARED ?? resolve(import.meta.dirname, "../../../../../shared");
  const file = join(root, path);
  if (!existsSync(file)) {
    console.warn(`SKIPPED: no recorded answers at ${file}; set PLUMBLINE_SHARED to test on them`);
    return [];
  }
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
}
