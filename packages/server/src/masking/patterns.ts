/**
 * Secrets that their surroundings or their own form give away, line by line. Each pattern has the secret as its group `s`; what stands
 * around it stays, so that the line means the same to whoever reads it.
 *
 * Sources: FRR's user guide (BGP, OSPF, IS-IS, RIP, RPKI, keychains; docs.frrouting.org), ip-xfrm(8), wg(8), crypt(5), RFC 6750 and 7617
 * (Authorization), RFC 7519 (JWT), kubeadm's bootstrap tokens, and the token formats that their issuers publish.
 */

/** A word that a line gives as its secret, maybe behind FRR's "0" or "8" for plain or encrypted, maybe quoted. */
const WORD = String.raw`(?:(?:[0578]|clear|md5|encrypted)\s+)?(?<s>"[^"]*"|\S+)`;

interface Pattern {
  /** A text without which the pattern cannot match, in lower case: most lines are looked at no further. */
  readonly has: readonly string[];
  readonly re: RegExp;
}

const pattern = (has: readonly string[], re: string, flags = "gi"): Pattern => ({ has, re: new RegExp(re, `${flags}d`) });

export const PATTERNS: readonly Pattern[] = [
  // Routers' configurations.
  pattern(["password"], String.raw`^\s*(?:no\s+)?neighbor\s+\S+\s+password\s+${WORD}`),
  pattern(["password"], String.raw`^\s*(?:enable\s+)?password\s+${WORD}\s*$`),
  pattern(["password"], String.raw`^\s*username\s+\S+\s+(?:nopassword|(?:\S+\s+\d+\s+)?(?:password|secret))\s+${WORD}`),
  pattern(["password"], String.raw`^\s*(?:area-password|domain-password|isis password|rpki cache .* password)\s+${WORD}`),
  pattern(["authentication"], String.raw`^\s*ip(?:v6)?\s+(?:ospf|ospf6|rip|eigrp)\s+authentication(?:-key|\s+string)\s+${WORD}`),
  pattern(["message-digest-key", "md5"], String.raw`message-digest-key\s+\d+\s+md5\s+${WORD}`),
  pattern(["key-string"], String.raw`^\s*key-string\s+${WORD}`),
  pattern(["community"], String.raw`^\s*snmp-server\s+community\s+${WORD}`),
  pattern(["key"], String.raw`^\s*(?:tacacs|radius)-?(?:server)?\b.*\bkey\s+${WORD}`),
  // Keys of the kernel's IPsec and of WireGuard.
  pattern(["auth", "enc", "aead", "comp"], String.raw`\b(?:auth|auth-trunc|enc|aead|comp)\s+\S+\s+(?<s>0x[0-9a-f]{8,})`),
  pattern(["key"], String.raw`^\s*(?:private|preshared)\s*key\s*[:=]\s*(?<s>[A-Za-z0-9+/]{43}=)`),
  pattern([": psk", ":psk", ": rsa"], String.raw`:\s*PSK\s+(?<s>"[^"]*"|\S+)`),
  // Headers and addresses with credentials in them.
  pattern(["bearer", "basic"], String.raw`\b(?:bearer|basic)\s+(?<s>[A-Za-z0-9._~+/-]{8,}=*)`),
  pattern(["://"], String.raw`\b[a-z][a-z0-9+.-]*://[^\s/:@"']*:(?<s>[^\s/@"']+)@`),
  // Forms that are nothing but secrets.
  pattern(["eyj"], String.raw`(?<s>\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*)`, "g"),
  pattern(["sha256~"], String.raw`(?<s>\bsha256~[A-Za-z0-9_-]{20,})`, "g"),
  pattern(["akia", "asia"], String.raw`(?<s>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)`, "g"),
  pattern(
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    String.raw`(?<s>\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}))`,
    "g",
  ),
  pattern(["glpat-"], String.raw`(?<s>\bglpat-[A-Za-z0-9_-]{16,})`, "g"),
  pattern(["xox"], String.raw`(?<s>\bxox[abeoprs]-[A-Za-z0-9-]{10,})`, "g"),
  pattern(["plb_"], String.raw`(?<s>\bplb_[A-Za-z0-9_-]{20,})`, "g"),
  pattern(
    ["$1$", "$2", "$5$", "$6$", "$7$", "$y$", "$gy$", "$sha1$", "$apr1$", "$argon2"],
    String.raw`(?<s>\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|apr1|argon2id?)\$[./A-Za-z0-9$=,+-]{8,})`,
    "g",
  ),
  pattern(["token"], String.raw`\btoken\s*[=:]?\s+(?<s>[a-z0-9]{6}\.[a-z0-9]{16})\b`),
  // A key on one line (JSON, `oc get secret -o jsonpath`): its line ends are escaped.
  pattern(["private key"], "-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?<s>.+?)-----END [A-Z0-9 ]*PRIVATE KEY-----"),
];

/** Whether any pattern can match at all. */
export const GATE = new RegExp([...new Set(PATTERNS.flatMap((p) => p.has))].map((x) => x.replace(/[$]/g, "\\$&")).join("|"), "i");
