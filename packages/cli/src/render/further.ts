/**
 * Where a packet's way is unknown: the rules elsewhere in the evidence that speak of its destination, as hops that are assumed.
 *
 * Under a rule stand the lines that belong to it and are no hops of their own: the group with its buckets, the flow that
 * translates the source of what a load balancer sent on.
 */
import type { EvidenceLink, Hop } from "@plumbline/engine";
import { type Columns, hopLine } from "./hops.js";
import { type Paint, shorten } from "./style.js";

const LINE_MOST = 150;

/** @param told what was printed before, and under which branch; a list that was is not printed again */
export function furtherLines(
  hops: readonly Hop[] | undefined,
  branch: string,
  told: Map<string, string>,
  c: Columns,
  paint: Paint,
): string[] {
  if (hops === undefined || hops.length === 0) return [];
  const key = JSON.stringify(hops.map((h) => [h.device, h.rule, h.why]));
  const before = told.get(key);
  if (before !== undefined) return [`    what else speaks of this destination: as ${before}`];
  told.set(key, branch);
  return [
    `    ${paint("heading", "what else speaks of this destination")} (fragments, in the order in which they would apply)`,
    ...hops.flatMap((h, i) => [
      ...(h.device === hops[i - 1]?.device ? [] : [`  ${paint("heading", h.device)}`]),
      hopLine(h, c, paint),
      ...h.links.filter((l) => isBeside(l, h)).map((l) => besideLine(l, paint)),
    ]),
  ];
}

function isBeside(l: EvidenceLink, h: Hop): boolean {
  if (l.file === undefined || l.text === undefined || (l.file === h.rule.file && l.line === h.rule.line)) return false;
  if (l.kind === "group") return true;
  // The first logical flow is the rule itself, or what it was made from.
  return l.kind === "lflow" && l !== h.links.find((x) => x.kind === "lflow");
}

function besideLine(l: EvidenceLink, paint: Paint): string {
  const what = l.kind === "group" ? "" : `${l.stage ?? l.kind} `;
  return `        ${what}${shorten((l.text ?? "").replace(/\s+/g, " "), LINE_MOST)}  ${paint("faint", `${l.file}:${l.line}`)}`;
}
