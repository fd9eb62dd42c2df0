/**
 * The built-in plugins, by name. Captures come first: a capture may be larger than memory, and a sure claim spares the
 * others the look into it.
 */
import type { Plugin } from "@plumbline/engine";
import captures from "@plumbline/plugin-captures";
import frr from "@plumbline/plugin-frr";
import kubernetes from "@plumbline/plugin-kubernetes";
import linux from "@plumbline/plugin-linux";
import netfilter from "@plumbline/plugin-netfilter";
import ovn from "@plumbline/plugin-ovn";
import ovs from "@plumbline/plugin-ovs";

export const PLUGINS: readonly Plugin[] = [captures, kubernetes, frr, netfilter, linux, ovs, ovn];
