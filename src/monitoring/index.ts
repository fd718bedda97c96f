/** What operators feed to Prometheus and Grafana, made for the measurements of this very build. */
import { readFile } from 'node:fs/promises';

const FILES = { alerts: 'alerts.yaml', dashboard: 'dashboard.json', prometheus: 'prometheus.yml' } as const;

export type MonitoringFile = keyof typeof FILES;
export const MONITORING_FILES = Object.keys(FILES) as readonly MonitoringFile[];

/** The text of a file. */
export function readMonitoringFile(name: MonitoringFile): Promise<string> {
  return readFile(new URL(FILES[name], import.meta.url), 'utf8');
}
