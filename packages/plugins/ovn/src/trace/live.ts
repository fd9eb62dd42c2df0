/** `plumbline ovn trace` on a southbound database that is in use: questions are answered by what it holds at that moment. */
import type { Layer } from "@plumbline/model";
import { recordOf } from "../db/flow-rows.js";
import { FLOWS, TABLES } from "../db/intake.js";
import { type Remote, remoteOf, type TlsFiles } from "../db/live/connection.js";
import { FollowedDatabase, rowsOf } from "../db/live/follow.js";
import { type OvnFile, Southbound } from "../db/southbound.js";
import type { OvnTrace } from "./answer.js";
import { openSouthbound } from "./open.js";
import type { OvnQuestion, QuestionDefaults } from "./question.js";

export interface LiveSpec extends QuestionDefaults {
  readonly remote: Remote;
  readonly nb?: OvnFile | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly changed?: (() => void) | undefined;
  readonly note?: ((message: string) => void) | undefined;
}

/** A database that is followed. */
export interface LiveOvn {
  /** The layer of what it holds now; the same one until something changes. */
  layer(): Layer<OvnTrace, OvnQuestion>;
  stop(): void;
}

export { type Remote, remoteOf, type TlsFiles };

/** Connects to a server. Throws PlumblineError where that fails. */
export async function followOvn(spec: LiveSpec): Promise<LiveOvn> {
  const { remote, tls, note } = spec;
  let layer: Layer<OvnTrace, OvnQuestion> | undefined;
  const db = await FollowedDatabase.open({
    remote,
    database: "OVN_Southbound",
    tables: [...TABLES, FLOWS],
    tls,
    note,
    changed: () => {
      layer = undefined;
      spec.changed?.();
    },
  });
  return {
    layer: () => (layer ??= openSouthbound(snapshot(db, remote.text), spec)),
    stop: () => db.stop(),
  };
}

function snapshot(db: FollowedDatabase, name: string): Southbound {
  const s = new Southbound();
  s.files.push({ name, from: 0 });
  for (const t of [...TABLES, FLOWS]) s.known.add(t);
  for (const { table, uuid, columns } of rowsOf(db)) {
    if (table === FLOWS) s.flows.put(recordOf(s.flows, uuid, columns, 0));
    else s.enter(table, uuid, columns, { file: name, line: 0, text: "" });
  }
  return s;
}
