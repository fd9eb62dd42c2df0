/** Actions that choose: each becomes a group, whose text is as ovn-controller writes it. */
import { resolveField } from "../expr/fields.js";
import type { LogicalAction } from "./ast.js";
import { type Encoder, OUTPORT } from "./encoder.js";
import { endpointText } from "./format.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

/** Bits in the connection's mark: translated; the source is to stay, or to change. */
const NATTED = 2n;
const LB_FLAGS = { skip_snat: 4n, force_snat: 8n } as const;

function head(hashFields: string): string {
  return `type=select,selection_method=${hashFields ? `hash,fields(${hashFields})` : "dp_hash"}`;
}

export function encodeCtLb(e: Encoder, a: Of<"ct_lb">): void {
  const table = e.logicalTable(a.table);
  const zone = e.zoneOf(undefined);
  if (a.backends.length === 0) {
    e.ct(zone, { table, nat: { type: "existing" } });
    return;
  }
  const where = a.name === "ct_lb" ? "ct_label" : "ct_mark";
  const flag = a.flag ? `,set_field:${LB_FLAGS[a.flag]}/${LB_FLAGS[a.flag]}->${where}` : "";
  const rest = `commit,table=${table},zone=${zone.field.nxm}[0..15],exec(set_field:${NATTED}/${NATTED}->${where}${flag})`;
  const buckets = a.backends.map((b, i) => `,bucket=bucket_id=${i},weight:100,actions=ct(nat(dst=${endpointText(b)}),${rest})`);
  e.group(head(a.hashFields) + buckets.join(""));
}

export function encodeSelect(e: Encoder, a: Of<"select">): void {
  const { field, ofs, bits } = resolveField(a.dst);
  const to = `${field.name}[${ofs}..${ofs + bits - 1}],resubmit(,${e.logicalTable(a.table)})`;
  const buckets = a.members.map((m, i) => `,bucket=bucket_id=${i},weight:${m.weight},actions=load:${m.id}->${to}`);
  e.group(head(a.hashFields) + buckets.join(""));
}

/** Without ports, or with one that nothing is known of, nothing is done. */
export function encodeFwdGroup(e: Encoder, a: Of<"fwd_group">): void {
  const { lookupPort, tunnelPort } = e.context;
  const buckets: string[] = [];
  for (const port of a.ports) {
    const key = lookupPort(port);
    const tunnel = a.liveness ? tunnelPort(port) : undefined;
    if (key === undefined || (a.liveness && tunnel === undefined)) return;
    // A decimal number behind 0x: as ovn-controller writes it.
    buckets.push(`,bucket=${a.liveness ? `watch_port:${tunnel},` : ""}load=0x${key}->${OUTPORT.nxm}[0..15],resubmit(,${e.outputTable()})`);
  }
  if (buckets.length > 0) e.group(head("") + buckets.join(""));
}
