/** The OVN plugin: northbound and southbound databases and logical flows; names what br-int's rules are; what OVN's controller does with a packet. */
import { assertNever, type EvidenceFile, type ReadContext } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { claiming } from "./address-claims.js";
import { annotator } from "./annotate.js";
import { claim, formOf } from "./claims.js";
import { reportContradictions } from "./contradictions.js";
import { explain, knownServices } from "./explain/index.js";
import { lowerLogical } from "./logical.js";
import { offerSwitches } from "./physical/derive.js";
import { puntInterpreter } from "./punt.js";
import { readCsv } from "./read-csv.js";
import { readJsonTables } from "./read-json.js";
import { readLflows, readZones } from "./read-lflows.js";
import { readLists, readTables } from "./read-lists.js";
import { readStore } from "./read-store.js";
import { SHAPES } from "./shapes.js";

export { balancersFor, destinationOf, serviceOf, servicesOfLoadBalancers } from "./balancers.js";
export { type CookieCandidates, cookieCandidates, fitting, openflowTable } from "./cookies.js";
export { type Lflow, type Row, rows, type Zone, zones, zonesFor } from "./database.js";
export type { OvnFile } from "./db/southbound.js";
export type { CtZoneFact, DatabaseName, LflowFact, OvnRowFact, Pipeline } from "./facts.js";
export { type TableOffsets, tableOffsets } from "./offsets.js";
export { OPCODES } from "./opcodes.js";
export { puntInterpreter } from "./punt.js";
export type { OvnOutput, OvnStep, OvnTrace } from "./trace/answer.js";
export { followOvn, type LiveOvn, type LiveSpec, type Remote, remoteOf, type TlsFiles } from "./trace/live.js";
export { type OvnSpec, openOvn } from "./trace/open.js";
export type { OvnQuestion } from "./trace/question.js";
export { asMap, asNumber, asSet, asText, type Columns, type Value } from "./values.js";

function read(file: EvidenceFile, ctx: ReadContext): void {
  const form = formOf(file);
  if (!form) return;
  switch (form.form) {
    case "lflows":
      readLflows(file.text(), form.datapath, claiming(file.host, ctx));
      break;
    case "zones":
      readZones(file.text(), ctx);
      break;
    case "list":
      readLists(file.text(), form.database, form.table, claiming(file.host, ctx));
      break;
    case "json":
      readJsonTables(file.text(), form.database, form.table, claiming(file.host, ctx));
      break;
    case "tables":
      readTables(file.text(), form.database, claiming(file.host, ctx));
      break;
    case "store":
      readStore(file.bytes(), form.database, claiming(file.host, ctx));
      break;
    case "csv":
      readCsv(file.text(), form.database, form.table, claiming(file.host, ctx));
      break;
    case "summary":
      ctx.problem(
        "info",
        1,
        `'${file.command}' is a summary of the ${form.database} database and is not read`,
        `Collect ovsdb-client -f json dump SOCKET OVN_${form.database === "northbound" ? "Northbound" : "Southbound"}`,
      );
      break;
    default:
      assertNever(form);
  }
}

export default definePlugin({
  id: "ovn",
  title: "OVN: northbound and southbound databases, logical flows, conntrack zones",
  claims: claim,
  parse: read,
  facts: SHAPES,
  lower: {
    hooks(ctx) {
      ctx.punts.push(puntInterpreter(ctx.net));
      offerSwitches(ctx);
    },
    devices: reportContradictions,
    linked: lowerLogical,
  },
  annotator,
  services: knownServices,
  explain,
  collects: [
    { what: "OVN logical flows", command: "ovn-sbctl --uuid lflow-list", on: "cluster" },
    { what: "OVN Northbound database", command: "ovsdb-client -f json dump unix:/var/run/ovn/ovnnb_db.sock OVN_Northbound", on: "cluster" },
    { what: "OVN Southbound database", command: "ovsdb-client -f json dump unix:/var/run/ovn/ovnsb_db.sock OVN_Southbound", on: "cluster" },
    { what: "OVN conntrack zones", command: "ovn-appctl -t ovn-controller ct-zone-list", on: "node" },
  ],
});
