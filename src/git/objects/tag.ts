/** Annotated tag objects. */
import { isOid, type Oid } from '../oid.js';
import { ObjectError } from './error.js';
import { headerLine, parseHeaders } from './headers.js';
import { formatPerson, type Person, parsePerson } from './person.js';
import { OBJECT_TYPES, type ObjectType } from './type.js';

export interface Tag {
  object: Oid;
  type: ObjectType;
  tag: string;
  /** Absent in tags of 2005. */
  tagger?: Person;
  /** With a signature, if there is one, at its end. */
  message: string;
}

export function isObjectType(name: string): name is ObjectType {
  return Object.hasOwn(OBJECT_TYPES, name);
}

/** @throws ObjectError when object, type or tag line cannot be read */
export function parseTag(data: Uint8Array): Tag {
  const { lines, message } = parseHeaders(data);
  const value = (at: number, name: string) => {
    const line = lines[at];
    if (line?.name !== name) throw new ObjectError(`the tag has no ${name} line`);
    return line.value.toString('utf8');
  };
  const object = value(0, 'object').toLowerCase();
  const type = value(1, 'type');
  if (!isOid(object)) throw new ObjectError('the tag has no valid object line');
  if (!isObjectType(type)) throw new ObjectError('the tag names an unknown object type');
  const tagger = lines[3]?.name === 'tagger' ? { tagger: parsePerson(value(3, 'tagger')) } : {};
  return { object, type, tag: value(2, 'tag'), ...tagger, message: message.toString('utf8') };
}

/** The bytes of a tag, in UTF-8. @throws ObjectError when a value would break the format */
export function encodeTag(tag: Tag): Buffer {
  if (!isOid(tag.object)) throw new ObjectError('an object id is not 40 hex digits');
  if (/[\n\0]/.test(tag.tag) || tag.tag === '') throw new ObjectError('a tag name has a forbidden character');
  const tagger = tag.tagger === undefined ? '' : headerLine('tagger', formatPerson(tag.tagger));
  const head = headerLine('object', tag.object) + headerLine('type', tag.type) + headerLine('tag', tag.tag);
  return Buffer.from(`${head}${tagger}\n${tag.message}`, 'utf8');
}
