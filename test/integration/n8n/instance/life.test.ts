/** What becomes of backups of instances among all others: drills, trends, retention. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { drill, findAnomalies, listManifests, type Manifest, prune } from '../../../../engine';
import type { FolderStorage } from '../../../../engine/storage/folder';
import { settled } from '../../settled';
import { backUp, emptyStorage, folder, KEYS, makeInstance, restore } from './stage';

/** Backups of three nights, each with one more file of an execution. */
async function threeNights(): Promise<{ storage: FolderStorage & { root: string }; backups: Manifest[] }> {
	const { settings, root } = makeInstance();
	const storage = emptyStorage();
	const files = join(root, '.n8n/storage/workflows');
	mkdirSync(files, { recursive: true });
	const backups: Manifest[] = [];
	for (const night of ['one', 'two', 'three']) {
		writeFileSync(join(files, night), `content of ${night}`);
		// A file that changed a moment ago is stored once more by the next night.
		await settled(files);
		backups.push(await backUp(storage, settings, { binaryData: true }));
	}
	return { storage, backups };
}

async function kindsIn(storage: FolderStorage): Promise<string[]> {
	const { backups } = await listManifests(storage, '');
	return backups.map(({ manifest: { kind } }) => kind).sort();
}

describe('backups of an instance', () => {
	it('are restored by a drill, with the binary data that they need', async () => {
		const { storage, backups } = await threeNights();
		const scratch = { n8n: { folder: folder() }, files: { folder: folder() } };
		const report = await drill({ storage, scratch, keys: KEYS });
		expect(report).toMatchObject({ verdict: 'passed', gaps: [], runId: backups.at(-1)!.runId });
		expect(report.backups.map(({ kind, reached, verdict }) => [kind, reached, verdict])).toEqual([
			['files', 'restore', 'passed'],
			['n8n-instance', 'restore', 'passed'],
		]);
		expect(report.recoveryTime.sequential).toBeGreaterThan(0);
	});

	it('keep the archives that the last of them needs when all others go', async () => {
		const { storage, backups } = await threeNights();
		const report = await prune({ storage, policy: { rules: { last: 1 } }, owner: 'test' });
		expect(report.deleted.map(({ key }) => key)).toHaveLength(2);
		// The first backup of the files holds what the later ones have in common.
		expect(await kindsIn(storage)).toEqual(['files', 'files', 'files', 'n8n-instance']);
		const target = join(folder(), 'new');
		await restore(storage, backups.at(-1)!, target);
		for (const night of ['one', 'two', 'three'])
			expect(readFileSync(join(target, '.n8n/storage/workflows', night), 'utf8')).toBe(`content of ${night}`);
	});

	it('make a trend: one that has lost most of its rows is told', async () => {
		const manifest = await backUp(emptyStorage(), makeInstance().settings);
		const before = Array.from({ length: 6 }, (_, day) => ({
			...manifest,
			id: randomUUID(),
			startedAt: `2026-01-0${day + 1}T00:00:00.000Z`,
			finishedAt: `2026-01-0${day + 1}T00:00:02.000Z`,
			counts: { ...manifest.counts, rows: 5000 + day },
		}));
		expect(findAnomalies(manifest, before)).toMatchObject([
			{ measure: 'rows', value: 4, message: expect.stringContaining('number of rows, 4, is 100 % below') },
		]);
		expect(findAnomalies({ ...manifest, counts: { ...manifest.counts, rows: 5010 } }, before)).toEqual([]);
	});
});
