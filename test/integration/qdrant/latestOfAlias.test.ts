import { expect, it } from 'vitest';

import { createArchive, findBackup } from '../../../engine/archive';
import { byCollection } from '../../../engine/qdrant';
import { temporaryStorage } from './support';

it('finds backups by an alias: those of the collection that had it, also of an earlier moment and by id', async () => {
	const { storage } = temporaryStorage();
	const backUp = async (name: string, day: number, ...aliases: string[]) => {
		const startedAt = new Date(Date.UTC(2026, 0, day, 2));
		const codec = { name: 'none' as const };
		const kind = 'qdrant' as const;
		const writer = await createArchive({ storage, name, startedAt, kind, folder: kind, extension: 'snapshot', codec });
		await writer.frame({ type: 'snapshot' }, Buffer.from(`${name} ${day}`));
		const source = { system: 'qdrant', version: '1.16.3', server: 'http://db:6333', aliases };
		const manifest = await writer.commit({ source, counts: {} });
		// The next one ends at another moment.
		while (Date.now() <= Date.parse(manifest.finishedAt)) await new Promise(setImmediate);
		return manifest;
	};
	const found = async (reference: Parameters<typeof byCollection>[1]) =>
		(await findBackup(storage, await byCollection(storage, reference, 'qdrant/'), 'qdrant/')).manifest.id;

	const first = await backUp('docs_v1', 1, 'docs');
	expect(await found({ latest: 'docs', kind: 'qdrant' })).toBe(first.id);
	// After a swap, before the new collection was backed up: what had the alias last.
	const old = await backUp('docs_v1', 2, 'docs_before_20260101_120000');
	expect(await found({ latest: 'docs', kind: 'qdrant' })).toBe(first.id);
	expect(await found({ latest: 'docs_v1', kind: 'qdrant' })).toBe(old.id);
	const live = await backUp('docs_20260101_120000', 3, 'docs');
	expect(await found({ latest: 'docs', kind: 'qdrant' })).toBe(live.id);
	expect(await found({ latest: 'docs', kind: 'qdrant', endedBy: new Date(first.finishedAt) })).toBe(first.id);

	// A caller who may restore by the alias may choose among its backups, and among no others.
	expect(await found({ id: first.id, name: 'docs' })).toBe(first.id);
	await expect(found({ id: old.id, name: 'docs' })).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
	await expect(found({ latest: 'others', kind: 'qdrant' })).rejects.toMatchObject({ code: 'STORAGE_MISSING' });
});
