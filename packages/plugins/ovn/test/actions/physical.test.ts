/**
 * The lab's br-int flows against what we make of the logical flows that their cookies name: real ovn-controllers of OVN 23.03 and
 * 25.03 made them. Skipped, loudly, where the dumps are not there.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { addMatch, type Fact, findField, type Match, parseValue, printMatch, slice } from "@plumbline/model";
import { FactStore, inlineFile, placeOf, readFile } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import {
  type ActionContext,
  CONTROLLER_FORMS,
  controllerTables,
  type EncodeContext,
  encodeActions,
  openFlowText,
  parseActions,
} from "../../src/actions/index.js";
import { rows, type Zone, zonesFor } from "../../src/database.js";
import {
  addressSetConstants,
  annotate,
  combine,
  expandTemplates,
  normalize,
  ovnSymbols,
  parseExpression,
  resolveConditions,
  simplify,
  toMatches,
} from "../../src/expr/index.js";
import plugin, { tableOffsets } from "../../src/index.js";
import { asMap, asNumber, asSet, asText } from "../../src/values.js";

const SHARED = process.env["PLUMBLINE_SHARED"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../../../../shared");
const LAB = join(SHARED, "fixtures/lab");
const here = existsSync(LAB);
if (!here) console.warn(`SKIPPED: no lab dumps at ${LAB} (set PLUMBLINE_SHARED)`);

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesUnder(join(folder, e.name)) : [join(folder, e.name)],
  );

function load(set: string): { facts: FactStore; dumps: { host: string; lines: string[] }[] } {
  const facts = new FactStore();
  const dumps: { host: string; lines: string[] }[] = [];
  const commands = new Map(
    readFileSync(join(LAB, set, "commands.tsv"), "utf8")
      .split("\n")
      .map((l) => l.split("\t") as [string, string]),
  );
  for (const file of filesUnder(join(LAB, set))) {
    const path = relative(join(LAB, set), file);
    if (!/(^|\/)(ovn|ovs)\//.test(path)) continue;
    const f = inlineFile(path, readFileSync(file), placeOf(path, "", commands.get(path)));
    if (/OpenFlow15_dump-flows_br-int$/.test(path)) {
      const lines = f
        .text()
        .split("\n")
        .filter((l) => l.includes("cookie="));
      dumps.push({ host: f.host, lines });
      for (const text of lines)
        facts.add({ kind: "ovs.flow", host: f.host, origin: { file: path, line: 1, text: text.trim() }, data: {} } as unknown as Fact);
    } else if (plugin.claims(f)) for (const fact of readFile(plugin, f).facts) facts.add(fact);
  }
  return { facts, dumps };
}

/** What ovn-controller on a chassis knows. */
class Chassis {
  readonly addressSets;
  readonly portGroups;
  readonly templates: Map<string, string>;
  private readonly uuid: string;
  private readonly bindings;
  private readonly groups;
  readonly datapaths;

  constructor(zone: Zone, host: string) {
    const sb = (table: string) => rows(zone, "southbound", table);
    const chassis = sb("Chassis").find((r) => asText(r.columns["hostname"]) === host)!;
    this.uuid = chassis.uuid;
    const name = asText(chassis.columns["name"]);
    this.addressSets = new Map(
      sb("Address_Set").map((r) => [asText(r.columns["name"]), addressSetConstants(asSet(r.columns["addresses"]).map(String))]),
    );
    this.portGroups = new Map(sb("Port_Group").map((r) => [asText(r.columns["name"]), asSet(r.columns["ports"]).map(String)]));
    const variables = sb("Chassis_Template_Var").filter((r) => asText(r.columns["chassis"]) === name);
    this.templates = new Map(
      variables.flatMap((r) => Object.entries(asMap(r.columns["variables"])).map(([k, v]) => [k, String(v)] as const)),
    );
    this.bindings = new Map(sb("Port_Binding").map((r) => [asText(r.columns["logical_port"]), r.columns]));
    this.groups = sb("Multicast_Group").map((r) => r.columns);
    this.datapaths = new Map(
      sb("Datapath_Binding").map((r) => [
        asNumber(r.columns["tunnel_key"]) ?? 0,
        { uuid: r.uuid, isSwitch: "logical-switch" in asMap(r.columns["external_ids"]) },
      ]),
    );
  }

  isResident = (port: string): boolean => asSet(this.bindings.get(port)?.["chassis"]).includes(this.uuid);
  key(datapath: string, name: string): number | undefined {
    // controller/lflow.c, lookup_port_cb.
    if (name === "none") return 0;
    const port = this.bindings.get(name);
    const found =
      port && asText(port["datapath"]) === datapath
        ? port
        : this.groups.find((g) => asText(g["name"]) === name && asText(g["datapath"]) === datapath);
    return asNumber(found?.["tunnel_key"]);
  }
}

const PROTOCOLS: Record<string, readonly [type: number, proto?: number]> = {
  ip: [0x800],
  ipv6: [0x86dd],
  arp: [0x806],
  rarp: [0x8035],
  tcp: [0x800, 6],
  udp: [0x800, 17],
  sctp: [0x800, 132],
  icmp: [0x800, 1],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  sctp6: [0x86dd, 132],
  icmp6: [0x86dd, 58],
};
const STATES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];

/** Value and mask of `nw_frag` (ovs-fields(7)). */
const FRAGMENTS: Record<string, readonly [bigint, bigint]> = {
  no: [0n, 3n],
  yes: [1n, 1n],
  first: [1n, 3n],
  later: [3n, 3n],
  not_later: [0n, 2n],
};

