import { NetworkBuilder, newRow } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core, pack } from "../src/index.js";

test("a script that asks for an option which a choice does not have is refused", () => {
  const net = new NetworkBuilder();
  const device = net.device({ name: "d", kind: "host", host: "d" });
  const table = net.table(device, "t", "test", "priority");
  table.miss = [{ op: "choose", how: "ecmp", weights: [1, 1], options: [[{ op: "local" }], [{ op: "drop" }]] }];
  device.entry = table.id;
  const core = Core.createSync(net);
  const wrong = "the script asks for an option that the choice does not have";
  expect(core.run(newRow(), 0, 1, { script: [1], beyond: "first" }).length).toBe(4);
  expect(() => core.run(newRow(), 0, 1, { script: [2], beyond: "first" })).toThrow(wrong);
  const options = { device: 0, port: 1, options: { script: [1e9], beyond: "first" as const }, fresh: false };
  expect(() => core.batch(pack([newRow()]), options)).toThrow(wrong);
});
