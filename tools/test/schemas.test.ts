/** What the program prints as JSON is what docs/schemas says. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const plumbline = (...args: string[]) =>
  execFileSync(process.execPath, [join(root, "packages/cli/bin/plumbline.js"), ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 28,
  });

function check(name: string, value: unknown): void {
  const validate = new Ajv2020({ allErrors: true, strict: false }).compile(
    JSON.parse(readFileSync(join(root, `docs/schemas/${name}-1.json`), "utf8")),
  );
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
}

const PACKET = "tcp 192.168.55.10:40000 > 192.168.66.100:8080";

test("trace", () => {
  const out = plumbline("trace", "examples/cluster.tar.gz", PACKET, "--from", "client", "--reply", "--format", "json");
  check("trace", JSON.parse(out));
});

test("trace of a refused connection, as ndjson", () => {
  const out = plumbline(
    "trace",
    "examples/local.tar.gz",
    PACKET,
    "--from",
    "client",
    "--overlay",
    "examples/local-negative.tar.gz",
    "--format",
    "ndjson",
  );
  check("trace", JSON.parse(out));
});

test("inspect", () => {
  check("inspect", JSON.parse(plumbline("inspect", "examples/cluster.tar.gz", "--format", "json")));
});

test("replay, and its flows", () => {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-schemas-"));
  try {
    const capture = join(dir, "router.enp7s0.pcap");
    writeFileSync(capture, gunzipSync(readFileSync(join(root, "examples/cluster.router.enp7s0.pcap.gz"))));
    check(
      "replay",
      JSON.parse(plumbline("replay", "examples/cluster.tar.gz", capture, "--flows", join(dir, "flows.ndjson"), "--format", "json")),
    );
    const flows = readFileSync(join(dir, "flows.ndjson"), "utf8").trim().split("\n");
    expect(flows.length).toBeGreaterThan(50);
    for (const line of flows) check("flow", JSON.parse(line));
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("explain", () => {
  check(
    "explain",
    JSON.parse(plumbline("explain", "examples/cluster.tar.gz", "service", "demo-egress/egress-identity", "--format", "json")),
  );
});

test("logical against physical, of a snapshot and of a packet", () => {
  check("logical", JSON.parse(plumbline("explain", "examples/cluster.tar.gz", "logical", "--format", "json")));
  const traced = JSON.parse(
    plumbline("trace", "examples/cluster.tar.gz", PACKET, "--from", "client", "--compare", "logical", "--format", "json"),
  );
  check("trace", traced);
  expect(traced.compared.differences).toEqual([]);
  expect(traced.compared.hops).toBeGreaterThan(100);
});
