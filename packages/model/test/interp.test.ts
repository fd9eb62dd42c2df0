/** The reference interpreter survives any random network: every run ends, with a leaf. */
import { expect, test } from "vitest";
import { randomNetwork, randomPacket, rng } from "../../core-wasm/test/random-network.js";
import { EV, Interpreter } from "../src/index.js";

test("every run ends with at least one leaf", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const { net } = randomNetwork(seed);
    const machine = new Interpreter(net);
    const r = rng(seed);
    for (let i = 0; i < 4; i++) {
      const events = machine.run(randomPacket(r), 0, r() < 0.5 ? 1 : null, { script: [], beyond: "hash" });
      expect(
        events.some((e) => e.kind === EV.leaf),
        `seed ${seed}`,
      ).toBe(true);
    }
  }
});
