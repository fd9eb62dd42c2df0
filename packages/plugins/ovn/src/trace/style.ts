/**
 * Logical actions as ovn-trace follows them (ovn/utilities/ovn-trace.c of OVN, trace_actions): every `next` is gone into and
 * come back from, every packet that is made runs to its end at once, connection states are asked for and not tracked.
 *
 * Actions that ovn-trace passes over are passed over here: check_pkt_larger, chk_lb_aff, commit_lb_aff, chk_ecmp_nh,
 * commit_ecmp_nh, ct_nw_dst and its like, fwd_group, trigger_event, bind_vport, handle_svc_check, put_arp, put_nd, put_fdb, igmp, bfd
 * and queue actions. Their lines stand in the text; what they would decide stays as it was.
 */
import { type Action, assertNever, get, getBits, type Match, matchField, type Slice, slice } from "@plumbline/model";
import { addressText, formatAction, formatActions, type LogicalAction, type NestName, type Pipeline } from "../actions/index.js";
import { FLAG, formatField, LOGICAL, resolveSlice } from "../expr/index.js";
import { type ParsedFlow, portKey } from "../logical/flows.js";
import { type ActionStyle, type HelperRule, type LogicalDevice, rowOf } from "../logical/pipelines.js";
import type { LogicalPort } from "../logical/topology.js";
import { getFdb, getMac, lbHairpin, lookupFdb, lookupMac, portSecurity, snatToVip } from "./lookups.js";
import type { Mark, Marks, Title } from "./marks.js";

const EST_TRK = 0x22;
const TRK = 0x20n;
const DNAT = 0x80n;
const SNAT = 0x40n;
const ct = slice("ct_state");
const INPORT = slice(LOGICAL.inport);
const OUTPORT = slice(LOGICAL.outport);
const V4: Match = matchField([], "eth_type", 0x0800);
const V6: Match = matchField([], "eth_type", 0x86dd);

const set = (name: string, value: bigint | number): Action => ({ op: "set", dst: slice(name), value: BigInt(value) });
const move = (src: string, dst: string): Action => ({ op: "move", src: slice(src), dst: slice(dst) });
const swap = (a: string, b: string): Action => ({ op: "swap", a: slice(a), b: slice(b) });

/** States that a connection may be asked to have; the first is what ovn-trace takes by default. */
export const CT_STATES: readonly number[] = [EST_TRK, ...Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== EST_TRK)];

/** How a choice is made known to whoever scripts it. The options of `given` are: translate nothing, to the given address, to it and its port. */
export const CHOICE = { ctState: "connection state", balance: "load balancer", given: "given destination", select: "select" } as const;

/** Where the row of a packet carries the destination that was given for it: fields that logical pipelines have no name for. */
export const GIVEN = { v4: "tun_dst", v6: "tun_ipv6_dst", port: "tun_src" } as const;

export class TracedStyle implements ActionStyle {
  constructor(private readonly marks: Marks) {}

  program(on: LogicalDevice, flow: ParsedFlow): readonly Action[] {
    const { pipeline, table } = flow.lflow;
    // A flow that only goes on is no line of the trace.
    if (isPassage(flow)) return [{ op: "call", table: on.table(pipeline, table + 1).id }];
    return [...this.list(on, flow.actions, pipeline), this.end()];
  }

  miss(): readonly Action[] {
    return [];
  }

  private mark(mark: Mark): Action {
    return this.marks.make(mark);
  }
  private end(): Action {
    return this.mark({ kind: "end" });
  }
  private under(text: Title, kind: "pipeline" | "change", actions: readonly Action[]): Action[] {
    return [this.mark({ kind, text }), ...actions, this.end()];
  }

  private list(on: LogicalDevice, actions: readonly LogicalAction[], pipeline: Pipeline): Action[] {
    if (actions.length === 0) return [this.mark({ kind: "action", text: "drop;" })];
    return actions.flatMap((a) => [this.mark({ kind: "action", text: friendly(on, formatAction(a)) }), ...this.action(on, a, pipeline)]);
  }

