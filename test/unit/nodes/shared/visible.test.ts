import type { IExecuteFunctions } from 'n8n-workflow';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { readRunning, type Storage } from '../../../../engine';
import { systemClock } from '../../../../engine/storage/clock';
import { whileRestoring } from '../../../../nodes/shared/archiveSource';
import { temporaryStorage } from '../../../integration/retention/support';
import { DrivenClock } from '../../storage/driven-clock';

afterEach(() => void vi.restoreAllMocks());

/** Reads ten bytes of a backup as an operation does it, and looks after some seconds what others see of that. */
async function seenWhile(operation: string, storage: Storage) {
	const clock = new DrivenClock();
	vi.spyOn(systemClock, 'now').mockImplementation(() => clock.now());
	vi.spyOn(systemClock, 'wait').mockImplementation((...args) => clock.wait(...args));
	const lines: string[] = [];
	const context = {
		getNodeParameter: () => operation,
		getWorkflow: () => ({ name: 'Recovery' }),
		getExecutionId: () => '17',
		getNode: () => ({ name: 'Bring back' }),
		logger: { info: (line: string) => void lines.push(line) },
	} as unknown as IExecuteFunctions;
	const key = 'postgres/shop.sql';
	await storage.replace(key, Buffer.alloc(10));
	const size = { raw: 100, compressed: 40, stored: 40 };
	const runs = await whileRestoring(context, 0, storage, { kind: 'postgres', name: 'shop', size }, async (visible) => {
		for await (const _chunk of await visible.read(key));
		if (clock.waiting === 0) return await readRunning(storage);
		await clock.nextWait();
		await clock.advance(10_000);
		await clock.nextWait();
		return await readRunning(storage);
	});
	expect(await readRunning(storage)).toEqual([]);
	return { runs, lines };
}

describe('a run that reads a backup', () => {
	it.each(['restore', 'restoreInstance', 'import', 'importWorkflows'])(
		'is seen by others, and told in the log, where it does: %s',
		async (operation) => {
			const { runs, lines } = await seenWhile(operation, temporaryStorage());
			expect(runs).toMatchObject([
				{ action: 'restore', kind: 'postgres', name: 'shop', bytes: 10, totalBytes: 40, workflow: 'Recovery' },
			]);
			expect(lines).toEqual(['Bring back: restoring postgres shop: 10 B of 40 B (25 %), 1 B/s, 30 s left']);
		},
	);

	it.each(['listContents', 'listEntries', 'listObjects', 'compareWorkflows'])(
		'is nothing in particular where it only looks: %s',
		async (operation) => {
			expect(await seenWhile(operation, temporaryStorage())).toEqual({ runs: [], lines: [] });
		},
	);

	it('is told in the log alone where it reads what came in', async () => {
		const storage = Object.assign(temporaryStorage(), { isOneRuns: true as const });
		const { runs, lines } = await seenWhile('restore', storage);
		expect(runs).toEqual([]);
		expect(lines).toHaveLength(1);
	});
});
