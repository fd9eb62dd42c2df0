/**
 * Compile: a network becomes one image of words that the core runs. The image is read-only afterwards and holds
 * addresses, so it belongs to the base it was made for.
 *
 * Strings stay with the host: texts and choice sites are numbers from `numbering` of the model, the same that the
 * reference interpreter uses.
 */
import { field, HASH_WORDS, type Network, type Numbering, numbering, ROW_WORDS, wordsOf } from "@plumbline/model";
import { writeTable } from "./classifier.js";
import { Code } from "./code.js";
import { Continuations } from "./continuations.js";
import { Image } from "./image.js";
import { CODE, LINK, LINK_SLOT_BYTES, PROGRAM, PROGRAM_BYTES, TABLE_BYTES } from "./layout.js";
import { Masks } from "./masks.js";
import { wordsUsed } from "./words.js";

export interface Program {
  readonly base: number;
  readonly words: Uint32Array;
  readonly numbering: Numbering;
  /** The most conjunctive rows of one table: room that a look-up needs. */
  readonly softEntries: number;
  /** Words of a row, from the first on, that it can look at or write. */
  readonly wordsUsed: number;
}

/** The hash of a port's key; the assembly computes the same. */
function portHash(device: number, port: number): number {
  let h = Math.imul(Math.imul(device, 0x9e3779b1) ^ port, 0x85ebca6b);
  h ^= h >>> 15;
  return h >>> 0;
}

export function compile(net: Network, base: number): Program {
  const image = new Image(base);
  const header = image.alloc(PROGRAM_BYTES / 4);
  const set = (name: keyof typeof PROGRAM, value: number) => image.put(header + PROGRAM[name], value);

  const records = net.tables.map(() => image.alloc(TABLE_BYTES / 4));
  const tableAt = (id: number): number => {
    const at = records[id];
    if (at === undefined) throw new Error(`no table ${id}`);
    return at;
  };
  const numbers = numbering(net);
  const onward = new Continuations(image);
  const code = new Code(image, numbers, tableAt, onward);
  const masks = new Masks();
  let softEntries = 0;
  for (const t of net.tables) softEntries = Math.max(softEntries, writeTable(image, masks, tableAt(t.id), t, code));
  onward.resolve();
  set("P_TABLES", image.append(records));
  set("P_TABLE_COUNT", records.length);

  set("P_DEVICES", image.append(net.devices.flatMap((d) => [d.entry < 0 ? 0 : tableAt(d.entry), d.origin < 0 ? 0 : tableAt(d.origin)])));
  set("P_DEVICE_COUNT", net.devices.length);
  writeLinks(image, net, set);
  const device = new Set(wordsOf("device"));
  const tunnel = new Set(wordsOf("tunnel"));
  set(
    "P_STAYS",
    rowMask(image, (w) => !device.has(w) && !tunnel.has(w)),
  );
  set(
    "P_LEAVES",
    rowMask(image, (w) => !device.has(w)),
  );
  set(
    "P_ALL",
    rowMask(image, () => true),
  );
  set("P_TRACKERS", image.append(net.trackers.map((t) => (t.flavour === "linux" ? CODE.FLAVOUR_LINUX : CODE.FLAVOUR_USERSPACE))));
  set("P_TRACKER_COUNT", net.trackers.length);
  set("P_HASH_WORDS", image.append([HASH_WORDS.length, ...HASH_WORDS.map((w) => 4 * w)]));
  return { base, words: image.finish(), numbering: numbers, softEntries, wordsUsed: wordsUsed(net) };
}

function writeLinks(image: Image, net: Network, set: (name: keyof typeof PROGRAM, value: number) => void): void {
  let size = 4;
  while (size < 2 * net.links.length) size *= 2;
  const slots = image.alloc((size * LINK_SLOT_BYTES) / 4);
  const taken = new Set<string>();
  net.links.forEach((link, index) => {
    const key = `${link.device}:${link.port}`;
    // The first link of a port is the one that counts, as in the reference.
    if (taken.has(key)) return;
    taken.add(key);
    let i = portHash(link.device, link.port) & (size - 1);
    while (image.get(slots + LINK_SLOT_BYTES * i + LINK.L_INDEX1) !== 0) i = (i + 1) & (size - 1);
    const at = slots + LINK_SLOT_BYTES * i;
    const keeps = link.keeps.flatMap((name) => {
      const f = field(name);
      return Array.from({ length: f.words }, (_, k) => 4 * (f.word + k));
    });
    image.put(at + LINK.L_DEVICE, link.device);
    image.put(at + LINK.L_PORT, link.port);
    image.put(at + LINK.L_INDEX1, index + 1);
    image.put(at + LINK.L_TO_DEVICE, link.toDevice);
    image.put(at + LINK.L_TO_PORT, link.toPort);
    image.put(at + LINK.L_INLINE, link.inline ? 1 : 0);
    image.put(at + LINK.L_KEEPS, keeps.length > 0 ? image.append([keeps.length, ...keeps]) : 0);
  });
  set("P_LINKS", slots);
  set("P_LINK_MASK", size - 1);
}

/** A mask of whole words. */
function rowMask(image: Image, has: (word: number) => boolean): number {
  return image.append(Array.from({ length: ROW_WORDS }, (_, w) => (has(w) ? 0xffffffff : 0)));
}
