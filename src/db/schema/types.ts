/** Column types that Postgres has and drizzle lacks, or that drizzle spells in a way that loses information. */
import { customType, type ExtraConfigColumn, timestamp } from 'drizzle-orm/pg-core';

/** JSONB that leaves parsing to the driver: a JSON string that looks like a number stays a string. */
export const jsonb = customType<{ data: unknown; driverData: unknown }>({
  dataType: () => 'jsonb',
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => value,
});

/** BYTEA; the driver hands back Buffers. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });

/** TIMESTAMPTZ as a Date. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true });

/** Descending as `ORDER BY … DESC` means it; drizzle's own `desc()` puts nulls last, an order that no such query asks for. */
export const descending = (column: ExtraConfigColumn) => column.desc().nullsFirst();
