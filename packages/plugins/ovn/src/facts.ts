/** Kinds of facts that the OVN plugin reads. */
import type { Columns } from "./values.js";

export type DatabaseName = "northbound" | "southbound";
export type Pipeline = "ingress" | "egress";

/** One line of `ovn-sbctl lflow-list`: a logical flow under one datapath. */
export interface LflowFact {
  /** First 8 hex digits, or the full UUID; "" where it was not printed. */
  uuid: string;
  /** Name of the logical datapath; "" where the paste does not say. */
  datapath: string;
  pipeline: Pipeline;
  /** Logical table within the pipeline. */
  table: number;
  /** ls_in_lb, lr_out_snat, … */
  stage: string;
  priority: number;
  /** Verbatim. */
  match: string;
  /** Verbatim. */
  actions: string;
}

/** A row of the northbound or southbound database, whatever form it was printed in. */
export interface OvnRowFact {
  database: DatabaseName;
  /** As the schema names it: Load_Balancer. */
  table: string;
  /** Full UUID, its first 8 digits, or "" where it was not printed. */
  uuid: string;
  /** All that was printed but `_uuid`. */
  columns: Columns;
  /** Whether the fact's line is the row's own; a JSON dump's line is the whole table, a database file's the transaction. */
  ownLine: boolean;
}

/** `ovn-appctl ct-zone-list`, one zone. */
export interface CtZoneFact {
  /** Logical port, or datapath (name or UUID) with `_dnat` or `_snat`. */
  name: string;
  zone: number;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "ovn.lflow": LflowFact;
    "ovn.row": OvnRowFact;
    "ovn.ct-zone": CtZoneFact;
  }
}
