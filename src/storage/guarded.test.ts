import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import type { ObjectStore } from './contract.js';
import { guarded } from './guarded.js';
import { createMemoryStore } from './memory.js';

const OPTIONS = { contentType: 'text/plain' };

function watched(change: Partial<ObjectStore> = {}, slowOperationMs = 1000) {
  const calls: [string, string | undefined][] = [];
  const warnings: object[] = [];
  const store = guarded(
    { ...createMemoryStore(), ...change },
    {
      observer: { operation: (name, _seconds, error) => calls.push([name, error]) },
      log: { warn: (fields) => warnings.push(fields) },
      slowOperationMs,
    },
  );
  return { store, calls, warnings };
}

describe('guarded store', () => {
  it('reports every call under its name', async () => {
    const { store, calls } = watched();
    await store.put('r/a', Buffer.from('1'), OPTIONS);
    await store.put('r/p.pack', Buffer.from('1'), OPTIONS);
    await store.putFile('r/p.idx', '/dev/null', OPTIONS);
    await store.get('r/a');
    await store.get('r/p.idx');
    for await (const chunk of await store.stream('r/p.pack')) expect(chunk).toHaveLength(1);
    await store.head('r/a');
    for await (const item of store.list('r/')) expect(item.key).toMatch(/^r\//);
    for await (const name of store.listTopLevel()) expect(name).toBe('r');
    await store.delete(['r/a']);
    await store.deletePrefix('r/');
    expect(calls.map(([name]) => name)).toEqual([
      'put_object',
      'put_packfile',
      'put_packfile',
      'get_object',
      'get_packfile',
      'get_packfile',
      'head_object',
      'list_objects',
      'list_objects',
      'delete_object',
      'delete_repository_objects',
    ]);
    expect(calls.every(([, error]) => error === undefined)).toBe(true);
  });

  it.each([
    [new AppError('S3_CONNECTION_ERROR'), 'connection_error'],
    [new AppError('S3_CONNECTION_ERROR', { cause: Object.assign(new Error(), { name: 'TimeoutError' }) }), 'timeout'],
    [
      new AppError('S3_CONNECTION_ERROR', {
        cause: Object.assign(new Error(), { name: 'TimeoutError', code: 'ECONNRESET' }),
      }),
      'connection_error',
    ],
    [new AppError('S3_ACCESS_DENIED'), 'access_denied'],
    [new AppError('OBJECT_STORAGE_ERROR'), 'delete_failed'],
    [new TypeError('bug'), 'internal'],
  ])('labels %o', async (failure, label) => {
    const { store, calls } = watched({ delete: () => Promise.reject(failure) });
    await expect(store.delete(['a'])).rejects.toBe(failure);
    expect(calls).toEqual([['delete_object', label]]);
  });

  it('warns about slow calls, and not about slow readers of a list', async () => {
    const { store, warnings } = watched({ head: () => sleep(60, undefined) }, 40);
    await store.put('r/a', Buffer.from('1'), OPTIONS);
    await store.put('r/b', Buffer.from('1'), OPTIONS);
    for await (const item of store.list('r/')) await sleep(50, item);
    expect(warnings).toEqual([]);
    await store.head('r/a');
    expect(warnings).toEqual([{ operation: 'head_object', key: 'r/a', ms: expect.any(Number) }]);
  });

  it('reports a list that its reader leaves', async () => {
    const { store, calls } = watched();
    await store.put('r/a', Buffer.from('1'), OPTIONS);
    for await (const { key } of store.list('')) {
      expect(key).toBe('r/a');
      break;
    }
    expect(calls).toContainEqual(['list_objects', undefined]);
  });
});
