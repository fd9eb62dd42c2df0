/** Groups (ofproto-dpif-xlate.c, xlate_group_action): buckets run as clones, and what they do to the packet ends with them. */

import { hashInt } from "@plumbline/model";
import type { Bucket, OvsGroup } from "../ast.js";
import { actionSet } from "../lower/actionSet.js";
import { selection } from "../lower/select.js";
import { printActions } from "../print/actions.js";
import { type Context, NotTranslated } from "./context.js";
import { hasField } from "./fields.js";
import { consultFields, symmetricBasis } from "./flow-hash.js";
import { mayGoOn } from "./limits.js";
import { bucketIsLive } from "./live.js";

/** Returns false if the list of actions ends here, because there is no such group. */
export function group(c: Context, id: number, last: boolean): boolean {
  if (!mayGoOn(c)) return true;
  const g = c.bridge.groups.get(id);
  if (!g) {
    if (c.bridge.groupsUnknown) throw new NotTranslated(`what group ${id} of ${c.bridge.name} does is not in evidence`);
    c.report("warn", `output to nonexistent group ${id}`);
    return false;
  }
  if (g.type === "all" || g.type === "indirect") {
    g.buckets.forEach((b, i) => void bucket(c, g, b, i, last && i === g.buckets.length - 1));
    return true;
  }
  const chosen = g.type === "ff" ? g.buckets.findIndex((b) => bucketIsLive(c.bridge, b)) : select(c, g);
  if (chosen < 0) {
    c.report("detail", "no live bucket");
    return true;
  }
  c.report("detail", `using bucket ${g.buckets[chosen].id ?? chosen}`);
  bucket(c, g, g.buckets[chosen], chosen, last);
  return true;
}

/** Index of the bucket, -1 for none (the packet may be about to recirculate for its hash). */
function select(c: Context, g: OvsGroup): number {
  if (c.wasMpls) {
    c.triggerFreeze();
    return -1;
  }
  const s = selection(g, (b) => bucketIsLive(c.bridge, b));
  if (s.method === "dp_hash" && c.flow.get("dp_hash") === 0) {
    c.triggerFreeze();
    c.hash = { algorithm: s.algorithm, basis: s.basis };
    for (const b of s.options)
      c.report("detail", `bucket ${b.id ?? g.buckets.indexOf(b)}${shareText(c, g, b)}: ${printActions(actionSet(b.actions))}`);
    c.notes.push(
      `group ${g.id}: the packet recirculates for its hash, where ofproto/trace ends; a packet with dp_hash=N is followed into its bucket`,
    );
    return -1;
  }
  // What is hashed is read even where no bucket is to be had; of masked fields the bits that count.
  if (s.by?.kind === "fields")
    s.by.fields.forEach((f, i) => {
      if (hasField(c, s.names[i])) c.masks.setBits(f.slice, c.masks.bits(f.slice) | f.mask);
    });
  if (s.options.length === 0) return -1;
  if (s.method === "dp_hash") c.consult("dp_hash", s.map.length - 1);
  else if (s.method === "default") consultFields(c, "symmetric_l4");
  if (s.method !== "default") return g.buckets.indexOf(s.options[c.events.choice(c.thread)]);
  const basis = symmetricBasis(c.flow);
  let best = 0;
  let most = 0;
  s.options.forEach((b, i) => {
    const score = Math.imul(hashInt(b.id ?? g.buckets.indexOf(b), basis) & 0xffff, b.weight) >>> 0;
    if (score < most) return;
    best = i;
    most = score;
  });
  c.events.chosen(c.thread, best);
  return g.buckets.indexOf(s.options[best]);
}

function bucket(c: Context, g: OvsGroup, b: Bucket, index: number, last: boolean): void {
  if (c.error) return;
  const node = c.report("bucket", `bucket ${b.id ?? index}${shareText(c, g, b)}`);
  const flow = c.flow.copy();
  const { wasMpls, thread } = c;
  c.thread = c.events.clone(thread);
  c.depth++;
  c.under(node, () => c.pipeline.runActions(c, actionSet(b.actions), last, true));
  c.depth--;
  if (c.freezing) c.pipeline.finishFreezing(c);
  c.thread = thread;
  c.flow.become(flow);
  c.wasMpls = wasMpls;
  c.exit = false;
  if (c.error === "labels" || c.error === "packetType") c.error = null;
}

/** What part of the traffic a bucket gets, where that is a matter of hashes. */
function shareText(c: Context, g: OvsGroup, b: Bucket): string {
  if (g.type !== "select") return "";
  const live = g.buckets.filter((x) => bucketIsLive(c.bridge, x));
  const total = live.reduce((n, x) => n + x.weight, 0);
  return total === 0 ? "" : ` (${Math.round((1000 * b.weight) / total) / 10}% of the traffic)`;
}
