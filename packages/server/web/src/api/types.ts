/** What the server answers with, as far as the page reads it. The whole is in the server's OpenAPI description (/docs). */

export type Verdict = "delivered" | "refused" | "unreachable" | "dropped" | "looped" | "expired" | "unknown" | "mixed";

export interface Session {
  readonly project: string;
  readonly scopes: readonly ("read" | "run" | "admin")[];
  readonly name: string;
  readonly version: string;
  readonly demo: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface Snapshot {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly files: number;
  readonly createdAt: string;
  readonly status: "ready" | "failed";
  readonly hosts: number;
  readonly problems: { readonly error: number; readonly warning: number; readonly info: number };
  readonly masked: number;
  readonly error?: string;
}

export interface Capture {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly createdAt: string;
}

/** A thing of a snapshot that can be asked for by name. */
export interface Name {
  readonly name: string;
  readonly kind: string;
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly port: number; readonly protocol: string }[];
}

interface Tuple {
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

export interface Link {
  readonly kind: string;
  readonly name?: string;
  readonly uuid?: string;
  readonly stage?: string;
  readonly datapath?: string;
  readonly text?: string;
  readonly file?: string;
  readonly line?: number;
}

interface Rule {
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

export interface Hop {
  readonly device: string;
  readonly node: string;
  readonly stage: string;
  readonly rule: Rule;
  readonly certainty: "proven" | "inferred" | "assumed";
  readonly why: string;
  readonly before: string;
  readonly after: string;
  readonly changes: readonly { readonly field: string; readonly before: string; readonly after: string }[];
  readonly links: readonly Link[];
  readonly choice?: string;
}

export interface Need {
  readonly why: string;
  readonly command: string;
  readonly on: string;
}

/** A rule that speaks of the destination and is not on the path. */
export interface UnreachedRule {
  readonly device: string;
  readonly node: string;
  readonly stage: string;
  readonly rule: Rule;
  readonly why: string;
  readonly by: { readonly stage: string; readonly rule: Rule } | null;
}

export interface Unreached {
  readonly rules: readonly UnreachedRule[];
  readonly more: readonly { readonly on: string; readonly reason: string; readonly rules: number }[];
}

export interface Reply {
  readonly verdict: Verdict;
  readonly final: Tuple;
  readonly hops: readonly Hop[];
  readonly needs?: readonly Need[];
  readonly branches?: readonly (Reply & { readonly probability: number })[];
}

export interface Branch {
  readonly probability: number;
  readonly verdict: Verdict;
  readonly reason?: string;
  readonly to: { readonly kind: string; readonly name?: string; readonly node?: string } | null;
  readonly node: string;
  readonly final: Tuple;
  readonly hops: readonly Hop[];
  /** What was sent back to the sender because of it: a reset, an ICMP error. */
  readonly answer?: { readonly packet: string; readonly hops: readonly Hop[] };
  readonly reply?: Reply;
  readonly needs: readonly Need[];
  readonly unreached?: Unreached;
}

export interface Trace {
  readonly packet: string;
  readonly from: string;
  readonly start?: string;
  readonly verdict: Verdict;
  readonly branches: readonly Branch[];
}

export interface Evidence {
  readonly file: string;
  readonly line: number;
  readonly first: number;
  readonly lines: readonly string[];
  readonly total: number;
}

export interface Inspection {
  readonly hosts: readonly {
    readonly host: string;
    readonly role: string;
    readonly node: string;
    readonly facts: number;
    readonly sources: readonly { readonly what: string; readonly plugin: string; readonly file: string; readonly facts: number }[];
    readonly unrecognised: readonly { readonly file: string; readonly command: string; readonly size: number }[];
  }[];
  readonly matrix: {
    readonly hosts: readonly string[];
    readonly sources: readonly { readonly what: string; readonly cells: readonly string[] }[];
  };
  readonly missing: readonly {
    readonly what: string;
    readonly command: string;
    readonly role: string;
    readonly hosts: readonly string[];
  }[];
  readonly devices: readonly {
    readonly name: string;
    readonly kind: string;
    readonly node: string;
    readonly pod: string;
    readonly tables: number;
    readonly rules: number;
  }[];
  readonly links: readonly {
    readonly from: { readonly device: string; readonly port: string };
    readonly to: { readonly device: string; readonly port: string };
    readonly certainty: string;
    readonly why: string;
  }[];
  readonly unjoined: readonly { readonly device: string; readonly port: string; readonly why: string }[];
  readonly problems: readonly {
    readonly severity: string;
    readonly file: string;
    readonly line: number;
    readonly message: string;
    readonly hint?: string;
  }[];
}

export interface ReplayJob {
  readonly id: string;
  readonly snapshot: string;
  readonly captures: readonly { readonly id: string; readonly at?: string }[];
  readonly status: "queued" | "running" | "done" | "failed" | "cancelled";
  readonly createdAt: string;
  readonly attempt: number;
  readonly progress: { readonly packets: number; readonly bytes: number; readonly bytesTotal: number };
  readonly error?: string;
}

/** Counts of a class of flows; the keys that it was grouped by are beside them. */
export interface Group {
  readonly flows: number;
  readonly packets: number;
  readonly bytes: number;
  readonly [key: string]: string | number;
}

export interface Flow {
  readonly proto: string;
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
  readonly packets: number;
  readonly bytes: number;
  readonly first: string;
  readonly last: string;
  readonly verdict: Verdict;
  readonly node: string;
  readonly to: string;
  readonly finalSrc: string;
  readonly finalSrcPort: number;
  readonly finalDst: string;
  readonly finalDstPort: number;
  readonly path: string;
  readonly probability: number;
  readonly because?: { readonly device: string; readonly rule: string; readonly file: string; readonly line: number };
}

export interface Timeline {
  readonly from: string;
  readonly to: string;
  /** Seconds that one bucket is long. */
  readonly seconds: number;
  readonly series: readonly { readonly value: string; readonly flows: readonly number[]; readonly packets: readonly number[] }[];
}
