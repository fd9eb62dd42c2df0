/**
 * Running what may not end: a call that takes too long is broken off, in whatever loop or regular expression it is.
 *
 * V8 breaks off everything that a script has called when its time is over (node:vm, `timeout`). That works for code of this
 * thread; a call that waits for another thread has to bring a limit of its own.
 */
import { Script } from "node:vm";

/** A call was broken off. */
export class TookTooLong extends Error {
  constructor(readonly milliseconds: number) {
    super(`it took more than ${milliseconds} ms and was broken off`);
    this.name = "TookTooLong";
  }
}

const KEY = Symbol.for("plumbline.limited");
const script = new Script("globalThis[Symbol.for('plumbline.limited')]()");

/** The result of `work`, or {@link TookTooLong}. Not to be nested. */
export function limited<T>(milliseconds: number, work: () => T): T {
  const place = globalThis as { [KEY]?: () => T };
  place[KEY] = work;
  try {
    return script.runInThisContext({ timeout: milliseconds }) as T;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw new TookTooLong(milliseconds);
    throw e;
  } finally {
    delete place[KEY];
  }
}
