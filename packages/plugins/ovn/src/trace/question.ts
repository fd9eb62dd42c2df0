/** Questions of `plumbline ovn trace`: `MICROFLOW [--ct STATE]… [--lb-dst IP[:PORT]] [--datapath NAME]`. */
import { field, get, type LayerQuestion, PlumblineError, type Row, set } from "@plumbline/model";
import { addressOf, type Endpoint, endpoint } from "../actions/index.js";
import { inportOf, LOGICAL, type MicroflowContext, microflowOf, OvnSyntaxError, parseExpression } from "../expr/index.js";
import { portKey } from "../logical/flows.js";
import type { LogicalDatapath, LogicalPort, Topology } from "../logical/topology.js";
import type { Wishes } from "./script.js";
import { GIVEN } from "./style/parts.js";

/** What is kept of a question. */
export interface OvnQuestion extends Wishes {
  readonly microflow: string;
  readonly datapath: LogicalDatapath;
  readonly inport: LogicalPort | undefined;
  readonly row: Row;
}

/** What questions get that do not say it themselves. */
export interface QuestionDefaults {
  readonly datapath?: string | undefined;
  readonly ct?: readonly string[] | undefined;
  readonly lbDst?: string | undefined;
}

const INPORT_WORD = field(LOGICAL.inport).word;
const CT_BITS: Readonly<Record<string, number>> = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32, snat: 64, dnat: 128 };

/** Reads a question. @param device of the network, on which all runs begin */
export function ask(
  line: string,
  defaults: QuestionDefaults,
  topology: Topology,
  context: MicroflowContext,
  device: number,
): LayerQuestion<OvnQuestion> {
  const { microflow, options } = optionsOf(line);
  const bad = (why: string) => new PlumblineError("MICROFLOW_BAD", [microflow, why]);
  const ct = [...(options.get("ct") ?? defaults.ct ?? [])].map((text) => stateOf(text, bad));
  const lbDst = options.get("lb-dst")?.at(-1) ?? defaults.lbDst;
  const given = lbDst === undefined ? undefined : destinationOf(lbDst);
  if (lbDst !== undefined && !given) throw bad(`--lb-dst: '${lbDst}' is no address`);
  const named = options.get("datapath")?.at(-1) ?? defaults.datapath;
  try {
    const parsed = parseExpression(microflow, context);
    const datapath = named === undefined ? datapathOf(topology, inportOf(parsed), bad) : findDatapath(topology, named);
    if (!datapath) throw bad(`there is no datapath '${named}'; there are ${someNames(topology)}`);
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
    set(row, LOGICAL.datapath, datapath.key);
    return {
      run: { row, device, port: key, options: { script: [], beyond: "first", keep: true }, fresh: true },
      about: { microflow, datapath, inport: datapath.ports.find((p) => p.key === key), row, ct, lbDst: given },
    };
  } catch (e) {
    if (e instanceof OvnSyntaxError) throw bad(e.message);
    throw e;
  }
}

type Bad = (why: string) => PlumblineError;

function stateOf(text: string, bad: Bad): number {
  let state = CT_BITS["trk"];
  for (const word of text.split(/[|,]/)) {
    const bit = CT_BITS[word.trim()];
    if (bit === undefined) throw bad(`--ct: '${word}' is none of ${Object.keys(CT_BITS).join(", ")}`);
    state |= bit;
  }
  return state;
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

function datapathOf(topology: Topology, port: string, bad: Bad): LogicalDatapath {
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

/** Names that a message has room for. */
const MOST_NAMES = 20;
function someNames(topology: Topology): string {
  const names = [...topology.datapaths.values()].map((d) => d.friendly);
  const more = names.length - MOST_NAMES;
  return names.length === 0 ? "none" : `${names.slice(0, MOST_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function destinationOf(text: string): Endpoint | undefined {
  const address = addressOf(text);
  return endpoint(text) ?? (address && { address, port: 0 });
}
