/**
 * Tokens: `plb_` and 256 random bits. Only their SHA-256 is kept; with so many bits no slower hash is needed, and a look-up by it tells an
 * attacker nothing by its timing.
 */
import { createHash, randomBytes } from "node:crypto";
import { newId } from "../ids.js";
import type { Metadata } from "../metadata/metadata.js";
import type { Scope, Token } from "../metadata/records.js";

const FORM = /^plb_[A-Za-z0-9_-]{43}$/;

export function newSecret(prefix: "plb" | "setup"): string {
  return `${prefix}_${randomBytes(32).toString("base64url")}`;
}

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** The token of an `Authorization` header; null if it has not the form of one. */
export function bearerOf(header: string | undefined): string | null {
  const m = /^Bearer +(\S+)$/i.exec(header ?? "");
  return m && FORM.test(m[1]) ? m[1] : null;
}

/** Makes a token and remembers its hash. The secret is told once, here. */
export async function issue(
  metadata: Metadata,
  project: string,
  name: string,
  scopes: readonly Scope[],
): Promise<{ readonly token: Token; readonly secret: string }> {
  const secret = newSecret("plb");
  const token = draftToken(project, name, scopes);
  await metadata.tokens.add(token, hashOf(secret));
  return { token, secret };
}

export function draftToken(project: string, name: string, scopes: readonly Scope[]): Token {
  return { id: newId("token"), project, name, scopes, createdAt: new Date().toISOString(), lastUsedAt: null };
}
