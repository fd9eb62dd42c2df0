import { describe, expect, test } from "vitest";
import type { Name } from "../../web/src/api/types.js";
import { ask, portsOf, type Question } from "../../web/src/ask/question.js";

const NAMES: Name[] = [
  { name: "client", kind: "host", addresses: ["192.0.2.10", "2001:db8::10"], ports: [] },
  {
    name: "demo/web",
    kind: "service",
    addresses: ["198.51.100.1"],
    ports: [
      { port: 80, protocol: "TCP" },
      { port: 53, protocol: "UDP" },
    ],
  },
  { name: "demo/web-1", kind: "pod", addresses: ["10.128.0.5"], ports: [] },
];
const BLANK: Question = { snapshot: "s1", from: "", to: "", protocol: "tcp", port: "", sourcePort: "", packet: "" };

describe("what is asked becomes a packet", () => {
  test("names become addresses, and the sender's device is told", () => {
    expect(ask({ ...BLANK, from: "client", to: "demo/web", port: "80" }, NAMES)).toEqual({
      packet: "tcp 192.0.2.10:40000 > 198.51.100.1:80",
      from: "client",
    });
  });
  test("the sender's address is of the receiver's family", () => {
    expect(ask({ ...BLANK, from: "client", to: "2001:db8::1", port: "80" }, NAMES)).toEqual({
      packet: "tcp [2001:db8::10]:40000 > [2001:db8::1]:80",
      from: "client",
    });
    expect(ask({ ...BLANK, from: "demo/web-1", to: "2001:db8::1", port: "80" }, NAMES)).toBe(
      "demo/web-1 has no IPv6 address in this snapshot.",
    );
  });
  test("ICMP has no ports", () => {
    expect(ask({ ...BLANK, from: "192.0.2.10", to: "demo/web-1", protocol: "icmp" }, NAMES)).toEqual({
      packet: "icmp 192.0.2.10 > 10.128.0.5",
      from: "",
    });
  });
  test("a packet as text is taken as it is", () => {
    expect(ask({ ...BLANK, from: "client", packet: " arp 192.0.2.10 > 192.0.2.1 " }, NAMES)).toEqual({
      packet: "arp 192.0.2.10 > 192.0.2.1",
      from: "client",
    });
  });
  test.each([
    [{}, "Say where the packet comes from: a name or an address."],
    [{ from: "client" }, "Say where it goes: a Service, pod or node, or an address."],
    [
      { from: "client", to: "demo/nobody", port: "80" },
      "Nothing in this snapshot is called demo/nobody. Give an address, or a name from the list.",
    ],
    [
      { from: "nobody", to: "demo/web", port: "80" },
      "Nothing in this snapshot is called nobody. Give an address, or a name from the list.",
    ],
    [{ from: "client", to: "demo/web" }, "Say which port: a number from 1 to 65535."],
    [{ from: "client", to: "demo/web", port: "65536" }, "Say which port: a number from 1 to 65535."],
  ])("%o is told what is missing", (part, message) => {
    expect(ask({ ...BLANK, ...part }, NAMES)).toBe(message);
  });
  test("ports of the protocol are offered", () => {
    expect([portsOf(NAMES, "demo/web", "udp"), portsOf(NAMES, "198.51.100.1", "tcp"), portsOf(NAMES, "demo/web", "sctp")]).toEqual([
      [53],
      [80],
      [80, 53],
    ]);
  });
});
