/** `explain`: what a thing is, and all that belongs to it on every layer and node. */
import { PlumblineError } from "@plumbline/model";
import type { BuiltNetwork } from "../network/build.js";
import type { Snapshot } from "../snapshot/index.js";
import { Context } from "./context.js";
import { explainCookie } from "./cookie.js";
import type { Explanation } from "./model.js";
import { explainRoute } from "./route.js";
import { explainRule } from "./rule.js";
import { explainService } from "./service.js";

export type { Announcement, AnnouncementEvidence } from "./announcements.js";
export {
  type FlowText,
  type LogicalAgreement,
  type LogicalFinding,
  logicalAgreement,
  type SwitchAgreement,
} from "./logical/agreement.js";
export type {
  AskedQuestion,
  Difference,
  EarlierRule,
  ExplainedItem,
  ExplainedRule,
  ExplainedSection,
  Explanation,
} from "./model.js";

/** What may be asked: a kind of thing and its name as a user writes it. */
export interface Asked {
  readonly kind: "cookie" | "service" | "route" | "rule";
  readonly name: string;
  /** Of a cookie: the OpenFlow table it was seen in. */
  readonly table?: number;
}

/** Answers from a snapshot and the network made of it. Throws PlumblineError for a question that names nothing. */
export function explain(snapshot: Snapshot, built: BuiltNetwork, asked: Asked): Explanation {
  const ctx = new Context(snapshot, built);
  switch (asked.kind) {
    case "cookie":
      return explainCookie(ctx, cookieNumber(asked.name), asked.table);
    case "service":
      return explainService(ctx, asked.name);
    case "route":
      return explainRoute(ctx, asked.name);
    case "rule":
      return explainRule(ctx, asked.name);
  }
}

/** 0x93f7000b, or a UUID or its beginning as OVN prints it after `uuid=`: its first 32 bits. */
function cookieNumber(text: string): bigint {
  // A UUID, whole, or all its digits behind 0x, as people copy it.
  const uuid = (/^([0-9a-f]{8})-[0-9a-f]{4}-/i.exec(text) ?? /^0x([0-9a-f]{8})[0-9a-f]{9,}$/i.exec(text))?.[1];
  if (uuid !== undefined) return BigInt(`0x${uuid}`);
  if (/^0x[0-9a-f]{1,16}$/i.test(text) || /^\d{1,20}$/.test(text)) {
    const n = BigInt(text);
    if (n < 1n << 64n) return n;
  }
  throw new PlumblineError("USAGE", [
    `'${text}' is not a cookie.`,
    "Write it as a flow dump does: 0x93f7000b (up to 16 hex digits), or give the UUID of a southbound row.",
  ]);
}
