/** A thread that works on a share of a capture's connections: see shares.ts, which starts it. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { PlumblineError } from "@plumbline/model";
import { Core } from "../core.js";
import { ReplaySession } from "./session.js";
import type { FromShare, ShareData, ToShare } from "./shares.js";

function main(port: MessagePort, data: ShareData): void {
  const tell = (message: FromShare) => port.postMessage(message);
  const core = Core.ofCompiled(data.compiled, { connections: data.connections });
  core.know(data.known);
  const session = new ReplaySession(core, {
    ...data.options,
    onPath: (sample) => tell({ kind: "path", sample }),
    onFull: (flows) => tell({ kind: "full", flows: [...flows] }),
  });
  port.on("message", (message: ToShare) => {
    try {
      if (message.kind === "bytes") {
        session.feed(message.bytes);
        tell({ kind: "taken", frames: session.frames });
        return;
      }
      const problem = session.finish();
      tell({ kind: "done", problem, memory: core.inside.arena.memory, seat: session.seat, connections: core.connectionCounts });
    } catch (e) {
      if (!(e instanceof PlumblineError)) throw e;
      tell({ kind: "failed", code: e.code, message: e.message, hint: e.hint });
    }
  });
}

if (parentPort) main(parentPort, workerData as ShareData);
