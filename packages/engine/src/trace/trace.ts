/** `trace`: one packet, every branch, with evidence. */
import {
  type Annotator,
  addressOf,
  asFirstPacket,
  type Event,
  field,
  get,
  getBig,
  ipv4Text,
  type KnownConnection,
  type Machine,
  macText,
  type Network,
  type Numbering,
  newRow,
  packetText,
  parsePacket,
  type Row,
  set,
  type Verdict,
} from "@plumbline/model";
import type { DumpedConnections } from "../connections.js";
import { candidatesFor } from "./candidates.js";
import { type Choice, choicesOf, enumerate } from "./enumerate.js";
import { type Hop, hopsOf, type Need } from "./hops.js";
import { addressFrame, locate, type Start } from "./locate.js";
import { entryNode, type Receiver, receiverOf } from "./receiver.js";
import { type Story, tell } from "./story.js";
import { meantRules, type Unreached, unreachedOn, type Way, type WhyNot, wayOf, whyNot } from "./unreached/index.js";

/** What a trace needs of a loaded snapshot. */
export interface TraceSession {
  readonly net: Network;
  readonly machine: Machine;
  readonly num: Numbering;
  readonly annotators: readonly Annotator[];
  /** The connections of the evidence; left out where there are none. */
  dumped?(): DumpedConnections;
}

export interface TraceOptions {
  readonly from?: string;
  /** Go on with the answer's way back. */
  readonly reply?: boolean;
  /** What the connection tables hold at the start of every branch: nothing (the default), or what was dumped. */
  readonly conntrack?: "empty" | "dumped";
  /** Branches at most (default 4096). */
  readonly limit?: number;
  /** A rule of the evidence: FILE:LINE, a cookie, a UUID or a part of its text. The answer says why it was not hit. */
  readonly whyNot?: string;
}

export interface Tuple {
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
  /** The MAC that answered an ARP request. */
  readonly mac?: string;
}

export interface ReplyResult {
  readonly verdict: Verdict | "mixed";
  readonly final: Tuple;
  readonly hops: readonly Hop[];
  readonly branches?: readonly (Omit<ReplyResult, "branches"> & { readonly probability: number })[];
  readonly needs: readonly Need[];
}

export interface BranchResult {
  readonly probability: number;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly to: Receiver | null;
  readonly node: string;
  readonly final: Tuple;
  readonly hops: readonly Hop[];
  readonly answer?: { readonly packet: string; readonly hops: readonly Hop[] };
  readonly reply?: ReplyResult;
  readonly needs: readonly Need[];
  /** For `unknown`: rules elsewhere in the evidence that speak of this destination, in the order they would apply; all assumed. */
  readonly further?: readonly Hop[];
  /** Rules that speak of the destination and are not on this branch's path, with why; left out where there are none. */
  readonly unreached?: Unreached;
}

export interface TraceResult {
  readonly schema: "plumbline.trace/1";
  readonly packet: string;
  readonly from: string;
  /** Why it starts there. */
  readonly start: string;
  readonly verdict: Verdict | "mixed";
  /** What the connection tables held at the start, and how many connections that is. */
  readonly conntrack: { readonly tables: "empty" | "dumped"; readonly entries: number };
  /** False where there were more branches than the limit. */
  readonly complete: boolean;
  readonly branches: readonly BranchResult[];
  /** With `whyNot`: each rule that it means, and why no branch, or which, hit it. */
  readonly whyNot?: readonly WhyNot[];
}

const NO_CONNECTIONS: readonly KnownConnection[] = [];

/** The word of `nexthop` that holds an IPv4 address. */
const NEXTHOP_LOW = field("nexthop").word + 3;

function tupleOfRow(row: Row): Tuple {
  const icmp = get(row, "ip_proto") === 1 || get(row, "ip_proto") === 58;
  return {
    src: addressOf(row, "src"),
    srcPort: icmp ? get(row, "icmp_id") : get(row, "tp_src"),
    dst: addressOf(row, "dst"),
    dstPort: icmp ? get(row, "icmp_id") : get(row, "tp_dst"),
  };
}

