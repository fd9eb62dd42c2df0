/** All branches of a trace in one graph: what they share from the start is one, and who gets the packet is one at the end. */
import type { Branch, Verdict } from "../api/types.js";
import type { Devices } from "./lanes.js";
import { segmentsOf, titleOf } from "./segments.js";

interface TreeNode {
  readonly id: string;
  readonly title: string;
  readonly node: string;
  /** At the end of branches only. */
  readonly verdict?: Verdict;
  /** Indices of the branches that pass here. */
  readonly branches: number[];
  share: number;
}

interface TreeEdge {
  readonly from: string;
  readonly to: string;
  share: number;
}

export interface Tree {
  readonly nodes: readonly TreeNode[];
  readonly edges: readonly TreeEdge[];
}

export function treeOf(branches: readonly Branch[], devices: Devices): Tree {
  const nodes = new Map<string, TreeNode>();
  const edges = new Map<string, TreeEdge>();
  for (const [b, branch] of branches.entries()) {
    const way: { title: string; node: string; verdict?: Verdict; id: string }[] = [];
    let prefix = "";
    for (const s of segmentsOf(branch.hops, devices)) {
      // Wires, and what is inside of a node, are left to the picture of one branch.
      if (s.lane === "segment") continue;
      const title = s.node && s.lane !== "pod" ? s.node : titleOf({ ...s, datapath: "" });
      if (way.at(-1)?.title === title) continue;
      prefix += `\n${title}`;
      way.push({ id: prefix, title, node: s.lane === "pod" ? s.node : "" });
    }
    const end = branch.to?.name ?? way.at(-1)?.title ?? "";
    const gets = branch.verdict === "delivered" && way.length > 1 ? way.pop()! : { title: branch.verdict, node: "", id: "" };
    way.push({ ...gets, id: `= ${branch.verdict} ${end} ${gets.node}`, verdict: branch.verdict });
    for (const [i, step] of way.entries()) {
      const known = nodes.get(step.id);
      if (known) {
        known.share += branch.probability;
        known.branches.push(b);
      } else nodes.set(step.id, { ...step, share: branch.probability, branches: [b] });
      if (i === 0) continue;
      const key = `${way[i - 1].id}\r${step.id}`;
      const edge = edges.get(key);
      if (edge) edge.share += branch.probability;
      else edges.set(key, { from: way[i - 1].id, to: step.id, share: branch.probability });
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}
