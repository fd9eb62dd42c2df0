/**
 * Following a connection: from one sighting of it through every branch, held against all that was captured.
 *
 * A branch fits if the packet was seen at every capture point that it passes (where a capture was running at that time, with
 * the MAC address that the next hop has), if it leaves out no sighting that another branch explains, and if what came back
 * does not speak against its verdict. One fitting branch is proven; of several the flow's hash takes one. If none fits, the
 * capture contradicts the prediction.
 */
import type { Core, TupleRecord } from "@plumbline/core-wasm";
import { type Device, type Event, get, getBig, type Network, type Numbering, newRow, type Row, set, type Verdict } from "@plumbline/model";
import { choicesOf, enumerate } from "../trace/enumerate.js";
import { tell } from "../trace/story.js";
import { answerTo } from "../trace/trace.js";
import { type Answer, answerSeen, cameBack, confirms, contradictionOf } from "./answer.js";
import { finalOf, tupleOf, withTuple } from "./branches.js";
import { answerTuple, type Crossing, type Crossings, tupleText } from "./crossings.js";
import { addressText, type Chosen, protocolText } from "./flow.js";
import type { Packet, PathBook, PathStory } from "./paths.js";
import type { Sighting, Sightings } from "./sightings.js";
import { flowText } from "./summary.js";

/** The most branches of one connection, and of the way back. */
const MOST = 4096;
const MOST_BACK = 64;
const SYN = 2;

/** Where a connection starts. */
export interface Start {
  readonly device: Device;
  /** Port it enters by, or null for the device's own socket. */
  readonly port: number | null;
  readonly packet: Packet;
}

export interface Followed {
  readonly start: Start;
  /** The branch that is taken; all that fit where all are wanted. */
  readonly branches: readonly Taken[];
  readonly answer: Answer;
  readonly contradiction: string;
  readonly unseen: string;
  /** Verdict on the answer's way back; null where none is sent. */
  readonly reply: Verdict | "mixed" | null;
  /** Sightings of the connection on its way, its own included. */
  readonly passes: ReadonlySet<Sighting>;
  /** Sightings of it that are not on the way. */
  readonly elsewhere: readonly Sighting[];
  /** All that belong to it, in either direction. */
  readonly explains: readonly Sighting[];
}

interface Taken {
  readonly story: PathStory | null;
  readonly final: TupleRecord;
  readonly chosen: Chosen;
  readonly probability: number;
}

/** One branch, as far as evidence is concerned. */
interface Way {
  readonly script: readonly number[];
  readonly probability: number;
  readonly verdict: Verdict;
  readonly crossings: readonly Crossing[];
  /** Sightings of the packet where it passes. */
  readonly seen: ReadonlySet<Sighting>;
  /** Where it should have been seen and was not, in order. */
  readonly missing: readonly Crossing[];
}

export class Follower {
  constructor(
    private readonly core: Core,
    private readonly net: Network,
    private readonly num: Numbering,
    private readonly book: PathBook,
    private readonly sightings: Sightings,
    private readonly crossings: Crossings,
  ) {}

