// Connections that stand in the tables before any packet runs (src/known.ts).
import { allocate, beginRun, copyTuple, endRun, insert, setFlags } from "./connections";
import { N_FLAGS, N_KIND, N_LABEL, N_MARK, N_ORIG, N_REPLY, N_TRACKER } from "./layout";

/** Enters a connection whose kind, tracker, flags, mark, label and tuples the host has laid at `from`. False: no room. */
export function enterKnown(from: usize): bool {
  beginRun();
  const conn = allocate();
  if (conn != 0) {
    store<u32>(conn, load<u32>(from, N_KIND), N_KIND);
    store<u16>(conn, load<u16>(from, N_TRACKER), N_TRACKER);
    store<u32>(conn, load<u32>(from, N_MARK), N_MARK);
    v128.store(conn, v128.load(from, N_LABEL), N_LABEL);
    copyTuple(conn + N_ORIG, from + N_ORIG);
    copyTuple(conn + N_REPLY, from + N_REPLY);
    setFlags(conn, load<u32>(from, N_FLAGS) & 0xffff, 0);
    insert(conn);
  }
  endRun();
  return conn != 0;
}
