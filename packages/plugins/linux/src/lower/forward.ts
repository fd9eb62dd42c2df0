/**
 * Forwarding: may packets from this interface go on at all (sysctl), where does the route lead, is the TTL enough; then FORWARD.
 *
 * With forwarding off, a packet for another host is dropped without a word, whatever its route (ip_route_input_slow()).
 * Not modelled: packets larger than the next link's MTU, ICMP redirects.
 */
import type { Action, Origin, TableId } from "@plumbline/model";
import type { Family } from "../address.js";
import { type Interface, UNNAMED } from "./evidence.js";
import { drop, ETH_TYPE, errorFromRouter, FAMILIES, GROUP_MAC, type HostStack, type IcmpError, jump, match, ROUTE } from "./stack.js";

/** Fills `table`, reached by all packets that are not for this host. */
export function buildForward(stack: HostStack, table: TableId, forwardHook: TableId): void {
  const { net, device } = stack;
  const onward = net.table(device, "forward", "hook", "priority");
  net.rule(onward, {
    priority: 2,
    rows: [match({ eth_dst: [GROUP_MAC, GROUP_MAC] })],
    program: [drop("a frame for many is not forwarded")],
  });
  net.rule(onward, { priority: 1, rows: [match({ reg14: ROUTE.blackhole })], program: [drop("blackhole route")] });
  for (const family of FAMILIES) {
    const eth_type = ETH_TYPE[family];
    const refuse = (type: number, error: IcmpError, reason: string) =>
      net.rule(onward, {
        priority: 1,
        rows: [match({ eth_type, reg14: type })],
        program: [errorFromRouter(stack, error, family), drop(reason, true)],
      });
    refuse(ROUTE.none, "no route", "no route to the destination");
    refuse(ROUTE.refused, "no route", "unreachable by a policy rule");
    refuse(ROUTE.unreachable, "host unreachable", "unreachable route");
    refuse(ROUTE.prohibit, "prohibited", "prohibit route");
    const expired: Action[] = [errorFromRouter(stack, "time exceeded", family), drop("TTL expired", true)];
    net.rule(onward, {
      priority: 1,
      rows: [match({ eth_type, reg14: ROUTE.unicast })],
      program: [{ op: "call", table: stack.sourceCheck }, { op: "decTtl", expired }, jump(forwardHook)],
    });
  }
  onward.miss = [drop("no route to the destination")];

  const t = net.tables[table];
  for (const i of stack.evidence.interfaces)
    for (const family of FAMILIES) {
      const s = forwarding(stack, i, family);
      const rows = [match({ in_port: i.number, eth_type: ETH_TYPE[family] })];
      if (s === null) {
        const named = i.name !== UNNAMED;
        const key = family === 6 ? "net.ipv6.conf.all.forwarding" : named ? `net.ipv4.conf.${i.name}.forwarding` : "net.ipv4.ip_forward";
        const ask: Action = {
          op: "unknown",
          why: `whether ${stack.evidence.host} forwards packets${named ? ` from ${i.name}` : ""}`,
          command: `sysctl ${key}`,
          on: stack.evidence.host,
          go: true,
        };
        net.rule(t, { rows, program: [ask, jump(onward.id)], certainty: "assumed", why: "forwarding is not in evidence" });
      } else net.rule(t, { rows, program: s.on ? [jump(onward.id)] : [drop(`forwarding is off on ${i.name}`)], origin: s.origin });
    }
  t.miss = [drop("not for this host")];
}

/** The setting that governs packets that come in at `i`; null if it is not in evidence. */
export function forwarding(stack: Pick<HostStack, "evidence">, i: Interface, family: Family): { on: boolean; origin: Origin } | null {
  // In sysctl's names a dot within an interface's name is a slash.
  const name = i.name.replaceAll(".", "/");
  const keys = family === 4 ? [`net.ipv4.conf.${name}.forwarding`, "net.ipv4.ip_forward"] : ["net.ipv6.conf.all.forwarding"];
  for (const key of keys) {
    const s = stack.evidence.sysctl(key);
    if (s) return { on: s.value !== "0", origin: s.origin };
  }
  return null;
}
