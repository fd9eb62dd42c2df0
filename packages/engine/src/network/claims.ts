/**
 * Addresses of hosts whose own address list is not in evidence: what other evidence says they have.
 *
 * A Node object names its host's addresses; a plugin may tell more (`host.address-claim`: a gateway router's external
 * address is its node's). A claim is never more than *inferred*.
 */
import type { FactBase, Origin } from "@plumbline/model";

export interface AddressClaim {
  readonly address: string;
  readonly why: string;
  readonly origin: Origin;
}

/** Claims of an evidence host, each address once. */
export function claimsOf(facts: FactBase, host: string): AddressClaim[] {
  const claims = new Map<string, AddressClaim>();
  const add = (c: AddressClaim) => {
    if (!claims.has(c.address)) claims.set(c.address, c);
  };
  for (const f of facts.all("k8s.node"))
    if (f.data.name === host || f.data.name.split(".")[0] === host)
      for (const address of f.data.addresses)
        if (isIpv4(address)) add({ address, why: `an address of Node ${f.data.name}`, origin: f.origin });
  for (const f of facts.of("host.address-claim", host)) add({ ...f.data, origin: f.origin });
  return [...claims.values()];
}

/** A Node object's addresses hold its name too. */
const isIpv4 = (text: string) => /^\d+\.\d+\.\d+\.\d+$/.test(text);
