/** What the checks of the service work with: the shipped snapshot, and a capture of many connections to its service. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type ServiceProcess } from "./child.js";

export const snapshotBytes = () => readFileSync(join(root, "examples/cluster.tar.gz"));

/** A client's connection to the announced address; source address and port vary. */
export const packetOf = (n: number) => `tcp 192.168.55.${10 + (n % 40)}:${1024 + ((n * 7919) % 60_000)} > 192.168.66.100:8080`;

export function makeCapture(path: string, packets: number, flows: number): void {
  const args = ["--out", path, "--packets", String(packets), "--flows", String(flows), "--dst", "192.168.66.100:8080"];
  args.push("--sources", "192.168.55.64/26", "--eth-dst", "52:54:00:55:00:01");
  execFileSync(process.execPath, [join(root, "tools/dist/generate-pcap.js"), ...args], { stdio: "ignore" });
}

/** What a replay's results are, as far as they must not depend on when and how often it ran. */
export async function fingerprint(service: ServiceProcess, replay: string): Promise<string> {
  const flows = await service.send("GET", `/v1/replays/${replay}/flows?format=ndjson`);
  const groups = await service.send("GET", `/v1/replays/${replay}/groups?by=verdict,node,to,path`);
  const summary = await service.send("GET", `/v1/replays/${replay}/summary`);
  for (const { status, text } of [flows, groups, summary])
    if (status !== 200) throw new Error(`results of ${replay}: ${status} ${text.slice(0, 300)}`);
  const { stats: _, ...rest } = summary.json as { stats: unknown };
  return createHash("sha256").update(flows.text).update(groups.text).update(JSON.stringify(rest)).digest("hex");
}
