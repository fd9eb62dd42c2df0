/** A southbound database followed over OVSDB's protocol, with a real ovsdb-server that is private to the test. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Interpreter } from "@plumbline/model";
import { followOvn, type LiveOvn, openOvn, remoteOf, type TlsFiles } from "@plumbline/plugin-ovn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeptTrace } from "../src/oracle/ovn/kept-traces.js";
import { appears, command, ROOT, whyNoOvnTrace } from "../src/oracle/ovn/private-southbound.js";
import { dumpText, fileText, without } from "../src/oracle/ovn/southbound-file.js";
import { microflow } from "../src/oracle/ovn/tracer.js";

const run = promisify(execFile);
const why = whyNoOvnTrace();
if (why) console.warn(`\n======== SKIPPED: databases that are in use: ${why} ========\n`);

const kept = JSON.parse(readFileSync(new URL("cases/ovn-trace-gateway-router.json", import.meta.url), "utf8")) as KeptTrace;
const line = `${microflow(kept.question)} ${kept.question.ct.map((s) => `--ct ${s} `).join("")}--datapath ${kept.question.datapath}`;

function answerOf(layer: ReturnType<LiveOvn["layer"]>): string {
  const machine = new Interpreter(layer.network);
  let asked = layer.ask(line);
  for (;;) {
    machine.reset();
    const { row, device, port, options } = asked.run;
    const events = machine.run(row, device, port, options);
    const again = layer.again!(asked, events);
    if (!again) return layer.text(layer.answer(asked, events), asked);
    asked = { ...asked, run: again };
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address() as { port: number };
      s.close(() => resolve(port));
    });
  });
}

describe.skipIf(why !== null)("a southbound database in use", () => {
  const d = mkdtempSync(join(tmpdir(), "plumbline-ovn-live-"));
  const children: ChildProcess[] = [];
  let tcp = 0;
  let ssl = 0;
  const tls: TlsFiles = { key: `${d}/key.pem`, cert: `${d}/cert.pem`, ca: `${d}/cert.pem` };

  async function serve(): Promise<ChildProcess> {
    const [program, ...args] = command("ovsdb-server");
    const remotes = [`--remote=punix:${d}/sb.sock`, `--remote=ptcp:${tcp}:127.0.0.1`, `--remote=pssl:${ssl}:127.0.0.1`];
    const keys = [`--private-key=${d}/key.pem`, `--certificate=${d}/cert.pem`, `--ca-cert=${d}/cert.pem`];
    const rest = [`--unixctl=${d}/sb.ctl`, "-vconsole:off", "--log-file=/dev/null"];
    const child = spawn(program, [...args, `${d}/sb.db`, ...remotes, ...keys, ...rest], {
      env: { ...process.env, OVS_RUNDIR: d },
      cwd: d,
      stdio: "ignore",
    });
    children.push(child);
    await appears(`${d}/sb.sock`);
    return child;
  }
  async function transact(...operations: object[]): Promise<void> {
    const [program, ...args] = command("ovsdb-client");
    await run(program, [...args, "transact", `unix:${d}/sb.sock`, JSON.stringify(["OVN_Southbound", ...operations])]);
  }
  async function until(what: () => boolean): Promise<void> {
    for (const end = Date.now() + 15_000; !what(); ) {
      if (Date.now() > end) throw new Error("it did not come to pass");
      await new Promise((r) => void setTimeout(r, 20));
    }
  }

  beforeAll(async () => {
    [tcp, ssl] = [await freePort(), await freePort()];
    writeFileSync(
      `${d}/sb.db`,
      fileText(readFileSync(`${ROOT}/usr/share/ovn/ovn-sb.ovsschema`, "utf8"), without(kept.southbound, new Set())),
    );
    await run("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      `${d}/key.pem`,
      "-out",
      `${d}/cert.pem`,
      "-days",
      "2",
      "-subj",
      "/CN=test",
    ]);
    await serve();
  }, 60_000);
  afterAll(() => {
    for (const c of children) c.kill("SIGKILL");
    rmSync(d, { recursive: true, force: true });
  });

  test.each([
    ["a Unix socket", () => `unix:${d}/sb.sock`],
    ["TCP", () => `tcp:127.0.0.1:${tcp}`],
    ["TLS", () => `ssl:127.0.0.1:${ssl}`],
  ])("is answered as its file is, over %s", { timeout: 60_000 }, async (_, remote) => {
    const file = openOvn({ sb: { name: "sb", bytes: new TextEncoder().encode(dumpText(kept.southbound)) } });
    const source = await followOvn({ remote: remoteOf(remote())!, tls });
    expect(answerOf(source.layer())).toBe(answerOf(file));
    source.stop();
  });

  test("is followed when it changes, and when its server was away", { timeout: 60_000 }, async () => {
    const notes: string[] = [];
    let changes = 0;
    const source = await followOvn({ remote: remoteOf(`unix:${d}/sb.sock`)!, note: (n) => notes.push(n), changed: () => void changes++ });
    const before = answerOf(source.layer());
    const flow = kept.southbound.find((r) => r.table === "Logical_Flow" && before.includes(r.uuid.slice(0, 8)))!;
    const where = [["_uuid", "==", ["uuid", flow.uuid]]];

    await transact({ op: "update", table: "Logical_Flow", where, row: { priority: 4711 } });
    await until(() => changes > 0);
    expect(answerOf(source.layer())).toBe(
      before.replaceAll(
        `priority ${flow.columns["priority"]}, uuid ${flow.uuid.slice(0, 8)}`,
        `priority 4711, uuid ${flow.uuid.slice(0, 8)}`,
      ),
    );

    const gone = children.pop()!;
    gone.kill("SIGKILL");
    await until(() => notes.length > 0);
    rmSync(`${d}/sb.sock`, { force: true });
    await serve();
    changes = 0;
    await transact({ op: "delete", table: "Logical_Flow", where });
    await until(() => notes.some((n) => n.includes("connected again")));
    await until(() => !answerOf(source.layer()).includes(flow.uuid.slice(0, 8)));
    source.stop();
    expect(notes.map((n) => n.replace(d, ""))).toEqual([
      "unix:/sb.sock: the server has closed the connection; trying again",
      "unix:/sb.sock: connected again",
    ]);
  });

  test("a server that is not there is an error of usage", async () => {
    await expect(followOvn({ remote: remoteOf(`unix:${d}/none.sock`)! })).rejects.toThrow(/none\.sock/);
  });
});
