/** The Services of a snapshot: what each source knows of one, put together. */
import { type Endpoint, type FactBase, type Frontend, type KnownService, type Plugin, PlumblineError } from "@plumbline/model";

const frontendKey = (f: Frontend) => `${f.address} ${f.protocol} ${f.port}`;
const endpointKey = (e: Endpoint) => `${e.address} ${e.port}`;

/**
 * Of several sources that know the same, the first to tell counts: plugins stand in the order in which they are to be believed.
 * A node's own address with a port is a node port, whatever a source calls it.
 */
export function servicesOf(
  facts: FactBase,
  plugins: readonly Plugin[],
  nodeAddresses: ReadonlySet<string>,
): ReadonlyMap<string, KnownService> {
  const out = new Map<string, KnownService>();
  for (const p of plugins)
    for (const s of p.services?.(facts) ?? []) {
      const told = {
        ...s,
        frontends: s.frontends.map((f) => (nodeAddresses.has(f.address) ? { ...f, what: "node port", address: "" } : f)),
      };
      const old = out.get(s.name);
      out.set(s.name, merged(old ?? { ...told, frontends: [], endpoints: [], exceptions: [] }, told));
    }
  return out;
}

function merged(a: KnownService, b: KnownService): KnownService {
  const frontends = new Map([...b.frontends, ...a.frontends].map((f) => [frontendKey(f), f]));
  // Endpoints without names are the first source's, seen by another.
  const endpoints = a.endpoints.length > 0 ? a.endpoints : b.endpoints;
  const ordered = [...a.frontends, ...b.frontends.filter((f) => !a.frontends.some((x) => frontendKey(x) === frontendKey(f)))];
  return {
    name: a.name,
    frontends: [...new Map(ordered.map((f) => [frontendKey(f), frontends.get(frontendKey(f)) ?? f])).values()],
    endpoints: [...new Map(endpoints.map((e) => [endpointKey(e), e])).values()],
    exceptions: [...a.exceptions, ...b.exceptions],
  };
}

/** The Service of that name; of a name without namespace, the only one that has it. */
export function findService(services: ReadonlyMap<string, KnownService>, name: string): KnownService {
  const exact = services.get(name);
  if (exact) return exact;
  const alike = name.includes("/") ? [] : [...services.keys()].filter((n) => n.endsWith(`/${name}`));
  if (alike.length === 1) return services.get(alike[0])!;
  const names = alike.length > 1 ? alike : [...services.keys()].sort();
  throw new PlumblineError("USAGE", [
    alike.length > 1 ? `several Services are called '${name}'.` : `there is no Service '${name}' in this snapshot.`,
    names.length === 0
      ? "It knows none: neither Service objects nor OVN's load balancers are in evidence (kubectl get services -A -o yaml; ovn-nbctl list Load_Balancer)."
      : `Services: ${names.length > 40 ? `${names.slice(0, 40).join(", ")}, and ${names.length - 40} more` : names.join(", ")}.`,
  ]);
}
