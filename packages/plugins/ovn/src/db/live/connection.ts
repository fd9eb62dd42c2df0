/**
 * JSON-RPC 1.0 as OVSDB servers speak it (RFC 7047, 4): objects one behind the other without separators, over a Unix socket, TCP or TLS.
 *
 * Requests are answered by id; notifications go to `notified`; a server's `echo` is answered, as it closes connections that are silent.
 */
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { PlumblineError } from "@plumbline/model";

/** `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT` (ovsdb(7), "Active Connection"). */
export interface Remote {
  readonly text: string;
  readonly kind: "unix" | "tcp" | "ssl";
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

/** Files of PEM for TLS; what is not named the system has. */
export interface TlsFiles {
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
  readonly ca?: string | undefined;
}

/** The remote that a text names; undefined if it is none (a file's name). */
export function remoteOf(text: string): Remote | undefined {
  const unix = /^unix:(.+)$/.exec(text);
  if (unix) return { text, kind: "unix", path: unix[1], host: "", port: 0 };
  const m = /^(tcp|ssl):(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  return m ? { text, kind: m[1] as "tcp" | "ssl", path: "", host: m[2] ?? m[3], port: Number(m[4]) } : undefined;
}

/** A request that the server refused. */
export class Refused extends Error {}

interface Message {
  readonly id?: unknown;
  readonly method?: string | null;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

const CONNECT_MS = 10_000;

export class Connection {
  private nextId = 1;
  private readonly waiting = new Map<number, { resolve(result: unknown): void; reject(e: Error): void }>();
  private readonly splitter = new Splitter((text) => this.message(JSON.parse(text) as Message));
  private over: Error | undefined;
  /** Is told what the server sends of its own accord. */
  notified: (method: string, params: unknown) => void = () => undefined;
  /** Is told once that the connection is over. */
  closed: (why: Error) => void = () => undefined;

  private constructor(
    private readonly socket: Socket,
    readonly remote: Remote,
  ) {
    socket.on("data", (bytes: Buffer) => {
      try {
        this.splitter.push(bytes);
      } catch (e) {
        this.end(new Error(`${remote.text}: what came is no JSON: ${(e as Error).message}`));
      }
    });
    socket.on("error", (e) => this.end(e));
    socket.on("close", () => this.end(new Error(`${remote.text}: the server has closed the connection`)));
  }

  /** Connects; throws PlumblineError where that fails. */
  static async open(remote: Remote, tls: TlsFiles = {}): Promise<Connection> {
    const fail = (e: Error) =>
      new PlumblineError("USAGE", [
        `${remote.text}: ${e.message}.`,
        "Name the southbound database's socket: unix:/var/run/ovn/ovnsb_db.sock, tcp:HOST:6642 or ssl:HOST:6642.",
      ]);
    return new Promise((resolve, reject) => {
      let socket: Socket;
      try {
        const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
        socket =
          remote.kind === "unix"
            ? connectTcp(remote.path)
            : remote.kind === "tcp"
              ? connectTcp(remote.port, remote.host)
              : // Certificates of OVSDB servers are of an authority of their own, and name no host.
                connectTls({
                  host: remote.host,
                  port: remote.port,
                  key: read(tls.key),
                  cert: read(tls.cert),
                  ca: read(tls.ca),
                  checkServerIdentity: () => undefined,
                });
      } catch (e) {
        reject(fail(e as Error));
        return;
      }
      const late = setTimeout(() => socket.destroy(new Error("nobody answers")), CONNECT_MS);
      const refused = (e: Error) => {
        clearTimeout(late);
        reject(fail(e));
      };
      socket.once("error", refused);
      socket.once(remote.kind === "ssl" ? "secureConnect" : "connect", () => {
        clearTimeout(late);
        socket.off("error", refused);
        resolve(new Connection(socket, remote));
      });
    });
  }

  /** Asks; throws {@link Refused} with the server's error. */
  call(method: string, params: unknown): Promise<unknown> {
    if (this.over) return Promise.reject(this.over);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.write(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.closed = () => undefined;
    this.socket.destroy();
  }

  private message(m: Message): void {
    if (typeof m.method === "string") {
      if (m.method === "echo") this.socket.write(JSON.stringify({ id: m.id, result: m.params, error: null }));
      else this.notified(m.method, m.params);
      return;
    }
    const asked = this.waiting.get(m.id as number);
    if (!asked) return;
    this.waiting.delete(m.id as number);
    if (m.error !== null && m.error !== undefined) asked.reject(new Refused(JSON.stringify(m.error)));
    else asked.resolve(m.result);
  }

  private end(why: Error): void {
    if (this.over) return;
    this.over = why;
    this.socket.destroy();
    for (const { reject } of this.waiting.values()) reject(why);
    this.waiting.clear();
    this.closed(why);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Cuts a stream of bytes into JSON objects. */
class Splitter {
  private readonly pieces: Buffer[] = [];
  private depth = 0;
  private inString = false;
  private escaped = false;

  constructor(private readonly take: (text: string) => void) {}

  push(bytes: Buffer): void {
    let from = 0;
    for (let i = 0; i < bytes.length; i++) {
      const c = bytes[i];
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === BACKSLASH) this.escaped = true;
        else if (c === QUOTE) this.inString = false;
      } else if (c === QUOTE) this.inString = true;
      else if (c === 0x7b || c === 0x5b) this.depth++;
      else if (c === 0x7d || c === 0x5d) {
        if (--this.depth > 0) continue;
        const whole = Buffer.concat([...this.pieces.splice(0), bytes.subarray(from, i + 1)]);
        from = i + 1;
        this.take(whole.toString("utf8"));
      }
    }
    if (from < bytes.length) this.pieces.push(bytes.subarray(from));
  }
}
