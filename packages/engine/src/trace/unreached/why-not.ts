/** `--why-not RULE`: why a rule of the evidence was not hit, branch by branch. */
import { type Annotator, type EvidenceLink, type Network, PlumblineError, type Rule } from "@plumbline/model";
import { linksOf, uniqueLinks } from "../../explain/rules.js";
import { headersHold, namesDestination } from "./by-destination.js";
import type { Condition } from "./conditions.js";
import { type ReasonKind, reasonFor } from "./reason.js";
import { byOf, type PlacedRule, placed, withDatapaths } from "./unreached.js";
import { placeOf, type Way } from "./way.js";

export interface WhyNot extends PlacedRule {
  readonly links: readonly EvidenceLink[];
  /** One for each different answer; shares sum to the branches'. */
  readonly answers: readonly {
    readonly reason: ReasonKind;
    readonly why: string;
    readonly by: PlacedRule | null;
    /** Of `no-match`, and of a rule that would have led to it: what the packet has and what is wanted. */
    readonly conditions: readonly Condition[];
    /** Branches that it is the answer of, as indexes into `branches`. */
    readonly branches: readonly number[];
    readonly probability: number;
  }[];
}

/** Rules that a question may mean at once: a cookie stands on every node. */
const MOST_MEANT = 40;

/**
 * The rules that are meant: FILE:LINE (a file's whole path or its end), `cookie 0x…` or 0x…, a UUID (whole, or its first eight digits),
 * or a part of the rule's text. One line of evidence is one rule. Throws PlumblineError where nothing or too much is meant.
 */
export function meantRules(net: Network, annotators: readonly Annotator[], text: string): Rule[][] {
  const given = text.trim();
  const found = byPlace(net, given) ?? byCookie(net, given) ?? byUuid(net, annotators, given) ?? byText(net, given);
  const lines = new Map<string, Rule[]>();
  for (const r of found)
    lines.set(`${net.tables[r.table].device} ${placeOf(r)}`, [...(lines.get(`${net.tables[r.table].device} ${placeOf(r)}`) ?? []), r]);
  if (lines.size === 0)
    throw new PlumblineError("USAGE", [
      `--why-not '${text}': no rule of this snapshot is that.`,
      "Name it as FILE:LINE as a trace prints it, by its cookie (0x…), by the UUID of its logical flow, or by a part of its text.",
    ]);
  if (lines.size > MOST_MEANT)
    throw new PlumblineError("USAGE", [
      `--why-not '${text}': ${lines.size} rules are that.`,
      `Name one as FILE:LINE; the first are ${[...lines.values()]
        .slice(0, 5)
        .map(([r]) => placeOf(r))
        .join(", ")}.`,
    ]);
  return [...lines.values()];
}

function byPlace(net: Network, given: string): Rule[] | undefined {
  const m = /^(\S.*):(\d+)$/.exec(given);
  if (!m) return undefined;
  const line = Number(m[2]);
  const file = m[1].replace(/^\.\//, "");
  const at = net.rules.filter((r) => r.origin?.line === line);
  const exact = at.filter((r) => r.origin!.file === file);
  if (exact.length > 0) return exact;
  // The end of its path, or its path with the snapshot's before it.
  const ends = at.filter((r) => r.origin!.file.endsWith(`/${file}`) || file.endsWith(`/${r.origin!.file}`));
  if (ends.length > 0) return ends;
  // The same route seen by two sources is one rule; the other's line stands in its reason.
  const merged = net.rules.filter((r) => r.why.includes(`(${file}:${line})`));
  return merged.length > 0 ? merged : undefined;
}

function byCookie(net: Network, given: string): Rule[] | undefined {
  const m = /^(?:cookie[ =]\s*)?(0x[0-9a-f]{1,16})$/i.exec(given);
  if (!m) return undefined;
  const cookie = BigInt(m[1]);
  return net.rules.filter((r) => r.cookie === cookie && r.origin);
}

const UUID = /^(?:uuid[ =]\s*)?(?:0x)?([0-9a-f]{8})(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?$/i;

/** A logical flow's UUID begins with the cookie of its OpenFlow; other rows are what the annotators name. */
function byUuid(net: Network, annotators: readonly Annotator[], given: string): Rule[] | undefined {
  const m = UUID.exec(given);
  if (!m) return undefined;
  const cookie = BigInt(`0x${m[1]}`);
  const carrying = net.rules.filter((r) => r.cookie === cookie && r.origin);
  if (carrying.length > 0) return carrying;
  const whole = given.replace(/^uuid[ =]\s*/i, "").toLowerCase();
  const named = net.rules.filter(
    (r) =>
      r.origin &&
      (r.origin.text.toLowerCase().includes(whole) ||
        linksOf({ net, annotators }, r, net.devices[net.tables[r.table].device]).some((l) => l.uuid?.toLowerCase().startsWith(whole))),
  );
  return named.length > 0 ? named : undefined;
}

const plain = (text: string) => text.replace(/\s+/g, " ").trim();

function byText(net: Network, given: string): Rule[] {
  const sought = plain(given);
  if (sought === "") return [];
  const texts = net.rules.filter((r) => r.origin && plain(r.origin.text).includes(sought));
  const whole = texts.filter((r) => plain(r.origin!.text) === sought);
  return whole.length > 0 ? whole : texts;
}

/** Answers for one line of evidence. @param ways the way of each branch, in their order */
export function whyNot(
  rules: readonly Rule[],
  ways: readonly { readonly way: Way; readonly probability: number }[],
  annotators: readonly Annotator[],
): WhyNot {
  const [first] = rules;
  const { net } = ways[0].way;
  const table = net.tables[first.table];
  const answers = new Map<string, WhyNot["answers"][number]>();
  for (const [i, { way, probability }] of ways.entries()) {
    // One line may have become several rules: the one that came nearest answers for it.
    // A rule that speaks of the packet as it once was is asked about that part of the way.
    const reasons = rules.flatMap((r) => {
      const spoken = way.forms.filter((f) => r.rows.some((m) => namesDestination(m) && headersHold(m, f.row)));
      const given = spoken.length === 0 ? [reasonFor(way, r)] : spoken.map((f) => reasonFor(way, r, f));
      return given.map((g) => ({ ...g, why: withDatapaths(net, r, g, annotators) }));
    });
    const reason = reasons.find((r) => r.kind === "hit") ?? reasons.reduce((a, b) => (NEAR.indexOf(b.kind) < NEAR.indexOf(a.kind) ? b : a));
    const answer = { reason: reason.kind, why: reason.why, by: byOf(net, reason), conditions: reason.conditions };
    const key = JSON.stringify(answer);
    const known = answers.get(key);
    answers.set(key, {
      ...answer,
      branches: [...(known?.branches ?? []), i],
      probability: (known?.probability ?? 0) + probability,
    });
  }
  return {
    ...placed(net, first, table),
    links: uniqueLinks(linksOf({ net, annotators }, first, net.devices[table.device])),
    answers: [...answers.values()],
  };
}

const NEAR: readonly ReasonKind[] = ["hit", "preferred", "ended", "no-match", "not-asked", "not-there", "translated", "other-node"];
