/**
 * The contract between the engine and a source plugin. A plugin is one value: what it reads, how it reads it, how it
 * lowers what was read to the IR, and how it names what others lowered.
 */
import type { Certainty, Fact, FactKind, FactKinds, Origin, Problem } from "./facts.js";
import type { Action, Rule, TableId } from "./ir.js";
import type { Device, NetworkBuilder } from "./network.js";

/** A file of the snapshot, before anyone has read it. */
export interface EvidenceFile {
  /** Path inside the snapshot, `/`-separated. */
  readonly path: string;
  /** The host it belongs to, by its folder: "master-01-demo" for `master-01-demo/ovs/…`, `pods/x` for pods, "" for the cluster. */
  readonly host: string;
  /** The command that wrote it, as far as its name or commands.tsv tells: "ip -j addr", "ovs-ofctl -O OpenFlow15 dump-flows br-int". Folder names and extensions removed; sosreport's mangling undone where it can be. */
  readonly command: string;
  /** Size in bytes. */
  readonly size: number;
  /** The text, decoded once; "" for a file that is not text (a NUL byte among its first). */
  text(): string;
  /**
   * The lines in order, without their ends (`\n`, `\r\n`), decoded piece by piece: a file larger than memory is never held whole. Each
   * call starts at the first line. What stands behind the last end of line is a line if it is not empty.
   */
  lines(): Iterable<Line>;
  bytes(): Uint8Array;
}

/** A line of a file. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** How sure a plugin is that it can read a file. The surest takes it. */
export interface Claim {
  /** 0 (no) to 1. */
  readonly score: number;
  /** What it is, for `inspect`: "OpenFlow flows of br-int". Files of one host with the same `what` are the same evidence in several forms; the highest `form` wins, the others are set aside and listed. */
  readonly what: string;
  /** Richness of this form among those of the same `what`; higher wins. */
  readonly form: number;
}

export interface ReadContext {
  fact<K extends FactKind>(kind: K, data: FactKinds[K], line: number, text: string): void;
  /** Something that could not be used. Reading goes on where that is safe. */
  problem(severity: Problem["severity"], line: number, message: string, hint?: string): void;
}

/** Facts by kind and host. */
export interface FactBase {
  all<K extends FactKind>(kind: K): readonly Fact<K>[];
  of<K extends FactKind>(kind: K, host: string): readonly Fact<K>[];
  /** Hosts that some fact names, sorted. */
  hosts(): readonly string[];
}

export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** A base chain, lowered: the host's pipeline calls `table` at that hook in order of priority; rules end it early by `goto` of `next`… */
export interface HookChain {
  readonly host: string;
  readonly hook: Hook;
  /** Netfilter priority: raw -300, conntrack -200, mangle -150, dstnat -100, filter 0, security 50, srcnat 100. */
  readonly priority: number;
  readonly type: "filter" | "nat" | "route";
  /** Makes the chain's tables so that an accepted packet goes to `next` (by `goto` with unwind). Called once, by the plugin that builds the host's stack. Returns the table to go to. */
  build(device: Device, next: TableId): TableId;
}

/** Gives meaning to what a switch hands to its controller. */
export interface PuntInterpreter {
  /** `text` is the action as printed; returns IR to run in place of it, or null if it is not understood. `table` finds an OpenFlow table of that bridge by number; `actions` lowers OpenFlow actions in wire format. */
  interpret(
    userdata: Uint8Array,
    ctx: { host: string; bridge: string; tableOf(n: number): TableId; lowerWire(bytes: Uint8Array): readonly Action[] },
  ): readonly Action[] | null;
}

/** A port of a switch, by what stands at its other end: its OpenFlow number may be in evidence, or not. */
export type DerivedPort = { readonly key: string; readonly origin: Origin } & (
  | { readonly kind: "interface"; readonly ifaceId: string; readonly mac: string; readonly addresses: readonly string[] }
  | { readonly kind: "patch"; readonly name: string; readonly peer: string }
  | { readonly kind: "tunnel"; readonly localIp: string; readonly remoteIp: string; readonly type: string }
  /** The switch's NIC: its port that is none of these. */
  | { readonly kind: "uplink" }
);

/** A flow or group as the switch's own dump would print it, and what it is derived from. */
export interface DerivedLine {
  readonly text: string;
  readonly origin: Origin;
}

/** A switch whose flows follow from other evidence (a southbound database). They stand in where its own are not in evidence. */
export interface DerivedSwitch {
  readonly host: string;
  readonly bridge: string;
  readonly ports: readonly DerivedPort[];
  /** How sure its rules are. */
  readonly certainty: Certainty;
  /** It stands in for what is missing and says nothing of what is there. */
  readonly onlyMissing?: boolean;
  /** What is derived from what: the reason of every rule. */
  readonly why: string;
  /** What becomes of packets where the flows are not in evidence: the end of a sentence. */
  readonly instead: string;
  /** "netdev" or "system", undefined where that is not known. */
  readonly datapathType: string | undefined;
  /** @param numberOf OpenFlow number of a port by its key, undefined if the switch has none such */
  lines(numberOf: (key: string) => number | undefined): { readonly flows: readonly DerivedLine[]; readonly groups: readonly DerivedLine[] };
}

