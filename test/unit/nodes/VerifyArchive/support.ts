import type { IExecuteFunctions } from 'n8n-workflow';
import { expect } from 'vitest';

import type { Manifest } from '../../../../engine';

/** A node whose fields have these values; the others are not there. */
export function withFields(fields: Record<string, unknown>): IExecuteFunctions {
	const getNodeParameter = (name: string, _item: number, fallback?: unknown) =>
		Object.hasOwn(fields, name) ? fields[name] : fallback;
	return { getNodeParameter } as unknown as IExecuteFunctions;
}

export const refusal = (message: string) =>
	expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(message) as string }) as Error;

/** A manifest, as far as items tell of it. */
export function manifestOf(facts: Partial<Manifest> = {}): Manifest {
	return {
		id: '0b6a3a52-6e0a-4a8f-9d0e-5f1d8c3b7a11',
		kind: 'postgres',
		name: 'shop',
		file: 'shop_20260131_020000.sql.zst',
		startedAt: '2026-01-31T02:00:00.000Z',
		finishedAt: '2026-01-31T02:00:05.000Z',
		codec: { name: 'zstd' },
		encryption: null,
		size: { raw: 10_000, compressed: 1000, stored: 1000 },
		counts: { rows: 100 },
		...facts,
	} as Manifest;
}
