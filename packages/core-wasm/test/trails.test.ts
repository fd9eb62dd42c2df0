/** Walks that follow trails come to the same as walks that do not: many like packets through random networks. A failure prints its seed. */
import { type Row, set } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core, pack } from "../src/index.js";
import { randomNetwork, randomPacket, rng } from "./random-network.js";

const NETWORKS = Number(process.env.TRAIL_NETWORKS ?? 120);
const FORMS = 5;
const PACKETS = 60;

/** Packets of a few forms that differ in their ports, length and TTL. */
function alike(r: () => number): Row[] {
  const forms = Array.from({ length: FORMS }, () => randomPacket(r));
  return Array.from({ length: PACKETS }, () => {
    const row = forms[Math.floor(r() * FORMS)].slice();
    if (r() < 0.5) set(row, "tp_src", Math.floor(r() * 65536));
    if (r() < 0.3) set(row, "ip_ttl", Math.floor(r() * 4));
    if (r() < 0.3) set(row, "packet_len", Math.floor(r() * 1500));
    return row;
  });
}

test(`with trails and without: the same on ${NETWORKS} networks`, { timeout: 300_000 }, () => {
  const { net } = randomNetwork(0);
  const cores = [true, false].map((trails) => Core.createSync(net, { connections: 4096, trails }));
  for (let seed = 1; seed <= NETWORKS; seed++) {
    const sample = randomNetwork(seed);
    for (const core of cores) core.load(sample.net);
    const r = rng(seed ^ 0x7a11);
    const packets = pack(alike(r));
    const device = Math.floor(r() * sample.net.devices.length);
    const port = r() < 0.7 ? Math.floor(r() * 4) : null;
    for (const fresh of [true, false]) {
      const [got, want] = cores.map((core) => {
        const result = core.batch(packets, { device, port, options: { script: [], beyond: "hash" }, fresh });
        return { seed, fresh, digests: Array.from({ length: PACKETS }, (_, i) => result.digest(i)), checksum: result.checksum };
      });
      expect(got).toEqual(want);
    }
  }
});