  private action(on: LogicalDevice, a: LogicalAction, pipeline: Pipeline): Action[] {
    const next = (table: number): Action => ({ op: "call", table: on.table(pipeline, table).id });
    switch (a.type) {
      case "plain":
        return this.plain(on, a.name, pipeline);
      case "next": {
        const call: Action = { op: "call", table: on.table(a.pipeline, a.table).id };
        if (a.pipeline === pipeline) return [call];
        const inward = a.pipeline === "ingress";
        const title = this.byPort(
          on,
          inward ? INPORT : OUTPORT,
          (name) => `${a.pipeline}(dp="${on.datapath.friendly}", ${inward ? "inport" : "outport"}="${name}")`,
        );
        return [title, call, this.end()];
      }
      case "load": {
        const dst = resolveSlice(a.dst);
        const value = typeof a.value === "string" ? BigInt(portKey(on.topology, on.datapath, a.value) ?? 0) : a.value.value;
        return [{ op: "set", dst, value }];
      }
      case "move":
        return [{ op: "move", src: resolveSlice(a.src), dst: resolveSlice(a.dst) }];
      case "exchange":
        return [{ op: "swap", a: resolveSlice(a.a), b: resolveSlice(a.b) }];
      case "push":
        return [{ op: "push", src: resolveSlice(a.field) }];
      case "pop":
        return [{ op: "pop", dst: resolveSlice(a.field) }];
      case "nest":
        return this.nest(on, a.name, a.actions, pipeline);
      case "ct_next":
        return [
          clone([
            { op: "set", dst: ct, value: 0n },
            this.askState(on),
            ...this.under((r, t) => `ct_next(ct_state=${stateText(get(r, "ct_state"))}${defaulted(t.ctDefault)})`, "change", [
              next(a.table),
            ]),
          ]),
        ];
      case "ct_nat":
        return this.nat(on, a, next(a.table));
      case "ct_commit_nat":
        return [this.tracked(on, "ct_commit_nat /* assuming no un-nat entry, so no change */", [], next(a.table))];
      case "ct_commit_to_zone":
        return [this.tracked(on, `ct_commit_to_zone(${a.zone})`, [], next(a.table))];
      case "ct_lb":
        return this.balance(on, a, next(a.table));
      case "select": {
        const dst = resolveSlice(a.dst);
        const field = formatField(a.dst);
        return [
          clone([
            {
              op: "choose",
              how: CHOICE.select,
              weights: a.members.map((m) => Math.max(1, m.weight)),
              options: a.members.map((m): Action[] => [
                { op: "set", dst, value: BigInt(m.id) },
                this.mark({ kind: "change", text: `select: ${field} = ${m.id} /* Randomly selected. Use --select-id to specify. */` }),
              ]),
            },
            next(a.table),
            this.end(),
          ]),
        ];
      }
      case "get_mac":
        return [getMac(on, a, this.marks)];
      case "lookup_mac":
        return [lookupMac(on, a, this.marks)];
      case "get_fdb":
        return a.name === "get_fdb" ? [getFdb(on, a)] : [];
      case "lookup_fdb":
        return [lookupFdb(on, a, this.marks)];
      case "result":
        return this.result(on, a);
      case "put_opts":
        return [
          ...(a.name === "put_nd_ra_opts"
            ? []
            : [this.mark({ kind: "error", text: "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */" })]),
          { op: "set", dst: resolveSlice(a.dst), value: 1n },
        ];
      case "dhcp_relay":
        return this.relay(a);
      case "log": {
        const text = `LOG: ACL name=${a.name ?? "<unnamed>"}, direction=${pipeline === "ingress" ? "IN" : "OUT"}, verdict=${a.verdict}, severity=${a.severity}`;
        return this.under(text, "change", []);
      }
      case "controller load":
      case "ct_commit":
      case "ct_commit old":
      case "put_mac":
      case "put_fdb":
      case "chk_evpn_arp":
      case "check_pkt_larger":
      case "set_queue":
      case "set_meter":
      case "trigger_event":
      case "bind_vport":
      case "handle_svc_check":
      case "fwd_group":
      case "commit_ecmp_nh":
      case "commit_lb_aff":
      case "sample":
      case "mirror":
        return [];
      default:
        return assertNever(a);
    }
  }

