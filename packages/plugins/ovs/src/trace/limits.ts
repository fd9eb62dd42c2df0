/** Bounds of a translation (ofproto-dpif-xlate.c, xlate_resubmit_resource_check). */
import type { Context } from "./context.js";

/** Backward jumps and groups within one another, and look-ups in all (MAX_DEPTH, MAX_RESUBMITS). */
const MAX_DEPTH = 64;
const MAX_RESUBMITS = 4096;
/** Bytes of datapath actions and of the stack. */
const MAX_ACTIONS = 0xffff;
const MAX_STACK = 65536;

/** xlate_resubmit_resource_check. */
export function mayGoOn(c: Context): boolean {
  if (c.depth >= MAX_DEPTH) c.fail("depth", `over max translation depth ${MAX_DEPTH}`);
  else if (c.resubmits >= MAX_RESUBMITS) c.fail("resubmits", `over ${MAX_RESUBMITS} resubmit actions`);
  else if (c.out.bytes > MAX_ACTIONS) {
    c.report("error", "resubmits yielded over 64 kB of actions");
    c.exit = true;
  } else if (c.stack.reduce((n, v) => n + Math.ceil(v.bits / 8) + 1, 0) >= MAX_STACK)
    c.fail("stack", "resubmits yielded over 64 kB of stack");
  else return true;
  return false;
}
