/**
 * The control socket of an OVS daemon: JSON-RPC 1.0 over a Unix socket (lib/unixctl.c), what `ovs-appctl` speaks, over one
 * connection that stays open. Answers come in the order of the questions.
 */
import { connect, type Socket } from "node:net";

interface Answer {
  readonly id: number;
  readonly result: string | null;
  readonly error: string | null;
}

/** The daemon refused a command. */
export class ControlError extends Error {}

/** The daemon has ended: by a fault of its own, or for want of memory. */
export class SwitchGone extends Error {}

export class ControlSocket {
  private readonly waiting: { resolve(text: string): void; reject(e: Error): void }[] = [];
  private readonly decoder = new TextDecoder();
  private text = "";
  /** How far `text` is scanned, and in what state. */
  private at = 0;
  private depth = 0;
  private quoted = false;
  private sent = 0;
  /** What is called at once goes in one write. */
  private unsent = "";

  private constructor(private readonly socket: Socket) {
    socket.on("data", (bytes: Buffer) => this.take(bytes));
    const fail = (e?: Error) => {
      for (const w of this.waiting.splice(0)) w.reject(new SwitchGone(`the daemon ended${e ? ` (${e.message})` : ""}`));
    };
    socket.on("error", fail);
    socket.on("close", () => fail());
  }

  static async open(path: string): Promise<ControlSocket> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new ControlSocket(socket);
  }

  /** Sends a command; commands may be sent before earlier ones are answered. Rejects with what the daemon says against it. */
  call(method: string, ...params: string[]): Promise<string> {
    if (this.socket.destroyed) return Promise.reject(new SwitchGone("the daemon has ended"));
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      if (this.unsent === "") queueMicrotask(() => this.flush());
      this.unsent += JSON.stringify({ id: this.sent++, method, params });
    });
  }

  private flush(): void {
    this.socket.write(this.unsent);
    this.unsent = "";
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  close(): void {
    this.socket.destroy();
  }

  /** Cuts what has come into JSON values: at each brace that closes the outermost. */
  private take(bytes: Buffer): void {
    this.text += this.decoder.decode(bytes, { stream: true });
    let begin = 0;
    for (; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (this.quoted) {
        if (c === 0x5c) this.at++;
        else if (c === 0x22) this.quoted = false;
      } else if (c === 0x22) this.quoted = true;
      else if (c === 0x7b) this.depth++;
      else if (c === 0x7d && --this.depth === 0) {
        this.answer(JSON.parse(this.text.slice(begin, this.at + 1)));
        begin = this.at + 1;
      }
    }
    this.text = this.text.slice(begin);
    this.at -= begin;
  }
  private answer(a: Answer): void {
    const w = this.waiting.shift();
    if (a.error === null) w?.resolve(a.result ?? "");
    else w?.reject(new ControlError(a.error));
  }
}
