/**
 * The service under stress, each check for as long as a variable says: SERVER_KILLS (rounds of `kill -9`), SERVER_FULL_DISK=1 (root),
 * SERVER_LOAD_SECONDS (100 clients), SERVER_UPLOAD_MIB, SERVER_FUZZ_SECONDS. Without it a check is left out: each takes longer than a
 * test should. `node tools/dist/server-checks.js` prints the figures alone.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../dist/server-checks.js", import.meta.url));

/** In a process of its own, as it is run by hand. */
function figures(...args: string[]): Record<string, unknown> {
  let out: string;
  try {
    out = execFileSync(process.execPath, [script, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  } catch (e) {
    out = String((e as { stdout?: string }).stdout);
  }
  console.log(out.trim());
  return JSON.parse(out) as Record<string, unknown>;
}

const { SERVER_KILLS, SERVER_FULL_DISK, SERVER_LOAD_SECONDS, SERVER_UPLOAD_MIB, SERVER_FUZZ_SECONDS } = process.env;
const HOUR = 3_600_000;

test.skipIf(!SERVER_KILLS)("kill -9 at random moments: nothing accepted is lost, nothing counts twice", { timeout: HOUR }, () => {
  expect(figures("kill", SERVER_KILLS!)).toMatchObject({ rounds: Number(SERVER_KILLS), faults: [] });
});

test.skipIf(!SERVER_FULL_DISK)("a full disk: 507, and with room again everything as without", { timeout: HOUR }, () => {
  expect(figures("full-disk")).toMatchObject({ full: Array(6).fill(507), trace: 200, ready: 503, replay: { after: "done" }, faults: [] });
});

test.skipIf(!SERVER_LOAD_SECONDS)("100 clients tracing: no errors, memory flat", { timeout: HOUR }, () => {
  const { errors, memory, answers } = figures("load", SERVER_LOAD_SECONDS!) as { errors: object; memory: number[]; answers: number };
  expect(errors).toEqual({});
  expect(answers).toBeGreaterThan(0);
  // The last third against the second one: what the garbage collector leaves lying is no growth.
  expect(Math.max(...memory.slice(4))).toBeLessThan(1.25 * Math.max(...memory.slice(2, 4)) + 64);
});

test.skipIf(!SERVER_UPLOAD_MIB)("a large upload streams in bounded memory", { timeout: HOUR }, () => {
  const { uploads } = figures("upload", SERVER_UPLOAD_MIB!) as { uploads: { status: number; before: number; peak: number }[] };
  for (const { status, before, peak } of uploads) {
    expect(status).toBe(201);
    expect(peak - before).toBeLessThan(700);
  }
});

test.skipIf(!SERVER_FUZZ_SECONDS)("requests made from the OpenAPI description: no 500", { timeout: HOUR }, () => {
  expect(figures("fuzz", SERVER_FUZZ_SECONDS!)).toMatchObject({ faults: [] });
});
