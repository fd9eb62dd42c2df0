/** Facts of the kind that the netfilter plugin tells, from a rule set's text: as much of them as this plugin looks at. */
import { FactStore } from "@plumbline/plugin-sdk";

interface Chain {
  readonly name: string;
  readonly rules: { line: number; text: string }[];
}

export function tableOf(host: string, text: string): FactStore {
  const facts = new FactStore();
  const file = `${host}/host/rules`;
  const nft = /^table ip kube-proxy/.test(text);
  let chains: Chain[] = [];
  let sets: { name: string; verdicts: { line: number; text: string; verdict: { v: string; chain?: string } }[] }[] = [];
  const end = (name: string) => {
    const table = { family: "ip", name, chains, sets, source: nft ? "nft" : "iptables" };
    facts.add({ kind: "netfilter.table" as never, host, origin: { file, line: 1, text: "" }, data: { form: "", table } as never });
    [chains, sets] = [[], []];
  };
  const chain = (name: string): Chain => {
    const known = chains.find((c) => c.name === name);
    if (known) return known;
    chains.push({ name, rules: [] });
    return chains[chains.length - 1];
  };
  let at: Chain | null = null;
  let name = "";
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const [, what, called] = /^(table ip|map|chain) (\S+) \{$/.exec(line) ?? [];
    if (line.startsWith("*")) name = line.slice(1);
    else if (line === "COMMIT") end(name);
    else if (line.startsWith("-A ")) chain(line.split(" ")[1]).rules.push({ line: i + 1, text: line });
    else if (line.startsWith(":")) chain(line.slice(1).split(" ")[0]);
    else if (what === "map") sets.push({ name: called, verdicts: [] });
    else if (what === "chain") at = chain(called);
    else if (line === "}") at = null;
    else if (at) at.rules.push({ line: i + 1, text: line });
    else
      for (const m of line.matchAll(/([^{},=]+) : (goto|drop)(?: (\S+?))?(?=,| \}|$)/g))
        sets[sets.length - 1]?.verdicts.push({ line: i + 1, text: m[0].trim(), verdict: { v: m[2], ...(m[3] && { chain: m[3] }) } });
  }
  if (nft) end("kube-proxy");
  return facts;
}
