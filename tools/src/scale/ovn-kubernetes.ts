/**
 * A synthetic southbound database of OVN-Kubernetes: a join switch, a cluster router, and for each node a switch, a gateway router
 * and an external switch, with pods, Services (load balancers of all nodes) and network policies.
 *
 * The flows are those that ovn-northd 23.03 makes of such a topology, by templates (tools/data/ovn-kubernetes-flows.txt), with
 * datapath groups as northd makes them. So packets go their whole way through it. The same numbers give the same database.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { SouthboundRow } from "../oracle/ovn/southbound-file.js";
import { Random } from "../oracle/random.js";
import { namesOf, podOf, vipOf } from "./addresses.js";

export interface ClusterSize {
  readonly nodes: number;
  readonly services: number;
  /** Rows of Logical_Flow: pods are added until there are as many. */
  readonly flows: number;
  readonly policies: number;
}

interface Template {
  readonly kind: string;
  readonly pipeline: string;
  readonly table: number;
  readonly stage: string;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

const TEMPLATES = new URL("../../data/ovn-kubernetes-flows.txt", import.meta.url);
/** Backends of one Service. */
const BACKENDS = 3;
/** Pods that one policy selects, and nodes that they are on. */
const SELECTED = 20;
const SPREAD = 10;

function readTemplates(): ReadonlyMap<string, readonly Template[]> {
  const out = new Map<string, Template[]>();
  for (const line of readFileSync(TEMPLATES, "utf8").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [kind, pipeline, table, stage, priority, match, actions] = line.split("\t");
    const t = { kind, pipeline, table: Number(table), stage, priority: Number(priority), match, actions };
    out.set(kind, [...(out.get(kind) ?? []), t]);
  }
  return out;
}

const filled = (text: string, names: Readonly<Record<string, string>>) =>
  text.includes("{") ? text.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole) : text;

const set = (items: readonly unknown[]) => (items.length === 1 ? items[0] : ["set", items]);
const map = (pairs: Readonly<Record<string, string>>) => ["map", Object.entries(pairs)];
const ref = (uuid: string) => ["uuid", uuid];
const EMPTY_SET = ["set", []];

class Cluster {
  private readonly random = new Random(1);
  private readonly templates = readTemplates();
  private count = 0;
  private keys = 0;
  private readonly datapaths = new Map<string, { uuid: string; key: number; ports: number; rows: { uuid: string }[] }>();
  private readonly groups = new Map<string, string>();
  private readonly ports = new Map<string, string>();
  /** Rows besides flows. */
  readonly others: SouthboundRow[] = [];
  flows = 0;

  constructor(private readonly size: ClusterSize) {
    this.topology();
  }

  private uuid(): string {
    const h = createHash("sha1")
      .update(`row ${this.count++}`)
      .digest("hex");
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
  }
  private row(table: string, columns: Record<string, unknown>): string {
    const uuid = this.uuid();
    this.others.push({ table, uuid, columns });
    return uuid;
  }
  private datapath(name: string, kind: "logical-switch" | "logical-router"): void {
    const key = ++this.keys;
    const uuid = this.row("Datapath_Binding", { tunnel_key: key, external_ids: map({ name, [kind]: this.uuid() }) });
    this.datapaths.set(name, { uuid, key, ports: 0, rows: [] });
  }
  private port(datapath: string, name: string, type: string, mac: string, options: Record<string, string> = {}, security = ""): void {
    const dp = this.datapaths.get(datapath)!;
    const uuid = this.row("Port_Binding", {
      datapath: ref(dp.uuid),
      logical_port: name,
      type,
      tunnel_key: ++dp.ports,
      mac: mac === "" ? EMPTY_SET : mac,
      options: map(options),
      port_security: security === "" ? EMPTY_SET : security,
      external_ids: map({}),
    });
    dp.rows.push({ uuid });
    this.ports.set(name, datapath);
  }
  private group(names: readonly string[]): string {
    const key = names.join();
    let g = this.groups.get(key);
    if (!g) {
      g = this.row("Logical_DP_Group", { datapaths: set(names.map((n) => ref(this.datapaths.get(n)!.uuid))) });
      this.groups.set(key, g);
    }
    return g;
  }

