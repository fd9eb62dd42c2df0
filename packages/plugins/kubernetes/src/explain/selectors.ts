/** Label selectors (apimachinery, labels.Selector). */
import type { Selector } from "../facts.js";

type Labels = Readonly<Record<string, string>>;

export function selects(s: Selector, labels: Labels): boolean {
  return (
    Object.entries(s.matchLabels).every(([k, v]) => labels[k] === v) &&
    s.matchExpressions.every((e) => {
      const value = labels[e.key];
      switch (e.operator) {
        case "In":
          return value !== undefined && e.values.includes(value);
        case "NotIn":
          return value === undefined || !e.values.includes(value);
        case "Exists":
          return value !== undefined;
        case "DoesNotExist":
          return value === undefined;
        default:
          return false;
      }
    })
  );
}

/** Whether one of several selectors selects; none at all selects everything, as MetalLB has it. */
export function anySelects(selectors: readonly Selector[], labels: Labels): boolean {
  return selectors.length === 0 || selectors.some((s) => selects(s, labels));
}
