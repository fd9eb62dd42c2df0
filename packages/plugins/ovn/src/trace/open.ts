/** `ovn-trace` from files: a southbound database opened as one layer (ovn-trace(8)). */
import {
  type Action,
  type CompiledNetwork,
  type Layer,
  type LayerStore,
  NetworkBuilder,
  numbering,
  PlumblineError,
  type Problem,
} from "@plumbline/model";
import { inferRows } from "../db/infer.js";
import { type OvnFile, Southbound } from "../db/southbound.js";
import { LOGICAL } from "../expr/index.js";
import { type LogicalDatapath, type Topology, topologyOf } from "../logical/topology.js";
import { asSet } from "../values.js";
import { type OvnTrace, TraceReader, treeText } from "./answer.js";
import { compileFlows } from "./compile.js";
import { keptPieces, LEAST_FLOWS, nameOf, type Opened, readPieces } from "./keep.js";
import { northboundRows } from "./northbound.js";
import { ask, type OvnQuestion, type QuestionDefaults } from "./question.js";
import { scriptOf } from "./script.js";
import { Sentences } from "./sentences.js";
import { LogicalTables } from "./tables.js";

export interface OvnSpec extends QuestionDefaults {
  /** The southbound database, in one file or several that make it together: see docs/one-layer.md for the forms. */
  readonly sb: OvnFile | readonly OvnFile[];
  readonly nb?: OvnFile | undefined;
  /** Where large databases are kept compiled, to be opened faster the next time. */
  readonly store?: LayerStore;
  /** Is told how long each part of opening took. */
  readonly timed?: (part: string, milliseconds: number) => void;
}

/** Opens the layer. Throws PlumblineError if the file is no southbound database. */
export function openOvn(spec: OvnSpec): Layer<OvnTrace, OvnQuestion> {
  const lap = stopwatch(spec.timed);
  const files = Array.isArray(spec.sb) ? (spec.sb as readonly OvnFile[]) : [spec.sb as OvnFile];
  const { store } = spec;
  const name = store && nameOf(files);
  const kept = store && name !== undefined ? keptUnder(name, store) : undefined;
  lap("look for what is kept");
  const southbound = kept?.southbound ?? readFiles(files);
  lap("read");
  return layerOf(southbound, spec, lap, kept, (opened, compiled) => {
    if (store && name !== undefined && southbound.flows.count >= LEAST_FLOWS) store.write(name, keptPieces(opened, compiled));
  });
}

/** Opens the layer of a database that was read. */
export function openSouthbound(southbound: Southbound, spec: QuestionDefaults & Pick<OvnSpec, "nb">): Layer<OvnTrace, OvnQuestion> {
  return layerOf(
    southbound,
    spec,
    () => undefined,
    undefined,
    () => undefined,
  );
}