  private plain(on: LogicalDevice, name: Extract<LogicalAction, { type: "plain" }>["name"], pipeline: Pipeline): Action[] {
    switch (name) {
      case "output":
        return [pipeline === "ingress" ? this.toEgress(on) : this.leave(on)];
      case "ip.ttl--":
        return [this.decTtl(on)];
      case "ct_clear":
        return [{ op: "ctClear" }];
      case "ct_snat_to_vip":
        return [snatToVip(on, this.marks)];
      case "flood_remote":
        return [this.mark({ kind: "comment", text: "/* Flood to all remote chassis */" })];
      case "igmp":
      case "handle_dhcpv6_reply":
      case "handle_bfd_msg":
      case "mac_cache_use":
        return [];
      default:
        return assertNever(name);
    }
  }

  /** A title that names the port whose key is in `key`. */
  private byPort(on: LogicalDevice, key: Slice, text: (name: string) => string, indented = false): Action {
    const names = new Map(on.datapath.ports.map((p) => [p.key, p.friendly]));
    const word = slice(key.field);
    return this.mark({ kind: "pipeline", text: (r) => text(names.get(Number(getBits(r, word))) ?? "(unnamed)"), indented });
  }

  /** `output` of the ingress pipeline (execute_output). */
  private toEgress(on: LogicalDevice): Action {
    const { datapath } = on;
    return on.helper("output to egress", () => {
      const rules: HelperRule[] = [];
      for (const p of datapath.ports) {
        const to = p.type === "chassisredirect" ? p.distributed : p;
        const at = [LOGICAL.outport, p.key] as const;
        if (!to) {
          const text = `*** output to type "${p.type}" port "${p.friendly}" with no or invalid distributed port`;
          rules.push({ priority: 2, rows: [rowOf(at)], program: [this.mark({ kind: "error", text })] });
          continue;
        }
        const before =
          to === p
            ? []
            : [
                this.mark({
                  kind: "comment",
                  text: `/* Replacing type "${p.type}" outport "${p.friendly}" with distributed port "${to.friendly}". */`,
                }),
              ];
        rules.push(
          {
            priority: 3,
            rows: [rowOf(at, [LOGICAL.inport, to.key], [LOGICAL.flags, 0, LOOPBACK])],
            program: [...before, this.mark({ kind: "comment", text: NO_LOOPBACK })],
          },
          {
            priority: 2,
            rows: [rowOf(at)],
            program: [...before, clone([...cleared(), set(LOGICAL.outport, to.key), ...this.egress(on, to.friendly)])],
          },
        );
      }
      for (const g of datapath.groups)
        for (const loopback of [true, false])
          rules.push({
            priority: 4,
            rows: [rowOf([LOGICAL.outport, g.key], [LOGICAL.flags, loopback ? LOOPBACK : 0, LOOPBACK])],
            program: this.under(
              `multicast(dp="${datapath.friendly}", mcgroup="${g.name}")`,
              "pipeline",
              // One copy goes through the egress pipeline for every member, each time as the last has left it.
              [clone([...cleared(), ...g.ports.map((p) => this.member(on, p, loopback))])],
            ),
            origin: g.origin,
          });
      rules.push({
        priority: 1,
        rows: [rowOf([LOGICAL.outport, 0])],
        program: [this.mark({ kind: "error", text: "*** output to null logical port" })],
      });
      const unknown = this.mark({ kind: "error", text: (r) => `*** unknown port or multicast group ${getBits(r, OUTPORT)}` });
      rules.push({
        priority: 0,
        rows: [rowOf([LOGICAL.flags, LOOPBACK, LOOPBACK])],
        program: [unknown, clone([...cleared(), ...this.egress(on, "(unnamed)")])],
      });
      return { rules, miss: [unknown, this.mark({ kind: "comment", text: NO_LOOPBACK })] };
    });
  }

  /** The egress pipeline of a port, of which only the name is told. @param member of a multicast group */
  private egress(on: LogicalDevice, to: string, member = false): Action[] {
    return [
      this.byPort(on, INPORT, (name) => `egress(dp="${on.datapath.friendly}", inport="${name}", outport="${to}")`, member),
      { op: "call", table: on.table("egress", 0).id },
      this.end(),
    ];
  }

