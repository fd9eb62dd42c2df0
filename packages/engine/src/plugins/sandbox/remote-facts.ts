/** Facts of the snapshot, in the worker: lists are fetched by kind when a plugin first asks for them. */
import type { Fact, FactBase, FactKind } from "@plumbline/model";

const NONE: readonly never[] = [];

export class RemoteFacts implements FactBase {
  private readonly lists = new Map<string, { all: readonly Fact[]; byHost: Map<string, Fact[]> }>();
  private names: readonly string[] | null = null;

  /** @param ask fetches: `facts` with a kind, or `hosts` */
  constructor(private readonly ask: (what: "facts" | "hosts", kind: string) => unknown) {}

  private list(kind: string) {
    let list = this.lists.get(kind);
    if (!list) {
      const all = this.ask("facts", kind) as Fact[];
      const byHost = new Map<string, Fact[]>();
      for (const f of all) {
        const own = byHost.get(f.host);
        if (own) own.push(f);
        else byHost.set(f.host, [f]);
      }
      this.lists.set(kind, (list = { all, byHost }));
    }
    return list;
  }

  all<K extends FactKind>(kind: K): readonly Fact<K>[] {
    return this.list(kind).all as readonly Fact<K>[];
  }
  of<K extends FactKind>(kind: K, host: string): readonly Fact<K>[] {
    return (this.list(kind).byHost.get(host) as Fact<K>[] | undefined) ?? NONE;
  }
  hosts(): readonly string[] {
    return (this.names ??= this.ask("hosts", "") as string[]);
  }
}
