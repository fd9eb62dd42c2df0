/** The lab's real objects and br-ex flows: both formats say the same, every Service cookie has its Service. Skipped, loudly, without them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Device, Rule } from "@plumbline/model";
import { readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const SHARED = process.env["PLUMBLINE_SHARED"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../../../shared");
const LAB = join(SHARED, "fixtures/lab");
const here = existsSync(LAB);
if (!here) console.warn(`SKIPPED: no lab dumps at ${LAB} (set PLUMBLINE_SHARED)`);

for (const set of ["cluster", "local", "ic-cluster", "ic-local", "lgw-cluster", "lgw-local"]) {
  test.skipIf(!here)(`${set}: YAML and JSON alike, 64-bit cookies resolve`, () => {
    const dir = join(LAB, set);
    const parse = (file: string) => readFiles([plugin], { [file]: readFileSync(join(dir, file), "utf8") });
    const { facts, problems } = parse("k8s.yaml");
    expect(problems).toEqual([]);
    if (existsSync(join(dir, "k8s.json"))) {
      const json = parse("k8s.json");
      expect(json.problems).toEqual([]);
      expect(json.facts.counts()).toEqual(facts.counts());
      for (const kind of ["k8s.node", "k8s.pod", "k8s.service", "k8s.endpoint-slice", "frrk8s.configuration"] as const)
        expect(json.facts.all(kind).map((f) => f.data)).toEqual(facts.all(kind).map((f) => f.data));
    }
    const annotate = plugin.annotator!(facts);
    const cookies = new Set(
      readdirSync(dir)
        .map((n) => join(dir, n, "ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-ex"))
        .filter((f) => existsSync(f))
        .flatMap((f) => [...readFileSync(f, "utf8").matchAll(/cookie=(0x[0-9a-f]+)/g)].map((m) => BigInt(m[1]!)))
        .filter((c) => c >= 1n << 32n),
    );
    expect(cookies.size).toBeGreaterThan(0);
    const nameless = [...cookies].filter(
      (cookie) => annotate({ cookie, rows: [], program: [] } as unknown as Rule, { kind: "bridge" } as Device).length === 0,
    );
    expect(nameless.map((c) => c.toString(16))).toEqual([]);
  });
}