/** The first answer to a packet, as its receiver's socket sends it. Null where there is none (ARP). */
export function answerTo(row: Row): Row | null {
  const type = get(row, "eth_type");
  if (type !== 0x0800 && type !== 0x86dd) return null;
  const r = newRow();
  const l = type === 0x86dd ? "ipv6" : "ip";
  set(r, "eth_type", type);
  set(r, "ip_proto", get(row, "ip_proto"));
  set(r, "ip_ttl", 64);
  set(r, `${l}_src`, getBig(row, `${l}_dst`));
  set(r, `${l}_dst`, getBig(row, `${l}_src`));
  set(r, "packet_len", 74);
  switch (get(row, "ip_proto")) {
    case 6:
      set(r, "tcp_flags", 0x12);
      break;
    case 1:
    case 58: {
      const t = get(row, "icmp_type");
      if (t !== 8 && t !== 128) return null;
      set(r, "icmp_type", t === 8 ? 0 : 129);
      set(r, "icmp_id", get(row, "icmp_id"));
      return r;
    }
  }
  set(r, "tp_src", get(row, "tp_dst"));
  set(r, "tp_dst", get(row, "tp_src"));
  return r;
}

export function trace(session: TraceSession, packet: string | Row, options: TraceOptions = {}): TraceResult {
  const { net, machine } = session;
  const meant = options.whyNot === undefined ? [] : meantRules(net, session.annotators, options.whyNot);
  const parsed = typeof packet === "string" ? parsePacket(packet) : { row: packet };
  const first = asFirstPacket(parsed.row);
  const inPort = "inPort" in parsed ? parsed.inPort : undefined;
  const from =
    options.from !== undefined && inPort !== undefined && !options.from.includes(":") ? `${options.from}:${inPort}` : options.from;
  const dumped = options.conntrack === "dumped" ? session.dumped?.() : undefined;
  machine.know(dumped?.entries ?? NO_CONNECTIONS);
  const start = locate(net, machine, first, from);
  const row = addressFrame(net, first, start);
  const { branches, complete } = enumerate((script) => once(session, row, start, script, options.reply === true), options.limit ?? 4096);
  const groups = group(branches);
  const told = { ...session, known: dumped };
  const ways = groups.map(([{ story, forward, forwardChoices, back }]) => ({
    way: wayOf(story.line, back ? [...forward, ...back.events] : forward, net, session.num),
    probability: probabilityOf(forwardChoices),
  }));
  const results = groups.map((runs, i) => branch(runs, told, start, ways[i].way));
  return {
    schema: "plumbline.trace/1",
    packet: typeof packet === "string" ? packet : packetText(packet),
    from:
      start.port === null
        ? start.device.name
        : `${start.device.name}:${start.device.ports.find((p) => p.number === start.port)?.name ?? start.port}`,
    start: start.why,
    verdict: common(results.map((b) => b.verdict)),
    conntrack: { tables: options.conntrack ?? "empty", entries: dumped?.entries.length ?? 0 },
    complete,
    branches: results,
    ...(meant.length > 0 ? { whyNot: meant.map((rules) => whyNot(rules, ways, session.annotators)) } : {}),
  };
}

interface Run {
  readonly forward: readonly Event[];
  readonly story: Story;
  readonly forwardChoices: readonly Choice[];
  readonly back: { readonly events: readonly Event[]; readonly story: Story; readonly choices: readonly Choice[] } | null;
}

function once(
  s: TraceSession,
  row: Row,
  start: Start,
  script: readonly number[],
  reply: boolean,
): { result: Run; choices: readonly Choice[] } {
  s.machine.reset();
  const forward = s.machine.run(row, start.device.id, start.port, { script, beyond: "first" });
  const story = tell(forward, s.num, { device: start.device.id, port: start.port });
  const forwardChoices = choicesOf(forward, s.num);
  const answer =
    reply && story.verdict === "delivered" && story.device !== null && s.net.devices[story.device].origin >= 0
      ? answerTo(story.final)
      : null;
  if (!answer || story.device === null) return { result: { forward, story, forwardChoices, back: null }, choices: forwardChoices };
  const events = s.machine.run(answer, story.device, null, { script: script.slice(forwardChoices.length), beyond: "first" });
  const choices = choicesOf(events, s.num);
  return {
    result: { forward, story, forwardChoices, back: { events, story: tell(events, s.num, { device: story.device, port: null }), choices } },
    choices: [...forwardChoices, ...choices],
  };
}

/** What is needed to tell what happened; `known`: the dumped connections, if the tables had them. */
interface Telling extends TraceSession {
  readonly known: DumpedConnections | undefined;
}

const probabilityOf = (choices: readonly Choice[]) => choices.reduce((p, c) => p * c.share, 1);

/** The runs of each forward branch; runs that differ only on the way back are its reply's branches. */
function group(runs: readonly { readonly result: Run }[]): Run[][] {
  const by = new Map<string, Run[]>();
  for (const { result } of runs) {
    const k = result.forwardChoices.map((c) => c.option).join(",");
    by.set(k, [...(by.get(k) ?? []), result]);
  }
  return [...by.values()];
}

