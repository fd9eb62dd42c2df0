/**
 * OpenFlow actions as programs of the IR (ofproto/ofproto-dpif-xlate.c, do_xlate_actions).
 *
 * What differs from a translation word by word:
 * - Every `ct` ends in clearing the connection's fields: OVS goes on with an untracked packet, whether or not a tracked
 *   copy was sent to a table.
 * - A write to a VLAN field of an untagged packet and `dec_ttl` of what is no IP packet do nothing. Where the flow's match
 *   does not settle it, a helper table does.
 * - A packet whose TTL expires in `dec_ttl` leaves the flow's list of actions, as in OVS, and goes on in the one that resubmitted
 *   to it. That it expired is said by a copy that is dropped there.
 * - An action that rows cannot express is `unknown` in its place; what stands before it has happened.
 */
import { type Action, assertNever, matchField, type NatRange, type Slice, slice } from "@plumbline/model";
import type { CtSpec, FieldSlice, LearnAction, MatchTerm, NatSpec, OvsAction, PortRef, TableRef } from "../ast.js";
import { type Needs, ovsField } from "../fields.js";
import { PORT, reservedName } from "../ports.js";
import { printAction } from "../print/actions.js";
import { decodeActions } from "../wire/actions.js";
import { CLEAR_CT, maskedSets, READ_AS_ZERO } from "./bits.js";
import { findPort } from "./bridges.js";
import { lowerBundle, lowerGroup, lowerMultipath } from "./choices.js";
import { decap, encap } from "./encap.js";
import { decMplsTtl, decNshTtl, decTtl, ifMpls, popMpls, popVlan, pushMpls, pushVlan } from "./layers.js";
import { knownValue } from "./match.js";
import { ifMet, ifPresent, type KnownPacket, knownPacket, NOTHING_KNOWN } from "./presence.js";
import type { Switch } from "./switch.js";

/** Where a list of actions stands. */
export interface Place {
  /** Table of the flow: a `resubmit` without a table means it. */
  readonly table: TableRef;
  /** Conditions that the packet meets. */
  readonly terms: readonly MatchTerm[];
  /** Groups around these actions, outermost first. */
  readonly groups: readonly number[];
  /** The packet as it was comes back behind these actions, so that nothing need be cleared at their end. */
  readonly restored?: boolean;
  /** Inside of `exec` of a `ct`, which writes and asks nothing. */
  readonly inExec?: boolean;
  /** Told of each `learn`. */
  readonly onLearn?: (a: LearnAction) => void;
}

const VLAN_TCI = "vlan_tci";
const TAGGED = [matchField([], VLAN_TCI, 0x1000, 0x1000)];
const PRESENT = slice(VLAN_TCI, 12, 1);
const IN_PORT = slice("in_port");
const NO_HIGH_OP: Action = { op: "set", dst: slice("arp_op", 8, 8), value: 0n };
const SKB_PRIORITY = slice("skb_priority");
const CT_TUPLE_MISSING = [matchField([], "ct_nw_proto", 0)];
const ETH_TYPE = slice("eth_type");
const IP = [matchField([], "eth_type", 0x0800), matchField([], "eth_type", 0x86dd)];

/** Programs by list of actions, for each bridge: flows that read the same share their list, and most of a table's do. */
const PROGRAMS = new WeakMap<Switch, WeakMap<readonly OvsAction[], Map<string, Action[]>>>();

export function lowerActions(sw: Switch, list: readonly OvsAction[], place: Place): Action[] {
  const tagged = knownValue(place.terms, PRESENT) === 1n;
  // What a list learns is told for each flow by itself.
  if (place.groups.length > 0 || place.restored || list.some((a) => a.kind === "learn")) return lowerFrom(sw, list, 0, place, tagged);
  let programs = PROGRAMS.get(sw);
  if (!programs) PROGRAMS.set(sw, (programs = new WeakMap()));
  let ofList = programs.get(list);
  if (!ofList) programs.set(list, (ofList = new Map()));
  // Of the flow's match, these two conditions alone decide how actions are lowered.
  const key = `${place.table} ${tagged} ${knownValue(place.terms, ETH_TYPE) ?? ""}`;
  let program = ofList.get(key);
  if (!program) ofList.set(key, (program = lowerFrom(sw, list, 0, place, tagged)));
  return program;
}

