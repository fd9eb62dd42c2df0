/**
 * Our side: what a bridge's own dumps become when they are read, lowered and run.
 *
 * Packets run on the core and on the reference interpreter, whose events must be the same; the connections are the
 * interpreter's. A packet's first registers and connection fields, which no link can carry, are set by a table before the
 * bridge's first, told apart by the packet's length.
 */
import { Core } from "@plumbline/core-wasm";
import {
  type Action,
  type Conn,
  type Device,
  EV,
  type Event,
  FIELDS,
  getBig,
  Interpreter,
  ipv4Text,
  ipv6Text,
  matchField,
  type NetworkBuilder,
  newRow,
  type Problem,
  type Row,
  type RunOptions,
  SPAWN,
  set,
  slice,
  type TableId,
  type Tuple,
} from "@plumbline/model";
import ovs from "@plumbline/plugin-ovs";
import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import type { Pass } from "./trace-text.js";

const OPTIONS: RunOptions = { script: [], beyond: "first" };
/** Lengths that tell packets with a state to begin with. No frame here is as long. */
const FIRST_LENGTH = 40_000;
const STATE_FIELDS = FIELDS.filter((f) => (f.cls === "device" || f.cls === "tunnel") && f.name !== "in_port" && !/^x+reg/.test(f.name));

/** What a bridge's commands printed. */
export interface BridgeEvidence {
  readonly show: string;
  readonly ports: string;
  readonly flows: string;
  readonly groups: string;
  readonly fdb: string;
  readonly version: string;
}

/** What one packet met. */
export interface Result {
  readonly passes: readonly Pass[];
  /** ct_state that each `ct` with a table gave, in order of the passes they begin. */
  readonly states: readonly number[];
  /** Packets that left, with their port. */
  readonly left: readonly { readonly port: number; readonly row: Row }[];
}

let core: Core | undefined;

export class Mirror {
  readonly problems: readonly Problem[];
  private readonly net: NetworkBuilder;
  private readonly device: Device;
  private readonly entry: TableId;
  private interpreter!: Interpreter;

  constructor(evidence: BridgeEvidence) {
    const read = readFiles([ovs], {
      // A dummy datapath tracks connections as the userspace datapath does.
      "node/ovs/ovs-vsctl_show": evidence.show.replaceAll("datapath_type: dummy", "datapath_type: netdev"),
      "node/ovs/ovs-ofctl_dump-ports-desc_br0": evidence.ports,
      [`node/ovs/ovs-ofctl_-O_${evidence.version}_dump-flows_br0`]: evidence.flows,
      "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-groups_br0": evidence.groups,
      "node/ovs/ovs-appctl_fdb_show_br0": evidence.fdb,
    });
    const lowered = lowerFacts([ovs], read.facts);
    this.problems = [...read.problems, ...lowered.problems];
    this.net = lowered.net;
    this.device = this.net.devices[0];
    this.entry = this.device.entry;
  }

  /** Makes the machines ready for these packets, without connections. */
  begin(packets: readonly Row[]): void {
    const { device, entry } = this;
    const first = this.net.table(device, "packets to begin with", "", "priority");
    packets.forEach((p, i) => {
      const sets: Action[] = STATE_FIELDS.filter((f) => getBig(p, f.name) !== 0n).map((f) => ({
        op: "set",
        dst: slice(f.name),
        value: getBig(p, f.name),
      }));
      if (sets.length > 0)
        this.net.rule(first, {
          priority: 1,
          rows: [matchField([], "packet_len", FIRST_LENGTH + i)],
          program: [...sets, { op: "goto", table: entry }],
        });
    });
    first.miss = [{ op: "goto", table: entry }];
    device.entry = first.id;
    this.interpreter = new Interpreter(this.net);
    if (core) core.load(this.net);
    else core = Core.createSync(this.net, { connections: 4096 });
  }

  /** The flows as rules, for making packets that meet them. */
  get network(): NetworkBuilder {
    return this.net;
  }

  /** Forgets all connections. */
  reset(): void {
    this.interpreter.reset();
    core!.reset();
  }

  /** Runs a packet; `index` tells its place among those given to `begin`. */
  run(packet: Row, index: number): Result {
    const row = packet.slice();
    if (hasState(row)) set(row, "packet_len", FIRST_LENGTH + index);
    const port = Number(getBig(row, "in_port"));
    const events = core!.run(row, this.device.id, port, OPTIONS);
    const reference = this.interpreter.run(row, this.device.id, port, OPTIONS);
    if (!sameEvents(events, reference)) throw new Error("the core and the reference interpreter disagree");
    return this.result(events);
  }

