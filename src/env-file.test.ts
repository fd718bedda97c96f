import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, readConfig, withEnvFile } from './config.js';
import { readEnvFile } from './env-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gitclaw-env-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (text: string) => writeFileSync(join(folder, '.env'), text);

describe('.env', () => {
  it.each([
    ['plain', 'PORT=9000\nHOST=0.0.0.0\n'],
    ['empty, comments and blank lines', '\n# PORT=1\n   \n\t# x\n'],
    ['spaces, export and a comment behind', '  export PORT = 9000 # the port\nHOST=::1\n'],
    ['quotes of three kinds', `A="one two"\nB='three "four"'\nC=\`five 'six'\`  # seven\n`],
    ['values over several lines', 'A="one\ntwo\nthree"\nB=4\n'],
    ['equal signs and an empty value', 'DATABASE_URL=postgres://u:p%23@h/d?a=b&c=d\nEMPTY=\n'],
    ['no line end at the last line', 'PORT=1\nHOST=h'],
  ])('is read as Node reads it: %s', (_, text) => {
    write(text);
    expect(readEnvFile(folder)).toEqual({ ...parseEnv(text) });
  });

  it('may begin with a byte order mark and have the line ends of Windows', () => {
    write('\ufeffPORT=9000\r\nHOST=0.0.0.0\r\n');
    expect(readEnvFile(folder)).toEqual({ PORT: '9000', HOST: '0.0.0.0' });
  });

  it.each([
    [1, 'PORT 9000\n'],
    [2, 'PORT=1\nPORT: 2\n'],
    [3, '\n\n1PORT=2\n'],
    [2, 'A=1\nB="never closed\nC=2\n'],
    [1, 'A="one" two\n'],
    [2, 'A="one\ntwo" three\n'],
    [1, '=x\n'],
  ])('is refused with the line %i that says nothing', (line, text) => {
    write(text);
    expect(() => withEnvFile({}, folder)).toThrow(ConfigError);
    expect(() => withEnvFile({}, folder)).toThrow(`${join(folder, '.env')} line ${line} is not NAME=value`);
  });

  it('may be missing, and is named when it cannot be read', () => {
    expect(readEnvFile(folder)).toEqual({});
    expect(readEnvFile(join(folder, 'nowhere'))).toEqual({});
    mkdirSync(join(folder, '.env'));
    expect(() => withEnvFile({}, folder)).toThrow(/\.env cannot be read \(EISDIR\)$/);
    chmodSync(join(folder, '.env'), 0o700);
  });

  it('gives way to the environment, also to variables that are set to nothing', () => {
    write('PORT=9000\nHOST=0.0.0.0\nS3_BUCKET=from-the-file\nLOG_LEVEL=debug\n');
    const config = readConfig(withEnvFile({ PORT: '9001', S3_BUCKET: '' }, folder));
    expect(config).toMatchObject({ PORT: 9001, HOST: '0.0.0.0', s3: undefined, logLevel: 'debug' });
  });
});
