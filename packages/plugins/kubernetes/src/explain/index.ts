/** What Kubernetes' objects say to a question. */
import type { ExplainItem, ExplainSection, FactBase, FactKind, Question } from "@plumbline/model";
import "../facts.js";
import { explainCookie } from "./cookie.js";
import { explainService } from "./service.js";

export { knownServices } from "./known.js";

export function explain(facts: FactBase, question: Question): ExplainSection[] {
  switch (question.kind) {
    case "cookie":
      return explainCookie(facts, question.cookie, question.services);
    case "service":
      return explainService(facts, question.service);
    case "line":
      return explainLine(facts, question.file, question.line);
    case "route":
    case "owners":
      return [];
  }
}

const OBJECTS: readonly FactKind[] = [
  "k8s.node",
  "k8s.pod",
  "k8s.service",
  "k8s.namespace",
  "k8s.endpoint-slice",
  "k8s.network-policy",
  "metallb.peer",
  "metallb.pool",
  "metallb.advertisement",
  "frrk8s.configuration",
  "frrk8s.node-state",
];

/** The object that a line of YAML belongs to: the last one that begins at or before it. */
function explainLine(facts: FactBase, file: string, line: number): ExplainSection[] {
  const before = OBJECTS.flatMap((kind) => facts.all(kind)).filter((f) => f.origin.file === file && f.origin.line <= line);
  const last = before.reduce<(typeof before)[number] | undefined>((a, f) => (a && a.origin.line >= f.origin.line ? a : f), undefined);
  if (!last) return [];
  const { namespace, name } = last.data as { namespace?: string; name?: string };
  const links =
    last.kind === "k8s.service" || last.kind === "k8s.pod" ? [{ kind: last.kind.slice("k8s.".length), name: `${namespace}/${name}` }] : [];
  const item: ExplainItem = { text: last.origin.text, file, line: last.origin.line, links };
  return [{ layer: "object", title: "the last Kubernetes object that begins at or before it", host: last.host, items: [item] }];
}
