// Makes package-lock.json fit every machine (`npm run lock`, after a change of dependencies):
//
//   - no address of a registry: `npm ci` asks the one that the user's npm is set to;
//   - an entry for each optional package of another platform. A registry mirror that carries only the own platform's
//     builds leaves holes there, and `npm ci` then refuses the lock file. Such an entry needs only the version that its
//     parent pins and the platform, which its name tells; it has no checksum.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../../package-lock.json", import.meta.url);
const OS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const CPU = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lock = JSON.parse(readFileSync(FILE, "utf8"));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  if (/^https?:/.test(entry.resolved ?? "")) delete entry.resolved;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (place in lock.packages || `${path}/${place}` in lock.packages) continue;
    const words = name.split(/[/-]/);
    const os = words.find((word) => OS.includes(word));
    const cpu = words.find((word) => CPU.includes(word));
    if (!os || !/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name} ${version}: neither in the lock file nor a platform's build`);
    const libc = os !== "linux" ? undefined : words.some((word) => word.startsWith("musl")) ? "musl" : "glibc";
    lock.packages[place] = { version, cpu: [cpu], dev: entry.dev, ...(libc ? { libc: [libc] } : {}), optional: true, os: [os] };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${Object.keys(lock.packages).length} entries, ${added.length} of other platforms added`);
