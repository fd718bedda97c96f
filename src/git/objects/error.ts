/** Thrown for object bytes that cannot be parsed; the message is fit for a client. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
}
