/**
 * FRR: the routes of zebra and the paths of bgpd, as `vtysh` prints them. Their lowering is the `linux` plugin's: an FRR
 * route takes effect in the kernel's table, or stands for it where that is not in evidence.
 */
import type { ReadContext } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { reportDisagreement } from "./agree.js";
import { bgpAnnotator } from "./annotate.js";
import { readBgpTable } from "./bgp-text.js";
import { claim, requestOf } from "./claims.js";
import { explain } from "./explain.js";
import { readBgpJson, readRouteJson } from "./json.js";
import "./private-facts.js";
import { readRouteDetail, readRouteTable } from "./route-text.js";
import { readSummary, readSummaryJson } from "./summary.js";

/** Reads a BGP table, and notes it where it holds no path: nothing is announced there, and that is known. */
function readBgp(text: string, json: boolean, ctx: ReadContext): void {
  let paths = 0;
  let problems = 0;
  const counting: ReadContext = {
    fact(kind, data, line, what) {
      if (kind === "frr.bgp-path") paths++;
      ctx.fact(kind, data, line, what);
    },
    problem(...args) {
      problems++;
      ctx.problem(...args);
    },
  };
  if (json) readBgpJson(text, counting);
  else readBgpTable(text, counting);
  if (paths + problems === 0) ctx.fact("frr.bgp-empty", {}, 1, json ? "no path" : (text.split("\n").find((l) => l.trim() !== "") ?? ""));
}

export default definePlugin({
  id: "frr",
  title: "FRR: show ip route, show ip bgp, show bgp summary (text and JSON)",
  claims: claim,
  read(file, ctx) {
    const request = requestOf(file);
    if (!request) return;
    const text = file.text();
    const json = request.json || text.trimStart().startsWith("{");
    if (request.subject === "bgp") readBgp(text, json, ctx);
    else if (request.subject === "summary") {
      if (json) readSummaryJson(text, ctx);
      else readSummary(text, ctx);
    } else if (json) readRouteJson(text, request, ctx);
    else if (/^Routing entry for /m.test(text) || request.prefix !== "") readRouteDetail(text, request, ctx);
    else readRouteTable(text, request, ctx);
  },
  lower: { devices: reportDisagreement },
  annotator: bgpAnnotator,
  explain,
  collects: [
    { what: "FRR routes", command: "vtysh -c 'show ip route'", on: "router" },
    { what: "FRR BGP table", command: "vtysh -c 'show ip bgp'", on: "router" },
  ],
});
