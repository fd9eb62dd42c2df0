/** Whether the rules of a hook ask for a packet's connection: its state, mark, labels, zone or ends, or its translation. */
import { type Action, FIELDS, type Match, type Network, type Slice, walkNetwork } from "@plumbline/model";

const WORDS: ReadonlySet<number> = new Set(
  FIELDS.filter((f) => f.name.startsWith("ct_")).flatMap((f) => Array.from({ length: f.words }, (_, i) => f.word + i)),
);

export function asksTracking(net: Network): boolean {
  const matched = (m: Match) => m.some((x) => WORDS.has(x.w));
  let asks = net.rules.some((r) => r.rows.some(matched));
  walkNetwork(net, (a) => {
    asks ||= asked(a);
  });
  return asks;
}

const isOfConnection = (s: Slice) => s.field.startsWith("ct_");

function asked(a: Action): boolean {
  switch (a.op) {
    case "ct":
    case "ctClear":
    case "nat":
    case "unnat":
    case "confirm":
      return true;
    case "move":
    case "push":
    case "greater":
      return isOfConnection(a.src);
    case "swap":
      return isOfConnection(a.a) || isOfConnection(a.b);
    case "choose":
      if (a.by?.kind === "map") return isOfConnection(a.by.field);
      return a.by?.fields.some((f) => isOfConnection(f.slice)) ?? false;
    default:
      return false;
  }
}
