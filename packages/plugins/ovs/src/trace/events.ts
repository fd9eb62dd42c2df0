/**
 * The events of a run, told apart by thread, as a translation asks for them: which rule the next look-up found, which thread a clone or a
 * patch port made, which option was taken.
 *
 * A translation may end a list of actions where the network goes on (OVS recirculates, the network does not): what it does not
 * ask for stays unread.
 */
import { EV, type Event, LEAF, type Network, SPAWN } from "@plumbline/model";
import type { World } from "./world.js";

const NONE = 0xffffffff;

export interface LookUp {
  /** OpenFlow number. */
  readonly table: number;
  /** Null: none matched. */
  readonly rule: number | null;
  readonly event: Event;
}

/** The run took another option than the switch's own hash takes: it is to be run again with this script. */
export class OtherChoice extends Error {
  constructor(readonly script: readonly number[]) {
    super("another choice");
  }
}

/** The run says less than the translation asks for, for a reason of its own. */
export class RunEnded extends Error {}

interface Queue<T> {
  readonly items: T[];
  at: number;
}

class Thread {
  readonly lookUps: Queue<LookUp> = { items: [], at: 0 };
  readonly clones: Queue<number> = { items: [], at: 0 };
  readonly forks: Queue<number> = { items: [], at: 0 };
  readonly choices: Queue<number> = { items: [], at: 0 };
  readonly outputs: { readonly port: number; readonly thread: number; read: boolean }[] = [];
  readonly leaves: Event[] = [];
}

/** Asked by the threads of a run. A thread below zero is one of which the run knows nothing: its copies are neither, and nothing is found there. */
export class RunEvents {
  private readonly threads = new Map<number, Thread>();
  /** Options taken, in order of the choices met. */
  private readonly options: number[] = [];
  private readonly last: Event | undefined;

  constructor(
    events: readonly Event[],
    world: World,
    private readonly net: Network,
    private readonly texts: (index: number) => string,
  ) {
    for (const e of events) {
      const t = this.thread(e.thread);
      const table = e.kind === EV.hit || e.kind === EV.miss ? world.tables.get(e.a) : undefined;
      if (table !== undefined) t.lookUps.items.push({ table, rule: e.kind === EV.hit ? e.b : null, event: e });
      else if (e.kind === EV.spawn && e.a === SPAWN.clone) t.clones.items.push(e.b);
      else if (e.kind === EV.spawn && e.a === SPAWN.fork) t.forks.items.push(e.b);
      else if (e.kind === EV.choice) t.choices.items.push(this.options.push(e.b) - 1);
      else if (e.kind === EV.output && e.c !== NONE) t.outputs.push({ port: e.a, thread: e.c, read: false });
      else if (e.kind === EV.leaf && (e.a === LEAF.unknown || e.a === LEAF.looped)) t.leaves.push(e);
    }
    this.last = events.at(-1);
  }

  private thread(id: number): Thread {
    let t = this.threads.get(id);
    if (!t) this.threads.set(id, (t = new Thread()));
    return t;
  }

  lookUp(thread: number): LookUp {
    return this.next(thread, this.thread(thread).lookUps, "a look-up");
  }
  /** The thread that the next clone made. */
  clone(thread: number): number {
    if (thread < 0) return thread;
    return this.next(thread, this.thread(thread).clones, "a clone");
  }
  fork(thread: number): number {
    if (thread < 0) return thread;
    return this.next(thread, this.thread(thread).forks, "a recirculation");
  }
  /** The option that was taken. */
  choice(thread: number): number {
    return this.options[this.next(thread, this.thread(thread).choices, "a choice")];
  }
  /** The option that must have been taken. */
  chosen(thread: number, option: number): void {
    const n = this.next(thread, this.thread(thread).choices, "a choice");
    if (this.options[n] !== option) throw new OtherChoice([...this.options.slice(0, n), option]);
  }
  /** The thread at the other end of a patch port. */
  patch(thread: number, port: number): number {
    const o = this.thread(thread).outputs.find((x) => x.port === port && !x.read);
    if (!o) throw this.ended(thread, `output by patch port ${port}`);
    o.read = true;
    return o.thread;
  }

  private next<T>(thread: number, q: Queue<T>, what: string): T {
    if (q.at >= q.items.length) throw this.ended(thread, what);
    return q.items[q.at++];
  }
  private ended(thread: number, what: string): Error {
    const leaf = this.thread(thread).leaves.at(-1) ?? (this.last?.kind === EV.leaf && this.last.a === LEAF.looped ? this.last : undefined);
    if (leaf?.a === LEAF.looped) return new RunEnded("the packet goes through more than is followed here");
    if (thread < 0) return new RunEnded("the switch goes on with what another list of actions has left undone");
    if (leaf) return new RunEnded(leaf.b === NONE ? "the tables end here" : this.texts(leaf.b));
    return new Error(`the run of ${this.net.devices.length} devices has no ${what} left in thread ${thread}`);
  }
}
