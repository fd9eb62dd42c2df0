/**
 * Random Services, as kube-proxy would be told of them by the API server, and what is true of them.
 */
import { createHash } from "node:crypto";
import { address, type Draw } from "../kernel/draw.js";

export interface TestEndpoint {
  readonly ip: string;
  readonly port: number;
  /** On this node. */
  readonly local: boolean;
}

/** One port of a Service. */
export interface TestService {
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly clusterIP: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  /** "" for none. */
  readonly loadBalancer: string;
  readonly externalIP: string;
  /** loadBalancerSourceRanges; none: everybody. */
  readonly sources: readonly string[];
  /** externalTrafficPolicy Local. */
  readonly externalLocal: boolean;
  /** internalTrafficPolicy Local. */
  readonly internalLocal: boolean;
  readonly affinity: boolean;
  readonly endpoints: readonly TestEndpoint[];
}

/** The node: interface 0 leads out, the last to its pods. */
const podInterface = (d: Draw): number => d.interfaces.length - 1;
export const podNetwork = (d: Draw): string => (d.version === 6 ? `fd00:${podInterface(d)}::/64` : `10.${podInterface(d)}.0.0/24`);
export const nodeAddress = (d: Draw): string => (d.version === 6 ? "fd00:0::1" : "10.0.0.1");
export const inText = (ip: string, port: number): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
export const svcPortName = (s: TestService): string => `${s.namespace}/${s.name}${s.portName === "" ? "" : `:${s.portName}`}`;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The first letters of a text's SHA-256 in base 32, as kube-proxy names its chains (portProtoHash and servicePortEndpointChainName). */
export function hashOf(text: string, letters: number): string {
  const digest = createHash("sha256").update(text).digest();
  let bits = 0n;
  for (const byte of digest) bits = (bits << 8n) | BigInt(byte);
  return Array.from({ length: letters }, (_, i) => ALPHABET[Number((bits >> BigInt(256 - 5 * (i + 1))) & 31n)]).join("");
}

/** Endpoints that take part: of external or of internal traffic. */
export function serving(s: TestService, way: "external" | "internal"): readonly TestEndpoint[] {
  const local = way === "external" ? s.externalLocal : s.internalLocal;
  return local ? s.endpoints.filter((e) => e.local) : s.endpoints;
}

export function randomServices(d: Draw): TestService[] {
  const { random: r } = d;
  const six = d.version === 6;
  const pods = podInterface(d);
  return Array.from({ length: r.between(2, 7) }, (_, i) => {
    const public_ = r.chance(0.6);
    const endpoints = Array.from({ length: r.pick([0, 1, 1, 2, 3, 4]) }, (_, k): TestEndpoint => {
      const local = r.chance(0.6);
      const n = 20 + 5 * i + k;
      return {
        ip: local ? (six ? `fd00:${pods}::${n}` : `10.${pods}.0.${n}`) : six ? `fd20::${n}` : `20.0.9.${n}`,
        port: r.pick([8080, 8443, 53]),
        local,
      };
    });
    return {
      namespace: `ns${i % 3}`,
      name: `svc-${i}`,
      portName: r.chance(0.8) ? r.pick(["web", "p80", "dns-tcp"]) : "",
      protocol: r.pick(["tcp", "tcp", "tcp", "udp", "udp", "sctp"] as const),
      clusterIP: six ? `fd96::${i + 5}` : `172.30.0.${i + 5}`,
      port: r.pick([80, 443, 53, 8080]),
      nodePort: public_ && r.chance(0.8) ? 30080 + i : 0,
      loadBalancer: public_ && r.chance(0.6) ? (six ? `fd97::${i + 5}` : `172.31.0.${i + 5}`) : "",
      externalIP: r.chance(0.25) ? (six ? `fd98::${i + 5}` : `172.29.0.${i + 5}`) : "",
      sources: public_ && r.chance(0.25) ? [six ? "fd20::/16" : "20.0.0.0/8"] : [],
      externalLocal: public_ && r.chance(0.45),
      internalLocal: r.chance(0.15),
      affinity: r.chance(0.25),
      endpoints,
    };
  });
}

/** An address that asks: a pod, somebody outside, one of the endpoints, a neighbour. */
export function asker(d: Draw, services: readonly TestService[]): { readonly ip: string; readonly in: string | null } {
  const { random: r } = d;
  const [out, pods] = [d.interfaces[0], d.interfaces[podInterface(d)]];
  const local = services.flatMap((s) => s.endpoints).filter((e) => e.local);
  const kind = r.fraction();
  if (kind < 0.15) return { ip: nodeAddress(d), in: null };
  if (kind < 0.4) return { ip: address(d, "near", podInterface(d)), in: pods };
  if (kind < 0.55 && local.length > 0) return { ip: r.pick(local).ip, in: pods };
  return { ip: address(d, r.chance(0.7) ? "far" : "near", 0), in: out };
}
