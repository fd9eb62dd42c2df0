/**
 * Where the logical pipelines lie in the OpenFlow tables of an integration bridge.
 *
 * ovn-controller puts logical ingress table N at OpenFlow table 8 + N in every version, and logical egress table N at an
 * offset that moves with the version (controller/lflow.h, OFTABLE_LOG_EGRESS_PIPELINE). The offsets are read off the
 * dump: a flow's cookie names its logical flow, and flow table less logical table is the offset; the most frequent
 * difference wins, since a few flows (learned ones) stand elsewhere. Without OpenFlow dumps the numbers that the stages
 * have tell the version, and the version the offset.
 */
import type { FactBase, FactKind } from "@plumbline/model";
import { rows, type Zone, zonesFor } from "./database.js";
import { asMap } from "./values.js";

export interface TableOffsets {
  /** OpenFlow table of logical ingress table 0. */
  readonly ingress: number;
  /** OpenFlow table of logical egress table 0. */
  readonly egress: number;
  /** counted: by the cookies of the dump. stages: by the stages' numbers. assumed: neither told; of the newest release known to fit. */
  readonly how: "counted" | "stages" | "assumed";
}

const INGRESS = 8;

/** Numbers of tell-tale stages by release: lr_in_dnat, ls_in_pre_lb, ls_in_lb, ls_in_l2_lkup, and the egress offset (northd/northd.h, controller/lflow.h). */
const RELEASES: readonly { readonly stages: readonly (readonly [string, number])[]; readonly egress: number }[] = [
  [6, 6, 12, 24, 40],
  [6, 5, 11, 23, 42], // 22.09; 22.06 has the same stages and 40: a dump tells them apart
  [7, 5, 12, 25, 42],
  [7, 5, 13, 27, 42],
  [8, 5, 13, 28, 45],
  [9, 5, 13, 28, 45],
  [10, 6, 15, 30, 47],
  [10, 6, 15, 32, 48],
  [10, 6, 15, 33, 62],
].map(([dnat, preLb, lb, lkup, egress]) => ({
  stages: [
    ["lr_in_dnat", dnat!],
    ["ls_in_pre_lb", preLb!],
    ["ls_in_lb", lb!],
    ["ls_in_l2_lkup", lkup!],
  ],
  egress: egress!,
}));

/** First egress table by release, from that release on. */
export const RELEASE_OF_EGRESS: readonly (readonly [release: number, egress: number])[] = [
  [0, 40],
  [2209, 42],
  [2409, 45],
  [2509, 47],
  [2603, 48],
  [2609, 62],
];

/** The release that wrote a southbound database (`23.03.1-20.27.0-70.6`): 2303; undefined if it does not say. */
export function releaseNumber(zone: Zone): number | undefined {
  const text = String(asMap(rows(zone, "southbound", "SB_Global")[0]?.columns["options"])["northd_internal_version"] ?? "");
  const m = /^(\d+)\.(\d+)\./.exec(text);
  return m ? Number(m[1]) * 100 + Number(m[2]) : undefined;
}

/** An OpenFlow line's cookie, table and key of the logical datapath, as far as printed. */
export interface FlowHead {
  readonly cookie: bigint | undefined;
  readonly table: number;
  readonly metadata: number | undefined;
}

/** Reads the head of a flow as `dump-flows` prints it; table 0 may be left out there. */
export function flowHead(text: string): FlowHead {
  const end = text.indexOf("actions=");
  const head = end < 0 ? text : text.slice(0, end);
  const cookie = /\bcookie=(0x[0-9a-f]+)/.exec(head)?.[1];
  const metadata = /\bmetadata=(0x[0-9a-f]+|\d+)(?![0-9a-fx]*\/)/.exec(head)?.[1];
  return {
    cookie: cookie === undefined ? undefined : BigInt(cookie),
    table: Number(/\btable=(\d+)/.exec(head)?.[1] ?? 0),
    metadata: metadata === undefined ? undefined : Number(metadata),
  };
}

/** The 8 digits that a 32-bit cookie is the number of; undefined for one that no UUID begins with. */
export function cookiePrefix(cookie: bigint): string | undefined {
  return cookie > 0n && cookie < 1n << 32n ? cookie.toString(16).padStart(8, "0") : undefined;
}

const known = new WeakMap<FactBase, Map<string, TableOffsets>>();

/** The offsets that hold for the br-int of a host. Counted once a fact base and host. */
export function tableOffsets(facts: FactBase, host: string): TableOffsets {
  const byHost = known.get(facts) ?? new Map<string, TableOffsets>();
  known.set(facts, byHost);
  let offsets = byHost.get(host);
  if (!offsets) {
    const zone = zonesFor(facts, host)[0];
    offsets = count(facts, host, zone) ?? byStages(zone);
    byHost.set(host, offsets);
  }
  return offsets;
}

function count(facts: FactBase, host: string, zone: Zone | undefined): TableOffsets | undefined {
  if (!zone) return undefined;
  const votes = { ingress: new Map<number, number>(), egress: new Map<number, number>() };
  // Facts of the ovs plugin, of which only the line as printed is looked at.
  for (const f of facts.of("ovs.flow" as FactKind, host)) {
    const { cookie, table } = flowHead(f.origin.text);
    const prefix = cookie === undefined ? undefined : cookiePrefix(cookie);
    if (prefix === undefined) continue;
    for (const l of zone.lflowsByPrefix.get(prefix) ?? []) {
      const box = votes[l.pipeline];
      box.set(table - l.table, (box.get(table - l.table) ?? 0) + 1);
    }
  }
  const most = (box: Map<number, number>) => [...box].sort((a, b) => b[1] - a[1])[0]?.[0];
  const egress = most(votes.egress);
  if (egress === undefined) {
    const ingress = most(votes.ingress);
    return ingress === undefined ? undefined : { ...byStages(zone), ingress };
  }
  return { ingress: most(votes.ingress) ?? INGRESS, egress, how: "counted" };
}

function byStages(zone: Zone | undefined): TableOffsets {
  const table = new Map((zone?.lflows ?? []).map((l) => [l.stage, l.table]));
  const release = zone && releaseNumber(zone);
  const byRelease = release === undefined ? undefined : RELEASE_OF_EGRESS.findLast(([from]) => from <= release)?.[1];
  let best = { fits: 0, egress: byRelease ?? 45 };
  for (const r of RELEASES) {
    const present = r.stages.filter(([s]) => table.has(s));
    if (present.some(([s, n]) => table.get(s) !== n)) continue;
    if (present.length > best.fits) best = { fits: present.length, egress: r.egress };
  }
  return { ingress: INGRESS, egress: best.egress, how: best.fits > 0 ? "stages" : "assumed" };
}
