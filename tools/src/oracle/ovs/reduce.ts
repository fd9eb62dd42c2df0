/** A failing scenario made as small as it can be: packets, flows, groups, then the parts of each are dropped while both sides still differ. */
import { FIELDS, getBig, type Row, set } from "@plumbline/model";
import { shrinkList } from "../shrink.js";
import { compare, loadScenario, NotAnswerable } from "./compare.js";
import type { PrivateSwitch } from "./private-switch.js";
import type { Scenario } from "./scenario.js";

/** Whether both sides differ; false too if the switch refuses the scenario or a flow of it. */
async function differs(sw: PrivateSwitch, s: Scenario): Promise<boolean> {
  try {
    const { mirror, refused } = await loadScenario(sw, s);
    return refused.length === 0 && (await compare(sw, mirror, s.ask, s.packets)).differs >= 0;
  } catch (e) {
    if (e instanceof NotAnswerable) return false;
    throw e;
  }
}

export async function reduce(sw: PrivateSwitch, failing: Scenario): Promise<Scenario> {
  let s = failing;
  const fails = (change: Partial<Scenario>) => differs(sw, { ...s, ...change });
  // One kind of question is enough, if it shows the difference.
  for (const ask of [
    { trace: true, wire: false },
    { trace: false, wire: true },
  ])
    if (s.ask.trace && s.ask.wire && (await fails({ ask }))) s = { ...s, ask };
  s = { ...s, packets: await shrinkList(s.packets, (packets) => fails({ packets })) };
  s = { ...s, flows: await shrinkList(s.flows, (flows) => fails({ flows })) };
  s = { ...s, groups: await shrinkList(s.groups, (groups) => fails({ groups })) };
  for (const i of s.flows.keys())
    for (const part of ["match", "actions"] as const) {
      const flow = s.flows[i];
      const kept = await shrinkList(flow[part], (few) => fails({ flows: s.flows.with(i, { ...flow, [part]: few }) }));
      s = { ...s, flows: s.flows.with(i, { ...flow, [part]: kept }) };
    }
  for (const g of s.groups.keys()) {
    const group = s.groups[g];
    const buckets = await shrinkList(group.buckets, (few) => fails({ groups: s.groups.with(g, { ...group, buckets: few }) }));
    s = { ...s, groups: s.groups.with(g, { ...group, buckets }) };
    for (const b of buckets.keys()) {
      const at = (actions: readonly string[]) =>
        s.groups.with(g, { ...s.groups[g], buckets: s.groups[g].buckets.with(b, { ...s.groups[g].buckets[b], actions }) });
      const actions = await shrinkList(buckets[b].actions, (few) => fails({ groups: at(few) }));
      s = { ...s, groups: at(actions) };
    }
  }
  for (const p of s.packets.keys()) {
    // What a connection is known by is not dropped: the tracker takes no port 0, and no flags that TCP never sends.
    const kept = s.ask.wire
      ? /^x+reg|^(in_port|eth_type|packet_len|arp_op|i.*_(proto|src|dst)|t.*_(src|dst|flags)|icmp_.*)$/
      : /^x+reg|^(in_port|eth_type|ip_proto|arp_op|packet_len)$/;
    const present = FIELDS.filter((f) => !kept.test(f.name) && getBig(s.packets[p], f.name) !== 0n);
    for (const f of present) {
      const packet: Row = s.packets[p].slice();
      set(packet, f.name, 0);
      const packets = s.packets.with(p, packet);
      if (await fails({ packets })) s = { ...s, packets };
    }
  }
  return s;
}
