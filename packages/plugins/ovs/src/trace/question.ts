/** A line that asks for a trace: where the packet enters, the packet, and the states that it is to come back with. */
import { CT, type LayerQuestion, PlumblineError, parsePacket, type Row, set } from "@plumbline/model";
import { BadArgument } from "../parse/badArgument.js";
import { parsePacketText } from "../parse/packet.js";
import { PORT, reservedPort } from "../ports.js";
import type { OpenedBridge, OpenedWorld } from "./bridges.js";
import { Headers } from "./headers.js";
import type { TracedBridge } from "./world.js";

export interface OfprotoQuestion {
  readonly line: string;
  readonly bridge: TracedBridge;
  /** The packet as it enters. */
  readonly flow: Headers;
  /** A real packet is followed (a frame, or `-generate`): the switch may learn from it. */
  readonly real: boolean;
  /** It came as a frame. */
  readonly frame: boolean;
  /** How many states of recirculated packets were given. */
  readonly states: readonly number[];
}

export function questionOf(world: OpenedWorld, line: string, ctNext: readonly string[]): LayerQuestion<OfprotoQuestion> {
  const bad = (why: string): never => {
    throw new PlumblineError("PACKET_BAD", [line, why]);
  };
  const { rest, states: given, generate } = options(line, bad);
  const states = (given.length > 0 ? given : ctNext).map((s) => ctState(s, bad));
  const { bridge, packet, named } = placeOf(world, rest);
  const read = readPacket(world, bridge, packet, named, bad);
  const { row, traced } = read;
  set(row, "actset_output", PORT.unset);
  const about: OfprotoQuestion = { line, bridge: traced, flow: Headers.of(row), real: generate || read.frame, frame: read.frame, states };
  return {
    run: {
      row,
      device: traced.device,
      port: read.port,
      options: { script: [], beyond: "hash", ctStates: states, keep: true },
      fresh: true,
    },
    about,
  };
}

/** Options behind the packet: `--ct-next STATE`, `-generate`, and those that change nothing here. */
function options(line: string, bad: (why: string) => never): { rest: string; states: string[]; generate: boolean } {
  const states: string[] = [];
  let generate = false;
  let rest = line.trim();
  for (;;) {
    const m = /^(.*?)\s+(--?[a-z0-9-]+)(?:(?:\s+|=)([^\s-][^\s]*))?$/s.exec(rest);
    if (!m) break;
    const [, before, option, value] = m;
    if (option === "--ct-next") {
      if (value === undefined) bad("--ct-next needs a state, such as 'trk,est'");
      states.unshift(value);
      rest = before;
    } else if (/^--?(generate|names|no-names|l7-len|l7)$/.test(option)) {
      generate ||= option.endsWith("generate");
      // A frame may stand behind an option without a value.
      rest = value !== undefined && !option.includes("l7") ? `${before} ${value}` : before;
    } else bad(`${option}: unknown option`);
  }
  return { rest, states, generate };
}

/** Bits of a state, as `--ct-next` takes them: names joined by `,` or `|`. */
function ctState(text: string, bad: (why: string) => never): number {
  let state = 0;
  for (const word of text.split(/[,|+]/).filter(Boolean)) {
    const bit = (CT as Readonly<Record<string, number>>)[word];
    if (bit === undefined) bad(`'${word}' is not a state of a connection (${Object.keys(CT).join(", ")})`);
    state |= bit;
  }
  if (state !== 0 && (state & CT.trk) === 0) bad(`'${text}': invalid connection state, trk is missing`);
  return state;
}

/** A line may be led by a bridge (`br1 …`, `@br1 …`), or by the name of a datapath, which only says that there is one. */
function placeOf(world: OpenedWorld, text: string): { bridge: OpenedBridge; packet: string; named: boolean } {
  const m = /^(@?)(\S+)\s+(.*)$/s.exec(text);
  const found = m && world.opened.find((b) => b.traced.name === m[2]);
  if (m && found) return { bridge: found, packet: m[3], named: true };
  const first = world.opened[0];
  if (m && m[1] === "" && /^(ovs-\w+|(system|netdev|dummy)(@[\w-]+)?)$/.test(m[2])) return { bridge: first, packet: m[3], named: false };
  return { bridge: first, packet: text, named: false };
}

interface ReadPacket {
  readonly row: Row;
  readonly traced: TracedBridge;
  readonly port: number;
  readonly frame: boolean;
}

function readPacket(world: OpenedWorld, at: OpenedBridge, text: string, named: boolean, bad: (why: string) => never): ReadPacket {
  if (/>/.test(text) && /^[a-z0-9]+\s/i.test(text)) {
    const { row } = parsePacket(text);
    set(row, "in_port", PORT.none);
    return { row, traced: at.traced, port: PORT.none, frame: false };
  }
  const numberOf = (name: string) => [...at.traced.ports.values()].find((p) => p.name === name)?.number ?? null;
  let p: ReturnType<typeof parsePacketText>;
  try {
    p = parsePacketText(text, { names: { port: numberOf, table: () => null }, tlvMap: at.tlvMap });
  } catch (e) {
    if (e instanceof BadArgument) bad(e.message);
    throw e;
  }
  const frame = p.frame !== null;
  if (p.words === "openflow") {
    const port = typeof p.inPort === "number" ? p.inPort : (reservedPort(String(p.inPort)) ?? numberOf(String(p.inPort)) ?? PORT.none);
    set(p.row, "in_port", port);
    return { row: p.row, traced: at.traced, port, frame };
  }
  if (p.datapathPort === null) {
    set(p.row, "in_port", PORT.none);
    return { row: p.row, traced: at.traced, port: PORT.none, frame };
  }
  for (const { traced } of named ? [at] : world.opened)
    for (const port of traced.ports.values())
      if (port.datapath === p.datapathPort || (port.datapath !== null && port.name === p.datapathPort)) {
        set(p.row, "in_port", port.number);
        return { row: p.row, traced, port: port.number, frame };
      }
  if (at.traced.portsUnknown && typeof p.datapathPort === "number") {
    set(p.row, "in_port", p.datapathPort);
    return { row: p.row, traced: at.traced, port: p.datapathPort, frame };
  }
  return bad(`no bridge has port ${p.datapathPort} of the datapath`);
}
