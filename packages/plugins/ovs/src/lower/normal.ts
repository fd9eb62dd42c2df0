/**
 * `NORMAL`: the bridge as a learning switch (ofproto-dpif-xlate.c, xlate_normal).
 *
 * Known MACs are those of `fdb/show`, plus the bridge's own; all else is flooded, as the switch does until it has learned.
 * Not modelled: VLAN access and trunk ports, mirrors, multicast snooping, learning from the packets that pass.
 */
import { type Action, type FactBase, macNumber, matchField, type Table } from "@plumbline/model";
import { PORT } from "../ports.js";
import type { Switch } from "./switch.js";

const VID = 0x0fffn;
const TAGGED_VID = 0x1fffn;

export function lowerNormal(sw: Switch, facts: FactBase): Table {
  const { net, host, bridge } = sw;
  const t = net.table(sw.device, "NORMAL", "fdb", "priority");
  const entries = facts.of("ovs.fdb", host).filter((f) => f.data.bridge === bridge.name);
  const vlans = bridge.ports.some((p) => p.vlans) || entries.some((f) => f.data.vlan !== 0);
  const known = new Set<string>();
  // lib/packets.h, eth_addr_is_reserved: LLDP, STP and their like are not forwarded.
  net.rule(t, {
    priority: 2,
    rows: [matchField([], "eth_dst", 0x0180c2000000n, 0xfffffffffff0n)],
    program: [{ op: "drop", reason: "reserved multicast address" }],
    certainty: "inferred",
    why: "NORMAL does not forward frames to 01:80:c2:00:00:0x",
  });
  for (const { data, origin } of entries) {
    const mac = macNumber(data.mac);
    if (mac === null) continue;
    if (data.port === PORT.local) known.add(data.mac);
    let row = matchField([], "eth_dst", mac);
    if (vlans)
      row = data.vlan === 0 ? matchField(row, "vlan_tci", 0, VID) : matchField(row, "vlan_tci", 0x1000n | BigInt(data.vlan), TAGGED_VID);
    const age = /^\d+$/.test(data.age) ? `, ${data.age} s ago` : "";
    net.rule(t, {
      priority: 1,
      rows: [row],
      program: [{ op: "output", port: data.port }],
      origin,
      certainty: data.age === "static" ? "proven" : "inferred",
      why: data.age === "static" ? "" : `the bridge had learned this address there${age}`,
    });
  }
  const local = bridge.ports.find((p) => p.number === PORT.local);
  const own = local && macNumber(local.mac);
  if (local && own && !known.has(local.mac))
    net.rule(t, {
      priority: 0,
      rows: [matchField([], "eth_dst", own)],
      program: [{ op: "output", port: PORT.local }],
      origin: local.origin,
      certainty: "inferred",
      why: "the bridge's own address",
    });
  const miss: Action[] = [];
  if (!facts.of("ovs.read", host).some((f) => f.data.what === "fdb" && f.data.bridge === bridge.name))
    miss.push({
      op: "unknown",
      why: `where ${bridge.name} has learned this address is not in evidence; flooded`,
      command: `ovs-appctl fdb/show ${bridge.name}`,
      on: host,
      go: true,
    });
  if (vlans)
    miss.push({
      op: "unknown",
      why: `${bridge.name} has VLAN ports; flooded as if it had none`,
      command: `ovs-appctl ofproto/trace ${bridge.name} PACKET`,
      on: host,
      go: true,
    });
  for (const p of bridge.ports) if (p.number !== undefined && !p.config.includes("NO_FLOOD")) miss.push({ op: "output", port: p.number });
  t.miss = miss;
  return t;
}
