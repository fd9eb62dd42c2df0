/**
 * A shell that stays open and starts programs: from a process as large as this one a start costs ten milliseconds, from a shell one.
 * Programs run beside each other; input and output go through files of a directory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Milliseconds after which a program is given up. */
const PATIENCE = 30_000;

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Shell {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { done(code: number): void; failed(e: Error): void }>();
  private started = 0;

  constructor(
    private readonly directory: string,
    env: NodeJS.ProcessEnv,
  ) {
    this.child = spawn("sh", [], { env, cwd: directory, stdio: ["pipe", "pipe", "ignore"] });
    this.child.stdin!.on("error", () => {});
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      const [id, code] = line.split(" ").map(Number);
      this.waiting.get(id)?.done(code);
      this.waiting.delete(id);
    });
    this.child.once("exit", () => {
      for (const w of this.waiting.values()) w.failed(new Error("the shell has ended"));
      this.waiting.clear();
    });
  }

  /** Runs a program. Resolves when it has ended, however it did; rejects if it does not end. */
  async run(name: string, args: readonly string[], input = ""): Promise<Ended> {
    const id = this.started++;
    const [stdin, stdout, stderr] = ["in", "out", "err"].map((x) => `${this.directory}/${x}.${id}`);
    if (input !== "") writeFileSync(stdin, input);
    const words = [name, ...args].map(quoted).join(" ");
    const code = await new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error(`${name} ${args.join(" ")}: no answer`));
      }, PATIENCE);
      this.waiting.set(id, {
        done: (c) => {
          clearTimeout(late);
          resolve(c);
        },
        failed: (e) => {
          clearTimeout(late);
          reject(e);
        },
      });
      this.child.stdin!.write(
        `{ timeout ${PATIENCE / 1000} ${words} <${input === "" ? "/dev/null" : quoted(stdin)} >${quoted(stdout)} 2>${quoted(stderr)}; echo ${id} $?; } &\n`,
      );
    });
    const ended = { code, out: readFileSync(stdout, "utf8"), err: readFileSync(stderr, "utf8") };
    for (const f of [stdin, stdout, stderr]) rmSync(f, { force: true });
    return ended;
  }

  stop(): void {
    this.child.stdin!.end();
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
