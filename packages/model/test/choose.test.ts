/** Choices as Open vSwitch 3.1 computed them (`ofproto/trace` prints the bucket that a `hash` group takes). */
import { expect, test } from "vitest";
import { computedOption, type HashField, ipv4Number, matchField, newRow, set, slice } from "../src/index.js";

const ALL = (1n << 128n) - 1n;
const udp = matchField(matchField([], "eth_type", 0x0800), "ip_proto", 17);
const tcp = matchField(matchField([], "eth_type", 0x0800), "ip_proto", 6);
const whole = (name: string): HashField => ({ slice: slice(name), mask: ALL });

test("a hash group: selection_method_param=77,fields(eth_src,ip_src,ip_dst,tcp_src,udp_src)", () => {
  // group_id=1,type=select,...,bucket=bucket_id=3,weight:10,...,bucket=bucket_id=5,weight:20,...,bucket=bucket_id=9,weight:30,...
  const by = {
    kind: "fields",
    param: 77n,
    ids: [3, 5, 9],
    fields: [...["eth_src", "ip_src", "ip_dst"].map(whole), { ...whole("tp_src"), when: [tcp] }, { ...whole("tp_src"), when: [udp] }],
  } as const;
  const taken = Array.from({ length: 32 }, (_, i) => {
    const row = newRow();
    set(row, "eth_type", 0x0800);
    set(row, "ip_proto", 17);
    set(row, "eth_src", 0x001122334400n + BigInt(i));
    set(row, "ip_src", ipv4Number(`1.2.${i % 7}.${i}`)!);
    set(row, "ip_dst", ipv4Number("5.6.7.8")!);
    set(row, "tp_src", 1000 + 7 * i);
    set(row, "tp_dst", 9);
    return by.ids[computedOption(by, [10, 20, 30], row)];
  });
  expect(taken.join("")).toBe("99593599555955599555959559995599");
});

test("a map takes the low bits of a field; of equal scores the last wins", () => {
  const row = newRow();
  set(row, "dp_hash", 0x80000006);
  expect(computedOption({ kind: "map", field: slice("dp_hash"), map: [0, 1, 2, 3, 0, 1, 2, 1] }, [1, 1, 1, 1], row)).toBe(2);
  expect(computedOption({ kind: "fields", param: 0n, fields: [], ids: [1, 1] }, [5, 5], row)).toBe(1);
});
