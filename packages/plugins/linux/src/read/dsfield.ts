/** Types of service by the names that iproute2 prints for them (its table rt_dsfield). */
const NAMES: Readonly<Record<string, number>> = {
  default: 0,
  reliability: 0x04,
  throughput: 0x08,
  lowdelay: 0x10,
  AF11: 0x28,
  AF12: 0x30,
  AF13: 0x38,
  AF21: 0x48,
  AF22: 0x50,
  AF23: 0x58,
  AF31: 0x68,
  AF32: 0x70,
  AF33: 0x78,
  AF41: 0x88,
  AF42: 0x90,
  AF43: 0x98,
  CS1: 0x20,
  CS2: 0x40,
  CS3: 0x60,
  CS4: 0x80,
  CS5: 0xa0,
  CS6: 0xc0,
  CS7: 0xe0,
  EF: 0xb8,
};

/** The byte that `text` stands for, or null. Numbers are hexadecimal in `ip`, with or without 0x. */
export function dsfield(text: string): number | null {
  const named = NAMES[text];
  if (named !== undefined) return named;
  const n = /^(0x)?[0-9a-f]{1,2}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  return Number.isNaN(n) ? null : n;
}
