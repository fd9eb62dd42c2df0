/**
 * Logical flows and load balancers as rules of their own, where the OpenFlow that OVN makes of them is not in evidence.
 *
 * This is no run of OVN's pipelines. It keeps what a paste of a few lines still tells: which logical flow takes a
 * destination, and what it is translated to. Such rules stand on devices that no link leads to (kind `logical`, one a
 * logical datapath), each table is one stage, and only conditions on the packet's headers are asked. They are found where
 * a packet's way is unknown, and what they say is *assumed* there.
 *
 * Taken: flows whose match is a plain conjunction with `ip4.dst == ADDRESS`, and virtual addresses of load balancers that no
 * such flow has. Not taken: disjunctions, sets, negated header conditions, IPv6, templates; their number is reported.
 */
import {
  type Action,
  type Device,
  ipv4Number,
  type LowerContext,
  type Match,
  matchField,
  type NetworkBuilder,
  type Origin,
  type Rule,
  type Table,
} from "@plumbline/model";
import { protocolOf, splitVip } from "./balancers.js";
import { type Lflow, rows, type Zone, zones } from "./database.js";
import { conjunctionOf, type HeaderTerms } from "./match.js";
import { asMap, asText } from "./values.js";

/** What a rule of a logical device was made from, for the annotator. */
type LogicalSource =
  | { readonly kind: "lflow"; readonly zone: Zone; readonly lflow: Lflow; readonly datapath: string }
  | { readonly kind: "balancer"; readonly lb: ReturnType<typeof rows>[number]; readonly key: string; readonly backends: string };

const SOURCES = new WeakMap<Rule, LogicalSource>();

