/**
 * Measures how fast OpenFlow dumps load: a real dump of a bridge, scaled up by flows of other datapaths, ports and addresses.
 *
 *     node --expose-gc tools/dist/bench-load.js --dump FILE [--flows 500000] [--only-parse] [--no-compile]
 *
 * Prints the rates of the parser alone (text to flows) and of the whole way (text to the core's compiled tables), and bytes of heap a flow.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { compileNetwork } from "@plumbline/core-wasm";
import ovs, { type OvsFlow, parseFlowLine } from "@plumbline/plugin-ovs";
import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";

const { values } = parseArgs({
  options: {
    dump: { type: "string" },
    flows: { type: "string", default: "500000" },
    "only-parse": { type: "boolean", default: false },
    "no-compile": { type: "boolean", default: false },
  },
});
if (!values.dump) throw new Error("--dump FILE: the output of `ovs-ofctl -O OpenFlow15 dump-flows BR`");

const MB = 1e6;
const collect = (globalThis as { gc?: () => void }).gc;

/** Heap in use, garbage collected where node was started with --expose-gc. */
function heap(): number {
  collect?.();
  collect?.();
  const m = process.memoryUsage();
  return m.heapUsed + m.arrayBuffers;
}

/** Copies of the dump's flows until there are enough; each copy is of other datapaths, hosts and connections. */
function scaled(dump: string, wanted: number): string {
  const [header, ...lines] = dump.split("\n").filter((l) => l !== "");
  const out = [header];
  for (let copy = 0; out.length <= wanted; copy++) {
    for (const line of lines) {
      if (out.length > wanted) break;
      out.push(copy === 0 ? line : another(line, copy));
    }
  }
  return `${out.join("\n")}\n`;
}

function another(line: string, copy: number): string {
  const hex = (n: number) => n.toString(16);
  return line
    .replace(/cookie=0x([0-9a-f]+)/, (_, c: string) => `cookie=0x${hex((Number.parseInt(c, 16) ^ (copy * 2654435761)) >>> 0)}`)
    .replace(/\bmetadata=0x([0-9a-f]+)/, (_, m: string) => `metadata=0x${hex(Number.parseInt(m, 16) + copy * 64)}`)
    .replace(/\breg1([45])=0x([0-9a-f]+)/g, (_, r: string, v: string) => `reg1${r}=0x${hex((Number.parseInt(v, 16) + copy * 3) & 0x7fff)}`)
    .replace(
      /(dl_(?:src|dst)=0a:58:)([0-9a-f]{2}):([0-9a-f]{2})/g,
      (_, head: string) => `${head}${hex(16 + (copy & 0x7f))}:${hex(16 + ((copy >> 7) & 0x7f))}`,
    )
    .replace(
      /(nw_(?:src|dst)=10\.)(\d+)\.(\d+)/g,
      (_, head: string, a: string, b: string) => `${head}${(Number(a) + copy) & 255}.${(Number(b) + (copy >> 8)) & 255}`,
    );
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    yield text.slice(at, end < 0 ? text.length : end);
    if (end < 0) return;
    at = end + 1;
  }
}

/** Milliseconds of processor time: other programs on the machine do not count. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const rate = (bytes: number, ms: number) => `${(bytes / MB / (ms / 1000)).toFixed(0)} MB/s`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

const text = scaled(readFileSync(values.dump, "utf8"), Number(values.flows));
console.log(`${cpus()[0]?.model ?? "unknown processor"}, node ${process.version}`);
console.log(`${values.flows} flows, ${(text.length / MB).toFixed(1)} MB`);

{
  const before = heap();
  const start = performance.now();
  const used = cpu();
  const flows: OvsFlow[] = [];
  let problems = 0;
  for (const line of linesOf(text)) {
    const parsed = parseFlowLine(line);
    if (parsed.flow) flows.push(parsed.flow);
    problems += parsed.problems.length;
  }
  const ms = performance.now() - start;
  const busy = cpu() - used;
  const bytes = heap() - before;
  console.log(
    `parsed: ${flows.length} flows in ${seconds(ms)} (${seconds(busy)} of processor time, garbage collection by other threads included), ${rate(text.length, ms)}, ${collect ? `${(bytes / flows.length).toFixed(0)} bytes a flow` : "no --expose-gc, memory not told"}, ${problems} problems`,
  );
}

if (!values["only-parse"]) {
  const before = heap();
  const start = performance.now();
  const read = readFiles([ovs], { "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int": text });
  const middle = performance.now();
  const low = lowerFacts([ovs], read.facts);
  const lowered = performance.now();
  const compiled = values["no-compile"] ? null : compileNetwork(low.net);
  const ms = performance.now() - start;
  const rules = low.net.tables.reduce((n, t) => n + t.rules.length, 0);
  const bytes = heap() - before;
  console.log(
    `loaded: ${rules} rules in ${low.net.tables.length} tables in ${seconds(ms)} (read ${seconds(middle - start)}, lowered ${seconds(lowered - middle)}${compiled ? `, compiled ${seconds(ms - (lowered - start))} to ${((4 * compiled.words.length) / MB).toFixed(0)} MB` : ""}), ${rate(text.length, ms)}, ${collect ? `${(bytes / rules).toFixed(0)} bytes a rule, with its facts and origins` : ""}`,
  );
}
