/**
 * What a list of logical flows alone still tells of its topology: the names of datapaths and ports, and which port is on which datapath.
 *
 * Rows are put in for them, with numbers of our own, so that packets can be followed from flow to flow. What no flow tells (where a
 * port leads, members of a multicast group, learned addresses) stays unknown: tables that are not in evidence are not in `known`.
 */
import type { Origin } from "@plumbline/model";
import { asMap, asText } from "../values.js";
import { tableAt } from "./flow-table.js";
import type { Southbound } from "./southbound.js";

/** Port_Binding's type of a port of which only the name is known. */
export const UNTOLD = "untold";

const NAMED = /\b(?:inport|outport) ==? ("[^"]*"|\{[^}]*\})/g;
const MULTICAST = /^_MC_/;

/** Puts rows in for what is not in evidence. Does nothing where port bindings are. */
export function inferRows(s: Southbound): void {
  const { flows } = s;
  const wantDatapaths = !s.known.has("Datapath_Binding");
  const wantPorts = !s.known.has("Port_Binding");
  if (!wantDatapaths && !wantPorts) return;
  if (wantDatapaths) datapaths(s);
  const uuids = new Map<string, string>();
  for (const r of s.tables.get("Datapath_Binding")?.values() ?? []) {
    uuids.set(r.uuid, r.uuid);
    uuids.set(asText(asMap(r.columns["external_ids"])["name"]), r.uuid);
  }
  if (!wantPorts) return;
  const seen = new Map<string, { readonly datapath: string; readonly origin: Origin }>();
  for (let f = 0; f < flows.count; f++) {
    const datapath = uuids.get(flows.sets[flows.setAt(f)]);
    if (datapath === undefined) continue;
    const texts = `${flows.texts.at(flows.match(f))} ${flows.texts.at(flows.actions(f))}`;
    for (const [, named] of texts.matchAll(NAMED))
      for (const [, name] of named.matchAll(/"([^"]*)"/g)) {
        const own = MULTICAST.test(name) ? `${datapath} ${name}` : name;
        if (name !== "" && name !== "none" && !seen.has(own))
          seen.set(own, { datapath, origin: { file: s.fileOf(f), line: flows.line(f), text: "" } });
      }
  }
  const known = new Set(s.known);
  let n = 0;
  for (const [name, { datapath, origin }] of seen) {
    n++;
    if (name.includes(" _MC_")) {
      const columns = { name: name.slice(name.indexOf("_MC_")), datapath, tunnel_key: 32768 + n, ports: [] };
      if (!known.has("Multicast_Group")) s.enter("Multicast_Group", `untold-${n}`, columns, origin);
    } else s.enter("Port_Binding", `untold-${n}`, { logical_port: name, datapath, type: UNTOLD, tunnel_key: n }, origin);
  }
  for (const t of ["Port_Binding", "Multicast_Group"]) if (!known.has(t)) s.known.delete(t);
}

/** Datapaths that only headers or flows name get keys; flows without a header are of one datapath without a name. */
function datapaths(s: Southbound): void {
  const { flows } = s;
  const names = new Set(
    [...(s.tables.get("Datapath_Binding")?.values() ?? [])].flatMap((r) => [r.uuid, asText(asMap(r.columns["external_ids"])["name"])]),
  );
  const kinds = new Map<string, string>();
  for (let f = 0; f < flows.count; f++) {
    const name = flows.sets[flows.setAt(f)];
    if (!kinds.has(name)) kinds.set(name, flows.stages[flows.stageAt(f)].startsWith("lr_") ? "logical-router" : "logical-switch");
    if (!names.has(name)) {
      names.add(name);
      const origin = { file: s.fileOf(f), line: flows.line(f), text: `table ${tableAt(flows.place(f))}` };
      s.enter("Datapath_Binding", `untold ${name}`, { external_ids: { name } }, origin);
    }
  }
  let key = 0;
  for (const r of [...(s.tables.get("Datapath_Binding")?.values() ?? [])]) {
    const name = asText(asMap(r.columns["external_ids"])["name"]);
    const ids = { ...asMap(r.columns["external_ids"]), [kinds.get(name) ?? "logical-switch"]: r.uuid };
    s.enter("Datapath_Binding", r.uuid, { external_ids: ids, tunnel_key: ++key }, r.origin);
  }
  s.known.delete("Datapath_Binding");
}
