/**
 * `conntrack -L`, plain and `-o extended`, and /proc/net/nf_conntrack: the kernel's connections.
 *
 *     ipv4     2 tcp      6 431998 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] mark=0 zone=5 use=1
 *
 * The plain form lacks the first two columns. Labels are not printed; where a switch's dump of the same table has them, that one is
 * taken (engine/src/connections.ts).
 */
import type { ConnectionTuple, ReadContext } from "@plumbline/model";

/** States in which a SYN begins a new connection (tcp_in_window() is not reached: nf_conntrack_tcp_packet(), TCP_CONNTRACK_SYN_SENT). */
const OVER = new Set(["TIME_WAIT", "CLOSE"]);
/** What the tool says of itself on stderr, which a shell may have put in the file. */
const SAYS = /^conntrack v[\d.]+ \(conntrack-tools\):/;

/** @param whole nothing selected a part of the table */
export function readConntrack(text: string, whole: boolean, ctx: ReadContext): void {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim();
    if (line === "" || SAYS.test(line)) continue;
    if (!readLine(line, i + 1, ctx)) ctx.problem("warning", i + 1, `not a connection: '${line}'`);
  }
  if (whole) ctx.fact("conntrack.read", { table: "kernel" }, 0, "");
}

function readLine(line: string, number: number, ctx: ReadContext): boolean {
  const words = line.split(/\s+/);
  if (/^ipv[46]$/.test(words[0])) words.splice(0, 2);
  // Protocol by name and number, then the timeout (hardware keeps that of an offloaded one), then a state.
  const proto = Number(words[1]);
  const state = words.find((w) => /^[A-Z][A-Z_0-9]+$/.test(w)) ?? "";
  const tuples: Map<string, string>[] = [];
  const all = new Map<string, string>();
  for (const w of words) {
    const m = /^([\w-]+)=(.*)$/.exec(w);
    if (!m) continue;
    if (m[1] === "src") tuples.push(new Map());
    const tuple = tuples.at(-1);
    // Behind the second tuple come the connection's own, `id=` among them.
    if (tuple && !tuple.has(m[1])) tuple.set(m[1], m[2]);
    if (!all.has(m[1])) all.set(m[1], m[2]);
  }
  const [orig, reply] = tuples.map(tupleOf);
  const zoned = all.has("orig-zone") || all.has("reply-zone");
  const zone = Number(all.get("zone") ?? 0);
  const mark = Number(all.get("mark") ?? 0);
  const numbers = [proto, zone, mark, orig?.sport, orig?.dport, reply?.sport, reply?.dport];
  if (!orig || !reply || tuples.length !== 2 || !numbers.every(Number.isInteger) || zoned) return false;
  ctx.fact(
    "conntrack.entry",
    {
      table: "kernel",
      family: orig.src.includes(":") ? 6 : 4,
      proto,
      zone,
      orig,
      reply,
      mark,
      label: "0x0",
      seenReply: !words.includes("[UNREPLIED]"),
      closed: OVER.has(state),
      state,
    },
    number,
    line,
  );
  return true;
}

function tupleOf(t: ReadonlyMap<string, string>): ConnectionTuple | null {
  const src = t.get("src");
  const dst = t.get("dst");
  if (!src || !dst) return null;
  const port = (name: string) => Number(t.get(name) ?? t.get("id") ?? 0);
  return { src, dst, sport: port("sport"), dport: port("dport") };
}
