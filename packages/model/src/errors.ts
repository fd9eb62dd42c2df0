/**
 * One table of user-facing errors: code, what happened, what to do. Place first, offending text second.
 * A fault of the input is a PlumblineError; a broken invariant is a plain Error and a bug.
 */
const TEXT = {
  USAGE: ["%s", "%s"],
  SNAPSHOT_MISSING: [
    "%s: no such file or folder.",
    "Give a folder or an archive (.tar, .tar.gz, .tgz, .zip) of collected command outputs.",
  ],
  SNAPSHOT_EMPTY: ["%s: the folder holds no files.", "Collect evidence first; docs/collecting.md lists the commands."],
  SNAPSHOT_UNRECOGNISED: [
    "%s: none of its %s files is a command output that is understood.",
    "Name files after their command (ip_route, ovs-ofctl_dump-flows_br-int, …); docs/collecting.md lists them.",
  ],
  ARCHIVE_BAD: ["%s: %s", "The archive is damaged or not one of .tar, .tar.gz, .tgz, .zip, .gz; unpack it yourself and give the folder."],
  ARCHIVE_HOSTILE: ["%s: entry '%s' %s", "Plumbline refuses archives that write outside their folder, link, or exceed the size limits."],
  PACKET_BAD: [
    "packet '%s': %s",
    "Write it as 'tcp 192.0.2.1:40000 > 192.0.2.2:80', 'arp 192.0.2.1 > 192.0.2.2', or as ofproto/trace does: 'tcp,nw_src=…,nw_dst=…,tp_src=…,tp_dst=…'.",
  ],
  MICROFLOW_BAD: [
    "microflow '%s': %s",
    "Write it as ovn-trace does: 'inport == \"p1\" && eth.dst == 0a:00:00:00:00:01 && ip4.dst == 192.0.2.1'.",
  ],
  DEVICE_UNKNOWN: ["'%s' is not a device of this snapshot.", "Devices: %s"],
  DEVICE_AMBIGUOUS: ["address %s belongs to several devices: %s.", "Say which with --from DEVICE."],
  CAPTURE_BAD: ["%s: %s", "Give a pcap or pcapng file (tcpdump -w)."],
  CAPTURE_POINT: ["%s: %s", "Say where it was taken: --at DEVICE:PORT=FILE, or name the file DEVICE.PORT.pcap."],
  NETWORK_TOO_LARGE: [
    "the snapshot needs %s bytes of program memory; the core has %s.",
    "Give fewer hosts (a folder with the hosts of interest).",
  ],
  INTERNAL: ["%s", "This is a bug: report it with the command line and, if you can, the snapshot."],
} as const;

export type ErrorCode = keyof typeof TEXT;

function fill(text: string, args: readonly (string | number)[]): { text: string; rest: readonly (string | number)[] } {
  let i = 0;
  return { text: text.replace(/%s/g, () => String(args[i++] ?? "")), rest: args.slice(i) };
}

/** A fault of the input or of its use. `message` says what happened, `hint` what to do. */
export class PlumblineError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  constructor(code: ErrorCode, args: readonly (string | number)[]) {
    const what = fill(TEXT[code][0], args);
    super(what.text);
    this.name = "PlumblineError";
    this.code = code;
    this.hint = fill(TEXT[code][1], what.rest).text;
  }
}

export function assertNever(x: never): never {
  throw new Error(`unexpected ${JSON.stringify(x)}`);
}
