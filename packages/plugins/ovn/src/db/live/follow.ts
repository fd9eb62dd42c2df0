/**
 * A database followed over its protocol (RFC 7047; ovsdb-server(7), "Monitor Cond Since"): its rows as they are, and every change.
 *
 * `monitor_cond_since` is asked for first: after a lost connection the server then sends only what has changed since. Servers that do
 * not know it are asked for `monitor_cond`, and older ones for `monitor`; these send everything again.
 */
import { PlumblineError } from "@plumbline/model";
import { applyDiff, type Shape, shapeOf } from "../../read-store.js";
import { type Columns, fromJson, type Value } from "../../values.js";
import { Connection, Refused, type Remote, type TlsFiles } from "./connection.js";

/** How the server tells of changes, the best first. */
export type MonitorMethod = "monitor_cond_since" | "monitor_cond" | "monitor";
const METHODS: readonly MonitorMethod[] = ["monitor_cond_since", "monitor_cond", "monitor"];
const NOTHING_YET = "00000000-0000-0000-0000-000000000000";

export interface FollowOptions {
  readonly remote: Remote;
  /** Name of the database: OVN_Southbound. */
  readonly database: string;
  /** Tables to be followed: those that the server's schema has. */
  readonly tables: readonly string[];
  readonly tls?: TlsFiles | undefined;
  /** Is told after each change. */
  readonly changed?: (() => void) | undefined;
  /** Is told when a connection is lost, and when there is one again. */
  readonly note?: ((message: string) => void) | undefined;
  /** Milliseconds until a lost connection is tried again the first time; doubled each time, up to 8 s. */
  readonly patience?: number | undefined;
}

const LONGEST_WAIT = 8000;

export class FollowedDatabase {
  /** By table, then by UUID. */
  readonly rows = new Map<string, Map<string, { [column: string]: Value }>>();
  /** How changes are told. */
  method: MonitorMethod = "monitor_cond_since";
  /** The last transaction that the server told of. */
  private last = NOTHING_YET;
  private shapes = new Map<string, Map<string, Shape>>();
  private connection: Connection | undefined;
  private stopped = false;
  private retry: NodeJS.Timeout | undefined;

  private constructor(private readonly options: FollowOptions) {}

  /** Connects and reads the whole. Throws PlumblineError where that fails; later losses are mended. */
  static async open(options: FollowOptions): Promise<FollowedDatabase> {
    const f = new FollowedDatabase(options);
    try {
      await f.connect();
    } catch (e) {
      f.stop();
      throw e;
    }
    return f;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.connection?.close();
  }

  private async connect(): Promise<void> {
    const { remote, database, tls, tables } = this.options;
    const c = await Connection.open(remote, tls);
    this.connection = c;
    const there = (await c.call("list_dbs", [])) as string[];
    if (!there.includes(database))
      throw new PlumblineError("USAGE", [
        `${remote.text}: there is no database ${database}; there is ${there.join(", ")}.`,
        "Name the southbound database's socket.",
      ]);
    const schema = (await c.call("get_schema", [database])) as { tables: Record<string, { columns: Record<string, { type: unknown }> }> };
    const followed = tables.filter((t) => schema.tables[t]);
    this.shapes = new Map(
      followed.map((t) => [t, new Map(Object.entries(schema.tables[t].columns).map(([n, { type }]) => [n, shapeOf(type)]))]),
    );
    c.notified = (method, params) => this.notified(method, params);
    c.closed = (why) => this.lost(why);
    await this.monitor(c, followed);
    this.options.changed?.();
  }

  private async monitor(c: Connection, tables: readonly string[]): Promise<void> {
    const { database } = this.options;
    const requests = Object.fromEntries(tables.map((t) => [t, [{ columns: [...this.shapes.get(t)!.keys()] }]]));
    for (const method of METHODS.slice(METHODS.indexOf(this.method))) {
      this.method = method;
      try {
        const id = "plumbline";
        if (method === "monitor_cond_since") {
          const [found, last, updates] = (await c.call(method, [database, id, requests, this.last])) as [boolean, string, unknown];
          if (!found) this.rows.clear();
          this.last = last;
          this.apply(updates, "2");
        } else {
          const updates = await c.call(method, [database, id, requests]);
          this.rows.clear();
          this.apply(updates, method === "monitor_cond" ? "2" : "1");
        }
        return;
      } catch (e) {
        // A server that does not know the method says so; the next older one is tried.
        if (!(e instanceof Refused) || method === "monitor") throw e;
      }
    }
  }

  private notified(method: string, params: unknown): void {
    const p = params as unknown[];
    if (method === "update3") {
      this.last = p[1] as string;
      this.apply(p[2], "2");
    } else if (method === "update2") this.apply(p[1], "2");
    else if (method === "update") this.apply(p[1], "1");
    else return;
    this.options.changed?.();
  }

  /** @param form 1: whole new rows (RFC 7047, 4.1.6); 2: what changed of them (ovsdb-server(7), "Update2 Notification") */
  private apply(updates: unknown, form: "1" | "2"): void {
    for (const [table, rows] of Object.entries(updates as Record<string, Record<string, Record<string, unknown>>>)) {
      let of = this.rows.get(table);
      if (!of) this.rows.set(table, (of = new Map()));
      for (const [uuid, u] of Object.entries(rows)) {
        if (form === "1") {
          if (u["new"] === undefined) of.delete(uuid);
          else of.set(uuid, { ...of.get(uuid), ...values(u["new"]) });
        } else if ("delete" in u) of.delete(uuid);
        else if ("modify" in u) {
          const old = of.get(uuid) ?? {};
          for (const [column, diff] of Object.entries(values(u["modify"])))
            old[column] = applyDiff(old[column], diff, this.shapes.get(table)?.get(column) ?? "scalar");
          of.set(uuid, old);
        } else of.set(uuid, values(u["initial"] ?? u["insert"]));
      }
    }
  }

  private lost(why: Error): void {
    if (this.stopped) return;
    this.options.note?.(`${why.message}; trying again`);
    this.again(this.options.patience ?? 500);
  }
  private again(wait: number): void {
    this.retry = setTimeout(() => {
      this.connect().then(
        () => this.options.note?.(`${this.options.remote.text}: connected again`),
        () => {
          this.connection?.close();
          if (!this.stopped) this.again(Math.min(2 * wait, LONGEST_WAIT));
        },
      );
    }, wait);
    this.retry.unref();
  }
}

function values(row: unknown): { [column: string]: Value } {
  return Object.fromEntries(Object.entries(row as Record<string, unknown>).map(([n, v]) => [n, fromJson(v)]));
}

/** A followed database's rows as `columns` of a file's would be. */
export function* rowsOf(db: FollowedDatabase): Generator<{ readonly table: string; readonly uuid: string; readonly columns: Columns }> {
  for (const [table, rows] of db.rows) for (const [uuid, columns] of rows) yield { table, uuid, columns };
}
