/**
 * The rules that kube-proxy writes in its iptables mode (pkg/proxy/iptables/proxier.go, syncProxyRules), as `iptables-restore` takes them.
 */
import type { Draw } from "../kernel/draw.js";
import { hashOf, inText, podNetwork, serving, svcPortName, type TestEndpoint, type TestService } from "./services.js";

export interface Writing {
  /** MASQUERADE --random-fully. */
  readonly randomFully: boolean;
}

const note = (text: string) => `-m comment --comment "${text}"`;

export function iptablesText(d: Draw, services: readonly TestService[], how: Writing): string {
  const full = d.version === 6 ? 128 : 32;
  const natChains = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-PROXY-CANARY"];
  const filterChains = [
    "KUBE-SERVICES",
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-FORWARD",
    "KUBE-NODEPORTS",
    "KUBE-PROXY-FIREWALL",
    "KUBE-FIREWALL",
    "KUBE-PROXY-CANARY",
  ];
  const nat: string[] = [];
  const filter: string[] = [];
  const add = (chain: string, ...words: string[]) => nat.push(`-A ${chain} ${words.join(" ")}`);
  const addFilter = (chain: string, ...words: string[]) => filter.push(`-A ${chain} ${words.join(" ")}`);

  addFilter("INPUT", "-m conntrack --ctstate NEW", note("kubernetes load balancer firewall"), "-j KUBE-PROXY-FIREWALL");
  addFilter("INPUT", note("kubernetes health check service ports"), "-j KUBE-NODEPORTS");
  addFilter("INPUT", "-m conntrack --ctstate NEW", note("kubernetes externally-visible service portals"), "-j KUBE-EXTERNAL-SERVICES");
  addFilter("INPUT", "-j KUBE-FIREWALL");
  addFilter("FORWARD", "-m conntrack --ctstate NEW", note("kubernetes load balancer firewall"), "-j KUBE-PROXY-FIREWALL");
  addFilter("FORWARD", note("kubernetes forwarding rules"), "-j KUBE-FORWARD");
  addFilter("FORWARD", "-m conntrack --ctstate NEW", note("kubernetes service portals"), "-j KUBE-SERVICES");
  addFilter("FORWARD", "-m conntrack --ctstate NEW", note("kubernetes externally-visible service portals"), "-j KUBE-EXTERNAL-SERVICES");
  addFilter("OUTPUT", "-m conntrack --ctstate NEW", note("kubernetes load balancer firewall"), "-j KUBE-PROXY-FIREWALL");
  addFilter("OUTPUT", "-m conntrack --ctstate NEW", note("kubernetes service portals"), "-j KUBE-SERVICES");
  addFilter("OUTPUT", "-j KUBE-FIREWALL");
  addFilter("KUBE-FORWARD", "-m conntrack --ctstate INVALID -j DROP");
  addFilter("KUBE-FORWARD", note("kubernetes forwarding rules"), "-m mark --mark 0x4000/0x4000 -j ACCEPT");
  addFilter("KUBE-FORWARD", note("kubernetes forwarding conntrack rule"), "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
  add("PREROUTING", note("kubernetes service portals"), "-j KUBE-SERVICES");
  add("OUTPUT", note("kubernetes service portals"), "-j KUBE-SERVICES");
  add("POSTROUTING", note("kubernetes postrouting rules"), "-j KUBE-POSTROUTING");
  add("KUBE-MARK-MASQ", "-j MARK --or-mark 0x4000");
  add("KUBE-POSTROUTING", "-m mark ! --mark 0x4000/0x4000 -j RETURN");
  add("KUBE-POSTROUTING", "-j MARK --xor-mark 0x4000");
  add("KUBE-POSTROUTING", note("kubernetes service traffic requiring SNAT"), `-j MASQUERADE${how.randomFully ? " --random-fully" : ""}`);

  for (const s of services) {
    const name = svcPortName(s);
    const hash = hashOf(name + s.protocol, 16);
    const [svc, svl, ext, fw] = ["SVC", "SVL", "EXT", "FW"].map((k) => `KUBE-${k}-${hash}`);
    const port = (n: number) => `-m ${s.protocol} -p ${s.protocol} --dport ${n}`;
    const to = (ip: string) => `-d ${ip}/${full}`;
    const [inside, outside] = [serving(s, "internal"), serving(s, "external")];
    const internal = s.internalLocal ? svl : svc;
    const external = s.externalLocal ? svl : svc;
    const isExternal = s.nodePort > 0 || s.loadBalancer !== "" || s.externalIP !== "";
    const usesExt = isExternal && s.endpoints.length > 0 && outside.length > 0;
    const usesCluster = s.endpoints.length > 0 && (!s.internalLocal || (isExternal && (!s.externalLocal || outside.length > 0)));
    const usesLocal = (s.internalLocal && inside.length > 0) || (isExternal && s.externalLocal && outside.length > 0);

    const refuse = (chain: string, match: string, none: readonly TestEndpoint[]) => {
      if (s.endpoints.length === 0) addFilter(chain, note(`${name} has no endpoints`), match, "-j REJECT");
      else if (none.length === 0) addFilter(chain, note(`${name} has no local endpoints`), match, "-j DROP");
    };
    const clusterMatch = `${port(s.port)} ${to(s.clusterIP)}`;
    if (inside.length > 0) add("KUBE-SERVICES", note(`${name} cluster IP`), clusterMatch, `-j ${internal}`);
    else refuse("KUBE-SERVICES", clusterMatch, inside);
    for (const [ip, what] of [
      [s.externalIP, "external IP"],
      [s.loadBalancer, "loadbalancer IP"],
    ] as const) {
      if (ip === "") continue;
      const match = `${port(s.port)} ${to(ip)}`;
      const walled = what === "loadbalancer IP" && s.sources.length > 0;
      if (usesExt) add("KUBE-SERVICES", note(`${name} ${what}`), match, `-j ${walled ? fw : ext}`);
      if (usesExt && walled) {
        natChains.push(fw);
        for (const range of s.sources) add(fw, note(`${name} ${what}`), `-s ${range} -j ${ext}`);
        add(fw, note(`other traffic to ${name} will be dropped by KUBE-PROXY-FIREWALL`));
        addFilter("KUBE-PROXY-FIREWALL", note(`${name} traffic not accepted by ${fw}`), match, "-j DROP");
      }
      if (!usesExt) refuse("KUBE-EXTERNAL-SERVICES", match, outside);
    }
    if (s.nodePort > 0) {
      if (usesExt) add("KUBE-NODEPORTS", note(name), port(s.nodePort), `-j ${ext}`);
      else refuse("KUBE-EXTERNAL-SERVICES", `-m addrtype --dst-type LOCAL ${port(s.nodePort)}`, outside);
    }
    if (usesExt) {
      natChains.push(ext);
      if (!s.externalLocal) add(ext, note(`masquerade traffic for ${name} external destinations`), "-j KUBE-MARK-MASQ");
      else {
        add(ext, note(`pod traffic for ${name} external destinations`), `-s ${podNetwork(d)} -j ${svc}`);
        add(ext, note(`masquerade LOCAL traffic for ${name} external destinations`), "-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
        add(ext, note(`route LOCAL traffic for ${name} external destinations`), `-m addrtype --src-type LOCAL -j ${svc}`);
      }
      add(ext, `-j ${external}`);
    }
    const sepOf = (e: TestEndpoint) => `KUBE-SEP-${hashOf(name + s.protocol + inText(e.ip, e.port), 16)}`;
    const spread = (chain: string, endpoints: readonly TestEndpoint[]) => {
      natChains.push(chain);
      add(chain, note(`${name} cluster IP`), `${clusterMatch} ! -s ${podNetwork(d)} -j KUBE-MARK-MASQ`);
      const said = (e: TestEndpoint) => note(`${name} -> ${inText(e.ip, e.port)}`);
      if (s.affinity)
        for (const e of endpoints) add(chain, said(e), `-m recent --name ${sepOf(e)} --rcheck --seconds 10800 --reap -j ${sepOf(e)}`);
      endpoints.forEach((e, k) => {
        const left = endpoints.length - k;
        add(chain, said(e), ...(left > 1 ? [`-m statistic --mode random --probability ${(1 / left).toFixed(10)}`] : []), `-j ${sepOf(e)}`);
      });
    };
    if (usesCluster) spread(svc, s.endpoints);
    if (usesLocal)
      spread(
        svl,
        s.endpoints.filter((e) => e.local),
      );
    for (const e of s.endpoints.filter((e) => usesCluster || (usesLocal && e.local))) {
      natChains.push(sepOf(e));
      add(sepOf(e), note(name), `-s ${e.ip}/${full} -j KUBE-MARK-MASQ`);
      add(
        sepOf(e),
        note(name),
        ...(s.affinity ? [`-m recent --name ${sepOf(e)} --set`] : []),
        `-m ${s.protocol} -p ${s.protocol} -j DNAT --to-destination ${inText(e.ip, e.port)}`,
      );
    }
  }
  add(
    "KUBE-SERVICES",
    note("kubernetes service nodeports; NOTE: this must be the last rule in this chain"),
    "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
  );
  return [
    "*nat",
    ...["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"].map((c) => `:${c} ACCEPT [0:0]`),
    ...natChains.map((c) => `:${c} - [0:0]`),
    ...nat,
    "COMMIT",
    "*filter",
    ...["INPUT", "FORWARD", "OUTPUT"].map((c) => `:${c} ACCEPT [0:0]`),
    ...filterChains.map((c) => `:${c} - [0:0]`),
    ...filter,
    "COMMIT",
  ].join("\n");
}