  /** A member of a multicast group, with the group's copy. */
  private member(on: LogicalDevice, p: LogicalPort, loopback: boolean): Action {
    const title = (name: string) => `egress(dp="${on.datapath.friendly}", inport="${name}", outport="${p.friendly}")`;
    return on.helper(`member ${p.key} ${loopback}`, () => ({
      rules: loopback
        ? []
        : [
            {
              priority: 1,
              rows: [rowOf([LOGICAL.inport, p.key])],
              program: [this.byPort(on, INPORT, title), this.mark({ kind: "comment", text: NO_LOOPBACK }), this.end()],
            },
          ],
      miss: [set(LOGICAL.outport, p.key), ...this.egress(on, p.friendly, true)],
    }));
  }

  /** `output` of the egress pipeline: out of the port, or into the datapath at its other end. */
  private leave(on: LogicalDevice): Action {
    return on.helper("output", () => {
      const output = (name: string, port?: LogicalPort) => this.mark({ kind: "output", datapath: on.datapath.friendly, name, port });
      const rules = on.datapath.ports.map((p): HelperRule => {
        const program: Action[] = [output(p.friendly, p)];
        if (p.peer) {
          const there = on.of(p.peer.datapath);
          const title = `ingress(dp="${there.datapath.friendly}", inport="${p.peer.friendly}")`;
          program.push(
            clone([
              set(LOGICAL.inport, p.peer.key),
              set(LOGICAL.outport, 0),
              set(LOGICAL.datapath, there.datapath.key),
              ...this.under(title, "pipeline", [{ op: "call", table: there.table("ingress", 0).id }]),
            ]),
          );
        }
        return { priority: 2, rows: [rowOf([LOGICAL.outport, p.key])], program };
      });
      for (const g of on.datapath.groups) rules.push({ priority: 1, rows: [rowOf([LOGICAL.outport, g.key])], program: [output(g.name)] });
      rules.push({
        priority: 1,
        rows: [rowOf([LOGICAL.outport, 0])],
        program: [this.mark({ kind: "error", text: "*** output to null logical port" })],
      });
      const text = (r: Uint32Array) => `*** unknown port or multicast group ${getBits(r, OUTPORT)}`;
      return { rules, miss: [this.mark({ kind: "error", text }), output("(unnamed)")] };
    });
  }

  private decTtl(on: LogicalDevice): Action {
    return on.helper("ip.ttl--", () => {
      const ip = (ttl?: number): Match[] => [V4, V6].map((m) => (ttl === undefined ? m : matchField(m, "ip_ttl", ttl)));
      return {
        rules: [
          { priority: 2, rows: ip(0), program: [this.mark({ kind: "error", text: "*** TTL underflow" })] },
          { priority: 2, rows: ip(1), program: [set("ip_ttl", 0)] },
          { priority: 1, rows: ip(), program: [{ op: "decTtl", expired: [] }] },
        ],
        miss: [this.mark({ kind: "error", text: "*** TTL decrement of non-IP packet" })],
      };
    });
  }

  /** Adds the bits of the next state that is asked for. */
  private askState(on: LogicalDevice): Action {
    return on.helper("ct_state", () => ({
      rules: [],
      miss: [
        {
          op: "choose",
          how: CHOICE.ctState,
          weights: CT_STATES.map(() => 1),
          options: CT_STATES.map((s) =>
            Array.from({ length: 8 }, (_, bit) => bit)
              .filter((bit) => (s >> bit) & 1)
              .map((bit): Action => ({ op: "set", dst: slice("ct_state", bit, 1), value: 1n })),
          ),
        },
      ],
    }));
  }

  /** A tracked copy goes on: if it is not tracked yet, with a state that is asked for. */
  private tracked(on: LogicalDevice, title: string, before: readonly Action[], next: Action): Action {
    const untracked = matchField([], "ct_state", 0, TRK);
    const asked = this.askState(on);
    const goOn = (text: Title) => this.under(text, "change", [next]);
    return clone([
      ...before,
      on.helper(`tracked ${title} ${next.op === "call" ? next.table : ""}`, () => ({
        rules: [{ priority: 1, rows: [untracked], program: [asked, ...goOn((_, t) => `${title}${defaulted(t.ctDefault)}`)] }],
        miss: goOn(title),
      })),
    ]);
  }

