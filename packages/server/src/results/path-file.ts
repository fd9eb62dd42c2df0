/**
 * The paths of a replay with their hops, as Parquet: `path`, `hops` (JSON). A replay may tell tens of thousands of paths apart; hops are
 * kept of the first ones, up to a number of bytes.
 */
import type { ToldPath } from "@plumbline/engine";
import { fileWriter, ParquetWriter } from "hyparquet-writer";

const MOST_BYTES = 256 << 20;
const GROUP_BYTES = 8 << 20;

export class PathFile {
  private readonly writer: ParquetWriter;
  private paths: string[] = [];
  private hops: string[] = [];
  private waiting = 0;
  private written = 0;

  constructor(path: string) {
    const column = (name: string) => ({
      name,
      repetition_type: "REQUIRED" as const,
      type: "BYTE_ARRAY" as const,
      converted_type: "UTF8" as const,
    });
    this.writer = new ParquetWriter({
      writer: fileWriter(path),
      createdBy: "plumbline",
      schema: [{ name: "paths", num_children: 2 }, column("path"), column("hops")],
    });
  }

  write({ path, hops }: ToldPath): void {
    if (this.written > MOST_BYTES) return;
    const text = JSON.stringify(hops);
    this.paths.push(path);
    this.hops.push(text);
    this.waiting += text.length;
    this.written += text.length;
    if (this.waiting > GROUP_BYTES) this.flush();
  }

  close(): void {
    this.flush();
    this.writer.finish();
  }

  private flush(): void {
    if (this.paths.length === 0) return;
    this.writer.write({
      columnData: [
        { name: "path", data: this.paths },
        { name: "hops", data: this.hops },
      ],
    });
    this.paths = [];
    this.hops = [];
    this.waiting = 0;
  }
}
