/**
 * The service under stress, with figures:
 *
 *     node tools/dist/server-checks.js kill [ROUNDS] [PACKETS] | full-disk | load [SECONDS] [CLIENTS] | upload [MiB] | fuzz [SECONDS]
 *
 * Prints a line of JSON; exits with 1 where something was wrong. ORACLE_SEED repeats a run of `kill` and `fuzz`.
 */
import { fullDiskCheck } from "./server/full-disk.js";
import { fuzz } from "./server/fuzz.js";
import { killHunt } from "./server/kill.js";
import { load } from "./server/load.js";
import { largeUploads } from "./server/upload.js";

const [what, first, second] = process.argv.slice(2);
const number = (text: string | undefined, otherwise: number) => (text === undefined ? otherwise : Number(text));

/** As asked for, or a fresh one; it is among the figures. */
const seed = () => (process.env.ORACLE_SEED === undefined ? Date.now() % 1_000_000_000 : Number(process.env.ORACLE_SEED));

const CHECKS: Readonly<Record<string, () => Promise<{ readonly figures: unknown; readonly good: boolean }>>> = {
  async kill() {
    const figures = await killHunt(number(first, 10), seed(), number(second, 200_000));
    return { figures, good: figures.faults.length === 0 };
  },
  async "full-disk"() {
    const figures = fullDiskCheck();
    return { figures, good: figures.faults.length === 0 && figures.full.every((s) => s === 507) };
  },
  async load() {
    const figures = await load(number(second, 100), number(first, 30));
    return { figures, good: Object.keys(figures.errors).length === 0 };
  },
  async upload() {
    const figures = await largeUploads(number(first, 1024));
    return { figures, good: figures.every((f) => f.status === 201) };
  },
  async fuzz() {
    const figures = await fuzz(number(first, 120), seed());
    return { figures, good: figures.faults.length === 0 };
  },
};

const check = CHECKS[what];
if (check) {
  const { figures, good } = await check();
  console.log(JSON.stringify({ what, ...(Array.isArray(figures) ? { uploads: figures } : (figures as object)) }));
  process.exitCode = good ? 0 : 1;
} else {
  console.error(`usage: node tools/dist/server-checks.js ${Object.keys(CHECKS).join("|")} [N]`);
  process.exitCode = 2;
}
