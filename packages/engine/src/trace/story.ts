/**
 * From the events of one run to its story: which thread decided, what its line of events was, and what the sender got.
 *
 * A run forks, clones and answers; most threads are side effects. The deciding leaf is, in this order: a delivery of the
 * packet itself; a rejection (the sender is told); missing evidence; a bound; the drop that came furthest. docs/verdicts.md
 * has the exact conditions.
 */
import {
  BOUND_NUMBER,
  EV,
  type Event,
  get,
  getBig,
  LEAF,
  macText,
  type Numbering,
  type Row,
  SPAWN,
  textOf,
  type Verdict,
} from "@plumbline/model";

export interface Story {
  readonly verdict: Verdict;
  /** Events of the deciding line, first to last; the last is the leaf. */
  readonly line: readonly Event[];
  /** Events of the answer (reset, ICMP error) that the network made, if it made one. */
  readonly answer: readonly Event[] | null;
  /** Device whose stack got the packet, for `delivered`. */
  readonly device: number | null;
  /** Device that answered in its pipeline (a logical router answers echo requests by turning them around, a host ARP requests); `answer` is the way back. */
  readonly answeredBy?: number;
  readonly final: Row;
  readonly leaf: Event;
  /** Why, in one sentence, where a rule's text does not say it. */
  readonly reason: string;
}

interface ThreadInfo {
  parent: number;
  /** Index in the parent's events of the event that made it. */
  at: number;
  emitted: boolean;
  events: Event[];
}

function threadsOf(events: readonly Event[]): Map<number, ThreadInfo> {
  const threads = new Map<number, ThreadInfo>();
  const get = (id: number) => {
    let t = threads.get(id);
    if (!t) {
      t = { parent: -1, at: 0, emitted: false, events: [] };
      threads.set(id, t);
    }
    return t;
  };
  for (const e of events) {
    const t = get(e.thread);
    t.events.push(e);
    const child = e.kind === EV.spawn ? e.b : e.kind === EV.output && e.c !== 0xffffffff ? e.c : -1;
    if (child >= 0) {
      const c = get(child);
      c.parent = e.thread;
      c.at = t.events.length;
      c.emitted = t.emitted || (e.kind === EV.spawn && e.a === SPAWN.emit);
    }
  }
  return threads;
}

/** Events from the injection to the end of thread `id`. */
function lineOf(threads: Map<number, ThreadInfo>, id: number, until?: Event): Event[] {
  const t = threads.get(id)!;
  const own = until ? t.events.slice(0, t.events.indexOf(until) + 1) : t.events;
  const before: Event[] = [];
  let child = t;
  while (child.parent >= 0) {
    const parent: ThreadInfo = threads.get(child.parent)!;
    before.unshift(...parent.events.slice(0, child.at));
    child = parent;
  }
  return [...before, ...own];
}
/** The part of a line that belongs to the answer: from where it was made. */
function answerOf(threads: Map<number, ThreadInfo>, id: number, until: Event): Event[] {
  let first = id;
  while (threads.get(threads.get(first)!.parent)?.emitted) first = threads.get(first)!.parent;
  const line = lineOf(threads, id, until);
  const start = threads.get(first)!;
  return line.slice(line.indexOf(start.events[0]));
}

/** Whether an answer went out by the port where the packet came in. */
function leftBy(answer: readonly Event[], line: readonly Event[], sender: Sender): boolean {
  let device = line.slice(0, line.length - answer.length).findLast((e) => e.kind === EV.enter)?.a;
  for (const e of answer) {
    if (e.kind === EV.enter) device = e.a;
    if (e.kind === EV.output && device === sender.device && e.a === sender.port) return true;
  }
  return false;
}

const ARP = 0x0806;
const isArpRequest = (row: Row) => get(row, "eth_type") === ARP && get(row, "arp_op") === 1;

/** Index of the first event at which a request (an echo, an ARP request) has become its answer, 0 if it has not. */
function answeredOnTheWay(line: readonly Event[]): number {
  const first = line[0].row;
  const index = (answers: (row: Row) => boolean) =>
    Math.max(
      0,
      line.findIndex((e) => answers(e.row)),
    );
  if (isArpRequest(first)) return index((r) => get(r, "eth_type") === ARP && get(r, "arp_op") === 2);
  const request = get(first, "icmp_type");
  const v6 = get(first, "ip_proto") === 58;
  if (get(first, "inner_proto") !== 0 || !(v6 ? request === 128 : get(first, "ip_proto") === 1 && request === 8)) return 0;
  return index((r) => get(r, "ip_proto") === (v6 ? 58 : 1) && get(r, "icmp_type") === (v6 ? 129 : 0));
}

const devicesIn = (line: readonly Event[]) => line.filter((e) => e.kind === EV.enter).length;

const BOUND_TEXT: Record<number, string> = {
  [BOUND_NUMBER.hops]: "too many rules hit on one device",
  [BOUND_NUMBER.recirculations]: "too many recirculations through connection tracking",
  [BOUND_NUMBER.frames]: "too many nested calls of tables",
  [BOUND_NUMBER.values]: "the value stack overflowed",
  [BOUND_NUMBER.encaps]: "too many nested tunnels",
  [BOUND_NUMBER.links]: "too many links crossed",
  [BOUND_NUMBER.threads]: "too many copies of the packet",
  [BOUND_NUMBER.events]: "too many events in one run",
};

