/**
 * Which matches and targets were in rules that packets hit, how often, and where packets ended.
 */
import type { DrawnSet } from "./random-iptables.js";
import { stepsOf } from "./rule-set.js";
import type { Asked } from "./scene.js";

export class Coverage {
  /** By style and tool, then by match or target: rules that had it, packets that hit such a rule. */
  private readonly kinds = new Map<string, { rules: number; hits: number }>();
  private readonly ends = new Map<string, number>();
  private readonly styles = new Map<string, { sets: number; packets: number; rules: number; hit: number; empty: number }>();

  add(drawn: DrawnSet, asked: readonly Asked[]): void {
    const hits = new Map<string, number>();
    for (const a of asked) {
      for (const s of a.kernel.steps) hits.set(s, (hits.get(s) ?? 0) + 1);
      const end = a.kernel.end.split(" ")[0];
      this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    }
    const key = `${drawn.style} (${drawn.set.tool}, IPv${drawn.set.version})`;
    const s = this.styles.get(key) ?? { sets: 0, packets: 0, rules: 0, hit: 0, empty: 0 };
    s.sets++;
    s.packets += asked.length;
    s.empty += asked.filter((a) => !a.kernel.steps.some((x) => !x.endsWith("policy"))).length;
    const steps = stepsOf(drawn.set);
    for (const [i, r] of drawn.rules.entries()) {
      const n = hits.get(steps[i]) ?? 0;
      s.rules++;
      if (n > 0) s.hit++;
      for (const k of new Set(r.kinds)) {
        const of = this.kinds.get(k) ?? { rules: 0, hits: 0 };
        of.rules++;
        of.hits += n;
        this.kinds.set(k, of);
      }
    }
    this.styles.set(key, s);
  }

  table(): string {
    const rows = [...this.kinds].sort(([a], [b]) => a.localeCompare(b)).map(([k, v]) => `${k}: ${v.rules} rules, ${v.hits} hits`);
    const wide: string[] = [];
    for (let i = 0; i < rows.length; i += 3)
      wide.push(
        rows
          .slice(i, i + 3)
          .map((x) => x.padEnd(46))
          .join(" ")
          .trimEnd(),
      );
    const styles = [...this.styles]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([k, s]) => `${k}: ${s.sets} sets, ${s.rules} rules (${s.hit} hit), ${s.packets} packets (${s.empty} hit no rule)`);
    return [...wide, ...styles, `ended: ${[...this.ends].map(([k, n]) => `${k} ${n}`).join(", ")}`].join("\n");
  }
}
