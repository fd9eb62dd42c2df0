/** A machine that is two: every run goes through the core and the reference interpreter, and must leave the same events. */
import {
  changedFields,
  type Event,
  Interpreter,
  type KnownConnection,
  type Machine,
  type Network,
  type Row,
  type RunOptions,
} from "@plumbline/model";

export class PairedMachine implements Machine {
  private readonly reference: Interpreter;
  /** Runs and events compared so far. */
  runs = 0;
  events = 0;

  constructor(
    private readonly core: Machine,
    net: Network,
  ) {
    this.reference = new Interpreter(net);
  }

  reset(): void {
    this.core.reset();
    this.reference.reset();
  }
  know(connections: readonly KnownConnection[]): void {
    this.core.know(connections);
    this.reference.know(connections);
  }

  run(row: Row, device: number, port: number | null, options: RunOptions): Event[] {
    const got = this.core.run(row, device, port, options);
    const want = this.reference.run(row, device, port, options);
    for (let i = 0; i < Math.max(got.length, want.length); i++) {
      const [a, b] = [got[i], want[i]];
      const same = a && b && a.kind === b.kind && a.thread === b.thread && a.a === b.a && a.b === b.b && a.c === b.c;
      if (!same || changedFields(a.row, b.row).length > 0)
        throw new Error(`core and reference differ at event ${i}: ${say(a)} | ${say(b)}`);
    }
    this.runs++;
    this.events += got.length;
    return got;
  }
}

const say = (e: Event | undefined) => (e ? `kind ${e.kind} thread ${e.thread} ${e.a} ${e.b} ${e.c}` : "nothing");
