/**
 * Results of replays, asked through DuckDB. It runs in this process, in memory, on threads of its own; it may read blobs and write drafts,
 * and nothing else: no network, no extensions, no other file.
 *
 * Every value of a request is a bound parameter. Columns come from a fixed list, never from a request's text.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from "@duckdb/node-api";
import type { Blobs } from "../blobs/blobs.js";

export type SqlValue = string | number | bigint | boolean;
export type SqlRow = Readonly<Record<string, unknown>>;

/** A piece of SQL and its parameters, in the order in which they stand there as `?`. */
export interface Sql {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

const MEMORY = "512MB";
/** Queries at a time; others wait. */
const AT_ONCE = 4;

export class ResultStore {
  private readonly waiting: (() => void)[] = [];
  private busy = 0;

  private constructor(
    private readonly instance: DuckDBInstance,
    readonly blobs: Blobs,
    private readonly scratch: string,
  ) {}

  /** @param folder the data's; a scratch folder in it takes what does not fit in memory */
  static async open(folder: string, blobs: Blobs): Promise<ResultStore> {
    const scratch = join(folder, "scratch");
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { mode: 0o700 });
    const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: MEMORY });
    const connection = await instance.connect();
    try {
      const quoted = (path: string) => `'${path.replaceAll("'", "''")}'`;
      for (const setting of [
        `temp_directory = ${quoted(scratch)}`,
        `allowed_directories = [${quoted(join(folder, "blobs"))}]`,
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
      ])
        await connection.run(`SET ${setting}`);
    } finally {
      connection.closeSync();
    }
    return new ResultStore(instance, blobs, scratch);
  }

  /** Rows as JSON has them: 64-bit integers as numbers. */
  rows(sql: Sql): Promise<SqlRow[]> {
    return this.with(async (connection) => {
      const reader = await connection.runAndReadAll(sql.text, sql.values as DuckDBValue[]);
      return reader.getRowObjectsJS().map(plainRow);
    });
  }

  /** Rows one by one, for answers of any length. */
  async *stream(sql: Sql): AsyncGenerator<SqlRow> {
    await this.enter();
    const connection = await this.instance.connect();
    try {
      const result = await connection.stream(sql.text, sql.values as DuckDBValue[]);
      for await (const rows of result.yieldRowObjectJs()) for (const row of rows) yield plainRow(row);
    } finally {
      connection.closeSync();
      this.leave();
    }
  }

  /** Writes what a query selects as Parquet into a draft, whose path it returns. */
  async parquet(sql: Sql): Promise<string> {
    const draft = this.blobs.draft();
    await this.with((connection) =>
      connection.run(
        `COPY (${sql.text}) TO '${draft.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
        sql.values as DuckDBValue[],
      ),
    );
    return draft;
  }

  async close(): Promise<void> {
    this.instance.closeSync();
    rmSync(this.scratch, { recursive: true, force: true });
  }

  private async with<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    await this.enter();
    const connection = await this.instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.busy >= AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.busy++;
  }

  /** Hands its place on, if somebody waits. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.busy--;
  }
}

function plainRow(row: Readonly<Record<string, unknown>>): SqlRow {
  return Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === "bigint" ? Number(v) : v]));
}