/** When derived flows are used: where a switch's own are missing, or for every switch that has some. */
export type DerivedUse = "missing" | "always";

/** A reference from a rule to a thing with a name. */
export interface EvidenceLink {
  /** "lflow", "port_binding", "load_balancer", "service", "pod", "node", "route", "bgp", … */
  readonly kind: string;
  readonly name?: string;
  readonly uuid?: string;
  /** Logical stage, e.g. ls_in_lb. */
  readonly stage?: string;
  readonly datapath?: string;
  readonly text?: string;
  readonly file?: string;
  readonly line?: number;
}

/** Names what stands behind a rule of any device. */
export type Annotator = (rule: Rule, device: Device) => readonly EvidenceLink[];

export type Stage =
  /** Netfilter registers its base chains, interpreters register themselves. */
  | "hooks"
  /** Devices with their tables and ports. */
  | "devices"
  /** After the links have been joined: what needs to know them (neighbours). */
  | "linked";

export interface LowerContext {
  readonly facts: FactBase;
  readonly net: NetworkBuilder;
  /** Base chains registered so far. */
  readonly hooks: HookChain[];
  readonly punts: PuntInterpreter[];
  /** Switches whose flows follow from other evidence, and when these are used; left out: none. */
  readonly derived?: { readonly switches: DerivedSwitch[]; readonly use: DerivedUse };
  /** Node name by any name or address of the host; "" if it is none. */
  nodeOf(host: string): string;
  problem(p: Problem): void;
}

/** A command that would show what is missing. */
export interface Collectable {
  /** "neighbours", "OpenFlow flows of br-int", … as in Claim.what. */
  readonly what: string;
  readonly command: string;
  /** On which kind of host: node, router, pod, cluster. */
  readonly on: "node" | "router" | "pod" | "cluster";
  /** Of the cluster: kinds of facts that show it, whatever file they were in. */
  readonly facts?: readonly FactKind[];
}

/** An address and port at which a Service is asked for. */
export interface Frontend {
  /** What it is to its Service, for the reader: "VIP", "cluster IP", "external IP", "node port", "load balancer". */
  readonly what: string;
  /** "" for any address of a node. */
  readonly address: string;
  /** tcp, udp, sctp; "" if the source does not tell. */
  readonly protocol: string;
  readonly port: number;
}

/** Who answers for a Service. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** "" if the source does not tell. */
  readonly node: string;
  /** `namespace/name`, "" if it is none or not told. */
  readonly pod: string;
  readonly ready: boolean;
}

/** Why a node may lack what other nodes have of a Service. */
export interface ServiceException {
  readonly node: string;
  /** {@link ExplainSection.layer}s that it is true of. */
  readonly layers: readonly string[];
  readonly why: string;
  /** The node must not have it: having it is what is odd. */
  readonly forbidden: boolean;
}

/** A Service as a source knows it. */
export interface KnownService {
  /** `namespace/name`. */
  readonly name: string;
  readonly frontends: readonly Frontend[];
  readonly endpoints: readonly Endpoint[];
  readonly exceptions: readonly ServiceException[];
}

/** What is to be explained. `services`: all that the sources know. */
export type Question =
  /** A cookie of an OpenFlow rule; `table` narrows what it can stand for. */
  | { readonly kind: "cookie"; readonly cookie: bigint; readonly table?: number; readonly services: readonly KnownService[] }
  | { readonly kind: "service"; readonly service: KnownService }
  /** Routes that cover the prefix or lie inside it; `len` bits of `value` count. */
  | { readonly kind: "route"; readonly family: 4 | 6; readonly value: bigint; readonly len: number }
  /** Who has these addresses, beside hosts and pods: an item an owner, with the address as its `key` and the owner as its `text`. */
  | { readonly kind: "owners"; readonly addresses: readonly string[] }
  /** A line of the evidence that is no rule of the network: what else it is. */
  | { readonly kind: "line"; readonly file: string; readonly line: number };

export interface ExplainItem {
  /** As the evidence has it, or in words. */
  readonly text: string;
  /** "" where no one line says it. */
  readonly file: string;
  readonly line: number;
  readonly links: readonly EvidenceLink[];
  /** Kubernetes nodes that it is about, where these are not the section's host. */
  readonly nodes?: readonly string[];
  /** What a node's part of it is called on every node: parts of one name are compared between nodes. */
  readonly key?: string;
  /** What must be the same on every node; "" or left out if being there is all. */
  readonly value?: string;
  /** OpenFlow rules with this cookie are made of it. */
  readonly cookie?: bigint;
}

