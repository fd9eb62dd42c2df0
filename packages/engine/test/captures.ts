/** Captures for tests: frames between stations 192.0.2.x, as a pcap. */

export interface Packet {
  /** Last byte of the addresses. */
  readonly from: number;
  readonly to: number;
  readonly sport: number;
  readonly dport: number;
  readonly proto?: "tcp" | "udp";
  /** TCP: S, SA, A, R, … */
  readonly flags?: string;
  readonly fromMac: string;
  readonly toMac: string;
  /** An ICMP error (type, code) about this packet, from `from` to `to` with the ports exchanged. */
  readonly error?: readonly [type: number, code: number];
  /** Milliseconds after the begin; else its number in the capture. */
  readonly ms?: number;
}

const FLAGS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16 };

function ipv4(from: number, to: number, proto: number, payload: Buffer): Buffer {
  const b = Buffer.alloc(20);
  b[0] = 0x45;
  b.writeUInt16BE(20 + payload.length, 2);
  b[8] = 64;
  b[9] = proto;
  b.set([192, 0, 2, from], 12);
  b.set([192, 0, 2, to], 16);
  return Buffer.concat([b, payload]);
}

function transport(sport: number, dport: number, flags: number | null): Buffer {
  const b = Buffer.alloc(flags === null ? 8 : 20);
  b.writeUInt16BE(sport, 0);
  b.writeUInt16BE(dport, 2);
  if (flags !== null) {
    b[12] = 0x50;
    b[13] = flags;
  }
  return b;
}

function frame(p: Packet): Buffer {
  const tcp = p.proto !== "udp";
  const flags = tcp ? [...(p.flags ?? "S")].reduce((n, f) => n | FLAGS[f], 0) : null;
  let ip = ipv4(p.from, p.to, tcp ? 6 : 17, transport(p.sport, p.dport, flags));
  if (p.error) {
    const about = ipv4(p.to, p.from, tcp ? 6 : 17, transport(p.dport, p.sport, tcp ? 2 : null));
    ip = ipv4(p.from, p.to, 1, Buffer.concat([Buffer.from([...p.error, 0, 0, 0, 0, 0, 0]), about]));
  }
  const mac = (text: string) => Buffer.from(text.replaceAll(":", ""), "hex");
  return Buffer.concat([mac(p.toMac), mac(p.fromMac), Buffer.from([8, 0]), ip]);
}

/** Times count from 2023-11-14T22:13:20Z. */
export function pcap(packets: readonly Packet[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt32LE(262144, 16);
  head.writeUInt32LE(1, 20);
  const records = packets.flatMap((p, i) => {
    const bytes = frame(p);
    const r = Buffer.alloc(16);
    r.writeUInt32LE(1_700_000_000, 0);
    r.writeUInt32LE(1000 * (p.ms ?? i), 4);
    r.writeUInt32LE(bytes.length, 8);
    r.writeUInt32LE(bytes.length, 12);
    return [r, bytes];
  });
  return Buffer.concat([head, ...records]);
}
