/** The network as it was joined from the evidence: devices and links, each link with its reason. */

import { useMemo } from "preact/hooks";
import type { Inspection } from "../api/types.js";
import { Scroll } from "../parts/scroll.js";
import { Diagram } from "../path/graph.js";

export function Topology({ inspection }: { inspection: Inspection }) {
  const nodes = useMemo(
    () =>
      inspection.devices.map((d) => ({
        id: d.name,
        title: d.name.replace(/^segment /, ""),
        note: [d.kind, `${d.rules} rules`].join(" · "),
        kind: d.kind,
      })),
    [inspection],
  );
  const edges = useMemo(() => {
    const known = new Set(inspection.devices.map((d) => d.name));
    const once = new Map<string, { from: string; to: string; label: string; width: number; kind: string; why: string }>();
    for (const l of inspection.links) {
      const key = `${l.from.device} ${l.to.device}`;
      if (!known.has(l.from.device) || !known.has(l.to.device) || once.has(key) || once.has(`${l.to.device} ${l.from.device}`)) continue;
      once.set(key, {
        from: l.from.device,
        to: l.to.device,
        label: "",
        width: 1.5,
        kind: l.certainty,
        why: `${l.from.port} — ${l.to.port}: ${l.why} (${l.certainty})`,
      });
    }
    return [...once.values()];
  }, [inspection]);
  return (
    <Scroll label="Topology">
      <Diagram nodes={nodes} edges={edges} label="Devices and links" />
    </Scroll>
  );
}
