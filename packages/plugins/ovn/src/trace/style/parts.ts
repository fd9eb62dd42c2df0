/** Pieces of programs. */
import { type Action, type Match, matchField, type Slice, slice } from "@plumbline/model";
import type { LogicalAction, Pipeline } from "../../actions/index.js";
import { FLAG, LOGICAL } from "../../expr/index.js";
import { mark, variable } from "../marks.js";
import type { LogicalTables, Scope } from "../tables.js";

/** Where a program stands, and what it knows. */
export interface At {
  readonly tables: LogicalTables;
  readonly scope: Scope;
  readonly pipeline: Pipeline;
  /** The key of a port or group by name; 0 if there is none on the datapath. */
  key(name: string): number;
  /** Actions of the flow that have a line so far. */
  lines: number;
  /** The lines of an action list under this one. */
  list(actions: readonly LogicalAction[]): Action[];
}

export const TRK = 0x20n;
export const DNAT = 0x80n;
export const SNAT = 0x40n;
export const CT = slice("ct_state");
export const V4: Match = matchField([], "eth_type", 0x0800);
export const V6: Match = matchField([], "eth_type", 0x86dd);
export const LOOPBACK = 1 << FLAG.loopback;
export const OUTPORT: Slice = slice(LOGICAL.outport);

export const set = (name: string, value: bigint | number): Action => ({ op: "set", dst: slice(name), value: BigInt(value) });
export const move = (src: string, dst: string): Action => ({ op: "move", src: slice(src), dst: slice(dst) });
export const swap = (a: string, b: string): Action => ({ op: "swap", a: slice(a), b: slice(b) });
export const clone = (actions: readonly Action[]): Action => ({ op: "clone", actions });
export const end = (): Action => mark("end");

/** Sets one bit of ct_state. */
export function setBit(bit: bigint): Action {
  return { op: "set", dst: slice("ct_state", bit.toString(2).length - 1, 1), value: 1n };
}

/** A title with what is under it. */
export const under = (text: string, kind: "pipeline" | "change", actions: readonly Action[]): Action[] => [
  mark(kind, text),
  ...actions,
  end(),
];

const EST_TRK = 0x22;
/** States that a connection may be asked to have; the first is what ovn-trace takes by default. */
export const CT_STATES: readonly number[] = [EST_TRK, ...Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== EST_TRK)];

/** How a choice is made known to whoever scripts it. The options of `given` are: translate nothing, to the given address, to it and its port. */
export const CHOICE = { ctState: "connection state", balance: "load balancer", given: "given destination", select: "select" } as const;

/** Where the row of a packet carries the destination that was given for it: fields that logical pipelines have no name for. */
export const GIVEN = { v4: "tun_dst", v6: "tun_ipv6_dst", port: "tun_src" } as const;

/** Title of a pipeline that is entered by the port in `side`. */
export const entering = (pipeline: Pipeline, side: "inport" | "outport"): string =>
  `${pipeline}(dp="${variable("datapath")}", ${side}="${variable(side)}")`;
export const EGRESS_TITLE = `egress(dp="${variable("datapath")}", inport="${variable("inport")}", outport="${variable("outport")}")`;
