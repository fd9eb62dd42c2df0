/** The path that a class of flows took, in the picture of the view *Ask*. */

import { useMemo, useState } from "preact/hooks";
import type { Hop, Inspection, Verdict } from "../api/types.js";
import { Evidence } from "../ask/evidence.js";
import { Busy, Fault, useGet } from "../parts/loading.js";
import { Scroll } from "../parts/scroll.js";
import { plural } from "../parts/words.js";
import type { Devices } from "../path/lanes.js";
import { Picture } from "../path/picture.js";
import { decidingHop, segmentsOf } from "../path/segments.js";

interface PathAnswer {
  readonly path: string;
  readonly hops: readonly Hop[];
  readonly flows: number;
  readonly verdict?: Verdict;
  readonly to?: string;
}

export function PathOf({ replay, snapshot, path, onClose }: { replay: string; snapshot: string; path: string; onClose(): void }) {
  const { value, error, busy } = useGet<PathAnswer>(`/v1/replays/${replay}/paths/${encodeURIComponent(path)}`);
  const inspection = useGet<Inspection>(`/v1/snapshots/${snapshot}/inspect`);
  const devices: Devices = useMemo(() => new Map(inspection.value?.devices.map((d) => [d.name, d])), [inspection.value]);
  const [hop, setHop] = useState(-1);
  const segments = useMemo(() => segmentsOf(value?.hops ?? [], devices), [value, devices]);
  return (
    <section aria-label={`Path ${path}`}>
      <header class="row">
        <h3>
          Path {path} {value && <small>{plural(value.flows, "flow")}</small>}
        </h3>
        <button type="button" class="quiet right" onClick={onClose}>
          Close
        </button>
      </header>
      {busy && !value && <Busy what="Opening the path…" />}
      {error && <Fault error={error} />}
      {value && (
        <div class={hop >= 0 ? "way with-evidence" : "way"}>
          <Scroll label="Path picture" class="card way-main">
            <Picture
              segments={segments}
              verdict={value.verdict ?? "delivered"}
              end={value.to ?? ""}
              hop={hop}
              decides={decidingHop(value.hops)}
              label={`Path ${path}`}
              onHop={setHop}
            />
          </Scroll>
          {hop >= 0 && (
            <Evidence
              snapshot={snapshot}
              hop={value.hops[hop]}
              index={hop}
              of={value.hops.length}
              onStep={(by) => setHop(Math.min(Math.max(hop + by, 0), value.hops.length - 1))}
              onClose={() => setHop(-1)}
            />
          )}
        </div>
      )}
    </section>
  );
}
