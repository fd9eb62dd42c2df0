/**
 * What single texts say, without a snapshot around them: for one bridge opened alone from files that a user names.
 */
import type { EvidenceFile, FactKind, FactKinds, ReadContext } from "@plumbline/model";
import { inlineFile } from "@plumbline/plugin-sdk";
import type { OvsGroup } from "../ast.js";
import type { OvsFdbFact, OvsPortFact, OvsTlvFact } from "../facts.js";
import { parseGroupLine } from "../parse/groups.js";
import { unquote } from "../ports.js";
import { readFdb, readTlvMap } from "./appctl.js";
import { portOf, readDpifShow, readPortDescriptions } from "./ports.js";

export { type FlowOfText, flowsOfText } from "../parse/flowTable.js";

interface TextProblem {
  readonly severity: "error" | "warning" | "info";
  readonly line: number;
  readonly message: string;
}
export interface ReadText<T> {
  readonly found: readonly (T & { readonly line: number; readonly text: string })[];
  readonly problems: readonly TextProblem[];
}

/** Runs a reader of files on a text. */
function run<K extends FactKind>(text: string, kind: K, read: (file: EvidenceFile, ctx: ReadContext) => void): ReadText<FactKinds[K]> {
  const found: (FactKinds[K] & { line: number; text: string })[] = [];
  const problems: TextProblem[] = [];
  read(inlineFile("", text, { host: "", command: "" }), {
    fact(k, data, line, raw) {
      if ((k as string) === kind) found.push({ ...(data as unknown as FactKinds[K]), line, text: raw });
    },
    problem: (severity, line, message) => void problems.push({ severity, line, message }),
  });
  return { found, problems };
}

/** Groups: `dump-groups` of any version, or a file of `add-groups`, where a later group takes the place of an earlier one. */
export function groupsOfText(text: string): ReadText<OvsGroup> {
  const found = new Map<number, OvsGroup & { line: number; text: string }>();
  const problems: TextProblem[] = [];
  for (const [i, whole] of text.split("\n").entries()) {
    const hash = whole.indexOf("#");
    const line = hash < 0 ? whole : whole.slice(0, hash);
    const shown = line.trim();
    if (shown === "" || /^(NXST|OFPST|NXT)_?\w* (reply|request)/.test(shown)) continue;
    const command = /^\s*(add|modify|add_or_mod|delete)(?=[\s,]|$)[\s,]*/.exec(line);
    const body = command ? line.slice(command[0].length) : line;
    if (command?.[1] === "delete") {
      const id = /\bgroup_id=(\w+)/.exec(body)?.[1];
      if (id === undefined || id === "all") found.clear();
      else found.delete(Number(id));
      continue;
    }
    const { group, problems: said } = parseGroupLine(body);
    for (const p of said) problems.push({ severity: group ? "warning" : "error", line: i + 1, message: p.message });
    if (group) found.set(group.id, { ...group, line: i + 1, text: shown });
  }
  return { found: [...found.values()], problems };
}

/**
 * Ports: `dump-ports-desc`, `show`, `dpif/show`, or lines `OFPORT NAME [DPPORT [up|down]]`, where DPPORT is OFPORT and the link up if left out.
 * `dpif/show` alone tells of datapath ports, tunnels and the peers of patch ports, the others of what is up: both may stand in one text.
 */
export function portsOfText(text: string, bridge = ""): ReadText<OvsPortFact> {
  if (DATAPATH.test(text)) return portsOfDatapath(text, bridge);
  const lines = text.split("\n").map((l) => l.replace(/#.*$/, "").trimEnd());
  const plain = lines.every((l) => l === "" || LISTED.test(l));
  if (!plain) return run(text, "ovs.port", (f, ctx) => readPortDescriptions(f, bridge, ctx));
  const found: (OvsPortFact & { line: number; text: string })[] = [];
  const problems: TextProblem[] = [];
  lines.forEach((l, i) => {
    const m = LISTED.exec(l);
    if (!m) return;
    const ofport = portOf(m[1]);
    if (ofport === null) {
      problems.push({ severity: "warning", line: i + 1, message: `'${m[1]}' is not the number of a port` });
      return;
    }
    const up = m[4] !== "down";
    found.push({
      bridge,
      name: unquote(m[2]),
      cut: false,
      ofport,
      datapathPort: m[3] === undefined ? ofport : Number(m[3]),
      up,
      config: [],
      state: [up ? "LIVE" : "LINK_DOWN"],
      line: i + 1,
      text: l.trim(),
    });
  });
  return { found, problems };
}
/** `netdev@ovs-netdev: hit:10935 missed:822` */
const DATAPATH = /^\w+@\S+:/m;
/** A bridge or a port in `dpif/show`. */
const IN_DATAPATH = /^\s+\S+:$|^\s+\S+ \d+\/\w+: \(/;

/** The bridge's ports in `dpif/show`, with what ports' descriptions beside it say of them. */
function portsOfDatapath(text: string, bridge: string): ReadText<OvsPortFact> {
  const lines = text.split("\n").map((l) => l.trimEnd());
  // Lines keep their numbers.
  const only = (shown: boolean) => lines.map((l) => ((DATAPATH.test(l) || IN_DATAPATH.test(l)) === shown ? l : "")).join("\n");
  const shown = run(only(true), "ovs.port", (f, ctx) => readDpifShow(f, ctx));
  const rest = only(false);
  const described =
    rest.trim() === "" ? { found: [], problems: [] } : run(rest, "ovs.port", (f, ctx) => readPortDescriptions(f, bridge, ctx));
  const own = shown.found.filter((p) => p.bridge === bridge);
  const problems: TextProblem[] = [...shown.problems, ...described.problems];
  if (own.length === 0) problems.push({ severity: "warning", line: 0, message: `bridge '${bridge}' is not in this dpif/show` });
  return {
    found: own.map((p) => {
      const d = described.found.find((x) => x.ofport === p.ofport);
      return d ? { ...p, ...(d.config && { config: d.config }), ...(d.state && { state: d.state }) } : p;
    }),
    problems,
  };
}

const LISTED = /^\s*(\d+|LOCAL)\s+("(?:[^"\\]|\\.)*"|[^\s:]+)(?:\s+(\d+))?(?:\s+(up|down))?\s*$/;

/** Learned addresses: `fdb/show`. */
export function fdbOfText(text: string, bridge = ""): ReadText<OvsFdbFact> {
  return text.trim() === "" ? { found: [], problems: [] } : run(text, "ovs.fdb", (f, ctx) => readFdb(f, bridge, ctx));
}

/** Geneve options: `dump-tlv-map`. */
export function tlvMapOfText(text: string, bridge = ""): ReadText<OvsTlvFact> {
  return text.trim() === "" ? { found: [], problems: [] } : run(text, "ovs.tlv", (f, ctx) => readTlvMap(f, bridge, ctx));
}
