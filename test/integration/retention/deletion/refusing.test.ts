import { execFile } from 'node:child_process';
import { chmodSync, lchownSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { KeepRules } from '../../../../engine/retention';
import { FolderStorage } from '../../../../engine/storage';
import { backupsIn, temporaryRoot, withManifests, writeBackup, writeDaily } from '../support';

const NOBODY = 65534;

/** Hands a folder with all that is in it to nobody, and closes some folders of it for writing. */
function closeIn(root: string, closed: string[]): void {
	if (process.getuid?.() === 0) {
		lchownSync(root, NOBODY, NOBODY);
		for (const entry of readdirSync(root, { recursive: true }))
			lchownSync(path.join(root, String(entry)), NOBODY, NOBODY);
	}
	for (const folder of closed) {
		chmodSync(path.join(root, folder), 0o555);
		onTestFinished(() => chmodSync(path.join(root, folder), 0o755));
	}
}

async function pruneAsNobody(root: string, rules: KeepRules) {
	const script = path.join(__dirname, 'prune-as-nobody.ts');
	const args = [...process.execArgv, script, root, JSON.stringify(rules)];
	const { stdout } = await promisify(execFile)(process.execPath, args);
	return JSON.parse(stdout) as unknown;
}

describe('a storage that refuses deletions halfway', () => {
	it('loses what it lets go and nothing of the rest, and the next run does the rest', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const closed = [3, 2, 1];
		const docs: string[] = [];
		for (const days of closed) docs.unshift(await writeBackup(storage, days, { folder: 'qdrant', name: 'docs' }));
		const keys = await writeDaily(storage, 3);
		closeIn(root, ['qdrant']);
		expect(await pruneAsNobody(root, { last: 1 })).toEqual({
			deleted: keys.slice(1),
			failed: docs.slice(1).map((key) => [key, 'STORAGE_DENIED']),
			stuck: [],
			copies: [],
		});
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, ...docs]));
		chmodSync(path.join(root, 'qdrant'), 0o755);
		expect(await pruneAsNobody(root, { last: 1 })).toMatchObject({ deleted: docs.slice(1), failed: [] });
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, docs[0]!]));
	});

	it('lets no older weekly copy go where the new one cannot be made', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const old = await writeBackup(storage, 400, { folder: 'weekly/2020_W01' });
		const keys = await writeDaily(storage, 2);
		closeIn(root, ['weekly']);
		expect(await pruneAsNobody(root, { last: 1, weeklySnapshots: 1 })).toEqual({
			deleted: [keys[1]],
			failed: [],
			stuck: [],
			copies: ['STORAGE_DENIED'],
		});
		expect(await backupsIn(storage)).toEqual(withManifests([keys[0]!, old]));
	});

	it('changes nothing where it lets nobody write at all', async () => {
		const root = temporaryRoot();
		const storage = new FolderStorage({ root });
		const keys = await writeDaily(storage, 3);
		closeIn(root, ['', 'postgres']);
		expect(await pruneAsNobody(root, { last: 1 })).toMatchObject({ code: 'STORAGE_DENIED' });
		expect(await backupsIn(storage)).toEqual(withManifests(keys));
	});
});
