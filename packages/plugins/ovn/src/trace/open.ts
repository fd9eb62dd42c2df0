/** `ovn-trace` from files: a southbound database opened as one layer (ovn-trace(8)). */
import {
  EV,
  type Event,
  field,
  get,
  type Layer,
  type LayerQuestion,
  NetworkBuilder,
  numbering,
  PlumblineError,
  type Problem,
  type Row,
  set,
} from "@plumbline/model";
import { FactStore } from "@plumbline/plugin-sdk";
import { addressOf, type Endpoint, endpoint } from "../actions/index.js";
import { rows, zones } from "../database.js";
import { inportOf, LOGICAL, microflowOf, OvnSyntaxError, parseExpression } from "../expr/index.js";
import type { DatabaseName } from "../facts.js";
import { portKey } from "../logical/flows.js";
import { type LogicalPipelines, lowerPipelines } from "../logical/pipelines.js";
import { type LogicalDatapath, type LogicalPort, type Topology, topologyOf } from "../logical/topology.js";
import { readJsonTables } from "../read-json.js";
import { readLflows } from "../read-lflows.js";
import { readStore } from "../read-store.js";
import { type OvnTrace, TraceReader, treeText } from "./answer.js";
import { Marks } from "./marks.js";
import { rowOrder } from "./row-order.js";
import { CHOICE, CT_STATES, GIVEN, TracedStyle } from "./style.js";

export interface OvnFile {
  /** As origins and messages call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface OvnSpec {
  /** The southbound database: an OVSDB file, `ovsdb-client dump -f json`, or `ovn-sbctl lflow-list`. */
  readonly sb: OvnFile;
  readonly nb?: OvnFile;
  /** Name or UUID (or its beginning) of the datapath; without it the inport tells. */
  readonly datapath?: string;
  /** Connection states for ct_next and its like, in order; beyond them est|trk. */
  readonly ct?: readonly string[];
  /** Where load balancers are to send the packet. */
  readonly lbDst?: string;
}

/** What is kept of a question. */
export interface OvnQuestion {
  readonly microflow: string;
  readonly datapath: LogicalDatapath;
  readonly inport: LogicalPort | undefined;
  readonly row: Row;
  readonly ct: readonly number[];
  readonly lbDst: Endpoint | undefined;
}

const INPORT_WORD = field(LOGICAL.inport).word;
const CT_BITS: Readonly<Record<string, number>> = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32, snat: 64, dnat: 128 };

/** Opens the layer. Throws PlumblineError if the file is no southbound database. */
export function openOvn(spec: OvnSpec): Layer<OvnTrace, OvnQuestion> {
  const problems: Problem[] = [];
  const facts = new FactStore();
  read(spec.sb, "southbound", facts, problems);
  if (spec.nb) read(spec.nb, "northbound", facts, problems);
  const zone = zones(facts).get("");
  if (!zone || rows(zone, "southbound", "Datapath_Binding").length === 0)
    throw new PlumblineError("USAGE", [
      `${spec.sb.name}: no Datapath_Binding in it.`,
      "Give the southbound database: ovsdb-client -f json dump unix:/var/run/ovn/ovnsb_db.sock OVN_Southbound, or its file.",
    ]);
  const topology = topologyOf(zone);
  orderTies(
    topology,
    rows(zone, "southbound", "Logical_Flow").map((r) => r.uuid),
  );
  const net = new NetworkBuilder();
  const marks = new Marks();
  const names = new Set<string>();
  const pipelines = lowerPipelines(net, topology, new TracedStyle(marks), {
    // Names of datapaths need not be unique.
    nameOf: (dp) => (dp.name !== "" && !names.has(dp.name) && names.add(dp.name) ? dp.name : dp.uuid),
    host: "",
    // As ovn-trace has it: it looks from nowhere in particular, so every port that there is is here.
    isResident: (port) => port === "" || topology.ports.has(port),
    fault: ({ file, line }, message) =>
      problems.push({ severity: "warning", file, line, message, hint: "The flow is left out, as OVN does." }),
  });
  const num = numbering(net);
  const reader = new TraceReader(pipelines, marks, num, net.rules);
  return {
    network: net,
    problems: [...problems, ...topology.problems],
    ask: (line) => ask(line, spec, topology, pipelines),
    again: (q, events) => {
      const script = scriptOf(q.about, events, num.sites);
      return script.length === q.run.options.script.length && script.every((x, i) => x === q.run.options.script[i])
        ? null
        : { ...q.run, options: { ...q.run.options, script } };
    },
    answer: (q, events) => {
      const tree = reader.read(events, q.about.ct.length);
      const verdict = tree.unknown ? "unknown" : tree.outputs.length > 0 ? "output" : "drop";
      return {
        schema: "plumbline.ovn-trace/1",
        microflow: q.about.microflow,
        steps: tree.steps,
        outputs: tree.outputs,
        verdict,
        notes: tree.notes,
        [TREE]: tree.roots,
      } as OvnTrace;
    },
    text: (answer, q) => {
      const { datapath, inport, microflow } = q.about;
      const title = `ingress(dp="${datapath.friendly}", inport="${inport?.friendly ?? "(unnamed)"}")`;
      const under = (answer as { [TREE]?: Parameters<typeof treeText>[0] })[TREE] ?? [];
      return `# ${microflow}\n${treeText([{ kind: "pipeline", text: title, under: [...under] }])}`.trimEnd();
    },
  };
}

