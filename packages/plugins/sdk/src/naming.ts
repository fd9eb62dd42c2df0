/**
 * Where a file of a snapshot comes from: the host, and the command that wrote it, told by folder and file name.
 *
 * People collect evidence as folders a host, as sosreports, as a must-gather, or as a flat folder of command outputs. The
 * file's name is the command line with blanks mangled to `_` (sosreport also turns `/` into `.`). What the mangling lost
 * is put back where the command's own syntax tells (OVSDB table names, unixctl commands, prefixes).
 *
 * Promise: one canonical spelling a command, whichever way it was recorded: `vtysh -c 'show ip bgp'`, `vtysh_-c_show_ip_bgp`
 * and `vtysh_show_ip_bgp.txt` all are "vtysh show ip bgp".
 * Not undone: a blank inside an argument, a `_` in a bridge's or datapath's name before another argument.
 */

/** What a path tells about a file. */
export interface Place {
  readonly host: string;
  readonly command: string;
}

/** Folders that sort a host's files by layer and are no host themselves. */
const LAYERS = new Set(
  (
    "host ovs ovn frr nbdb sbdb sos_commands sos_reports sos_logs sos_strings networking network net openvswitch ovn_host ovn_central openshift_ovn " +
    "firewall_tables conntrack kernel ebpf sysctl k8s kubernetes cluster-scoped-resources namespaces bgp routing iptables nftables nft netfilter linux " +
    "commands outputs output evidence logs host_service_logs network_logs etc proc sys var run usr pcap pcaps capture captures nodes hosts routers"
  ).split(" "),
);

/** True for a folder that names a layer (ovs, ovn, frr, sos_commands, …) and not a host. */
export function isLayerFolder(name: string): boolean {
  return LAYERS.has(name.toLowerCase());
}

const SOSREPORT = /^sosreport-(.+?)(?:-\d{5,})?-\d{4}-\d{2}-\d{2}-\w+?(?:-obfuscated)?$/;
const BARE_SOSREPORT = /^sosreport-(.+)$/;

/** The host that a sosreport's folder is named after, or null if the name is not a sosreport's. */
export function sosreportHost(folder: string): string | null {
  return (SOSREPORT.exec(folder) ?? BARE_SOSREPORT.exec(folder))?.[1] ?? null;
}

/** Folders around a must-gather's content: `must-gather.local.123`, and one named after the image's digest. */
export function isWrapperFolder(name: string): boolean {
  return /^must-gather(\.|$)/.test(name) || /-sha256-[0-9a-f]{16,}/.test(name);
}

/**
 * Host and command of a file.
 * @param path inside the snapshot, `/`-separated
 * @param rootName name of the snapshot's own folder: a sosreport given by itself is named after its host
 * @param recorded the command as a `commands.tsv` or a sosreport's manifest has it, if any
 */
export function placeOf(path: string, rootName = "", recorded?: string): Place {
  const dirs = path.split("/");
  const name = dirs.pop() ?? "";
  return { host: hostOf(dirs, rootName), command: recorded !== undefined ? canonicalCommand(recorded) : commandOfName(name) };
}

function hostOf(dirs: readonly string[], rootName: string): string {
  // What stands around a must-gather names no host.
  const wrapper = dirs.findLastIndex(isWrapperFolder);
  for (let i = wrapper + 1; i < dirs.length; i++) {
    const dir = dirs[i];
    const sos = sosreportHost(dir);
    if (sos !== null) return sos;
    if (dir === "cluster-scoped-resources") return "";
    // A must-gather's objects are the cluster's; what lies under one of its pods was run in that pod.
    if (dir === "namespaces") return dirs[i + 2] === "pods" && dirs.length > i + 4 ? `${dirs[i + 1]}/${dirs[i + 3]}` : "";
    if (dir === "pods" && dirs.length > i + 1) return `pods/${dirs[i + 1]}`;
    if (!isLayerFolder(dir)) return dir;
  }
  // The snapshot may itself be one host's sosreport.
  return sosreportHost(rootName) ?? "";
}

