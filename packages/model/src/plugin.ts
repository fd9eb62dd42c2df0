/**
 * The contract between the engine and a source plugin. A plugin is one value: what it reads, how it reads it, how it
 * lowers what was read to the IR, and how it names what others lowered.
 */
import type { Fact, FactKind, FactKinds, Problem } from "./facts.js";
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
  /** The text, decoded once. */
  text(): string;
  bytes(): Uint8Array;
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
}

export interface Plugin {
  readonly id: string;
  /** One line for `plugin list`. */
  readonly title: string;
  /** Null if the file is not for this plugin. Must be cheap: looks at path, command and the first kilobytes. */
  claims(file: EvidenceFile): Claim | null;
  read(file: EvidenceFile, ctx: ReadContext): void;
  readonly lower?: { readonly [S in Stage]?: (ctx: LowerContext) => void };
  annotator?(facts: FactBase): Annotator;
  readonly collects?: readonly Collectable[];
}
