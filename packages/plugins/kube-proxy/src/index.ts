/**
 * kube-proxy: names what its rules stand for. The netfilter plugin reads and lowers them like any others; this one knows that KUBE-SVC-…
 * is a Service and KUBE-SEP-… its endpoint, in iptables' and in nftables' mode.
 */
import { definePlugin } from "@plumbline/plugin-sdk";
import { annotator } from "./annotate.js";
import { explain, knownServices } from "./explain.js";

export { addressAndPort, iptablesWords, nftChain, portName } from "./rules.js";
export { type ProxyService, proxyRules } from "./services.js";

export default definePlugin({
  id: "kube-proxy",
  title: "kube-proxy: what its iptables and nftables rules stand for",
  annotator,
  services: knownServices,
  explain,
});
