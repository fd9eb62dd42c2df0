import { expect, test } from "vitest";
import { filtersOf, paramsOf, queryOf, toggled } from "../../web/src/replay/filters.js";
import { sankeyOf } from "../../web/src/replay/sankey.js";
import { parseRoute, routeText } from "../../web/src/route.js";

const GROUPS = [
  { node: "n1", to: "demo/web-1", verdict: "delivered", flows: 6, packets: 60, bytes: 600 },
  { node: "n2", to: "demo/web-1", verdict: "delivered", flows: 2, packets: 20, bytes: 200 },
  { node: "n2", to: "", verdict: "refused", flows: 2, packets: 2, bytes: 20 },
];

test("a Sankey diagram keeps the number of flows in every column", () => {
  const s = sankeyOf(GROUPS, 700, 200);
  const sum = (field: string) => s.nodes.filter((n) => n.field === field).reduce((n, x) => n + x.flows, 0);
  expect([sum("node"), sum("to"), sum("verdict")]).toEqual([10, 10, 10]);
  expect(s.nodes.map((n) => [n.field, n.value, n.flows])).toEqual([
    ["node", "n1", 6],
    ["node", "n2", 4],
    ["to", "demo/web-1", 8],
    ["to", "", 2],
    ["verdict", "delivered", 8],
    ["verdict", "refused", 2],
  ]);
  // Bands that leave a box lie one under the other and fill it.
  const n2 = s.bands.filter((b) => b.from.value === "n2");
  expect(n2[0].y1 + n2[0].thick).toBeCloseTo(n2[1].y1);
});

test("a replay without flows has nothing to draw", () => {
  expect(sankeyOf([], 700, 200)).toEqual({ nodes: [], bands: [], width: 700, height: 200 });
});

test("filters are kept in the address and become a query", () => {
  const filters = toggled(toggled(toggled({}, "verdict", "refused"), "verdict", "dropped"), "node", "n2");
  const address = routeText({ view: "replay", params: { id: "r1", ...paramsOf(filters) } });
  expect(address).toBe("#/replay?id=r1&verdict=refused%7Edropped&node=n2");
  expect(filtersOf(parseRoute(address).params)).toEqual({ verdict: ["refused", "dropped"], node: ["n2"] });
  expect(filtersOf(paramsOf({ to: [""] }))).toEqual({ to: [""] });
  expect(queryOf({ to: [""] })).toBe("to=");
  expect(queryOf(filters, { by: "path" })).toBe("by=path&verdict=refused&verdict=dropped&node=n2");
  expect(filtersOf(parseRoute(routeText({ view: "replay", params: paramsOf(toggled(filters, "node", "n2")) })).params)).toEqual({
    verdict: ["refused", "dropped"],
  });
});
