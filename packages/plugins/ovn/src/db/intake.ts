/** What readers of a southbound database have in common: the tables that are wanted, and where rows go. */
import type { Problem } from "@plumbline/model";
import type { Columns } from "../values.js";
import type { FlowTable } from "./flow-table.js";

/** Tables whose rows a trace looks at (ovn/utilities/ovn-trace.c, read_db). */
export const TABLES: ReadonlySet<string> = new Set([
  "SB_Global",
  "Datapath_Binding",
  "Logical_DP_Group",
  "Port_Binding",
  "Multicast_Group",
  "Address_Set",
  "Port_Group",
  "Load_Balancer",
  "MAC_Binding",
  "Static_MAC_Binding",
  "FDB",
  "Chassis_Template_Var",
]);
export const FLOWS = "Logical_Flow";

/** Where what is read is put. */
export interface Intake {
  readonly flows: FlowTable;
  readonly file: string;
  row(table: string, uuid: string, columns: Columns, line: number): void;
  /** The table is in evidence, even if nothing is in it. */
  seen(table: string): void;
  has(table: string): boolean;
  problem(severity: Problem["severity"], line: number, message: string, hint?: string): void;
}
