/**
 * Logical actions as ovn-trace follows them (ovn/utilities/ovn-trace.c of OVN, trace_actions): every `next` is gone into and
 * come back from, every packet that is made runs to its end at once, connection states are asked for and not tracked.
 *
 * Actions that ovn-trace passes over are passed over here: check_pkt_larger, chk_lb_aff, commit_lb_aff, chk_ecmp_nh,
 * commit_ecmp_nh, ct_nw_dst and its like, fwd_group, trigger_event, bind_vport, handle_svc_check, put_arp, put_nd, put_fdb, igmp, bfd
 * and queue actions. Their lines stand in the text; what they would decide stays as it was.
 */
import { type Action, assertNever, type Match, matchField, slice } from "@plumbline/model";
import type { LogicalAction, Pipeline } from "../../actions/index.js";
import { formatField, resolveSlice } from "../../expr/index.js";
import { getFdb, getMac, lbHairpin, lookupFdb, lookupMac, snatToVip } from "../lookups.js";
import { bits, mark, variable } from "../marks.js";
import { portSecurity } from "../port-security.js";
import type { LogicalTables, Scope } from "../tables.js";
import { nest } from "./answers.js";
import { askState, balance, nat, tracked } from "./connections.js";
import { leave, toEgress } from "./output.js";
import { type At, CHOICE, CT, clone, end, entering, set, TRK, under, V4, V6 } from "./parts.js";

/** OVS has ICMP's type and code where other protocols have their ports, and what rejects a packet later looks there. */
const PORT_OF: Readonly<Record<string, string>> = { icmp_type: "tp_src", icmp_code: "tp_dst" };

/** The program of a flow. @param key the number of a port or group by name, 0 if there is none */
export function programOf(
  tables: LogicalTables,
  scope: Scope,
  pipeline: Pipeline,
  actions: readonly LogicalAction[],
  key: (name: string) => number,
): readonly Action[] {
  const at: At = { tables, scope, pipeline, key, lines: 0, list: (inner) => list(at, inner) };
  return [...list(at, actions), end()];
}

function list(at: At, actions: readonly LogicalAction[]): Action[] {
  if (actions.length === 0) return [mark("action", String(at.lines++))];
  return actions.flatMap((a) => [mark("action", String(at.lines++)), ...one(at, a)]);
}

function one(at: At, a: LogicalAction): Action[] {
  const { tables, scope, pipeline } = at;
  const next = (table: number) => tables.next(scope, pipeline, table);
  switch (a.type) {
    case "plain":
      return plain(at, a.name);
    case "next": {
      const call = tables.next(scope, a.pipeline, a.table);
      if (a.pipeline === pipeline) return [call];
      return [mark("pipeline", entering(a.pipeline, a.pipeline === "ingress" ? "inport" : "outport")), call, end()];
    }
    case "load": {
      const value = typeof a.value === "string" ? BigInt(at.key(a.value)) : a.value.value;
      const dst = resolveSlice(a.dst);
      const shared = PORT_OF[dst.field];
      return [{ op: "set", dst, value }, ...(shared ? [set(shared, value)] : [])];
    }
    case "move":
      return [{ op: "move", src: resolveSlice(a.src), dst: resolveSlice(a.dst) }];
    case "exchange":
      return [{ op: "swap", a: resolveSlice(a.a), b: resolveSlice(a.b) }];
    case "push":
      return [{ op: "push", src: resolveSlice(a.field) }];
    case "pop":
      return [{ op: "pop", dst: resolveSlice(a.field) }];
    case "nest":
      return nest(at, a.name, a.actions);
    case "ct_next": {
      const title = `ct_next(ct_state=${variable("ct_state")}${variable("defaulted")})`;
      return [clone([{ op: "set", dst: CT, value: 0n }, askState(tables), ...under(title, "change", [next(a.table)])])];
    }
    case "ct_nat":
      return nat(at, a, next(a.table));
    case "ct_commit_nat":
      return [tracked(tables, "ct_commit_nat /* assuming no un-nat entry, so no change */", [], next(a.table))];
    case "ct_commit_to_zone":
      return [tracked(tables, `ct_commit_to_zone(${a.zone})`, [], next(a.table))];
    case "ct_lb":
      return balance(at, a, next(a.table));
    case "select": {
      const dst = resolveSlice(a.dst);
      const field = formatField(a.dst);
      return [
        clone([
          {
            op: "choose",
            how: CHOICE.select,
            weights: a.members.map((m) => Math.max(1, m.weight)),
            options: a.members.map((m): Action[] => [
              { op: "set", dst, value: BigInt(m.id) },
              mark("change", `select: ${field} = ${m.id} /* Randomly selected. Use --select-id to specify. */`),
            ]),
          },
          next(a.table),
          end(),
        ]),
      ];
    }
    case "get_mac":
      return [getMac(tables, a)];
    case "lookup_mac":
      return [lookupMac(tables, a)];
    case "get_fdb":
      return a.name === "get_fdb" ? [getFdb(tables, a)] : [];
    case "lookup_fdb":
      return [lookupFdb(tables, a)];
    case "result":
      return result(at, a);
    case "put_opts":
      return [
        ...(a.name === "put_nd_ra_opts" ? [] : [mark("error", "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */")]),
        { op: "set", dst: resolveSlice(a.dst), value: 1n },
      ];
    case "dhcp_relay":
      return relay(a);
    case "log": {
      const text = `LOG: ACL name=${a.name ?? "<unnamed>"}, direction=${pipeline === "ingress" ? "IN" : "OUT"}, verdict=${a.verdict}, severity=${a.severity}`;
      return under(text, "change", []);
    }
    case "controller load":
    case "ct_commit":
    case "ct_commit old":
    case "put_mac":
    case "put_fdb":
    case "chk_evpn_arp":
    case "check_pkt_larger":
    case "set_queue":
    case "set_meter":
    case "trigger_event":
    case "bind_vport":
    case "handle_svc_check":
    case "fwd_group":
    case "commit_ecmp_nh":
    case "commit_lb_aff":
    case "sample":
    case "mirror":
      return [];
    default:
      return assertNever(a);
  }
}

