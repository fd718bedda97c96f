import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellCommand } from './launcher.js';

describe('shellCommand', () => {
  it.each(['/plain/main.js', '/it\'s a $HOME/`x`/"q"/main.js', '/ends with \\/main.js'])(
    'survives the shell: %s',
    (script) => {
      const line = shellCommand({ node: 'printf', flags: [], script: '%s\\n' }, [script, 'credential']);
      expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(`${script}\ncredential\n`);
    },
  );

  it('keeps loaders, found from any folder, and drops other flags', () => {
    const flags = ['--inspect', '--import', 'tsx', '--require=./hook.cjs', '--max-old-space-size=100'];
    const line = shellCommand({ node: '/n', flags, script: '/s' }, []);
    expect(line).toMatch(/^\/n --import file:\/\/\S*tsx\S* --require \/\S+\/hook\.cjs \/s$/);
  });
});
