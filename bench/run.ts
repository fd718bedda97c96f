/** `npm run bench [-- NAME ...]`: starts `bench/NAME.ts` with the other arguments; `api` when none is named. */
import { existsSync } from 'node:fs';

const [name = 'api'] = process.argv.splice(2, 1);
const file = new URL(`./${name}.ts`, import.meta.url);
if (!/^[a-z]+$/.test(name) || !existsSync(file)) {
  console.error(`there is no bench called ${name}`);
  process.exitCode = 2;
} else {
  await import(file.href);
}
