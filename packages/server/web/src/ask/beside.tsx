/** Rules that speak of the destination and were never reached, under the reason for it. */
import type { Unreached, UnreachedRule } from "../api/types.js";
import { plural } from "../parts/words.js";

/** One reason, and the rules that it holds for. */
function byReason(rules: readonly UnreachedRule[]): readonly (readonly [UnreachedRule, ...UnreachedRule[]])[] {
  const groups = new Map<string, [UnreachedRule, ...UnreachedRule[]]>();
  for (const r of rules) {
    const key = `${r.device}\n${r.why}`;
    const group = groups.get(key);
    if (group) group.push(r);
    else groups.set(key, [r]);
  }
  return [...groups.values()];
}

export function Beside({ unreached: { rules, more } }: { unreached: Unreached }) {
  const others = more.reduce((n, m) => n + m.rules, 0);
  return (
    <details class="card beside">
      <summary>Present, never reached: {plural(rules.length + others, "rule")} for this destination beside the path</summary>
      <ul>
        {byReason(rules).map((group) => (
          <li key={`${group[0].device} ${group[0].why}`}>
            <p>
              <b>{group[0].device}</b>: {group[0].why}
              {group[0].by && <small>{placeOf(group[0].by.rule)}</small>}
            </p>
            <ul>
              {group.map((r) => (
                <li key={`${r.stage} ${r.rule.file} ${r.rule.line}`}>
                  <span class="stage">{r.stage}</span> <code class="text">{r.rule.text}</code> <small>{placeOf(r.rule)}</small>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {others > 0 && (
        <p>
          {plural(others, "more", "more")}: {more.map((m) => `${m.rules} on ${m.on}`).join(", ")}
        </p>
      )}
    </details>
  );
}

const placeOf = (rule: UnreachedRule["rule"]): string => (rule.file === "" ? "" : `${rule.file}:${rule.line}`);
