/** The four object types with the numbers they have in a pack entry header (gitformat-pack). */
export const OBJECT_TYPES = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;

export type ObjectType = keyof typeof OBJECT_TYPES;

const NAMES: readonly (ObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];

/** The type of a pack type number, or undefined for delta and unknown numbers. */
export function typeFromNumber(number: number): ObjectType | undefined {
  return NAMES[number];
}

/** A whole object in memory. */
export interface GitObject {
  type: ObjectType;
  data: Uint8Array;
}
