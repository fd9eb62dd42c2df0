/**
 * One daemon's control socket, as vtysh talks to it (lib/vty.c, vtysh_read): a command and a zero byte go in, text comes out that ends in three zero
 * bytes and the command's result.
 */
import { connect, type Socket } from "node:net";

export class Vty {
  private received = Buffer.alloc(0);
  private wake: (() => void) | null = null;
  private gone = false;

  private constructor(private readonly socket: Socket) {
    socket.on("data", (d) => {
      this.received = Buffer.concat([this.received, d]);
      this.wake?.();
    });
    const end = () => {
      this.gone = true;
      this.wake?.();
    };
    socket.on("close", end);
    socket.on("error", end);
  }

  static async open(path: string): Promise<Vty> {
    const socket = connect(path);
    await new Promise<void>((done, failed) => socket.once("connect", done).once("error", failed));
    const vty = new Vty(socket);
    await vty.ask("enable");
    return vty;
  }

  /** What the daemon prints. */
  async ask(command: string): Promise<string> {
    this.received = Buffer.alloc(0);
    this.socket.write(`${command}\0`);
    for (;;) {
      const n = this.received.length;
      if (n >= 4 && this.received[n - 2] === 0 && this.received[n - 3] === 0 && this.received[n - 4] === 0)
        return this.received.subarray(0, n - 4).toString("utf8");
      if (this.gone) throw new Error(`the daemon hung up on '${command}'`);
      await new Promise<void>((done) => {
        this.wake = done;
      });
      this.wake = null;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
