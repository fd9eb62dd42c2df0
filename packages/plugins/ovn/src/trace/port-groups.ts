/**
 * Matches that name port groups: `outport == @a123 && ip4.src == $b123`, for each datapath of a policy.
 *
 * A group means other ports on each datapath, and the rest of the match the same on all. So the match is parsed once with a word in place of
 * the group, and the word is replaced by a datapath's ports in what the parser has made of it (ports are only ever tested for equality).
 */
import { type Expr, FALSE } from "../expr/index.js";

/** A match with words in place of its groups. */
export interface GroupText {
  readonly text: string;
  /** Groups by the word that stands for them. */
  readonly groups: ReadonlyMap<string, string>;
}

const GROUP = /\b(inport|outport) == @([A-Za-z_.][\w.]*)/g;

/** Puts words in place of the groups; undefined where something else is asked of the same port. */
export function withoutGroups(match: string): GroupText | undefined {
  const groups = new Map<string, string>();
  const symbols: string[] = [];
  const text = match.replace(GROUP, (_, symbol: string, group: string) => {
    const word = `@${group}`;
    groups.set(word, group);
    symbols.push(symbol);
    return `${symbol} == "${word}"`;
  });
  const counted = (sign: string) => match.split(sign).length - 1;
  return symbols.length === counted("@") && symbols.every((s) => counted(s) === 1) ? { text, groups } : undefined;
}

/** A normalised expression with ports in place of words: `portsOf` gives those of a group, by name. */
export function withPorts(e: Expr, g: GroupText, portsOf: (group: string) => readonly string[]): Expr {
  if (e.type === "cmp") {
    const group = g.groups.get(e.text);
    if (group === undefined) return e;
    const ports = portsOf(group);
    if (ports.length === 0) return FALSE;
    return ports.length === 1 ? { ...e, text: ports[0] } : { type: "or", subs: ports.map((text) => ({ ...e, text })) };
  }
  if (e.type !== "and" && e.type !== "or") return e;
  const subs: Expr[] = [];
  for (const s of e.subs) {
    const x = withPorts(s, g, portsOf);
    if (x === FALSE && e.type === "and") return FALSE;
    if (x === FALSE) continue;
    if (x.type === "or" && e.type === "or") subs.push(...x.subs);
    else subs.push(x);
  }
  if (subs.length === 0) return FALSE;
  return subs.length === 1 ? subs[0] : { type: e.type, subs };
}
