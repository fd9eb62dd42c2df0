/** Packets that logical actions make of the one at hand: requests for addresses, answers to them, errors, resets. */
import { type Action, assertNever, slice } from "@plumbline/model";
import { formatActions, type LogicalAction, type NestName } from "../../actions/index.js";
import { rowOf } from "../tables.js";
import { type At, clone, move, set, swap, under, V4 } from "./parts.js";

/** Runs nested actions on a packet made by `before`. */
export function nest(at: At, name: NestName, actions: readonly LogicalAction[]): Action[] {
  // Lines are counted once for all forms that the packet may take.
  const first = at.lines;
  const inner = at.list(actions);
  const last = at.lines;
  const run = (title: string, before: readonly Action[]): Action[] => [clone([...before, ...under(title, "change", inner)])];
  const key = `${at.scope.id} ${at.pipeline} ${first}-${last} ${formatActions(actions)}`;
  switch (name) {
    case "clone":
      return run("clone", []);
    case "arp":
      return run("arp", [
        ...["ip_frag", "nw_tos", "ip_ttl", "tcp_flags"].map((f) => set(f, 0)),
        set("eth_type", 0x0806),
        // OVS has both in one field: what rejects this later sees no TCP.
        ...["arp_op", "ip_proto"].map((f) => set(f, 1)),
        move("eth_src", "arp_sha"),
        set("arp_tha", 0),
        move("ip_src", "arp_spa"),
        move("ip_dst", "arp_tpa"),
      ]);
    case "nd_na":
    case "nd_na_router":
      return run("nd_na", [
        move("eth_dst", "nd_tll"),
        swap("eth_src", "eth_dst"),
        move("ipv6_src", "ipv6_dst"),
        move("nd_target", "ipv6_src"),
        ...typed(136),
        set("nd_sll", 0),
      ]);
    case "nd_ns":
      return run("nd_ns", [
        move("eth_dst", "nd_tll"),
        { op: "move", src: slice("ipv6_dst", 0, 24), dst: slice("eth_dst", 0, 24) },
        { op: "set", dst: slice("eth_dst", 24, 24), value: 0x3333ffn },
        ...typed(135),
        set("nd_sll", 0),
      ]);
    case "icmp4":
    case "icmp4_error":
      return run("icmp4", icmpError(4));
    case "icmp6":
    case "icmp6_error":
      return run("icmp6", icmpError(6));
    case "tcp_reset":
      return run("tcp_reset", reset(6));
    case "sctp_abort":
      return byFamily(at, `sctp_abort ${key}`, (f) => run("sctp_abort", reset(f === 4 ? 132 : 6)));
    case "reject":
      return reject(at, key, run);
    default:
      return assertNever(name);
  }
}

function byFamily({ tables }: At, name: string, make: (family: 4 | 6) => Action[]): Action[] {
  return [tables.helper(name, () => ({ rules: [{ priority: 1, rows: [V4], program: make(4) }], miss: make(6) }))];
}

/** Back to the sender, unless that would answer an answer (execute_reject). */
function reject(at: At, key: string, run: (title: string, before: readonly Action[]) => Action[]): Action[] {
  const back = (family: 4 | 6): Action[] => [
    swap("eth_src", "eth_dst"),
    family === 4 ? swap("ip_src", "ip_dst") : swap("ipv6_src", "ipv6_dst"),
  ];
  const RST = 4;
  return [
    at.tables.helper(`reject ${key}`, () => ({
      rules: [
        { priority: 5, rows: [6, 132].map((p) => rowOf(["ip_proto", p], ["tcp_flags", RST])), program: [] },
        {
          priority: 4,
          rows: [rowOf(["ip_proto", 6])],
          program: byFamily(at, `reject tcp ${key}`, (f) => run("tcp_reset", [...back(f), ...reset(6)])),
        },
        {
          priority: 4,
          rows: [rowOf(["ip_proto", 132])],
          program: byFamily(at, `reject sctp ${key}`, (f) => run("sctp_abort", [...back(f), ...reset(f === 4 ? 132 : 6)])),
        },
        // ICMP's type is read where others have their source port.
        {
          priority: 3,
          rows: [rowOf(["eth_type", 0x0800], ["ip_proto", 1], ["icmp_type", 3]), rowOf(["eth_type", 0x0800], ["tp_src", 3])],
          program: [],
        },
        { priority: 2, rows: [V4], program: run("icmp4", [...back(4), ...icmpError(4)]) },
        // What is not IPv4 is answered as IPv6 is; so is ARP, which remains ARP.
        {
          priority: 1,
          rows: [rowOf(["ip_proto", 58], ["icmp_type", 1]), rowOf(["tp_src", 1])],
          program: [],
        },
      ],
      miss: run("icmp6", [...back(6), ...icmpError(6)]),
    })),
  ];
}

/** ICMP's type and code: OVS has them where other protocols have their ports, and a packet of those remains one in some messages. */
function typed(type: number): Action[] {
  return ["icmp_type", "tp_src"].map((f) => set(f, type));
}

/** What every ICMP error has; addresses are set by whoever sends it back. */
function icmpError(family: 4 | 6): Action[] {
  const protocol = family === 4 ? 1 : 58;
  // ARP that is answered so remains ARP, with the protocol where its operation was.
  return [
    set("ip_proto", protocol),
    set("arp_op", protocol),
    set("ip_ttl", 255),
    ...typed(family === 4 ? 3 : 1),
    ...["icmp_code", "tp_dst"].map((f) => set(f, 1)),
  ];
}

/** A TCP reset or SCTP abort. */
function reset(protocol: number): Action[] {
  return [set("ip_proto", protocol), set("ip_ttl", 255), set("tcp_flags", 4)];
}
