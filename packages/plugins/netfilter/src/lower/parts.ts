/**
 * A rule cut into parts: matches, then effects, then at most one branching statement.
 *
 * nft evaluates from left to right, so a match behind an effect is asked of the changed packet, after the effect has
 * happened. iptables' rules are always one part.
 */
import type { Statement } from "../ast.js";

type MatchStatement = Extract<Statement, { s: "match" | "chance" | "outside" | "bridged" | "opaque" | "ipset" | "route" }>;
export type BranchStatement = Extract<Statement, { s: "verdict" | "reject" | "nat" | "netmap" | "natMap" | "vmap" | "markMap" | "handed" }>;
export type EffectStatement = Exclude<Statement, MatchStatement | BranchStatement>;

/** A match whose answer is looked up in tables of its own: a set's members, the routes. */
type LookUpMatch = Extract<Statement, { s: "match" | "route" }>;

export interface Part {
  /** The part is this alone. */
  readonly asks?: LookUpMatch;
  readonly matches: MatchStatement[];
  readonly effects: EffectStatement[];
  branch: BranchStatement | null;
  /** Only some of the rule's matches: passing them is no hit of the rule yet. */
  readonly incomplete?: boolean;
}

const MATCHES: ReadonlySet<string> = new Set([
  "match",
  "chance",
  "outside",
  "bridged",
  "opaque",
  "ipset",
  "route",
] satisfies MatchStatement["s"][]);
const BRANCHES: ReadonlySet<string> = new Set([
  "verdict",
  "reject",
  "nat",
  "netmap",
  "natMap",
  "vmap",
  "markMap",
  "handed",
] satisfies BranchStatement["s"][]);
const isMatch = (s: Statement): s is MatchStatement => MATCHES.has(s.s);
const isBranch = (s: Statement): s is BranchStatement => BRANCHES.has(s.s);

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
        (part.effects.length > 0 || part.matches.some((m) => m.s === "chance" || m.s === "outside" || m.s === "bridged"))
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

/** True if the part asks a map with something of the packet: it leaves its table for the map's. */
export function asksMap(p: Part): boolean {
  const b = p.branch;
  return (b?.s === "vmap" || b?.s === "natMap" || b?.s === "markMap") && "selectors" in b.key;
}
