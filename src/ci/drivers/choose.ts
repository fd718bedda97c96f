import type { Config } from '../../config.js';
import { createBubblewrapDriver } from './bubblewrap.js';
import type { SandboxDriver } from './contract.js';
import { createDockerDriver } from './docker.js';
import { createKubernetesDriver } from './kubernetes/driver.js';

/**
 * The driver that CI_DRIVER names, or the first of this machine that works; a cluster is never picked by itself.
 * @returns the driver, or one sentence per driver that says why it does not work
 */
export async function chooseDriver(
  config: Pick<Config, 'CI_DRIVER' | 'CI_IMAGE' | 'CI_KUBERNETES_NAMESPACE' | 'dockerEnv'>,
): Promise<{ driver: SandboxDriver } | { reason: string }> {
  const local = [createBubblewrapDriver(), createDockerDriver({ image: config.CI_IMAGE, env: config.dockerEnv })];
  const cluster = createKubernetesDriver({ image: config.CI_IMAGE, namespace: config.CI_KUBERNETES_NAMESPACE });
  const drivers =
    config.CI_DRIVER === 'auto' ? local : [...local, cluster].filter(({ name }) => name === config.CI_DRIVER);
  const reasons: string[] = [];
  for (const driver of drivers) {
    const problem = await driver.probe();
    if (problem === undefined) return { driver };
    reasons.push(`${problem}.`);
  }
  return { reason: `No isolation is available: ${reasons.join(' ')}` };
}
