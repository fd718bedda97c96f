/** Turns whatever was thrown into an AppError. What is not one already is the server's fault and tells nothing. */
import { HTTPException } from 'hono/http-exception';
import { asDatabaseError } from '../db/index.js';
import { AppError } from '../errors.js';

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HTTPException && error.status < 500) return new AppError('VALIDATION_ERROR', { cause: error });
  const translated = asDatabaseError(error);
  return translated instanceof AppError ? translated : new AppError('INTERNAL_ERROR', { cause: error });
}
