/**
 * Open vSwitch's translation of a packet, followed along the run's look-ups (ofproto/ofproto-dpif-xlate.c): each list of OpenFlow actions
 * in order, into datapath actions, reports and steps.
 *
 * Which rule a look-up finds is the run's to tell; all else that `ofproto/trace` prints is made here.
 */

import { FIELDS, field, getBig, ROW_WORDS, type Row } from "@plumbline/model";
import type { OvsAction, TableRef } from "../ast.js";
import { PORT } from "../ports.js";
import { reportActionSet, runActionSet, writeActionSet } from "./action-set.js";
import { actionsText, actionText } from "./action-text.js";
import { asClone, checkLength, cloneActions } from "./clone.js";
import { ct, ctClear } from "./conntrack.js";
import { consultLookUp } from "./consulted.js";
import { type Context, DRIFT, type Fork, type LookUpAs, NotTranslated, type Pipeline, type Runner } from "./context.js";
import { controller, toController } from "./controller.js";
import { portNumber } from "./departure.js";
import type { LookUp } from "./events.js";
import { deleteField, moveField, popField, pushField, setField, writeMetadata } from "./fields.js";
import { frozenState } from "./frozen.js";
import { group } from "./groups.js";
import { decap, decMplsTtl, decNshTtl, decTtl, encap, popMpls, pushMpls } from "./layers.js";
import { mayGoOn } from "./limits.js";
import { bundle, enqueue, learn, multipath, output, outputField, outputTrunc, popQueue, sample, setQueue } from "./outputs.js";
import { TUNNEL_OAM } from "./tunnel.js";
import type { TracedRule } from "./world.js";

/** Follows a packet from its first table, or a recirculated copy from where it comes back. */
export function translate(c: Context, resume: Fork | null): void {
  if (resume?.lost) throw new NotTranslated(resume.lost);
  startMasks(c);
  const bridge = c.report("bridge", `bridge("${resume ? c.home.name : c.bridge.name}")`);
  c.trace = bridge.subs;
  if (resume) thaw(c, resume);
  if (resume && resume.frozen.length > 0) runActions(c, resume.frozen, true);
  else {
    const table = resume?.table ?? 0;
    const rule = lookUp(c, table, { inPort: null, swapped: false });
    if (rule) c.cookie = rule.flow.cookie;
    c.rule = rule;
    c.table = table;
    const node = c.trace.at(-1)!;
    c.under(node, () => runActions(c, rule ? rule.flow.actions : [], true));
  }
  if (!c.error) endOfPipeline(c);
  if (c.error) {
    c.out.clear();
    c.slow.clear();
  } else {
    c.out.unwrapLastClone();
    finishMasks(c);
  }
}

function thaw(c: Context, fork: Fork): void {
  const node = c.report("thaw", "thaw");
  c.under(node, () => {
    c.table = fork.table;
    c.report("thaw", `Resuming from table ${fork.table}`);
    c.conntracked = true;
    c.stack = [...fork.stack];
    c.drift = fork.drift ?? (c.stack.length > 0 ? DRIFT.stack : null);
    if (fork.actionSet.length > 0) {
      const restoring = c.report("thaw", "Restoring action set");
      restoring.subs.push({ kind: "action", text: actionsText(fork.actionSet), subs: [] });
      writeActionSet(c, fork.actionSet);
    }
    if (fork.frozen.length > 0) {
      c.report("thaw", `Restoring actions: ${actionsText(fork.frozen)}`);
      // The run looks a table up: it knows nothing of these.
      c.thread = NO_THREAD;
    }
  });
}

/** A thread of which the run tells nothing. */
const NO_THREAD = -1;

/** What is left to do when a packet's actions are done: its action set, or a recirculation. */
function endOfPipeline(c: Context): void {
  if (!c.freezing) runActionSet(c);
  if (c.freezing) finishFreezing(c);
}

function startMasks(c: Context): void {
  c.consult("packet_type", 0xffffffff);
  c.consult("in_port", 0xffffffff);
  c.consult("eth_type", 0xffff);
  if (c.flow.isIp) c.consult("ip_frag", 3);
  c.consult("recirc_id", 0xffffffff);
}

