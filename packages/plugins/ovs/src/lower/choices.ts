/**
 * Actions that choose: groups, bundles, multipath (ofproto-dpif-xlate.c, xlate_group_action, xlate_bundle_action).
 *
 * What a bucket does to the packet ends with it: OVS restores the packet behind each bucket. A bucket that changes
 * nothing runs in its place, any other runs in a clone.
 */
import type { Action } from "@plumbline/model";
import type { Bucket, OvsAction, OvsGroup, PortRef } from "../ast.js";
import { PORT } from "../ports.js";
import { actionSet } from "./actionSet.js";
import type { Place } from "./actions.js";
import { findPort, isLive } from "./bridges.js";
import { selection } from "./select.js";
import type { Switch } from "./switch.js";

/** Lowers a bucket's actions; `restored`: nothing behind them sees what they did. */
type Run = (actions: readonly OvsAction[], restored: boolean) => Action[];

/**
 * @param place where the action stands; its groups are those whose buckets it stands in
 * @returns null where the list of actions ends because there is no such group
 */
export function lowerGroup(sw: Switch, id: number, place: Pick<Place, "table" | "groups">, run: Run): Action[] | null {
  const bridge = sw.bridge.name;
  const g = sw.groups.get(id);
  if (g && sw.traced) return [sw.shared(`group ${id} from table ${place.table}`, () => tracedGroup(sw, g, run))];
  if (!g && sw.traced && sw.groupsRead) return null;
  if (place.groups.includes(id)) return [sw.unknown(`group ${id} leads back to itself`)];
  if (!g)
    return [
      sw.groupsRead
        ? sw.unknown(`group ${id} is not in the dump of ${bridge}'s groups`, `ovs-ofctl -O OpenFlow15 dump-groups ${bridge}`)
        : sw.unknown(`what group ${id} does is not in evidence`, `ovs-ofctl -O OpenFlow15 dump-groups ${bridge}`),
    ];
  switch (g.type) {
    case "all":
      return g.buckets.map((b) => ({ op: "clone", actions: run(actionSet(b.actions), true) }));
    case "indirect":
      return g.buckets.slice(0, 1).flatMap((b) => contained(b, run));
    case "ff":
      return fastFailover(sw, g, run);
    case "select":
      return select(sw, g, run);
  }
}

/** As the switch translates it: each bucket that is taken is a clone, and a group may lead back to itself. */
function tracedGroup(sw: Switch, g: OvsGroup, run: Run): Action[] {
  const taken = (b: Bucket): Action => ({ op: "clone", actions: run(actionSet(b.actions), false) });
  if (g.type === "all" || g.type === "indirect") return g.buckets.map(taken);
  const isLive = (b: Bucket) => bucketIsLive(sw, b, [g.id]) ?? true;
  if (g.type === "ff") return g.buckets.filter(isLive).slice(0, 1).map(taken);
  const { options, by, method } = selection(g, isLive);
  if (options.length === 0) return [{ op: "note", text: `group ${g.id} has no live bucket` }];
  return [
    {
      op: "choose",
      how: method === "hash" ? "hash" : "dp_hash",
      weights: options.map((b) => b.weight),
      options: options.map((b) => [taken(b)]),
      ...(by ? { by } : {}),
    },
  ];
}

function contained(b: Bucket, run: Run): Action[] {
  const actions = actionSet(b.actions);
  const still = actions.every(
    (a) => a.kind === "output" || a.kind === "setQueue" || a.kind === "note" || a.kind === "drop" || (a.kind === "ct" && a.table !== null),
  );
  const program = run(actions, true);
  return still || program.length === 0 ? program : [{ op: "clone", actions: program }];
}