/** Where an answer carries its tree: seen by text(), left out of JSON. */
const TREE = Symbol("tree");

function read(file: OvnFile, database: DatabaseName, facts: FactStore, problems: Problem[]): void {
  const ctx: Parameters<typeof readStore>[2] = {
    fact: (kind, data, line, text) => facts.add({ kind, host: "", origin: { file: file.name, line, text }, data }),
    problem: (severity, line, message, hint = "") => problems.push({ severity, file: file.name, line, message, hint }),
  };
  const head = new TextDecoder().decode(file.bytes.subarray(0, 4096)).trimStart();
  if (head.startsWith("OVSDB ")) readStore(file.bytes, database, ctx);
  else {
    const text = new TextDecoder().decode(file.bytes);
    if (head.startsWith("{")) readJsonTables(text, database, "", ctx);
    else readLflows(text, "", ctx);
  }
}

/** Flows that overlap at one priority: here that is hit which ovn-trace takes, the first that it meets. */
function orderTies(topology: Topology, uuids: readonly string[]): void {
  const rank = new Map(rowOrder(uuids).map((uuid, i) => [uuid, i]));
  const of = ({ uuid }: { readonly uuid: string }) => rank.get(uuid) ?? 0;
  for (const d of topology.datapaths.values()) d.lflows.sort((a, b) => of(a) - of(b));
}

/** `MICROFLOW [--ct STATE]… [--lb-dst IP[:PORT]] [--datapath NAME]`. */
function ask(line: string, spec: OvnSpec, topology: Topology, pipelines: LogicalPipelines): LayerQuestion<OvnQuestion> {
  const { microflow, options } = optionsOf(line);
  const bad = (why: string) => new PlumblineError("MICROFLOW_BAD", [microflow, why]);
  const states = [...(options.get("ct") ?? spec.ct ?? [])];
  const ct = states.map((text) => {
    let state = CT_BITS.trk;
    for (const word of text.split(/[|,]/)) {
      const bit = CT_BITS[word.trim()];
      if (bit === undefined) throw bad(`--ct: '${word}' is none of ${Object.keys(CT_BITS).join(", ")}`);
      state |= bit;
    }
    return state;
  });
  const lbDst = options.get("lb-dst")?.at(-1) ?? spec.lbDst;
  const given = lbDst === undefined ? undefined : destinationOf(lbDst);
  if (lbDst !== undefined && !given) throw bad(`--lb-dst: '${lbDst}' is no address`);
  const named = options.get("datapath")?.at(-1) ?? spec.datapath;
  const { symbols, addressSets, portGroups } = pipelines.parser;
  try {
    const context = { symbols, addressSets, portGroups };
    const parsed = parseExpression(microflow, context);
    const datapath = named === undefined ? datapathOf(topology, inportOf(parsed), bad) : findDatapath(topology, named);
    if (!datapath)
      throw bad(
        `there is no datapath '${named}'; there are ${[...topology.datapaths.values()].map((d) => d.friendly).join(", ") || "none"}`,
      );
    const row = microflowOf(parsed, context, (name) => portKey(topology, datapath, name));
    // OVS has ICMP's type and code where other protocols have their ports, and load balancers' look-ups ask for ports alone.
    if ([1, 58].includes(get(row, "ip_proto")))
      for (const [port, of] of [
        ["tp_src", "icmp_type"],
        ["tp_dst", "icmp_code"],
      ])
        set(row, port, get(row, of));
    const key = row[INPORT_WORD];
    if (key === 0) throw bad("it does not say by which port the packet enters (inport)");
    if (given) {
      set(row, given.address.family === 4 ? GIVEN.v4 : GIVEN.v6, given.address.value);
      set(row, GIVEN.port, given.port);
    }
    const device = pipelines.devices.get(datapath)!.device.id;
    return {
      run: { row, device, port: key, options: { script: [], beyond: "first", keep: true }, fresh: true },
      about: { microflow, datapath, inport: datapath.ports.find((p) => p.key === key), row, ct, lbDst: given },
    };
  } catch (e) {
    if (e instanceof OvnSyntaxError) throw bad(e.message);
    throw e;
  }
}

