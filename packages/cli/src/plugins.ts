/**
 * The plugins of this run: those that come with Plumbline, by name, and those that are found around the working directory.
 *
 * Captures come first: a capture may be larger than memory, and a sure claim spares the others the look into it.
 */
import { loadPlugins, type Plugin, type PluginSet } from "@plumbline/engine";
import captures from "@plumbline/plugin-captures";
import frr from "@plumbline/plugin-frr";
import kubeProxy from "@plumbline/plugin-kube-proxy";
import kubernetes from "@plumbline/plugin-kubernetes";
import linux from "@plumbline/plugin-linux";
import netfilter from "@plumbline/plugin-netfilter";
import ovn from "@plumbline/plugin-ovn";
import ovs from "@plumbline/plugin-ovs";
import { warn } from "./output.js";

export const PLUGINS: readonly Plugin[] = [captures, kubernetes, frr, netfilter, kubeProxy, linux, ovs, ovn];

let folders: readonly string[] = [];
let loaded: Promise<PluginSet> | undefined;

/** Folders of `--plugins`, before the first plugin is asked for. */
export function usePluginFolders(named: readonly string[]): void {
  folders = named;
  loaded = undefined;
}

/** All plugins of this run; what could not be loaded is in the list with the reason. */
export function pluginSet(): Promise<PluginSet> {
  return (loaded ??= loadPlugins(PLUGINS, { cwd: process.cwd(), folders, env: process.env }));
}

/** The plugins that read a snapshot. One that could not be loaded is warned of. */
export async function activePlugins(): Promise<readonly Plugin[]> {
  const { plugins, entries } = await pluginSet();
  for (const e of entries) {
    if (e.state === "refused") warn(`plugin ${e.package || e.folder} is not used: ${e.why}`);
    if (e.undeclared.length > 0)
      warn(`plugin ${e.id} does not declare ${e.undeclared.join(", ")} (package.json, plumbline.capabilities): not used`);
  }
  return plugins;
}
