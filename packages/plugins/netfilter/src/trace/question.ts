/**
 * A question of a rule trace: a packet, and options of its own behind it (`PACKET --in eth0 --out eth1 --ct established --choose 0,1`).
 */
import { field, getBig, type LayerQuestion, PlumblineError, type Row, set, setBits } from "@plumbline/model";
import { CARRIED, packetRow, stateBits } from "./packet.js";

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
  /** As it entered. */
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
  if (own.out !== "") setBits(row, CARRIED.out, BigInt(portOf(own.out, place)));
  if (own.ct !== "") {
    setBits(row, CARRIED.state, BigInt(stateBits(own.ct)));
    setBits(row, CARRIED.stated, 1n);
  }
  const port = place.origin ? null : from === "" ? 0 : portOf(from, place);
  const mac = port === null ? undefined : place.macs.get(port);
  if (mac !== undefined && getBig(row, "eth_dst") === 0n) set(row, "eth_dst", mac);
  const mark = row.slice();
  setBits(row, CARRIED.mark, BigInt(mark[MARK]));
  set(row, "in_port", 0);
  return {
    run: {
      row,
      device: place.device,
      port,
      options: { script: own.choose, beyond: "first" },
      fresh: own.fresh,
    },
    about: { text: line.trim(), row: mark },
  };
}

const MARK = field("pkt_mark").word;

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