/** @param tagged the packet is known to have a VLAN tag */
function lowerFrom(sw: Switch, list: readonly OvsAction[], from: number, place: Place, tagged: boolean): Action[] {
  const out: Action[] = [];
  const inside = { ...place, restored: false };
  for (let i = from; i < list.length; i++) {
    const a = list[i];
    const last = i === list.length - 1;
    if (leadsOn(a)) tagged = false;
    switch (a.kind) {
      case "output":
        out.push(...output(sw, a.port));
        break;
      case "outputTrunc":
        out.push(...outputTrunc(sw, a.port, a.maxLen));
        break;
      case "outputField":
        out.push(a.src.slice ? outputField(sw, a.src) : sw.unknown(`output to ${a.src.text}, which is not modelled`));
        break;
      case "controller":
        out.push(...controller(sw, a.text, a.userdata, place));
        break;
      case "enqueue":
        out.push({ op: "note", text: printAction(a) }, ...output(sw, a.port));
        break;
      case "setQueue":
        out.push({ op: "note", text: printAction(a) }, { op: "set", dst: SKB_PRIORITY, value: BigInt(a.queue) });
        break;
      case "popQueue":
        out.push({ op: "set", dst: SKB_PRIORITY, value: 0n });
        break;
      case "setField":
        out.push(...setField(sw, a, tagged, knownHere(list, i, place)));
        if (!a.needsVlan && a.dst.slice && writesTag(a.dst.slice, a.mask)) tagged = tagBit(a.dst.slice, a.value) !== 0n;
        break;
      case "deleteField":
        out.push(a.dst.slice ? { op: "set", dst: a.dst.slice, value: 0n } : notModelled(a.dst));
        break;
      case "move":
        if (!a.dst.slice) out.push(notModelled(a.dst));
        else if (!a.src.slice || a.src.slice.n !== a.dst.slice.n)
          out.push(sw.unknown(`${a.src.text} is copied to ${a.dst.text}, and its value is not modelled`));
        else {
          const moves: Action[] = [
            ...clearedBefore(a.dst.slice),
            READ_AS_ZERO.has(a.src.slice.field)
              ? { op: "set", dst: a.dst.slice, value: 0n }
              : { op: "move", src: a.src.slice, dst: a.dst.slice },
          ];
          if (a.dst.slice.field === "arp_op") moves.push(NO_HIGH_OP);
          if (writesTag(a.dst.slice)) tagged = false;
          if (place.inExec) out.push(...moves);
          else out.push(...ifPresent(sw, [a.dst.field, a.src.field], knownHere(list, i, place), `${a.src.text}->${a.dst.text}`, moves));
        }
        break;
      case "push":
        out.push(a.src.slice ? { op: "push", src: a.src.slice } : sw.unknown(`${a.src.text} is pushed, and its value is not modelled`));
        break;
      case "pop":
        out.push(a.dst.slice ? { op: "pop", dst: a.dst.slice } : sw.unknown(`pop:${a.dst.text}: the field is not modelled`));
        if (a.dst.slice && writesTag(a.dst.slice)) tagged = false;
        break;
      case "decTtl": {
        const type = knownValue(place.terms, slice("eth_type"));
        const isIp = type === 0x0800n || type === 0x86ddn;
        if (isIp || type === null || changesType(list, i)) out.push(...decTtl(sw, a.controllers, isIp && !changesType(list, i)));
        break;
      }
      case "decMplsTtl":
        out.push(...decMplsTtl());
        break;
      case "decNshTtl":
        out.push(...decNshTtl());
        break;
      case "popVlan":
        out.push(...popVlan(sw, tagged));
        tagged = false;
        break;
      case "pushVlan":
        out.push(...pushVlan());
        tagged = true;
        break;
      case "pushMpls":
        out.push(pushMpls(sw, a.ethertype));
        break;
      case "popMpls":
        out.push(popMpls(sw, a.ethertype));
        break;
      case "encap":
        out.push(encap(sw, a));
        break;
      case "decap":
        out.push(decap(sw));
        break;
      case "resubmit":
        out.push(...resubmit(sw, a, place));
        break;
      case "goto":
        out.push({ op: "goto", table: sw.table(a.table).id });
        break;
      case "writeMetadata":
        out.push(...maskedSets(slice("metadata"), a.value, a.mask));
        break;
      case "writeActions":
        out.push(sw.actionSets ? sw.actionSets.write(a.actions) : sw.unknown("write_actions here is not modelled"));
        break;
      case "clearActions":
        if (sw.actionSets) out.push(...sw.actionSets.clear());
        break;
      case "ct":
        out.push(...ct(sw, a, inside));
        if (!(last && place.restored)) out.push(...CLEAR_CT);
        break;
      case "ctClear":
        // To the switch a packet that has no state was not tracked: what is marked nevertheless stays.
        out.push(sw.traced ? sw.cases("ct_clear", [[[matchField([], "ct_state", 0)], []]], [{ op: "ctClear" }]) : { op: "ctClear" });
        break;
      case "group": {
        // A traced group is made once, whatever flow leads to it.
        const within = sw.traced || changesType(list, i) ? { ...place, terms: [] } : place;
        const run = (actions: readonly OvsAction[], restored: boolean) =>
          lowerFrom(sw, actions, 0, { ...within, groups: [...place.groups, a.id], restored }, tagged && !sw.traced);
        const program = lowerGroup(sw, a.id, place, run);
        if (!program) return out;
        out.push(...program);
        break;
      }
      case "clone": {
        const within = changesType(list, i) ? { ...inside, terms: [] } : inside;
        out.push({ op: "clone", actions: withActionSet(sw, lowerFrom(sw, a.actions, 0, within, tagged)) });
        break;
      }
      case "checkPktLarger": {
        const { slice: dst } = a.dst;
        if (!dst) {
          out.push(sw.unknown(`check_pkt_larger to ${a.dst.text}, which is not modelled`));
          break;
        }
        if (!sw.traced) {
          out.push({ op: "greater", src: slice("packet_len"), value: BigInt(a.size), dst });
          break;
        }
        // The switch translates the rest of the list for longer packets, and then for others.
        const rest = lowerFrom(sw, list, i + 1, inside, tagged);
        for (const value of [1n, 0n])
          out.push({ op: "clone", actions: withActionSet(sw, [{ op: "set", dst: { ...dst, n: 1 }, value }, ...rest]) });
        return out;
      }
      case "exit":
        out.push(sw.exit());
        return out;
      case "learn":
        out.push({ op: "note", text: `learns a flow in table ${a.table}` });
        place.onLearn?.(a);
        break;
      case "bundle":
        out.push(...lowerBundle(sw, a, (p) => output(sw, p)));
        break;
      case "multipath":
        out.push(...lowerMultipath(sw, a));
        break;
      case "meter":
      case "sample":
      case "note":
      case "finTimeout":
      case "unrollXlate":
      case "debugRecirc":
      case "debugSlow":
        out.push({ op: "note", text: printAction(a) });
        break;
      case "bad": {
        // A port may stand by its name alone.
        const n = sw.portNumber(a.text);
        out.push(...(n === undefined ? [sw.unknown(`the action '${a.text}' is not understood: ${a.message}`)] : output(sw, n)));
        break;
      }
      // Part of a match, seen by the rule; `drop` is what a flow does that does nothing.
      case "conjunction":
      case "drop":
        break;
      default:
        assertNever(a);
    }
  }
  return out;
}

