/** The branches of a trace: share, verdict, where each enters and who gets it. */
import type { Branch } from "../api/types.js";
import { percent, VerdictMark } from "../parts/words.js";
import { endOf } from "./ways.js";

export function Branches({ branches, chosen, onChoose }: { branches: readonly Branch[]; chosen: number; onChoose(i: number): void }) {
  return (
    <div class="branches" role="radiogroup" aria-label="Branches">
      {branches.map((b, i) => (
        <button
          key={i}
          type="button"
          role="radio"
          aria-checked={i === chosen}
          class={`branch ${i === chosen ? "chosen" : ""}`}
          onClick={() => onChoose(i)}
        >
          <span class="share">
            <meter min={0} max={1} value={b.probability} aria-label="share" />
            {percent(b.probability)}
          </span>
          <VerdictMark verdict={b.verdict} />
          <span class="branch-way">
            {b.node && <>enters at {b.node}, </>}
            {endOf(b)}
          </span>
        </button>
      ))}
    </div>
  );
}
