/** What encoders of actions have in common: where the actions stand, and the OpenFlow actions that come out. */
import type { FieldRef, PacketField } from "../expr/fields.js";
import { resolveField } from "../expr/fields.js";
import { LOGICAL, registerField } from "../expr/logical-fields.js";
import type { LookupPort } from "../expr/rows.js";
import type { Pipeline } from "./ast.js";
import type { ControllerTables } from "./controller-tables.js";
import type { OpenFlowAction, SubField } from "./openflow.js";

/** What releases of ovn-controller write differently. */
export interface ControllerForm {
  /** The register in which an IPv6 neighbour is looked up, xxreg0 or xxreg1. */
  readonly neighbourRegister: 0 | 1;
  /** `icmp4.frag_mtu` and its like are noted in the actions, or sent to ovn-controller at once. */
  readonly mtuNotes: boolean;
  /** Packets for which a neighbour is asked wait at ovn-controller, and come back. */
  readonly pauses: boolean;
  /** Where `ct_nw_dst` and its like find the answer: each in a register of its own, or all in the low bits of xxreg1. */
  readonly originalIn: "registers" | "xxreg1";
}

/** As held against flows of these releases; the last is that of OVN's own newest tests. */
export const CONTROLLER_FORMS = {
  "23.03": { neighbourRegister: 0, mtuNotes: false, pauses: false, originalIn: "registers" },
  "25.03": { neighbourRegister: 1, mtuNotes: true, pauses: true, originalIn: "registers" },
  newest: { neighbourRegister: 1, mtuNotes: true, pauses: true, originalIn: "xxreg1" },
} as const satisfies Record<string, ControllerForm>;

export interface EncodeContext {
  readonly pipeline: Pipeline;
  readonly isSwitch: boolean;
  readonly tables: ControllerTables;
  readonly lookupPort: LookupPort;
  /** OpenFlow port of the tunnel to where a logical port is bound. */
  readonly tunnelPort: (logicalPort: string) => number | undefined;
  /** Numbers of groups and meters by what they are. */
  readonly groupId: (text: string) => number;
  readonly meterId: (text: string) => number;
  /** First 32 bits of the logical flow's UUID. */
  readonly cookie: number;
  readonly datapathKey: number;
  /** Whether a Flow_Sample_Collector_Set of that number is there. */
  readonly hasCollectorSet: (id: number) => boolean;
  /** How the release of ovn-controller writes what releases write differently. */
  readonly form: ControllerForm;
  /** The datapath can make source addresses unique without changing them: then `ct_commit` has it do so. */
  readonly zeroSnat: boolean;
}

export function wholeField(field: PacketField): SubField {
  return { field, ofs: 0, bits: field.bits };
}
/** `reg0`. */
export function register(name: string): PacketField {
  return registerField(Number(name.slice(3)));
}
export const INPORT = register(LOGICAL.inport);
export const OUTPORT = register(LOGICAL.outport);
export const FLAGS = register(LOGICAL.flags);
export function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}
export function isField(a: SubField, b: PacketField): boolean {
  return a.field.name === b.name;
}

/** A value that a table of ovn-controller expects in a certain field. */
export interface Argument {
  readonly src: SubField;
  readonly dst: PacketField;
}

export class Encoder {
  readonly out: OpenFlowAction[] = [];

  constructor(readonly context: EncodeContext) {}

  add(...actions: readonly OpenFlowAction[]): void {
    this.out.push(...actions);
  }
  set(field: PacketField, value: bigint, mask = ones(field.bits)): void {
    this.add({ op: "set_field", field, value, mask });
  }
  clearFlag(bit: number): void {
    this.set(FLAGS, 0n, 1n << BigInt(bit));
  }
  resubmit(table: number): void {
    this.add({ op: "resubmit", table });
  }
  controller(userdata: Uint8Array, pause = false): void {
    this.add({ op: "controller", userdata, pause });
  }
  group(text: string): void {
    this.add({ op: "group", id: this.context.groupId(text) });
  }

  logicalTable(table: number, pipeline = this.context.pipeline): number {
    const { ingress, egress } = this.context.tables;
    return table + (pipeline === "ingress" ? ingress : egress);
  }

  outputTable(): number {
    const { tables, pipeline } = this.context;
    return pipeline === "ingress" ? tables.ingressOutput : tables.egressOutput;
  }

  zone(name: "port" | "dnat" | "snat"): SubField {
    const of = name === "port" ? LOGICAL.portZone : name === "dnat" ? LOGICAL.dnatZone : LOGICAL.snatZone;
    return { field: register(of), ofs: 0, bits: 16 };
  }
  /** A switch has one zone a port, a router one for each kind of translation. */
  zoneOf(zone: "dnat" | "snat" | undefined): SubField {
    return this.zone(this.context.isSwitch ? "port" : (zone ?? "dnat"));
  }
  ct(zone: SubField, more: Partial<Extract<OpenFlowAction, { op: "ct" }>>): void {
    this.add({ op: "ct", commit: false, table: undefined, nat: undefined, exec: [], zone, ...more });
  }

  /** Arguments where they are expected, what stood there put aside and put back behind. */
  withArguments(args: readonly Argument[], body: () => void): void {
    const moved = args.filter((a) => !isField(a.src, a.dst));
    for (const a of moved) this.add({ op: "push", field: wholeField(a.dst) });
    for (const a of moved.toReversed()) this.add({ op: "push", field: a.src });
    for (const a of moved) this.add({ op: "pop", field: wholeField(a.dst) });
    body();
    for (const a of moved.toReversed()) this.add({ op: "pop", field: wholeField(a.dst) });
  }

  /** A table sets a flag, which is the result. */
  ask(bit: number, table: number, dst: FieldRef): void {
    this.clearFlag(bit);
    this.resubmit(table);
    this.moveFlag(bit, dst);
  }
  moveFlag(bit: number, dst: FieldRef): void {
    this.add({ op: "move", src: { field: FLAGS, ofs: bit, bits: 1 }, dst: resolveField(dst) });
  }
}