/** What a packet's copy does when its actions are done. */
function withActionSet(sw: Switch, program: Action[]): Action[] {
  const end = sw.endOfPipeline;
  if (!end) return program;
  const last = program.at(-1);
  // `goto_table` as the last instruction comes back to it.
  const back: Action[] = last?.op === "goto" && !last.unwind ? [...program.slice(0, -1), { op: "call", table: last.table }] : program;
  return [...back, end];
}

const CHANGES_TYPE = new Set<OvsAction["kind"]>(["pushMpls", "popMpls", "encap", "decap"]);

/** Behind one of these actions the packet may be of another type. */
function changesType(list: readonly OvsAction[], until: number): boolean {
  return list.slice(0, until).some((a) => CHANGES_TYPE.has(a.kind) || leadsOn(a));
}
/** Other flows change the packet, and this list goes on with it. */
function leadsOn(a: OvsAction): boolean {
  return a.kind === "resubmit" || a.kind === "goto" || a.kind === "outputField" || (a.kind === "output" && a.port === PORT.table);
}

function notModelled(dst: FieldSlice): Action {
  return { op: "note", text: `${dst.text} is set; the field is not modelled` };
}

function clearedBefore(dst: Slice): Action[] {
  return READ_AS_ZERO.has(dst.field) ? [{ op: "set", dst: slice(dst.field), value: 0n }] : [];
}

