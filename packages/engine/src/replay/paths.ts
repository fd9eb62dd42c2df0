/**
 * Paths: what became of all packets that took the same way through the network.
 *
 * Two packets of one path met the same rules, choices, links and leaves, so verdict, node, receiver and deciding rule are
 * told once, from the first packet's run. What differs by flow (addresses and ports at the end) comes from the core.
 */
import type { Annotator, Certainty, Device, Event, Network, Numbering, Row, Verdict } from "@plumbline/model";
import { EV } from "@plumbline/model";
import { choicesOf } from "../trace/enumerate.js";
import { type Hop, hopsOf } from "../trace/hops.js";
import { entryNode, type Receiver, receiverOf } from "../trace/receiver.js";
import { type Story, tell } from "../trace/story.js";

/** The rule that decided, with its place in the evidence. */
export interface Because {
  readonly device: string;
  readonly rule: string;
  readonly file: string;
  readonly line: number;
}

export interface PathStory {
  /** "p0", "p1", … in order of first sight. */
  readonly name: string;
  readonly verdict: Verdict;
  /** Why, where the rule's text does not say it. */
  readonly reason: string;
  /** The first node that it touches, "" if none. */
  readonly node: string;
  readonly to: Receiver | null;
  /** Null where no rule of the evidence decided. */
  readonly because: Because | null;
  /** Share of traffic that takes its branch. */
  readonly probability: number;
  /** Devices in the order in which they are entered. */
  readonly devices: readonly string[];
  /** The same for people, by host: "router > node-1 (br-ex, br-int) > node-2 (br-ex, stack)". */
  readonly way: string;
  /** The least sure of its hops. */
  readonly certainty: Certainty;
  /** The receiver's pipeline turned the packet around (a logical router that answers an echo request): what the core has at the end is the answer. */
  readonly turned: boolean;
}

/** A path as its first packet took it, hop by hop. */
export interface ToldPath {
  readonly path: string;
  readonly hops: readonly Hop[];
}

/** What is needed to tell paths. */
export interface Teller {
  readonly net: Network;
  readonly num: Numbering;
  readonly annotators: readonly Annotator[];
  /** Wants each path's hops, with the names of what stands behind a rule. */
  readonly paths?: (path: ToldPath) => void;
}

const SURE: readonly Certainty[] = ["proven", "inferred", "assumed"];

/** The story of the path that a run took; the packet entered `device` at `port`. */
function tellPath(name: string, events: readonly Event[], t: Teller, device: Device, port: number | null): PathStory {
  const story = tell(events, t.num, { device: device.id, port });
  // Names of what stands behind a rule are for people who read hops.
  const { hops } = hopsOf(story.line, t.net, t.num, t.paths ? t.annotators : []);
  t.paths?.({ path: name, hops });
  const entered = devicesOf(story, t.net);
  const hop = hops.findLast((h) => h.rule.file !== "");
  return {
    name,
    verdict: story.verdict,
    reason: story.verdict === "delivered" ? "" : story.reason,
    node: entryNode(t.net, device, story),
    to: receiverOf(t.net, story),
    because: hop ? { device: hop.device, rule: hop.rule.text, file: hop.rule.file, line: hop.rule.line } : null,
    probability: choicesOf(events, t.num).reduce((p, c) => p * c.share, 1),
    devices: entered.map((d) => d.name),
    way: wayText(entered),
    certainty: SURE[Math.max(0, ...hops.map((h) => SURE.indexOf(h.certainty)))],
    turned: story.answeredBy !== undefined,
  };
}

function devicesOf(story: Story, net: Network): Device[] {
  const entered: Device[] = [];
  for (const e of story.line) if (e.kind === EV.enter && entered.at(-1)?.id !== e.a) entered.push(net.devices[e.a]);
  return entered;
}

/** Wires and the switch's own tunnels are left out; devices of a host stand together. */
function wayText(entered: readonly Device[]): string {
  const hosts: { name: string; parts: string[] }[] = [];
  for (const d of entered) {
    if (d.kind === "segment" || d.kind === "tunnel") continue;
    const part = d.kind === "bridge" && d.name.startsWith(`${d.host}/`) ? d.name.slice(d.host.length + 1) : "stack";
    const name = part === "stack" && d.pod !== "" ? d.pod : part === "stack" ? d.name : d.host;
    if (hosts.at(-1)?.name === name) hosts.at(-1)?.parts.push(part);
    else hosts.push({ name, parts: [part] });
  }
  return hosts.map(({ name, parts }) => (parts.join() === "stack" ? name : `${name} (${parts.join(", ")})`)).join(" > ");
}

/** A packet to run; `inner` is inside where `row` is the outer one of a tunnel. */
export interface Packet {
  readonly row: Row;
  readonly inner?: Row;
}

/** All paths of a replay, by the core's hash. */
export class PathBook {
  private readonly byHash = new Map<bigint, KnownPath>();

  constructor(
    private readonly teller: Teller,
    private readonly most: number,
  ) {}

  /** The path of a run, told now if it is new. Null: there are more paths than are told apart. */
  path(hash: bigint, packet: Packet, events: readonly Event[] | null, device: Device, port: number | null): KnownPath | null {
    const known = this.byHash.get(hash);
    if (known) return known;
    if (this.byHash.size >= this.most) return null;
    const name = `p${this.byHash.size}`;
    const path: KnownPath = { packet, port, story: events ? tellPath(name, events, this.teller, device, port) : null };
    this.byHash.set(hash, path);
    return path;
  }
}

export interface KnownPath {
  /** Its first packet, as it entered. */
  readonly packet: Packet;
  /** Port it enters by, null for the device's socket. */
  readonly port: number | null;
  /** Null where its run could not be told (it was of extreme length). */
  readonly story: PathStory | null;
}
