/**
 * One logical datapath as a device of the IR: a table for each logical table, ingress and egress, and tables for what logical
 * actions look up. Tables are made when first named.
 */
import {
  type Action,
  type Device,
  type Match,
  matchField,
  type NetworkBuilder,
  type Origin,
  type Rule,
  type Table,
} from "@plumbline/model";
import type { Pipeline } from "../actions/index.js";
import { LOGICAL } from "../expr/index.js";
import { FlowParser, type ParsedFlow } from "./flows.js";
import type { LogicalDatapath, Topology } from "./topology.js";

/** What becomes of actions: the packet's real way through OVN, or what ovn-trace shows of it. */
export interface ActionStyle {
  /** The program of a flow. */
  program(on: LogicalDevice, flow: ParsedFlow): readonly Action[];
  /** The program where no flow matches. */
  miss(on: LogicalDevice, pipeline: Pipeline, table: number): readonly Action[];
}

export interface HelperRule {
  readonly priority: number;
  readonly rows: readonly Match[];
  readonly program: readonly Action[];
  readonly origin?: Origin;
}

export interface HelperTable {
  readonly rules: readonly HelperRule[];
  readonly miss: readonly Action[];
}

export class LogicalDevice {
  private readonly tables = new Map<string, Table>();
  private readonly helpers = new Map<string, Table>();
  /** Names of the tables that have flows which could be used, by `ingress 8`. */
  readonly stages = new Map<string, string>();

  constructor(
    readonly net: NetworkBuilder,
    readonly topology: Topology,
    readonly datapath: LogicalDatapath,
    readonly device: Device,
    private readonly all: ReadonlyMap<LogicalDatapath, LogicalDevice>,
    private readonly common: Map<string, Table>,
  ) {}

  /** The device of another datapath. */
  of(dp: LogicalDatapath): LogicalDevice {
    const d = this.all.get(dp);
    if (!d) throw new Error(`no device for datapath ${dp.uuid}`);
    return d;
  }

  table(pipeline: Pipeline, n: number): Table {
    const key = `${pipeline} ${n}`;
    let t = this.tables.get(key);
    if (!t) {
      t = this.net.table(this.device, key, "logical", "priority");
      this.tables.set(key, t);
    }
    return t;
  }
  allTables(): IterableIterator<[string, Table]> {
    return this.tables.entries();
  }

  /** A table of decisions that are no logical flows, made once a name; the call of it. */
  helper(name: string, make: () => HelperTable): Action {
    return this.made(this.helpers, name, make);
  }

  /** A helper that every datapath has alike: it is made once for all. */
  sharedHelper(name: string, make: () => HelperTable): Action {
    return this.made(this.common, name, make);
  }

  private made(tables: Map<string, Table>, name: string, make: () => HelperTable): Action {
    let t = tables.get(name);
    if (!t) {
      t = this.net.table(this.device, name, "lookup", "priority");
      tables.set(name, t);
      const { rules, miss } = make();
      for (const r of rules) this.net.rule(t, { priority: r.priority, rows: r.rows, program: r.program, origin: r.origin ?? null });
      t.miss = miss;
    }
    return { op: "call", table: t.id };
  }

  /** Enters the datapath: its key in metadata, the port of entry in inport. */
  makeEntry(): void {
    const entry = this.net.table(this.device, "entry", "logical", "priority");
    entry.miss = [
      { op: "set", dst: { field: LOGICAL.datapath, ofs: 0, n: 64 }, value: BigInt(this.datapath.key) },
      { op: "move", src: { field: "in_port", ofs: 0, n: 32 }, dst: { field: LOGICAL.inport, ofs: 0, n: 32 } },
      { op: "call", table: this.table("ingress", 0).id },
    ];
    this.device.entry = entry.id;
  }
}

export interface LogicalPipelines {
  readonly devices: ReadonlyMap<LogicalDatapath, LogicalDevice>;
  readonly parser: FlowParser;
  /** The logical flow behind a rule. */
  flowOf(rule: Rule): { readonly flow: ParsedFlow; readonly on: LogicalDevice } | undefined;
}

/** Lowers every datapath of a topology. */
export function lowerPipelines(
  net: NetworkBuilder,
  topology: Topology,
  style: ActionStyle,
  options: {
    readonly nameOf: (dp: LogicalDatapath) => string;
    readonly host: string;
    readonly isResident: (port: string) => boolean;
    readonly fault: (origin: Origin, message: string) => void;
  },
): LogicalPipelines {
  const devices = new Map<LogicalDatapath, LogicalDevice>();
  const parser = new FlowParser(topology, options.isResident);
  const common = new Map<string, Table>();
  const flows = new Map<number, { flow: ParsedFlow; on: LogicalDevice }>();
  for (const dp of topology.datapaths.values()) {
    const device = net.device({ name: options.nameOf(dp), kind: "logical", host: options.host });
    for (const p of dp.ports)
      if (!device.ports.some((x) => x.number === p.key)) net.port(device, p.key, p.name, { kind: "none" }, p.row.origin);
    devices.set(dp, new LogicalDevice(net, topology, dp, device, devices, common));
  }
  for (const [dp, on] of devices) {
    for (const lflow of dp.lflows) {
      const origin = lflow.at.get(dp.name) ?? [...lflow.at.values()][0];
      const flow = parser.parse(lflow, dp);
      if ("message" in flow) {
        options.fault(origin, `${lflow.match}: ${flow.message}`);
        continue;
      }
      const stage = `${lflow.pipeline} ${lflow.table}`;
      if (!on.stages.has(stage)) on.stages.set(stage, lflow.stage);
      const plain = flow.rows.filter((r) => r.conj.length === 0).map((r) => r.match);
      const table = on.table(lflow.pipeline, lflow.table);
      const spec = { priority: lflow.priority, origin };
      if (plain.length > 0) {
        const rule = net.rule(table, { ...spec, rows: plain, program: style.program(on, flow) });
        flows.set(rule.id, { flow, on });
      }
      for (const r of flow.rows) if (r.conj.length > 0) net.rule(table, { ...spec, rows: [r.match], conj: r.conj, program: [] });
    }
    on.makeEntry();
  }
  for (const on of devices.values())
    for (const [key, t] of on.allTables()) {
      const [pipeline, n] = key.split(" ");
      t.miss = style.miss(on, pipeline as Pipeline, Number(n));
    }
  return { devices, parser, flowOf: (rule) => flows.get(rule.id) };
}

/** A field's value, and the bits of it that count. */
export type FieldValue = readonly [name: string, value: bigint | number, mask?: bigint | number];

/** Rows that match where each of `fields` has its value. */
export function rowOf(...fields: readonly FieldValue[]): Match {
  let m: Match = [];
  for (const [name, value, mask] of fields) m = matchField(m, name, value, mask);
  return m;
}
