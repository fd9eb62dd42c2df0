/** What a cookie of br-ex stands for: a Service's address or node port, or what OVN-Kubernetes gives to flows of no Service. */
import type { ExplainItem, ExplainSection, FactBase, KnownService } from "@plumbline/model";
import { fnv1a64 } from "../cookie.js";
import { serviceObjects } from "./known.js";

/** Constants of OVN-Kubernetes (go-controller, pkg/node: defaultOpenFlowCookie and its neighbours). */
const CONSTANTS: ReadonlyMap<bigint, string> = new Map([
  [0xdeff105n, "the default flows that OVN-Kubernetes puts on the external bridge (a constant; they belong to no Service)"],
  [
    0xe745ecf105n,
    "flows between the host and the outside for Services of policy Local with endpoints in the host's network (a constant of OVN-Kubernetes)",
  ],
  [0x0304n, "flows that drop ICMP 'fragmentation needed' which must not reach the node (a constant of OVN-Kubernetes)"],
  [0x0305n, "flows that drop gratuitous ARP (a constant of OVN-Kubernetes)"],
  [0x10ca1f105n, "flows from localnet ports to the host's MAC (a constant of OVN-Kubernetes)"],
]);

/** A text that OVN-Kubernetes hashes for a flow of a Service, with what it is about. */
interface Hashed {
  readonly text: string;
  readonly about: string;
}

/** All that the flows of a Service can be marked with (go-controller/pkg/node/gateway_shared_intf.go, svcToCookie). */
function hashedOf(s: KnownService): Hashed[] {
  const [namespace, name] = s.name.split("/");
  const out = new Map<string, Hashed>();
  const add = (token: string, port: number, about: string) => {
    const text = `${namespace}${name}${token}${port}`;
    out.set(text, { text, about });
  };
  // What OVN alone knows of is hashed where no Service object says which of its addresses are reached from outside.
  const told = s.frontends.some((f) => f.what === "cluster IP" || f.what === "VIP");
  for (const f of s.frontends) {
    if (told && f.address !== "" && f.what !== "VIP" && f.what !== "external IP") continue;
    if (f.address === "") {
      add(f.protocol, f.port, `node port ${f.port}/${f.protocol}`);
      add(`${f.protocol}6`, f.port, `node port ${f.port}/${f.protocol} (IPv6)`);
    } else add(f.address, f.port, `${f.what} ${f.address} port ${f.port}`);
  }
  return [...out.values()];
}

/** The cookies of a Service's flows on br-ex, as items. */
export function cookieItems(facts: FactBase, s: KnownService): ExplainItem[] {
  const origin = serviceObjects(facts).get(s.name)?.origin;
  return hashedOf(s).map(({ text, about }) => ({
    text: `0x${fnv1a64(text).toString(16)}: ${about}, FNV-1a-64 of "${text}"`,
    file: origin?.file ?? "",
    line: origin?.line ?? 0,
    links: [{ kind: "service", name: s.name, text: about }],
    cookie: fnv1a64(text),
  }));
}

export function explainCookie(facts: FactBase, cookie: bigint, services: readonly KnownService[]): ExplainSection[] {
  const constant = CONSTANTS.get(cookie);
  const items: ExplainItem[] = services
    .flatMap((s) =>
      cookieItems(facts, s)
        .filter((i) => i.cookie === cookie)
        .map((i) => ({ ...i, text: `Service ${s.name}, ${i.text.replace(/^0x[0-9a-f]+: /, "")}` })),
    )
    .map(({ cookie: _, ...i }) => i);
  if (constant !== undefined) items.push({ text: constant, file: "", line: 0, links: [{ kind: "constant", name: "OVN-Kubernetes" }] });
  return items.length === 0 ? [] : [{ layer: "br-ex", title: "cookie of the external bridge", host: "", items }];
}
