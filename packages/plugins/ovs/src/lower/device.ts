/**
 * Bridges as devices: ports with what stands behind them, OpenFlow tables as priority tables, table 0 the entry.
 */
import type { Action, Certainty, Fact, LowerContext, Problem, Table } from "@plumbline/model";
import type { LearnAction, MatchTerm, OvsGroup } from "../ast.js";
import { ActionSetStates, writesActionSet } from "./actionSetStates.js";
import { lowerActions } from "./actions.js";
import { attachmentOf, type Bridge, bridgesOf } from "./bridges.js";
import { type DerivedFlows, derivedFlows } from "./derived.js";
import { changesPacketType } from "./encap.js";
import { ruleOf } from "./flow.js";
import { lowerLearned } from "./learn.js";
import { lowerNormal } from "./normal.js";
import { Switch } from "./switch.js";

/** Lowers all bridges of all hosts. */
export function lowerBridges(ctx: LowerContext): void {
  for (const host of new Set([...ctx.facts.hosts(), ""])) {
    const found = bridgesOf(ctx.facts, host);
    const derived = derivedFlows(ctx, host, found);
    const { bridges, homeless } = found;
    if (bridges.size === 0 && homeless.length === 0) continue;
    if (homeless.length > 0)
      ctx.problem(
        info(
          ctx.facts.of("ovs.port", host)[0],
          `${host}: which bridge these interfaces belong to is not in evidence: ${homeless.join(", ")}`,
          "Collect `ovs-vsctl show`.",
        ),
      );
    for (const b of bridges.values()) lowerBridge(ctx, host, b, derived.get(b.name));
  }
}

function info(at: Fact | undefined, message: string, hint: string): Problem {
  return { severity: "info", file: at?.origin.file ?? "", line: at?.origin.line ?? 0, message, hint };
}

function lowerBridge(ctx: LowerContext, host: string, bridge: Bridge, derived: DerivedFlows | undefined): void {
  const { net, facts } = ctx;
  const name = host === "" ? bridge.name : `${host}/${bridge.name}`;
  const node = ctx.nodeOf(host);
  const aliases = node !== "" && node !== host ? [`${node}/${bridge.name}`] : [];
  const device = net.device({ name, kind: "bridge", host, node, aliases });
  const flows = derived?.flows ?? facts.of("ovs.flow", host).filter((f) => f.data.bridge === bridge.name);
  const dump = facts.of("ovs.flow-dump", host).find((f) => f.data.bridge === bridge.name);
  const anchor: Fact | undefined = dump ?? flows[0];

  for (const p of bridge.ports) {
    if (p.number === undefined) {
      ctx.problem(
        info(
          anchor,
          `${name}: the OpenFlow number of port ${p.name} is not in evidence`,
          `Collect \`ovs-ofctl dump-ports-desc ${bridge.name}\` or \`ovs-vsctl list Interface\`.`,
        ),
      );
      continue;
    }
    net.port(device, p.number, p.name, attachmentOf(host, bridge, p), p.origin);
  }
  if (!bridge.datapathKnown && flows.length > 0)
    ctx.problem(
      info(anchor, `${name}: whether the datapath is the kernel's is not in evidence; taken to be (system)`, "Collect `ovs-vsctl show`."),
    );

  const groups = new Map<number, OvsGroup>(derived?.groups);
  if (!derived) for (const f of facts.of("ovs.group", host)) if (f.data.bridge === bridge.name) groups.set(f.data.group.id, f.data.group);
  const groupsRead =
    derived !== undefined || facts.of("ovs.read", host).some((f) => f.data.what === "groups" && f.data.bridge === bridge.name);
  // The kernel datapath shares its connections with the host's netfilter.
  const tracker = bridge.datapath === "netdev" ? net.tracker(`${host}/ovs`, "userspace") : net.tracker(`${host}/linux`, "linux");
  const sw = new Switch(
    host,
    bridge,
    device,
    net,
    tracker,
    groups,
    groupsRead,
    ctx.punts,
    (s) => lowerNormal(s, facts),
    false,
    derived?.of.certainty === "inferred" ? "logical" : "openflow",
  );
  sw.bareFrames =
    flows.some((f) => changesPacketType(f.data.flow.actions)) ||
    [...groups.values()].some((g) => g.buckets.some((b) => changesPacketType(b.actions)));
  if (flows.some((f) => writesActionSet(f.data.flow.actions))) sw.actionSets = new ActionSetStates(sw);
  device.entry = sw.entry(0).id;
  warnOfOptions(ctx, host, bridge);

  const extent = derived ? "whole" : (dump?.data.extent ?? "excerpt");
  const from = extent === "whole" ? Number.POSITIVE_INFINITY : (dump?.data.from ?? 0);
  const incomplete = (t: Table | number | string) => typeof t !== "number" || t >= from;
  const doubt: { certainty: Certainty; why: string } = {
    certainty: "assumed",
    why:
      extent === "cut"
        ? "the dump is cut off; a flow of higher priority may be lacking"
        : "an excerpt of the dump; a flow of higher priority may be lacking",
  };

  const learns: { action: LearnAction; terms: readonly MatchTerm[]; fact: Fact<"ovs.flow"> }[] = [];
  for (const fact of flows) {
    const { flow } = fact.data;
    const rule = ruleOf(sw, flow, fact.origin, (action) => void learns.push({ action, terms: flow.match, fact }));
    if (!rule) {
      ctx.problem({
        severity: "info",
        file: fact.origin.file,
        line: fact.origin.line,
        message: "two conditions of this flow exclude each other: nothing matches it",
        hint: "",
      });
      continue;
    }
    const unsure = derived
      ? { certainty: derived.of.certainty, why: derived.of.why, derived: derived.texts.get(fact)! }
      : extent !== "whole" && incomplete(flow.table)
        ? doubt
        : {};
    net.rule(sw.table(flow.table), { ...rule, ...unsure });
  }
  sw.actionSets?.finish((list) => lowerActions(sw, list, { table: 0, terms: [], groups: [] }));
  for (const { action, terms, fact } of learns) lowerLearned(sw, action, terms, fact.origin);

  if (extent !== "whole")
    for (const [ref, t] of sw.allTables()) if (incomplete(ref)) t.miss = [lackingFlows(sw, ref, dump !== undefined, extent)];
  namedTables(ctx, sw, anchor);
  sw.fillCopies();
}