function plain({ tables, pipeline }: At, name: Extract<LogicalAction, { type: "plain" }>["name"]): Action[] {
  switch (name) {
    case "output":
      return [pipeline === "ingress" ? toEgress(tables) : leave(tables)];
    case "ip.ttl--":
      return [decTtl(tables)];
    case "ct_clear":
      return [{ op: "ctClear" }];
    case "ct_snat_to_vip":
      return [snatToVip(tables)];
    case "flood_remote":
      return [mark("comment", "/* Flood to all remote chassis */")];
    case "igmp":
    case "handle_dhcpv6_reply":
    case "handle_bfd_msg":
    case "mac_cache_use":
      return [];
    default:
      return assertNever(name);
  }
}

function decTtl(tables: LogicalTables): Action {
  return tables.helper("ip.ttl--", () => {
    const ip = (ttl?: number): Match[] => [V4, V6].map((m) => (ttl === undefined ? m : matchField(m, "ip_ttl", ttl)));
    return {
      rules: [
        { priority: 2, rows: ip(0), program: [mark("error", "*** TTL underflow")] },
        { priority: 2, rows: ip(1), program: [set("ip_ttl", 0)] },
        { priority: 1, rows: ip(), program: [{ op: "decTtl", expired: [] }] },
      ],
      miss: [mark("error", "*** TTL decrement of non-IP packet")],
    };
  });
}

function result({ tables }: At, a: Extract<LogicalAction, { type: "result" }>): Action[] {
  const dst = resolveSlice(a.dst);
  switch (a.name) {
    case "chk_lb_hairpin":
      return lbHairpin(tables, dst, false);
    case "chk_lb_hairpin_reply":
      return lbHairpin(tables, dst, true);
    case "dns_lookup":
      return [{ op: "set", dst, value: 0n }, mark("error", "*** dns_lookup action not implemented")];
    case "check_in_port_sec":
      return [portSecurity(tables, dst, "in")];
    case "check_out_port_sec":
      return [portSecurity(tables, dst, "out")];
    case "ct_state_save": {
      const field = formatField(a.dst);
      return [
        tables.helper(`ct_state_save ${field}`, () => ({
          rules: [
            {
              priority: 1,
              rows: [matchField([], "ct_state", TRK, TRK)],
              program: [{ op: "move", src: slice("ct_state", 0, dst.n), dst }],
            },
          ],
          miss: [{ op: "set", dst, value: 0n }],
        })),
        mark("comment", `/* ${field} = ${bits(dst)}; */`),
      ];
    }
    case "chk_ecmp_nh_mac":
    case "chk_ecmp_nh":
    case "chk_lb_aff":
    case "ct_nw_dst":
    case "ct_ip6_dst":
    case "ct_tp_dst":
    case "ct_proto":
      return [];
    default:
      return assertNever(a.name);
  }
}

function relay(a: Extract<LogicalAction, { type: "dhcp_relay" }>): Action[] {
  const found: Action = { op: "set", dst: resolveSlice(a.dst), value: 1n };
  if (a.name === "dhcp_relay_req_chk") return [mark("error", "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */"), found];
  const text =
    "/* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set. Dest IP is set to broadcast. Dest MAC is set to broadcast but in real network this is unicast which is extracted from DHCP header. */";
  return [mark("error", text), set("ip_dst", 0xffffffff), set("eth_dst", 0xffffffffffffn), found];
}

/** The texts of the actions in the order in which a program counts their lines. */
export function actionLines(actions: readonly LogicalAction[], format: (a: LogicalAction) => string): string[] {
  if (actions.length === 0) return ["drop;"];
  return actions.flatMap((a) => [format(a), ...(a.type === "nest" ? actionLines(a.actions, format) : [])]);
}
