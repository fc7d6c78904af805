import { describe, expect, it } from 'vitest';

import { findBackup, listManifests, prune, setPinned, type Manifest } from '../../../engine';
import { chooseBackups } from '../../../engine/verify/choose';
import { noise } from '../../random/bytes';
import { temporaryStorage } from '../archive/support';
import type { Contents } from './memory-set';
import { backUp } from './stage';

const random = noise('tree/checkpoints');

/** A backup that needs checkpoints, and these. */
async function stage() {
	const { storage, files } = temporaryStorage();
	const contents: Contents = new Map(['a', 'b', 'c'].map((name): [string, Buffer] => [name, random(50_000)]));
	const manifest = await backUp(storage, contents, { checkpointBytes: 40_000 });
	const all = async () => (await listManifests(storage, '', { checkpoints: true })).backups;
	const checkpoints = (await all()).filter((backup) => backup.manifest.checkpoint);
	expect(checkpoints).toHaveLength(3);
	return { storage, files, contents, manifest, checkpoints, all };
}

describe('a checkpoint', () => {
	it('has a format that older versions of this package leave alone', async () => {
		const { manifest, checkpoints } = await stage();
		expect(manifest.formatVersion).toBe(2);
		expect(checkpoints.map((checkpoint) => checkpoint.manifest.formatVersion)).toEqual([4, 4, 4]);
	});

	it('is no backup to lists, to the latest, and to all who look for one', async () => {
		const { storage, manifest, checkpoints } = await stage();
		expect((await listManifests(storage, '')).backups.map((backup) => backup.manifest.id)).toEqual([manifest.id]);
		expect((await findBackup(storage, { latest: 'set' })).manifest.id).toBe(manifest.id);
		expect((await chooseBackups(storage)).backups.map((backup) => backup.manifest.id)).toEqual([manifest.id]);
		for (const { key, manifest: checkpoint } of checkpoints) {
			for (const reference of [{ id: checkpoint.id }, { file: key }, { file: `${key}.manifest.json` }]) {
				const refused = { code: 'INVALID_INPUT', message: expect.stringContaining('is a checkpoint') as string };
				await expect(findBackup(storage, reference)).rejects.toMatchObject(refused);
				await expect(chooseBackups(storage, { reference })).rejects.toMatchObject(refused);
				await expect(setPinned({ storage, reference, pinned: true, owner: 'test' })).rejects.toMatchObject(refused);
			}
		}
	});

	it('stays while a backup needs it, and goes with it, whatever the policy', async () => {
		const { storage, contents, all } = await stage();
		const policy = { rules: { last: 1 } };
		const run = async (dryRun = false) => await prune({ storage, policy, owner: 'test', dryRun });
		expect((await run()).deleted).toEqual([]);
		expect(await all()).toHaveLength(4);
		contents.clear();
		contents.set('z', random(100));
		const next: Manifest = await backUp(storage, contents);
		expect(next.needs).toBeUndefined();
		const planned = await run(true);
		expect(planned.rows.filter(({ verdict }) => verdict === 'delete')).toHaveLength(4);
		expect((await run()).deleted).toHaveLength(4);
		expect((await all()).map((backup) => backup.manifest.id)).toEqual([next.id]);
	});
});
