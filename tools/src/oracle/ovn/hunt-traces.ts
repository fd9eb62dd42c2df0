/** The hunt for packets that we and the real `ovn-trace` take through a logical topology differently. A seed repeats it. */
import { SwitchGone } from "../ovs/unixctl.js";
import { Random } from "../random.js";
import { addFeatures } from "./features.js";
import { type KeptTrace, smallTrace } from "./kept-traces.js";
import { NorthdStuck, PrivateOvn } from "./private-ovn.js";
import type { Southbound, SouthboundRow } from "./southbound-file.js";
import { CHASSIS, learnedRows, randomTopology, type Topology } from "./topology.js";
import { askOnce, type Question, Tracer } from "./tracer.js";
import { compare, OurTracer } from "./traces.js";
import { type Entrance, randomQuestion, randomState } from "./traffic.js";

/** Traces of one topology. */
const TRACES = 250;
/** Of them by an `ovn-trace` of their own each, with `--ct` and `--lb-dst`. */
const ALONE = 6;
/** States that one packet may ask for: a flood asks for many. */
const STATES = 300;
/** States that a daemon is given. */
const LIST = 8000;
/** Differences made small in one hunt. */
const SHRUNK = 3;
/** Topologies in one hunt that northd may fail on: none of ours to judge. */
const MOST_LOST = 5;
/** Differences of one topology that are looked at: what follows the first is mostly the same. */
const SEEN = 3;

export interface TraceFindings {
  traces: number;
  topologies: number;
  logicalFlows: number;
  /** Traces with a packet that leaves somewhere. */
  delivered: number;
  /** With more ways for random choices than are tried. */
  undecided: number;
  /** Packets that go round for ever (or for longer than memory lasts): not compared. */
  endless: number;
  /** Topologies that northd did not get done with. */
  lost: number;
  /** Commands that this release of OVN refuses. */
  refused: number;
  /** Stages that were met. */
  readonly stages: Set<string>;
  readonly differences: KeptTrace[];
}

export async function huntTraces(seed: number, traces: number): Promise<TraceFindings> {
  const found: TraceFindings = {
    traces: 0,
    topologies: 0,
    logicalFlows: 0,
    delivered: 0,
    undecided: 0,
    endless: 0,
    lost: 0,
    refused: 0,
    stages: new Set(),
    differences: [],
  };
  let ovn = await PrivateOvn.start(CHASSIS);
  try {
    while (found.traces < traces && found.differences.length < SHRUNK) {
      const topologySeed = (seed + found.topologies * 7919) >>> 0;
      found.topologies++;
      try {
        await huntTopology(ovn, topologySeed, Math.min(TRACES, traces - found.traces), found);
        await ovn.clear();
      } catch (e) {
        if (!(e instanceof NorthdStuck) || ++found.lost > MOST_LOST) throw e;
        await ovn.stop();
        ovn = await PrivateOvn.start(CHASSIS);
      }
    }
  } finally {
    await ovn.stop();
  }
  return found;
}

async function huntTopology(ovn: PrivateOvn, seed: number, count: number, found: TraceFindings): Promise<void> {
  const r = new Random(seed);
  const t = randomTopology(r);
  addFeatures(r, t);
  found.refused += (await ovn.configure(t.commands)).length;
  await ovn.write(learnedRows(r, t, datapathsOf(await ovn.dump())));
  const rows = await ovn.dump();
  found.logicalFlows += rows.filter((x) => x.table === "Logical_Flow").length;
  const ours = await OurTracer.open(rows);
  const entrances = entrancesOf(rows);
  if (entrances.length === 0) return;
  const questions = Array.from({ length: count }, () => randomQuestion(r, t, entrances)).filter((q) => {
    // ovn-trace has no bound: it is not asked what would take all of its memory.
    const [mine] = ours.answers(q);
    if (mine.endless) found.endless++;
    return !mine.endless;
  });
  found.traces += count - questions.length;
  const alone = questions.splice(0, Math.min(ALONE, count)).map((q) => decided(r, t, q));
  let seen = 0;
  const judge = async (q: Question, theirs: string): Promise<number | undefined> => {
    found.traces++;
    for (const [, stage] of theirs.matchAll(/^\s*\d+\. (\w+)/gm)) found.stages.add(stage);
    if (theirs.includes("/* output to ")) found.delivered++;
    const { result, ours: mine } = compare(ours, q, theirs);
    if (result === "undecided") found.undecided++;
    if (result === "endless") found.endless++;
    if (result === "same") return mine.states;
    if (result === "different" && seen++ < SEEN && found.differences.length < SHRUNK)
      found.differences.push(await smallTrace(rows, q, `Seed ${seed}.`, theirs));
    return undefined;
  };
  for (const q of alone) {
    const theirs = await unlessGone(askOnce(ovn.southbound, q));
    if (theirs === undefined) found.endless++;
    else await judge(q, theirs);
  }
  // The first questions get the default state, by a daemon that has no list.
  const plain = questions.splice(0, Math.floor(questions.length / 3));
  await askDaemons(ovn, plain, () => [], judge, found);
  await askDaemons(ovn, questions, () => Array.from({ length: LIST }, () => randomState(r)), judge, found);
}