function select(sw: Switch, g: OvsGroup, run: Run): Action[] {
  const live = g.buckets.map((b) => bucketIsLive(sw, b, [g.id]));
  if (live.includes(null)) return [livenessUnknown(sw, g)];
  const { options, by } = selection(g, (b) => live[g.buckets.indexOf(b)] === true);
  if (options.length === 0) return [{ op: "note", text: `group ${g.id} has no live bucket` }];
  return [
    {
      op: "choose",
      // Without `selection_method` OVS uses the datapath's hash; dumps of OpenFlow 1.1 to 1.4 do not print it. That hash is
      // computed where the packet is: no packet here has it.
      how: g.selectionMethod === "hash" ? "hash" : "dp_hash",
      weights: options.map((b) => b.weight),
      options: options.map((b) => contained(b, run)),
      ...(by?.kind === "fields" ? { by } : {}),
    },
  ];
}

function fastFailover(sw: Switch, g: OvsGroup, run: Run): Action[] {
  for (const b of g.buckets) {
    const live = bucketIsLive(sw, b, [g.id]);
    if (live === null) return [livenessUnknown(sw, g)];
    if (live) return contained(b, run);
  }
  return [{ op: "note", text: `group ${g.id} has no live bucket` }];
}

function livenessUnknown(sw: Switch, g: OvsGroup): Action {
  return sw.unknown(
    `whether the watched ports of group ${g.id} are up is not in evidence`,
    `ovs-ofctl -O OpenFlow15 dump-ports-desc ${sw.bridge.name}`,
  );
}

/** group_bucket_is_alive; null where evidence is lacking. */
function bucketIsLive(sw: Switch, b: Bucket, around: readonly number[]): boolean | null {
  if (b.watchPort === null && b.watchGroup === null) return true;
  let unsure = false;
  if (b.watchPort !== null) {
    const live = portIsLive(sw, b.watchPort);
    if (live) return true;
    unsure = live === null;
  }
  if (b.watchGroup !== null && !around.includes(b.watchGroup)) {
    const g = sw.groups.get(b.watchGroup);
    const inner = g ? g.buckets.map((x) => bucketIsLive(sw, x, [...around, b.watchGroup!])) : [null];
    if (inner.includes(true)) return true;
    unsure ||= inner.includes(null);
  }
  return unsure ? null : false;
}

function portIsLive(sw: Switch, ref: PortRef): boolean | null {
  const p = findPort(sw.bridge, ref);
  // A trace without a list of ports takes all to be there, and up; a port that is not in the list is not there.
  if (!p && sw.traced) return sw.bridge.ports.every((x) => x.number === PORT.local);
  return p ? isLive(p) : null;
}

/** `bundle` and `bundle_load`: one live member, by a hash of the packet or the first. */
export function lowerBundle(sw: Switch, a: Extract<OvsAction, { kind: "bundle" }>, output: (p: PortRef) => Action[]): Action[] {
  const live = a.members.map((p) => portIsLive(sw, p));
  if (live.includes(null))
    return [
      sw.unknown("whether the members of a bundle are up is not in evidence", `ovs-ofctl -O OpenFlow15 dump-ports-desc ${sw.bridge.name}`),
    ];
  const members = a.members.filter((_, i) => live[i]);
  const { dst } = a;
  if (dst && !dst.slice) return [{ op: "note", text: `${dst.text} is set; the field is not modelled` }];
  const take = (p: PortRef): Action[] => (dst?.slice ? [{ op: "set", dst: dst.slice, value: BigInt(sw.portNumber(p) ?? 0) }] : output(p));
  if (members.length === 0) return dst?.slice ? [{ op: "set", dst: dst.slice, value: 0xffffn }] : [];
  if (a.algorithm === "active_backup" || members.length === 1) return take(members[0]);
  return [{ op: "choose", how: "hash", weights: members.map(() => 1), options: members.map(take) }];
}

export function lowerMultipath(sw: Switch, a: Extract<OvsAction, { kind: "multipath" }>): Action[] {
  const { slice } = a.dst;
  if (!slice) return [{ op: "note", text: `${a.dst.text} is set; the field is not modelled` }];
  // More ways than this are not told apart one by one.
  if (a.links < 1 || a.links > 256) return [sw.unknown(`multipath over ${a.links} links is not modelled`)];
  const links = Array.from({ length: a.links }, (_, i) => i);
  return [
    { op: "choose", how: "hash", weights: links.map(() => 1), options: links.map((i) => [{ op: "set", dst: slice, value: BigInt(i) }]) },
  ];
}
