/** Which entry of the pack that is built rests on which, so that new deltas make neither circles nor long chains. */
import type { PackReader } from '../../git/pack/reader.js';
import type { Place } from '../../git/pack/reader-chain.js';

/** Packs have fewer than 2^32 objects. */
const PACK_KEY = 2 ** 32;

/** An entry that was written. */
interface Link {
  place: Place;
  base?: Link;
  /** How many deltas lead to something that is whole; Infinity for one that rests on an entry that is not written yet. */
  depth: number;
}

export class Chains {
  readonly #links = new Map<number, Link>();

  /**
   * Notes an entry that was written.
   * @param base where that of a delta is: in the pack, outside of it, or nowhere for a whole object
   */
  written(place: Place, base?: Place | 'outside'): void {
    const link = base === undefined || base === 'outside' ? undefined : this.#links.get(keyOf(base));
    const depth = base === undefined ? 0 : base === 'outside' ? 1 : (link?.depth ?? Number.POSITIVE_INFINITY) + 1;
    this.#links.set(keyOf(place), { place, depth, ...(link && { base: link }) });
  }

  /**
   * The entry if at most `most` deltas lead from it to something whole. Otherwise one that it rests on, half as far, so
   * that as many more can follow each other.
   */
  shallow(place: Place, most: number): Place | undefined {
    let link = this.#links.get(keyOf(place));
    if (link === undefined || link.depth === Number.POSITIVE_INFINITY) return undefined;
    if (link.depth <= most) return link.place;
    while (link !== undefined && link.depth > most / 2) link = link.base;
    return link?.place;
  }
}

/** What rests on an entry: how many deltas, and how many of them at most one on the other. */
export interface Resting {
  count: number;
  height: number;
}

/**
 * What rests on entries of a stored pack, among those that are sent.
 * @param order their index positions in the order of the file: a delta comes after its base, except for bases that were
 *   appended to a thin pack, of which less is known then
 */
export function restingOn(pack: PackReader, order: Uint32Array): Map<number, Resting> {
  const resting = new Map<number, Resting>();
  for (let i = order.length - 1; i >= 0; i--) {
    const position = order[i]!;
    const { base } = pack.entry(position);
    if (base < 0) continue;
    const { count, height } = resting.get(position) ?? { count: 0, height: 0 };
    const known = resting.get(base);
    resting.set(base, { count: (known?.count ?? 0) + count + 1, height: Math.max(known?.height ?? 0, height + 1) });
  }
  return resting;
}

function keyOf({ pack, position }: Place): number {
  return pack * PACK_KEY + position;
}
