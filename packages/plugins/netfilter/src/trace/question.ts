/**
 * A question of a rule trace: a packet, and options of its own behind it (`PACKET --in eth0 --out eth1 --ct established --choose 0,1`).
 */
import { get, getBig, type LayerQuestion, PlumblineError, type Row, set } from "@plumbline/model";
import { enterHost, GIVEN, packetRow, stateBits } from "./packet.js";

/** What holds for all questions that do not say otherwise. */
export interface Defaults {
  readonly in: string;
  readonly out: string;
  /** "": as tracking finds it. */
  readonly ct: string;
  readonly fresh: boolean;
}

export interface Asked {
  /** As it was given. */
  readonly text: string;
  /** As it was before it entered. */
  readonly row: Row;
}

/** Where questions are put. */
export interface Place {
  readonly device: number;
  /** Port numbers by interface. */
  readonly ports: ReadonlyMap<string, number>;
  /** MACs of interfaces by port: frames that say nothing of their destination are for the interface. */
  readonly macs: ReadonlyMap<number, bigint>;
  /** The packet comes from a socket of the host, not from an interface. */
  readonly origin: boolean;
  /** A packet must come in somewhere. */
  readonly needsIn: boolean;
  /** It may be said which way it leaves and which state it has. */
  readonly staged: boolean;
}

interface Own extends Defaults {
  readonly choose: readonly number[];
}

export function ask(line: string, defaults: Defaults, place: Place): LayerQuestion<Asked> {
  const [packet, ...options] = line.trim().split(/\s+(?=--)/);
  const own = ownOptions(options, defaults);
  const { row, inPort } = packetRow(packet);
  const from = own.in || inPort;
  if (place.needsIn && from === "")
    throw new PlumblineError("USAGE", [`packet '${packet}': by which interface it comes is not said.`, "Say it with --in IF."]);
  if (!place.staged && (own.out !== "" || own.ct !== ""))
    throw new PlumblineError("USAGE", ["--out and --ct go with --hook.", "On a whole path routing and tracking decide about them."]);
  const port = place.origin ? null : from === "" ? 0 : portOf(from, place);
  const mac = port === null ? undefined : place.macs.get(port);
  if (mac !== undefined && getBig(row, "eth_dst") === 0n) set(row, "eth_dst", mac);
  const given = row.slice();
  set(given, "in_port", 0);
  enterHost(row);
  if (place.staged) stage(row, own, port, place);
  return {
    run: {
      row,
      device: place.device,
      port,
      options: { script: own.choose, beyond: "first", keep: true },
      fresh: own.fresh,
    },
    about: { text: line.trim(), row: given },
  };
}

/** Puts a packet at its hook: with the way that it is about to take, its state, and whose it is. */
function stage(row: Row, own: Own, port: number | null, place: Place): void {
  if (own.out !== "") set(row, "out_port", portOf(own.out, place));
  if (own.ct !== "") set(row, GIVEN.register, GIVEN.stated | stateBits(own.ct));
  set(row, "nexthop", get(row, "eth_type") === 0x0800 ? getBig(row, "ip_dst") : getBig(row, "ipv6_dst"));
  // Without an interface to come in by it is the host's own.
  if (port === 0) set(row, "reg15", 1);
}

function portOf(name: string, place: Place): number {
  const n = place.ports.get(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  if (n === undefined)
    throw new PlumblineError("USAGE", [
      `interface '${name}' is in none of the files.`,
      `Interfaces: ${[...place.ports.keys()].join(", ") || "none"}. Name others with --in or --out on the command line.`,
    ]);
  return n;
}

function ownOptions(options: readonly string[], defaults: Defaults): Own {
  const own = { ...defaults, choose: [] as number[] };
  for (const o of options) {
    const [name, ...values] = o.split(/[\s=]+/);
    const value = values.join(" ");
    switch (name) {
      case "--in":
      case "--out":
      case "--ct":
        own[name.slice(2) as "in" | "out" | "ct"] = value;
        break;
      case "--fresh":
        own.fresh = true;
        break;
      case "--choose":
        own.choose = value.split(",").map(Number);
        if (own.choose.some((n) => !Number.isInteger(n) || n < 0))
          throw new PlumblineError("USAGE", [`'${value}' behind --choose.`, "Give numbers of options from 0, joined by ','."]);
        break;
      default:
        throw new PlumblineError("USAGE", [`'${name}' is not an option of a packet.`, "Options: --in, --out, --ct, --choose, --fresh."]);
    }
  }
  return own;
}