  /** @param every list every branch that fits, not only the one that is taken */
  follow(s: Sighting, start: Start, every: boolean): Followed {
    const ways = this.ways(s, start);
    const answer = this.answerOf(s, ways);
    const came = cameBack(s.flow, this.sightings.points[s.point].text);
    const evidence: Evidence = {
      answer,
      seen: new Set(ways.flatMap((w) => [...w.seen])),
      against: (w) => contradictionOf(w.verdict, answer, came),
    };
    const fits = nearest(ways, evidence);
    const way = this.pick(fits, start);
    const share = fits.reduce((sum, w) => sum + w.probability, 0);
    const chosen = ways.length === 1 ? "only" : fits.length === 1 ? "proven" : fits.length < ways.length ? "evidence" : "hash";
    const branch = (w: Way) => ({ ...this.take(w, start), probability: w.probability / share });
    const taken = branch(way);
    const others =
      every && fits.length > 1 ? fits.filter((w) => w !== way).map((w) => ({ ...branch(w), chosen: "enumerated" as const })) : [];
    const back = this.back(way, s, start);
    const line = new Set([...way.crossings.map((c) => tupleText(tupleOf(c.row))), tupleText(s.flow), tupleText(taken.final)]);
    const keys = new Set([...taken.keys, ...back.keys]);
    const belongs = [...line].flatMap((t) => this.sightings.ofTuple(t));
    const elsewhere = [...leftOut(way, evidence), ...belongs.filter((x) => !keys.has(x.key) && this.isForHost(x))];
    const lostAnswer = back.lost && s.flow.seen.answer ? `predicted that no answer arrives, but one ${came}` : "";
    const contradiction = this.contradiction(way, evidence, elsewhere) || lostAnswer;
    return {
      start,
      branches: [{ ...taken, chosen: others.length > 0 ? "enumerated" : chosen }, ...others],
      answer,
      contradiction,
      unseen: contradiction === "" && way.missing.length > 0 ? this.crossingText(way.missing[0]) : "",
      reply: back.verdict,
      passes: way.seen,
      elsewhere,
      explains: [...new Set([...belongs, ...[...keys].flatMap((k) => this.sightings.get(k) ?? []), ...this.answersOf(line)])],
    };
  }

  /** How the captures contradict a branch, "" if they do not. `elsewhere`: sightings that it does not explain. */
  private contradiction(way: Way, e: Evidence, elsewhere: readonly Sighting[]): string {
    const against = e.against(way);
    if (against !== "") return against;
    const [other] = elsewhere;
    // A capture may lose a packet; not so where nothing else says that the prediction holds.
    if (way.missing.length > 0 && (other || !confirms(way.verdict, e.answer))) {
      const instead = other ? ` (it was seen ${this.placeOf(other)})` : "";
      return `predicted ${way.verdict}, but not seen ${this.crossingText(way.missing[0])}${instead}`;
    }
    return other ? `predicted ${way.verdict}, but seen ${this.placeOf(other)}, where it does not pass` : "";
  }

  private run(start: Start, script: readonly number[], beyond: "first" | "hash" = "first"): Event[] {
    const inner = start.packet.inner ? { inner: start.packet.inner } : {};
    this.core.reset();
    return this.core.run(start.packet.row, start.device.id, start.port, { script, beyond, ...inner });
  }

  private ways(s: Sighting, start: Start): Way[] {
    const { branches } = enumerate((script) => {
      const events = this.run(start, script);
      const story = tell(events, this.num, { device: start.device.id, port: start.port });
      const crossings = this.crossings.ofLine(story.line, start.packet.inner);
      return { result: { verdict: story.verdict, crossings }, choices: choicesOf(events, this.num) };
    }, MOST);
    return branches.map(({ result: { verdict, crossings }, choices, probability }) => {
      const found = crossings.map((c) => ({ c, sighting: this.sightingOf(c) }));
      return {
        script: choices.map((c) => c.option),
        probability,
        verdict,
        crossings,
        seen: new Set(found.flatMap((x) => x.sighting ?? [])),
        missing: found.filter((x) => !x.sighting && this.sightings.covers(x.c.point, s.flow.first)).map((x) => x.c),
      };
    });
  }

  /** The sighting of a crossing, if there is one with the right next hop. */
  private sightingOf(c: Crossing): Sighting | undefined {
    const s = this.sightings.get(c.key);
    const begin = s?.flow.begin;
    if (!s || !begin) return s;
    const predicted = getBig(c.outer ?? c.row, "eth_dst");
    const seen = c.outer ? begin.tunnel?.ethDst : begin.ethDst;
    return predicted === 0n || predicted === seen ? s : undefined;
  }

