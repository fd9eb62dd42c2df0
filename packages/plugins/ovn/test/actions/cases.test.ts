/** Logical actions as the real OVN answered. Skipped, loudly, without the recorded cases. */
import { describe, expect, test } from "vitest";
import {
  type ActionContext,
  CONTROLLER_FORMS,
  controllerTables,
  encodeActions,
  formatActions,
  openFlowText,
  parseActions,
} from "../../src/actions/index.js";
import { formatExpr, OvnSyntaxError } from "../../src/expr/index.js";
import { sharedCases } from "../expr/shared.js";
import { lookupPort, testSymbols } from "../expr/world.js";

interface Case {
  readonly in: string;
  readonly lines: readonly { readonly k: string; readonly v: string }[];
}

const context: ActionContext = { symbols: testSymbols(), pipeline: "ingress", table: 10, tables: 24, release: "24.03" };
const cases = sharedCases<Case>("actions.jsonl");
const numbered = (cases ?? []).map((c, i) => ({ ...c, name: `${i} ${c.in}` }));

describe.skipIf(!cases)("logical actions", () => {
  test.each(numbered)("$name", (c) => {
    const line = (k: string) => c.lines.find((l) => l.k === k)?.v;
    let parsed: ReturnType<typeof parseActions>;
    try {
      parsed = parseActions(c.in, context);
    } catch (e) {
      if (!(e instanceof OvnSyntaxError)) throw e;
      expect(e.message).toBe(line("error"));
      return;
    }
    expect(line("error")).toBeUndefined();
    expect(formatActions(parsed.actions)).toBe(line("formats as") ?? c.in);
    expect(parsed.prereqs && formatExpr(parsed.prereqs)).toBe(line("has prereqs"));
    encodesAs(parsed.actions, line("encodes as"), line("uses group:"));
    // What was written parses into the same.
    expect(formatActions(parseActions(formatActions(parsed.actions), context).actions)).toBe(formatActions(parsed.actions));
  });
});

const tables = controllerTables({ ingress: 8, egress: 62, ingressOutput: 88, egressOutput: 88, mirror: 54 });

/** As ovn-controller of OVN's own tests has it; numbers of groups and meters count on over its tests, so ours is the one it had. */
function encodesAs(actions: Parameters<typeof encodeActions>[0], wanted: string | undefined, group: string | undefined): void {
  if (wanted === undefined) return;
  const number = Number(/^(?:group|meter):(\d+)/.exec(wanted)?.[1] ?? 0);
  let groupText: string | undefined;
  const out = encodeActions(actions, {
    pipeline: "ingress",
    isSwitch: true,
    tables,
    lookupPort,
    tunnelPort: lookupPort,
    groupId: (text) => {
      groupText = `id(${number}), name(${text})`;
      return number;
    },
    meterId: () => number,
    cookie: 0xaaaaaaaa,
    datapathKey: 0xabcdef,
    hasCollectorSet: (id) => id < 999,
    form: CONTROLLER_FORMS.newest,
    zeroSnat: false,
  });
  // The cases were taken with decimal table numbers put in where the original has them as hexadecimal bytes.
  const text = openFlowText(out).replaceAll(/(ff\.f8\.)([0-9a-f]{2})(\.00\.00\.00)/g, (_, a, n, b) => `${a}${Number.parseInt(n, 16)}${b}`);
  expect(text).toBe(wanted);
  expect(groupText).toBe(group);
}
