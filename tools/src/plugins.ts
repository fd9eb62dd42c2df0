/** The built-in plugins, in order of lowering. */
import type { Plugin } from "@plumbline/engine";
import captures from "@plumbline/plugin-captures";
import frr from "@plumbline/plugin-frr";
import kubeProxy from "@plumbline/plugin-kube-proxy";
import kubernetes from "@plumbline/plugin-kubernetes";
import linux from "@plumbline/plugin-linux";
import netfilter from "@plumbline/plugin-netfilter";
import ovn from "@plumbline/plugin-ovn";
import ovs from "@plumbline/plugin-ovs";

export const PLUGINS: readonly Plugin[] = [captures, kubernetes, frr, netfilter, kubeProxy, ovn, ovs, linux];
