/**
 * Dumped connections: the entries of the evidence as the machine's tables take them, each with the line that shows it.
 *
 * With OVS's userspace datapath a host has two trackers, its kernel's (`HOST/linux`) and the switch's (`HOST/ovs`); with the kernel
 * datapath one, which both `conntrack -L` and `dpctl/dump-conntrack` show. An entry in both dumps counts once, and the one with labels
 * wins (`conntrack -L` does not print them). What was translated follows from the two directions: the answer goes to another address
 * or port than the packet came from, or comes from another than it went to.
 */
import {
  type ConnectionFact,
  type ConnectionTuple,
  type Fact,
  type FactBase,
  get,
  getBig,
  ipv4Number,
  ipv6Number,
  type KnownConnection,
  type Network,
  type Origin,
  type Row,
  type Tuple,
} from "@plumbline/model";

export interface DumpedConnections {
  readonly entries: readonly KnownConnection[];
  /** Trackers of which a dump was read, by index. */
  readonly read: ReadonlySet<number>;
  /** The dumped connection that a packet is one of, by the original direction in its ct_ fields. */
  find(tracker: number, zone: number, row: Row): { readonly connection: KnownConnection; readonly origin: Origin } | undefined;
}

/** What the evidence holds of the network's connection tables. */
export function conntrackEntries(facts: FactBase, net: Network): DumpedConnections {
  const trackers = new Map(net.trackers.map((t, i) => [t.name, i]));
  const trackerOf = (host: string, table: ConnectionFact["table"]): number | undefined => {
    const [kernel, own] = [trackers.get(`${host}/linux`), trackers.get(`${host}/ovs`)];
    return table === "kernel" ? kernel : table === "userspace" ? own : (own ?? kernel);
  };
  const known = new Map<string, { connection: KnownConnection; origin: Origin }>();
  for (const f of facts.all("conntrack.entry")) {
    const tracker = trackerOf(f.host, f.data.table);
    const connection = tracker === undefined ? null : connectionOf(f, tracker);
    if (!connection) continue;
    const key = keyOf(connection.tracker, connection.zone, connection.orig);
    const before = known.get(key);
    if (!before || (before.connection.label === 0n && connection.label !== 0n)) known.set(key, { connection, origin: f.origin });
  }
  const read = new Set<number>();
  for (const f of facts.all("conntrack.read")) {
    const tracker = trackerOf(f.host, f.data.table);
    if (tracker !== undefined) read.add(tracker);
  }
  return {
    entries: [...known.values()].map((k) => k.connection),
    read,
    find: (tracker, zone, row) => known.get(keyOf(tracker, zone, originalOf(row))),
  };
}

/** The command that would show a tracker's table. */
export function dumpCommand(tracker: string): string {
  return tracker.endsWith("/ovs") ? "ovs-appctl dpctl/dump-conntrack -m -s" : "conntrack -L -o extended";
}

function keyOf(tracker: number, zone: number, t: Tuple): string {
  return `${tracker} ${zone} ${t.v6 ? 6 : 4} ${t.proto} ${t.src} ${t.dst} ${t.sport} ${t.dport}`;
}

function originalOf(row: Row): Tuple {
  const v6 = get(row, "eth_type") === 0x86dd;
  return {
    v6,
    proto: get(row, "ct_nw_proto"),
    src: getBig(row, v6 ? "ct_ipv6_src" : "ct_nw_src"),
    dst: getBig(row, v6 ? "ct_ipv6_dst" : "ct_nw_dst"),
    sport: get(row, "ct_tp_src"),
    dport: get(row, "ct_tp_dst"),
  };
}

function connectionOf(f: Fact<"conntrack.entry">, tracker: number): KnownConnection | null {
  const { family, proto, zone, mark, label, seenReply, closed } = f.data;
  const orig = tupleOf(f.data.orig, family, proto);
  const reply = tupleOf(f.data.reply, family, proto);
  if (!orig || !reply) return null;
  const echo = proto === (family === 6 ? 58 : 1);
  return {
    tracker,
    zone,
    orig,
    reply,
    natSrc: reply.dst !== orig.src || reply.dport !== orig.sport,
    // An echo's identifier stands at both ends, and is the sender's.
    natDst: reply.src !== orig.dst || (!echo && reply.sport !== orig.dport),
    seenReply,
    closed,
    mark,
    label: BigInt(label),
  };
}

function tupleOf(t: ConnectionTuple, family: 4 | 6, proto: number): Tuple | null {
  const address = (text: string) => {
    const v4 = family === 4 ? ipv4Number(text) : null;
    return family === 6 ? ipv6Number(text) : v4 === null ? null : BigInt(v4);
  };
  const [src, dst] = [address(t.src), address(t.dst)];
  return src === null || dst === null ? null : { v6: family === 6, proto, src, dst, sport: t.sport, dport: t.dport };
}
