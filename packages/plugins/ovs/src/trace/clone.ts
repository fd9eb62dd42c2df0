/** Copies of a packet that leave it as it was: `clone`, and the two ways of `check_pkt_larger` (ofproto-dpif-xlate.c). */
import type { OvsAction } from "../ast.js";
import { type Context, DRIFT, NotTranslated, type StackValue } from "./context.js";
import type { Headers } from "./headers.js";

/** clone_xlate_actions: what cannot be undone, or is followed by nothing, needs a clone in the datapath. */
export function cloneActions(c: Context, actions: readonly OvsAction[], last: boolean): void {
  const thread = c.thread;
  c.thread = c.events.clone(thread);
  asClone(c, actions, last);
  c.thread = thread;
}

/** {@link cloneActions} in the present thread. */
export function asClone(c: Context, actions: readonly OvsAction[], last: boolean): void {
  const { stack, actionSet: set, drift } = c;
  c.stack = [...stack];
  c.actionSet = [...set];
  const flow = c.flow.copy();
  if (last || isReversible(actions)) {
    c.pipeline.runActions(c, actions, last);
    c.pipeline.endOfPipeline(c);
  } else {
    c.commit();
    const saved = datapathState(c);
    const inner = nested(c, () => {
      c.pipeline.runActions(c, actions, true);
      c.pipeline.endOfPipeline(c);
    });
    c.out.nested("clone", inner);
    restore(c, saved);
  }
  c.stack = stack;
  c.actionSet = set;
  c.flow.become(flow);
  c.drift = drift;
}

const IRREVERSIBLE = new Set<OvsAction["kind"]>(["ct", "meter", "outputTrunc", "encap", "decap", "decNshTtl"]);
function isReversible(actions: readonly OvsAction[]): boolean {
  return actions.every((a) => !IRREVERSIBLE.has(a.kind));
}

/** Datapath actions that `work` makes. */
function nested(c: Context, work: () => void): Context["out"] {
  const { out } = c;
  const inner = new (out.constructor as new () => Context["out"])();
  c.out = inner;
  work();
  c.out = out;
  return inner;
}

interface DatapathState {
  readonly base: Headers;
  readonly baseTunnelPort: number;
  readonly wasMpls: boolean;
  readonly conntracked: boolean;
}
function datapathState(c: Context): DatapathState {
  return { base: c.base.copy(), baseTunnelPort: c.baseTunnelPort, wasMpls: c.wasMpls, conntracked: c.conntracked };
}
function restore(c: Context, s: DatapathState): void {
  c.base.become(s.base);
  c.baseTunnelPort = s.baseTunnelPort;
  c.wasMpls = s.wasMpls;
  c.conntracked = s.conntracked;
}

/** `check_pkt_larger`: the rest of the list for longer packets, and for others. */
export function checkLength(
  c: Context,
  size: number,
  dst: { field: string; ofs: number; n: number } | null,
  rest: readonly OvsAction[],
): void {
  if (!dst) throw new NotTranslated("check_pkt_larger writes a field that is not held");
  const { stack, actionSet: set, thread, drift } = c;
  const flow = c.flow.copy();
  c.commit();
  const saved = datapathState(c);
  const way = (larger: bigint) =>
    nested(c, () => {
      c.thread = c.events.clone(thread);
      c.flow.setBits({ ...dst, n: 1 }, larger);
      c.pipeline.runActions(c, rest, true);
      c.pipeline.endOfPipeline(c);
      c.thread = thread;
    });
  // One copy for both ways: what the first has done with its action set is done.
  c.stack = [...stack];
  c.actionSet = [...set];
  const greater = way(1n);
  restore(c, saved);
  c.flow.become(flow);
  const { exit } = c;
  c.exit = false;
  c.drift = isSame(c.stack, stack) ? drift : DRIFT.stack;
  const less = way(0n);
  c.out.put(
    `check_pkt_len(size=${size},gt(${greater.isEmpty ? "drop" : greater.text}),le(${less.isEmpty ? "drop" : less.text}))`,
    16 + greater.bytes + less.bytes,
  );
  restore(c, saved);
  c.flow.become(flow);
  c.exit = exit;
  c.drift = drift;
  c.stack = stack;
  c.actionSet = set;
}

function isSame(a: readonly StackValue[], b: readonly StackValue[]): boolean {
  return a.length === b.length && a.every((x, i) => x.value === b[i].value && x.bits === b[i].bits);
}