/** A part of an explanation: what one source has about it on one host. */
export interface ExplainSection {
  /**
   * The part of the way it is about. In this order: object, endpoints, announcement, bgp, sessions, routes, netfilter, br-ex (and other bridges by
   * their names), load-balancers, logical, groups, conntrack. Sections of one layer and title are compared between nodes.
   */
  readonly layer: string;
  readonly title: string;
  /** Evidence host, "" for the cluster. */
  readonly host: string;
  /** Nodes whose part is in this evidence, with items or without; left out if only the host's own. */
  readonly nodes?: readonly string[];
  readonly items: readonly ExplainItem[];
}

/** The way of an announced prefix from the objects that want it to the router's kernel, in this order. */
export const ANNOUNCEMENT_STAGES = [
  "desired",
  "configured",
  "running",
  "session",
  "announced",
  "received",
  "selected",
  "installed",
] as const;
/**
 * desired: by Services, pools, advertisements; configured: objects made of these for a node's router; running: that router's own configuration;
 * session: with the peer; announced: sent to the peer; received, selected: by the peer's BGP; installed: in the peer's kernel.
 */
export type AnnouncementStage = (typeof ANNOUNCEMENT_STAGES)[number];

/** What one source says of one stage, for one node and one peer. */
export interface AnnouncementStep {
  readonly stage: AnnouncementStage;
  readonly prefix: string;
  /** Kubernetes node that announces, or is not to; the evidence host where it is none. */
  readonly node: string;
  /** Address of the peer, "" where there is none to announce to. */
  readonly peer: string;
  /** Null: not in evidence. */
  readonly is: boolean | null;
  /** What says so, or why not. */
  readonly text: string;
  /** Whose it is: "Service demo/web", "FRRConfiguration x", "FRR of node-1". */
  readonly object: string;
  readonly file: string;
  readonly line: number;
  /** Where it is not in evidence: what would tell, and where. */
  readonly command?: string;
  readonly on?: string;
}

/** What the data of a fact look like; `@plumbline/plugin-sdk` checks them (shape.ts). */
export type Shape =
  | "string"
  | "number"
  /** A number without a fraction. */
  | "integer"
  | "boolean"
  | "bigint"
  /** Plain data of any form. */
  | "any"
  /** One of these texts. */
  | { readonly oneOf: readonly string[] }
  | { readonly listOf: Shape }
  /** Names that are not known beforehand. */
  | { readonly mapOf: Shape }
  /** These names and no others; a name that ends in `?` may be left out. */
  | { readonly object: { readonly [name: string]: Shape } };

/** A frame of a recording. */
export interface RecordedFrame {
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Bytes that it had on the wire; `bytes` may hold fewer. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** LINKTYPE_ number (tcpdump.org/linktypes.html): 1 Ethernet, 101 raw IP, 113 and 276 Linux cooked. The same for all frames of a recording. */
  readonly link: number;
}

/** Reads one recording, in pieces as they come. */
export interface CaptureDecoder {
  /** The next bytes; `frame` takes each frame that is whole by then. Throws an Error for a recording that cannot be read on. */
  push(bytes: Uint8Array, frame: (f: RecordedFrame) => void): void;
  /** The recording has ended. "" or what is wrong with its end. */
  end(frame: (f: RecordedFrame) => void): string;
}

/**
 * A source: any of these parts. All are functions of what they are given: no state is kept between calls but what can be made again.
 * A plugin by a third party runs in a worker (docs/writing-a-plugin.md says which of its parts, and what that prevents).
 */
export interface Plugin {
  readonly id: string;
  /** One line for `plugin list`. */
  readonly title: string;
  /** Null if the file is not for this plugin. Must be cheap: looks at path, command and the first kilobytes. Goes with {@link Plugin.parse}. */
  claims?(file: EvidenceFile): Claim | null;
  /** From a file to facts, each told as soon as it is read. Throws for nothing: what cannot be used is a problem, with its line. */
  parse?(file: EvidenceFile, ctx: ReadContext): void;
  /** The kinds of facts that this plugin brings, and what their data look like. Kinds of `@plumbline/model` need not be here. */
  readonly facts?: { readonly [kind: string]: Shape };
  readonly lower?: { readonly [S in Stage]?: (ctx: LowerContext) => void };
  annotator?(facts: FactBase): Annotator;
  /** Services that the facts tell of, for `explain`. */
  services?(facts: FactBase): readonly KnownService[];
  /** What the source's own facts have to say on a question; rules of the network are found without. */
  explain?(facts: FactBase, question: Question): readonly ExplainSection[];
  /** Announcements of prefixes that cover a prefix (but for default routes) or lie inside it. */
  announcements?(
    facts: FactBase,
    prefix: { readonly family: 4 | 6; readonly value: bigint; readonly len: number },
  ): readonly AnnouncementStep[];
  /** A decoder for a recording that begins so; null if the format is another's. `head` has at least the first 24 bytes, if there are so many. */
  decode?(head: Uint8Array, name: string): CaptureDecoder | null;
  /** What would be run where, to collect what this plugin reads. Declared; nothing is run. */
  readonly collects?: readonly Collectable[];
}
