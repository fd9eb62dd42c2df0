/** Masks of matches as small numbers, so that rows of one form are told by comparing numbers. */
import type { Match } from "@plumbline/model";

export interface WordMask {
  readonly w: number;
  readonly m: number;
}

export interface Mask {
  readonly id: number;
  /** Ascending by word. */
  readonly words: readonly WordMask[];
}

/** Words and masks that led here, and what may follow: by word, then by mask (as a signed number: small integers are cheap keys). */
interface Step {
  mask: Mask | null;
  readonly next: Map<number, Map<number, Step>>;
}

export class Masks {
  private readonly root: Step = { mask: null, next: new Map() };
  private readonly list: Mask[] = [];
  /** By mask: what {@link without} has found last of it. */
  private readonly less: { word: number; bits: number; rest: Mask }[] = [];

  /** The mask of a match. */
  of(match: Match): Mask {
    let step = this.root;
    for (const x of match) step = follow(step, x.w, x.m);
    return step.mask ?? this.enter(step, match);
  }

  at(id: number): Mask {
    return this.list[id];
  }

  /** `mask` without the bits of `bits` of a word. */
  without(mask: Mask, word: number, bits: number): Mask {
    const last = this.less[mask.id];
    if (last?.word === word && last.bits === bits) return last.rest;
    const rest = this.rest(mask, word, bits);
    this.less[mask.id] = { word, bits, rest };
    return rest;
  }

  private rest(mask: Mask, word: number, bits: number): Mask {
    const words = mask.words.flatMap((x) => {
      if (x.w !== word) return [x];
      const m = (x.m & ~bits) >>> 0;
      return m === 0 ? [] : [{ w: word, m }];
    });
    let step = this.root;
    for (const x of words) step = follow(step, x.w, x.m);
    return step.mask ?? this.enter(step, words);
  }

  private enter(step: Step, words: readonly { readonly w: number; readonly m: number }[]): Mask {
    const mask = { id: this.list.length, words: words.map(({ w, m }) => ({ w, m })) };
    this.list.push(mask);
    step.mask = mask;
    return mask;
  }
}

function follow(step: Step, w: number, m: number): Step {
  let masks = step.next.get(w);
  if (!masks) {
    masks = new Map();
    step.next.set(w, masks);
  }
  let next = masks.get(m | 0);
  if (!next) {
    next = { mask: null, next: new Map() };
    masks.set(m | 0, next);
  }
  return next;
}
