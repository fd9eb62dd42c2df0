/**
 * kube-proxy's rules over random Services, in both modes: our verdicts are the running kernel's, and what the plugin says of a Service is what
 * happens to its packets. ORACLE_PACKETS sets how many packets are tried, ORACLE_SEED where they begin.
 */
import { expect, test } from "vitest";
import { whyNoNamespace } from "../src/oracle/kernel/namespace.js";
import { huntKubeProxy, summary } from "../src/oracle/kube-proxy/hunt.js";

const why = whyNoNamespace("nft", "iptables-nft", "iptables-legacy", "conntrack");
if (why) console.warn(`\n======== SKIPPED: kube-proxy's rules against the running Linux kernel: ${why} ========\n`);

const packets = Number(process.env.ORACLE_PACKETS ?? 800);
const seed = process.env.ORACLE_SEED === undefined ? Date.now() % 1_000_000_000 : Number(process.env.ORACLE_SEED);

test.skipIf(why !== null)(`${packets} packets to random Services, from seed ${seed} on`, { timeout: 120_000 + 40 * packets }, async () => {
  const found = await huntKubeProxy(seed, packets);
  console.log(summary(seed, found));
  for (const d of found.differing) console.log(`seed ${d.seed} differs:\n${d.text}`);
  expect(found.refused).toEqual([]);
  expect(found.untrue).toEqual([]);
  expect(found.differing.map((d) => d.seed)).toEqual([]);
});