/** xlate_wc_finish: what the datapath cannot match, or the packet did not have. */
function finishMasks(c: Context): void {
  const { masks } = c;
  for (let i = 0; i < 16; i++) masks.set(`reg${i}`, 0);
  for (const f of ["metadata", "actset_output", "conj_id"]) masks.set(f, 0);
}

/**
 * Looks a table up, as the run did, and reports it.
 * @returns null for a miss
 */
function lookUp(c: Context, table: number, as: LookUpAs): TracedRule | null {
  const found = lookedUp(c);
  if (found.table !== table && c.drift !== null) throw new NotTranslated(c.drift);
  if (found.table !== table) throw new Error(`the run looks up table ${found.table} of ${c.bridge.name}, the translation table ${table}`);
  const rule = found.rule === null ? null : (c.world.rules.get(found.rule) ?? null);
  if (found.rule !== null && !rule) throw new Error(`rule ${found.rule} is not a flow`);
  agree(c, found.event.row, table, as);
  consultLookUp(c, table, rule, as);
  const internal = rule === null && c.bridge !== c.home;
  c.steps.push({ bridge: c.bridge, table, rule, internal, flow: c.keepsSteps ? c.flow.copy() : null });
  c.report("table", `${String(table).padStart(2)}. ${headOf(rule, internal)}`);
  return rule;
}

function lookedUp(c: Context): LookUp {
  try {
    return c.events.lookUp(c.thread);
  } catch (e) {
    // The run has taken another way.
    if (c.drift !== null) throw new NotTranslated(c.drift);
    throw e;
  }
}

/**
 * What the run looks up and what the translation has come of two makings of one semantics: where they differ one is wrong, and so may be the
 * rule that was found.
 */
function agree(c: Context, run: Row, table: number, as: LookUpAs): void {
  const own = c.flow.row;
  let same = true;
  for (let i = 0; i < own.length; i++) if (((run[i] ^ own[i]) & COMPARED[i]) !== 0) same = false;
  if (same) return;
  if (c.drift !== null) {
    if (as.swapped || asksForAny(c, table, run, own)) throw new NotTranslated(c.drift);
    return;
  }
  const shown = FIELDS.filter((f) =>
    Array.from({ length: f.words }, (_, i) => f.word + i).some((i) => (run[i] ^ c.flow.row[i]) & COMPARED[i]),
  );
  const text = shown.map((f) => `${f.name} ${c.flow.big(f.name)} / ${getBig(run, f.name)}`).join(", ");
  c.disagreements.push(`table ${table} of ${c.bridge.name}: ${text}`);
}
/** Whether a rule of the table asks for a bit that differs. */
function asksForAny(c: Context, table: number, a: Row, b: Row): boolean {
  return c.world
    .rulesOf(c.bridge)
    .some((r) => r.flow.table === table && r.row.some((x) => ((a[x.w] ^ b[x.w]) & x.m & COMPARED[x.w]) !== 0));
}
/**
 * Bits that both have, by word: not the run's own (the number of an action set), nor what a recirculation is called, nor what a tunnel leaves
 * behind by which nothing left, and which no flow can match.
 */
const COMPARED: Readonly<Uint32Array> = (() => {
  const out = new Uint32Array(ROW_WORDS);
  for (const f of FIELDS)
    if (!/^(out_port|recirc_id|tun_tos|tun_ttl|tun_flags)$/.test(f.name)) out.fill(0xffffffff, f.word, f.word + f.words);
  out[field("tun_flags").word] = TUNNEL_OAM;
  return out;
})();

/** Of a table's line: what was hit, and where it stands. A miss in another bridge shows OVS's own rule for it. */
function headOf(rule: TracedRule | null, internal: boolean): string {
  if (!rule) return internal ? "reg0=0x2, priority 0" : "No match.";
  const { match, flow, origin } = rule;
  const cookie = flow.cookie === 0n ? "" : `, cookie 0x${flow.cookie.toString(16)}`;
  return `${match === "" ? "" : `${match}, `}priority ${flow.priority}${cookie}  (${origin.file}:${origin.line})`;
}

const PLAIN: LookUpAs = { inPort: null, swapped: false };