  /** What came back to the sender; a delivery is proven by an answer at any point that the packet passes. */
  private answerOf(s: Sighting, ways: readonly Way[]): Answer {
    const own = answerSeen(s.flow);
    if (own !== "none") return own;
    return ways.some((w) => [...w.seen].some((x) => x.flow.seen.answer)) ? "answered" : "none";
  }

  /** Of several branches that fit the one of the flow's hash, or the likeliest. */
  private pick(fits: readonly Way[], start: Start): Way {
    if (fits.length === 1) return fits[0];
    const hash = choicesOf(this.run(start, [], "hash"), this.num)
      .map((c) => c.option)
      .join();
    return fits.find((w) => w.script.join() === hash) ?? fits.reduce((a, b) => (b.probability > a.probability ? b : a));
  }

  /** Runs a branch again for its story, what is left at its end, and all that its copies and answers passed. */
  private take(way: Way, start: Start): { story: PathStory | null; final: TupleRecord; keys: string[] } {
    const events = this.run(start, way.script);
    const { path, row } = this.core.fate;
    const story = this.book.path(path, start.packet, events, start.device, start.port)?.story ?? null;
    const keys = this.crossings.ofAll(events, start.packet.inner).map((c) => c.key);
    return { story, final: finalOf(tupleOf(row), story), keys };
  }

  /** The answer's way back, by every branch, on the state that the packet left. */
  private back(way: Way, s: Sighting, start: Start): { verdict: Verdict | "mixed" | null; lost: boolean; keys: string[] } {
    const keys: string[] = [];
    const verdicts = new Set<Verdict>();
    const once = (script: readonly number[]) => {
      const there = tell(this.run(start, way.script), this.num, { device: start.device.id, port: start.port });
      const from = there.device;
      const answer = there.verdict === "delivered" && from !== null && this.net.devices[from].origin >= 0 ? answerTo(there.final) : null;
      if (answer === null || from === null) return { result: null, choices: [] };
      const events = this.core.run(answer, from, null, { script, beyond: "first" });
      const { verdict, device } = tell(events, this.num, { device: from, port: null });
      const passed = this.crossings.ofAll(events, undefined);
      keys.push(...passed.map((c) => c.key));
      // Who is beyond the port has got it when it left there.
      const arrived =
        start.port === null
          ? verdict === "delivered" && device === start.device.id
          : passed.some((c) => c.point === s.point && !c.entering && tupleText(tupleOf(c.row)) === answerTuple(tupleText(s.flow)));
      verdicts.add(arrived ? "delivered" : verdict === "delivered" ? "dropped" : verdict);
      return { result: null, choices: choicesOf(events, this.num) };
    };
    enumerate(once, MOST_BACK);
    const [only] = verdicts;
    return { verdict: verdicts.size > 1 ? "mixed" : (only ?? null), lost: verdicts.size === 1 && only === "dropped", keys };
  }

  /** Sightings of the other direction, wherever they were. */
  private answersOf(line: ReadonlySet<string>): Sighting[] {
    return [...line].flatMap((t) => this.sightings.ofTuple(answerTuple(t)));
  }

  /** Whether a frame that was seen entering was meant for that host; a flooding switch shows others' too. */
  private isForHost(s: Sighting): boolean {
    const { device } = this.sightings.points[s.point];
    const to = s.flow.begin?.tunnel?.ethDst ?? s.flow.begin?.ethDst;
    if (!s.flow.entering || device.kind !== "bridge" || to === undefined) return true;
    const text = to
      .toString(16)
      .padStart(12, "0")
      .replace(/(..)(?!$)/g, "$1:");
    return this.net.devices.some(
      (d) => d.host === device.host && d.ports.some((p) => p.attachment.kind === "netdev" && p.attachment.mac === text),
    );
  }

  private crossingText(c: Crossing): string {
    return `${c.entering ? "entering" : "leaving"} ${this.sightings.points[c.point].text} as ${textOf(c)}`;
  }

