/** Which files are OVN's, and in which form. The command decides; where a name says nothing, the first kilobytes do. */
import type { Claim, EvidenceFile } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { storedName } from "./read-store.js";

export type Form =
  | { readonly form: "lflows"; readonly datapath: string }
  | { readonly form: "list" | "json" | "csv"; readonly database: DatabaseName; readonly table: string }
  | { readonly form: "tables" | "store" | "summary"; readonly database: DatabaseName }
  | { readonly form: "zones" };

/** Tables that are listed one by one, as both schemas name them; a file's name may have lost the underscores. */
const TABLES = [
  "ACL Address_Set BFD Chassis Chassis_Private Chassis_Template_Var Connection Controller_Event Copp DHCP_Options DHCPv6_Options DNS",
  "Datapath_Binding ECMP_Nexthop Encap FDB Forwarding_Group Gateway_Chassis HA_Chassis HA_Chassis_Group IGMP_Group IP_Multicast",
  "Load_Balancer Load_Balancer_Group Load_Balancer_Health_Check Logical_DP_Group Logical_Flow Logical_Router Logical_Router_Policy",
  "Logical_Router_Port Logical_Router_Static_Route Logical_Switch Logical_Switch_Port MAC_Binding Meter Meter_Band Mirror Mirror_Rule",
  "Multicast_Group NAT NB_Global Port_Binding Port_Group QoS RBAC_Permission RBAC_Role SB_Global SSL Sample Sample_Collector",
  "Sampling_App Service_Monitor Static_MAC_Binding Advertised_Route Learned_Route ACL_ID",
]
  .join(" ")
  .split(" ");

function plain(text: string): string {
  return text
    .replace(/[_\s]+/g, " ")
    .trim()
    .toLowerCase();
}

/** The table that begins `rest`, the longest where several do. */
function tableIn(rest: string): string {
  const r = plain(rest);
  const fits = TABLES.filter((t) => r === plain(t) || r.startsWith(`${plain(t)} `));
  return fits.sort((a, b) => b.length - a.length)[0] ?? rest.trim().split(/\s+/)[0] ?? "";
}

function databaseIn(text: string): DatabaseName | undefined {
  if (/northbound|ovnnb|nbdb|ovn-nb/i.test(text)) return "northbound";
  if (/southbound|ovnsb|sbdb|ovn-sb/i.test(text)) return "southbound";
  return undefined;
}

/** Captions that only one of the two databases has. */
function databaseOfCaptions(head: string): DatabaseName | undefined {
  const caption = /^(?:\{"caption":"(\w+) table"|(\w+) table\n)/.exec(head);
  const first = caption?.[1] ?? caption?.[2];
  if (first === "ACL") return "northbound";
  // Tables are dumped in order of their names, and the southbound schema's first is this one (ACL_ID since 24.09).
  if (first === "ACL_ID" || first === "Address_Set") return "southbound";
  return undefined;
}

function decode(bytes: Uint8Array, size: number): string {
  return new TextDecoder().decode(bytes.subarray(0, size));
}

/** What form of OVN evidence a file is; undefined if it is none. */
export function formOf(file: EvidenceFile): Form | undefined {
  const command = file.command.replace(/^\S*\/(?=ovn-|ovsdb-)/, "");
  const lflow = /\bovn-sbctl\b.*\blflow-list\b[\s_]*(.*)$/.exec(command);
  if (lflow) return { form: "lflows", datapath: lflow[1]!.trim() };
  if (/\bct-zone-list\b/.test(command)) return { form: "zones" };
  const tool = /\bovn-([ns])bctl\b(.*)$/.exec(command);
  if (tool) {
    const database: DatabaseName = tool[1] === "n" ? "northbound" : "southbound";
    const list = /[\s_](?:list|find)[\s_]+(.+)$/.exec(tool[2]!);
    if (list) {
      const format = /--?f(?:ormat)?[=\s_](json|csv)/.exec(tool[2]!)?.[1];
      return { form: format === "json" ? "json" : format === "csv" ? "csv" : "list", database, table: tableIn(list[1]!) };
    }
    if (/(?:show|-list|dump)/.test(tool[2]!)) return { form: "summary", database };
    return undefined;
  }
  if (file.size === 0) return undefined;
  const bytes = file.bytes();
  let stored = decode(bytes, 4096);
  // A stored database begins with its schema, whose name may stand at the end of it.
  if (stored.startsWith("OVSDB ")) stored = decode(bytes, 65536);
  const name = storedName(stored);
  if (name !== undefined) {
    const database = databaseIn(name) ?? (name === "" ? databaseIn(file.path) : undefined);
    return database && { form: "store", database };
  }
  if (/\bovsdb-client\b.*\bdump\b/.test(command)) {
    const database = databaseIn(command) ?? databaseOfCaptions(stored);
    if (!database) return undefined;
    if (stored.startsWith("{")) return { form: "json", database, table: "" };
    return /^\w+ table\n[A-Za-z_]\w*\s*: /.test(stored) ? { form: "list", database, table: "" } : { form: "tables", database };
  }
  const database = databaseOfCaptions(stored);
  if (database && stored.startsWith("{")) return { form: "json", database, table: "" };
  if (
    /^Datapath: .*Pipeline: (ingress|egress)$/m.test(stored) ||
    /\btable=\d+ ?\(l[rs]_(in|out)_\w+ *\), priority=\d+ *, match=\(/.test(stored)
  )
    return { form: "lflows", datapath: "" };
  return undefined;
}

const TITLE: { readonly [d in DatabaseName]: string } = { northbound: "OVN Northbound database", southbound: "OVN Southbound database" };

/** Forms of one database that hold all of it, the richest first: JSON keeps types, a file has them by its schema, texts lose some. */
function richness(form: Form, file: EvidenceFile): number {
  switch (form.form) {
    case "lflows":
      return /uuid/.test(file.command) ? 2 : 1;
    case "json":
      return 40;
    case "store":
      return 30;
    case "list":
      return 20;
    case "tables":
      return 10;
    default:
      return 0;
  }
}

export function claim(file: EvidenceFile): Claim | null {
  const form = formOf(file);
  if (!form) return null;
  const by = { score: 0.9, form: richness(form, file) };
  switch (form.form) {
    case "lflows":
      return { ...by, what: form.datapath === "" ? "OVN logical flows" : `OVN logical flows of ${form.datapath}` };
    case "zones":
      return { ...by, what: "OVN conntrack zones" };
    case "list":
    case "csv":
    case "json":
      if (form.table === "") return { ...by, what: TITLE[form.database] };
      // `find` may hold a part of what `list` does: both are read, rows are joined by UUID.
      return { ...by, what: `OVN ${form.database} ${/[\s_]find[\s_]/.test(file.command) ? `rows found in ${form.table}` : form.table}` };
    case "store":
    case "tables":
    case "summary":
      return { ...by, what: TITLE[form.database] };
  }
}
