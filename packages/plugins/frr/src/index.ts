/**
 * FRR: the routes of zebra, the paths, peers and policies of bgpd and the sessions of bfdd, as `vtysh` prints them. The lowering of routes is
 * the `linux` plugin's: an FRR route takes effect in the kernel's table, or stands for it where that is not in evidence.
 */
import { definePlugin } from "@plumbline/plugin-sdk";
import { reportDisagreement } from "./agree.js";
import { bgpAnnotator } from "./annotate.js";
import { announcements } from "./announcements.js";
import { claim } from "./claims.js";
import { explain } from "./explain.js";
import { readFrr } from "./read.js";
import { SHAPES } from "./shapes.js";

export default definePlugin({
  id: "frr",
  title: "FRR: show ip route, show bgp (table, detail, summary, neighbors and their routes), show bfd peers, running-config, dump_frr",
  claims: claim,
  parse: readFrr,
  facts: SHAPES,
  lower: { devices: reportDisagreement },
  annotator: bgpAnnotator,
  explain,
  announcements,
  collects: [
    { what: "FRR routes", command: "vtysh -c 'show ip route'", on: "router" },
    { what: "FRR BGP table", command: "vtysh -c 'show ip bgp'", on: "router" },
  ],
});
