/** Refuses objects that were made to collide with others under SHA-1. */
import { CollisionDetector, isCollision } from '../collision/index.js';
import { typeFromNumber } from '../objects/type.js';
import { OID_BYTES, oidAt } from '../oid.js';
import { type Content, READ_BYTES } from './index-content.js';
import type { PackState } from './index-pack.js';
import { invalidObject } from './invalid-object.js';
import { objectHeader } from './loose.js';

/** Checks an entry whose id and type are known. @throws AppError INVALID_OBJECT */
export function refuseCollision(state: PackState, entry: number, data: Uint8Array): void {
  if (state.collisionCheck && isCollision(headerOf(state, entry, data.length), data)) throw collision(state, entry);
}

/** The same for content that may lie in a file. */
export function refuseCollisionIn(state: PackState, entry: number, content: Content): void {
  if (!state.collisionCheck) return;
  const detector = detectorFor(state, entry, content.size);
  for (let at = 0; at < content.size; at += READ_BYTES) {
    detector.update(content.read(at, Math.min(READ_BYTES, content.size - at)));
  }
  if (detector.finish()) throw collision(state, entry);
}

/** A detector that has seen the header of an entry of `size` bytes. */
export function detectorFor(state: PackState, entry: number, size: number): CollisionDetector {
  return new CollisionDetector().update(Buffer.from(headerOf(state, entry, size), 'latin1'));
}

/** The error for an entry in which an attack was found. */
export function collision({ entries }: PackState, entry: number): Error {
  const message = 'the object carries a SHA-1 collision attack: another object of the same id exists';
  return invalidObject(oidAt(entries.oids, entry * OID_BYTES), 'sha1Collision', message);
}

function headerOf({ entries }: PackState, entry: number, size: number): string {
  return objectHeader(typeFromNumber(entries.types[entry]!)!, size);
}
