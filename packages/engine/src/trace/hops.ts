/** Hops: the events of a line as decisions with their evidence. */
import {
  type Annotator,
  type Certainty,
  CT,
  changedFields,
  EV,
  type Event,
  type EvidenceLink,
  LEAF,
  type Network,
  type Numbering,
  type Origin,
  packetText,
  type Row,
  wordsOf,
} from "@plumbline/model";
import { type DumpedConnections, dumpCommand } from "../connections.js";

export interface Hop {
  readonly device: string;
  readonly node: string;
  /** Kind of decision, and the table: "openflow 21", "netfilter nat PREROUTING". */
  readonly stage: string;
  readonly rule: { readonly text: string; readonly file: string; readonly line: number };
  readonly certainty: Certainty;
  /** Why it is inferred or assumed, or a note of the lowering. */
  readonly why: string;
  readonly before: string;
  readonly after: string;
  readonly changes: readonly { field: string; before: string; after: string }[];
  readonly links: readonly EvidenceLink[];
  /** "of 3 by ecmp (33 %)" where this hop made a choice. */
  readonly choice?: string;
}

export interface Need {
  readonly why: string;
  readonly command: string;
  readonly on: string;
}

/** Scratch fields of a device: worth seeing in JSON, noise in a line for people. */
const SCRATCH = /^(reg\d|metadata|in_port|out_port|conj_id|nexthop|ct_(nw|tp|ipv6|label|zone)|recirc_id|dp_hash|uid|tun_)/;

/** Words that the packet's one-line text shows. */
const HEADER = [...wordsOf("header"), ...wordsOf("inner")];

function portName(net: Network, device: number, port: number): string {
  return net.devices[device].ports.find((p) => p.number === port)?.name ?? `port ${port}`;
}

/** Events that show what a rule has made of the packet: those after its own translations and choices. */
const shows = (e: Event) => e.kind === EV.hit || e.kind === EV.miss || e.kind === EV.output || e.kind === EV.leaf;

export function hopsOf(
  line: readonly Event[],
  net: Network,
  num: Numbering,
  annotators: readonly Annotator[],
  known?: DumpedConnections,
): { hops: Hop[]; needs: Need[] } {
  const hops: Hop[] = [];
  const needs: Need[] = [];
  const need = (n: Need) => {
    if (!needs.some((x) => x.command === n.command && x.on === n.on && x.why === n.why)) needs.push(n);
  };
  let device = 0;
  let left: Event | undefined;
  let arrival = "";
  let shown = { row: line[0]?.row, text: line[0] ? packetText(line[0].row) : "" };
  /** The packet's text, made anew only where a header changed. */
  const textOf = (row: Row, headerChanged: boolean): string => {
    if (headerChanged || !shown.row || HEADER.some((w) => shown.row[w] !== row[w])) shown = { row, text: packetText(row) };
    return shown.text;
  };
  const lastDecision = line.findLastIndex((x) => x.kind === EV.hit || x.kind === EV.miss);
  line.forEach((e, i) => {
    if (e.kind === EV.output) left = e;
    if (e.kind === EV.enter) {
      device = e.a;
      const link = left && left.b !== 0xffffffff ? net.links[left.b] : undefined;
      arrival = link && link.certainty !== "proven" ? `from ${net.devices[link.device].name}: ${link.why}` : "";
      if (link?.certainty === "assumed") need({ why: arrival, command: "", on: net.devices[device].name });
      return;
    }
    if (e.kind === EV.note || (e.kind === EV.leaf && e.a === LEAF.unknown && e.b !== 0xffffffff)) {
      const a = num.texts[e.kind === EV.note ? e.a : e.b];
      if (a?.op === "unknown") need({ why: a.why, command: a.command, on: a.on });
      return;
    }
    const d = net.devices[device];
    if (known && e.kind === EV.ct && !known.read.has(e.c) && d.kind !== "pod") {
      const { name } = net.trackers[e.c];
      need({ why: `connections of ${name} are not in evidence: its table is taken to be empty`, command: dumpCommand(name), on: d.host });
    }
    if (e.kind === EV.leaf && e.a === LEAF.unlinked)
      need({
        why: `what is attached to ${portName(net, device, e.b)} of ${d.name}`,
        command: "ip -d link; ovs-vsctl list interface",
        on: d.host || d.name,
      });
    if (e.kind !== EV.hit && e.kind !== EV.miss) return;
    const table = net.tables[e.a];
    const rule = e.kind === EV.hit ? net.rules[e.b] : null;
    let origin = rule ? rule.origin : table.missOrigin;
    let after = e.row;
    let chosen: Event | undefined;
    let connection: Origin | undefined;
    for (let k = i + 1; k < line.length; k++) {
      if (known && line[k].kind === EV.ct) connection ??= dumpedAs(line[k], known);
      if (line[k].kind === EV.choice && line[k].c > 1) chosen ??= line[k];
      if (shows(line[k])) {
        after = line[k].row;
        break;
      }
    }
    // A hook that only looks a connection up has no rule of its own: the dump's line is its evidence.
    origin ??= connection ?? null;
    const changed = changedFields(e.row, after);
    const visible =
      origin !== null ||
      changed.some((c) => !SCRATCH.test(c.field.name)) ||
      (rule && rule.certainty !== "proven") ||
      chosen !== undefined ||
      i === lastDecision;
    if (!visible) return;
    if (rule?.derived !== undefined) {
      const bridge = d.name.slice(d.name.lastIndexOf("/") + 1);
      need({ why: rule.why, command: `ovs-ofctl -O OpenFlow15 dump-flows ${bridge}`, on: d.host });
    }
    const before = textOf(e.row, false);
    hops.push({
      device: d.name,
      node: d.node,
      stage: `${table.stage} ${table.name}`,
      rule: { text: origin?.text ?? (rule ? "" : "no rule matches"), file: origin?.file ?? "", line: origin?.line ?? 0 },
      certainty: rule ? rule.certainty : "proven",
      why: [rule?.why, arrival].filter(Boolean).join("; "),
      before,
      after: textOf(
        after,
        changed.some((c) => c.field.cls === "header" || c.field.cls === "inner"),
      ),
      changes: changed.map((c) => ({ field: c.field.name, before: c.before, after: c.after })),
      links: [
        ...(rule ? annotators.flatMap((a) => a(rule, d)) : []),
        ...(connection && connection !== origin ? [connectionLink(connection)] : []),
      ],
      ...(chosen ? { choice: choiceText(chosen, num) } : {}),
    });
    arrival = "";
  });
  return { hops, needs };
}

/** The line of the dump that has the connection which a look-up found; none where the packet began another in its place. */
function dumpedAs(e: Event, known: DumpedConnections): Origin | undefined {
  const found = e.a & CT.inv ? undefined : known.find(e.c, e.b, e.row);
  return found && !(e.a & CT.new && (found.connection.closed || found.connection.seenReply)) ? found.origin : undefined;
}

const connectionLink = (o: Origin): EvidenceLink => ({
  kind: "conntrack",
  name: `${o.file}:${o.line}`,
  text: o.text,
  file: o.file,
  line: o.line,
});

function choiceText(e: Event, num: Numbering): string {
  const site = num.sites[e.a];
  const total = site.weights.reduce((a, b) => a + b, 0);
  return `${e.b + 1} of ${e.c} by ${site.how}, ${Math.round((site.weights[e.b] / total) * 1000) / 10} %`;
}
