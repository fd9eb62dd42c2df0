import type { BranchResult, Hop, TraceResult } from "@plumbline/engine";
import { expect, test } from "vitest";
import { lookOf } from "../src/render/style.js";
import { renderTrace } from "../src/render/trace.js";

const hop = (h: Partial<Hop> & { device: string; stage: string }): Hop => ({
  node: "",
  rule: { text: "", file: "", line: 0 },
  certainty: "proven",
  why: "",
  before: "",
  after: h.stage,
  changes: [],
  links: [],
  ...h,
});

const route = (n: number, via: string): Hop =>
  hop({
    device: "router",
    stage: "fib main",
    rule: { text: "203.0.113.100 nhid 37 proto bgp metric 20", file: "router/ip_route", line: 7 },
    choice: `${n} of 2 by ecmp, 50 %`,
    after: via,
  });
const balance = hop({
  device: "node-2/br-int",
  stage: "openflow 21",
  rule: {
    text: "cookie=0x93f7000b, table=21, priority=120,ct_state=+new+trk,tcp,metadata=0x2,nw_dst=203.0.113.100,tp_dst=8080 actions=load:0x1->NXM_NX_REG10[3],group:133",
    file: "node-2/ovs/ovs-ofctl_dump-flows_br-int",
    line: 812,
  },
  changes: [
    { field: "ip_dst", before: "203.0.113.100", after: "10.1.2.3" },
    { field: "reg10", before: "0", after: "8" },
  ],
  links: [
    { kind: "lflow", uuid: "93f7000bc19e7616", stage: "lr_in_dnat" },
    { kind: "service", name: "web/front" },
  ],
});
const neighbour = hop({
  device: "node-2",
  stage: "neighbour",
  certainty: "inferred",
  why: "ARP would find it",
  changes: [{ field: "eth_dst", before: "0", after: "1" }],
});
const reset = hop({ device: "node-1/br-int", stage: "openflow 30", rule: { text: "no rule matches", file: "", line: 0 } });

const final = { src: "192.0.2.10", srcPort: 40000, dst: "10.1.2.3", dstPort: 8080 };
const good: BranchResult = {
  probability: 0.5,
  verdict: "delivered",
  reason: "",
  to: { kind: "pod", name: "web/front-1", node: "node-2" },
  node: "node-2",
  final,
  hops: [route(1, "192.0.2.2"), neighbour, balance],
  needs: [{ why: "whether something listens on 10.1.2.3:8080", command: "ss -tulpn", on: "web/front-1" }],
};
const bad: BranchResult = {
  ...good,
  verdict: "refused",
  reason: "the load balancer has no backend",
  to: null,
  node: "node-1",
  hops: [route(2, "192.0.2.3"), reset],
  answer: { packet: "tcp 203.0.113.100:8080 > 192.0.2.10:40000 rst", hops: [hop({ device: "router", stage: "fib main" })] },
  needs: [],
};
const result = (branches: BranchResult[]): TraceResult => ({
  schema: "plumbline.trace/1",
  packet: "tcp 192.0.2.10:40000 > 203.0.113.100:8080",
  from: "client",
  start: "sent by client",
  verdict: branches.every((b) => b.verdict === branches[0].verdict) ? branches[0].verdict : "mixed",
  conntrack: { tables: "empty", entries: 0 },
  complete: true,
  branches,
});
const plain = lookOf({}, {});

test("one branch", () => {
  expect(renderTrace(result([{ ...good, probability: 1 }]), plain, { all: false })).toMatchInlineSnapshot(`
    "tcp 192.0.2.10:40000 > 203.0.113.100:8080  from client  (sent by client)
      connections: none at the start

      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      node-2
        ~ neighbour               (ARP would find it)                                                           mac dst 0 -> 1  (inferred)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    to know more
      on web/front-1: ss -tulpn  (whether something listens on 10.1.2.3:8080)

    verdict: delivered (web/front-1 on node-2)"
  `);
});

