/** Errors for objects that may not be received. */
import { AppError } from '../../errors.js';
import { typeFromNumber } from '../objects/type.js';
import type { Oid } from '../oid.js';

/** An object that breaks one of git's fsck rules, named by the rule's id. */
export function invalidObject(oid: Oid, id: string, message: string): AppError {
  return new AppError('INVALID_OBJECT', { message: `${oid}: ${id}: ${message}`, details: { oid, id } });
}

/** An object that is used as one type and is, or is used as, another. */
export function namedAs(oid: Oid, one: number, other: number): AppError {
  const message = `the object is named as a ${typeFromNumber(one)} and as a ${typeFromNumber(other)}`;
  return invalidObject(oid, 'wrongType', message);
}
