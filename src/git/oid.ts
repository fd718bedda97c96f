/** Object ids. Text form: 40 lowercase hex digits. Binary form: 20 bytes. Only SHA-1 repositories are served. */
export type Oid = string;

export const OID_BYTES = 20;
export const ZERO_OID: Oid = '0'.repeat(40);

/** True for 40 lowercase hex digits; upper case is refused, as everything git sends is lower case. */
export function isOid(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Reads the 20 bytes at `offset` as an object id. */
export function oidAt(bytes: Uint8Array, offset: number): Oid {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, OID_BYTES).toString('hex');
}

/** The 20 bytes of an object id. */
export function oidToBytes(oid: Oid): Buffer {
  return Buffer.from(oid, 'hex');
}

/** Joins object ids into one buffer of 20 bytes each, the form in which lists of ids cross threads. */
export function packOids(oids: Iterable<Oid>): Buffer {
  return Buffer.from([...oids].join(''), 'hex');
}

/** Splits a buffer made by {@link packOids}. */
export function unpackOids(bytes: Uint8Array): Oid[] {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  const oids: Oid[] = [];
  for (let at = 0; at < hex.length; at += 40) oids.push(hex.slice(at, at + 40));
  return oids;
}
