import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
/** A pcap's header, little endian, microseconds, Ethernet; and a record of 60 bytes. */
const PCAP = `d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000  00000000 00000000 3c000000 3c000000 ${"00".repeat(60)}`;
/** A section header block, big endian. */
const PCAPNG = "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c";

conformanceTests(test, plugin, {
  factless: () => true,
  truncations: 25,
  mutations: 40,
  fixtures: [
    { path: "router/router.eth0.pcap", content: hex(PCAP) },
    { path: "router/dump", content: hex(PCAP) },
    { path: "node-1/node-1.eth0.pcapng", content: hex(PCAPNG) },
  ],
});