function lackingFlows(sw: Switch, table: number | string, dumped: boolean, extent: string): Action {
  const { name } = sw.bridge;
  const command = `ovs-ofctl -O OpenFlow15 dump-flows ${name}`;
  if (!dumped) return sw.unknown(`the flows of ${name} are not in evidence`, command);
  return sw.unknown(
    `no flow of table ${table} matches, but the dump of ${name} is ${extent === "cut" ? "cut off" : "an excerpt"}`,
    command,
  );
}

/** Which number a table of that name has is told by no dump of flows; without table 0 nothing can enter. */
function namedTables(ctx: LowerContext, sw: Switch, at: Fact | undefined): void {
  const names = [...sw.allTables()].map(([ref]) => ref).filter((ref) => typeof ref === "string");
  const entry = sw.table(0);
  if (names.length === 0 || entry.rules.length > 0) return;
  ctx.problem({
    severity: "error",
    file: at?.origin.file ?? "",
    line: 0,
    message: `${sw.bridge.name}: the dump prints tables by name (${names.join(", ")}); which is table 0 is not in evidence`,
    hint: `Collect \`ovs-ofctl --no-names dump-flows ${sw.bridge.name}\`.`,
  });
  entry.miss = [sw.unknown("which table packets enter is not in evidence", `ovs-ofctl --no-names dump-flows ${sw.bridge.name}`)];
}

/** tun_metadata0 is modelled as one option of up to four bytes. */
function warnOfOptions(ctx: LowerContext, host: string, bridge: Bridge): void {
  for (const f of ctx.facts.of("ovs.tlv", host))
    if (f.data.bridge === bridge.name && f.data.field === "tun_metadata0" && f.data.size > 4)
      ctx.problem({
        severity: "warning",
        file: f.origin.file,
        line: f.origin.line,
        message: `the option in tun_metadata0 has ${f.data.size} bytes; the last four are followed`,
        hint: "",
      });
}