/** What the flow's match says of the packet, as long as nothing has made another of it. */
function knownHere(list: readonly OvsAction[], at: number, place: Place): KnownPacket {
  return changesType(list, at) ? NOTHING_KNOWN : knownPacket(place.terms);
}

/** What writes of OpenFlow 1.0 need of a packet, where it is not what the field needs (ofproto-dpif-xlate.c, do_xlate_actions). */
const OWN_NEEDS: Readonly<Record<string, Needs>> = {
  mod_nw_src: "ip4",
  mod_nw_dst: "ip4",
  mod_nw_tos: "ip",
  mod_nw_ecn: "ip",
  mod_nw_ttl: "ip",
};

/** The bit of a value written to `dst` that says that there is a VLAN tag. */
const tagBit = (dst: Slice, value: bigint): bigint => (dst.ofs > 12 ? 0n : (value >> BigInt(12 - dst.ofs)) & 1n);

/** Whether a write may make a tag, or take it away. */
function writesTag(dst: Slice, mask = (1n << BigInt(dst.n)) - 1n): boolean {
  return dst.field === VLAN_TCI && tagBit(dst, mask) !== 0n;
}

function setField(sw: Switch, a: Extract<OvsAction, { kind: "setField" }>, tagged: boolean, known: KnownPacket): readonly Action[] {
  const { slice: dst } = a.dst;
  if (!dst) return [notModelled(a.dst)];
  if (a.portName !== undefined) {
    const n = sw.portNumber(a.portName);
    if (n === undefined) return [sw.unknown(`a field is set to port '${a.portName}', whose number is not in evidence`)];
    return [{ op: "set", dst, value: BigInt(n) }];
  }
  // OVS keeps the low byte of ARP's operation.
  const written = [...clearedBefore(dst), ...maskedSets(dst, a.value, a.mask)];
  const sets = dst.field === "arp_op" ? [...written, NO_HIGH_OP] : written;
  const name = `${a.dst.text}=${a.value}/${a.mask}`;
  if (a.needsVlan && !tagged) return [sw.when(`${name} if there is a VLAN tag`, TAGGED, sets)];
  if (/^set_mpls/.test(a.form)) return [ifMpls(sw, `${name} if there is a label`, sets)];
  // A tag that is not there is made.
  if (dst.field === VLAN_TCI) return /^(load|set_field)$/.test(a.form) ? ifMet(sw, ["eth"], known, name, sets) : sets;
  if (/^mod_tp_/.test(a.form)) return ifAnyPorts(sw, known, name, sets);
  return ifMet(sw, [OWN_NEEDS[a.form] ?? ovsField(a.dst.field)?.needs ?? "-"], known, name, sets);
}

