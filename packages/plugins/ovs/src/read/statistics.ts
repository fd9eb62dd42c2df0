/** What a switch counts and limits: `dump-group-stats`, `dump-meters`, and flows of its datapath, `dpctl/dump-flows`. */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import { keyValues } from "../parse/scan.js";
import { outputLines } from "./output.js";

const HEADER = /^\s*(?:NXST|OFPST|NXT)_?\w* reply/;

/** `group_id=5,duration=33s,ref_count=1,packet_count=17,byte_count=1258,bucket0:packet_count=5,byte_count=370,…` (lib/ofp-group.c). */
export function readGroupStatistics(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  outputLines(file, ctx)?.forEach((raw, i) => {
    const text = raw.trim();
    if (text === "" || HEADER.test(text)) return;
    const [head, ...parts] = text.split(/,?bucket(?=\d+:)/);
    const count = (t: string, name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(t)?.[1] ?? 0);
    const id = /^group_id=(\d+)/.exec(head)?.[1];
    if (id === undefined) {
      ctx.problem("warning", i + 1, `'${text}' is not understood in dump-group-stats`);
      return;
    }
    const numbers = (t: string) => ({ packets: count(t, "packet_count"), bytes: count(t, "byte_count") });
    ctx.fact("ovs.group-statistics", { bridge, id: Number(id), ...numbers(head), buckets: parts.map(numbers) }, i + 1, text);
  });
}

/** `meter=1 pktps burst stats bands=`, then lines `type=drop rate=1 burst_size=2` (lib/ofp-meter.c). */
export function readMeters(file: EvidenceFile, bridge: string, ctx: ReadContext): void {
  let open: {
    data: { bridge: string; id: string; flags: string[]; bands: { type: string; rate: number; burst?: number }[] };
    line: number;
    text: string;
  } | null = null;
  const flush = () => {
    if (open) ctx.fact("ovs.meter", open.data, open.line, open.text);
    open = null;
  };
  outputLines(file, ctx)?.forEach((raw, i) => {
    const text = raw.trim();
    if (text === "" || HEADER.test(text)) return;
    const meter = /^meter[=:](\S+)\s*(.*?)\s*bands=?:?\s*$/.exec(text);
    if (meter) {
      flush();
      open = { data: { bridge, id: meter[1], flags: meter[2].split(/\s+/).filter((f) => f !== ""), bands: [] }, line: i + 1, text };
      return;
    }
    const band = /^type=(\S+)\s+rate=(\d+)(?:.*?\bburst_size=(\d+))?/.exec(text);
    if (!band || !open) ctx.problem("warning", i + 1, `'${text}' is not understood in dump-meters`);
    else open.data.bands.push({ type: band[1], rate: Number(band[2]), ...(band[3] === undefined ? {} : { burst: Number(band[3]) }) });
  });
  flush();
}

/** A flow of the datapath, as `dpctl/dump-flows` prints it. Null if the line is none. */
export interface DatapathFlowLine {
  /** `ufid:…`, "" if not printed. */
  readonly ufid: string;
  /** What it matches, in the datapath's words. */
  readonly match: string;
  readonly packets: number;
  readonly bytes: number;
  /** "never" or seconds, "" if not printed. */
  readonly used: string;
  /** What becomes of its packets, in the datapath's words. */
  readonly actions: string;
}

/** `[ufid:…, ]recirc_id(0),in_port(1),…, packets:3, bytes:318, used:0.0s, [flags:…, ][dp:…, ]actions:…`. */
export function parseDatapathFlowLine(line: string): DatapathFlowLine | null {
  const text = line.trim();
  const at = text.search(/(?:^|[\s,])actions:/);
  if (at < 0) return null;
  const head = text.slice(0, at);
  const ufid = /^ufid:([0-9a-f-]+)/.exec(head)?.[1] ?? "";
  const stats = /,\s*packets:(\d+),\s*bytes:(\d+)(?:,\s*used:([^,\s]+))?/.exec(head);
  const match = head
    .slice(0, stats?.index ?? head.length)
    .replace(/^ufid:[0-9a-f-]+,?\s*/, "")
    .replace(/[\s,]+$/, "");
  if (match !== "" && !keyValues(match).every((kv) => kv.delimiter === "(" && !kv.open)) return null;
  return {
    ufid,
    match,
    packets: Number(stats?.[1] ?? 0),
    bytes: Number(stats?.[2] ?? 0),
    used: stats?.[3] ?? "",
    actions: text.slice(text.indexOf("actions:", at) + "actions:".length),
  };
}

/** An empty datapath prints nothing, or its heading alone. */
export function readDatapathFlows(file: EvidenceFile, ctx: ReadContext): void {
  if (file.text().trim() === "") return;
  outputLines(file, ctx)?.forEach((raw, i) => {
    const text = raw.trim();
    if (text === "" || /^flow-dump from /.test(text)) return;
    const flow = parseDatapathFlowLine(text);
    if (flow) ctx.fact("ovs.datapath-flow", flow, i + 1, text);
    else ctx.problem("warning", i + 1, `'${text.slice(0, 80)}' is not understood in dpctl/dump-flows`);
  });
}
