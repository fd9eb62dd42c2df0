/**
 * What a plugin finds in its worker: no network, no files, no other processes, by the ways that Node documents.
 *
 * Node has no permissions a thread. So the functions of its modules that reach out are replaced before the plugin is loaded, for
 * `import` and `require` alike; of files only modules can be read, which loading needs. Globals and functions of `process` that
 * reach out are taken away. This stops mistakes, and code that does not hide; it is no wall against code that looks for a
 * hole: the worker shares the process and its memory limits only itself. docs/writing-a-plugin.md says so.
 */
import Module, { createRequire, syncBuiltinESMExports } from "node:module";

/** Modules of Node that only compute. */
const HARMLESS = new Set(
  (
    "assert assert/strict async_hooks buffer console constants crypto diagnostics_channel events path path/posix path/win32 perf_hooks process punycode " +
    "querystring stream stream/consumers stream/promises stream/web string_decoder timers timers/promises url util util/types vm zlib " +
    "_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_wrap _stream_writable sys"
  ).split(" "),
);
/** These have a rule of their own. */
const SPECIAL = new Set(["fs", "fs/promises", "module"]);

const GLOBALS = ["fetch", "WebSocket", "EventSource", "BroadcastChannel", "MessageChannel", "MessagePort", "Worker", "navigator"];
const PROCESS =
  "binding _linkedBinding dlopen getBuiltinModule kill _kill _debugProcess _debugEnd abort chdir exit reallyExit loadEnvFile report mainModule".split(
    " ",
  );

/** What reading a module needs of `fs`. */
const READING = new Set(
  "readFileSync statSync lstatSync realpathSync existsSync readlinkSync readFile stat lstat realpath readlink".split(" "),
);
const MODULE_FILE = /(\.(js|cjs|mjs|json)|[\\/]node_modules([\\/].*)?)$/;

function refuse(what: string): never {
  throw new Error(`a plugin may not use ${what}: it runs without files, network and processes`);
}

/** Replaces every function of a module's object by one that refuses. */
function disarm(name: string, exported: object, keep: (key: string, value: (...args: never[]) => unknown) => unknown): void {
  for (const key of Object.keys(exported)) {
    try {
      const value = (exported as Record<string, unknown>)[key];
      if (typeof value !== "function") continue;
      const other = keep(key, value as () => unknown) ?? (() => refuse(`${name}.${key}`));
      Object.defineProperty(exported, key, { value: other, writable: true, configurable: true, enumerable: true });
    } catch {
      // A property that cannot be changed is a constant or deprecated; reading it reaches nothing.
    }
  }
}

/** After this a plugin can be loaded. Our own modules have to have taken what they need before. */
export function guard(): void {
  // What a plugin prints is for whoever writes it; results are the engine's to print.
  const { stderr } = process;
  process.stdout.write = stderr.write.bind(stderr) as typeof process.stdout.write;
  const require = createRequire(import.meta.url);
  // Some of them warn when they are loaded, and here are loaded only to be disarmed.
  process.emitWarning = () => {};
  const names = Module.builtinModules.filter((name) => !HARMLESS.has(name) && !SPECIAL.has(name));
  // They are built on each other: all are loaded before the first is disarmed.
  const loaded = names.map((name) => [name, tried(() => require(`node:${name.replace(/^node:/, "")}`) as unknown)] as const);
  for (const [name, exported] of loaded) if (typeof exported === "object" && exported !== null) disarm(name, exported, () => null);
  const fs = require("node:fs") as Record<string, unknown>;
  const modulesOnly = (key: string, value: (...args: never[]) => unknown) =>
    READING.has(key)
      ? (path: unknown, ...rest: readonly unknown[]) =>
          MODULE_FILE.test(String(path)) ? (value as (...args: unknown[]) => unknown)(path, ...rest) : refuse(`fs.${key}`)
      : null;
  disarm("fs.promises", fs.promises as object, modulesOnly);
  disarm("fs", fs, modulesOnly);
  for (const name of ["register", "registerHooks", "enableCompileCache", "flushCompileCache"]) remove(Module, name);
  syncBuiltinESMExports();
  for (const name of GLOBALS) if (name in globalThis) remove(globalThis, name);
  for (const name of PROCESS) if (name in process) remove(process, name);
  // Paths are resolved against it.
  process.cwd = () => "/";
}

/** Null for what is not available in a worker: a plugin cannot load it either. */
function tried<T>(load: () => T): T | null {
  try {
    return load();
  } catch {
    return null;
  }
}

function remove(from: object, name: string): void {
  try {
    Object.defineProperty(from, name, { value: undefined, configurable: false, writable: false });
  } catch {
    // Not there in this version, or of no use in a worker.
  }
}