/** mod_tp_src and mod_tp_dst: whichever protocol it is, as long as this fragment has its header. */
function ifAnyPorts(sw: Switch, known: KnownPacket, name: string, sets: readonly Action[]): readonly Action[] {
  const isIp = known.ethType === 0x0800 || known.ethType === 0x86dd;
  const whole = matchField([], "ip_frag", 0, 2);
  const rows = isIp ? [whole] : IP.map((m) => matchField(m, "ip_frag", 0, 2));
  return [sw.when(`${name} if there are ports${isIp ? "" : " at all"}`, rows, sets)];
}

/** xlate_output_action. */
function output(sw: Switch, ref: PortRef): Action[] {
  const port = sw.portNumber(ref);
  if (port === undefined)
    return [sw.unknown(`output to '${ref}', whose port number is not in evidence`, `ovs-ofctl dump-ports-desc ${sw.bridge.name}`)];
  switch (port) {
    case PORT.inPort:
      return [{ op: "output", port: IN_PORT, allowIn: true }];
    case PORT.normal:
      return [{ op: "call", table: sw.normal().id }];
    case PORT.flood:
    case PORT.all: {
      const skip = port === PORT.flood ? "NO_FLOOD" : "NO_FWD";
      return sw.bridge.ports
        .filter((p) => p.number !== undefined && !p.config.includes(skip) && !p.config.includes("NO_FWD"))
        .flatMap((p) => leave(sw, p.number!));
    }
    case PORT.controller:
      return controller(sw, "CONTROLLER", new Uint8Array(0), { table: 0, terms: [], groups: [] });
    case PORT.none:
    case PORT.unset:
      return [];
    case PORT.table:
      return [{ op: "call", table: sw.table(0).id }];
  }
  if (findPort(sw.bridge, port)?.config.includes("NO_FWD"))
    return [{ op: "note", text: `port ${reservedName(port) ?? port} is set to NO_FWD: nothing leaves by it` }];
  return leave(sw, port);
}

/** Leaves by a port of that number. */
export function leave(sw: Switch, port: number): Action[] {
  const { withoutEnd } = findPort(sw.bridge, port) ?? {};
  const out: Action[] = [{ op: "output", port }];
  if (!withoutEnd) return out;
  const noEnd = matchField(matchField([], "tun_dst", 0), "tun_ipv6_dst", 0);
  return [
    sw.cases(
      `output:${port} if the tunnel has an end`,
      [
        [[matchField([], "in_port", port)], []],
        [[noEnd], withoutEnd],
      ],
      out,
    ),
  ];
}

/** Ports to which the switch does not cut packets. */
const NOT_TRUNCATED = new Set<number>([PORT.table, PORT.normal, PORT.flood, PORT.all, PORT.controller, PORT.none]);

function outputTrunc(sw: Switch, ref: PortRef, maxLen: number): Action[] {
  const port = sw.portNumber(ref);
  if (port !== undefined && (NOT_TRUNCATED.has(port) || findPort(sw.bridge, port)?.type === "patch"))
    return [{ op: "note", text: `a packet to port ${reservedName(port) ?? port} is not cut: nothing leaves` }];
  // To the port that it came by nothing leaves, whatever it is called.
  if (port === PORT.inPort) return [{ op: "output", port: IN_PORT, allowIn: true }];
  return [{ op: "note", text: `cut to ${maxLen} bytes` }, ...output(sw, ref)];
}

