/**
 * Where the records of flows go: a file of lines (NDJSON) or a Parquet file, by the name's end.
 *
 * Both write synchronously, in pieces of about a MiB: a reader that is slow (a pipe) holds the replay up, and what waits to
 * be written is never more than a piece.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { PlumblineError } from "@plumbline/model";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import type { Flow } from "./flow.js";

export interface FlowSink {
  write(flow: Flow): void;
  /** Writes what is left. Called once, at the end; without it the file is not complete. */
  close(): void;
}

/** A sink for `path`. Throws what opening the file throws. */
export function flowFile(path: string): FlowSink {
  if (/\.(ndjson|jsonl)$/i.test(path)) return new LineFile(path);
  if (/\.parquet$/i.test(path)) return new ParquetFile(path);
  throw new PlumblineError("USAGE", [
    `${path}: the flows' format is told by the name's end, and this is neither .ndjson nor .parquet.`,
    "Give --flows FILE.ndjson or FILE.parquet.",
  ]);
}

const PIECE_CHARACTERS = 1 << 20;

class LineFile implements FlowSink {
  private readonly fd: number;
  private waiting: string[] = [];
  private size = 0;

  constructor(path: string) {
    this.fd = openSync(path, "w");
  }
  write(flow: Flow): void {
    const line = `${JSON.stringify(flow)}\n`;
    this.waiting.push(line);
    this.size += line.length;
    if (this.size >= PIECE_CHARACTERS) this.flush();
  }
  close(): void {
    this.flush();
    closeSync(this.fd);
  }
  private flush(): void {
    const bytes = Buffer.from(this.waiting.join(""));
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    this.waiting = [];
    this.size = 0;
  }
}

type ColumnType = "STRING" | "INT32" | "INT64" | "DOUBLE";
interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly of: (f: Flow) => string | number | bigint | null;
}

const text = (name: keyof Flow & string, nullable = false): Column => ({
  name,
  type: "STRING",
  nullable,
  of: (f) => f[name] as string | null,
});
const port = (name: keyof Flow & string): Column => ({ name, type: "INT32", nullable: false, of: (f) => f[name] as number });
const big = (name: keyof Flow & string): Column => ({
  name,
  type: "INT64",
  nullable: false,
  of: (f) => BigInt(f[name] as number),
});

/** The columns of a flow's record; what is nested there is flattened: becauseRule. */
const COLUMNS: readonly Column[] = [
  text("schema"),
  text("proto"),
  text("src"),
  port("srcPort"),
  text("dst"),
  port("dstPort"),
  big("packets"),
  big("bytes"),
  text("first"),
  text("last"),
  text("verdict"),
  text("node"),
  text("to", true),
  text("toKind", true),
  text("toNode", true),
  text("finalSrc"),
  port("finalSrcPort"),
  text("finalDst"),
  port("finalDstPort"),
  text("path", true),
  { name: "probability", type: "DOUBLE", nullable: false, of: (f) => f.probability },
  text("chosen"),
  { name: "becauseDevice", type: "STRING", nullable: true, of: (f) => f.because?.device ?? null },
  { name: "becauseRule", type: "STRING", nullable: true, of: (f) => f.because?.rule ?? null },
  { name: "becauseFile", type: "STRING", nullable: true, of: (f) => f.because?.file ?? null },
  { name: "becauseLine", type: "INT32", nullable: true, of: (f) => f.because?.line ?? null },
  text("reason"),
  text("certainty", true),
  text("answer"),
  text("contradiction"),
  text("reply", true),
  text("start"),
  port("sightings"),
  text("unseen"),
  big("otherPath"),
  text("at"),
];

/** Rows of a row group: few enough to hold, enough for columns to compress. */
const GROUP_ROWS = 50_000;

class ParquetFile implements FlowSink {
  private readonly writer: ParquetWriter;
  private columns: (string | number | bigint | null)[][] = COLUMNS.map(() => []);

  constructor(path: string) {
    // Every row is checked by the types above, so the schema is stated and not guessed from the data.
    this.writer = new ParquetWriter({
      writer: fileWriter(path),
      createdBy: "plumbline",
      schema: [
        { name: "flows", num_children: COLUMNS.length },
        ...COLUMNS.map(({ name, type, nullable }) => {
          const repetition_type = nullable ? ("OPTIONAL" as const) : ("REQUIRED" as const);
          return type === "STRING"
            ? { name, repetition_type, type: "BYTE_ARRAY" as const, converted_type: "UTF8" as const }
            : { name, repetition_type, type };
        }),
      ],
    });
  }
  write(flow: Flow): void {
    COLUMNS.forEach((c, i) => {
      this.columns[i].push(c.of(flow));
    });
    if (this.columns[0].length >= GROUP_ROWS) this.flush();
  }
  close(): void {
    this.flush();
    this.writer.finish();
  }
  private flush(): void {
    if (this.columns[0].length === 0) return;
    this.writer.write({ columnData: COLUMNS.map(({ name }, i) => ({ name, data: this.columns[i] })), rowGroupSize: GROUP_ROWS });
    this.columns = COLUMNS.map(() => []);
  }
}