  private placeOf(s: Sighting): string {
    return `${s.flow.entering ? "entering" : "leaving"} ${this.sightings.points[s.point].text}`;
  }
}

/** What the captures say of a connection, by any branch. */
interface Evidence {
  readonly answer: Answer;
  readonly seen: ReadonlySet<Sighting>;
  /** How what came back contradicts a branch, "" if it does not. */
  readonly against: (w: Way) => string;
}

/** Sightings that another branch explains, and this one does not. */
const leftOut = (w: Way, e: Evidence) => [...e.seen].filter((x) => !w.seen.has(x));

/** The branches that leave out least of what was seen; of these those with least that was not; of these what agrees with the answer. */
function nearest(ways: readonly Way[], e: Evidence): Way[] {
  const cost = (w: Way) => [leftOut(w, e).length, w.missing.length, e.against(w) === "" ? 0 : 1];
  const least = (list: readonly Way[], i: number): Way[] => {
    const best = Math.min(...list.map((w) => cost(w)[i]));
    return list.filter((w) => cost(w)[i] === best);
  };
  return least(least(least(ways, 0), 1), 2);
}

function textOf(c: Crossing): string {
  const t = tupleOf(c.row);
  const text = flowText({
    proto: protocolText(t.proto),
    src: addressText(t, "src"),
    srcPort: t.srcPort,
    dst: addressText(t, "dst"),
    dstPort: t.dstPort,
  });
  if (c.outer) return `${text} in a tunnel`;
  const to = getBig(c.row, "eth_dst");
  return to === 0n
    ? text
    : `${text} to ${to
        .toString(16)
        .padStart(12, "0")
        .replace(/(..)(?!$)/g, "$1:")}`;
}

/** The connection's first packet where it was sighted; null where it cannot be run from there. */
export function startOf(s: Sighting, sightings: Sightings): Start | null {
  const { device, port, tunnels, own } = sightings.points[s.point];
  const { flow } = s;
  if (flow.entering) return { device, port: port.number, packet: enteringPacket(s, tunnels?.port) };
  if (flow.tunnelled || !own.includes(flow.src)) return null;
  const row = withTuple(newRow(), flow);
  set(row, "ip_ttl", 64);
  return { device, port: null, packet: { row: opened(row, flow.begin?.length ?? 74) } };
}

function enteringPacket({ flow }: Sighting, tunnelPort: number | undefined): Packet {
  const { begin } = flow;
  if (!begin) throw new Error("the headers of first packets were not kept");
  const row = withTuple(newRow(), flow);
  set(row, "eth_src", begin.ethSrc);
  set(row, "eth_dst", begin.ethDst);
  set(row, "vlan_tci", begin.vlanTci);
  set(row, "ip_ttl", begin.ttl);
  set(row, "nw_tos", begin.tos);
  opened(row, begin.length);
  const { tunnel } = begin;
  if (!tunnel || tunnelPort === undefined) return { row };
  set(row, "tun_id", tunnel.key);
  set(row, "tun_metadata0", tunnel.option);
  const outer = newRow();
  const fields = {
    eth_type: 0x0800,
    eth_src: tunnel.ethSrc,
    eth_dst: tunnel.ethDst,
    ip_proto: 17,
    ip_ttl: 64,
    ip_src: tunnel.src,
    ip_dst: tunnel.dst,
    tp_src: tunnel.srcPort,
    tp_dst: tunnelPort,
    packet_len: begin.length + 58,
  };
  for (const [name, value] of Object.entries(fields)) set(outer, name, value);
  return { row: outer, inner: row };
}

/** A connection is followed from its first packet, also where the capture began later. */
function opened(row: Row, length: number): Row {
  if (get(row, "ip_proto") === 6) set(row, "tcp_flags", SYN);
  set(row, "packet_len", length);
  return row;
}
