/**
 * From an archive, as it was sent, to a pack: unpacked within limits, every file masked, nothing written under a name of its own.
 * Runs in a worker. Throws PlumblineError for an archive that is hostile, damaged or of another kind.
 */
import type { Readable } from "node:stream";
import { type ArchiveSource, LIMITS, PlumblineError, walkArchive } from "@plumbline/engine";
import type { ServiceLimits } from "../limits.js";
import { handlingOf, maskGzip, TextMasker } from "../masking/stream.js";
import { PackWriter } from "./pack.js";

export interface Ingested {
  /** SHA-256 of the pack. */
  readonly key: string;
  readonly files: number;
  readonly masked: number;
}

export type IngestLimits = Pick<ServiceLimits, "contentBytes" | "entries" | "ratio" | "fileBytes">;

export async function ingest(source: ArchiveSource, draft: string, limits: IngestLimits): Promise<Ingested> {
  const pack = new PackWriter(draft);
  let masked = 0;
  const problems: { severity: "info" | "error"; file: string; line: number; message: string; hint: string }[] = [];
  try {
    const told = await walkArchive(
      source,
      { ...LIMITS, total: limits.contentBytes, entries: limits.entries, ratio: limits.ratio },
      async (path, size, content) => {
        if (size > limits.fileBytes) {
          await drain(content);
          pack.withhold(path, size, "too-large");
          problems.push({
            severity: "error",
            file: path,
            line: 0,
            message: `the file has ${size} bytes; the service keeps none of more than ${limits.fileBytes}`,
            hint: "Send it alone as a capture, if it is one, or cut it.",
          });
          return;
        }
        const done = await take(path, size, content, pack, limits);
        masked += done.masked;
        if (done.withheld)
          problems.push({
            severity: "info",
            file: path,
            line: 0,
            message: "neither text nor a capture: its secrets could not be found, and so its content is not kept",
            hint: "",
          });
      },
    );
    if (pack.count === 0) throw new PlumblineError("ARCHIVE_BAD", [source.name, "it holds no files."]);
    const key = pack.finish([...told, ...problems]);
    return { key, files: pack.count, masked };
  } catch (e) {
    pack.abandon();
    throw e;
  }
}

async function take(
  path: string,
  size: number,
  content: Readable,
  pack: PackWriter,
  limits: IngestLimits,
): Promise<{ masked: number; withheld: boolean }> {
  const text = new TextMasker();
  let handling: ReturnType<typeof handlingOf> | undefined;
  const head: Buffer[] = [];
  let headBytes = 0;
  const whole: Buffer[] = [];
  const begin = () => {
    const first = Buffer.concat(head);
    handling = handlingOf(first);
    piece(first);
  };
  const piece = (bytes: Buffer) => {
    if (handling === "text") pack.content(text.push(bytes));
    else if (handling === "capture") pack.content(bytes);
    else if (handling === "gzip") whole.push(bytes);
  };
  for await (const chunk of content as AsyncIterable<Buffer>) {
    if (handling) piece(chunk);
    else {
      head.push(chunk);
      headBytes += chunk.length;
      if (headBytes >= 4096) begin();
    }
  }
  if (!handling) begin();
  switch (handling!) {
    case "text":
      pack.content(text.end());
      pack.file(path);
      return { masked: text.masked, withheld: false };
    case "capture":
      pack.file(path);
      return { masked: 0, withheld: false };
    case "gzip": {
      const inner = maskGzip(Buffer.concat(whole), limits.fileBytes);
      if (inner) {
        pack.content(Buffer.from(inner.bytes));
        pack.file(path);
        return { masked: inner.masked, withheld: false };
      }
    }
  }
  pack.withhold(path, size, "binary");
  return { masked: 0, withheld: true };
}

async function drain(content: Readable): Promise<void> {
  for await (const _ of content);
}
