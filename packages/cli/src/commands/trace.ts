/** `plumbline trace SNAPSHOT PACKET`: one packet, hop by hop, with evidence. */
import { readFileSync } from "node:fs";
import {
  compareTraces,
  logicalSession,
  PlumblineError,
  type Session,
  type TraceComparison,
  type TraceResult,
  trace,
} from "@plumbline/engine";
import { Command, InvalidArgumentError, Option } from "commander";
import { EXIT, failureOf } from "../failure.js";
import { type CommonOptions, collect, common, print, printJson } from "../output.js";
import { type RemoteOptions, remote, serviceOf } from "../remote/options.js";
import { findRemote, warnRemote } from "../remote/snapshot.js";
import { RemoteRefusal, tracesRemote } from "../remote/trace.js";
import { renderComparison } from "../render/logical.js";
import { lookOf } from "../render/style.js";
import { renderTrace, type TraceText } from "../render/trace.js";
import { open } from "../session.js";
import type { CommandMaker } from "./command.js";

interface Options extends CommonOptions, RemoteOptions {
  readonly overlay?: string[];
  readonly from?: string;
  readonly allBranches?: boolean;
  readonly allHops?: boolean;
  readonly reply?: boolean;
  readonly packets?: string;
  readonly expect?: string;
  readonly limit?: number;
  readonly conntrack: "empty" | "dumped";
  readonly compare?: "logical";
  readonly whyNot?: string;
}

/** What questions are asked of: the switches as they are and, to be compared, as logical flows say they should be. */
interface Sessions {
  readonly session: Session;
  readonly logical: Session | undefined;
}

type Answer = TraceResult & { readonly compared?: TraceComparison };

/** One packet to trace. */
interface Question {
  readonly packet: string;
  readonly from: string | undefined;
}

/** Answers the next question; throws PlumblineError for one that cannot be used. */
type Asker = (q: Question) => Answer | Promise<Answer>;

export const traceCommand: CommandMaker = (run) =>
  remote(common(new Command("trace")))
    .description("Follows one packet hop by hop, every branch with its share, and shows the rule that decided each hop.")
    .argument("<snapshot>", "a folder or an archive of command outputs")
    .argument("[packet]", "as 'tcp 192.0.2.1:40000 > 192.0.2.2:80', or as ofproto/trace has it")
    .option("--from <device>", "where it starts: DEVICE or DEVICE:PORT (default: the owner of its source address)")
    .option("--all-branches", "print the hops of every branch")
    .option("--all-hops", "print every table that the packet goes through, not only those that tell something")
    .option("--reply", "go on with the answer's way back")
    .addOption(
      new Option("--conntrack <tables>", "what connection tables hold at the start: nothing, or the connections of the evidence")
        .choices(["empty", "dumped"])
        .default("empty"),
    )
    .addOption(
      new Option("--compare <with>", "the same packet through the logical flows as well: where the two part is a finding").choices([
        "logical",
      ]),
    )
    .option("--why-not <rule>", "say why a rule was not hit: FILE:LINE, a cookie (0x…), a UUID, or a part of its text")
    .option("--packets <file>", "read packets from a file (- is stdin), one a line, each optionally led by '@DEVICE[:PORT] '")
    .addOption(
      new Option("--expect <verdict>", "exit with 1 unless every packet gets this verdict").choices([
        "delivered",
        "refused",
        "unreachable",
        "dropped",
        "looped",
        "expired",
        "unknown",
        "mixed",
      ]),
    )
    .option("--limit <n>", "follow at most so many branches (default 4096)", positive)
    .option("--overlay <path>", "other evidence laid over the snapshot; repeatable", collect)
    .addHelpText(
      "after",
      `
Examples:
  plumbline trace snapshot.tar.gz 'tcp 192.0.2.10:40000 > 203.0.113.100:8080' --from client
  plumbline trace snapshot.tar.gz 'tcp,nw_src=10.128.2.4,nw_dst=10.128.4.9,tp_src=1,tp_dst=80' --reply
  plumbline trace snapshot.tar.gz 'tcp 192.0.2.10:40000 > 203.0.113.100:8080' --why-not node-1/host/iptables-save:61
  plumbline trace snapshot.tar.gz --packets probes.txt --format ndjson`,
    )
    .action((snapshot: string, packet: string | undefined, options: Options) =>
      run(async () => {
        const questions = questionsOf(packet, options);
        const alone = questions.length === 1 && options.packets === undefined;
        const service = await serviceOf(options);
        if (service) {
          const found = await findRemote(service, snapshot, options.overlay ?? []);
          await warnRemote(service, found, snapshot);
          const { from, ...same } = howOf(questions[0], options);
          if (alone)
            return one(
              () => service.trace(found.id, { packet: questions[0].packet, ...same, ...(from === undefined ? {} : { from }) }),
              questions[0],
              options,
            );
          const answers = tracesRemote(service, found.id, questions, same);
          const next: Asker = async () => {
            const { value } = await answers.next();
            if ("error" in value) throw new RemoteRefusal(value);
            return value;
          };
          return many(next, questions, options);
        }
        const session = await open(snapshot, options.overlay);
        const sessions = { session, logical: options.compare === "logical" ? await logicalSession(session) : undefined };
        const asker: Asker = (q) => ask(sessions, q, options);
        return alone ? one(asker, questions[0], options) : many(asker, questions, options);
      }),
    );

