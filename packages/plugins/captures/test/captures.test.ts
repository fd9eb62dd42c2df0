import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import captures from "../src/index.js";

const what = (path: string, bytes: number[]) =>
  readInline(captures, path, new Uint8Array([...bytes, ...new Array(24).fill(0)])).claim?.what ?? null;

test("captures are known by name or by their first bytes", () => {
  expect(what("router.eth0.pcap", [])).toBe("pcap capture router.eth0.pcap");
  expect(what("router.eth0.pcapng", [])).toBe("pcapng capture router.eth0.pcapng");
  expect(what("a/router.eth0.pcap.gz", [])).toBe("pcap capture a/router.eth0.pcap.gz");
  expect(what("dump", [0xd4, 0xc3, 0xb2, 0xa1])).toBe("pcap capture dump");
  expect(what("dump", [0xa1, 0xb2, 0x3c, 0x4d])).toBe("pcap capture dump");
  expect(what("dump", [0x0a, 0x0d, 0x0d, 0x0a])).toBe("pcapng capture dump");
  expect(what("ip_route", [0x64, 0x65, 0x66, 0x61])).toBe(null);
});

test("they hold no facts", () => {
  expect(readInline(captures, "router.eth0.pcap", "").facts).toEqual([]);
});
