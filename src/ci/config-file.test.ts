import { describe, expect, it } from 'vitest';
import { MAX_CONFIG_BYTES, parseConfig } from './config-file.js';

const parse = (source: string) => parseConfig(Buffer.from(source));
const STEP = 'steps:\n  - { name: a, run: b }\n';

describe('a configuration', () => {
  it('gets the defaults of the contract', () => {
    expect(parse(STEP)).toEqual({
      name: 'default',
      timeout: 600,
      env: {},
      resources: { memory: 536870912, cpu_shares: 1024, disk: 1073741824 },
      steps: [{ name: 'a', run: 'b', working_dir: '.', env: {}, continue_on_error: false }],
    });
  });

  it('says everything it can say', () => {
    const source = `name: build
timeout: 60
env: { N: 1, B: true, S: "x y", E: "" }
resources: { memory: 268435456 }
steps:
  - name: test
    run: |
      echo one
      echo 'two'
    working_dir: sub/dir
    env:
      K: v
    continue_on_error: true
`;
    expect(parse(source)).toEqual({
      name: 'build',
      timeout: 60,
      env: { N: '1', B: 'true', S: 'x y', E: '' },
      resources: { memory: 268435456, cpu_shares: 1024, disk: 1073741824 },
      steps: [
        {
          name: 'test',
          run: "echo one\necho 'two'\n",
          working_dir: 'sub/dir',
          env: { K: 'v' },
          continue_on_error: true,
        },
      ],
    });
  });

  it('may use anchors, merges and keys that we do not know', () => {
    const source = `x: &env { A: "1" }
env: *env
on: push
steps:
  - name: a
    run: b
    env: { <<: *env, B: "2" }
    image: node
`;
    const config = parse(source);
    expect([config.env, config.steps[0]?.env]).toEqual([{ A: '1' }, { A: '1', B: '2' }]);
  });
});

describe('is refused', () => {
  const laughs = `a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
steps: [*d]
`;
  it.each([
    ['nothing', '', /the file: /],
    ['a list', '- a', /the file: /],
    ['broken YAML', 'steps: [', /cannot be read: .*line 1/],
    ['a key twice', `${STEP}name: a\nname: b\n`, /unique/i],
    ['no steps', 'name: a', /steps: /],
    ['an empty list', 'steps: []', /steps: /],
    ['a step without command', 'steps: [{ name: a }]', /steps\.0\.run: /],
    ['a step without name', 'steps: [{ run: a }]', /steps\.0\.name: /],
    ['a name of two lines', 'steps: [{ name: "a\\nb", run: c }]', /steps\.0\.name: /],
    ['a command that is no text', 'steps: [{ name: a, run: [b] }]', /steps\.0\.run: /],
    ['NUL in a command', 'steps: [{ name: a, run: "b\\0c" }]', /NUL/],
    ['a folder above', 'steps: [{ name: a, run: b, working_dir: a/../../b }]', /inside the checkout/],
    ['an absolute folder', 'steps: [{ name: a, run: b, working_dir: /etc }]', /inside the checkout/],
    ['a name that no variable has', `${STEP}env: { "a=b": c }\n`, /env/],
    ['a variable of two values', `${STEP}env: { A: [1, 2] }\n`, /env\.A/],
    ['no time', `${STEP}timeout: 0\n`, /timeout/],
    ['a day', `${STEP}timeout: 86400\n`, /timeout/],
    ['half a second', `${STEP}timeout: 1.5\n`, /timeout/],
    ['all memory', `${STEP}resources: { memory: 1000000000000 }\n`, /resources\.memory/],
    ['101 steps', `steps: [${'{ name: a, run: b },'.repeat(101)}]`, /steps: /],
    ['a bomb of aliases', laughs, /alias/i],
    ['a file that is too large', `${STEP}#${'x'.repeat(MAX_CONFIG_BYTES)}`, /bytes/],
  ])('%s', (_, source, why) => {
    expect(() => parse(source)).toThrow(
      expect.objectContaining({ code: 'INVALID_CI_CONFIG', message: expect.stringMatching(why) }),
    );
  });

  it('what is not UTF-8', () => {
    expect(() => parseConfig(Buffer.from([0xff, 0xfe, 0x61]))).toThrow(/UTF-8/);
  });
});
