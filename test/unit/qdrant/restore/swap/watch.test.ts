import { Readable } from 'node:stream';

import { expect, it } from 'vitest';

import { BackupError, cancelled } from '../../../../../engine/errors';
import { QdrantFailure } from '../../../../../engine/qdrant/client/failure';
import type { CollectionSource } from '../../../../../engine/qdrant/manifestSource';
import type { RestoreSource } from '../../../../../engine/qdrant/restore/source';
import { watchSource } from '../../../../../engine/qdrant/restore/swap/watch';

const whole: RestoreSource = {
	description: 'x',
	pieces: [{ size: 4, sha256: '', open: () => Readable.from([Buffer.from('ab'), Buffer.from('cd')]) }],
};
const refused = (status?: number) =>
	new BackupError('TARGET_FAILED', 'no', { cause: new QdrantFailure('no', status, 'ECONNRESET') });

async function read(source: RestoreSource, chunks: number): Promise<void> {
	for await (const chunk of source.pieces[0]!.open()) {
		void chunk;
		if (--chunks === 0) return;
	}
}

it('knows that nothing has changed while the last byte was not handed over, whatever the error', async () => {
	const { source, harmless } = watchSource(whole);
	await read(source, 1);
	expect(harmless(refused())).toBe('unsent');
	expect(harmless(refused(500))).toBe('unsent');
});

it('does not know it any more once everything was handed over, but by a refusal or a cancel', async () => {
	const { source, harmless } = watchSource(whole);
	await read(source, 2);
	expect(harmless(refused())).toBeUndefined();
	expect(harmless(refused(500))).toBeUndefined();
	expect(harmless(refused(408))).toBeUndefined();
	expect(harmless(refused(400))).toBe('refused');
	expect(harmless(cancelled())).toBe('unsent');
});

it('takes nothing for granted once one of the shards of a cluster was handed over', async () => {
	const facts = { form: 'shards' } as CollectionSource;
	const { source, harmless } = watchSource({ ...whole, facts });
	expect(harmless(cancelled())).toBe('unsent');
	await read(source, 2);
	expect(harmless(refused(400))).toBeUndefined();
	expect(harmless(cancelled())).toBeUndefined();
});

it('cannot know what a server does that fetches the snapshot by itself', () => {
	const { harmless } = watchSource({ description: 'x', pieces: [], remote: { url: 'http://x', sha256: '' } });
	expect(harmless(refused())).toBeUndefined();
	expect(harmless(refused(500))).toBeUndefined();
	expect(harmless(refused(400))).toBe('refused');
});
