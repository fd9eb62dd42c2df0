import { test } from "vitest";
import { Random } from "../src/oracle/random.js";
import { compare, loadTables } from "../src/oracle/ovs/compare.js";
import { PrivateSwitch } from "../src/oracle/ovs/private-switch.js";
import { reduce } from "../src/oracle/ovs/reduce.js";
import { randomConnections, conversation } from "../src/oracle/ovs/random-connections.js";
import { packetsFor, randomTables, type TableKind } from "../src/oracle/ovs/random-tables.js";
import { packetLine, flowLine, groupLine } from "../src/oracle/ovs/scenario.js";

test("dev", { timeout: 600000 }, async () => {
  const sw = await PrivateSwitch.start();
  try {
    const n = Number(process.env.N ?? 20), from = Number(process.env.SEED ?? 1);
    let bad = 0, packets = 0; const refused = new Map<string, number>();
    const t0 = Date.now();
    for (let seed = from; seed < from + n; seed++) {
      const r = new Random(seed);
      const kind = (process.env.KIND as TableKind | "conn") ?? r.pick(["plain", "state", "ct"] as const);
      const s = kind === "conn" ? randomConnections(r) : randomTables(r, kind);
      try {
        const { mirror: m, refused: rf } = await loadTables(sw, s); for (const x of rf) { const k = x.replace(/^.*?actions=/,'').replace(/\(xid.*/s,''); if (process.env.RF) console.log(x); refused.set('flow '+x.replace(/^.*: /s,'').slice(0,100), (refused.get('flow '+x.replace(/^.*: /s,'').slice(0,100))??0)+1); }
        if (m.problems.length) console.log(seed, m.problems.slice(0, 3));
        const ps = kind === 'conn' ? conversation(r, m, (s as any).v6, 20) : packetsFor(r, m, kind, 30);
        const c = await compare(sw, m, s.ask, ps);
        packets += ps.length;
        if (c.differs >= 0) {
          bad++;
          if (bad <= Number(process.env.SHOW ?? 3)) {
            const small = await reduce(sw, { ...s, packets: s.ask.wire && !s.ask.trace ? ps : [ps[c.differs]] });
            const l = await loadTables(sw, small); const cc = await compare(sw, l.mirror, small.ask, small.packets);
            console.log(`SEED ${seed} ${kind} ${s.version}\n` + [...small.flows.map(flowLine), ...small.groups.map(groupLine), ...small.packets.map((p, i) => [packetLine(p), "  switch " + cc.switched[i].join("\n         "), "  ours   " + cc.mirrored[i].join("\n         ")].join("\n"))].join("\n") + (process.env.TRACE ? await sw.ask("ofproto/trace", "br0", packetLine(small.packets.at(-1)!, false)) : ""));
            if (process.env.FULL) console.log("SEED", seed, kind, packetLine(ps[c.differs]));
            if (process.env.FULL) console.log("switch\n" + c.switched[c.differs].join("\n") + "\nours\n" + c.mirrored[c.differs].join("\n"));
            if (process.env.FLOWS) { console.log(s.flows.map(flowLine).join("\n")); console.log(s.groups.map(groupLine).join("\n")); console.log(await sw.ask("ofproto/trace", "br0", packetLine(ps[c.differs], false))); }
          }
        }
      } catch (e) { const k = `${e}`.replace(/.*add-flows/s,"").slice(0, 300); refused.set(k, (refused.get(k) ?? 0) + 1); if (process.env.TH) throw e; }
    }
    console.log({ n, bad, packets, ms: Date.now() - t0 }, refused);
  } finally { await sw.stop(); }
});
