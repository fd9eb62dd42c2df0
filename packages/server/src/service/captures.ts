/** Taking a capture in: packets as they are, named by their content. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { ApiError } from "../errors.js";
import { newId } from "../ids.js";
import type { CaptureRecord } from "../metadata/records.js";
import type { Service } from "./service.js";

type Needs = Pick<Service, "metadata" | "blobs" | "limits">;

export interface CaptureUpload {
  readonly project: string;
  readonly name: string;
  readonly input: AsyncIterable<Uint8Array>;
}

const FORMATS: readonly (readonly [head: string, format: string])[] = [
  ["d4c3b2a1", "pcap"],
  ["a1b2c3d4", "pcap"],
  ["4d3cb2a1", "pcap"],
  ["a1b23c4d", "pcap"],
  ["0a0d0d0a", "pcapng"],
  ["1f8b", "gzip"],
  ["28b52ffd", "zstd"],
];

export async function takeCapture(
  service: Needs,
  { project, name, input }: CaptureUpload,
): Promise<{ capture: CaptureRecord; isNew: boolean }> {
  const { metadata, blobs, limits } = service;
  const draft = blobs.draft();
  const hash = createHash("sha256");
  let bytes = 0;
  let head = Buffer.alloc(0);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      for await (const chunk of input) {
        bytes += chunk.length;
        if (bytes > limits.captureBytes) throw new ApiError("TOO_LARGE", `the capture has more than ${limits.captureBytes} bytes.`);
        if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 8)]);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
    const text = head.toString("hex");
    const format = FORMATS.find(([magic]) => text.startsWith(magic))?.[1];
    if (format === undefined)
      throw new ApiError(
        "UNUSABLE",
        bytes === 0 ? `${name}: the capture is empty.` : `${name}: this is neither a pcap file nor a packed one.`,
      );
    const sha256 = hash.digest("hex");
    const release = blobs.hold(sha256);
    try {
      await blobs.keep(draft, sha256);
      const record: CaptureRecord = { id: newId("capture"), project, name, sha256, bytes, format, createdAt: new Date().toISOString() };
      const capture = await metadata.captures.add(record);
      return { capture, isNew: capture.id === record.id };
    } finally {
      release();
    }
  } finally {
    await blobs.discard(draft);
  }
}
