/**
 * Which words of a row a program can look at or write. Fields that are rare have the last words of the registry, so what a run
 * copies ends behind the last word that is in use.
 */
import { type Action, assertNever, field, type Match, type Network, type Slice, walkNetwork } from "@plumbline/model";
import { chunksOf } from "./slices.js";

/** What the machine itself writes (answers, tunnel headers, connection state) ends with the registers. */
const OWN = field("reg15").word;

/** The number of words, from the first on, that `net` can look at or write. */
export function wordsUsed(net: Network): number {
  let last = OWN;
  const word = (w: number) => {
    if (w > last) last = w;
  };
  // Matches ascend by word.
  const match = (m: Match) => {
    if (m.length > 0) word(m[m.length - 1].w);
  };
  const slice = (s: Slice) => {
    for (const c of chunksOf(s)) word(c.word);
  };
  for (const t of net.tables) if (t.key) slice(t.key);
  for (const r of net.rules) for (const m of r.rows) match(m);
  walkNetwork(net, (a) => {
    // Nearly all actions are one of these.
    if (a.op === "set") slice(a.dst);
    else if (a.op !== "note") for (const s of slicesOf(a)) slice(s);
    if (a.op === "choose" && a.by?.kind === "fields") for (const f of a.by.fields) f.when?.forEach(match);
  });
  return last + 1;
}

/** The slices that an action names itself, without those of programs nested in it. */
function slicesOf(a: Action): readonly Slice[] {
  switch (a.op) {
    case "set":
    case "pop":
      return [a.dst];
    case "move":
    case "greater":
      return [a.src, a.dst];
    case "swap":
      return [a.a, a.b];
    case "push":
      return [a.src];
    case "output":
      return typeof a.port === "number" ? [] : [a.port];
    case "ct":
      return typeof a.zone === "number" ? [] : [a.zone];
    case "choose":
      if (!a.by) return [];
      return a.by.kind === "map" ? [a.by.field] : a.by.fields.map((f) => f.slice);
    case "decTtl":
    case "call":
    case "goto":
    case "return":
    case "local":
    case "drop":
    case "emit":
    case "encap":
    case "decap":
    case "ctClear":
    case "nat":
    case "unnat":
    case "confirm":
    case "clone":
    case "note":
    case "punt":
    case "unknown":
      return [];
    default:
      return assertNever(a);
  }
}