function branch(runs: readonly Run[], s: Telling, start: Start, way: Way): BranchResult {
  const { story, forwardChoices } = runs[0];
  const { hops, needs: asked } = hopsOf(story.line, s.net, s.num, s.annotators, s.known);
  const needs = start.need ? [start.need, ...asked] : asked;
  const further = story.verdict === "unknown" ? furtherEvidence(s, story) : {};
  const unreached = unreachedOn(way, s.annotators, new Set(further.further?.map((h) => `${h.rule.file}:${h.rule.line}`)));
  const answer = story.answer
    ? hopsOf([{ ...story.answer[0], kind: 1, a: lastDevice(story.line), b: 0, c: 1 }, ...story.answer], s.net, s.num, s.annotators, s.known)
    : null;
  return {
    probability: probabilityOf(forwardChoices),
    verdict: story.verdict,
    reason: story.verdict === "delivered" && story.answeredBy === undefined ? "" : story.reason,
    to: receiverOf(s.net, story),
    node: entryNode(s.net, start.device, story),
    final: { ...tupleOfRow(story.final), ...answeringMac(story) },
    hops,
    ...(story.answeredBy !== undefined && answer && story.answer
      ? { reply: { verdict: "delivered" as const, final: tupleOfRow(story.leaf.row), hops: answer.hops, needs: answer.needs } }
      : {}),
    ...(story.answeredBy === undefined && answer && story.answer
      ? { answer: { packet: packetText(story.answer[0].row), hops: answer.hops } }
      : {}),
    ...(runs[0].back ? { reply: replyOf(runs, s, start) } : {}),
    ...further,
    ...(unreached.rules.length > 0 ? { unreached } : {}),
    needs: answer ? [...needs, ...answer.needs.filter((n) => !needs.some((x) => x.why === n.why && x.on === n.on))] : needs,
  };
}

/** What an ARP request was for. */
function answeringMac(story: Story): { mac?: string } {
  const row = story.leaf.row;
  const mac = story.answeredBy !== undefined && get(row, "arp_op") === 2 ? getBig(row, "arp_sha") : 0n;
  return mac === 0n ? {} : { mac: macText(mac) };
}

/** Fragments on the host that has the next hop, or where that is not known on every host that no other next hop has. */
function furtherEvidence(s: TraceSession, story: Story): { further?: readonly Hop[] } {
  const at = s.net.devices[lastDevice(story.line)];
  let hosts: Set<string> | null = null;
  if (at.node) hosts = new Set([at.host]);
  else {
    const nexthop = get(story.final, "nexthop") === 0 ? ipv4Text(story.final[NEXTHOP_LOW]) : "";
    const owners = s.net.devices.filter((d) =>
      d.ports.some((p) => p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === nexthop)),
    );
    if (owners.length > 0) hosts = new Set(owners.map((d) => d.host));
    else if (nexthop !== "0.0.0.0") {
      const known = new Set(
        s.net.devices
          .filter((d) => d.ports.some((p) => p.attachment.kind === "netdev" && (p.attachment.addresses ?? []).length > 0))
          .map((d) => d.host),
      );
      hosts = new Set(s.net.devices.map((d) => d.host).filter((h) => h !== "" && !known.has(h)));
    }
  }
  const further = candidatesFor(story.final, hosts, s.net, s.annotators);
  return further.length > 0 ? { further } : {};
}

function lastDevice(line: readonly Event[]): number {
  return line.findLast((e) => e.kind === 1)?.a ?? 0;
}

function replyOf(runs: readonly Run[], s: Telling, start: Start): ReplyResult {
  const one = (r: Run) => {
    const { story, choices } = r.back!;
    const arrived = story.verdict === "delivered" && story.device === start.device.id;
    const { hops, needs } = hopsOf(story.line, s.net, s.num, s.annotators, s.known);
    const verdict: Verdict = story.verdict === "delivered" && !arrived && start.port === null ? "dropped" : story.verdict;
    return { verdict, final: tupleOfRow(story.final), hops, needs, probability: probabilityOf(choices) };
  };
  const all = runs.map(one);
  const { probability: _, ...head } = all[0];
  return all.length === 1 ? head : { ...head, verdict: common(all.map((b) => b.verdict)), branches: all };
}

function common(verdicts: readonly Verdict[]): Verdict | "mixed" {
  return verdicts.every((v) => v === verdicts[0]) ? (verdicts[0] ?? "unknown") : "mixed";
}
