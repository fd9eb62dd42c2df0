/**
 * The netfilter hook points of a host: base chains in order of priority, with connection tracking and address translation
 * at the places where the kernel has them, whether or not any chain is in evidence (replies to the host's own connections are known by them).
 *
 * Connection tracking is at -200 of PREROUTING and OUTPUT. All chains of type nat are called from one place of a hook
 * (nf_nat_inet_fn(), net/netfilter/nf_nat_core.c): -100 for destinations (PREROUTING, OUTPUT), 100 for sources (INPUT, POSTROUTING). A known
 * connection is translated there; the chains are for new ones alone.
 */
import { CT, type Hook, type HookChain, slice, type TableId } from "@plumbline/model";
import { type HostStack, jump, match, ROUTE, set, TRACKED_ANEW } from "./stack.js";

const CONNTRACK = -200;
const NAT: Readonly<Partial<Record<Hook, { priority: number; type: "src" | "dst" }>>> = {
  prerouting: { priority: -100, type: "dst" },
  output: { priority: -100, type: "dst" },
  input: { priority: 100, type: "src" },
  postrouting: { priority: 100, type: "src" },
};

/** The tables of one hook point; an accepted packet goes on at `next`. Returns where the hook point begins. */
export function buildHook(stack: HostStack, chains: readonly HookChain[], hook: Hook, next: TableId): TableId {
  const here = chains.filter((c) => c.host === stack.evidence.host && c.hook === hook);
  const steps: { priority: number; build: (next: TableId) => TableId }[] = here
    .filter((c) => c.type !== "nat")
    .map((c) => ({
      priority: c.priority,
      build: (n) => c.build(stack.device, n),
    }));
  const nat = NAT[hook];
  if (nat) {
    const natChains = here.filter((c) => c.type === "nat").sort((a, b) => a.priority - b.priority);
    steps.push({ priority: nat.priority, build: (n) => buildNat(stack, natChains, hook, nat.type, n) });
  }
  if (hook === "prerouting" || hook === "output") steps.push({ priority: CONNTRACK, build: (n) => buildConntrack(stack, hook, n) });
  // All chains of a hook see the way that the packet had when it came there (nf_hook_state.out): it is routed again behind them.
  const routes = here.some((c) => c.type === "route");
  const end = hook === "output" ? rerouteIfTranslated(stack, routes ? rerouteIfMarked(stack, next) : next) : next;
  // From the last to the first, since each is told where to go on. Equal priorities: in order of registration.
  return steps.sort((a, b) => a.priority - b.priority).reduceRight((n, s) => s.build(n), end);
}

function buildConntrack(stack: HostStack, hook: Hook, next: TableId): TableId {
  const { net, device, tracker } = stack;
  const t = net.table(device, `${hook} conntrack`, "hook", "priority");
  // Untracked by request, or tracked already: a packet that came back through the loopback interface.
  net.rule(t, { priority: 1, rows: [match({ reg13: [1, 1] }), match({ ct_state: [CT.trk, CT.trk] })], program: [jump(next)] });
  // The zone is 0 unless netfilter's raw table has chosen another (CT --zone, `ct zone set`).
  t.miss = [{ op: "ct", tracker, zone: slice("ct_zone"), commit: false, force: false, nat: null, exec: [], resume: "inplace" }, jump(next)];
  return t.id;
}

function buildNat(stack: HostStack, chains: readonly HookChain[], hook: Hook, type: "src" | "dst", after: TableId): TableId {
  const { net, device } = stack;
  const t = net.table(device, `${hook} nat`, "hook", "priority");
  t.miss = [{ op: "unnat", type }, jump(after)];
  if (chains.length > 0) {
    const first = chains.reduceRight((n, c) => c.build(device, n), after);
    const fresh = CT.new | CT.trk;
    // Through the loopback interface a packet comes to PREROUTING translated: its OUTPUT did that. Not so if it is tracked there only.
    const rows =
      hook === "prerouting"
        ? [match({ ct_state: [fresh, fresh], reg15: 0 }), match({ ct_state: [fresh, fresh], reg13: [TRACKED_ANEW, TRACKED_ANEW] })]
        : [match({ ct_state: [fresh, fresh] })];
    net.rule(t, { priority: 1, rows, program: [{ op: "unnat", type }, jump(first)] });
  }
  return t.id;
}

/** A locally sent packet that was translated is routed again (nf_nat_ipv4_local_fn(), ip_route_me_harder()). */
function rerouteIfTranslated(stack: HostStack, next: TableId): TableId {
  const t = stack.net.table(stack.device, "output reroute", "hook", "priority");
  stack.net.rule(t, {
    rows: [match({ ct_state: [CT.dnat, CT.dnat] }), match({ ct_state: [CT.snat, CT.snat] })],
    program: [set("reg14", ROUTE.none), { op: "call", table: stack.routing }, jump(next)],
  });
  t.miss = [jump(next)];
  return t.id;
}

/** A chain of type route (iptables' mangle OUTPUT) that marks a packet has it routed again. */
function rerouteIfMarked(stack: HostStack, next: TableId): TableId {
  const t = stack.net.table(stack.device, "output reroute by mark", "hook", "priority");
  stack.net.rule(t, { rows: [match({ pkt_mark: 0 })], program: [jump(next)] });
  t.miss = [set("reg14", ROUTE.none), { op: "call", table: stack.routing }, jump(next)];
  return t.id;
}
