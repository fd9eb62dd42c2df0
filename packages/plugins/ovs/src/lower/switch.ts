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
} from "@plumbline/model";
import type { OvsGroup, PortRef, TableRef } from "../ast.js";
import type { ActionSetStates } from "./actionSetStates.js";
import { type Bridge, findPort } from "./bridges.js";

const IN_PORT = field("in_port").word;
/** What a look-up by the original tuple reads in place of the packet's (lib/flow.c, tuple_swap_flow). */
export const CT_TUPLE: readonly (readonly [string, string])[] = [
  ["ip_proto", "ct_nw_proto"],
  ["ip_src", "ct_nw_src"],
  ["ip_dst", "ct_nw_dst"],
  ["ipv6_src", "ct_ipv6_src"],
  ["ipv6_dst", "ct_ipv6_dst"],
  ["tp_src", "ct_tp_src"],
  ["tp_dst", "ct_tp_dst"],
];
const SWAPPED = new Map(
  CT_TUPLE.flatMap(([from, to]) => {
    const f = field(from);
    const c = field(to);
    return Array.from({ length: f.words }, (_, i) => [[f.word + i, c.word + i] as const, [c.word + i, f.word + i] as const]).flat();
  }),
);

/** How a look-up differs from a plain one. */
type LookUp = { readonly inPort: number } | { readonly ct: true };

export class Switch {
  /** Packets may lose their Ethernet header or gain another in front: rules then ask whether there is one. */
  bareFrames = false;
  private readonly tables = new Map<TableRef, Table>();
  private readonly copies = new Map<string, { from: Table; to: Table; how: LookUp }>();
  private readonly helpers = new Map<string, Table>();
  private readonly groupTables = new Map<string, Table>();
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
    /**
     * The bridge is lowered for a trace as the switch itself makes it: both ways of `check_pkt_larger`, each bucket as a clone, groups
     * that lead back to themselves, and nothing learned beforehand.
     */
    readonly traced: boolean = false,
    /** What kind of decision its tables are, for the reader: OpenFlow, or logical flows that stand in for it. */
    readonly stage: "openflow" | "logical" = "openflow",
  ) {}

  table(ref: TableRef): Table {
    let t = this.tables.get(ref);
    if (!t) this.tables.set(ref, (t = this.net.table(this.device, String(ref), this.stage, "priority")));
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
    if (!c) this.copies.set(name, (c = { from, to: this.net.table(this.device, name, this.stage, "priority"), how }));
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
    if (!this.exitTable) {
      this.exitTable = this.net.table(this.device, "exit", this.stage, "priority");
      if (this.endOfPipeline) this.exitTable.miss = [this.endOfPipeline];
    }
    return { op: "goto", table: this.exitTable.id, unwind: true };
  }

  /** Which OpenFlow table a table of the network stands for. */
  numberedTables(): (readonly [table: Table, of: TableRef])[] {
    const refs = new Map([...this.tables].map(([ref, t]) => [t, ref] as const));
    return [...[...refs].map(([t, ref]) => [t, ref] as const), ...[...this.copies.values()].map((c) => [c.to, refs.get(c.from)!] as const)];
  }

  /** Does `actions` where one of `rows` matches, and goes on behind. The same `name` means the same. */
  when(name: string, rows: readonly Match[], actions: readonly Action[]): Action {
    return this.cases(name, [[rows, actions]]);
  }
  /** Does the actions of the first case that has a matching row, else `otherwise`, and goes on behind. */
  cases(
    name: string,
    cases: readonly (readonly [rows: readonly Match[], actions: readonly Action[]])[],
    otherwise: readonly Action[] = [],
  ): Action {
    let t = this.helpers.get(name);
    if (!t) {
      this.helpers.set(name, (t = this.net.table(this.device, name, this.stage, "priority")));
      for (const [i, [rows, program]] of cases.entries()) this.net.rule(t, { priority: cases.length - i, rows, program });
      t.miss = otherwise;
    }
    return { op: "call", table: t.id };
  }

  /** A program that may lead back to itself: made once, when first asked for. */
  shared(name: string, make: () => readonly Action[]): Action {
    let t = this.groupTables.get(name);
    if (!t) {
      this.groupTables.set(name, (t = this.net.table(this.device, name, this.stage, "priority")));
      t.miss = make();
    }
    return { op: "call", table: t.id };
  }

  /** Goes on with `yes` where one of `rows` matches, else with `no`. Must end its program. */
  branch(name: string, rows: readonly Match[], yes: readonly Action[], no: readonly Action[]): Action {
    const t = this.net.table(this.device, name, this.stage, "priority");
    this.net.rule(t, { priority: 1, rows, program: yes });
    t.miss = no;
    return { op: "call", table: t.id };
  }

  /** Null where no flow of the bridge writes an action set. */
  actionSets: ActionSetStates | null = null;
  /** Behind all tables of the bridge: what the action set holds. */
  get endOfPipeline(): Action | null {
    return this.actionSets?.run ?? null;
  }

  /** The table at which a packet enters, or comes back from connection tracking. */
  entry(ref: TableRef): Table {
    const t = this.table(ref);
    const { endOfPipeline: end } = this;
    if (!end) return t;
    const call = this.shared(`${t.name}, then the action set`, () => [{ op: "call", table: t.id }, end]);
    return this.net.tables[(call as Extract<Action, { op: "call" }>).table];
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

/** The packet's tuple and the connection's change places for the look-up. */
function byOriginalTuple(row: Match): Match | null {
  return row.map((x) => ({ w: SWAPPED.get(x.w) ?? x.w, v: x.v, m: x.m })).sort((a, b) => a.w - b.w);
}
