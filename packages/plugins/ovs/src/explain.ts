/** What Open vSwitch's own evidence says to a question: the group that stands on a line. Flows are rules of the network and are found there. */
import type { ExplainItem, ExplainSection, FactBase, Question } from "@plumbline/model";
import "./facts.js";

export function explain(facts: FactBase, question: Question): ExplainSection[] {
  if (question.kind !== "line") return [];
  return facts
    .all("ovs.group")
    .filter((f) => f.origin.file === question.file && f.origin.line === question.line)
    .map((f): ExplainSection => {
      const { bridge, group } = f.data;
      const item = (text: string): ExplainItem => ({ text, file: f.origin.file, line: f.origin.line, links: [] });
      const method = group.selectionMethod === "" ? "" : `, chosen by ${group.selectionMethod}`;
      const total = group.buckets.reduce((n, b) => n + b.weight, 0);
      const share = (weight: number) => (group.type === "select" && total > 0 ? ` (${Math.round((weight / total) * 1000) / 10} %)` : "");
      const bodies = f.origin.text.split(/\bbucket=/).slice(1);
      const buckets = group.buckets.map((b, i) =>
        item(`bucket ${b.id ?? i}${share(b.weight)}: ${(bodies[i] ?? "").replace(/^.*?actions=/, "").replace(/,$/, "")}`),
      );
      const head = item(
        `group ${group.id} of ${bridge}: type ${group.type}${method}, ${group.buckets.length} ${group.buckets.length === 1 ? "bucket" : "buckets"}`,
      );
      return { layer: "groups", title: "OpenFlow group", host: f.host, items: [head, ...buckets] };
    });
}
