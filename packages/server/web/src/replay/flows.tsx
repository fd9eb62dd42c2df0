/** The flows behind the filters, page by page. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.js";
import type { Flow, Page } from "../api/types.js";
import { asError, Fault } from "../parts/loading.js";
import { Scroll } from "../parts/scroll.js";
import { count, size, VerdictMark } from "../parts/words.js";
import { saveFile } from "../path/export.js";
import { type Filters, queryOf } from "./filters.js";

const end = (address: string, port: number): string =>
  port ? (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`) : address;

export function Flows({ replay, filters, path, onPath }: { replay: string; filters: Filters; path: string; onPath(path: string): void }) {
  const [pages, set] = useState<Page<Flow>>({ items: [], next: null });
  const [error, setError] = useState<ReturnType<typeof asError> | null>(null);
  const [busy, setBusy] = useState(false);
  const query = queryOf(filters, { limit: "50" });
  const load = async (after: string, old: readonly Flow[], signal?: AbortSignal) => {
    setBusy(true);
    try {
      const page = await api.get<Page<Flow>>(
        `/v1/replays/${replay}/flows?${query}${after && `&after=${encodeURIComponent(after)}`}`,
        signal,
      );
      set({ items: [...old, ...page.items], next: page.next });
      setError(null);
    } catch (e) {
      if (!signal?.aborted) setError(asError(e));
    }
    setBusy(false);
  };
  useEffect(() => {
    const stop = new AbortController();
    load("", [], stop.signal);
    return () => stop.abort();
  }, [replay, query]);
  const save = async (format: "csv" | "parquet") =>
    saveFile(`flows-${replay}.${format}`, await api.download(`/v1/replays/${replay}/flows?${queryOf(filters, { format })}`));
  return (
    <section class="card" aria-label="Flows">
      <header class="row">
        <h3>Flows</h3>
        <span class="right">
          <button type="button" class="quiet" onClick={() => save("csv")}>
            CSV
          </button>
          <button type="button" class="quiet" onClick={() => save("parquet")}>
            Parquet
          </button>
        </span>
      </header>
      {error && <Fault error={error} />}
      <Scroll label="Table of flows">
        <table class="flows">
          <thead>
            <tr>
              {["verdict", "protocol", "from", "to", "arrives as", "receiver", "entry", "packets", "bytes", "path"].map((t) => (
                <th scope="col" key={t}>
                  {t}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pages.items.map((f) => (
              <tr key={`${f.proto} ${f.src} ${f.srcPort} ${f.dst} ${f.dstPort} ${f.first} ${f.path}`}>
                <td>
                  <VerdictMark verdict={f.verdict} />
                </td>
                <td>{f.proto}</td>
                <td class="mono">{end(f.src, f.srcPort)}</td>
                <td class="mono">{end(f.dst, f.dstPort)}</td>
                <td class="mono">{f.finalDst && end(f.finalDst, f.finalDstPort)}</td>
                <td>{f.to}</td>
                <td>{f.node}</td>
                <td class="number">{count(f.packets)}</td>
                <td class="number">{size(f.bytes)}</td>
                <td>
                  <button type="button" class="link" aria-pressed={f.path === path} onClick={() => onPath(f.path)}>
                    {f.path}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {pages.items.length === 0 && !busy && !error && <p>No flow passes these filters.</p>}
      {pages.next && (
        <button type="button" class="quiet" disabled={busy} onClick={() => load(pages.next!, pages.items)}>
          More
        </button>
      )}
    </section>
  );
}
