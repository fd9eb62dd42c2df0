/**
 * Announcements, from the objects that want them to the router's kernel: the steps of all sources put in order, for each prefix, node and peer, and the first
 * step that is not as desired.
 */
import {
  ANNOUNCEMENT_STAGES,
  type AnnouncementStage,
  type AnnouncementStep,
  type ExplainItem,
  type ExplainSection,
} from "@plumbline/model";
import type { Context } from "./context.js";

/** One node's announcement of one prefix to one peer. */
export interface Announcement {
  prefix: string;
  node: string;
  peer: string;
  /** yes, no, unknown (not in evidence). */
  desired: "yes" | "no" | "unknown";
  /** In the order of the way; stages that no source knows are left out. */
  stages: AnnouncementEvidence[];
  /** As it should be to its end; where it is not, the first step that is wrong. */
  verdict: "right" | "missing" | "undesired" | "unknown";
  fault: AnnouncementEvidence | null;
}

export interface AnnouncementEvidence {
  stage: AnnouncementStage;
  is: "yes" | "no" | "unknown";
  text: string;
  object: string;
  file: string;
  line: number;
  command?: string;
  on?: string;
}

export function announcementsOf(ctx: Context, prefix: { family: 4 | 6; value: bigint; len: number }): Announcement[] {
  const steps = ctx.snapshot.plugins.flatMap((p) => [...(p.announcements?.(ctx.snapshot.facts, prefix) ?? [])]);
  const groups = new Map<string, AnnouncementStep[]>();
  for (const s of steps) {
    const key = JSON.stringify([s.prefix, s.node, s.peer]);
    groups.set(key, [...(groups.get(key) ?? []), s]);
  }
  // The kernel of a host tells of all its addresses; what nobody announces there is no announcement.
  return [...groups.values()]
    .filter((g) => g.some((s) => s.stage !== "installed"))
    .map(announcementOf)
    .sort((a, b) => compare(a.prefix, b.prefix) || compare(a.node, b.node) || compare(a.peer, b.peer));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const word = (is: boolean | null) => (is === null ? "unknown" : is ? "yes" : "no");

function announcementOf(steps: readonly AnnouncementStep[]): Announcement {
  const { prefix, node, peer } = steps[0];
  // Of two sources of one stage the kernel's own goes before what a daemon says of it, and what is known before what is not.
  const stages = ANNOUNCEMENT_STAGES.flatMap((stage): AnnouncementStep[] => {
    const of = steps.filter((s) => s.stage === stage);
    const best = of.find((s) => s.object.startsWith("the kernel")) ?? of.find((s) => s.is !== null) ?? of[0];
    return best ? [best] : [];
  });
  const desired = stages.find((s) => s.stage === "desired")?.is ?? null;
  const wrong = desired === null ? undefined : wrongStep(stages, desired);
  // Wishes alone say nothing of what became of them.
  const seen = stages.some((s) => s.is !== null && s.stage !== "desired" && s.stage !== "configured");
  const verdict = desired === null || (!wrong && !seen) ? "unknown" : wrong ? (desired ? "missing" : "undesired") : "right";
  return { prefix, node, peer, desired: word(desired), stages: stages.map(evidence), verdict, fault: wrong ? evidence(wrong) : null };
}

/**
 * The first step that is not as desired. What is not desired may still be prepared without harm: only where it gets as far as the peer
 * is it wrong, and then where it began.
 */
function wrongStep(stages: readonly AnnouncementStep[], desired: boolean): AnnouncementStep | undefined {
  const behind = stages.filter((s) => s.stage !== "desired" && s.stage !== "session");
  if (desired) return stages.find((s) => s.stage !== "desired" && s.is === false);
  const reaches = behind.some((s) => (s.stage === "announced" || s.stage === "received") && s.is === true);
  return reaches ? behind.find((s) => s.is === true) : undefined;
}

function evidence(s: AnnouncementStep): AnnouncementEvidence {
  const { stage, text, object, file, line, command, on } = s;
  return {
    stage,
    is: word(s.is),
    text,
    object,
    file,
    line,
    ...(command === undefined ? {} : { command }),
    ...(on === undefined ? {} : { on }),
  };
}

/** Sentences for the short answer. */
export function announcementAnswer(list: readonly Announcement[]): string[] {
  const out: string[] = [];
  for (const prefix of unique(list.map((a) => a.prefix))) {
    const of = list.filter((a) => a.prefix === prefix && a.desired !== "unknown");
    if (of.length === 0) continue;
    const wrong = of.filter((a) => a.fault !== null);
    out.push(...wrong.map(faultText));
    const by = unique(of.filter((a) => a.desired === "yes").map((a) => a.node));
    const not = unique(of.filter((a) => a.desired === "no").map((a) => a.node)).filter((n) => !by.includes(n));
    const right = of.filter((a) => a.verdict === "right");
    if (right.length === 0 && wrong.length === 0)
      out.push(
        `${prefix}: ${by.length === 0 ? "no node is to announce it" : `to be announced by ${by.join(", ")}`}; what is announced is not in evidence.`,
      );
    else if (wrong.length === 0) {
      const open = unique(of.filter((a) => a.verdict === "unknown").map((a) => a.node));
      const ends = new Set(right.filter((a) => a.desired === "yes").map((a) => a.stages.filter((s) => s.is !== "unknown").at(-1)?.stage));
      const far =
        ends.size === 1 && ends.has("installed")
          ? "desired, announced, received, selected and installed alike"
          : "as desired, as far as the evidence goes,";
      const rest =
        not.length === 0
          ? ""
          : `; ${not.join(", ")} ${not.length === 1 ? "is" : "are"} not to announce it and ${not.length === 1 ? "does" : "do"} not`;
      const unknown = open.length === 0 ? "" : `; what ${open.join(", ")} announces is not in evidence`;
      out.push(
        by.length === 0
          ? `${prefix}: no node is to announce it, and none does${unknown}.`
          : `${prefix}: ${far} from ${by.join(", ")}${rest}${unknown}.`,
      );
    }
  }
  return out;
}

const unique = (names: readonly string[]) => [...new Set(names)];

function faultText(a: Announcement): string {
  const f = a.fault!;
  const where = f.file === "" ? "" : ` (${f.file}:${f.line})`;
  const desired = a.stages.find((s) => s.stage === "desired")!;
  const configured = a.stages.find((s) => s.stage === "configured");
  if (a.verdict === "missing")
    return `${a.node} should announce ${a.prefix} to ${a.peer} (${desired.text}) and it does not get through: ${LACKS[f.stage]} by ${f.object || a.node}: ${f.text}${where}.`;
  const against =
    configured && configured.is === "no" && configured !== f ? `; ${configured.text} (${configured.file}:${configured.line})` : "";
  return `${a.node} announces ${a.prefix} to ${a.peer} and should not: ${desired.text} (${desired.object}, ${desired.file}:${desired.line})${against}; it is ${HAS[f.stage]} by ${f.object || a.node}: ${f.text}${where}.`;
}

const HAS: Readonly<Record<AnnouncementStage, string>> = {
  desired: "desired",
  configured: "configured",
  running: "configured",
  session: "let through",
  announced: "announced",
  received: "received",
  selected: "selected",
  installed: "installed",
};
const LACKS: Readonly<Record<AnnouncementStage, string>> = {
  desired: "not desired",
  configured: "not configured",
  running: "not configured",
  session: "no session held",
  announced: "not announced",
  received: "not received",
  selected: "not selected",
  installed: "not installed",
};

/** A section a prefix: a line for each node and peer, then the steps of each, those with a fault first. */
export function announcementSections(list: readonly Announcement[]): ExplainSection[] {
  return [...new Set(list.map((a) => a.prefix))].map((prefix): ExplainSection => {
    const of = list.filter((a) => a.prefix === prefix);
    const way = (a: Announcement) => `${a.node}${a.peer === "" ? "" : ` to ${a.peer}`}`;
    const item = (a: Announcement, text: string, file: string, line: number): ExplainItem => ({
      text,
      file,
      line,
      links: [],
      nodes: [a.node],
    });
    const heads = of.map((a) => {
      const verdict = a.fault ? `${a.verdict}, first wrong: ${a.fault.stage}` : a.verdict;
      const place = a.fault ?? a.stages[0];
      return item(a, `${way(a)}: ${a.stages.map((s) => `${s.stage} ${s.is}`).join(", ")} (${verdict})`, place.file, place.line);
    });
    const steps = [...of]
      .sort((a, b) => Number(b.fault !== null) - Number(a.fault !== null))
      .flatMap((a) =>
        a.stages.map((s) => {
          const ask = s.command === undefined ? "" : ` (${s.command}${s.on === undefined ? "" : ` on ${s.on}`})`;
          return item(a, `${way(a)}, ${s.stage} ${s.is}: ${s.object === "" ? "" : `${s.object}: `}${s.text}${ask}`, s.file, s.line);
        }),
      );
    return {
      layer: "announcement",
      title: `${prefix}: desired, announced, received, selected, installed`,
      host: "",
      items: [...heads, ...steps],
    };
  });
}
