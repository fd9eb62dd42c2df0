/**
 * What ovn-controller does with a packet that br-int hands to it (controller/pinctrl.c), as IR in place of the action.
 *
 * - reject: TCP gets a reset, SCTP an abort, all else an ICMP destination unreachable (UDP: port unreachable, else host
 *   unreachable), source and destination exchanged. Which it is depends on the packet, so a table of three rows decides.
 * - tcp_reset, icmp4, icmp6 and their _error forms: the same packets with the addresses as they are in the packet (TCP
 *   ports exchanged); the nested actions turn them round and set ICMP type and code.
 * - arp, nd_ns: the packet is held until the neighbour answers.
 * - put_*, log, …: the packet is a copy; the original goes on.
 * - DHCP, DNS, router advertisements: what comes back depends on data of the controller: unknown.
 *
 * A packet that the controller sends enters the bridge from OFPP_CONTROLLER with the registers and metadata of the
 * original (set_actions_and_enqueue_msg, reload_metadata), so that an output to the original's port is not suppressed.
 *
 * Not modelled: the SCTP ABORT and the neighbour advertisement themselves; pinctrl's rate limits and meters.
 */
import { type Action, type Match, matchField, type NetworkBuilder, type PuntInterpreter, slice, type TableId } from "@plumbline/model";
import { OPCODES, type Opcode } from "./opcodes.js";

/** OFPP_CONTROLLER as a switch stores it (16 bits). */
const CONTROLLER_PORT = 0xfffdn;
/** TTL of a segment that pinctrl composes; its ICMP errors have 255. */
const RESET_TTL = 63n;

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

export function puntInterpreter(net: NetworkBuilder): PuntInterpreter {
  const tables = new Map<string, TableId>();
  return {
    interpret(userdata, ctx) {
      if (userdata.length < 8) return null;
      const number = new DataView(userdata.buffer, userdata.byteOffset, userdata.byteLength).getUint32(0);
      const opcode = OPCODES[number];
      if (!opcode) return null;
      const name = `OVN ${opcode.action}`;
      const { meaning } = opcode;
      switch (meaning.kind) {
        case "aside":
          return [{ op: "note", text: `${name}: ovn-controller ${meaning.text}${detail(opcode, userdata)}` }];
        case "wait":
          return [
            { op: "note", text: `${name}: OVN asks who has ${opcode.name === "ARP" ? "reg0" : "xxreg0"}; the packet waits` },
            { op: "drop", reason: `no MAC binding for the next hop: OVN ${meaning.text} and holds the packet` },
          ];
        case "answered":
          return [
            { op: "note", text: `${name}: ovn-controller ${meaning.text}; the advertisement itself is not followed` },
            { op: "drop", reason: `ovn-controller ${meaning.text}` },
          ];
        case "outcome":
          return [
            {
              op: "unknown",
              why: `${name}: ovn-controller ${meaning.text}; what comes back is not in evidence`,
              command: "ovn-trace --detailed DATAPATH MICROFLOW",
              on: ctx.host,
            },
          ];
        case "answer": {
          const key = `${ctx.host} ${ctx.bridge} ${Buffer.from(userdata).toString("hex")}`;
          let table = tables.get(key);
          if (table === undefined) {
            const device = net.devices[net.tables[ctx.tableOf(0)]!.device]!;
            const made = net.table(device, opcode.action, "controller", "priority");
            // Known before its rules are: nested actions may lead back here.
            tables.set(key, made.id);
            fill(net, made, opcode, meaning.how, ctx.lowerWire(userdata.subarray(8)));
            table = made.id;
          }
          return [{ op: "call", table }];
        }
      }
    },
  };
}

/** The rows of the table that answers: what is sent back depends on the packet's protocol. */
function fill(
  net: NetworkBuilder,
  table: ReturnType<NetworkBuilder["table"]>,
  opcode: Opcode,
  how: "reject" | "tcp_reset" | "icmp" | "sctp_abort",
  nested: readonly Action[],
): void {
  const swap = how === "reject";
  const enter: Action = { op: "set", dst: slice("in_port"), value: CONTROLLER_PORT };
  const why = `what ovn-controller does for ${opcode.action}`;
  const add = (priority: number, rows: Match[], program: Action[]) =>
    net.rule(table, { priority, rows, program, certainty: "inferred", why });
  const dropped = (text: string, rejected = true): Action => ({
    op: "drop",
    reason: `OVN ${opcode.action}: ${text}`,
    ...(rejected ? { rejected } : {}),
  });
  const protocol = (n: number) => [IPV4, IPV6].map((t) => matchField(matchField([], "eth_type", t), "ip_proto", n));
  if (how === "reject" || how === "tcp_reset") {
    const then: Action[] = [enter, { op: "set", dst: slice("ip_ttl"), value: RESET_TTL }, ...nested];
    add(3, protocol(TCP), [
      { op: "emit", kind: "tcp-reset", icmpType: 0, icmpCode: 0, swap, then },
      dropped("a TCP reset goes to the sender"),
    ]);
  }
  if (how === "reject" || how === "sctp_abort")
    add(3, protocol(SCTP), [
      { op: "note", text: "the SCTP ABORT itself is not followed" },
      dropped("an SCTP ABORT goes to the sender", false),
    ]);
  if (how === "reject" || how === "icmp") {
    const then = [enter, ...nested];
    const icmp = (type: number, code: number): Action => ({ op: "emit", kind: "icmp-error", icmpType: type, icmpCode: code, swap, then });
    const end = dropped("an ICMP error goes to the sender");
    if (how === "reject") {
      const [udp4, udp6] = protocol(UDP);
      add(2, [udp4!], [icmp(3, 3), end]);
      add(2, [udp6!], [icmp(1, 4), end]);
    }
    add(1, [matchField([], "eth_type", IPV4)], [icmp(3, 1), end]);
    add(1, [matchField([], "eth_type", IPV6)], [icmp(1, 1), end]);
  }
  table.miss = [{ op: "drop", reason: `OVN ${opcode.action}: ovn-controller ignores a packet of this protocol` }];
}

/** lib/acl-log.h; severities are syslog's. */
const SEVERITIES: { readonly [n: number]: string } = { 1: "alert", 4: "warning", 5: "notice", 6: "info", 7: "debug" };
const VERDICTS = ["allow", "drop", "reject", "pass"];

/** Arguments that are worth reading. */
function detail(opcode: Opcode, userdata: Uint8Array): string {
  const args = userdata.subarray(8);
  const number = args.length >= 4 ? new DataView(args.buffer, args.byteOffset, 4).getUint32(0) : undefined;
  switch (opcode.name) {
    case "LOG": {
      const name = new TextDecoder().decode(args.subarray(2)).replace(/\0+$/, "");
      const parts = [VERDICTS[args[0] ?? -1], SEVERITIES[args[1] ?? -1], name].filter((x) => x !== undefined && x !== "");
      return parts.length > 0 ? ` (${parts.join(", ")})` : "";
    }
    case "PUT_ICMP4_FRAG_MTU":
    case "PUT_ICMP6_FRAG_MTU": {
      // The IPv4 field is 16 bits wide, the IPv6 one 32.
      const mtu = opcode.name === "PUT_ICMP4_FRAG_MTU" && args.length >= 2 ? (args[0]! << 8) | args[1]! : number;
      return mtu === undefined ? "" : ` (${mtu})`;
    }
    default:
      return "";
  }
}