  private nat(on: LogicalDevice, a: Extract<LogicalAction, { type: "ct_nat" }>, next: Action): Action[] {
    const dst = a.name.startsWith("ct_dnat");
    // In a gateway router it undoes a translation, and there is none.
    if (!dst && on.datapath.gateway && !a.address) return [];
    const side = dst ? "dst" : "src";
    const name = `ct_${side[0]}nat${a.name.endsWith("in_czone") ? "in_czone" : ""}`;
    if (!a.address) return [this.tracked(on, `${name} /* assuming no un-${side[0]}nat entry, so no change */`, [], next)];
    const field = `${a.address.family === 4 ? "ip" : "ipv6"}_${side}`;
    const before = [set(field, a.address.value), setBit(dst ? DNAT : SNAT)];
    return [this.tracked(on, `${name}(ip${a.address.family}.${side}=${addressText(a.address)})`, before, next)];
  }

  private balance(on: LogicalDevice, a: Extract<LogicalAction, { type: "ct_lb" }>, next: Action): Action[] {
    const asked = this.askState(on);
    const name = a.name === "ct_lb" ? "ct_lb" : "ct_lb_mark";
    const goOn = this.under((_, t) => `${name}${defaulted(t.ctDefault)}`, "change", [next]);
    const family = (f: 4 | 6): Action[] => {
      const backends = a.backends.filter((b) => b.address.family === f);
      const [now, original] = f === 4 ? ["ip_dst", "ct_nw_dst"] : ["ipv6_dst", "ct_ipv6_dst"];
      if (backends.length === 0) {
        const none = "*** no load balancing destination (use --lb-dst)";
        if (a.backends.length > 0) return [this.mark({ kind: "error", text: none }), clone([asked, ...goOn])];
        // A translation that is looked up: there is none, unless one is given.
        const to = [move(now, original), move(f === 4 ? GIVEN.v4 : GIVEN.v6, now), move("tp_dst", "ct_tp_dst"), setBit(DNAT)];
        const port: Action = { op: "move", src: slice(GIVEN.port, 0, 16), dst: slice("tp_dst") };
        return [clone([{ op: "choose", how: CHOICE.given, weights: [1, 1, 1], options: [[], to, [...to, port]] }, asked, ...goOn])];
      }
      return [
        clone([
          {
            op: "choose",
            how: CHOICE.balance,
            weights: backends.map(() => 1),
            options: backends.map((b): Action[] => [
              move(now, original),
              set(now, b.address.value),
              move("tp_dst", "ct_tp_dst"),
              ...(b.port === 0 ? [] : [set("tp_dst", b.port)]),
              setBit(DNAT),
            ]),
          },
          asked,
          ...goOn,
        ]),
      ];
    };
    return [
      on.helper(`balance ${formatActions([a])} ${next.op === "call" ? next.table : ""}`, () => ({
        rules: [
          { priority: 1, rows: [V4], program: family(4) },
          { priority: 1, rows: [V6], program: family(6) },
        ],
        miss: [clone(this.under(name, "change", [next]))],
      })),
    ];
  }