const ENDINGS = /\.(?:gz|txt|log|out|json|ya?ml)$/i;

/** The command that a file name tells: endings cut, mangling undone. */
export function commandOfName(name: string): string {
  let stem = name;
  while (ENDINGS.test(stem) && stem.replace(ENDINGS, "") !== "") stem = stem.replace(ENDINGS, "");
  return canonicalCommand(stem.replace(/_/g, " "), true);
}

/** Words of `ovs-appctl` commands whose `/` was mangled away; the longest first. */
const UNIXCTL =
  /^(ovs-appctl|ovs-dpctl|ovn-appctl)((?: -\S+(?: [^-\s]\S*)??)*) (tnl|ovs|ofproto|dpctl|dpif|dpif-netdev|fdb|mdb|bridge|coverage|bfd|bond|lacp|upcall|memory|netdev|revalidator|stp|rstp|cfm)[ .](\S+)(.*)$/;
/** Second words that have a third: `tnl/neigh/show`, `ovs/route/show`. */
const THREE_WORDS = new Set(["neigh", "ports", "egress_port_range", "route", "tnl", "arp"]);

/**
 * One spelling a command: no path before it, no quotes, `vtysh -c`, the database's socket and
 * `ovs-appctl -t` left out, unixctl commands with `/`.
 * @param mangled the text comes from a file name, so that `_` in names has become blanks
 */
export function canonicalCommand(command: string, mangled = false): string {
  let text = command.trim().replace(/\s+/g, " ");
  text = text.replace(/^(?:\S*\/)?(?=[\w.-]+(?: |$))/, "");
  if (/^vtysh\b/.test(text)) {
    text = text.replace(/^vtysh (?:-c )?['"]?/, "vtysh ").replace(/['"]$/, "");
    return mangled ? text.replace(/((?:\d+\.){3}\d+|[0-9a-f]*:[0-9a-f:]+) (\d{1,3})(?= |$)/, "$1/$2") : text;
  }
  // Which socket or daemon was asked says nothing about what was asked.
  text = text.replace(/^(ovsdb-client .*?)(?:unix|tcp|ssl):\S+ ?/, "$1").trim();
  text = text.replace(/^(ov[sn]-appctl )(?:-t \S+|--target=\S+) /, "$1");
  if (!mangled) return text;
  // Table, datapath and database names contain `_`: they are the last words of these commands.
  text = text.replace(
    /^((?:ovn-[ns]bctl|ovs-vsctl)(?: -\S+(?: \d+)?)*(?: -\S+)* (?:list|find|lflow-list|[a-z]+-[a-z-]*list)) ([A-Za-z].*)$/,
    (_, head: string, rest: string) => `${head} ${joinName(rest)}`,
  );
  text = text.replace(
    /^(ovsdb-client.*? (?:dump|backup|monitor|transact)) ([A-Za-z].*)$/,
    (_, head: string, rest: string) => `${head} ${joinName(rest)}`,
  );
  const unixctl = UNIXCTL.exec(text);
  if (unixctl) {
    const [, tool, options, group, second, rest] = unixctl;
    const words = rest.trim().split(/[ .]/).filter(Boolean);
    let verb = second.replace(/\./g, "/");
    if (THREE_WORDS.has(second) && words.length > 0) {
      verb = `${second}/${words[0]}`;
      return [`${tool}${options} ${group}/${verb}`, ...words.slice(1)].join(" ");
    }
    return `${tool}${options} ${group}/${verb}${rest}`;
  }
  return text;
}

/** `Load Balancer` → `Load_Balancer`, up to the first word that cannot be part of a name. */
function joinName(rest: string): string {
  const words = rest.split(" ");
  let end = words.findIndex((w) => /^-|[=~<>{]/.test(w));
  if (end < 0) end = words.length;
  return [words.slice(0, end).join("_"), ...words.slice(end)].filter(Boolean).join(" ");
}
