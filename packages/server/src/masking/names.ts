/**
 * Names whose values are secrets, wherever they stand: keys of YAML and JSON, environment variables, options of commands.
 *
 * A name is taken apart into words (`clientSecret`, `DB_PASSWORD`, `bgp-password`); its last word, or last two, decide. Names that end
 * so and hold no secret (`passwordSecret` names an object, `automountServiceAccountToken` is a switch) are listed as what they are.
 */
const LAST = new Set([
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "pwd",
  "pw",
  "secret",
  "secrets",
  "token",
  "psk",
  "credential",
  "credentials",
  "passwords",
  "tokens",
]);
const LAST_TWO = new Set([
  "api key",
  "access key",
  "secret key",
  "private key",
  "preshared key",
  "encryption key",
  "signing key",
  "auth key",
  "key data",
  "shared key",
  "master key",
  "session key",
  "registry auth",
  "pull secret",
  "basic auth",
  "connection string",
]);
const WHOLE = new Set([
  "authorization",
  "tls.key",
  ".dockerconfigjson",
  ".dockercfg",
  "apikey",
  "privatekey",
  "secretkey",
  "sshkey",
  "community",
  "keystring",
  "dockerconfigjson",
  "htpasswd",
  "kubeconfig",
]);
/** Ends as a secret does, and names something else. */
const HARMLESS = new Set([
  "automountserviceaccounttoken",
  "passwordsecret",
  "nametoken",
  "pagetoken",
  "nextpagetoken",
  "continuetoken",
  "issecret",
  "usetoken",
  "imagepullsecrets",
  "secrets",
  "tokens",
]);

const known = new Map<string, boolean>();

/** Whether what is called so is a secret. */
export function isSecretName(name: string): boolean {
  let is = known.get(name);
  if (is === undefined) {
    is = decide(name);
    if (known.size < 10_000) known.set(name, is);
  }
  return is;
}

function decide(name: string): boolean {
  if (name.length > 100) return false;
  const lower = name.toLowerCase();
  const plain = lower.replace(/[^a-z0-9]/g, "");
  if (HARMLESS.has(plain)) return false;
  if (WHOLE.has(lower) || WHOLE.has(plain)) return true;
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((w) => w !== "");
  const last = words.at(-1) ?? "";
  return LAST.has(last) || LAST_TWO.has(`${words.at(-2) ?? ""} ${last}`) || /(password|passwd|passphrase)$/.test(last);
}
