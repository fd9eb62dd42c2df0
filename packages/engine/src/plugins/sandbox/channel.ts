/**
 * Calls between two threads that wait for each other.
 *
 * The engine asks its plugins in the midst of its own work, so a call into a worker has to return like any other: the caller posts
 * a message and sleeps on shared memory (Atomics.wait) until the other thread has posted an answer, which it then takes off the
 * port without an event loop. While it sleeps it answers what the called side asks back (the bytes of a file, facts of a kind).
 *
 * Promise: a call ends with an answer, with the error that the other side threw, or with nothing behind its time limit.
 * Not told apart from a late answer: a worker that ended in the midst of a call (out of memory); its end is an event, and
 * events wait until the caller has returned.
 */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";

/** Taken before a plugin's worker is disarmed (guard.ts). */
const receive = receiveMessageOnPort;

export type Message =
  | { readonly kind: "call"; readonly what: string; readonly args: readonly unknown[] }
  | { readonly kind: "ask"; readonly what: string; readonly args: readonly unknown[] }
  | { readonly kind: "tell"; readonly what: string; readonly args: readonly unknown[] }
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "threw"; readonly message: string; readonly name: string };

/** One end of a line between two threads. `posted` counts the messages to each end; sleeping is on one's own count. */
export class Channel {
  private seen = 0;

  /**
   * @param counts two 32-bit words of shared memory
   * @param own index of this end's word
   */
  constructor(
    private readonly port: MessagePort,
    private readonly counts: Int32Array,
    private readonly own: 0 | 1,
  ) {}

  post(message: Message): void {
    this.port.postMessage(message);
    const other = this.own === 0 ? 1 : 0;
    Atomics.add(this.counts, other, 1);
    Atomics.notify(this.counts, other);
  }

  /** The next message; null if none comes before `until` (milliseconds of performance.now). */
  next(until: number): Message | null {
    for (;;) {
      const got = receive(this.port) as { message: Message } | undefined;
      if (got) return got.message;
      const count = Atomics.load(this.counts, this.own);
      if (count !== this.seen) {
        // Posted behind the look at the port.
        this.seen = count;
        continue;
      }
      const left = until - performance.now();
      if (left <= 0) return null;
      Atomics.wait(this.counts, this.own, count, left);
    }
  }

  close(): void {
    this.port.close();
  }
}
