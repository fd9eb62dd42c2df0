/**
 * A translation while it runs (ofproto/ofproto-dpif-xlate.c, struct xlate_ctx): the packet, what was read of it, the datapath actions so far,
 * and how the lists of actions that it is in are to end.
 */
import { field, TUNNEL_FIELDS } from "@plumbline/model";
import type { OvsAction } from "../ast.js";
import { commitHeaders } from "./commit.js";
import { DatapathActions } from "./datapath.js";
import type { RunEvents } from "./events.js";
import { Headers } from "./headers.js";
import type { RecirculationIds } from "./recirculation.js";
import type { ReportKind, ReportNode } from "./report.js";
import type { TracedBridge, TracedRule, World } from "./world.js";

/** Why a translation fails, in OVS's words (xlate_strerror). */
export const FAILURE = {
  depth: "Recursion too deep",
  resubmits: "Too many resubmits",
  stack: "Stack too deep",
  labels: "Too many MPLS labels",
  packetType: "Unsupported packet type",
  tunnelMetadata: "Invalid tunnel metadata",
} as const;
export type Failure = keyof typeof FAILURE;

/** Why the datapath cannot handle the packet by itself, in OVS's words. */
export const SLOW = { action: "Uses action(s) not supported by datapath" } as const;

/** What the network cannot express, and the run does not follow; what is looked up behind it may be another rule. */
export const DRIFT = {
  stack: "the values that a packet had pushed before it was tracked are not in the run",
  tunnel: "what a tunnel that leads back to where the packet came from has left in its headers is not in the run",
  icmp: "ofproto/trace writes a port of the translation over ICMP's type or code, which is no number that a packet can have",
  family: "ofproto/trace writes an address of the translation whichever family the packet is of, the run one of its own family",
  group: "to the switch the action set has a group still, which another copy of the packet had, so that actset_output stays as it is",
  tag: "NORMAL leaves out an inner tag without VLAN and priority, which the run keeps",
  cleared: "to the switch the packet was untracked already, so that ct_clear leaves what it has of its connection",
} as const;

/** Something that this translation cannot tell. */
export class NotTranslated extends Error {}

/** A copy of the packet that comes back from connection tracking. */
export interface Fork {
  readonly thread: number;
  readonly recirc: number;
  /** What holds the id. */
  readonly key: string;
  readonly bridge: TracedBridge;
  readonly table: number;
  readonly flow: Headers;
  readonly stack: readonly StackValue[];
  readonly actionSet: readonly OvsAction[];
  /** What is run in place of a look-up, where there is any. */
  readonly frozen: readonly OvsAction[];
  /** Null: no NAT. Else the two lines that tell what it is taken to do. */
  readonly nat: { readonly before: string; readonly after: string } | null;
  /** Why its translation cannot be told; and why the run's packet is another. */
  readonly lost: string | null;
  readonly drift: string | null;
}

export interface StackValue {
  readonly value: bigint;
  readonly bits: number;
}

/** A packet that leaves. */
export interface Departure {
  readonly bridge: string;
  readonly port: number;
  readonly flow: Headers;
}

/** A rule hit or a table missed, in order. */
export interface TranslationStep {
  readonly bridge: TracedBridge;
  readonly table: number;
  readonly rule: TracedRule | null;
  /** The miss is printed as a rule of OVS's own. */
  readonly internal: boolean;
  /** The packet as it was looked up, where somebody asks why another rule was not hit. */
  readonly flow: Headers | null;
}

/** Runs a rule's or a bucket's actions: in place, or as a clone. */
export type Runner = (c: Context, actions: readonly OvsAction[], last: boolean) => void;

/** The translation of lists of actions, for parts of it that lead back to it. */
export interface Pipeline {
  runActions(c: Context, actions: readonly OvsAction[], last: boolean, inBucket?: boolean): void;
  goToTable(c: Context, table: number, last: boolean, as?: LookUpAs, run?: Runner): void;
  /** As a clone of the packet, in the present thread. */
  asClone: Runner;
  /** What is left to do when a packet's actions are done. */
  endOfPipeline(c: Context): void;
  finishFreezing(c: Context): void;
}

/** How a look-up differs from the packet as it is. */
export interface LookUpAs {
  readonly inPort: number | null;
  /** The packet's tuple and its connection's change places. */
  readonly swapped: boolean;
}