function optionsOf(line: string): { microflow: string; options: Map<string, string[]> } {
  const options = new Map<string, string[]>();
  let microflow = line.trim();
  for (;;) {
    const m = /^([\s\S]*\S)\s+--(ct|lb-dst|datapath)[= ](\S+)$/.exec(microflow);
    if (!m) return { microflow, options };
    options.set(m[2], [m[3], ...(options.get(m[2]) ?? [])]);
    microflow = m[1];
  }
}

function datapathOf(topology: Topology, port: string, bad: (why: string) => PlumblineError): LogicalDatapath {
  const p = topology.ports.get(port);
  if (!p) throw bad(`there is no port '${port}'`);
  return p.datapath;
}

/** By name, or by the beginning of a UUID (ovntrace_datapath_find_by_name). */
function findDatapath(topology: Topology, name: string): LogicalDatapath | undefined {
  const all = [...topology.datapaths.values()];
  const exact = all.find((d) => d.name === name || (d.name2 !== "" && d.name2 === name));
  if (exact || name.length < 4) return exact;
  const alike = all.filter((d) => d.uuid.startsWith(name) || d.nbUuid.startsWith(name));
  return alike.length === 1 ? alike[0] : undefined;
}

/** The options that a run's choices are to take: the states that were asked for in order, and the wanted backend where it is one. */
function scriptOf(about: OvnQuestion, events: readonly Event[], sites: ReturnType<typeof numbering>["sites"]): number[] {
  const script: number[] = [];
  let states = 0;
  let wanted = about.lbDst;
  for (const e of events) {
    if (e.kind !== EV.choice) continue;
    const site = sites[e.a];
    let take = 0;
    if (site.how === CHOICE.ctState) {
      const state = about.ct[states++];
      if (state !== undefined) take = CT_STATES.indexOf(state);
    } else if (site.how === CHOICE.balance && wanted !== undefined) {
      const to = wanted;
      const option = site.options.findIndex((o) => o.some((a) => a.op === "set" && sends(a, to)));
      if (option >= 0) {
        take = option;
        // ovn-trace sends to it once.
        wanted = undefined;
      }
    } else if (site.how === CHOICE.given && wanted !== undefined) {
      const family = get(e.row, "eth_type") === 0x0800 ? 4 : 6;
      if (wanted.address.family === family) take = wanted.port === 0 ? 1 : 2;
    }
    script.push(take);
    // Behind another way than this run took, other choices come.
    if (take !== e.b) break;
  }
  return script;
}

/** Whether an option's action writes the wanted address. */
function sends(a: { readonly dst: { readonly field: string }; readonly value: bigint }, { address }: Endpoint): boolean {
  return a.dst.field === (address.family === 4 ? "ip_dst" : "ipv6_dst") && a.value === address.value;
}

function destinationOf(text: string): Endpoint | undefined {
  const address = addressOf(text);
  return endpoint(text) ?? (address && { address, port: 0 });
}
