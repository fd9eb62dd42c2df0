/** Facts that another plugin brings. */
import type { FactBase, FactKind, Origin } from "@plumbline/model";

/** A fact of another plugin's kind, as far as this plugin looks at it. */
export interface OtherFact<T> {
  readonly host: string;
  readonly origin: Origin;
  readonly data: T;
}

/**
 * Facts of a kind that another plugin declares. A plugin does not import another; it says with `T` which part of the data it relies on, and
 * the other's shape (`Plugin.facts`) is the promise that it is there.
 */
export function otherFacts<T>(facts: FactBase, kind: string): readonly OtherFact<T>[] {
  return facts.all(kind as FactKind) as unknown as readonly OtherFact<T>[];
}
