/**
 * OpenFlow actions as programs of the IR (ofproto/ofproto-dpif-xlate.c, do_xlate_actions).
 *
 * What differs from a translation word by word:
 * - Every `ct` ends in clearing the connection's fields: OVS goes on with an untracked packet, whether or not a tracked
 *   copy was sent to a table.
 * - A write to a VLAN field of an untagged packet and `dec_ttl` of what is no IP packet do nothing. Where the flow's match
 *   does not settle it, the rest of the program becomes a table of two ways.
 * - A packet whose TTL expires in `dec_ttl` leaves the flow's list of actions, as in OVS, and goes on in the one that resubmitted
 *   to it. That it expired is said by a copy that is dropped there.
 * - An action that rows cannot express is `unknown` in its place; what stands before it has happened.
 */
import { type Action, assertNever, matchField, type NatRange, slice } from "@plumbline/model";
import type { CtSpec, FieldSlice, LearnAction, MatchTerm, NatSpec, OvsAction, PortRef, TableRef } from "../ast.js";
import { PORT, reservedName } from "../ports.js";
import { decodeActions } from "../wire/actions.js";
import { CLEAR_CT, maskedSets } from "./bits.js";
import { findPort } from "./bridges.js";
import { lowerBundle, lowerGroup, lowerMultipath } from "./choices.js";
import { knownValue } from "./match.js";
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
  /** Told of each `learn`. */
  readonly onLearn?: (a: LearnAction) => void;
}

const VLAN_TCI = slice("vlan_tci");
const VLAN_TCI2 = slice("vlan_tci2");
const TAGGED = [matchField([], "vlan_tci", 0x1000, 0x1000)];
const IP = [matchField([], "eth_type", 0x0800), matchField([], "eth_type", 0x86dd)];
const VLAN_PRESENT = slice("vlan_tci", 12, 1);
const IN_PORT = slice("in_port");

export function lowerActions(sw: Switch, list: readonly OvsAction[], place: Place): Action[] {
  return lowerFrom(sw, list, 0, place, knownValue(place.terms, VLAN_PRESENT) === 1n);
}