/** The field may hold a reserved port's number. */
function outputField(sw: Switch, src: FieldSlice): Action {
  const s = src.slice!;
  const plain: Action[] = [{ op: "output", port: s }];
  if (s.n < 16) return plain[0];
  const reserved = [PORT.inPort, PORT.table, PORT.normal, PORT.flood, PORT.all, PORT.controller, PORT.none];
  const row = (value: number) => [matchSlice(s, BigInt(value))];
  return sw.cases(
    `output to ${src.text}`,
    reserved.map((p) => [row(p), output(sw, p)] as const),
    plain,
  );
}

function matchSlice(s: NonNullable<FieldSlice["slice"]>, value: bigint) {
  const ones = (1n << BigInt(s.n)) - 1n;
  return matchField([], s.field, value << BigInt(s.ofs), ones << BigInt(s.ofs));
}

/** What a packet-in means is for whoever knows the controller. */
function controller(sw: Switch, text: string, userdata: Uint8Array, place: Place): Action[] {
  for (const p of sw.punts) {
    const meaning = p.interpret(userdata, {
      host: sw.host,
      bridge: sw.bridge.name,
      tableOf: (n) => sw.table(n).id,
      lowerWire: (bytes) => lowerActions(sw, decodeActions(bytes).actions, { ...place, terms: [], restored: false }),
    });
    if (meaning) return [...meaning];
  }
  return [{ op: "punt", text }];
}

function resubmit(sw: Switch, a: Extract<OvsAction, { kind: "resubmit" }>, place: Place): Action[] {
  const table = a.table ?? place.table;
  if (a.inPort === null && !a.ct) return [{ op: "call", table: sw.table(table).id }];
  if (a.ct && a.inPort !== null && a.inPort !== PORT.inPort)
    return [sw.unknown("resubmit with both another port and the connection's original tuple is not modelled")];
  if (a.ct) {
    const to = sw.lookUp(table, { ct: true });
    // Nothing is looked up for a packet without a connection.
    return [
      sw.cases(`${to.name}, if it has one`, [
        [CT_TUPLE_MISSING, []],
        [IP, [{ op: "call", table: to.id }]],
      ]),
    ];
  }
  const port = sw.portNumber(a.inPort!);
  if (port === undefined)
    return [sw.unknown(`resubmit as port '${a.inPort}', whose number is not in evidence`, `ovs-ofctl dump-ports-desc ${sw.bridge.name}`)];
  // IN_PORT: as the port it is.
  if (port === PORT.inPort) return [{ op: "call", table: sw.table(table).id }];
  return [{ op: "call", table: sw.lookUp(table, { inPort: port }).id }];
}

function ct(sw: Switch, a: CtSpec, place: Place): Action[] {
  if (typeof a.zone !== "number" && !a.zone.slice) return [sw.unknown(`ct in the zone of ${a.zone.text}, which is not modelled`)];
  const note: Action[] = a.alg === "" ? [] : [{ op: "note", text: `ct helper ${a.alg}: connections related by it are not followed` }];
  const exec = lowerFrom(sw, a.exec, 0, { ...place, inExec: true }, false).filter((x) => x.op === "set" || x.op === "move");
  return [
    ...note,
    {
      op: "ct",
      tracker: sw.tracker,
      zone: typeof a.zone === "number" ? a.zone : a.zone.slice!,
      commit: a.commit,
      force: a.force,
      nat: natOf(a.nat),
      exec,
      resume: a.table === null ? null : sw.entry(a.table).id,
    },
  ];
}

function natOf(n: NatSpec | null): null | "existing" | { type: "src" | "dst"; range: NatRange } {
  if (n === null) return null;
  if (n.type === "existing") return "existing";
  const { min, max, portMin, portMax } = n;
  return {
    type: n.type,
    range: {
      ...(min === undefined ? {} : { min, max: max ?? min }),
      ...(portMin === undefined ? {} : { portMin, portMax: portMax ?? portMin }),
    },
  };
}
