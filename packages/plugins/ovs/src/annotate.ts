/** Names the groups that a flow's actions go to, as the dump of groups prints them: their buckets are no rules of their own. */
import type { Annotator, EvidenceLink, FactBase } from "@plumbline/model";

export function groupAnnotator(facts: FactBase): Annotator {
  const groups = new Map<string, EvidenceLink>();
  for (const f of facts.all("ovs.group")) {
    const { bridge, group } = f.data;
    const { file, line, text } = f.origin;
    groups.set(`${f.host === "" ? "" : `${f.host}/`}${bridge} ${group.id}`, { kind: "group", name: String(group.id), text, file, line });
  }
  return (rule, device) => {
    if (device.kind !== "bridge" || groups.size === 0 || !rule.origin) return [];
    const ids = new Set([...rule.origin.text.matchAll(/\bgroup:(\d+)/g)].map((m) => m[1]));
    return [...ids].flatMap((id) => groups.get(`${device.name} ${id}`) ?? []);
  };
}
