/**
 * A southbound database for one layer: rows of the small tables as objects, logical flows in columns, whatever form they come in.
 *
 * Nothing of it goes through facts: what a snapshot keeps of a row, to show it, is several times what a trace needs of it. Several
 * texts make one database (flows from one, port bindings from another); rows with a UUID are one row, whoever tells of them.
 */
import type { Origin, Problem, ReadContext } from "@plumbline/model";
import type { Row, Zone } from "../database.js";
import type { LflowFact } from "../facts.js";
import { readCsv } from "../read-csv.js";
import { readJsonTables } from "../read-json.js";
import { readLflows } from "../read-lflows.js";
import { readLists, readTables } from "../read-lists.js";
import { readStore } from "../read-store.js";
import type { Columns } from "../values.js";
import { identify, recordOf } from "./flow-rows.js";
import { FlowTable } from "./flow-table.js";
import { FLOWS, type Intake, TABLES } from "./intake.js";
import { readDump } from "./read-dump.js";
import { readStandalone } from "./read-standalone.js";
import { tableOfColumns } from "./which-table.js";

export interface OvnFile {
  /** As origins and messages call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export class Southbound {
  /** Files, in the order of what their flows' lines count in: `fileOf` says which. */
  readonly files: { readonly name: string; readonly from: number }[] = [];
  readonly tables = new Map<string, Map<string, Row>>();
  /** Tables that are in evidence, even if empty. */
  readonly known = new Set<string>();
  readonly problems: Problem[] = [];
  private unnamed = 0;

  constructor(readonly flows = new FlowTable()) {}

  /** The file that a flow is of. */
  fileOf(flow: number): string {
    return this.files.findLast((f) => f.from <= flow)?.name ?? "";
  }

  /** As the topology wants it; logical flows are not in it. */
  get zone(): Zone {
    return {
      host: "",
      tables: new Map([...this.tables].map(([t, rows]) => [`southbound.${t}`, rows])),
      lflows: [],
      lflowsByPrefix: new Map(),
      rowsByPrefix: new Map(),
      datapathByKey: new Map(),
    };
  }

  /** Takes in what a file holds. */
  read(file: OvnFile): void {
    this.files.push({ name: file.name, from: this.flows.count });
    const intake: Intake = {
      flows: this.flows,
      file: file.name,
      row: (table, uuid, columns, line) => this.enter(table, uuid, columns, { file: file.name, line, text: "" }),
      seen: (table) => void this.known.add(table),
      has: (table) => this.known.has(table),
      problem: (severity, line, message, hint = "") => void this.problems.push({ severity, file: file.name, line, message, hint }),
    };
    const head = new TextDecoder().decode(file.bytes.subarray(0, 65536)).trimStart();
    if (head.startsWith("OVSDB JSON ")) readStandalone(file.bytes, intake);
    else if (/^\{\s*"caption"/.test(head)) readDump(file.bytes, intake);
    else this.readText(file, head, intake);
  }

  /** Forms that become texts first. */
  private readText(file: OvnFile, head: string, intake: Intake): void {
    const ctx = this.context(file.name, intake);
    if (head.startsWith("OVSDB ")) {
      readStore(file.bytes, "southbound", ctx);
      for (const table of [...TABLES, FLOWS]) this.known.add(table);
      return;
    }
    const text = new TextDecoder().decode(file.bytes);
    if (head.startsWith("{")) readJsonTables(text, "southbound", "", ctx);
    else if (/^Datapath: |^\s*(uuid=0x|table=\d)|\btable=\d+ ?\(l[rs]_/m.test(head)) {
      readLflows(text, "", ctx, (d) => this.listed(d.name, d.uuid, { file: file.name, line: d.line, text: d.text }));
      this.known.add(FLOWS);
    } else if (/^\w+ table\n(?![A-Za-z_]\w*\s*: )/.test(head)) readTables(text, "southbound", ctx);
    else if (/^_uuid,/.test(head)) readCsv(text, "southbound", "", ctx);
    else readLists(text, "southbound", "", ctx);
  }

  /** A reader's facts, taken in. Rows of a list without a caption tell their table by their columns. */
  private context(file: string, intake: Intake): ReadContext {
    return {
      problem: intake.problem,
      fact: (kind, data, line) => {
        if (kind === "ovn.row") {
          const { table, uuid, columns } = data as { table: string; uuid: string; columns: Columns };
          const of = table === "" ? tableOfColumns(columns) : table;
          if (of === undefined) intake.problem("warning", line, "a row of no table that is known");
          else if (of === FLOWS) {
            this.known.add(of);
            this.flows.put(recordOf(this.flows, uuid, columns, line));
          } else this.enter(of, uuid, columns, { file, line, text: "" });
        } else if (kind === "ovn.lflow") {
          const { datapath, stage, match, actions, uuid, ...rest } = data as LflowFact;
          const { flows } = this;
          const r = recordOf(flows, "", { match, actions, pipeline: rest.pipeline }, line);
          Object.assign(r, { table: rest.table, priority: rest.priority, stage: flows.stage(stage), set: flows.set(datapath) });
          identify(r, uuid);
          flows.put(r);
        }
      },
    };
  }

  /** Takes in a row. */
  enter(table: string, uuid: string, columns: Columns, origin: Origin): void {
    this.known.add(table);
    if (!TABLES.has(table)) return;
    let rows = this.tables.get(table);
    if (!rows) this.tables.set(table, (rows = new Map()));
    const id = uuid === "" ? `#${++this.unnamed}` : uuid;
    const old = rows.get(id);
    rows.set(id, { database: "southbound", table, uuid, columns: old ? { ...old.columns, ...columns } : columns, origin });
  }

  private listed(name: string, uuid: string, origin: Origin): void {
    const rows = this.tables.get("Datapath_Binding");
    if (rows?.has(uuid)) return;
    const known = this.known.has("Datapath_Binding");
    this.enter("Datapath_Binding", uuid, { external_ids: { name } }, origin);
    if (!known) this.known.delete("Datapath_Binding");
  }
}