export function logicalSource(rule: Rule): LogicalSource | undefined {
  return SOURCES.get(rule);
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Stage `linked`: by then every switch that packets can run through is there. */
export function lowerLogical(ctx: LowerContext): void {
  const walkable = new Set(
    ctx.net.devices.filter((d) => d.kind === "bridge" && (ctx.net.tables[d.entry]?.rules.length ?? 0) > 0).map((d) => d.host),
  );
  for (const [host, zone] of zones(ctx.facts)) {
    // A zone of its own is one node's; the cluster's serves all nodes.
    if (host === "" ? walkable.size > 0 : walkable.has(host)) continue;
    new LogicalDevices(ctx, zone).lower();
  }
}

class LogicalDevices {
  private readonly net: NetworkBuilder;
  private readonly tracker: number;
  private readonly tables = new Map<string, Table>();
  /** Destinations that a logical flow has: "192.0.2.1 80". */
  private readonly taken = new Set<string>();
  private left: Origin[] = [];

  constructor(
    private readonly ctx: LowerContext,
    private readonly zone: Zone,
  ) {
    this.net = ctx.net;
    this.tracker = ctx.net.tracker(`${zone.host === "" ? "" : `${zone.host}/`}logical`, "userspace");
  }

  lower(): void {
    for (const l of [...this.zone.lflows].sort(byPipeline)) this.lflow(l);
    for (const lb of rows(this.zone, "northbound", "Load_Balancer")) this.balancer(lb);
    if (this.left.length === 0) return;
    const [first] = this.left;
    this.ctx.problem({
      severity: "info",
      file: first.file,
      line: first.line,
      message: `${this.left.length === 1 ? "this logical flow or virtual address names" : `this and ${this.left.length - 1} more logical flows or virtual addresses name`} no single IPv4 destination; only what does is looked at, because OVN's pipelines are not run without their OpenFlow`,
      hint: "Collect `ovs-ofctl -O OpenFlow15 dump-flows br-int` of the node.",
    });
  }

  private lflow(l: Lflow): void {
    const [datapath, origin] = l.at.entries().next().value ?? ["", null];
    if (!origin) return;
    const terms = conjunctionOf(l.match);
    if (terms?.address === undefined) {
      // What translates sources on the way out is told with the flow that asks for it (annotate.ts).
      if (!/^lr_out_.*snat$/.test(l.stage)) this.left.push(origin);
      return;
    }
    const row = rowOf(terms);
    if (!row) return;
    this.taken.add(`${terms.address} ${terms.port ?? ""}`);
    const table = this.table(l.at.size > 1 ? "" : datapath, l.stage);
    const rule = this.net.rule(table, {
      priority: l.priority,
      rows: [row],
      program: this.program(l.actions),
      origin,
      certainty: "inferred",
      why: this.physical(l),
    });
    SOURCES.set(rule, { kind: "lflow", zone: this.zone, lflow: l, datapath });
  }

  /** What is known of the OpenFlow that OVN makes of a logical flow. */
  private physical(l: Lflow): string {
    const cookie = l.uuid === "" ? undefined : BigInt(`0x${l.uuid.slice(0, 8)}`);
    const flow = cookie === undefined ? undefined : this.net.rules.find((r) => r.cookie === cookie && this.isHere(r));
    return flow?.origin
      ? `a logical flow; OVN made the flow at ${flow.origin.file}:${flow.origin.line} of it`
      : "a logical flow; the OpenFlow that OVN makes of it is not in evidence";
  }

  private isHere(r: Rule): boolean {
    const d = this.net.devices[this.net.tables[r.table]!.device]!;
    return d.kind === "bridge" && (this.zone.host === "" || d.host === this.zone.host);
  }

  private balancer(lb: ReturnType<typeof rows>[number]): void {
    const name = asText(lb.columns["name"]);
    for (const [key, value] of Object.entries(asMap(lb.columns["vips"]))) {
      const vip = splitVip(key);
      if (this.taken.has(`${vip.address} ${vip.port === 0 ? "" : vip.port}`)) continue;
      const protocol = protocolOf(lb);
      const row = rowOf({
        address: vip.address,
        port: vip.port === 0 ? undefined : vip.port,
        protocol: protocol === "" ? undefined : protocol,
      });
      if (!row) {
        this.left.push(lb.origin);
        continue;
      }
      const backends = String(value);
      const rule = this.net.rule(this.table("load balancers", `load balancer ${name}`), {
        rows: [row],
        program: backends === "" ? [{ op: "note", text: "no backend: a connection is refused (reject)" }] : this.chooseOf(backends),
        origin: { ...lb.origin, text: `"${key}" : "${backends}" of load balancer ${name}` },
        certainty: "inferred",
        why: "a load balancer; which datapaths use it and the flows OVN makes of it are not in evidence",
      });
      SOURCES.set(rule, { kind: "balancer", lb, key, backends });
    }
  }

  /** The table of a stage on a datapath's device; both are made when first asked for. */
  private table(datapath: string, stage: string): Table {
    const key = `${datapath} ${stage}`;
    let t = this.tables.get(key);
    if (!t) this.tables.set(key, (t = this.net.table(this.device(datapath), stage, "logical", "priority")));
    return t;
  }

  private device(datapath: string): Device {
    const host = this.zone.host === "" ? hostIn(this.ctx, datapath) : this.zone.host;
    const name = `${host === "" ? "" : `${host}/`}${datapath === "" ? "logical flows" : datapath}`;
    const known = this.net.findDevice(name);
    if (known?.kind === "logical") return known;
    const d = this.net.device({ name: known ? `logical ${name}` : name, kind: "logical", host, node: this.ctx.nodeOf(host) || host });
    const entry = this.net.table(d, "entry", "logical", "priority");
    entry.miss = [
      { op: "unknown", why: `only some logical flows of ${name} are in evidence`, command: "ovn-sbctl --uuid lflow-list", on: host },
    ];
    d.entry = entry.id;
    return d;
  }

  /** What the flow translates the destination to; all else it does is a note. */
  private program(actions: string): Action[] {
    const balanced = /\bct_lb(?:_mark)?\(backends=([^;)]*)/.exec(actions)?.[1];
    if (balanced !== undefined) return this.chooseOf(balanced);
    const nat = /\bct_([sd])nat(?:_in_czone)?\(([\d.]+)(?:,\s*(\d+)(?:-\d+)?)?\)/.exec(actions);
    const min = nat ? ipv4Number(nat[2]!) : null;
    if (nat && min !== null) return [this.translate(nat[1] === "s" ? "src" : "dst", BigInt(min), nat[1] === "s" ? 0 : Number(nat[3] ?? 0))];
    return [{ op: "note", text: actions }];
  }

  private chooseOf(backends: string): Action[] {
    const options = backends
      .split(",")
      .map((b) => splitVip(b.trim()))
      .flatMap((b): Action[][] => {
        const address = ipv4Number(b.address);
        return address === null ? [] : [[this.translate("dst", BigInt(address), b.port)]];
      });
    if (options.length === 0) return [{ op: "note", text: `backends ${backends}` }];
    return options.length === 1 ? options[0]! : [{ op: "choose", how: "dp_hash", weights: options.map(() => 1), options }];
  }

  private translate(type: "src" | "dst", min: bigint, port: number): Action {
    const range = { min, max: min, ...(port > 0 ? { portMin: port, portMax: port } : {}) };
    return { op: "ct", tracker: this.tracker, zone: 0, commit: true, force: false, nat: { type, range }, exec: [], resume: null };
  }
}

/** Routers before switches, ingress before egress, table by table: the order in which a packet from outside meets them. */
function byPipeline(a: Lflow, b: Lflow): number {
  const rank = (l: Lflow) => (l.stage.startsWith("lr_") ? 0 : 2) + (l.pipeline === "egress" ? 1 : 0);
  return rank(a) - rank(b) || a.table - b.table || b.priority - a.priority;
}

function rowOf(t: Partial<HeaderTerms>): Match | null {
  const address = ipv4Number(t.address ?? "");
  if (address === null) return null;
  let m = matchField(matchField([], "eth_type", 0x0800), "ip_dst", address);
  if (t.protocol !== undefined) {
    const number = PROTOCOLS[t.protocol];
    if (number === undefined) return null;
    m = matchField(m, "ip_proto", number);
  }
  return t.port === undefined ? m : matchField(m, "tp_dst", t.port);
}

/** The evidence host that a datapath of a cluster-wide zone is of, by its name: GR_HOST, ext_HOST, HOST; "" if it is none's. */
function hostIn(ctx: LowerContext, datapath: string): string {
  const node = datapath.replace(/^(GR|ext|join)_/, "");
  if (node === "") return "";
  return ctx.facts.hosts().find((h) => h !== "" && (h === node || ctx.nodeOf(h) === node)) ?? "";
}
