/**
 * Names the BGP paths behind a route of a router's or node's table.
 */
import type { Annotator, EvidenceLink, FactBase, Rule } from "@plumbline/model";

/** The prefix as FRR prints it, or "" if the rule is no route of IPv4. */
function prefixOf(rule: Rule): string {
  if (!rule.prefix || rule.prefix.value >> 32n !== 0n || rule.origin?.text.includes("::")) return "";
  const v = Number(rule.prefix.value);
  return `${v >>> 24}.${(v >>> 16) & 255}.${(v >>> 8) & 255}.${v & 255}/${rule.prefix.len}`;
}

export function bgpAnnotator(facts: FactBase): Annotator {
  const byHost = new Map<string, Map<string, EvidenceLink[]>>();
  for (const f of facts.all("frr.bgp-path")) {
    if (!f.data.valid || !(f.data.best || f.data.multipath)) continue;
    let paths = byHost.get(f.host);
    if (!paths) byHost.set(f.host, (paths = new Map()));
    const link: EvidenceLink = { kind: "bgp", name: f.data.prefix, text: f.origin.text, file: f.origin.file, line: f.origin.line };
    const known = paths.get(f.data.prefix);
    if (known) known.push(link);
    else paths.set(f.data.prefix, [link]);
  }
  return (rule, device) => {
    const paths = byHost.get(device.host);
    return paths?.get(prefixOf(rule)) ?? [];
  };
}
