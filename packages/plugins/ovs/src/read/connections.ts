/**
 * `ovs-appctl dpctl/dump-conntrack` and `ovs-dpctl dump-conntrack`, with or without -m and -s (lib/ct-dpif.c, ct_dpif_format_entry()).
 *
 *     tcp,orig=(src=…,dst=…,sport=…,dport=…),reply=(…),id=0,zone=5,status=0,timeout=8,mark=2,labels=0x1,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED)
 *
 * Zone 0 is not printed, nor are a mark and labels of 0. The kernel's datapath tells by `status` whether an answer was seen; the
 * userspace one only for TCP, by the state of the answering side. For other protocols its timeout tells, as far as it can: one that
 * waits for its first answer is kept for 60 s, an answered one for 30 s (lib/conntrack-tp.c). What does not tell counts as answered.
 */
import type { ConnectionFact, ConnectionTuple, EvidenceFile, ReadContext } from "@plumbline/model";
import { outputLines } from "./output.js";

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};
/** States of the answering side before it has answered. */
const SILENT = new Set(["CLOSED", "LISTEN", "NONE"]);
/** Both sides' states in which a SYN begins a new connection (lib/conntrack-tcp.c, tcp_conn_update()). */
const OVER = new Set(["FIN_WAIT_2", "TIME_WAIT"]);
/** Seconds that an answered connection without a state is kept; an unanswered one longer. */
const ANSWERED_TIMEOUT = 30;

/** @param whole the dump has all zones */
export function readConnections(file: EvidenceFile, table: ConnectionFact["table"], whole: boolean, ctx: ReadContext): void {
  // An empty table prints nothing at all.
  const lines = file.text().trim() === "" ? [] : outputLines(file, ctx);
  if (!lines) return;
  lines.forEach((raw, i) => {
    const text = raw.trim();
    if (text === "") return;
    const entry = entryOf(text, table);
    if (entry) ctx.fact("conntrack.entry", entry, i + 1, text);
    else ctx.problem("warning", i + 1, `'${text}' is not understood in dump-conntrack`);
  });
  if (whole) ctx.fact("conntrack.read", { table }, 0, "");
}

/** `a=1,b=(c=2),d=3` as names and values; what is in parentheses stays whole. */
function fieldsOf(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const [, name, inner, value] of text.matchAll(/([\w-]+)=(?:\(([^)]*)\)|([^,]*))/g)) out.set(name, inner ?? value);
  return out;
}

function entryOf(text: string, table: ConnectionFact["table"]): ConnectionFact | null {
  const comma = text.indexOf(",");
  const name = text.slice(0, comma);
  const proto = PROTOCOLS[name] ?? Number(name);
  const f = fieldsOf(text.slice(comma + 1));
  const orig = tupleOf(f.get("orig"));
  const reply = tupleOf(f.get("reply"));
  if (comma < 0 || !Number.isInteger(proto) || !orig || !reply) return null;
  const info = fieldsOf(f.get("protoinfo") ?? "");
  const [ours, theirs] = [info.get("state_orig"), info.get("state_reply")];
  const state = info.get("state") ?? (ours === theirs ? (ours ?? "") : `${ours}/${theirs}`);
  return {
    table,
    family: orig.src.includes(":") ? 6 : 4,
    proto,
    zone: Number(f.get("zone") ?? 0),
    orig,
    reply,
    mark: Number(f.get("mark") ?? 0),
    label: f.get("labels") ?? "0x0",
    seenReply: isAnswered(f, state, theirs),
    closed: ours === undefined ? state === "TIME_WAIT" || state === "CLOSED" : OVER.has(ours) && OVER.has(theirs ?? ""),
    state,
  };
}

function isAnswered(f: ReadonlyMap<string, string>, state: string, theirs: string | undefined): boolean {
  const status = f.get("status") ?? "";
  if (/[A-Z]/.test(status)) return status.split("|").includes("SEEN_REPLY");
  if (theirs !== undefined) return !SILENT.has(theirs);
  if (state !== "") return state !== "SYN_SENT";
  return Number(f.get("timeout") ?? 0) <= ANSWERED_TIMEOUT;
}

function tupleOf(text: string | undefined): ConnectionTuple | null {
  const t = fieldsOf(text ?? "");
  const src = t.get("src");
  const dst = t.get("dst");
  if (!src || !dst) return null;
  const port = (name: string) => Number(t.get(name) ?? t.get("id") ?? 0);
  return { src, dst, sport: port("sport"), dport: port("dport") };
}
