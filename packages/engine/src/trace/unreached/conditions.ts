/** What a packet would have had to be for a rule to match it: the fields that differ, as the packet has them and as the rule wants them. */
import { changedFields, type Device, formatValue, getBig, getBits, type Match, type Row, type Rule, type Table } from "@plumbline/model";
import { prefixText } from "@plumbline/plugin-sdk";
import { portWords, stateWords } from "../../explain/words.js";

export interface Condition {
  readonly field: string;
  /** As the packet has it there. */
  readonly is: string;
  /** As the rule wants it; with a mask where it wants only some bits. */
  readonly wants: string;
}

/** The words of a row that a packet does not meet. */
const failing = (m: Match, row: Row): Match => m.filter((x) => (row[x.w] & x.m) >>> 0 !== x.v);

/**
 * Conditions of a rule that a row fails, of the alternative that fails the fewest; empty where it matches. null where the rule has no
 * alternative at all: nothing matches it.
 */
export function conditionsOf(rule: Rule, table: Table, row: Row, device: Device): Condition[] | null {
  if (table.kind === "lpm") return routeConditions(rule, table, row);
  let best: Match | null = null;
  for (const m of rule.rows) {
    const fails = failing(m, row);
    if (best === null || fails.length < best.length) best = fails;
    if (best.length === 0) return [];
  }
  return best === null ? null : told(best, row, device);
}

function routeConditions({ prefix }: Rule, { key }: Table, row: Row): Condition[] | null {
  if (!prefix || !key) return null;
  const is = getBits(row, key);
  const host = BigInt(key.n - prefix.len);
  if (is >> host === prefix.value >> host) return [];
  const family = key.field === "ipv6_dst" ? 6 : 4;
  return [
    {
      field: key.field,
      is: prefixText({ family, value: is, len: key.n }).replace(/\/\d+$/, ""),
      wants: prefixText({ family, ...prefix }),
    },
  ];
}

function told(fails: Match, row: Row, device: Device): Condition[] {
  const wanted = row.slice();
  for (const x of fails) wanted[x.w] = ((wanted[x.w] & ~x.m) | x.v) >>> 0;
  return changedFields(row, wanted).map(({ field: f }) => {
    let mask = 0n;
    for (const x of fails) if (x.w >= f.word && x.w < f.word + f.words) mask |= BigInt(x.m) << BigInt(32 * (f.words - 1 - (x.w - f.word)));
    mask &= (1n << BigInt(f.bits)) - 1n;
    const is = getBig(row, f.name);
    const wants = getBig(wanted, f.name) & mask;
    if (f.name === "ct_state") return { field: f.name, is: stateWords(is, mask), wants: stateWords(wants, mask) };
    if (f.name === "in_port" || f.name === "out_port")
      return { field: f.name, is: portWords(device, Number(is)), wants: portWords(device, Number(wants)) };
    // A mask of low bits is worth a word only where higher ones are set.
    const full = (mask & (mask + 1n)) === 0n && is <= mask;
    return { field: f.name, is: formatValue(f, is), wants: `${formatValue(f, wants)}${full ? "" : `/0x${mask.toString(16)}`}` };
  });
}

const NAMES: Readonly<Record<string, string>> = {
  ip_src: "source",
  ip_dst: "destination",
  ipv6_src: "source",
  ipv6_dst: "destination",
  tp_src: "source port",
  tp_dst: "destination port",
  ip_proto: "protocol",
  pkt_mark: "packet mark",
  ct_state: "connection state",
  in_port: "the port it came in by",
  out_port: "the port it goes out by",
};

/** "source is 192.0.2.1, it wants 192.0.2.7; connection state is -new, it wants +new". */
export function conditionText(conditions: readonly Condition[]): string {
  return conditions.map((c) => `${NAMES[c.field] ?? c.field} is ${c.is}, it wants ${c.wants}`).join("; ");
}
