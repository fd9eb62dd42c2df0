/** Probes of a lab set: what was sent, what happened, and the frames that captures saw of it. */
import { readFileSync } from "node:fs";

/** One captured frame: the first of its kind at that interface. */
export interface Frame {
  /** Host or pod (network namespace) and interface of the capture. */
  readonly at: string;
  readonly if: string;
  /** Microseconds after the probe was sent. */
  readonly us: number;
  readonly eth_src: string;
  readonly eth_dst: string;
  readonly src: string;
  readonly sport: number | null;
  readonly dst: string;
  readonly dport: number | null;
  readonly ttl: number;
  readonly flags?: string;
  readonly icmp_type?: number;
  readonly icmp_code?: number;
  /** The outer header, where the frame was inside geneve. */
  readonly tunnel?: {
    readonly src: string;
    readonly dst: string;
    readonly vni: number;
    readonly options: string;
    readonly eth_dst: string;
  };
}

export interface Probe {
  readonly id: number;
  readonly ns: string;
  readonly from: string;
  readonly class: string;
  readonly proto: "tcp" | "udp" | "icmp";
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly result: "ok" | "refused" | "unreachable" | "timeout" | "reset" | "error";
  /** Name of the socket's error. */
  readonly errno?: string;
  readonly ingress_node?: string | null;
  readonly delivered?: {
    readonly namespace: string;
    readonly pod: string;
    readonly node: string;
    readonly src: string;
    readonly sport: number;
    readonly dst: string;
    readonly dport: number;
  };
  readonly hops: readonly Frame[];
  readonly reply_hops: readonly Frame[];
}

export function readProbes(path: string): Probe[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((l) => JSON.parse(l) as Probe);
}

/** The sender's kind: its name says it, as pods are NAMESPACE/NAME and a node is any host of its own. */
export function senderKind(from: string): string {
  if (from.includes("/")) return "pod";
  return ["client", "router", "upstream"].includes(from) ? from : "node";
}

/** The packet as `trace` takes it. */
export function packetOf(p: Probe): string {
  return p.proto === "icmp" ? `icmp ${p.src}:${p.sport} > ${p.dst}` : `${p.proto} ${p.src}:${p.sport} > ${p.dst}:${p.dport}`;
}
