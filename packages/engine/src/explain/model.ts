/** What `explain` answers: the shape of `plumbline.explain/1`. */
import type { Certainty, EvidenceLink } from "@plumbline/model";
import type { Missing } from "../inspect/index.js";
import type { Announcement } from "./announcements.js";

export interface ExplainedItem {
  text: string;
  file: string;
  line: number;
  links: readonly EvidenceLink[];
  /** Kubernetes nodes that it is about; left out where these are the section's. */
  nodes?: readonly string[];
  /** What it is called on every node, and what was compared; left out where nothing is. */
  key?: string;
  value?: string;
  /** OpenFlow rules with this cookie are made of it. */
  cookie?: string;
}

export interface ExplainedSection {
  /** object, endpoints, announcement, bgp, sessions, routes, netfilter, bridges by name, load-balancers, logical, groups, conntrack, occurrences, … */
  layer: string;
  title: string;
  /** Evidence host, "" for the cluster's. */
  host: string;
  /** Kubernetes node of that host, "" if it is none. */
  node: string;
  items: ExplainedItem[];
}

/** Something that not all nodes have alike. */
export interface Difference {
  layer: string;
  /** What it is called on every node. */
  what: string;
  have: string[];
  lack: string[];
  /** Those of `have` that should not. */
  shouldNot: string[];
  /** What the nodes have, where it is there and not the same: value → nodes. */
  values?: Record<string, string[]>;
  /** expected: every node that lacks it or differs has a reason to. odd: one lacks it without a reason, or has it against one. */
  verdict: "expected" | "odd";
  /** Why nodes may lack it, or should not have it. */
  why: string[];
  /** One place where it stands. */
  file: string;
  line: number;
}

/** A rule of the same table that is looked at before the explained one, and matches some of the same packets. */
export interface EarlierRule {
  text: string;
  file: string;
  line: number;
  priority: number;
  /** all: no packet gets past it; some; same: of the same priority, so that the first listed wins. */
  takes: "all" | "some";
}

export interface ExplainedRule {
  device: string;
  node: string;
  host: string;
  /** Kind of decision: openflow, netfilter, fib, … */
  stage: string;
  table: string;
  /** How the table finds a rule: priority, sequence, lpm. */
  kind: string;
  /** Undefined where the kind has none. */
  priority?: number;
  /** Place within its chain, from 1. */
  number?: number;
  cookie?: string;
  text: string;
  certainty: Certainty;
  why: string;
  /** The IR's own text: each row of the match, and the program. */
  match: string[];
  program: string;
  /** In words. */
  when: string[];
  does: string[];
  links: readonly EvidenceLink[];
  earlier: EarlierRule[];
  /** All earlier rules that overlap; `earlier` may hold fewer. */
  earlierCount: number;
}

export type AskedQuestion =
  | { kind: "cookie"; cookie: string; table?: number }
  | { kind: "service"; service: string }
  | { kind: "route"; prefix: string }
  | { kind: "rule"; file: string; line: number };

export interface Explanation {
  schema: "plumbline.explain/1";
  snapshot: string;
  overlays: readonly string[];
  question: AskedQuestion;
  /** The short answer, a sentence an entry. */
  answer: string[];
  sections: ExplainedSection[];
  /** Of a Service: what is not alike on all nodes. */
  differences: Difference[];
  /** Of `route`: who should announce the prefix to whom, and how far it gets. */
  announcements: Announcement[];
  /** Of `rule`. */
  rules: ExplainedRule[];
  /** Evidence that would say more, and how to collect it. */
  missing: Missing[];
}
