/** Which table of the southbound database a row is of, where only its columns tell: `ovn-sbctl list` prints no table's name. */
import type { Columns } from "../values.js";

/** Tables by columns that no other has together; the first that fits. */
const SIGNS: readonly (readonly [table: string, ...columns: readonly string[]])[] = [
  ["Logical_Flow", "match", "actions", "pipeline"],
  ["Port_Binding", "logical_port", "tunnel_key"],
  ["Multicast_Group", "ports", "tunnel_key", "datapath"],
  ["Datapath_Binding", "tunnel_key", "external_ids"],
  ["Static_MAC_Binding", "logical_port", "ip", "mac", "override_dynamic_mac"],
  ["MAC_Binding", "logical_port", "ip", "mac"],
  ["FDB", "dp_key", "port_key", "mac"],
  ["Load_Balancer", "vips", "protocol"],
  ["Logical_DP_Group", "datapaths"],
  ["Address_Set", "addresses", "name"],
  ["Port_Group", "ports", "name"],
  ["Chassis_Template_Var", "variables"],
  ["SB_Global", "nb_cfg", "options", "connections"],
  ["Chassis", "encaps", "hostname"],
];

export function tableOfColumns(columns: Columns): string | undefined {
  return SIGNS.find(([, ...names]) => names.every((n) => n in columns))?.[0];
}
