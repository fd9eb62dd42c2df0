/**
 * What a plugin's lowering makes of facts, as text: so that two runs can be held against each other.
 */
import { type FactBase, type NetworkBuilder, type Plugin, printNetwork } from "@plumbline/model";
import { networkFault } from "../check-network.js";
import { type Lowered, lowerFacts } from "../testkit.js";

/** A lowering and what is wrong with its rules. */
export interface LoweredText {
  readonly text: string;
  readonly fault: string;
}

/** Lowers facts, hangs every registered chain into a host of its own, asks every annotator about every rule. */
export function loweredText(plugin: Plugin, facts: FactBase, around: readonly Plugin[]): LoweredText {
  const lowered = lowerFacts([...around, plugin], facts, { join: () => {} });
  const chains = buildChains(lowered);
  const { net } = lowered;
  const notes = lowered.annotators.flatMap((annotate) =>
    net.rules.map((r) => JSON.stringify(annotate(r, net.devices[net.tables[r.table].device]))),
  );
  const text = [
    printNetwork(net),
    ...chains,
    ...lowered.problems.map((p) => `${p.severity} ${p.file}:${p.line} ${p.message}`),
    ...notes,
    JSON.stringify(plugin.services?.(facts) ?? []),
  ].join("\n");
  return { text, fault: networkFault(net, { rules: 0, tables: 0, links: 0 }) };
}

function buildChains(lowered: Lowered): string[] {
  const out: string[] = [];
  const net = lowered.net;
  for (const h of lowered.hooks) {
    // Where the host's stack was lowered too, it has built its chains itself.
    if (net.findDevice(h.host)) continue;
    const name = `${h.host} (chains)`;
    const device = net.findDevice(name) ?? net.device({ name, kind: "host", host: h.host });
    if (device.origin < 0) device.origin = net.table(device, "origin", "hook", "priority").id;
    const next = net.table(device, `behind ${h.hook} ${h.priority}`, "hook", "priority").id;
    out.push(`${h.host} ${h.hook} ${h.priority} ${h.type}: ${h.build(device, next)}`);
  }
  return out;
}

/** An empty network has nothing in it, whoever lowers no facts: devices are of the evidence. */
export function nothingLowered(plugin: Plugin, facts: FactBase): string {
  const net: NetworkBuilder = lowerFacts([plugin], facts, { join: () => {} }).net;
  return net.devices.length === 0 ? "" : `without facts it makes a device: ${net.devices[0].name}`;
}
