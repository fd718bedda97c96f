/** `npm run bench -- api [--rounds 5] [--seconds 3] [--clients 16]`: the JSON API against its floor, in turns. */
import { parseArgs } from 'node:util';
import { startEnvironment } from './api/environment.js';
import { load } from './api/load.js';
import { WORK } from './api/work.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seconds: { type: 'string' }, clients: { type: 'string' } },
});
const rounds = Number(values.rounds ?? 5);
const seconds = Number(values.seconds ?? 3);
const clients = Number(values.clients ?? 16);

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;

const environment = await startEnvironment();
try {
  console.log('| work | ours /s | floor /s | ratio (goal) |\n|---|---|---|---|');
  for (const { name, goal, prepare } of WORK) {
    const { ours, floor } = prepare(environment);
    const samples = { ours: [] as number[], floor: [] as number[] };
    await load(environment.url, ours, clients, 1);
    await load(environment.floorUrl, floor, clients, 1);
    for (let round = 0; round < rounds; round += 1) {
      samples.ours.push(await load(environment.url, ours, clients, seconds));
      samples.floor.push(await load(environment.floorUrl, floor, clients, seconds));
    }
    const ratios = samples.ours.map((value, index) => value / (samples.floor[index] ?? Number.NaN));
    const ratio = median(ratios);
    const met = ratio >= goal ? '' : ' (missed)';
    console.log(
      `| ${name} | ${median(samples.ours).toFixed(0)} | ${median(samples.floor).toFixed(0)} | ${ratio.toFixed(2)} (>= ${goal})${met} |`,
    );
  }
} finally {
  await environment.stop();
}
