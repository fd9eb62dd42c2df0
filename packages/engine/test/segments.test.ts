/** A wire is taken from the addresses of those on it; who else is there, nobody tells. */
import { type Device, NetworkBuilder } from "@plumbline/model";
import { expect, it } from "vitest";
import type { JoinNote } from "../src/network/ports.js";
import { joinSegments } from "../src/network/segments.js";

function host(net: NetworkBuilder, name: string, address: string, mac: string): Device {
  const d = net.device({ name, kind: "host", host: name });
  net.port(d, 1, "eth0", { kind: "netdev", host: name, name: "eth0", internal: false, mac, addresses: [{ address, prefixLen: 24 }] });
  return d;
}

it("joins hosts of one prefix, and asks the switch whose a frame is that none of them takes", () => {
  const net = new NetworkBuilder();
  const notes: JoinNote[] = [];
  host(net, "one", "192.0.2.1", "02:00:00:00:00:01");
  host(net, "two", "192.0.2.2", "02:00:00:00:00:02");
  host(net, "alone", "198.51.100.1", "02:00:00:00:00:03");
  joinSegments(net, [], new Set(), notes);
  const segment = net.findDevice("segment 192.0.2.0/24")!;
  expect(segment.ports.map((p) => p.name)).toEqual(["one eth0", "two eth0"]);
  expect(net.tables[segment.entry].miss).toEqual([
    { op: "output", port: 1 },
    { op: "output", port: 2 },
    {
      op: "unknown",
      why: "who else is on the segment 192.0.2.0/24 is not in evidence",
      command: "show mac address-table (on Linux: bridge fdb show)",
      on: "the switch of 192.0.2.0/24",
    },
  ]);
  expect(notes).toEqual([{ device: "alone", port: "eth0", why: "no other host in the evidence has an address in 198.51.100.0/24" }]);
});
