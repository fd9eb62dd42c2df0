/** Ids: a letter that says of what, and 80 random bits in the letters and digits that nobody confuses. */
import { randomBytes } from "node:crypto";

const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";

export type IdKind = "project" | "token" | "snapshot" | "capture" | "replay";

const FIRST: Readonly<Record<IdKind, string>> = { project: "p", token: "t", snapshot: "s", capture: "c", replay: "r" };

export function newId(kind: IdKind): string {
  let id = FIRST[kind];
  for (const byte of randomBytes(16)) id += LETTERS[byte & 31];
  return id;
}