/** Looks up a table and runs what it finds. */
function goToTable(c: Context, table: number, last: boolean, as: LookUpAs = PLAIN, run: Runner = runActions): void {
  if (c.wasMpls) {
    c.triggerFreeze();
    return;
  }
  if (!mayGoOn(c)) return;
  const { table: oldTable, rule: oldRule, cookie: oldCookie } = c;
  if (as.swapped && (c.flow.get("ct_nw_proto") === 0 || !c.flow.isIp)) {
    c.report("error", "resubmit(ct) with non-tracked or non-IP packet!");
    return;
  }
  c.table = table;
  const rule = lookUp(c, table, as);
  const node = c.trace.at(-1)!;
  const deeper = table <= oldTable ? 1 : 0;
  c.resubmits++;
  c.depth += deeper;
  c.rule = rule;
  c.cookie = rule ? rule.flow.cookie : 0n;
  c.under(node, () => run(c, rule ? rule.flow.actions : [], last));
  c.depth -= deeper;
  c.rule = oldRule;
  c.cookie = oldCookie;
  c.table = oldTable;
}

/** do_xlate_actions. */
function runActions(c: Context, actions: readonly OvsAction[], last: boolean, inBucket = false): void {
  const list = actions.filter((a) => a.kind !== "drop");
  if (list.length === 0) {
    c.report("action", "drop");
    return;
  }
  let done = false;
  for (let i = 0; i < list.length; i++) {
    const a = list[i];
    const isLast = last && i === list.length - 1 && c.actionSet.length === 0;
    if (c.error) break;
    recirculateForMpls(c, a);
    if (c.exit || done) {
      if (c.freezing) c.frozen = c.frozen.concat(list.slice(i));
      break;
    }
    c.report("action", actionText(a));
    let rest = i;
    switch (a.kind) {
      case "output":
        output(c, a.port, a.maxLen ?? 0xffff, isLast, false, inBucket);
        break;
      case "outputField":
        outputField(c, a.src, a.maxLen, isLast, inBucket);
        break;
      case "outputTrunc":
        outputTrunc(c, a.port, a.maxLen, isLast, inBucket);
        break;
      case "controller":
        if (a.pause) {
          c.triggerFreeze();
          c.pause = { maxLen: a.maxLen, reason: a.reason, id: a.id };
          rest++;
        } else controller(c, a.maxLen, a.reason, a.id, a.userdata);
        break;
      case "enqueue":
        enqueue(c, a.port, a.queue, isLast, inBucket);
        break;
      case "setQueue":
        setQueue(c, a.queue);
        break;
      case "popQueue":
        popQueue(c);
        break;
      case "setField":
        setField(c, a);
        break;
      case "deleteField":
        deleteField(c, a.dst);
        break;
      case "move":
        moveField(c, a.src, a.dst);
        break;
      case "push":
        pushField(c, a.src);
        break;
      case "pop":
        popField(c, a.dst);
        break;
      case "popVlan":
        c.consult("vlan_tci", 0x1000);
        c.consult("vlan_tci2", 0x1000);
        c.flow.popVlan();
        break;
      case "pushVlan":
        c.consult("vlan_tci", 0x1000);
        c.flow.pushVlan(a.ethertype);
        break;
      case "pushMpls":
        pushMpls(c, a.ethertype);
        break;
      case "popMpls":
        popMpls(c, a.ethertype);
        break;
      case "decTtl":
        if (decTtl(c, a.controllers)) return;
        break;
      case "decMplsTtl":
        if (decMplsTtl(c)) return;
        break;
      case "decNshTtl":
        if (decNshTtl(c)) return;
        break;
      case "encap":
        encap(c, a);
        break;
      case "decap":
        if (decap(c, a.packetType) && !c.error) {
          c.triggerFreeze();
          rest++;
        }
        break;
      // Frozen within what it leads to, only what stands behind it is left to do.
      case "resubmit":
        goToTable(c, numberOf(a.table, c.table), isLast, {
          inPort: a.inPort === null || a.inPort === PORT.inPort ? null : portNumber(c, a.inPort),
          swapped: a.ct,
        });
        continue;
      case "goto":
        goToTable(c, numberOf(a.table, c.table), isLast);
        continue;
      case "writeActions":
        writeActionSet(c, a.actions);
        reportActionSet(c, "is");
        break;
      case "clearActions":
        reportActionSet(c, "was");
        c.actionSet = [];
        c.flow.set("actset_output", UNSET);
        c.actionSetHasGroup = false;
        break;
      case "writeMetadata":
        writeMetadata(c, a.value, a.mask);
        break;
      case "meter":
        // The datapath counts meters from 0, in the order in which they were made; they are taken to have been numbered so.
        c.out.put(`meter(${a.id - 1})`);
        c.notes.push(`meter ${a.id}: packets over its rate are dropped, which a trace does not tell`);
        break;
      case "ct":
        ct(c, a, isLast);
        break;
      case "ctClear":
        if (c.conntracked) ctClear(c);
        else if (c.flow.get("ct_state") !== 0) c.drift = DRIFT.cleared;
        break;
      case "group":
        if (!group(c, a.id, isLast)) return;
        break;
      case "clone":
        cloneActions(c, a.actions, isLast);
        break;
      case "checkPktLarger":
        checkLength(c, a.size, a.dst.slice, list.slice(i + 1));
        done = true;
        break;
      case "exit":
        c.exit = true;
        break;
      case "learn":
        learn(c, a);
        break;
      case "bundle":
        bundle(c, a, isLast, inBucket);
        break;
      case "multipath":
        multipath(c, a);
        break;
      case "sample":
        sample(c, a.probability, a.collectorSet);
        break;
      case "finTimeout":
        c.consult("ip_proto", 0xff);
        break;
      case "conjunction":
        c.report("error", "executing no-op conjunction action");
        break;
      case "debugRecirc":
        c.triggerFreeze();
        rest++;
        break;
      case "debugSlow":
        c.slow.add("action");
        break;
      case "note":
      case "unrollXlate":
        break;
      case "bad":
        throw new NotTranslated(`the action '${a.text}' is not understood: ${a.message}`);
    }
    if (!c.error && c.exit && c.frozen.length === 0) {
      c.frozen = c.frozen.concat(list.slice(rest));
      break;
    }
  }
}

