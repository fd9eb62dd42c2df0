/** What OVN's databases say to a question. */
import type { ExplainItem, ExplainSection, FactBase, Question } from "@plumbline/model";
import { lflowLinks, rowLinks } from "../annotate.js";
import { rows, zones } from "../database.js";
import { tableOffsets } from "../offsets.js";
import { asSet, asText } from "../values.js";
import { explainCookie, lflowText } from "./cookie.js";
import { explainService } from "./service.js";
import { hostsOf, rowName } from "./usage.js";

export { knownServices } from "./known.js";

export function explain(facts: FactBase, question: Question): ExplainSection[] {
  switch (question.kind) {
    case "cookie":
      return explainCookie(facts, question.cookie, question.table);
    case "service":
      return explainService(facts, question.service);
    case "line":
      return explainLine(facts, question.file, question.line);
    case "owners":
      return ownersOf(facts, question.addresses);
    case "route":
      return [];
  }
}

/** Router ports that have an address. */
function ownersOf(facts: FactBase, addresses: readonly string[]): ExplainSection[] {
  const wanted = new Set(addresses);
  const items = new Map<string, ExplainItem>();
  for (const zone of zones(facts).values())
    for (const port of rows(zone, "northbound", "Logical_Router_Port"))
      for (const network of asSet(port.columns["networks"])) {
        const address = String(network).replace(/\/\d+$/, "");
        const name = asText(port.columns["name"]);
        if (!wanted.has(address) || items.has(`${address} ${name}`)) continue;
        const router = rows(zone, "northbound", "Logical_Router").find((r) => asSet(r.columns["ports"]).includes(port.uuid));
        const of = router ? ` of ${asText(router.columns["name"])}` : "";
        const { file, line } = port.origin;
        items.set(`${address} ${name}`, { text: `OVN router port ${name}${of}`, key: address, file, line, links: [] });
      }
  return items.size === 0 ? [] : [{ layer: "owners", title: "OVN router ports", host: "", items: [...items.values()] }];
}

/** The logical flow or the row that stands on a line. */
function explainLine(facts: FactBase, file: string, line: number): ExplainSection[] {
  const sections: ExplainSection[] = [];
  for (const zone of zones(facts).values()) {
    const items: ExplainItem[] = [];
    const offsets = tableOffsets(facts, hostsOf(facts, zone)[0] ?? zone.host);
    for (const l of zone.lflows)
      for (const [datapath, at] of l.at)
        if (at.file === file && at.line === line) {
          const cookie = l.uuid === "" ? {} : { cookie: BigInt(`0x${l.uuid.slice(0, 8)}`) };
          items.push({ text: lflowText(l, offsets), file, line, links: lflowLinks(facts, zone, l, datapath), ...cookie });
          break;
        }
    for (const byUuid of zone.tables.values())
      for (const r of byUuid.values())
        if (r.origin.file === file && r.origin.line === line && r.table !== "Logical_Flow") {
          const cookie = r.uuid === "" || r.database === "northbound" ? {} : { cookie: BigInt(`0x${r.uuid.slice(0, 8)}`) };
          items.push({ text: `${r.database} ${rowName(r)}`, file, line, links: rowLinks(facts, zone, r), ...cookie });
        }
    if (items.length > 0) sections.push({ layer: "logical", title: "OVN", host: zone.host, items });
  }
  return sections;
}