  private nest(on: LogicalDevice, name: NestName, actions: readonly LogicalAction[], pipeline: Pipeline): Action[] {
    const run = (title: string, before: readonly Action[]): Action[] => [
      clone([...before, ...this.under(title, "change", this.list(on, actions, pipeline))]),
    ];
    switch (name) {
      case "clone":
        return run("clone", []);
      case "arp":
        return run("arp", [
          ...["ip_frag", "nw_tos", "ip_ttl", "tcp_flags"].map((f) => set(f, 0)),
          set("eth_type", 0x0806),
          // OVS has both in one field: what rejects this later sees no TCP.
          ...["arp_op", "ip_proto"].map((f) => set(f, 1)),
          move("eth_src", "arp_sha"),
          set("arp_tha", 0),
          move("ip_src", "arp_spa"),
          move("ip_dst", "arp_tpa"),
        ]);
      case "nd_na":
      case "nd_na_router":
        return run("nd_na", [
          move("eth_dst", "nd_tll"),
          swap("eth_src", "eth_dst"),
          move("ipv6_src", "ipv6_dst"),
          move("nd_target", "ipv6_src"),
          ...typed(136),
          set("nd_sll", 0),
        ]);
      case "nd_ns":
        return run("nd_ns", [
          move("eth_dst", "nd_tll"),
          { op: "move", src: slice("ipv6_dst", 0, 24), dst: slice("eth_dst", 0, 24) },
          { op: "set", dst: slice("eth_dst", 24, 24), value: 0x3333ffn },
          ...typed(135),
          set("nd_sll", 0),
        ]);
      case "icmp4":
      case "icmp4_error":
        return run("icmp4", icmpError(4));
      case "icmp6":
      case "icmp6_error":
        return run("icmp6", icmpError(6));
      case "tcp_reset":
        return run("tcp_reset", reset(6));
      case "sctp_abort":
        return this.byFamily(on, `sctp_abort ${formatActions(actions)} ${pipeline}`, (f) => run("sctp_abort", reset(f === 4 ? 132 : 6)));
      case "reject":
        return this.reject(on, actions, pipeline, run);
      default:
        return assertNever(name);
    }
  }

  private byFamily(on: LogicalDevice, name: string, make: (family: 4 | 6) => Action[]): Action[] {
    return [on.helper(name, () => ({ rules: [{ priority: 1, rows: [V4], program: make(4) }], miss: make(6) }))];
  }

  /** Back to the sender, unless that would answer an answer (execute_reject). */
  private reject(
    on: LogicalDevice,
    actions: readonly LogicalAction[],
    pipeline: Pipeline,
    run: (title: string, before: readonly Action[]) => Action[],
  ): Action[] {
    const back = (family: 4 | 6): Action[] => [
      swap("eth_src", "eth_dst"),
      family === 4 ? swap("ip_src", "ip_dst") : swap("ipv6_src", "ipv6_dst"),
    ];
    const RST = 4;
    return [
      on.helper(`reject ${pipeline} ${formatActions(actions)}`, () => ({
        rules: [
          { priority: 5, rows: [6, 132].map((p) => rowOf(["ip_proto", p], ["tcp_flags", RST])), program: [] },
          {
            priority: 4,
            rows: [rowOf(["ip_proto", 6])],
            program: this.byFamily(on, `reject tcp ${pipeline} ${formatActions(actions)}`, (f) =>
              run("tcp_reset", [...back(f), ...reset(6)]),
            ),
          },
          {
            priority: 4,
            rows: [rowOf(["ip_proto", 132])],
            program: this.byFamily(on, `reject sctp ${pipeline} ${formatActions(actions)}`, (f) =>
              run("sctp_abort", [...back(f), ...reset(f === 4 ? 132 : 6)]),
            ),
          },
          // ICMP's type is read where others have their source port.
          {
            priority: 3,
            rows: [
              rowOf(["eth_type", 0x0800], ["ip_proto", 1], ["icmp_type", 3]),
              rowOf(["eth_type", 0x0800], ["ip_proto", 17], ["tp_src", 3]),
            ],
            program: [],
          },
          {
            priority: 3,
            rows: [
              rowOf(["eth_type", 0x86dd], ["ip_proto", 58], ["icmp_type", 1]),
              rowOf(["eth_type", 0x86dd], ["ip_proto", 17], ["tp_src", 1]),
            ],
            program: [],
          },
          { priority: 2, rows: [V4], program: run("icmp4", [...back(4), ...icmpError(4)]) },
        ],
        miss: run("icmp6", [...back(6), ...icmpError(6)]),
      })),
    ];
  }

