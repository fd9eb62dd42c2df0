/**
 * How much one request, one file and one answer may be. Everything that is read from outside is held against one of these.
 */
export interface ServiceLimits {
  /** Bytes of an uploaded archive, as sent. */
  readonly archiveBytes: number;
  /** Bytes of an archive's content, unpacked. */
  readonly contentBytes: number;
  /** Files and folders of an archive. */
  readonly entries: number;
  /** Unpacked bytes a packed byte, beyond the first 64 MiB. */
  readonly ratio: number;
  /** Bytes of one file of a snapshot. A longer one is named and not kept. */
  readonly fileBytes: number;
  /** Bytes of an uploaded capture. */
  readonly captureBytes: number;
  /** Bytes of a JSON body. */
  readonly bodyBytes: number;
  /** Packets of one request for traces. */
  readonly packets: number;
  /** Branches of one trace. */
  readonly branches: number;
  /** Seconds that a question may take. */
  readonly askSeconds: number;
  /** Questions that wait at a time; beyond it the answer is 503. */
  readonly waiting: number;
  /** Uploads at a time. */
  readonly uploads: number;
  /** Snapshots layered over one another. */
  readonly layers: number;
  /** Requests of one token in a minute. */
  readonly requestsPerMinute: number;
  /** Requests without a valid token, of one address in a minute. */
  readonly refusalsPerMinute: number;
  /** Evidence that a worker keeps loaded, in bytes of its unpacked files. */
  readonly loadedBytes: number;
  /** Answers that are kept, in bytes. */
  readonly answerBytes: number;
}

const MiB = 1024 ** 2;

export const SERVICE_LIMITS: ServiceLimits = {
  archiveBytes: 2048 * MiB,
  contentBytes: 4096 * MiB,
  entries: 200_000,
  ratio: 200,
  fileBytes: 256 * MiB,
  captureBytes: 16 * 1024 * MiB,
  bodyBytes: MiB,
  packets: 1000,
  branches: 4096,
  askSeconds: 60,
  waiting: 1000,
  uploads: 4,
  layers: 8,
  requestsPerMinute: 120_000,
  refusalsPerMinute: 1200,
  loadedBytes: 256 * MiB,
  answerBytes: 64 * MiB,
};
