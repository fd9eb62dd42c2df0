/** Traces that are kept with their database and the real answer, and how a failing one is made small enough to be kept. */
import { shrinkList } from "../shrink.js";
import { ovnRelease } from "./private-southbound.js";
import { bare, type Southbound, without } from "./southbound-file.js";
import { askOnce, type Question, withSouthbound } from "./tracer.js";
import { compare, isRefused, OurTracer } from "./traces.js";

export interface KeptTrace {
  readonly note: string;
  /** Of OVN, that answered. */
  readonly release: string;
  readonly question: Question;
  /** Detailed text, by lines. */
  readonly answer: readonly string[];
  readonly southbound: Southbound;
}

/** Steps of making small: each starts a database and an `ovn-trace`. */
const MOST_STEPS = 250;

/** The comparison of one question over a database of its own; undefined if the real program cannot be asked that. */
async function ask(rows: Southbound, q: Question) {
  const theirs = await withSouthbound(rows, (database) => askOnce(database, q));
  const ours = await OurTracer.open(without(rows, new Set()));
  return { theirs, ...compare(ours, q, theirs) };
}

/** As little of the database and of the packet as still is answered differently. @param answer the real one, which is kept where alone there is another */
export async function smallTrace(all: Southbound, asked: Question, note: string, answer: string): Promise<KeptTrace> {
  let alone = true;
  let steps = 0;
  let refusedBy: string | undefined;
  const differs = async (rows: Southbound, q: Question): Promise<boolean> => {
    if (steps++ > MOST_STEPS) return false;
    try {
      const { theirs, result, ours } = await ask(rows, q);
      // A packet that only one of them takes is another difference.
      const refused = `${isRefused(theirs)} ${isRefused(ours.text)}`;
      refusedBy ??= refused;
      return result === "different" && refused === refusedBy;
    } catch {
      // A database that cannot be made of these rows.
      return false;
    }
  };
  let rows = all;
  let q = asked;
  if (await differs(rows, q)) {
    rows = await hitOnly(rows, q, differs);
    for (const ct of [[], q.ct.slice(0, 1), q.ct.slice(0, 4), q.ct.slice(0, 16)]) {
      if (ct.length >= q.ct.length || !(await differs(rows, { ...q, ct }))) continue;
      q = { ...q, ct };
      break;
    }
    const [inport, ...terms] = q.terms;
    q = { ...q, terms: [inport, ...(await shrinkList(terms, (kept) => differs(rows, { ...q, terms: [inport, ...kept] })))] };
    rows = await shrinkRows(rows, (kept) => differs(kept, q));
  } else {
    note += " Alone it is answered as by us: not made small.";
    alone = false;
  }
  const last = await ask(rows, q);
  return {
    note: `${note} Ours:\n${last.ours.text}`,
    release: await ovnRelease(),
    question: q,
    answer: (alone ? last.theirs : answer).trimEnd().split("\n"),
    southbound: bare(without(rows, new Set())),
  };
}

/** Only the logical flows that either answer meets, if that is enough. */
async function hitOnly(rows: Southbound, q: Question, differs: (rows: Southbound, q: Question) => Promise<boolean>): Promise<Southbound> {
  const { theirs, ours } = await ask(rows, q);
  const met = new Set([...`${theirs}\n${ours.text}`.matchAll(/, uuid ([0-9a-f]{8})/g)].map((m) => m[1]));
  const passages = (r: Southbound[number]) => r.columns["match"] === "1" && r.columns["actions"] === "next;";
  const few = rows.filter((r) => r.table !== "Logical_Flow" || met.has(r.uuid.slice(0, 8)) || passages(r));
  return (await differs(few, q)) ? few : rows;
}

async function shrinkRows(rows: Southbound, fails: (rows: Southbound) => Promise<boolean>): Promise<Southbound> {
  // It says of which release the rest is.
  const global = rows.filter((r) => r.table === "SB_Global");
  const rest = rows.filter((r) => r.table !== "SB_Global");
  const kept = new Set((await shrinkList(rest, (some) => fails(restOf(rows, [...global, ...some])))).map((r) => r.uuid));
  return rows.filter((r) => kept.has(r.uuid) || r.table === "SB_Global");
}

function restOf(rows: Southbound, some: Southbound): Southbound {
  const there = new Set(some.map((r) => r.uuid));
  return without(rows, new Set(rows.filter((r) => !there.has(r.uuid)).map((r) => r.uuid)));
}

/** Its file, a row a line. */
export function keptText(c: KeptTrace): string {
  const list = (items: readonly unknown[]) => `[\n${items.map((x) => `    ${JSON.stringify(x)}`).join(",\n")}\n  ]`;
  return `{
  "note": ${JSON.stringify(c.note.split("\n")[0])},
  "release": ${JSON.stringify(c.release)},
  "question": ${JSON.stringify(c.question)},
  "answer": ${list(c.answer)},
  "southbound": ${list(c.southbound)}
}
`;
}
