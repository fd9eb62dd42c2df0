/** Actions that send a packet away: `output`, `controller`, `enqueue`, `resubmit`, `sample` (lib/ofp-actions.c). */
import type { FieldSlice, OvsAction, PortRef } from "../ast.js";
import { PORT } from "../ports.js";
import { BadArgument, bad, shorten } from "./badArgument.js";
import { parseHex } from "./headers.js";
import type { MatchOptions } from "./match.js";
import { portFromText, tableFromText } from "./names.js";
import { unsigned, unsigned32 } from "./numbers.js";
import { keyValues } from "./scan.js";
import { parseSubfield } from "./setField.js";

/** Bytes of a packet that a controller gets where nothing else is said: all. */
const ALL_BYTES = 0xffff;
const ETHERNET_HEADER = 14;

export function outputTo(port: PortRef): OvsAction {
  return port === PORT.controller ? { kind: "output", port, maxLen: ALL_BYTES } : { kind: "output", port };
}

/** `output:port`, `output:field[a..b]`, `output(port=…,max_len=…)`. */
export function parseOutput(text: string, o: MatchOptions): OvsAction {
  if (text.includes("port") && text.includes("max_len")) return truncated(text, o);
  // A field whole or in part; a bare name is a port's unless only a field can have it.
  const field = /^[A-Za-z_]\w*\[.*\]$/.test(text) || /^(NXM|OXM|NXOXM)_[A-Z]+_\w+$|^x{0,2}reg\d+$/.test(text);
  const port = field ? null : portFromText(text, o.names);
  if (port !== null) return outputTo(port);
  try {
    return { kind: "outputField", src: parseSubfield(text, o), maxLen: ALL_BYTES };
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return bad(`${text}: output to unknown port`);
  }
}

function truncated(text: string, o: MatchOptions): OvsAction {
  let port: PortRef = 0;
  let maxLen = 0;
  for (const { key, value } of keyValues(text)) {
    if (key === "port") {
      const p = portFromText(value ?? "", o.names);
      if (p === null) bad(`output to unknown truncate port: ${value}`);
      if (typeof p === "number" && p > 0xff00 && p !== PORT.local && p !== PORT.inPort)
        bad(`output to unsupported truncate port: ${value}`);
      port = p;
    } else if (key === "max_len") {
      maxLen = unsigned32(value ?? "");
      if (maxLen < ETHERNET_HEADER) bad(`max_len ${maxLen} is less than the minimum value ${ETHERNET_HEADER}`);
    } else bad(`invalid key '${key}' in output_trunc argument`);
  }
  return { kind: "outputTrunc", port, maxLen };
}

const REASONS = new Set(["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"]);

/** `CONTROLLER`, `CONTROLLER:len`, `controller(reason=…,max_len=…,id=…,userdata=…,pause,meter_id=…)`. */
export function parseController(argument: string, text: string): OvsAction {
  const out = {
    maxLen: ALL_BYTES,
    reason: "action",
    id: 0,
    userdata: new Uint8Array(0) as Uint8Array,
    pause: false,
    meter: null as number | null,
  };
  if (/^\d+$/.test(argument)) out.maxLen = unsigned(argument, "max_len", 0xffff);
  else
    for (const { key, value: given } of keyValues(argument)) {
      const value = given ?? "";
      if (key === "reason") {
        if (!REASONS.has(value)) bad(`unknown reason "${value}"`);
        out.reason = value;
      } else if (key === "max_len") out.maxLen = unsigned(value, "max_len", 0xffff);
      else if (key === "id") out.id = unsigned(value, "id", 0xffff);
      else if (key === "userdata") {
        const { bytes, rest } = parseHex(value);
        if (rest !== "") bad("bad hex digit in `controller' action `userdata'");
        out.userdata = bytes;
      } else if (key === "pause") out.pause = true;
      else if (key === "meter_id") out.meter = unsigned32(value);
      else bad(`unknown key "${key}" parsing controller action`);
    }
  return { kind: "controller", text, ...out };
}

/** `port:queue`, `port,queue`. */
export function parseEnqueue(text: string, o: MatchOptions): OvsAction {
  const m = /^[:q,]*([^:q,]+)[:q,](.+)$/.exec(text);
  if (!m) bad('"enqueue" syntax is "enqueue:PORT:QUEUE" or "enqueue(PORT,QUEUE)"');
  const port = portFromText(m[1], o.names);
  if (port === null) bad(`${m[1]}: enqueue to unknown port`);
  return { kind: "enqueue", port, queue: unsigned32(m[2]) };
}

/** `port`, `port,table`, `,table`, `,table,ct`. */
export function parseResubmit(text: string, o: MatchOptions): OvsAction {
  const [portText = "", tableText = "", ct = ""] = text.split(",");
  let inPort: PortRef | null = null;
  if (portText !== "") {
    inPort = portFromText(portText, o.names);
    if (inPort === null) bad(`${portText}: resubmit to unknown port`);
    if (inPort === PORT.inPort) inPort = null;
  }
  const table = tableText === "" ? 255 : tableFromText(tableText, o.names);
  if (table === null) bad(`${tableText}: resubmit to unknown table`);
  if (ct !== "" && ct !== "ct") bad(`${ct}: unknown parameter`);
  if (inPort === null && table === 255) bad('at least one "in_port" or "table" must be specified on resubmit');
  return { kind: "resubmit", inPort, table: table === 255 ? null : table, ct: ct !== "" };
}

/** `probability=…,collector_set_id=…,obs_domain_id=…,obs_point_id=…,sampling_port=…,ingress`. */
export function parseSample(text: string, o: MatchOptions): OvsAction {
  let probability = 0;
  let collectorSet = 0;
  let obsDomain: number | FieldSlice = 0;
  let obsPoint: number | FieldSlice = 0;
  let samplingPort: PortRef | null = null;
  let direction: "" | "ingress" | "egress" = "";
  // Since OVS 3.4 the observation ids can be fields.
  const observed = (value: string) => (o.strict || /^[\dx]/.test(value) ? unsigned32(value) : parseSubfield(value, o));
  for (const { key, value: given } of keyValues(text)) {
    const value = given ?? "";
    if (key === "probability") {
      probability = unsigned(value, "probability", 0xffff);
      if (probability === 0) bad(`invalid probability value "${value}"`);
    } else if (key === "collector_set_id") collectorSet = unsigned32(value);
    else if (key === "obs_domain_id") obsDomain = observed(value);
    else if (key === "obs_point_id") obsPoint = observed(value);
    else if (key === "sampling_port") {
      samplingPort = portFromText(value, o.names);
      if (samplingPort === null) bad(`${value}: unknown port`);
    } else if (key === "ingress" || key === "egress") direction = key;
    else bad(`invalid key "${shorten(key)}" in "sample" argument`);
  }
  if (probability === 0) bad('non-zero "probability" must be specified on sample');
  return { kind: "sample", probability, collectorSet, obsDomain, obsPoint, samplingPort, direction };
}
