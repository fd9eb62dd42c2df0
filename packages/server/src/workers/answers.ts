/**
 * Answers that were given: a snapshot never changes, so neither does the answer to a question about it. Kept up to a number of bytes, those
 * used last; a question that is being answered already is not asked a second time.
 */
import { createHash } from "node:crypto";
import type { Ask } from "./protocol.js";

/** One answer of more than this share of the whole is not kept. */
const LARGEST_SHARE = 1 / 8;

export class Answers {
  /** In order of use, the last one last. */
  private readonly kept = new Map<string, Buffer>();
  private readonly coming = new Map<string, Promise<Buffer>>();
  private bytes = 0;

  constructor(private readonly most: number) {}

  /** The answer as it was given, or as `make` gives it now. */
  of(ask: Ask, make: () => Promise<Buffer>): Promise<Buffer> {
    const key = keyOf(ask);
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return Promise.resolve(known);
    }
    const coming = this.coming.get(key);
    if (coming) return coming;
    const made = make().finally(() => this.coming.delete(key));
    this.coming.set(key, made);
    made.then(
      (answer) => this.keep(key, answer),
      () => {},
    );
    return made;
  }

  private keep(key: string, answer: Buffer): void {
    if (answer.length > this.most * LARGEST_SHARE || this.kept.has(key)) return;
    this.kept.set(key, answer);
    this.bytes += answer.length;
    for (const [oldest, { length }] of this.kept) {
      if (this.bytes <= this.most) break;
      this.kept.delete(oldest);
      this.bytes -= length;
    }
  }
}

function keyOf({ evidence, ...question }: Ask): string {
  return createHash("sha256").update(evidence.id).update(JSON.stringify(question)).digest("base64");
}