test("two branches with different outcomes", () => {
  expect(renderTrace(result([good, bad]), plain, { all: false })).toMatchInlineSnapshot(`
    "tcp 192.0.2.10:40000 > 203.0.113.100:8080  from client  (sent by client)
      connections: none at the start

    branch 1 of 2: 50 %  (router: 1 of 2 by ecmp, 50 %)
      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      node-2
        ~ neighbour               (ARP would find it)                                                           mac dst 0 -> 1  (inferred)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    branch 2 of 2: 50 %  (router: 2 of 2 by ecmp, 50 %)
      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [2 of 2 by ecmp, 50 %]
      node-1/br-int
          openflow 30             no rule matches
        the answer tcp 203.0.113.100:8080 > 192.0.2.10:40000 rst
      router
          fib main
      => refused, entering at node-1, as 192.0.2.10:40000 > 10.1.2.3:8080: the load balancer has no backend

    to know more
      on web/front-1: ss -tulpn  (whether something listens on 10.1.2.3:8080)

    verdict: mixed (50 % delivered web/front-1 on node-2; 50 % refused the load balancer has no backend; last rule: router, fib main, 203.0.113.100 nhid 37 proto bgp metric 20, router/ip_route:7)"
  `);
});

test("branches of one outcome are headings, unless all are asked for", () => {
  const twice = result([good, { ...good, hops: [route(2, "192.0.2.3"), neighbour, balance] }]);
  expect(renderTrace(twice, plain, { all: false })).toMatchInlineSnapshot(`
    "tcp 192.0.2.10:40000 > 203.0.113.100:8080  from client  (sent by client)
      connections: none at the start

    branch 1 of 2: 50 %  (router: 1 of 2 by ecmp, 50 %)
      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      node-2
        ~ neighbour               (ARP would find it)                                                           mac dst 0 -> 1  (inferred)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    branch 2 of 2: 50 %  (router: 2 of 2 by ecmp, 50 %)
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    to know more
      on web/front-1: ss -tulpn  (whether something listens on 10.1.2.3:8080)

    verdict: delivered (web/front-1 on node-2)"
  `);
  expect(
    renderTrace(result([good, { ...good, hops: [good.hops[0], neighbour, { ...balance, after: "other" }] }]), plain, { all: true }),
  ).toMatchInlineSnapshot(`
    "tcp 192.0.2.10:40000 > 203.0.113.100:8080  from client  (sent by client)
      connections: none at the start

    branch 1 of 2: 50 %  (router: 1 of 2 by ecmp, 50 %)
      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      node-2
        ~ neighbour               (ARP would find it)                                                           mac dst 0 -> 1  (inferred)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    branch 2 of 2: 50 %  (router: 1 of 2 by ecmp, 50 %)
        as branch 1 up to node-2, neighbour (2 hops)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080

    to know more
      on web/front-1: ss -tulpn  (whether something listens on 10.1.2.3:8080)

    verdict: delivered (web/front-1 on node-2)"
  `);
});

test("the way back", () => {
  const way = {
    verdict: "delivered" as const,
    final: { src: "203.0.113.100", srcPort: 8080, dst: "192.0.2.10", dstPort: 40000 },
    hops: [route(1, "x")],
    needs: [],
  };
  expect(renderTrace(result([{ ...good, probability: 1, reply: way }]), plain, { all: false })).toMatchInlineSnapshot(`
    "tcp 192.0.2.10:40000 > 203.0.113.100:8080  from client  (sent by client)
      connections: none at the start

      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      node-2
        ~ neighbour               (ARP would find it)                                                           mac dst 0 -> 1  (inferred)
      node-2/br-int
          openflow 21 lr_in_dnat  … priority=120,ct_state=+new+trk,tcp,metadat…x1->NXM_NX_REG10[3],group:133  node-2/ovs/ovs-ofctl_dump-flows_br-int:812  dst 203.0.113.100 -> 10.1.2.3  service web/front, lflow 93f7000b
      => delivered to pod web/front-1 on node-2, as 192.0.2.10:40000 > 10.1.2.3:8080
        the way back
      router
          fib main                203.0.113.100 nhid 37 proto bgp metric 20                                   router/ip_route:7  [1 of 2 by ecmp, 50 %]
      <= the answer is delivered, as 203.0.113.100:8080 > 192.0.2.10:40000

    to know more
      on web/front-1: ss -tulpn  (whether something listens on 10.1.2.3:8080)

    verdict: delivered (web/front-1 on node-2)"
  `);
});

test("colour only on a terminal without NO_COLOR", () => {
  expect(lookOf({ isTTY: true, columns: 120 }, {})).toEqual({ colour: true, width: 120 });
  expect(lookOf({ isTTY: true, columns: 40 }, { NO_COLOR: "1" })).toEqual({ colour: false, width: 80 });
  expect(lookOf({ isTTY: false }, {})).toEqual({ colour: false, width: 160 });
  expect(renderTrace(result([good]), { colour: true, width: 120 }, { all: false })).toContain("\u001b[");
  expect(renderTrace(result([good]), plain, { all: false })).not.toContain("\u001b[");
});