/** The answer, or undefined if the packet was too much for the real one. */
async function unlessGone(answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch (e) {
    if (e instanceof SwitchGone) return undefined;
    throw e;
  }
}

/** Questions in order, each with the states that those before it have left. */
async function askDaemons(
  ovn: PrivateOvn,
  questions: readonly Question[],
  list: () => string[],
  judge: (q: Question, theirs: string) => Promise<number | undefined>,
  found: TraceFindings,
): Promise<void> {
  for (let next = 0; next < questions.length; ) {
    const states = list();
    const daemon = await Tracer.start(ovn.southbound, states);
    try {
      const rest = questions.slice(next);
      const answers = await Promise.all(rest.map((q) => unlessGone(daemon.ask(q))));
      let used = 0;
      for (const [i, q] of rest.entries()) {
        next++;
        const theirs = answers[i];
        if (theirs === undefined) {
          found.endless++;
          break;
        }
        const taken = await judge({ ...q, ct: states.slice(used, used + STATES) }, theirs);
        // How many the real one used up is unknown now: a new daemon begins anew.
        if (taken === undefined && states.length > 0) break;
        used += taken ?? 0;
      }
    } finally {
      await daemon.stop();
    }
  }
}

/** With states, and where there are load balancers with a backend. */
function decided(r: Random, t: Topology, q: Question): Question {
  const ct = Array.from({ length: r.int(4) }, () => randomState(r));
  const backends = t.services.flatMap((s) => s.backends);
  if (backends.length === 0 || r.chance(0.3)) return { ...q, ct };
  return { ...q, ct, lbDst: r.pick(backends) };
}

function named(row: SouthboundRow): Record<string, string> {
  const map = row.columns["external_ids"] as [string, [string, string][]];
  return Object.fromEntries(map[1]);
}

function datapathsOf(rows: Southbound): Map<string, { uuid: string; key: number }> {
  const of = rows.filter((x) => x.table === "Datapath_Binding");
  return new Map(of.map((d) => [named(d)["name"], { uuid: d.uuid, key: d.columns["tunnel_key"] as number }]));
}

/** Ports by which packets come: of switches mostly, and now and then routers' own. */
function entrancesOf(rows: Southbound): Entrance[] {
  const names = new Map([...datapathsOf(rows)].map(([name, { uuid }]) => [uuid, name]));
  return rows
    .filter((x) => x.table === "Port_Binding")
    .flatMap((p): Entrance[] => {
      const port = { datapath: names.get((p.columns["datapath"] as [string, string])[1])!, port: p.columns["logical_port"] as string };
      const often = ["", "localnet", "localport"].includes(p.columns["type"] as string) ? 6 : 1;
      return Array.from({ length: often }, () => port);
    });
}

export function traceSummary(f: TraceFindings): string {
  const per = (n: number) => Math.round(n / Math.max(1, f.topologies));
  return [
    `${f.traces} traces (${f.delivered} delivered, ${f.undecided} undecided, ${f.endless} endless) over ${f.topologies} topologies of ${per(f.logicalFlows)} logical flows`,
    `${f.stages.size} stages, ${f.lost} topologies that northd gave up, ${f.refused} commands refused by this release, ${f.differences.length} differences`,
  ].join(", ");
}