function positive(value: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("It is a number from 1.");
  return n;
}

function questionsOf(packet: string | undefined, options: Options): Question[] {
  if (options.packets === undefined) {
    if (packet === undefined)
      throw new PlumblineError("USAGE", ["no packet is given.", "Give one after the snapshot, or a file of them with --packets FILE."]);
    return [{ packet, from: options.from }];
  }
  if (packet !== undefined) throw new PlumblineError("USAGE", ["both a packet and --packets are given.", "Give one of them."]);
  const text = readFileSync(options.packets === "-" ? 0 : options.packets, "utf8");
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const led = /^@(\S+)\s+(.*)$/.exec(line);
      return led ? { packet: led[2], from: led[1] } : { packet: line, from: options.from };
    });
}

function howOf(q: Question | undefined, options: Options) {
  return {
    ...(q?.from === undefined ? {} : { from: q.from }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.compare === undefined ? {} : { compare: options.compare }),
    ...(options.whyNot === undefined ? {} : { whyNot: options.whyNot }),
    reply: options.reply === true,
    conntrack: options.conntrack,
  };
}

function ask({ session, logical }: Sessions, q: Question, options: Options): Answer {
  const how = howOf(q, options);
  const result = trace(session, q.packet, how);
  return logical
    ? { ...result, compared: compareTraces(session, result, trace(logical, q.packet, { ...how, whyNot: undefined })) }
    : result;
}

/** Whether the answer is the expected one; with --reply a delivery counts only if the answer arrives too. */
function exitOf(results: readonly (Answer | null)[], options: Options): number {
  if (results.some((r) => (r?.compared?.differences.length ?? 0) > 0)) return EXIT.bad;
  if (options.expect === undefined) return EXIT.done;
  const fits = (r: TraceResult | null) =>
    r !== null &&
    r.verdict === options.expect &&
    (options.expect !== "delivered" || r.branches.every((b) => b.reply === undefined || b.reply.verdict === "delivered"));
  return results.every(fits) ? EXIT.done : EXIT.bad;
}

function textOf(options: Options): TraceText {
  return { all: options.allBranches === true, allHops: options.allHops === true };
}

function text(result: Answer, options: Options): string {
  const look = lookOf(process.stdout, process.env);
  const whole = renderTrace(result, look, textOf(options));
  return result.compared ? `${whole}\n${renderComparison(result.compared, look)}` : whole;
}

async function one(ask: Asker, q: Question, options: Options): Promise<number> {
  const result = await ask(q);
  if (options.format === "text") print(text(result, options));
  else printJson(result, options.format);
  return exitOf([result], options);
}

/** Several packets: one that cannot be used costs only itself. */
async function many(ask: Asker, questions: readonly Question[], options: Options): Promise<number> {
  const results: (Answer | null)[] = [];
  const objects: unknown[] = [];
  for (const [i, q] of questions.entries()) {
    let object: unknown;
    try {
      const result = await ask(q);
      results.push(result);
      object = result;
      if (options.format === "text") print(`${i > 0 ? "\n" : ""}${text(result, options)}`);
    } catch (e) {
      if (!(e instanceof PlumblineError)) throw e;
      const failure = failureOf(e);
      results.push(null);
      object = {
        schema: "plumbline.trace/1",
        packet: q.packet,
        error: { code: e instanceof RemoteRefusal ? e.answer.error.code : e.code, message: failure.message, hint: failure.hint },
        verdict: "unknown",
        branches: [],
      };
      if (options.format === "text") print(`${i > 0 ? "\n" : ""}${q.packet}\n  cannot be traced: ${failure.message} ${failure.hint}`);
    }
    if (options.format === "ndjson") printJson(object, "ndjson");
    else objects.push(object);
  }
  if (options.format === "json") printJson(objects, "json");
  return exitOf(results, options);
}
