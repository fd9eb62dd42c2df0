/** Our side: the same files opened as a layer, its network run by the core. */
import { Core } from "@plumbline/core-wasm";
import { PlumblineError } from "@plumbline/model";
import { type OfprotoBridge, type OfprotoTrace, openOfproto } from "@plumbline/plugin-ovs";

export interface OurAnswer {
  readonly trace: OfprotoTrace | null;
  /** Why the question could not be used. */
  readonly error: string;
}

/** Traces commit few: no memory is wiped for more. */
const CONNECTIONS = 1 << 12;
/** Cores that nobody asks at the moment. */
const idle: Core[] = [];

/** Bridges opened, ready to be asked until they are closed. */
export class Ours {
  private readonly layer: ReturnType<typeof openOfproto>;
  private readonly core: Core;

  constructor(bridges: readonly OfprotoBridge[]) {
    // dpif/show tells which patch ports are joined.
    this.layer = openOfproto({ bridges, patches: [] });
    const core = idle.pop();
    core?.load(this.layer.network);
    this.core = core ?? Core.createSync(this.layer.network, { connections: CONNECTIONS });
  }

  /** Its core may be used by others. */
  close(): void {
    idle.push(this.core);
  }

  /** What of the files could not be used. */
  get problems(): readonly string[] {
    return this.layer.problems.map((p) => `${p.severity}: ${p.file}:${p.line}: ${p.message}`);
  }

  /** Lines of the first bridge's flows that became rules, and such that are told to be no good. */
  get ruleLines(): readonly number[] {
    return this.layer.network.rules.flatMap((r) => (r.origin?.file.endsWith("flows") ? [r.origin.line] : []));
  }
  get problemLines(): readonly number[] {
    return this.layer.problems.flatMap((p) => (p.file.endsWith("flows") ? [p.line] : []));
  }

  /** Answers a question, its options behind the packet. */
  ask(line: string): OurAnswer {
    try {
      const question = this.layer.ask(line);
      const { row, device, port, options } = question.run;
      return { trace: this.layer.answer(question, this.core.run(row, device, port, options)), error: "" };
    } catch (e) {
      if (e instanceof PlumblineError) return { trace: null, error: e.message };
      throw e;
    }
  }
  /** As the program would print it. */
  text(line: string): string {
    const question = this.layer.ask(line);
    const { row, device, port, options } = question.run;
    return this.layer.text(this.layer.answer(question, this.core.run(row, device, port, options)), question);
  }
}
