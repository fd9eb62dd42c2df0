/**
 * Writes rule sets and traces in the format of ClassBench, of the shape of given sets.
 *
 *     node tools/dist/generate-classbench.js --like FILE [--like FILE …] --count N --rules OUT [--trace OUT --packets 60000] [--seed 1]
 *         [--smoothness 0] [--scope 0] [--branching] [--locality 0]
 *
 * Several `--like` make a mixture. classbench-shape.ts says what the other options do.
 */
import { writeFileSync } from "node:fs";
import type { AclPacket, AclRule, Prefix, Range } from "@plumbline/core-wasm";
import { readRules } from "./classbench.js";
import { packetsFor, rulesLike, shapeOf } from "./classbench-shape.js";
import { numberOf, tool, UsageError } from "./options.js";

const address = ({ value, length }: Prefix): string => `${[24, 16, 8, 0].map((s) => (value >>> s) & 0xff).join(".")}/${length}`;
const ports = ([low, high]: Range): string => `${low} : ${high}`;
const hex = (n: number): string => `0x${n.toString(16).toUpperCase().padStart(2, "0")}`;
const ruleText = (r: AclRule): string =>
  [
    `@${address(r.src)}`,
    address(r.dst),
    ports(r.srcPort),
    ports(r.dstPort),
    r.protocol[0] === r.protocol[1] ? `${hex(r.protocol[0])}/0xFF` : "0x00/0x00",
    "0x0000/0x0000",
  ].join("\t");
const packetText = (p: AclPacket): string => [p.src, p.dst, p.srcPort, p.dstPort, p.protocol].join("\t");
const lines = (list: readonly string[]): string => `${list.join("\n")}\n`;

tool(
  "generate-classbench --like FILE [--like FILE …] --count N --rules OUT [--trace OUT] [--packets 60000] [--seed 1] [--smoothness 0] [--scope 0] [--branching] [--locality 0]",
  {
    like: { type: "string", multiple: true },
    count: { type: "string", default: "1000" },
    rules: { type: "string" },
    trace: { type: "string" },
    packets: { type: "string", default: "60000" },
    seed: { type: "string", default: "1" },
    smoothness: { type: "string", default: "0" },
    scope: { type: "string", default: "0" },
    branching: { type: "boolean", default: false },
    locality: { type: "string", default: "0" },
  },
  (values) => {
    if (!values.like || !values.rules) throw new UsageError("--like and --rules are needed");
    const seed = numberOf("seed", values.seed, 0);
    const rules = rulesLike(shapeOf(values.like.flatMap(readRules)), numberOf("count", values.count, 1), seed, {
      smoothness: numberOf("smoothness", values.smoothness, 0),
      scope: numberOf("scope", values.scope, -1),
      branching: values.branching,
    });
    writeFileSync(values.rules, lines(rules.map(ruleText)));
    if (values.trace)
      writeFileSync(
        values.trace,
        lines(packetsFor(rules, numberOf("packets", values.packets, 1), seed, numberOf("locality", values.locality, 0)).map(packetText)),
      );
    console.error(`${rules.length} rules`);
  },
);
