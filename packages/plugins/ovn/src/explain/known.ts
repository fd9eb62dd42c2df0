/** Services as OVN's load balancers tell them: the addresses they are asked for at, and the backends. */
import type { Endpoint, FactBase, Frontend, KnownService } from "@plumbline/model";
import { protocolOf, servicesOfLoadBalancers, splitVip } from "../balancers.js";
import { asMap } from "../values.js";
import { nodeAddresses } from "./usage.js";

/** An address that can stand in a packet: a template's variable cannot. */
const isAddress = (text: string) => /^[\d.]+$|^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text);

export function knownServices(facts: FactBase): KnownService[] {
  const nodes = nodeAddresses(facts);
  return [...servicesOfLoadBalancers(facts)].map(([name, balancers]) => {
    const frontends = new Map<string, Frontend>();
    const endpoints = new Map<string, Endpoint>();
    for (const lb of balancers) {
      const protocol = protocolOf(lb);
      for (const [key, backends] of Object.entries(asMap(lb.columns["vips"]))) {
        const vip = splitVip(key);
        if (vip.port === 0) continue;
        // A node's own address with a port is the node port.
        const address = isAddress(vip.address) && !nodes.has(vip.address) ? vip.address : "";
        const what = address === "" ? "node port" : "load balancer";
        frontends.set(`${address} ${protocol} ${vip.port}`, { what, address, protocol, port: vip.port });
        for (const b of String(backends)
          .split(",")
          .map((x) => splitVip(x.trim())))
          if (isAddress(b.address))
            endpoints.set(`${b.address} ${b.port}`, { address: b.address, port: b.port, node: "", pod: "", ready: true });
      }
    }
    return { name, frontends: [...frontends.values()], endpoints: [...endpoints.values()], exceptions: [] };
  });
}
