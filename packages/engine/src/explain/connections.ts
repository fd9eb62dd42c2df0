/** Connections of a Service, where dumps of connection tables are in evidence: those that were made to one of its addresses. */
import type { ConnectionFact, ExplainSection, FactBase, Frontend } from "@plumbline/model";

const PROTOCOLS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };
const TITLES: Readonly<Record<ConnectionFact["table"], string>> = {
  kernel: "connections (kernel)",
  userspace: "connections (Open vSwitch)",
  switch: "connections (the switches' datapath)",
};

export function connectionSections(facts: FactBase, frontends: readonly Frontend[], nodeAddresses: ReadonlySet<string>): ExplainSection[] {
  const isFor = (c: ConnectionFact) =>
    frontends.some(
      (f) =>
        (f.protocol === "" || f.protocol === PROTOCOLS[c.proto]) &&
        f.port === c.orig.dport &&
        (f.address === "" ? nodeAddresses.has(c.orig.dst) : f.address === c.orig.dst),
    );
  const sections = new Map<string, ExplainSection & { items: ExplainSection["items"][number][] }>();
  for (const f of facts.all("conntrack.read"))
    sections.set(`${f.host} ${f.data.table}`, { layer: "conntrack", title: TITLES[f.data.table], host: f.host, nodes: [], items: [] });
  for (const f of facts.all("conntrack.entry"))
    if (isFor(f.data))
      sections
        .get(`${f.host} ${f.data.table}`)
        ?.items.push({ text: f.origin.text.replace(/\s+/g, " ").trim(), file: f.origin.file, line: f.origin.line, links: [] });
  return [...sections.values()];
}
