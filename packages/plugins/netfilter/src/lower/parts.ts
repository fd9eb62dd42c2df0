/**
 * A rule cut into parts: matches, then effects, then at most one branching statement.
 *
 * nft evaluates from left to right, so a match behind an effect is asked of the changed packet, after the effect has
 * happened. iptables' rules are always one part.
 */
import type { Statement } from "../ast.js";

type MatchStatement = Extract<Statement, { s: "match" | "chance" | "outside" | "opaque" | "ipset" }>;
export type BranchStatement = Extract<Statement, { s: "verdict" | "reject" | "nat" | "netmap" | "natMap" | "vmap" | "markMap" }>;
export type EffectStatement = Exclude<Statement, MatchStatement | BranchStatement>;

export interface Part {
  readonly matches: MatchStatement[];
  readonly effects: EffectStatement[];
  branch: BranchStatement | null;
  /** Only some of the rule's matches: passing them is no hit of the rule yet. */
  readonly incomplete?: boolean;
}

const isMatch = (s: Statement): s is MatchStatement =>
  s.s === "match" || s.s === "chance" || s.s === "outside" || s.s === "opaque" || s.s === "ipset";
const isBranch = (s: Statement): s is BranchStatement =>
  s.s === "verdict" || s.s === "reject" || s.s === "nat" || s.s === "netmap" || s.s === "natMap" || s.s === "vmap" || s.s === "markMap";

export function partsOf(statements: readonly Statement[]): Part[] {
  const out: Part[] = [{ matches: [], effects: [], branch: null }];
  const begin = () => {
    const part: Part = { matches: [], effects: [], branch: null };
    out.push(part);
    return part;
  };
  for (const s of statements) {
    let part = out[out.length - 1];
    if (part.branch || (isMatch(s) && part.effects.length > 0)) part = begin();
    if (isMatch(s)) part.matches.push(s);
    else if (isBranch(s)) {
      // One throw of the dice for all alternatives of what follows; and a map is asked with what the effects before it left.
      if (
        s.s !== "verdict" &&
        s.s !== "nat" &&
        (part.effects.length > 0 || part.matches.some((m) => m.s === "chance" || m.s === "outside"))
      )
        part = begin();
      part.branch = s;
    } else part.effects.push(s);
  }
  return out;
}

/** True if nothing of the part changes where the packet goes or what it carries. */
export function harmless(p: Part): boolean {
  return p.effects.every((e) => e.s === "note") && (p.branch === null || (p.branch.s === "verdict" && p.branch.verdict.v === "continue"));
}

/** True if no other alternative of the part may be tried behind the first that ran: what the map is asked with may have changed. */
export function mustLeave(p: Part): boolean {
  const b = p.branch;
  if (b?.s !== "vmap" && b?.s !== "markMap") return false;
  return "selectors" in b.key && b.key.selectors.some((s) => s === "meta mark" || s === "ct mark");
}
