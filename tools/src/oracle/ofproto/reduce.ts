/** A difference made as small as it can be: rules, conditions, actions, groups, then the packet, as long as both sides differ in the same. */
import { shrinkList } from "../shrink.js";
import { difference, evidence, type Kind, load, NotLoaded, openOurs, ourLines, ownersOf, type Pair, realLines } from "./ask.js";
import type { TraceSwitch } from "./switch.js";
import { type BridgeTables, type FlowSpec, type GroupSpec, type Question, split, type TableSet } from "./tables.js";

export interface Small {
  readonly set: TableSet;
  readonly pair: Pair;
}

/** Both answers to a question on a set; null if the switch takes not all of it. */
export async function askBoth(sw: TraceSwitch, set: TableSet, question: Question): Promise<Pair | null> {
  try {
    if ((await load(sw, set)).refused > 0) return null;
    const [told] = await sw.trace([question]);
    const real = realLines(told, ownersOf(set));
    const ours = openOurs(await evidence(sw, set));
    const lines = ourLines(ours, question, real.flooded, real.lines);
    ours.close();
    return { question, real: real.lines, ours: lines };
  } catch (e) {
    if (e instanceof NotLoaded) return null;
    throw e;
  }
}

export async function reduce(sw: TraceSwitch, failing: TableSet, asked: Question, kind: Kind, hit: ReadonlySet<number>): Promise<Small> {
  let set = failing;
  let question = asked;
  const fails = async (change: Partial<TableSet>, q = question): Promise<boolean> => {
    const pair = await askBoth(sw, { ...set, ...change }, q);
    return pair !== null && difference(pair.real, pair.ours) === kind;
  };
  const withBridge = (name: string, change: Partial<BridgeTables>) => ({
    bridges: set.bridges.map((b) => (b.name === name ? { ...b, ...change } : b)),
  });
  const keep = async (change: Partial<TableSet>): Promise<boolean> => {
    if (!(await fails(change))) return false;
    set = { ...set, ...change };
    return true;
  };

  // What was hit is mostly enough; clauses of conjunctions are not hit themselves.
  const useful = (f: FlowSpec) => hit.has(f.cookie) || f.actions.some((a) => a.startsWith("conjunction"));
  await keep({ bridges: set.bridges.map((b) => ({ ...b, flows: b.flows.filter(useful) })) });
  await keep({ form: "written" });
  for (const { name } of set.bridges) {
    const of = () => set.bridges.find((b) => b.name === name)!;
    if (of().flows.length > 0) {
      const flows = await shrinkList(of().flows, (some) => fails(withBridge(name, { flows: some })));
      set = { ...set, ...withBridge(name, { flows }) };
    }
    if (of().groups.length > 0) {
      const groups = await shrinkList(of().groups, (some) => fails(withBridge(name, { groups: some })));
      set = { ...set, ...withBridge(name, { groups }) };
    }
    for (let i = 0; i < of().flows.length; i++) {
      const flowWith = (change: Partial<FlowSpec>) => withBridge(name, { flows: of().flows.with(i, { ...of().flows[i], ...change }) });
      const match = await shrinkList(of().flows[i].match, (some) => fails(flowWith({ match: some })));
      set = { ...set, ...flowWith({ match }) };
      const actions = await shrinkActions(of().flows[i].actions, (some) => fails(flowWith({ actions: some })));
      set = { ...set, ...flowWith({ actions }) };
    }
    for (let g = 0; g < of().groups.length; g++) {
      const groupWith = (change: Partial<GroupSpec>) => withBridge(name, { groups: of().groups.with(g, { ...of().groups[g], ...change }) });
      const buckets = await shrinkList(of().groups[g].buckets, (some) => fails(groupWith({ buckets: some })));
      set = { ...set, ...groupWith({ buckets }) };
      for (let b = 0; b < buckets.length; b++) {
        const bucketWith = (actions: readonly string[]) =>
          groupWith({ buckets: of().groups[g].buckets.with(b, { ...of().groups[g].buckets[b], actions }) });
        const actions = await shrinkActions(of().groups[g].buckets[b].actions, (some) => fails(bucketWith(some)));
        set = { ...set, ...bucketWith(actions) };
      }
    }
  }
  const [bridge, packet, ...rest] = question;
  const frame = rest.filter((x, i) => i === 0 && !x.startsWith("--"));
  const options = rest.slice(frame.length);
  const states = await shrinkList(pairs(options), (some) => fails({}, [bridge, packet, ...frame, ...some.flat()]));
  const parts = packet.includes("(")
    ? [packet]
    : await shrinkList(split(packet), (some) =>
        some[0] === split(packet)[0] ? fails({}, [bridge, some.join(","), ...frame, ...states.flat()]) : Promise.resolve(false),
      );
  question = [bridge, parts.join(","), ...frame, ...states.flat()];
  const pair = await askBoth(sw, set, question);
  // A switch that answers otherwise the second time is told of as it was seen.
  return { set, pair: pair ?? { question, real: ["(not loaded)"], ours: ["(not loaded)"] } };
}

/** Actions, and those inside of `clone`, `write_actions` and `ct`. */
async function shrinkActions(actions: readonly string[], fails: (kept: readonly string[]) => Promise<boolean>): Promise<string[]> {
  const kept = await shrinkList(actions, fails);
  for (let i = 0; i < kept.length; i++) {
    const nested = /^(clone|write_actions|ct|exec)\((.+)\)$/s.exec(kept[i]);
    if (!nested) continue;
    const text = (parts: readonly string[]) => (parts.length === 0 && nested[1] === "ct" ? "ct" : `${nested[1]}(${parts.join(",")})`);
    const inner = await shrinkActions(split(nested[2]), (some) =>
      some.length === 0 && nested[1] !== "ct" ? Promise.resolve(false) : fails(kept.with(i, text(some))),
    );
    kept[i] = text(inner);
  }
  return kept;
}
function pairs(options: readonly string[]): string[][] {
  return Array.from({ length: options.length / 2 }, (_, i) => options.slice(2 * i, 2 * i + 2));
}
