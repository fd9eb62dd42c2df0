/**
 * Recirculation ids, numbered by appearance (ofproto/ofproto-dpif-rid.c): the same frozen state has the same id as long as somebody
 * holds it; a state that all have let go gets a new one.
 */
import type { OvsAction } from "../ast.js";

interface Held {
  readonly id: number;
  holders: number;
}

export class RecirculationIds {
  private next = 1;
  private readonly held = new Map<string, Held>();
  /** What the translation that runs holds. */
  private mine: string[] = [];
  private readonly identities = new WeakMap<OvsAction, number>();
  private identity = 0;

  /** @param state all that tells one frozen translation from another */
  take(state: string): { id: number; key: string } {
    let h = this.held.get(state);
    if (!h) this.held.set(state, (h = { id: this.next++, holders: 0 }));
    h.holders++;
    this.mine.push(state);
    return { id: h.id, key: state };
  }
  /** Somebody else holds it too, until {@link release}. */
  hold(key: string): void {
    this.held.get(key)!.holders++;
  }
  release(key: string): void {
    const h = this.held.get(key);
    if (h && --h.holders <= 0) this.held.delete(key);
  }
  /** The translation has ended. */
  endTranslation(): void {
    for (const key of this.mine) this.release(key);
    this.mine = [];
  }
  /** A name for a list of actions: the same actions of the same flow have the same. */
  nameOf(actions: readonly OvsAction[]): string {
    return actions
      .map((a) => {
        let n = this.identities.get(a);
        if (n === undefined) this.identities.set(a, (n = this.identity++));
        return n;
      })
      .join(".");
  }
}
