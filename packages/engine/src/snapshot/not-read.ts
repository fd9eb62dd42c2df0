/**
 * What a folder holds and a snapshot of it does not: why, in a sentence.
 *
 * A folder that is sent as a tar stream names such an entry as a link to nowhere in particular, with its reason under
 * {@link NOT_READ_KEY} in its extended header, so that who unpacks it says the same as who reads the folder.
 */
export const NOT_READ = {
  hidden: "a hidden folder is not read",
  leaves: "a link that leaves the snapshot is not followed",
  folder: "a link to a folder is not followed",
  nowhere: "a link that leads nowhere",
  special: "neither file nor folder: not read",
} as const;

export type NotRead = keyof typeof NOT_READ;

/** Name of the record in a tar entry's extended header (POSIX.1-2017 pax: vendors' names are in capitals). */
export const NOT_READ_KEY = "PLUMBLINE.notread";

export const isNotRead = (text: unknown): text is NotRead => typeof text === "string" && Object.hasOwn(NOT_READ, text);
