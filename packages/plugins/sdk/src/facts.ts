/**
 * The fact base: all that the plugins have read, by kind and host.
 *
 * Lists are in the order in which facts were read, which is the order of the files and of their lines.
 */
import type { Fact, FactBase, FactKind } from "@plumbline/model";

const NONE: readonly never[] = [];

/** A {@link FactBase} that is being filled. */
export class FactStore implements FactBase {
  private readonly byKind = new Map<string, Fact[]>();
  private readonly byKindHost = new Map<string, Map<string, Fact[]>>();
  private readonly hostNames = new Set<string>();

  add(fact: Fact): void {
    let list = this.byKind.get(fact.kind);
    if (!list) this.byKind.set(fact.kind, (list = []));
    list.push(fact);
    let hosts = this.byKindHost.get(fact.kind);
    if (!hosts) this.byKindHost.set(fact.kind, (hosts = new Map()));
    const ofHost = hosts.get(fact.host);
    if (ofHost) ofHost.push(fact);
    else hosts.set(fact.host, [fact]);
    this.hostNames.add(fact.host);
  }

  all<K extends FactKind>(kind: K): readonly Fact<K>[] {
    return (this.byKind.get(kind) as Fact<K>[] | undefined) ?? NONE;
  }

  of<K extends FactKind>(kind: K, host: string): readonly Fact<K>[] {
    return (this.byKindHost.get(kind)?.get(host) as Fact<K>[] | undefined) ?? NONE;
  }

  /** Hosts that some fact names, sorted; "" (the cluster) is not a host. */
  hosts(): readonly string[] {
    return [...this.hostNames].filter((h) => h !== "").sort();
  }

  /** Kinds with their number of facts, sorted by kind. */
  counts(): readonly (readonly [kind: string, count: number])[] {
    return [...this.byKind].map(([kind, list]) => [kind, list.length] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
}