  private result(on: LogicalDevice, a: Extract<LogicalAction, { type: "result" }>): Action[] {
    const dst = resolveSlice(a.dst);
    switch (a.name) {
      case "chk_lb_hairpin":
        return lbHairpin(on, dst, false);
      case "chk_lb_hairpin_reply":
        return lbHairpin(on, dst, true);
      case "dns_lookup":
        return [{ op: "set", dst, value: 0n }, this.mark({ kind: "error", text: "*** dns_lookup action not implemented" })];
      case "check_in_port_sec":
        return [portSecurity(on, dst, "in")];
      case "check_out_port_sec":
        return [portSecurity(on, dst, "out")];
      case "ct_state_save": {
        const field = formatField(a.dst);
        const saved = this.mark({ kind: "comment", text: (r) => `/* ${field} = ${getBits(r, dst)}; */` });
        return [
          on.helper(`ct_state_save ${field}`, () => ({
            rules: [
              {
                priority: 1,
                rows: [matchField([], "ct_state", TRK, TRK)],
                program: [{ op: "move", src: slice("ct_state", 0, dst.n), dst }],
              },
            ],
            miss: [{ op: "set", dst, value: 0n }],
          })),
          saved,
        ];
      }
      case "chk_ecmp_nh_mac":
      case "chk_ecmp_nh":
      case "chk_lb_aff":
      case "ct_nw_dst":
      case "ct_ip6_dst":
      case "ct_tp_dst":
      case "ct_proto":
        return [];
      default:
        return assertNever(a.name);
    }
  }

  private relay(a: Extract<LogicalAction, { type: "dhcp_relay" }>): Action[] {
    const found: Action = { op: "set", dst: resolveSlice(a.dst), value: 1n };
    if (a.name === "dhcp_relay_req_chk")
      return [this.mark({ kind: "error", text: "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */" }), found];
    const text =
      "/* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set. Dest IP is set to broadcast. Dest MAC is set to broadcast but in real network this is unicast which is extracted from DHCP header. */";
    return [this.mark({ kind: "error", text }), set("ip_dst", 0xffffffff), set("eth_dst", 0xffffffffffffn), found];
  }
}

/** A flow that matches everything and goes on to the next table. */
export function isPassage(flow: ParsedFlow): boolean {
  const [a, ...more] = flow.actions;
  return flow.always && more.length === 0 && a?.type === "next" && a.pipeline === flow.lflow.pipeline && a.table === flow.lflow.table + 1;
}

const LOOPBACK = 1 << FLAG.loopback;
const NO_LOOPBACK = "/* omitting output because inport == outport && !flags.loopback */";

/** The registers that the egress pipeline begins with. */
function cleared(): Action[] {
  const registers = Array.from({ length: 16 }, (_, i) => `reg${i}`);
  return registers.filter((r) => r !== LOGICAL.inport && r !== LOGICAL.outport).map((r) => set(r, 0));
}

const clone = (actions: readonly Action[]): Action => ({ op: "clone", actions });

/** Sets one bit of ct_state. */
function setBit(bit: bigint): Action {
  return { op: "set", dst: slice("ct_state", bit.toString(2).length - 1, 1), value: 1n };
}

/** ICMP's type and code: OVS has them where other protocols have their ports, and a packet of those remains one in some messages. */
function typed(type: number, code?: number): Action[] {
  const out = ["icmp_type", "tp_src"].map((f) => set(f, type));
  return code === undefined ? out : [...out, ...["icmp_code", "tp_dst"].map((f) => set(f, code))];
}

/** What every ICMP error has; addresses are set by whoever sends it back. */
function icmpError(family: 4 | 6): Action[] {
  const protocol = family === 4 ? 1 : 58;
  // ARP that is answered so remains ARP, with the protocol where its operation was.
  return [
    set("ip_proto", protocol),
    set("arp_op", protocol),
    set("ip_ttl", 255),
    set("icmp_type", family === 4 ? 3 : 1),
    set("icmp_code", 1),
  ];
}

/** A TCP reset or SCTP abort. */
function reset(protocol: number): Action[] {
  return [set("ip_proto", protocol), set("ip_ttl", 255), set("tcp_flags", 4)];
}

const STATE_NAMES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];

/** `est|trk`, in order of the bits. */
function stateText(state: number): string {
  return STATE_NAMES.filter((_, bit) => (state >> bit) & 1).join("|") || "0";
}

function defaulted(yes: boolean): string {
  return yes ? " /* default (use --ct to customize) */" : "";
}

/** Port names as the CMS gave them, for those that are UUIDs. */
export function friendly(on: LogicalDevice, text: string): string {
  return text.replace(/"([^"\\]*)"/g, (whole, name: string) => {
    const port = on.topology.ports.get(name);
    return port ? `"${port.friendly}"` : whole;
  });
}