/** @param tagged the packet is known to have a VLAN tag */
function lowerFrom(sw: Switch, list: readonly OvsAction[], from: number, place: Place, tagged: boolean): Action[] {
  const out: Action[] = [];
  const inside = { ...place, restored: false };
  for (let i = from; i < list.length; i++) {
    const a = list[i];
    const last = i === list.length - 1;
    switch (a.kind) {
      case "output":
        out.push(...output(sw, a.port));
        break;
      case "outputField":
        out.push(a.src.slice ? { op: "output", port: a.src.slice } : sw.unknown(`output to ${a.src.text}, which is not modelled`));
        break;
      case "controller":
        out.push(...controller(sw, a.text, a.userdata, place));
        break;
      case "enqueue":
        out.push({ op: "note", text: `queue ${a.queue}` }, ...output(sw, a.port));
        break;
      case "setField": {
        if (!a.dst.slice) {
          out.push(notModelled(a.dst));
          break;
        }
        const sets = maskedSets(a.dst.slice, a.value, a.mask);
        if (a.needsVlan && !tagged) {
          const rest = lowerFrom(sw, list, i + 1, place, false);
          const yes = lowerFrom(sw, list, i + 1, place, true);
          return [...out, sw.branch(`${place.table}: is there a VLAN tag`, TAGGED, [...sets, ...yes], rest)];
        }
        out.push(...sets);
        if (a.dst.slice.field === "vlan_tci") tagged ||= !a.needsVlan && (a.value & 0x1000n) !== 0n && a.dst.slice.ofs === 0;
        break;
      }
      case "move":
        if (!a.dst.slice) out.push(notModelled(a.dst));
        else if (!a.src.slice || a.src.slice.n !== a.dst.slice.n)
          out.push(sw.unknown(`${a.src.text} is copied to ${a.dst.text}, and its value is not modelled`));
        else out.push({ op: "move", src: a.src.slice, dst: a.dst.slice });
        break;
      case "push":
        out.push(a.src.slice ? { op: "push", src: a.src.slice } : sw.unknown(`${a.src.text} is pushed, and its value is not modelled`));
        break;
      case "pop":
        out.push(a.dst.slice ? { op: "pop", dst: a.dst.slice } : sw.unknown(`pop:${a.dst.text}: the field is not modelled`));
        break;
      case "decTtl": {
        const expired: Action[] = [];
        if (a.controllers.length > 0)
          expired.push({ op: "punt", text: `dec_ttl: the TTL expired, to controllers ${a.controllers.join(", ")}` });
        expired.push({ op: "clone", actions: [{ op: "drop", reason: "TTL expired" }] });
        const dec: Action = { op: "decTtl", expired };
        const type = knownValue(place.terms, slice("eth_type"));
        if (type === 0x0800n || type === 0x86ddn) out.push(dec);
        else if (type === null) {
          const rest = lowerFrom(sw, list, i + 1, place, tagged);
          return [...out, sw.branch(`${place.table}: is it IP`, IP, [dec, ...rest], rest)];
        }
        break;
      }
      case "popVlan":
        out.push({ op: "move", src: VLAN_TCI2, dst: VLAN_TCI }, { op: "set", dst: VLAN_TCI2, value: 0n });
        tagged = false;
        break;
      case "pushVlan":
        out.push({ op: "move", src: VLAN_TCI, dst: VLAN_TCI2 }, { op: "set", dst: VLAN_TCI, value: 0x1000n });
        tagged = true;
        break;
      case "resubmit":
        out.push(...resubmit(sw, a, place));
        break;
      case "goto":
        out.push({ op: "goto", table: sw.table(a.table).id });
        break;
      case "ct":
        out.push(...ct(sw, a, inside));
        if (!(last && place.restored)) out.push(...CLEAR_CT);
        break;
      case "ctClear":
        out.push({ op: "ctClear" });
        break;
      case "group":
        out.push(
          ...lowerGroup(sw, a.id, place.groups, (actions, restored) =>
            lowerFrom(sw, actions, 0, { ...place, groups: [...place.groups, a.id], restored }, tagged),
          ),
        );
        break;
      case "clone":
        out.push({ op: "clone", actions: lowerFrom(sw, a.actions, 0, inside, tagged) });
        break;
      case "checkPktLarger":
        out.push(
          a.dst.slice
            ? { op: "greater", src: slice("packet_len"), value: BigInt(a.size), dst: a.dst.slice }
            : sw.unknown(`check_pkt_larger to ${a.dst.text}, which is not modelled`),
        );
        break;
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
      case "remark":
        out.push({ op: "note", text: a.text });
        break;
      case "unmodelled":
        out.push(sw.unknown(`the action ${a.name} is not modelled`));
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

function notModelled(dst: FieldSlice): Action {
  return { op: "note", text: `${dst.text} is set; the field is not modelled` };
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
        .filter((p) => p.number !== undefined && !p.config.includes(skip))
        .map((p) => ({ op: "output", port: p.number! }));
    }
    case PORT.controller:
      return controller(sw, "CONTROLLER", new Uint8Array(0), { table: 0, terms: [], groups: [] });
    case PORT.none:
    case PORT.unset:
      return [];
    case PORT.table:
      return [{ op: "note", text: "output to TABLE has no effect in a flow" }];
  }
  if (findPort(sw.bridge, port)?.config.includes("NO_FWD"))
    return [{ op: "note", text: `port ${reservedName(port) ?? port} is set to NO_FWD: nothing leaves by it` }];
  return [{ op: "output", port }];
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
  if (a.ct && a.inPort !== null) return [sw.unknown("resubmit with both another port and the connection's original tuple is not modelled")];
  if (a.ct) return [{ op: "call", table: sw.lookUp(table, { ct: true }).id }];
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
  const exec = lowerFrom(sw, a.exec, 0, place, false).filter((x) => x.op === "set" || x.op === "move");
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
      resume: a.table === null ? null : sw.table(a.table).id,
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