/** A match as `dump-flows` prints it, without the datapath's key and numbers of conjunctions; undefined if it has what is not read here. */
function dumped(text: string): string | undefined {
  let match: Match | null = [];
  const add = (name: string, value: bigint, mask?: bigint) => {
    match = match && addMatch(match, slice(name), value, mask);
  };
  for (const part of text.split(",").filter((p) => p !== "")) {
    const [name, value] = part.split("=") as [string, string?];
    const protocol = PROTOCOLS[name];
    const field = findField(name);
    if (name === "metadata") continue;
    if (name === "nw_frag") {
      const [v, m] = FRAGMENTS[value!] ?? [];
      if (v === undefined) return undefined;
      add("ip_frag", v, m);
      continue;
    }
    if (protocol) {
      add("eth_type", BigInt(protocol[0]));
      if (protocol[1] !== undefined) add("ip_proto", BigInt(protocol[1]));
    } else if (name === "ct_state")
      for (const [, sign, state] of value!.matchAll(/([+-])([a-z]+)/g)) {
        const bit = 1n << BigInt(STATES.indexOf(state!));
        add("ct_state", sign === "+" ? bit : 0n, bit);
      }
    else if (field && value !== undefined) {
      const [v, m] = value.split("/").map((x) => (/^\d+$/.test(x) ? BigInt(x) : parseValue(field, x)));
      const prefix = (n: bigint) => ((1n << n) - 1n) << (BigInt(field.bits) - n);
      if (v === null || v === undefined || m === null) return undefined;
      add(field.name, v, m === undefined ? undefined : /\/\d+$/.test(value) && /^ipv/.test(field.format) ? prefix(m) : m);
    } else return undefined;
  }
  return match ? numberless(match) : undefined;
}

function numberless(match: Match): string {
  return printMatch(match).replace(/conj_id=\d+/, "conj_id=N");
}

/** As dumps of different versions write the same, without numbers that are each chassis's own. */
function plainActions(text: string): string {
  return text
    .replaceAll(/group:\d+/g, "group:N")
    .replaceAll(/,meter_id=\d+/g, "")
    .replaceAll("dec_ttl()", "dec_ttl");
}

const SETS = [
  ["cluster", "23.03", 37],
  ["local", "23.03", 37],
  ["ic-local", "25.03", 40],
  ["lgw-local", "25.03", 40],
] as const;
test.skipIf(!here).each(SETS)(
  "%s: flows of br-int are what we make of logical flows",
  { timeout: 120_000 },
  (set, release, ingressOutput) => {
    const { facts, dumps } = load(set);
    const symbols = ovnSymbols(release === "23.03" ? "21.12" : "24.03");
    const different = new Map<string, string>();
    let compared = 0;
    let unread = 0;
    for (const { host, lines } of dumps) {
      const zone = zonesFor(facts, host)[0]!;
      const chassis = new Chassis(zone, host);
      const offsets = tableOffsets(facts, host);
      const tables = controllerTables({ ...offsets, ingressOutput, egressOutput: 64, mirror: 0 });
      for (const line of lines) {
        const m = /cookie=(0x[0-9a-f]+),.*?table=(\d+),.*?priority=\d+,?(.*?) actions=(.*)$/.exec(line);
        const metadata = Number(/(?:^|,)metadata=(0x[0-9a-f]+)/.exec(m?.[3] ?? "")?.[1] ?? Number.NaN);
        const datapath = chassis.datapaths.get(metadata);
        if (!m || !datapath) continue;
        const prefix = BigInt(m[1]!).toString(16).padStart(8, "0");
        const lflow = zone.lflowsByPrefix.get(prefix)?.find((l) => l.table + offsets[l.pipeline] === Number(m[2]));
        if (!lflow) continue;
        compared++;
        const expanded = (text: string) => expandTemplates(text, chassis.templates, release === "23.03" ? "21.12" : "24.03");
        const context: ActionContext = {
          symbols,
          pipeline: lflow.pipeline,
          table: lflow.table,
          tables: 64,
          release: release === "23.03" ? "21.12" : "24.03",
        };
        const lookupPort = (name: string) => chassis.key(datapath.uuid, name);
        const parsed = parseActions(expanded(lflow.actions), context);
        const encode: EncodeContext = {
          pipeline: lflow.pipeline,
          isSwitch: datapath.isSwitch,
          tables,
          lookupPort,
          tunnelPort: () => undefined,
          groupId: () => 1,
          meterId: () => 1,
          cookie: Number(m[1]),
          datapathKey: metadata,
          hasCollectorSet: () => true,
          form: CONTROLLER_FORMS[release],
          zeroSnat: true,
        };
        const actions = plainActions(openFlowText(encodeActions(parsed.actions, encode)));
        if (!m[4]!.startsWith("conjunction(") && plainActions(m[4]!) !== actions) different.set(lflow.actions, `${m[4]} / ${actions}`);
        const written = parseExpression(expanded(lflow.match), { ...chassis, symbols, datapath: metadata });
        const e = annotate(parsed.prereqs ? combine("and", written, parsed.prereqs) : written, symbols);
        const flows = toMatches(normalize(resolveConditions(simplify(e), chassis.isResident)), lookupPort);
        const theirs = dumped(m[3]!);
        if (theirs === undefined) unread++;
        if (theirs !== undefined && !flows.some((f) => numberless(f.match) === theirs))
          different.set(lflow.match, `${m[3]} / ${flows.map((f) => numberless(f.match)).join(" | ")}`);
      }
    }
    expect([...different].slice(0, 5)).toEqual([]);
    expect(compared).toBeGreaterThan(2000);
    expect(unread).toBe(0);
  },
);