export class Context {
  out = new DatapathActions();
  readonly masks = Headers.none();
  readonly base: Headers;
  trace: ReportNode[] = [];
  readonly steps: TranslationStep[] = [];
  readonly departures: Departure[] = [];
  readonly forks: Fork[] = [];
  readonly notes: string[] = [];
  /** Where the run had other headers than the translation has: field, ours, the run's. */
  readonly disagreements: string[] = [];
  /** Since when, and by what, the run's packet is another than the translation's: declared, where the network cannot express what OVS does. */
  drift: string | null = null;
  /** All of the type of a neighbour discovery option was looked at by a look-up. */
  optionTypeLookedUp = false;
  /** Addresses that NORMAL has learned from this packet. */
  readonly learned: { readonly bridge: TracedBridge; readonly mac: bigint; readonly vlan: number; readonly port: number }[] = [];
  readonly slow = new Set<keyof typeof SLOW>();

  table = 0;
  rule: TracedRule | null = null;
  /** All ones before any rule. */
  cookie = 0xffffffffffffffffn;
  depth = 0;
  resubmits = 0;
  exit = false;
  error: Failure | null = null;
  freezing = false;
  /**
   * Actions left to do after thawing; what tells one frozen state from another. OVS keeps too what an `exit` has left undone, if the translation
   * goes on nevertheless (behind a bucket, or a patch port): the next recirculation takes it for its own.
   */
  frozen: OvsAction[] = [];
  /** Before it recirculates the packet gets a hash. */
  hash: { readonly algorithm: number; readonly basis: number } | null = null;
  /** The controller that is waited for. */
  pause: { readonly maxLen: number; readonly reason: string; readonly id: number } | null = null;
  wasMpls = false;
  conntracked = false;
  inActionSet = false;
  stack: StackValue[] = [];
  actionSet: OvsAction[] = [];
  actionSetHasGroup = false;
  /** A copy recirculates that no trace follows. */
  recirculates = false;
  /** A controller gets the packet. */
  toController = false;
  pendingEncap = false;
  pendingDecap = false;
  nshOptions = "";
  readonly skbPriority: number;
  /** The end of the tunnel that the packet came by: nothing is sent back to it. 0 if it came by none. */
  readonly ownTunnelEnd: bigint;
  /** Port of the datapath by which the packet came to the bridge where the translation begins; "" if it came by a patch port. */
  readonly entry: string;
  /** UDP port of the tunnel as the datapath has it. */
  baseTunnelPort = 0;

  constructor(
    readonly world: World,
    readonly events: RunEvents,
    readonly ids: RecirculationIds,
    /** Where the trace began: misses in other bridges print otherwise. */
    readonly home: TracedBridge,
    public bridge: TracedBridge,
    public thread: number,
    /** The packet; changed in place. */
    readonly flow: Headers,
    readonly pipeline: Pipeline,
    /** A real packet is followed, so that the switch may learn from it. */
    readonly real: boolean,
    readonly keepsSteps = false,
  ) {
    this.base = flow.copy();
    this.conntracked = flow.get("ct_state") !== 0;
    // The datapath keeps no tunnel information over an output.
    for (const name of TUNNEL_FIELDS) this.base.set(name, 0);
    this.base.options = 0;
    this.ownTunnelEnd = flow.big("tun_dst") || flow.big("tun_ipv6_dst");
    const port = bridge.ports.get(flow.get("in_port"));
    this.entry = port && port.datapath !== null ? `${bridge.name} ${port.number}` : "";
    this.skbPriority = flow.get("skb_priority");
  }

  report(kind: ReportKind, text: string): ReportNode {
    const node: ReportNode = { kind, text, subs: [] };
    this.trace.push(node);
    return node;
  }
  /** Reports what `work` does below a node. */
  under(node: ReportNode, work: () => void): void {
    const { trace } = this;
    this.trace = node.subs;
    work();
    this.trace = trace;
  }
  fail(failure: Failure, text: string): void {
    this.report("error", text);
    this.error = failure;
  }

  /** Header changes so far become datapath actions. */
  commit(): void {
    const { flow, base, masks, out } = this;
    const slow = commitHeaders({
      flow,
      base,
      masks,
      out,
      encap: this.pendingEncap,
      decap: this.pendingDecap,
      nshOptions: this.nshOptions,
    });
    if (slow) this.slow.add("action");
    this.pendingEncap = false;
    this.pendingDecap = false;
    this.nshOptions = "";
  }

  /** Bits of the packet are read or written. */
  consult(name: string, mask: bigint | number): void {
    const f = field(name);
    if (f.words === 1) this.masks.row[f.word] |= Number(mask);
    else this.masks.set(name, this.masks.big(name) | BigInt(mask));
  }

  triggerFreeze(): void {
    this.exit = true;
    this.freezing = true;
  }
  cancelFreeze(): void {
    this.freezing = false;
    this.hash = null;
    this.frozen = [];
    this.pause = null;
  }
}
