/** Announcements: the steps of several sources in order, and the first that is not as desired. */
import type { AnnouncementStage, AnnouncementStep } from "@plumbline/model";
import { expect, test } from "vitest";
import { announcementAnswer, announcementSections, announcementsOf } from "../src/explain/announcements.js";

const step = (stage: AnnouncementStage, node: string, is: boolean | null, object = `FRR of ${node}`): AnnouncementStep => ({
  stage,
  prefix: "203.0.113.7/32",
  node,
  peer: "192.0.2.254",
  is,
  text: `${stage} says ${is}`,
  object,
  file: `${node}/${stage}`,
  line: 1,
});
const STAGES = ["configured", "running", "session", "announced", "received", "selected", "installed"] as const;
const way = (node: string, desired: boolean, reached: (stage: AnnouncementStage) => boolean | null) => [
  step("desired", node, desired, "Service shop/web"),
  ...STAGES.map((s) => step(s, node, reached(s))),
];
function explained(...steps: AnnouncementStep[]) {
  const plugin = { id: "toy", title: "", claims: () => null, parse: () => {}, announcements: () => [...steps].reverse() };
  const ctx = { snapshot: { plugins: [plugin], facts: {} } } as unknown as Parameters<typeof announcementsOf>[0];
  return announcementsOf(ctx, { family: 4, value: 0n, len: 0 });
}

test("all alike; a session that is down; one that should not be", () => {
  const right = explained(...way("n1", true, () => true), ...way("n2", false, (s) => s === "session"));
  expect(right.map((a) => [a.node, a.desired, a.verdict, a.fault])).toEqual([
    ["n1", "yes", "right", null],
    ["n2", "no", "right", null],
  ]);
  expect(announcementAnswer(right)).toEqual([
    "203.0.113.7/32: desired, announced, received, selected and installed alike from n1; n2 is not to announce it and does not.",
  ]);
  const up = ["configured", "running"];
  const wrong = explained(...way("n1", true, (s) => up.includes(s)), ...way("n2", false, (s) => s !== "configured"));
  expect(wrong.map((a) => [a.node, a.verdict, a.fault?.stage, a.fault?.object])).toEqual([
    ["n1", "missing", "session", "FRR of n1"],
    ["n2", "undesired", "running", "FRR of n2"],
  ]);
  expect(announcementAnswer(wrong)).toMatchInlineSnapshot(`
    [
      "n1 should announce 203.0.113.7/32 to 192.0.2.254 (desired says true) and it does not get through: no session held by FRR of n1: session says false (n1/session:1).",
      "n2 announces 203.0.113.7/32 to 192.0.2.254 and should not: desired says false (Service shop/web, n2/desired:1); configured says false (n2/configured:1); it is configured by FRR of n2: running says true (n2/running:1).",
    ]
  `);
  expect(
    announcementSections(wrong)[0]
      .items.slice(0, 3)
      .map((i) => i.text),
  ).toMatchInlineSnapshot(`
    [
      "n1 to 192.0.2.254: desired yes, configured yes, running yes, session no, announced no, received no, selected no, installed no (missing, first wrong: session)",
      "n2 to 192.0.2.254: desired no, configured no, running yes, session yes, announced yes, received yes, selected yes, installed yes (undesired, first wrong: running)",
      "n1 to 192.0.2.254, desired yes: Service shop/web: desired says true",
    ]
  `);
});

test("what is not in evidence is unknown; the kernel goes before what a daemon says of it", () => {
  const open = explained(step("desired", "n1", true, "Service shop/web"));
  expect(open[0].verdict).toBe("unknown");
  expect(announcementAnswer(open)).toEqual(["203.0.113.7/32: to be announced by n1; what is announced is not in evidence."]);
  const two = explained(...way("n1", true, () => true), step("installed", "n1", false, "the kernel of router"));
  expect(two[0].fault?.object).toBe("the kernel of router");
});
