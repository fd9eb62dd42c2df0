/** Every way of making all choices, once; a chooser that hashes the flow does not choose anew for a flow that comes by again. */
import { Interpreter, NetworkBuilder, numbering, parsePacket } from "@plumbline/model";
import { expect, it } from "vitest";
import { choicesOf, enumerate } from "../src/trace/enumerate.js";

/** A router with two next hops; the second sends the packet back until its TTL is out. */
function looping(how: string) {
  const net = new NetworkBuilder();
  const router = net.device({ name: "router", kind: "router", host: "router" });
  const back = net.device({ name: "back", kind: "host", host: "back" });
  const table = net.table(router, "main", "fib", "priority");
  table.miss = [
    { op: "decTtl", expired: [{ op: "drop" }] },
    { op: "choose", how, weights: [1, 3], options: [[{ op: "local" }], [{ op: "output", port: 1, allowIn: true }]] },
  ];
  router.entry = table.id;
  router.origin = table.id;
  net.port(router, 1, "p", { kind: "none" });
  net.port(back, 1, "p", { kind: "none" });
  const bounce = net.table(back, "bounce", "fib", "priority");
  bounce.miss = [{ op: "output", port: 1, allowIn: true }];
  back.entry = bounce.id;
  net.join(router, 1, back, 1, "proven", "a wire");
  return net;
}

function ways(how: string) {
  const net = looping(how);
  const machine = new Interpreter(net);
  const num = numbering(net);
  const row = parsePacket("udp,nw_src=192.0.2.1,nw_dst=192.0.2.2,nw_ttl=4,udp_src=1,udp_dst=2").row;
  const { branches, complete } = enumerate((script) => {
    machine.reset();
    const choices = choicesOf(machine.run(row, 0, null, { script, beyond: "first" }), num);
    return { result: null, choices };
  }, 100);
  expect(complete).toBe(true);
  return branches.map((b) => `${b.choices.map((c) => c.option).join("")} ${b.probability}`);
}

it("runs every script of choices", () => {
  expect(ways("statistic")).toEqual(["0 0.25", "10 0.1875", "110 0.140625", "111 0.421875"]);
});

it("lets a flow that comes by again go where it went before", () => {
  expect(ways("ecmp")).toEqual(["0 0.25", "111 0.75"]);
});