  /** The connections as `dpctl/dump-conntrack` prints them, without protocol states, sorted. */
  connections(): string[] {
    return this.interpreter.connections(0).map(connectionLine).sort();
  }

  /**
   * Two connections of a zone have a tuple in common, or one has the same both ways. Which one a packet then meets depends on
   * the order of a chain in the switch's hash table.
   */
  get ambiguous(): boolean {
    const tuples = this.interpreter.connections(0).flatMap((c) => [
      { zone: c.zone, t: c.orig, answer: false },
      { zone: c.zone, t: c.reply, answer: c.orig.proto === 1 || c.orig.proto === 58 },
    ]);
    const names = tuples.map((x) => [x.zone, x.t.v6, x.t.proto, x.t.src, x.t.dst, x.t.sport, x.t.dport, x.answer].join());
    return new Set(names).size < names.length;
  }

  private result(events: readonly Event[]): Result {
    const byThread = new Map<number, Event[]>();
    for (const e of events) byThread.set(e.thread, [...(byThread.get(e.thread) ?? []), e]);
    const queue: { thread: number; state: number }[] = [{ thread: 0, state: -1 }];
    const passes: Pass[] = [];
    const states: number[] = [];
    const left: { port: number; row: Row }[] = [];
    for (let at = queue.shift(); at; at = queue.shift()) {
      const pass = { hits: [] as string[], outputs: [] as number[], zones: [] as number[] };
      if (at.state >= 0) states.push(at.state);
      // A clone runs where it stands in the switch, and after its thread here.
      const walk = (thread: number): void => {
        let state = 0;
        for (const e of byThread.get(thread) ?? []) {
          const table =
            e.kind === EV.hit || e.kind === EV.miss
              ? /^(\d+)(?: as port \d+| by the original tuple)?$/.exec(this.net.tables[e.a].name)
              : null;
          if (table) pass.hits.push(`${table[1]}/${e.kind === EV.miss ? "none" : `0x${(this.net.rules[e.b].cookie ?? 0n).toString(16)}`}`);
          if (e.kind === EV.output) {
            pass.outputs.push(e.a);
            left.push({ port: e.a, row: e.row });
          }
          if (e.kind === EV.ct) {
            pass.zones.push(e.b);
            state = e.a;
          }
          if (e.kind === EV.spawn && e.a === SPAWN.clone) walk(e.b);
          if (e.kind === EV.spawn && e.a === SPAWN.fork) queue.push({ thread: e.b, state });
        }
      };
      walk(at.thread);
      passes.push(pass);
    }
    return { passes, states, left };
  }
}

function hasState(row: Row): boolean {
  return STATE_FIELDS.some((f) => getBig(row, f.name) !== 0n);
}
/** The row with its header and inner fields alone. */
export function headersOf(row: Row): Row {
  const out = newRow();
  for (const f of FIELDS) if (f.cls === "header" || f.cls === "inner") set(out, f.name, getBig(row, f.name));
  return out;
}

function sameEvents(a: readonly Event[], b: readonly Event[]): boolean {
  return (
    a.length === b.length &&
    a.every((x, i) => {
      const y = b[i];
      const same = x.kind === y.kind && x.thread === y.thread && x.a === y.a && x.b === y.b && x.c === y.c;
      return same && x.row.every((w, j) => w === y.row[j]);
    })
  );
}

const PROTOCOL: Record<number, string> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp" };

function tupleText(t: Tuple, reply: boolean): string {
  const address = t.v6 ? ipv6Text : ipv4Text;
  const ends = `src=${address(t.src)},dst=${address(t.dst)}`;
  if (t.proto === 1 || t.proto === 58) {
    const type = t.proto === 1 ? (reply ? 0 : 8) : reply ? 129 : 128;
    return `${ends},id=${t.sport},type=${type},code=0`;
  }
  return `${ends},sport=${t.sport},dport=${t.dport}`;
}
function connectionLine(c: Conn): string {
  const parts = [
    PROTOCOL[c.orig.proto] ?? String(c.orig.proto),
    `orig=(${tupleText(c.orig, false)})`,
    `reply=(${tupleText(c.reply, true)})`,
  ];
  if (c.zone !== 0) parts.push(`zone=${c.zone}`);
  if (c.mark !== 0) parts.push(`mark=${c.mark}`);
  if (c.label !== 0n) parts.push(`labels=0x${c.label.toString(16)}`);
  return parts.join(",");
}
