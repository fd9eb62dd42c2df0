/**
 * Addresses that OVN's evidence gives to the host it was collected on: the external address of the node's gateway router,
 * which is the node's own (OVN-Kubernetes, docs/design/gateway-modes). Told by the networks of the port `rtoe-GR_NODE`, and
 * by the flows that translate to it on the way out of that port.
 */
import type { FactKind, FactKinds, ReadContext } from "@plumbline/model";
import { asSet, asText } from "./values.js";

const EXTERNAL_PORT = /^rtoe-GR_(.+)$/;

/** A context that also notes the addresses which the facts read give to `host`, each once. */
export function claiming(host: string, ctx: ReadContext): ReadContext {
  if (host === "") return ctx;
  const told = new Set<string>();
  const claim = (node: string, address: string, why: string, line: number, text: string) => {
    if ((node !== host && node.split(".")[0] !== host) || told.has(address)) return;
    told.add(address);
    ctx.fact("host.address-claim", { address, why }, line, text);
  };
  return {
    problem: (...args) => ctx.problem(...args),
    fact<K extends FactKind>(kind: K, data: FactKinds[K], line: number, text: string) {
      ctx.fact(kind, data, line, text);
      if (kind === "ovn.lflow") {
        const l = data as FactKinds["ovn.lflow"];
        const port = /\boutport == "([^"]+)"/.exec(l.match)?.[1] ?? "";
        const node = EXTERNAL_PORT.exec(port)?.[1];
        const address = /^ct_snat(?:_in_czone)?\(([\d.]+)\);?$/.exec(l.actions)?.[1];
        if (l.stage === "lr_out_snat" && node !== undefined && address !== undefined && l.match.includes("flags.force_snat_for_lb == 1"))
          claim(node, address, `its gateway router translates to it on the way out of ${port}`, line, text);
      } else if (kind === "ovn.row") {
        const r = data as FactKinds["ovn.row"];
        const node = r.table === "Logical_Router_Port" ? EXTERNAL_PORT.exec(asText(r.columns["name"]))?.[1] : undefined;
        if (node === undefined) return;
        for (const network of asSet(r.columns["networks"])) {
          const address = /^([\d.]+)\/\d+$/.exec(String(network))?.[1];
          if (address !== undefined)
            claim(node, address, `the network of its gateway router's port ${asText(r.columns["name"])}`, line, text);
        }
      }
    },
  };
}
