/**
 * One bridge while it is lowered: its device, its tables by OpenFlow number, and what its actions refer to.
 *
 * Tables are made when first named, so that every table a flow points to exists. A `resubmit` that looks up as another
 * port, or by the connection's original tuple, changes the packet for the look-up alone (ofproto-dpif.c,
 * rule_dpif_lookup_from_table): it goes to a copy of the table in which that condition is already decided.
 */
import {
  type Action,
  type Device,
  field,
  type Match,
  type NetworkBuilder,
  type PuntInterpreter,
  type Rule,
  type Table,
  type WordMatch,
} from "@plumbline/model";
import type { OvsGroup, PortRef, TableRef } from "../ast.js";
import { type Bridge, findPort } from "./bridges.js";

const IN_PORT = field("in_port").word;
/** What a look-up by the original tuple reads in place of the packet's (lib/flow.c, tuple_swap_flow). */
const CT_FIELDS: readonly (readonly [string, string])[] = [
  ["ip_proto", "ct_nw_proto"],
  ["ip_src", "ct_nw_src"],
  ["ip_dst", "ct_nw_dst"],
  ["ipv6_src", "ct_ipv6_src"],
  ["ipv6_dst", "ct_ipv6_dst"],
  ["tp_src", "ct_tp_src"],
  ["tp_dst", "ct_tp_dst"],
];
const CT_WORDS = new Map(
  CT_FIELDS.flatMap(([from, to]) => {
    const f = field(from);
    return Array.from({ length: f.words }, (_, i) => [f.word + i, field(to).word + i] as const);
  }),
);

/** How a look-up differs from a plain one. */
type LookUp = { readonly inPort: number } | { readonly ct: true };

export class Switch {
  private readonly tables = new Map<TableRef, Table>();
  private readonly copies = new Map<string, { from: Table; to: Table; how: LookUp }>();
  private normalTable: Table | null = null;
  private exitTable: Table | null = null;

  constructor(
    readonly host: string,
    readonly bridge: Bridge,
    readonly device: Device,
    readonly net: NetworkBuilder,
    /** Index of the connection table that `ct` uses. */
    readonly tracker: number,
    readonly groups: ReadonlyMap<number, OvsGroup>,
    /** Whether a dump of groups is in evidence. */
    readonly groupsRead: boolean,
    readonly punts: readonly PuntInterpreter[],
    private readonly makeNormal: (sw: Switch) => Table,
  ) {}

  table(ref: TableRef): Table {
    let t = this.tables.get(ref);
    if (!t) this.tables.set(ref, (t = this.net.table(this.device, String(ref), "openflow", "priority")));
    return t;
  }
  allTables(): IterableIterator<[TableRef, Table]> {
    return this.tables.entries();
  }

  /** The table as seen by a look-up that differs. Filled by {@link fillCopies}. */
  lookUp(ref: TableRef, how: LookUp): Table {
    const from = this.table(ref);
    const name = "ct" in how ? `${from.name} by the original tuple` : `${from.name} as port ${how.inPort}`;
    let c = this.copies.get(name);
    if (!c) this.copies.set(name, (c = { from, to: this.net.table(this.device, name, "openflow", "priority"), how }));
    return c.to;
  }
  /** To be called when all rules are in their tables. */
  fillCopies(): void {
    for (const { from, to, how } of this.copies.values()) {
      for (const r of from.rules) {
        const rows = r.rows.map((row) => ("ct" in how ? byOriginalTuple(row) : asPort(row, how.inPort))).filter((row) => row !== null);
        if (rows.length > 0) this.net.rule(to, copyOf(r, rows));
      }
      to.miss = from.miss;
    }
  }

  /** What `NORMAL` does. */
  normal(): Table {
    return (this.normalTable ??= this.makeNormal(this));
  }

  /** `exit`: no pending look-up goes on. */
  exit(): Action {
    this.exitTable ??= this.net.table(this.device, "exit", "openflow", "priority");
    return { op: "goto", table: this.exitTable.id, unwind: true };
  }

  /** Goes on with `yes` where one of `rows` matches, else with `no`. Must end its program. */
  branch(name: string, rows: readonly Match[], yes: readonly Action[], no: readonly Action[]): Action {
    const t = this.net.table(this.device, name, "openflow", "priority");
    this.net.rule(t, { priority: 1, rows, program: yes });
    t.miss = no;
    return { op: "call", table: t.id };
  }

  portNumber(ref: PortRef): number | undefined {
    return typeof ref === "number" ? ref : findPort(this.bridge, ref)?.number;
  }

  unknown(why: string, command = `ovs-appctl ofproto/trace ${this.bridge.name} PACKET`): Action {
    return { op: "unknown", why, command, on: this.host };
  }
}

function copyOf(r: Rule, rows: readonly Match[]) {
  const { id: _id, table: _table, ...rest } = r;
  return { ...rest, rows };
}

/** The row without its condition on in_port, or null if the port does not meet it. */
function asPort(row: Match, port: number): Match | null {
  const c = row.find((x) => x.w === IN_PORT);
  if (!c) return row;
  return (port & c.m) >>> 0 === c.v ? row.filter((x) => x !== c) : null;
}

function byOriginalTuple(row: Match): Match | null {
  const out = new Map<number, WordMatch>();
  for (const x of row) {
    const w = CT_WORDS.get(x.w) ?? x.w;
    const old = out.get(w);
    // A row may ask for the packet's tuple and the connection's: both then mean the connection's.
    if (old && ((old.v ^ x.v) & old.m & x.m) >>> 0 !== 0) return null;
    out.set(w, old ? { w, v: (old.v | x.v) >>> 0, m: (old.m | x.m) >>> 0 } : { w, v: x.v, m: x.m });
  }
  return [...out.values()].sort((a, b) => a.w - b.w);
}
