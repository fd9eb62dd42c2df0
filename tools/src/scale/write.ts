/** A database of many rows written to a file: too much for one string. */
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import type { SouthboundRow } from "../oracle/ovn/southbound-file.js";

/** `store`: an OVSDB file (ovsdb(5)); `dump`: as `ovsdb-client -f json dump` prints it. */
export type FileForm = "store" | "dump";

/** Characters that are put together before they become bytes. */
const PIECE = 1 << 22;

/** Writes rows, which come table by table or mixed; returns how many bytes. */
export function writeRows(path: string, form: FileForm, rows: Iterable<SouthboundRow>): number {
  const tables = new Map<string, Pieces>();
  const headings = new Map<string, string[]>();
  for (const { table, uuid, columns } of rows) {
    let pieces = tables.get(table);
    if (!pieces) {
      tables.set(table, (pieces = new Pieces()));
      headings.set(table, Object.keys(columns));
    }
    if (form === "store") pieces.add(`${JSON.stringify(uuid)}:${JSON.stringify(columns)}`);
    else pieces.add(JSON.stringify([["uuid", uuid], ...headings.get(table)!.map((h) => columns[h])]));
  }
  const out: Buffer[] = [];
  if (form === "dump")
    for (const [table, pieces] of [...tables].sort(([a], [b]) => (a < b ? -1 : 1))) {
      out.push(Buffer.from(`{"caption":"${table} table","data":[`));
      out.push(...pieces.done());
      out.push(Buffer.from(`],"headings":${JSON.stringify(["_uuid", ...headings.get(table)!])}}\n`));
    }
  else {
    const schema = {
      name: "OVN_Southbound",
      version: "20.27.0",
      tables: Object.fromEntries([...headings].map(([t, h]) => [t, schemaOf(h)])),
    };
    out.push(...record([Buffer.from(JSON.stringify(schema))]));
    const body: Buffer[] = [Buffer.from("{")];
    let first = true;
    for (const [table, pieces] of tables) {
      body.push(Buffer.from(`${first ? "" : ","}"${table}":{`), ...pieces.done(), Buffer.from("}"));
      first = false;
    }
    out.push(...record([...body, Buffer.from("}")]));
  }
  const file = openSync(path, "w");
  let size = 0;
  for (const b of out) size += writeSync(file, b);
  closeSync(file);
  return size;
}

/** A schema that says of each column only that it is there. */
function schemaOf(columns: readonly string[]) {
  return { columns: Object.fromEntries(columns.map((c) => [c, { type: "string" }])) };
}

function record(body: readonly Buffer[]): Buffer[] {
  const whole = [...body, Buffer.from("\n")];
  const hash = createHash("sha1");
  for (const b of whole) hash.update(b);
  const size = whole.reduce((n, b) => n + b.length, 0);
  return [Buffer.from(`OVSDB JSON ${size} ${hash.digest("hex")}\n`), ...whole];
}

/** Items joined by commas, in buffers. */
class Pieces {
  private readonly ready: Buffer[] = [];
  private text: string[] = [];
  private length = 0;
  private any = false;

  add(item: string): void {
    this.text.push(this.any ? `,${item}` : item);
    this.any = true;
    this.length += item.length;
    if (this.length > PIECE) this.flush();
  }
  private flush(): void {
    this.ready.push(Buffer.from(this.text.join("")));
    this.text = [];
    this.length = 0;
  }
  done(): readonly Buffer[] {
    this.flush();
    return this.ready;
  }
}
