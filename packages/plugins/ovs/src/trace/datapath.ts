/**
 * Datapath actions in Open vSwitch's own text (lib/odp-util.c, format_odp_action), gathered in order.
 *
 * OVS keeps them as Netlink attributes and bounds their size; so does this list, in bytes.
 */
import { ipv4Text, ipv6Text } from "@plumbline/model";
import type { CtSpec, NatSpec } from "../ast.js";

/** Bytes of an attribute's header, and of one with a 32-bit number. */
const HEADER = 4;
const NUMBER = 8;

export class DatapathActions {
  private items: string[] = [];
  /** What stands in the last action, if that is a `clone`. */
  private lastClone: DatapathActions | null = null;
  /** As Netlink attributes. */
  bytes = 0;

  put(text: string, bytes = NUMBER): void {
    this.items.push(text);
    this.bytes += bytes;
    this.lastClone = null;
  }
  /** Actions of their own, put inside an action: `clone(…)`. Left out if there are none and `always` is not said. */
  nested(name: string, inner: DatapathActions, always = false): void {
    if (inner.isEmpty && !always) return;
    this.put(`${name}(${inner.isEmpty ? "" : inner.text})`, HEADER + inner.bytes);
    if (name === "clone") this.lastClone = inner;
  }
  /** A clone that nothing follows is its actions: at the end of a translation OVS takes it apart, the outermost one only. */
  unwrapLastClone(): void {
    const { lastClone } = this;
    if (!lastClone || lastClone.isEmpty) return;
    this.items.splice(-1, 1, ...lastClone.items);
    this.bytes -= HEADER;
    this.lastClone = null;
  }
  get isEmpty(): boolean {
    return this.items.length === 0;
  }
  clear(): void {
    this.items = [];
    this.bytes = 0;
    this.lastClone = null;
  }
  get text(): string {
    return this.isEmpty ? "drop" : this.items.join(",");
  }
}

/** `ct(commit,zone=1,mark=0x1/0xffffffff,label=…,helper=ftp,nat(src=…))`. */
export function ctText(ct: CtSpec, zone: number, mark: { value: number; mask: number }, label: { value: bigint; mask: bigint }): string {
  const parts: string[] = [];
  if (ct.commit) parts.push(ct.force ? "force_commit" : "commit");
  if (zone !== 0) parts.push(`zone=${zone}`);
  if (mark.mask !== 0) parts.push(`mark=${hex(mark.value)}/${hex(mark.mask)}`);
  if (label.mask !== 0n)
    parts.push(label.mask === ALL_LABEL ? `label=${hex(label.value)}` : `label=${hex(label.value)}/${hex(label.mask)}`);
  if (HELPERS.has(ct.alg)) parts.push(`helper=${HELPERS.get(ct.alg)}`);
  if (ct.nat) parts.push(natText(ct.nat));
  return parts.length === 0 ? "ct" : `ct(${parts.join(",")})`;
}

const ALL_LABEL = (1n << 128n) - 1n;

/** Helpers by name and by port. */
const HELPERS = new Map([
  ["ftp", "ftp"],
  ["21", "ftp"],
  ["tftp", "tftp"],
  ["69", "tftp"],
]);

function natText(n: NatSpec): string {
  if (n.type === "existing") return "nat";
  const ports = n.portMin !== undefined && n.portMin !== 0;
  const address = (a: bigint) => (n.family === 4 ? ipv4Text(a) : ports ? `[${ipv6Text(a)}]` : ipv6Text(a));
  let range = "";
  if (n.min !== undefined) {
    range = `=${address(n.min)}`;
    if (n.max !== undefined && n.max > n.min) range += `-${address(n.max)}`;
    if (ports) {
      range += `:${n.portMin}`;
      if (n.portMax !== undefined && n.portMax > n.portMin!) range += `-${n.portMax}`;
    }
  }
  const flags = [
    n.flags.includes("persistent") && "persistent",
    n.flags.includes("hash") ? "hash" : n.flags.includes("random") && "random",
  ];
  return `nat(${[`${n.type}${range}`, ...flags.filter(Boolean)].join(",")})`;
}

export function hex(v: number | bigint): string {
  return v === 0 || v === 0n ? "0" : `0x${v.toString(16)}`;
}
