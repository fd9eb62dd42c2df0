/** Hosts against sources: what was read, what is missing, what was set aside. */

import type { Inspection } from "../api/types.js";
import { Scroll } from "../parts/scroll.js";

const SIGN: Record<string, string> = { read: "●", missing: "○", none: "", problem: "▲" };
const WORD: Record<string, string> = { read: "read", missing: "missing", none: "not expected", problem: "read with problems" };

export function Matrix({ matrix }: { matrix: Inspection["matrix"] }) {
  return (
    <Scroll label="Hosts and sources">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">source</th>
            {matrix.hosts.map((h) => (
              <th scope="col" key={h}>
                <span>{h}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.sources.map((s) => (
            <tr key={s.what}>
              <th scope="row">{s.what}</th>
              {s.cells.map((cell, i) => (
                <td key={matrix.hosts[i]} class={cell} title={`${s.what} of ${matrix.hosts[i]}: ${WORD[cell] ?? cell}`}>
                  <span aria-hidden="true">{SIGN[cell] ?? cell}</span>
                  <span class="only-read">{WORD[cell] ?? cell}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
