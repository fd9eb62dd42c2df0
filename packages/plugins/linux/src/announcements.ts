/** Whether a prefix that a node announces is in a peer's kernel, by that node. */
import type { AnnouncementStep, Fact, FactBase } from "@plumbline/model";
import { contains, type Prefix, parsePrefix } from "./address.js";
import "./private-facts.js";

/** For each host that is no node and has routes: the routes near the prefix that lead to addresses of nodes. */
export function announcements(facts: FactBase, wanted: Prefix): AnnouncementStep[] {
  const nodes = facts.all("k8s.node");
  const out: AnnouncementStep[] = [];
  for (const host of facts.hosts()) {
    if (host.startsWith("pods/") || nodes.some((n) => isHost(facts, host, n))) continue;
    const peers = facts.of("linux.address", host).map((f) => f.data.address);
    const read = facts.of("linux.routes-read", host).find((f) => f.data.table === "all" || f.data.table === "main");
    // Where routes are only partly there, one that is not listed may be there all the same.
    if (!read || facts.of("linux.routes-partial", host).some((f) => f.data.family === wanted.family)) continue;
    const routes = facts.of("linux.route", host).filter((f) => f.data.table === "main" && f.data.family === wanted.family);
    const near = routes.filter((f) => {
      const p = parsePrefix(f.data.prefix);
      return p !== null && p.len > 0 && f.data.type === "unicast" && (contains(p, wanted) || (p.len >= wanted.len && contains(wanted, p)));
    });
    for (const peer of peers)
      for (const f of near)
        for (const node of nodes) {
          const via = f.data.nexthops.find((h) => node.data.addresses.includes(h.via));
          out.push({
            stage: "installed",
            prefix: f.data.prefix,
            node: node.data.name,
            peer,
            is: via !== undefined,
            text: via ? `in the kernel by ${via.via} dev ${via.dev}` : `the kernel's route does not lead to ${node.data.name}`,
            object: `the kernel of ${host}`,
            file: f.origin.file,
            line: f.origin.line,
          });
        }
  }
  return out;
}

function isHost(facts: FactBase, host: string, node: Fact<"k8s.node">): boolean {
  return node.data.name === host || facts.of("linux.address", host).some((a) => node.data.addresses.includes(a.data.address));
}
