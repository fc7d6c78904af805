import { expect, it, onTestFinished } from 'vitest';

import { createArchive, manifestKeyOf, openArchive } from '../../../engine/archive';
import { S3Storage } from '../../../engine/storage';
import { noise } from '../../random/bytes';
import { startS3rver } from '../../services/s3/s3rver';
import { optionsFor } from '../storage/s3-under-test';
import { collect } from './support';

it('an archive in a bucket, whose chunks are freed as soon as they are given back, is read to the byte in every form', async () => {
	const server = await startS3rver();
	const storage = new S3Storage(optionsFor(server, await server.createBucket()));
	onTestFinished(async () => {
		storage.close();
		await server.stop();
	});
	const content = Buffer.concat([noise('lent')(400_000), Buffer.alloc(400_000, 'INSERT INTO orders;\n')]);
	const frames = [content.subarray(0, 300_000), content.subarray(300_000)];
	const encryption = { passphrase: 'of this test alone' };
	for (const name of ['zstd', 'gzip', 'none'] as const) {
		for (const keys of [undefined, encryption]) {
			const what = { folder: 'postgres', name, extension: 'sql', kind: 'postgres', codec: { name } } as const;
			const writer = await createArchive({ storage, ...what, ...(keys && { encryption: keys }) });
			for (const frame of frames) await writer.frame({ type: 'data' }, frame);
			await writer.commit({ source: { system: 'test', version: '1' }, counts: {} });
			const open = async () => await openArchive(storage, manifestKeyOf(writer.key), keys);
			expect((await collect((await open()).raw())).equals(content)).toBe(true);
			await (await open()).verifyStored();
			for (const lends of [false, true]) {
				for await (const { index, raw } of (await open()).parts((_part, at) => at === 1, undefined, { lends })) {
					const bytes = Buffer.isBuffer(raw) ? raw : await collect(raw);
					expect([index, bytes.equals(frames[1]!)]).toEqual([1, true]);
				}
			}
		}
	}
});