function layerOf(
  southbound: Southbound,
  spec: QuestionDefaults & Pick<OvnSpec, "nb">,
  lap: (part: string) => void,
  kept: KeptOpened | undefined,
  keep: (opened: Opened, compiled: CompiledNetwork) => void,
): Layer<OvnTrace, OvnQuestion> {
  const { flows } = southbound;
  const topology = topologyOf(southbound.zone);
  const sentences = new Sentences(topology, flows, southbound.known, (port) => port === "" || topology.ports.has(port));
  lap("topology");
  let network: NetworkBuilder | undefined;
  const lowered = (): Opened => {
    const made = lower(southbound, topology, sentences);
    network = made.network;
    lap("lower");
    return made;
  };
  let opened: Opened = kept ?? lowered();
  const reader = new TraceReader({
    flows,
    topology,
    rules: () => opened.rules,
    texts: () => opened.texts,
    sites: () => opened.sites,
    actionsOf: (flow) => {
      const said = sentences.actions(flows.actions(flow), flows.place(flow));
      return typeof said === "string" ? [] : said.actions;
    },
    fileOf: (flow) => southbound.fileOf(flow),
    northbound: northboundRows(spec.nb),
  });
  const { symbols, addressSets, portGroups } = sentences;
  return {
    get network() {
      // What was kept may be of no use to the core at hand.
      if (!network) opened = lowered();
      return network!;
    },
    compiled: kept?.compiled,
    keep: (compiled) => {
      lap("compile");
      keep(opened, compiled);
      // It is not asked for again, and holds most of the memory.
      network = undefined;
      lap("keep");
    },
    problems: opened.problems,
    ask: (line) => ask(line, spec, topology, { symbols, addressSets, portGroups }, DEVICE),
    again: (q, events) => {
      const script = scriptOf(q.about, events, opened.sites);
      const last = q.run.options.script;
      if (script.length === last.length && script.every((x, i) => x === last[i])) return null;
      return { ...q.run, options: { ...q.run.options, script } };
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

type KeptOpened = ReturnType<typeof readPieces>;

/** The one device of the network. */
const DEVICE = 0;

function readFiles(files: readonly OvnFile[]): Southbound {
  const southbound = new Southbound();
  for (const f of files) southbound.read(f);
  inferRows(southbound);
  if (southbound.tables.get("Datapath_Binding")?.size) return southbound;
  throw new PlumblineError("USAGE", [
    `${files.map((f) => f.name).join(", ")}: no logical flows in it.`,
    "Give the southbound database: ovsdb-client -f json dump unix:/var/run/ovn/ovnsb_db.sock OVN_Southbound, or its file.",
  ]);
}

/** What is kept under a name, if it can be used. */
function keptUnder(name: string, store: LayerStore): KeptOpened | undefined {
  const bytes = store.read(name);
  if (!bytes) return undefined;
  try {
    return readPieces(bytes);
  } catch (e) {
    store.note(`what was kept of this database is not used: ${(e as Error).message}`);
    return undefined;
  }
}

function lower(southbound: Southbound, topology: Topology, sentences: Sentences): Opened & { readonly network: NetworkBuilder } {
  const { flows } = southbound;
  const problems: Problem[] = [...southbound.problems, ...topology.problems];
  const network = new NetworkBuilder();
  const device = network.device({ name: "OVN", kind: "logical", host: "" });
  const tables = new LogicalTables(network, device, topology, southbound.known);
  const rules = compileFlows({
    tables,
    flows,
    sentences,
    datapathsOf: setsOf(southbound, topology.datapaths),
    fault: (flow, message) =>
      problems.push({
        severity: "warning",
        file: southbound.fileOf(flow),
        line: flows.line(flow),
        message: `${flows.texts.at(flows.match(flow))}: ${message}`,
        hint: "The flow is left out, as OVN does.",
      }),
  });
  const entry = network.table(device, "entry", "lookup", "priority");
  entry.miss = [
    { op: "move", src: { field: "in_port", ofs: 0, n: 32 }, dst: { field: LOGICAL.inport, ofs: 0, n: 32 } },
    tables.next(tables.all, "ingress", 0),
  ];
  device.entry = entry.id;
  const { texts, sites } = numbering(network);
  return { southbound, problems, rules, texts: texts.map(noteText), sites, network };
}

/** Where an answer carries its tree: seen by text(), left out of JSON. */
const TREE = Symbol("tree");

const noteText = (a: Action): string => (a.op === "note" ? a.text : a.op === "unknown" ? `${a.why} (${a.command})` : "");

/** The datapaths of each set of the flows. */
function setsOf(southbound: Southbound, datapaths: ReadonlyMap<string, LogicalDatapath>): (set: number) => readonly LogicalDatapath[] {
  const groups = southbound.tables.get("Logical_DP_Group");
  const byName = new Map([...datapaths.values()].map((d) => [d.name, d]));
  const known: (readonly LogicalDatapath[])[] = [];
  return (set) => {
    let of = known[set];
    if (!of) {
      const members = southbound.flows.sets[set].split(",").flatMap((id) => {
        const group = groups?.get(id);
        return group ? asSet(group.columns["datapaths"]).map(String) : [id];
      });
      of = [...new Set(members.map((id) => datapaths.get(id) ?? byName.get(id)).filter((d) => d !== undefined))];
      known[set] = of;
    }
    return of;
  };
}

function stopwatch(tell: OvnSpec["timed"]): (part: string) => void {
  let last = performance.now();
  return (part) => {
    const now = performance.now();
    tell?.(part, now - last);
    last = now;
  };
}