const UNSET = PORT.unset;

function numberOf(table: TableRef | null, current: number): number {
  if (table === null) return current;
  if (typeof table === "number") return table;
  throw new NotTranslated(`which number table '${table}' has is not in evidence`);
}

/** Actions behind which a packet that has lost its label need not be parsed anew (recirc_for_mpls). */
function recirculateForMpls(c: Context, a: OvsAction): void {
  if (c.exit || !c.wasMpls) return;
  switch (a.kind) {
    case "output":
    case "outputTrunc":
    case "outputField":
    case "controller":
    case "enqueue":
    case "setQueue":
    case "group":
      return;
    case "setField":
      // Written as actions of OpenFlow 1.0, or to what is not behind the label.
      if (/^(mod_vlan|set_vlan|mod_dl|set_tunnel)/.test(a.form)) return;
      if (/^(load|set_field)$/.test(a.form) && !isNetworkField(a.dst.field)) return;
  }
  c.triggerFreeze();
}

/** mf_is_l3_or_higher. */
function isNetworkField(name: string): boolean {
  return /^(nw_|ip_|ipv6_|arp_|tcp_|udp_|sctp_|tp_|icmp|nd_|nsh_)/.test(name);
}

/** finish_freezing: the packet recirculates. What it then meets the real trace does not follow either. */
function finishFreezing(c: Context): void {
  c.commit();
  const state = frozenState(c, 0);
  if (c.pause && !c.real) {
    c.cancelFreeze();
    return;
  }
  const { id } = c.ids.take(state);
  if (c.pause) {
    toController(c, { ...c.pause, recirc: id, continuation: true });
    c.cancelFreeze();
    return;
  }
  if (c.hash) c.out.put(`hash(${HASH[c.hash.algorithm] ?? `Unknown hash algorithm(${c.hash.algorithm})`}(${c.hash.basis}))`, 12);
  c.out.put(`recirc(0x${id.toString(16)})`);
  c.recirculates = true;
  c.cancelFreeze();
}
const HASH: Record<number, string> = { 0: "l4", 1: "sym_l4" };

/** What parts of a translation need of the whole. */
export const PIPELINE: Pipeline = { runActions, goToTable, asClone, endOfPipeline, finishFreezing };