  private topology(): void {
    const { nodes } = this.size;
    this.row("SB_Global", { options: map({ northd_internal_version: "23.03.1-20.27.0-70.6", svc_monitor_mac: "0a:58:a9:fe:01:01" }) });
    this.row("Address_Set", { name: "svc_monitor_mac", addresses: "0a:58:a9:fe:01:01" });
    this.datapath("ovn_cluster_router", "logical-router");
    this.datapath("join", "logical-switch");
    this.port("ovn_cluster_router", "rtoj-ovn_cluster_router", "patch", "0a:58:64:40:00:01 100.64.0.1/16", {
      peer: "jtor-ovn_cluster_router",
    });
    this.port("join", "jtor-ovn_cluster_router", "patch", "router", { peer: "rtoj-ovn_cluster_router" });
    for (let i = 0; i < nodes; i++) {
      const n = namesOf(i);
      const { node } = n;
      this.datapath(node, "logical-switch");
      this.datapath(`GR_${node}`, "logical-router");
      this.datapath(`ext_${node}`, "logical-switch");
      const chassis = { "l3gateway-chassis": node };
      this.port("ovn_cluster_router", `rtos-${node}`, "patch", `${n.gatewayMac} ${n.gateway}/23`, { peer: `stor-${node}` });
      this.port("ovn_cluster_router", `cr-rtos-${node}`, "chassisredirect", `${n.gatewayMac} ${n.gateway}/23`, {
        "distributed-port": `rtos-${node}`,
      });
      this.port(node, `stor-${node}`, "patch", "router", { peer: `rtos-${node}` });
      this.port(node, `k8s-${node}`, "", `${n.managementMac} ${n.management}`);
      this.port("join", `jtor-GR_${node}`, "l3gateway", "router", { peer: `rtoj-GR_${node}`, ...chassis });
      this.port(`GR_${node}`, `rtoj-GR_${node}`, "l3gateway", `${n.joinMac} ${n.join}/16`, { peer: `jtor-GR_${node}`, ...chassis });
      this.port(`GR_${node}`, `rtoe-GR_${node}`, "l3gateway", `${n.hostMac} ${n.host}/16`, { peer: `etor-GR_${node}`, ...chassis });
      this.port(`ext_${node}`, `etor-GR_${node}`, "l3gateway", n.hostMac, { peer: `rtoe-GR_${node}`, ...chassis });
      this.port(`ext_${node}`, `br-ex_${node}`, "localnet", "unknown", { network_name: "physnet" });
      this.row("MAC_Binding", {
        datapath: ref(this.datapaths.get(`GR_${node}`)!.uuid),
        logical_port: `rtoe-GR_${node}`,
        ip: n.uplink,
        mac: "52:54:00:00:00:01",
      });
    }
  }

  /** How many pods a node has, so that there are about as many flows as are asked for. */
  private podsANode(): number {
    const { nodes, services, flows, policies } = this.size;
    const per = (kind: string) => this.templates.get(kind)?.length ?? 0;
    const shared = ["cluster", "join", "nodes", "switches", "routers", "gateways", "outer", "inner", "externals"].reduce(
      (n, k) => n + per(k),
      0,
    );
    const aNode = ["node", "gateway", "external", "node cluster", "node join"].reduce((n, k) => n + per(k), 0);
    const fixed =
      shared + nodes * aNode + nodes * (nodes - 1) * per("pair cluster") + services * (per("service nodes") + per("service gateways"));
    const aPod = per("pod node") + per("pod cluster");
    return Math.min(500, Math.max(2, Math.ceil((flows - fixed - 4 * policies) / nodes / aPod)));
  }

  *logicalFlows(): Generator<SouthboundRow> {
    const { nodes, services } = this.size;
    const names = Array.from({ length: nodes }, (_, i) => namesOf(i));
    const list = (prefix: string) => names.map((n) => `${prefix}${n["node"]}`);
    const join = ["join"];
    const kinds: Record<string, readonly string[]> = {
      nodes: list(""),
      switches: [...list("ext_"), ...join, ...list("")],
      routers: [...list("GR_"), "ovn_cluster_router"],
      gateways: list("GR_"),
      outer: [...list("ext_"), ...join],
      inner: [...join, ...list("")],
      externals: list("ext_"),
      cluster: ["ovn_cluster_router"],
      join,
    };
    for (const [kind, of] of Object.entries(kinds)) yield* this.made(kind, of, {});
    const pods = this.podsANode();
    for (let i = 0; i < nodes; i++) {
      const n = names[i];
      const node = n["node"];
      yield* this.made("node", [node], n);
      yield* this.made("gateway", [`GR_${node}`], n);
      yield* this.made("external", [`ext_${node}`], n);
      yield* this.made("node cluster", ["ovn_cluster_router"], n);
      yield* this.made("node join", ["join"], n);
      for (let k = 0; k < nodes; k++)
        if (k !== i) yield* this.made("pair cluster", ["ovn_cluster_router"], { ...n, other: names[k]["node"] });
      for (let k = 0; k < pods; k++) {
        const pod = podOf(i, k);
        this.port(node, pod.pod, "", `${pod.podMac} ${pod.podIp}`, {}, `${pod.podMac} ${pod.podIp}`);
        yield* this.made("pod node", [node], { ...n, ...pod });
        yield* this.made("pod cluster", ["ovn_cluster_router"], { ...n, ...pod });
      }
    }
    for (let s = 0; s < services; s++) {
      const { vip, port } = vipOf(s);
      const backends = Array.from({ length: BACKENDS }, () => `${podOf(this.random.int(nodes), this.random.int(pods)).podIp}:8080`).join(
        ",",
      );
      yield* this.made("service nodes", kinds["nodes"], { vip, port, backends });
      yield* this.made("service gateways", kinds["gateways"], { vip, port, backends });
      this.row("Load_Balancer", {
        name: `Service_ns-${s % 997}/service-${s}_TCP_cluster`,
        protocol: "tcp",
        vips: map({ [`${vip}:${port}`]: backends }),
        datapath_group: ref(this.group(kinds["nodes"])),
        options: map({ hairpin_snat_ip: "169.254.0.5 fd69::5", reject: "true" }),
      });
    }
    for (let p = 0; p < this.size.policies; p++) yield* this.policy(p, pods);
    this.multicast();
  }

