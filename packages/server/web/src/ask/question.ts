/** What the form asks for, and the packet that it makes of it, in the five-tuple syntax of the command line. */
import type { Name } from "../api/types.js";

export const PROTOCOLS = ["tcp", "udp", "sctp", "icmp"] as const;

export interface Question {
  readonly snapshot: string;
  /** A name of the snapshot or an address. */
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: string;
  readonly sourcePort: string;
  /** A whole packet as text; where it is set, it is what is asked. */
  readonly packet: string;
}

export interface Asked {
  readonly packet: string;
  /** Device to start at, "" for the owner of the source address. */
  readonly from: string;
}

const ADDRESS = /^\d+\.\d+\.\d+\.\d+$|^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/;
const EPHEMERAL = "40000";

const isAddress = (text: string): boolean => ADDRESS.test(text.trim());

function find(names: readonly Name[], text: string): Name | undefined {
  const wanted = text.trim();
  return names.find((n) => n.name === wanted) ?? names.find((n) => n.addresses.includes(wanted));
}

const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** @returns the packet, or what is missing in words that stand beside the form */
export function ask(q: Question, names: readonly Name[]): Asked | string {
  if (q.packet.trim()) return { packet: q.packet.trim(), from: isAddress(q.from) ? "" : q.from.trim() };
  const sender = find(names, q.from);
  const receiver = find(names, q.to);
  const dst = isAddress(q.to) ? q.to.trim() : receiver?.addresses[0];
  if (!q.from.trim()) return "Say where the packet comes from: a name or an address.";
  if (!q.to.trim()) return "Say where it goes: a Service, pod or node, or an address.";
  if (!dst) return `Nothing in this snapshot is called ${q.to.trim()}. Give an address, or a name from the list.`;
  const wants6 = dst.includes(":");
  const src = isAddress(q.from) ? q.from.trim() : sender?.addresses.find((a) => a.includes(":") === wants6);
  if (!src)
    return sender
      ? `${sender.name} has no ${wants6 ? "IPv6" : "IPv4"} address in this snapshot.`
      : `Nothing in this snapshot is called ${q.from.trim()}. Give an address, or a name from the list.`;
  const from = isAddress(q.from) ? "" : senderDevice(sender!);
  if (q.protocol === "icmp") return { packet: `${wants6 ? "icmp6" : "icmp"} ${src} > ${dst}`, from };
  if (!/^\d+$/.test(q.port) || Number(q.port) > 65535 || Number(q.port) < 1) return "Say which port: a number from 1 to 65535.";
  return { packet: `${q.protocol} ${bracketed(src)}:${q.sourcePort || EPHEMERAL} > ${bracketed(dst)}:${q.port}`, from };
}

/** A Service sends nothing; everything else is a device by its name. */
const senderDevice = (name: Name): string => (name.kind === "service" ? "" : name.name);

/** Ports that are known for a receiver, those of the protocol first. */
export function portsOf(names: readonly Name[], to: string, protocol: string): readonly number[] {
  const ports = find(names, to)?.ports ?? [];
  const own = ports.filter((p) => p.protocol.toLowerCase() === protocol);
  return [...new Set((own.length > 0 ? own : ports).map((p) => p.port))];
}