/** Text that a leaf carries. */
function leafText(leaf: Event, num: Numbering): string {
  if (leaf.a === LEAF.looped) return BOUND_TEXT[leaf.b] ?? "a bound was met";
  if (leaf.a === LEAF.unlinked) return `what is attached to port ${leaf.b} is not in the evidence`;
  if (leaf.b === 0xffffffff) return leaf.a === LEAF.unknown ? "the tunnelled packet is not known" : "";
  return textOf(num.texts[leaf.b]) ?? "";
}

/** Says so where an address is answered for by several MACs. */
function severalText(answers: readonly Event[]): string {
  const macs = [...new Set(answers.map((e) => macText(getBig(e.row, "arp_sha"))))];
  return macs.length > 1 ? `${macs.length} answers, from different MACs: ${macs.join(", ")}` : "";
}

/** Who waits for an answer: a device, or whoever is beyond a port of it. */
export interface Sender {
  readonly device: number;
  readonly port: number | null;
}

export function tell(events: readonly Event[], num: Numbering, sender: Sender): Story {
  const threads = threadsOf(events);
  const leaves = events.filter((e) => e.kind === EV.leaf);
  const own = leaves.filter((e) => !threads.get(e.thread)!.emitted);
  const story = (verdict: Verdict, leaf: Event, device: number | null, answer: readonly Event[] | null = null): Story => {
    const line = lineOf(threads, leaf.thread, leaf);
    return { verdict, line, answer, device, final: leaf.row, leaf, reason: leafText(leaf, num) };
  };
  const deviceAt = (leaf: Event) => {
    const line = lineOf(threads, leaf.thread, leaf);
    return line.filter((e) => e.kind === EV.enter).at(-1)?.a ?? sender.device;
  };
  const furthest = (list: Event[]) =>
    list
      .map((leaf) => ({ leaf, line: lineOf(threads, leaf.thread, leaf) }))
      .sort((a, b) => devicesIn(b.line) - devicesIn(a.line) || b.line.length - a.line.length)[0]?.leaf;

  // A request for many is answered by whoever it asks for: what counts is an answer that came back.
  const cameBack = (leaf: Event): boolean => {
    const line = lineOf(threads, leaf.thread, leaf);
    const at = answeredOnTheWay(line);
    if (at === 0) return false;
    return sender.port === null ? leaf.a === LEAF.local && deviceAt(leaf) === sender.device : leftBy(line.slice(at), line, sender);
  };
  const asked = isArpRequest(events[0].row);
  const answered = asked ? own.filter(cameBack) : [];
  const local = answered[0] ?? (asked ? undefined : own.find((e) => e.a === LEAF.local));
  const turned = local === undefined ? 0 : answeredOnTheWay(lineOf(threads, local.thread, local));
  if (local && turned > 0) {
    const line = lineOf(threads, local.thread, local);
    const request = line.slice(0, turned);
    return {
      verdict: "delivered",
      line: request,
      answer: line.slice(turned),
      device: null,
      answeredBy: request.findLast((e) => e.kind === EV.enter)?.a ?? sender.device,
      final: line[turned - 1].row,
      leaf: local,
      reason: asked ? severalText(answered) : "",
    };
  }
  if (local) return story("delivered", local, deviceAt(local));

  const rejected = furthest(own.filter((e) => e.a === LEAF.dropped && e.c === 1));
  const answers = leaves.filter((e) => threads.get(e.thread)!.emitted);
  const heard = answers.find((e) =>
    sender.port === null
      ? e.a === LEAF.local && deviceAt(e) === sender.device
      : leftBy(answerOf(threads, e.thread, e), lineOf(threads, e.thread, e), sender),
  );
  const basis = rejected ?? furthest(own.filter((e) => e.a === LEAF.dropped));
  if (heard && basis) {
    const answer = answerOf(threads, heard.thread, heard);
    const made = answer[0].row;
    const icmp = get(made, "inner_proto") !== 0;
    const [type, code] = [get(made, "icmp_type"), get(made, "icmp_code")];
    const v6 = get(made, "ip_proto") === 58;
    if (icmp && type === (v6 ? 3 : 11)) return story("expired", basis, null, answer);
    const refused = !icmp || (v6 ? type === 1 && code === 4 : type === 3 && code === 3);
    return story(refused ? "refused" : "unreachable", basis, null, answer);
  }
  const missing = furthest(own.filter((e) => e.a === LEAF.unknown || e.a === LEAF.unlinked));
  if (missing && !rejected) return story("unknown", missing, null);
  const looped = own.find((e) => e.a === LEAF.looped);
  if (looped) return story("looped", looped, null);
  const lost = furthest(answers.filter((e) => e.a !== LEAF.local));
  if (rejected && lost && (lost.a === LEAF.unknown || lost.a === LEAF.unlinked))
    return story("unknown", rejected, null, answerOf(threads, lost.thread, lost));
  const dropped = rejected ?? basis;
  if (dropped) {
    const ttl = /\bTTL\b/i.test(leafText(dropped, num)) && get(dropped.row, "ip_ttl") <= 1;
    return story(ttl ? "expired" : "dropped", dropped, null, lost ? answerOf(threads, lost.thread, lost) : null);
  }
  return story("looped", leaves.at(-1)!, null);
}