  private *made(kind: string, of: readonly string[], names: Readonly<Record<string, string>>): Generator<SouthboundRow> {
    for (const t of this.templates.get(kind) ?? []) yield this.flow(of, t, filled(t.match, names), filled(t.actions, names));
  }

  private flow(of: readonly string[], t: Omit<Template, "kind" | "match" | "actions">, match: string, actions: string): SouthboundRow {
    this.flows++;
    const uuid = this.uuid();
    return {
      table: "Logical_Flow",
      uuid,
      columns: {
        actions,
        external_ids: map({ source: "northd.c:1", "stage-hint": uuid.slice(0, 8), "stage-name": t.stage }),
        logical_datapath: of.length === 1 ? ref(this.datapaths.get(of[0])!.uuid) : EMPTY_SET,
        logical_dp_group: of.length === 1 ? EMPTY_SET : ref(this.group(of)),
        match,
        pipeline: t.pipeline,
        priority: t.priority,
        table_id: t.table,
      },
    };
  }

  /** Ingress to some pods only from an address set, to one port. */
  private *policy(p: number, pods: number): Generator<SouthboundRow> {
    const { nodes } = this.size;
    const on = this.random
      .sample(
        Array.from({ length: nodes }, (_, i) => i),
        SPREAD,
      )
      .sort((a, b) => a - b);
    const members = Array.from({ length: SELECTED }, (_, i) => podOf(on[i % on.length], this.random.int(pods)).pod);
    const from = Array.from({ length: SELECTED }, () => podOf(this.random.int(nodes), this.random.int(pods)).podIp);
    const [pg, as] = [`a${1e18 + p * 7919}`, `b${1e18 + p * 7919}`];
    this.row("Port_Group", { name: pg, ports: set([...new Set(members)]) });
    this.row("Address_Set", { name: as, addresses: set([...new Set(from)]) });
    const of = [...new Set(members.map((m) => this.ports.get(m)!))];
    const at = { pipeline: "egress", table: 4, stage: "ls_out_acl" };
    const rule = `(ip4 && tcp && tcp.dst==8080 && ip4.src == $${as} && outport == @${pg})`;
    yield this.flow(of, { ...at, priority: 2001 }, `reg0[7] == 1 && ${rule}`, "reg0[1] = 1; next;");
    yield this.flow(of, { ...at, priority: 2001 }, `reg0[8] == 1 && ${rule}`, "next;");
    yield this.flow(
      of,
      { ...at, priority: 2000 },
      `reg0[10] == 1 && (outport == @${pg})`,
      "ct_commit { ct_mark.blocked = 1; }; /* drop */",
    );
    yield this.flow(of, { ...at, priority: 2000 }, `reg0[9] == 1 && (outport == @${pg})`, "/* drop */");
  }

  private multicast(): void {
    const add = (name: string, key: number, dp: { uuid: string }, ports: readonly { uuid: string }[]) =>
      this.row("Multicast_Group", { name, tunnel_key: key, datapath: ref(dp.uuid), ports: set(ports.map((p) => ref(p.uuid))) });
    for (const [name, dp] of this.datapaths) {
      if (name === "ovn_cluster_router" || name.startsWith("GR_")) continue;
      add("_MC_flood", 32768, dp, dp.rows);
      add("_MC_flood_l2", 32773, dp, name.startsWith("ext_") || name === "join" ? dp.rows : dp.rows.slice(1));
      if (name.startsWith("ext_")) add("_MC_unknown", 32769, dp, dp.rows.slice(-1));
    }
  }
}

/** All rows: the flows first, as a stream, then what they refer to. */
export function* clusterRows(size: ClusterSize): Generator<SouthboundRow> {
  const cluster = new Cluster(size);
  yield* cluster.logicalFlows();
  yield* cluster.others;
}
