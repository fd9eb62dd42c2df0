/** Runs the command line and leaves its exit code. */
import { run } from "./run.js";

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (e: NodeJS.ErrnoException) => {
  if (e.code === "EPIPE") process.exit(0);
  throw e;
});

process.exitCode = await run(process.argv.slice(2));
