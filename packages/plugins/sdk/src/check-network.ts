/**
 * Whether lowered rules are well formed: what the type checker says of a plugin in TypeScript, said of any.
 *
 * The machines trust the IR. A plugin's rules are therefore checked where they come in from a worker, and by the conformance kit.
 * Not checked: whether they mean what the source means.
 */
import {
  type Action,
  type Certainty,
  findField,
  type Match,
  type Network,
  nested,
  ROW_WORDS,
  type Rule,
  type Slice,
} from "@plumbline/model";

/** How much of a network there is: what rules may refer to. */
export interface Extent {
  readonly devices: number;
  readonly tables: number;
  readonly trackers: number;
}

const CERTAINTIES: ReadonlySet<Certainty> = new Set<Certainty>(["proven", "inferred", "assumed"]);
/** Actions within actions; deeper than this is a cycle. */
const DEPTH = 64;
const isUint32 = (x: unknown) => typeof x === "number" && Number.isInteger(x) && x >= 0 && x <= 0xffffffff;

/** What is wrong with a network's rules, tables and links from these on; "" if nothing is. */
export function networkFault(net: Network, from: { readonly rules: number; readonly tables: number; readonly links: number }): string {
  const extent = { devices: net.devices.length, tables: net.tables.length, trackers: net.trackers.length };
  for (const t of net.tables.slice(from.tables)) {
    if (!(t.device < extent.devices)) return `table ${t.name}: there is no device ${t.device}`;
    if (!["priority", "sequence", "lpm"].includes(t.kind)) return `table ${t.name}: there is no kind '${t.kind}'`;
    const wrong = (t.kind === "lpm" ? sliceFault(t.key) : "") || programFault(t.miss, extent);
    if (wrong !== "") return `table ${t.name}: ${wrong}`;
  }
  for (const r of net.rules.slice(from.rules)) {
    const wrong = ruleFault(r, extent);
    if (wrong !== "") return `rule ${r.origin ? `of ${r.origin.file}:${r.origin.line}` : r.id}: ${wrong}`;
  }
  for (const l of net.links.slice(from.links))
    for (const [device, port] of [
      [l.device, l.port],
      [l.toDevice, l.toPort],
    ])
      if (!net.devices[device]?.ports.some((p) => p.number === port))
        return `a link names port ${port} of device ${device}, which is not there`;
  return "";
}

/** What is wrong with one rule, "" if nothing is. */
export function ruleFault(r: Rule, extent: Extent): string {
  if (!(r.table >= 0 && r.table < extent.tables)) return `there is no table ${r.table}`;
  if (!Number.isInteger(r.priority)) return "its priority is no whole number";
  if (!CERTAINTIES.has(r.certainty) || typeof r.why !== "string") return "its certainty is none";
  if (r.certainty !== "proven" && r.why === "") return `it is ${r.certainty}, and does not say why`;
  if (!Array.isArray(r.rows)) return "its rows are no list";
  for (const row of r.rows) {
    const wrong = matchFault(row);
    if (wrong !== "") return wrong;
  }
  return programFault(r.program, extent);
}

function matchFault(match: Match): string {
  let last = -1;
  if (!Array.isArray(match)) return "a row is no list";
  for (const { w, v, m } of match) {
    if (!Number.isInteger(w) || w < 0 || w >= ROW_WORDS) return `a packet has no word ${w}`;
    if (w <= last) return "the words of a match ascend, each once";
    if (!isUint32(v) || !isUint32(m) || m === 0) return `word ${w}: value and mask are numbers of 32 bits`;
    if ((v & ~m) !== 0) return `word ${w}: the value has bits that the mask has not`;
    last = w;
  }
  return "";
}

function sliceFault(s: Slice | undefined): string {
  const f = s && findField(s.field);
  if (!s || !f) return `there is no field '${s?.field}'`;
  if (!Number.isInteger(s.ofs) || !Number.isInteger(s.n) || s.ofs < 0 || s.n < 1 || s.ofs + s.n > f.bits)
    return `${s.field}[${s.ofs}..${s.ofs + s.n - 1}] exceeds ${f.bits} bits`;
  return "";
}

/** What is wrong with a program, "" if nothing is. */
export function programFault(program: readonly Action[], extent: Extent, depth = 0): string {
  if (!Array.isArray(program)) return "a program is a list of actions";
  if (depth > DEPTH) return "actions are nested too deep";
  for (const a of program as readonly Action[]) {
    let wrong = actionFault(a, extent);
    if (wrong === "") for (const inner of nested(a)) wrong ||= programFault(inner, extent, depth + 1);
    if (wrong !== "") return wrong;
  }
  return "";
}

function actionFault(a: Action, extent: Extent): string {
  const table = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < extent.tables ? "" : `${a.op}: there is no table ${id}`;
  const big = (x: unknown) => (typeof x === "bigint" && x >= 0n ? "" : `${a.op}: its value is a bigint, not negative`);
  const text = (x: unknown) => (x === undefined || typeof x === "string" ? "" : `${a.op}: a text is expected`);
  switch (a?.op) {
    case "set":
      return sliceFault(a.dst) || big(a.value);
    case "move":
      return sliceFault(a.src) || sliceFault(a.dst) || (a.src.n === a.dst.n ? "" : "move: both slices have as many bits");
    case "swap":
      return sliceFault(a.a) || sliceFault(a.b) || (a.a.n === a.b.n ? "" : "swap: both slices have as many bits");
    case "push":
      return sliceFault(a.src);
    case "pop":
      return sliceFault(a.dst);
    case "greater":
      return sliceFault(a.src) || big(a.value) || sliceFault(a.dst) || (a.dst.n === 1 ? "" : "greater: dst is one bit");
    case "call":
    case "goto":
      return table(a.table);
    case "output":
      return typeof a.port === "number" ? (isUint32(a.port) ? "" : `output: there is no port ${a.port}`) : sliceFault(a.port);
    case "local":
      return text(a.note);
    case "drop":
      return text(a.reason);
    case "ct":
      return (
        (a.tracker >= 0 && a.tracker < extent.trackers ? "" : `ct: there is no tracker ${a.tracker}`) ||
        (typeof a.zone === "number" ? "" : sliceFault(a.zone)) ||
        (a.resume === null || a.resume === "inplace" ? "" : table(a.resume)) ||
        (a.exec.every((x) => (x.op === "set" || x.op === "move") && /^ct_(mark|label)$/.test(x.dst.field))
          ? ""
          : "ct: exec writes ct_mark and ct_label only")
      );
    case "nat":
    case "unnat":
      return a.type === "src" || a.type === "dst" ? "" : `${a.op}: its type is src or dst`;
    case "choose":
      if (a.options.length === 0 || a.options.length !== a.weights.length) return "choose: as many weights as options, and at least one";
      return a.weights.every((w) => w > 0) ? "" : "choose: weights are positive";
    case "encap":
      return a.kind === "geneve" ? "" : "encap: its kind is geneve";
    case "emit":
      return a.kind === "tcp-reset" || a.kind === "icmp-error" ? "" : "emit: its kind is tcp-reset or icmp-error";
    case "note":
    case "punt":
      return typeof a.text === "string" ? "" : `${a.op}: a text is expected`;
    case "unknown":
      return [a.why, a.command, a.on].every((x) => typeof x === "string")
        ? ""
        : "unknown: it says why, which command would tell, and where";
    case "decTtl":
    case "return":
    case "decap":
    case "ctClear":
    case "confirm":
    case "clone":
      return "";
    default:
      return `there is no action '${String((a as { op?: unknown } | undefined)?.op)}'`;
  }
}
