/** Import rules between the rooms of src/: left may import right, never back. */
const LAYERS = [
  ['main.ts', 'cli'],
  ['run.ts'],
  ['start.ts', 'worker.ts'],
  ['http'],
  [
    'agents',
    'repos',
    'access',
    'pulls',
    'reviews',
    'push',
    'fetch',
    'stars',
    'trending',
    'reputation',
    'jobs',
    'browse',
    'bundles',
    'forks',
    'protection',
    'certificates',
    'reconcile',
    'doctor',
    'admin',
    'webhooks',
    'events',
    'ci',
  ],
  ['open.ts', 'traced.ts'],
  ['routing'],
  ['catalog', 'refs', 'audit', 'auth', 'outbox', 'limits'],
  ['context.ts'],
  ['packs'],
  ['storage', 'db', 'metrics.ts'],
  ['telemetry', 'monitoring'],
  ['client'],
  ['git', 'signing'],
  [
    'config.ts',
    'env-file.ts',
    'rate-limits.ts',
    'receive-limits.ts',
    'errors.ts',
    'parallel.ts',
    'foreground.ts',
    'idle-collector.ts',
  ],
];

const pattern = (names) =>
  `^src/(${names.map((name) => (name.endsWith('.ts') ? name.replace('.', '\\.') : `${name}/`)).join('|')})`;
const TESTS = '\\.test\\.ts$';

const upward = LAYERS.flatMap((names, level) => {
  const above = LAYERS.slice(0, level).flat();
  if (above.length === 0) return [];
  return [
    {
      name: `no-way-up-from-${names.join('-')}`,
      severity: 'error',
      comment: 'A room may import only what stands right of it in LAYERS.',
      from: { path: pattern(names), pathNot: TESTS },
      to: { path: pattern(above) },
    },
  ];
});

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that need each other are one idea or hide a third one.',
      from: { pathNot: TESTS },
      to: { circular: true },
    },
    {
      name: 'rooms-enter-by-the-door',
      severity: 'error',
      comment: 'Another room is entered through its index.ts; git/ and signing/ are libraries of several small doors.',
      from: { path: '^src/([^/]+)/', pathNot: TESTS },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/(git|signing|packs)/'] },
    },
    {
      name: 'git-and-signing-are-pure',
      severity: 'error',
      comment: 'Bytes in, bytes or values out: no database, storage, HTTP or clock.',
      from: { path: '^src/(git|signing)/', pathNot: TESTS },
      to: { path: '(^|/)(postgres|drizzle-orm|hono|pino|@aws-sdk|http|https|net|child_process)(/|$)' },
    },
    {
      name: 'only-packs-touch-files',
      severity: 'error',
      comment:
        'A pack is too large for memory, so its code reads and writes working files it is given; nothing else does.',
      from: { path: '^src/(git|signing)/', pathNot: [TESTS, '^src/git/pack/'] },
      to: { path: '^(node:)?fs(/|$)' },
    },
    {
      name: 'routes-do-not-speak-sql',
      severity: 'error',
      from: { path: '(^src/http/|routes\\.ts$)', pathNot: TESTS },
      to: { path: 'node_modules/(drizzle-orm|postgres)/' },
    },
    {
      name: 'no-subprocess-in-the-server',
      severity: 'error',
      comment:
        'The server runs no git; the embedded Postgres, the command line, CI sandboxes and `sync` are all it starts.',
      from: { path: '^src/', pathNot: [TESTS, '^src/(cli|db|ci/drivers)/', '^src/storage/filesystem/sync-all.ts$'] },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'tracing-is-loaded-on-demand',
      severity: 'error',
      comment: 'A node that sends no traces pays nothing for them, not even the time to load the code.',
      from: { path: '^src/', pathNot: [TESTS, '^src/telemetry/otlp/'] },
      to: { path: '^(src/telemetry/otlp/|node_modules/@opentelemetry/)', dynamic: false },
    },
    {
      name: 'no-orphans-outside-the-lock-file',
      severity: 'error',
      comment: 'Every package used is declared.',
      from: { path: '^src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types'],
    },
  },
};
