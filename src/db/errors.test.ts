import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { asDatabaseError, describeDatabaseError, isUniqueViolation } from './errors.js';

const postgresError = (fields: object) =>
  Object.assign(new Error('insert into "secret_table"'), { name: 'PostgresError', ...fields });

describe('asDatabaseError', () => {
  it('hides the message and keeps the cause', () => {
    const original = postgresError({ code: '42P01' });
    const error = asDatabaseError(new Error('Failed query: insert …', { cause: original })) as AppError;
    expect(error).toBeInstanceOf(AppError);
    expect(error.code).toBe('DATABASE_ERROR');
    expect(JSON.stringify(error) + error.message).not.toContain('secret_table');
    expect((error.cause as Error).cause).toBe(original);
  });

  it('knows network errors, and leaves everything else alone', async () => {
    for (const code of ['ECONNREFUSED', 'CONNECTION_CLOSED', 'CONNECT_TIMEOUT']) {
      expect(asDatabaseError(Object.assign(new Error(), { code }))).toMatchObject({ code: 'DATABASE_ERROR' });
    }
    const missingFile = await readFile('/nowhere/at/all').catch((error: unknown) => error);
    const others = [
      missingFile,
      new TypeError('x'),
      new AppError('CONFLICT', { cause: postgresError({ code: '23505' }) }),
      'text',
      undefined,
    ];
    for (const other of others) expect(asDatabaseError(other)).toBe(other);
  });
});

describe('isUniqueViolation', () => {
  it('looks through wrappers', () => {
    const inner = postgresError({ code: '23505', constraint_name: 'a_key' });
    const wrapped = new AppError('DATABASE_ERROR', { cause: new Error('Failed query', { cause: inner }) });
    expect([
      isUniqueViolation(wrapped),
      isUniqueViolation(wrapped, 'a_key'),
      isUniqueViolation(wrapped, 'b_key'),
    ]).toEqual([true, true, false]);
    expect(isUniqueViolation(postgresError({ code: '23503' }))).toBe(false);
  });
});

describe('describeDatabaseError', () => {
  it('is one line without the password', () => {
    const line = describeDatabaseError(new Error('many\n  lines'), 'postgres://user:geheim@db.example:6000/x');
    expect(line).toBe('Postgres at db.example:6000 cannot be used: many lines');
    expect(describeDatabaseError(new Error('x'), 'not a url')).toBe('Postgres at the address given cannot be used: x');
  });
});
