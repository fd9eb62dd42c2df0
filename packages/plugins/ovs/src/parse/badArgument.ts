/** Why a part of a text is not what it should be, in the words of ovs-ofctl where it has any; the caller adds the place. */
export class BadArgument extends Error {}

export function bad(message: string): never {
  throw new BadArgument(message);
}

/** A text short enough for a message. */
export function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
