/**
 * What each file is evidence of. Text and JSON of one thing have one `what`; text wins where both hold the same, because its
 * lines are what people read.
 */
import type { Claim, EvidenceFile } from "@plumbline/model";
import { type Command, commandOf, routeTable, selectedConnections } from "./command.js";

/** Words behind `ip route show` that select routes: what is printed is a part of the table, evidence of its own. */
function selectors(args: readonly string[]): string {
  const at = args.indexOf("table");
  return (at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 2)]).join(" ");
}

function whatAndForm(c: Command): { what: string; form: number } {
  const rich = (c.details ? 2 : 0) - (c.statistics ? 1 : 0);
  const text = c.json ? 0 : 10;
  const v = c.family === 0 ? "" : ` -${c.family}`;
  switch (c.subject) {
    case "link":
      // Details (the kind of an interface) are worth more than line numbers.
      return { what: "interfaces (ip link)", form: text + (c.details ? 20 : 0) - (c.statistics ? 1 : 0) };
    case "addr":
      return { what: `addresses (ip${v} addr)`, form: c.brief ? -10 : text + rich };
    case "route": {
      const table = routeTable(c.args);
      const selected = selectors(c.args);
      if (selected !== "") return { what: `routes (ip${v} route show ${c.args.join(" ")})`, form: text };
      if (table !== "all" && table !== "main") return { what: `routes (ip${v} route show table ${table})`, form: text + rich };
      return { what: `routes (ip${v} route)`, form: (table === "all" ? 30 : 0) + text + rich };
    }
    case "rule":
      return { what: `policy rules (ip${v} rule)`, form: text + rich };
    case "neigh":
      return { what: `neighbours (ip${v} neigh)`, form: text + rich };
    case "nexthop":
      return { what: "next hop objects (ip nexthop)", form: text + rich };
    case "fdb":
      return { what: "bridge forwarding table (bridge fdb)", form: text };
    case "ss":
      return { what: `sockets (ss ${c.args.join(" ")})`, form: 0 };
    case "conntrack": {
      const part = selectedConnections(c.args);
      return { what: `connections (conntrack -L${part === "" ? "" : ` ${part}`})`, form: c.args.some((a) => /extended/.test(a)) ? 1 : 0 };
    }
    case "sysctl":
      // Different patterns may have been asked for: each file is evidence of its own.
      return { what: `kernel settings (${["sysctl", ...c.args].join(" ")})`, form: 0 };
  }
}

export function claim(file: EvidenceFile): Claim | null {
  const c = commandOf(file);
  // The route cache says what was asked of the table, not what is in it.
  if (c?.subject === "route" && /^cached?$/.test(selectors(c.args))) return null;
  return c ? { score: c.named ? 0.9 : 0.4, ...whatAndForm(c) } : null;
}
