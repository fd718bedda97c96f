/** Base64 as it arrives, in pieces of any length (RFC 4648 section 4: standard alphabet, padded, nothing else). */
import { AppError } from '../../../errors.js';

const GROUP = 4;

export class Base64Decoder {
  #carry = '';
  #padded = false;

  /** @throws AppError VALIDATION_ERROR */
  feed(ascii: Uint8Array): Buffer {
    let text = this.#carry + Buffer.from(ascii.buffer, ascii.byteOffset, ascii.byteLength).toString('latin1');
    const whole = text.length - (text.length % GROUP);
    this.#carry = text.slice(whole);
    text = text.slice(0, whole);
    if (text === '') return Buffer.alloc(0);
    if (this.#padded || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw notBase64();
    this.#padded = text.endsWith('=');
    return Buffer.from(text, 'base64');
  }

  /** Call at the end. @throws AppError VALIDATION_ERROR when a group is not complete */
  end(): void {
    if (this.#carry !== '') throw notBase64();
  }
}

function notBase64(): AppError {
  return new AppError('VALIDATION_ERROR', {
    message: 'The field "packfile" is not padded standard base64.',
    details: { field: 'packfile' },
  });
}
