/**
 * Copies of a set with OpenFlow taken away, and with faults between the southbound database and the switches made from it.
 *
 * Sets hold the same evidence in several forms. A fault is made in one, and the others are removed, so that none tells the truth.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A copy in the temporary folder, without probes. */
export function copyOf(set: string): string {
  const to = mkdtempSync(join(tmpdir(), "plumbline-logical-"));
  for (const e of readdirSync(set)) if (e !== "probe") cpSync(join(set, e), join(to, e), { recursive: true });
  return to;
}

/** Files below a folder. */
function files(dir: string): { readonly path: string; readonly name: string; readonly host: string }[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => {
      const path = join(e.parentPath, e.name);
      return { path, name: e.name, host: path.slice(dir.length + 1).split("/")[0] };
    });
}

/** What is taken away: br-int's flows alone, all that names br-int, all of OVS but what names br-ex, the flows of every bridge, or all of OVS. */
export type Taken = "flows" | "br-int" | "all but br-ex" | "all flows" | "all";

const TAKEN: { readonly [T in Taken]: (name: string) => boolean } = {
  flows: (name) => /dump-flows.*_br-int$/.test(name),
  "br-int": (name) => name.endsWith("_br-int"),
  "all but br-ex": (name) => !name.includes("br-ex"),
  "all flows": (name) => name.includes("dump-flows"),
  all: () => true,
};

/** Takes away what tells of br-int on one host, or on all. */
export function takeBrInt(dir: string, what: Taken, host?: string): void {
  for (const f of files(dir))
    if (f.path.includes("/ovs/") && (host === undefined || f.host === host) && TAKEN[what](f.name)) rmSync(f.path);
}

/** Hosts of a set that have a br-int, in order. */
export function switchHosts(dir: string): string[] {
  return [...new Set(files(dir).flatMap((f) => (FLOWS.test(f.name) ? [f.host] : [])))].sort();
}

const FLOWS = /^ovs-ofctl_-O_OpenFlow15_dump-flows_br-int$/;
const GROUPS = /^ovs-ofctl_-O_OpenFlow15_dump-groups_br-int$/;
const DATABASE = /OVN_Southbound$|^ovn-sbctl_/;
const KEPT = /^ovsdb-client_-f_json_dump_OVN_Southbound$|^ovn-sbctl_--uuid_lflow-list$/;

/** Keeps one form of what faults are made in. */
export function oneForm(dir: string): void {
  for (const f of files(dir)) {
    const other =
      (/dump-flows.*_br-int$/.test(f.name) && !FLOWS.test(f.name)) ||
      (/dump-groups_br-int$/.test(f.name) && !GROUPS.test(f.name)) ||
      (DATABASE.test(f.name) && !KEPT.test(f.name));
    if (other) rmSync(f.path);
  }
}

function edit(dir: string, host: string, name: RegExp, change: (lines: string[]) => string[]): void {
  for (const f of files(dir))
    if (f.host === host && name.test(f.name)) writeFileSync(f.path, change(readFileSync(f.path, "utf8").split("\n")).join("\n"));
}

/** A fault: what it does to the evidence, and what of it a finding must name. */
export interface Fault {
  readonly name: string;
  readonly kind: string;
  /** @returns texts that the finding's own text must have */
  make(dir: string, host: string): string[];
}

const cookieOf = (line: string) => /cookie=(0x[0-9a-f]+)/.exec(line)?.[1] ?? "";

/** The first line of the host's flows that goes to a group: a load balancer's. */
function balancedFlow(dir: string, host: string): string {
  const file = files(dir).find((f) => f.host === host && FLOWS.test(f.name))!;
  return readFileSync(file.path, "utf8")
    .split("\n")
    .find((l) => /actions=.*group:\d+/.test(l))!;
}

export const FAULTS: readonly Fault[] = [
  {
    name: "an OpenFlow flow is missing",
    kind: "missing",
    make(dir, host) {
      const line = balancedFlow(dir, host);
      edit(dir, host, FLOWS, (lines) => lines.filter((l) => l !== line));
      return [cookieOf(line)];
    },
  },
  {
    name: "a stale OpenFlow flow is there",
    kind: "unnamed",
    make(dir, host) {
      const line = balancedFlow(dir, host);
      const stale = line.replace(cookieOf(line), "0xdead0001").replace(/nw_dst=[\d.]+|reg0=0x[0-9a-f]+/, "nw_dst=192.0.2.99");
      edit(dir, host, FLOWS, (lines) => lines.flatMap((l) => (l === line ? [stale, l] : [l])));
      return ["0xdead0001", "192.0.2.99"];
    },
  },
  {
    name: "a bucket of a group is wrong",
    kind: "group",
    make(dir, host) {
      const line = balancedFlow(dir, host);
      const group = /group:(\d+)/.exec(line)![1];
      edit(dir, host, GROUPS, (lines) =>
        lines.map((l) => (new RegExp(`group_id=${group},`).test(l) ? l.replace(/nat\(dst=[\d.]+/, "nat(dst=192.0.2.99") : l)),
      );
      return [`group:${group}`];
    },
  },
  {
    name: "a logical flow is missing",
    kind: "unnamed",
    make(dir, host) {
      const cookie = cookieOf(balancedFlow(dir, host));
      const digits = cookie.slice(2).padStart(8, "0");
      const owner = files(dir).some((f) => f.host === host && KEPT.test(f.name)) ? host : "ovn";
      edit(dir, owner, /lflow-list$/, (lines) => lines.filter((l) => !l.includes(`uuid=0x${digits},`)));
      edit(dir, owner, /OVN_Southbound$/, (lines) => lines.map((l) => (l.includes('"Logical_Flow table"') ? withoutRow(l, digits) : l)));
      return [cookie];
    },
  },
];

function withoutRow(line: string, digits: string): string {
  const table = JSON.parse(line) as { data: unknown[][]; headings: string[] };
  const at = table.headings.indexOf("_uuid");
  return JSON.stringify({ ...table, data: table.data.filter((r) => !String((r[at] as string[])[1]).startsWith(digits)) });
}
