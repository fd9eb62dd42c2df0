/**
 * FRR: the routes of zebra and the paths of bgpd, as `vtysh` prints them. Their lowering is the `linux` plugin's: an FRR
 * route takes effect in the kernel's table, or stands for it where that is not in evidence.
 */
import { definePlugin } from "@plumbline/plugin-sdk";
import { reportDisagreement } from "./agree.js";
import { bgpAnnotator } from "./annotate.js";
import { readBgpTable } from "./bgp-text.js";
import { claim, requestOf } from "./claims.js";
import { readBgpJson, readRouteJson } from "./json.js";
import { readRouteDetail, readRouteTable } from "./route-text.js";

export default definePlugin({
  id: "frr",
  title: "FRR: show ip route, show ip bgp (text and JSON)",
  claims: claim,
  read(file, ctx) {
    const request = requestOf(file);
    if (!request) return;
    const text = file.text();
    const json = request.json || text.trimStart().startsWith("{");
    if (request.subject === "bgp") {
      if (json) readBgpJson(text, ctx);
      else readBgpTable(text, ctx);
    } else if (json) readRouteJson(text, request, ctx);
    else if (/^Routing entry for /m.test(text) || request.prefix !== "") readRouteDetail(text, request, ctx);
    else readRouteTable(text, request, ctx);
  },
  lower: { devices: reportDisagreement },
  annotator: bgpAnnotator,
  collects: [
    { what: "FRR routes", command: "vtysh -c 'show ip route'", on: "router" },
    { what: "FRR BGP table", command: "vtysh -c 'show ip bgp'", on: "router" },
  ],
});
