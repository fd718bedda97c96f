import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.js';

interface Service {
  profiles?: string[];
  environment?: Record<string, string>;
  command?: string[];
}

const file = parse(readFileSync(new URL('../compose.yaml', import.meta.url), 'utf8'), { merge: true });
const services = Object.entries(file.services as Record<string, Service>);
const nodes = services.filter(([name]) => /^(gitclaw|worker)/.test(name));

describe('compose.yaml', () => {
  it('starts one server by default, and two servers, two workers and a proxy as profile scale', () => {
    const always = services.filter(([, service]) => service.profiles === undefined).map(([name]) => name);
    expect(always.sort()).toEqual(['gitclaw', 'minio', 'postgres']);
    const scaled = services.filter(([, service]) => service.profiles?.includes('scale')).map(([name]) => name);
    expect(scaled.sort()).toEqual(['gitclaw-2', 'proxy', 'worker-1', 'worker-2']);
  });

  it('lets Prometheus find every server and worker by the shipped configuration', () => {
    const [job] = parse(
      readFileSync(new URL('../src/monitoring/prometheus.yml', import.meta.url), 'utf8'),
    ).scrape_configs;
    const listed: string[] = job.static_configs.flatMap(({ targets }: { targets: string[] }) => targets);
    const found: string[] = job.dns_sd_configs.flatMap(({ names, port }: { names: string[]; port: number }) =>
      names.map((name) => `${name}:${port}`),
    );
    const ports = nodes.map(([name, { environment = {} }]) => `${name}:${environment.WORKER_PORT ?? environment.PORT}`);
    expect([...listed, ...found].sort()).toEqual(ports.sort());
    expect(file.services.prometheus.profiles).toEqual(['monitoring']);
  });

  it('asks servers and workers alike for their health', () => {
    for (const name of ['worker-1', 'worker-2']) {
      const { healthcheck, environment } = file.services[name];
      expect(healthcheck.test.join(' ')).toContain(`127.0.0.1:${environment.WORKER_PORT}/health`);
    }
  });

  it('names both servers to the proxy', () => {
    expect(file.services.proxy.command).toEqual(expect.arrayContaining(['gitclaw:8080', 'gitclaw-2:8080']));
  });

  it.each(nodes)('gives %s settings that it accepts, on the shared database and bucket', (_, { environment = {} }) => {
    const filledIn = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
    );
    const config = readConfig(filledIn);
    expect(config.DATABASE_URL).toMatch(/@postgres:5432\/gitclaw$/);
    expect(config.s3).toMatchObject({ endpoint: 'http://minio:9000', bucket: 'gitclaw', pathStyle: true });
  });
});
