/**
 * Random traffic as frames: few addresses, ports and values, so that flows repeat, collide and answer each other. Packets of one flow come often in a
 * row, alike or with another length, TTL, TOS, flags; with tags, options, fragments, ICMP errors, extension headers in between.
 */
import { hex } from "./frames.js";

const h = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

/** A connection's segments: flags, and whether they go back. */
const TALK: readonly (readonly [flags: number, back: boolean])[] = [
  [0x02, false],
  [0x12, true],
  [0x10, false],
  [0x18, false],
  [0x10, false],
  [0x18, true],
  [0x10, false],
  [0x11, false],
  [0x11, true],
  [0x10, false],
];

interface Spoken {
  readonly v6: boolean;
  readonly proto: number;
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
  readonly toMac: string;
  readonly fromMac: string;
  /** The next segment of TALK. */
  readonly talk: { step: number };
}

const MACS = ["0200000000aa", "0200000000bb", "000000000001"];
const v4 = (n: number) => h((n & 4 ? 0xc0a80001 : 0x0a000001) + (n & 3), 8);
const v6 = (n: number) => h(n & 3, 32);

export class Traffic {
  private readonly known: Spoken[] = [];
  /** @param talks TCP connections are mostly opened, answered and closed as such are, several at a time */
  constructor(
    private readonly r: () => number,
    private readonly talks = false,
  ) {}

  /** The next frame. */
  frame(): Uint8Array {
    const { r } = this;
    if (this.known.length === 0 || r() < 0.12) this.known.push(this.spoken());
    if (this.known.length > 12) this.known.shift();
    let f = this.pick(this.known);
    const next = this.talks && f.proto === 6 && r() < 0.9 ? TALK[f.talk.step++ % TALK.length] : undefined;
    // Segments are repeated, too, and not all of them are captured.
    if (next && r() < 0.2) f.talk.step -= r() < 0.7 ? 1 : -1;
    if (next ? next[1] : r() < 0.3)
      f = { ...f, src: f.dst, dst: f.src, sport: f.dport, dport: f.sport, toMac: f.fromMac, fromMac: f.toMac };
    return hex(this.text(f, next?.[0]));
  }

  private int(n: number): number {
    return Math.floor(this.r() * n);
  }
  private pick<T>(a: readonly T[]): T {
    return a[this.int(a.length)];
  }

  private spoken(): Spoken {
    const isV6 = this.r() < 0.15;
    const [toMac, fromMac] = this.r() < 0.7 ? MACS : [this.pick(MACS), this.pick(MACS)];
    return {
      v6: isV6,
      proto: this.pick([6, 6, 6, 17, 17, isV6 ? 58 : 1, 132, 47]),
      src: this.int(8),
      dst: this.int(8),
      sport: 1000 + this.int(4),
      dport: 1000 + this.int(4),
      toMac,
      fromMac,
      talk: { step: 0 },
    };
  }

  private text(f: Spoken, segment?: number): string {
    const { r } = this;
    const tag = r() < 0.05 ? `8100 ${h(this.int(4), 4)}` : "";
    const tos = r() < 0.9 ? 0 : this.int(4);
    const ttl = r() < 0.9 ? 64 : this.int(3);
    const inner = this.transport(f, segment);
    const payload = inner + "00".repeat(r() < 0.8 ? 4 : this.int(8));
    const bytes = payload.replace(/\s/g, "").length / 2;
    if (f.v6) {
      const extension = r() < 0.1 ? `${h(f.proto, 2)} 00 000000000000` : "";
      const next = extension ? "00" : h(f.proto, 2);
      return `${f.toMac} ${f.fromMac} ${tag} 86dd 6${h(tos, 2)}${h(this.int(2), 5)} ${h(bytes + (extension ? 8 : 0), 4)} ${next} ${h(ttl, 2)} ${v6(f.src)} ${v6(f.dst)} ${extension} ${payload}`;
    }
    const options = r() < 0.05 ? "01010101" : "";
    const fragment = r() < 0.95 ? "4000" : this.pick(["2000", "0003", "2003"]);
    return `${f.toMac} ${f.fromMac} ${tag} 0800 ${options ? "46" : "45"}${h(tos, 2)} ${h(bytes + 20 + (options ? 4 : 0), 4)} ${h(this.int(65536), 4)} ${fragment} ${h(ttl, 2)} ${h(f.proto, 2)} 0000 ${v4(f.src)} ${v4(f.dst)} ${options} ${payload}`;
  }

  private transport(f: Spoken, segment?: number): string {
    const { r } = this;
    const ports = `${h(f.sport, 4)} ${h(f.dport, 4)}`;
    if (f.proto === 6) {
      const flags = segment ?? (r() < 0.7 ? this.pick([0x10, 0x18]) : this.pick([2, 2, 0x12, 4, 0x14, 1, 0x11, 0, 6, 0x50, 0x08]));
      return `${ports} ${h(this.int(65536), 8)} ${h(this.int(65536), 8)} 5${r() < 0.95 ? 0 : this.int(16).toString(16)}${h(flags, 2)} ffff 0000 0000`;
    }
    if (f.proto === 17 || f.proto === 132) return `${ports} 000c 0000`;
    if (f.proto !== (f.v6 ? 58 : 1)) return "00000000 00000000";
    if (r() < 0.8) return `${this.pick(f.v6 ? ["80", "81"] : ["08", "00"])}00 0000 ${h(f.sport, 4)} 0001`;
    const about = this.pick(this.known);
    const type = f.v6 ? this.pick(["01", "03"]) : this.pick(["03", "0b"]);
    const quoted = f.v6
      ? `60000000 0008 ${h(about.proto, 2)} 40 ${v6(about.src)} ${v6(about.dst)}`
      : `4500 001c 0001 0000 40 ${h(about.proto, 2)} 0000 ${v4(about.src)} ${v4(about.dst)}`;
    return `${type}${h(this.pick([0, 1, 3, 4]), 2)} 0000 00000000 ${quoted} ${h(about.sport, 4)} ${h(about.dport, 4)} 00080000`;
  }
}
