import { Readable } from 'node:stream';

import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';

import { createArchive, openArchive, type DecryptionKeys, type EncryptionKeys } from '../../../engine/archive';
import { lend } from '../../../engine/storage/lent';
import { archiveOptions, collect, DETAILS, inChunks, temporaryStorage, writeSample } from './support';
import { noise } from '../../random/bytes';

const random = noise('archive/round-trip');

const CODECS = [
	{ name: 'zstd', extension: '.sql.zst' },
	{ name: 'gzip', extension: '.sql.gz' },
	{ name: 'none', extension: '.sql' },
] as const;

let pair: { publicKey: string; privateKey: string };
beforeAll(async () => {
	pair = await openpgp.generateKey({ userIDs: [{ name: 'Backup' }], passphrase: 'lock' });
});

const ENCRYPTIONS: { what: string; keys: () => { encryption?: EncryptionKeys; decryption?: DecryptionKeys } }[] = [
	{ what: 'no encryption', keys: () => ({}) },
	{
		what: 'a passphrase',
		keys: () => ({ encryption: { passphrase: 'correct horse' }, decryption: { passphrase: 'correct horse' } }),
	},
	{
		what: 'a public key',
		keys: () => ({
			encryption: { publicKeys: [pair.publicKey] },
			decryption: { privateKeys: [{ armored: pair.privateKey, passphrase: 'lock' }] },
		}),
	},
	{
		what: 'both, opened by the passphrase',
		keys: () => ({
			encryption: { passphrase: 'correct horse', publicKeys: [pair.publicKey] },
			decryption: { passphrase: 'correct horse' },
		}),
	},
	{
		what: 'both, opened by the key beside a wrong passphrase',
		keys: () => ({
			encryption: { passphrase: 'correct horse', publicKeys: [pair.publicKey] },
			decryption: { passphrase: 'wrong', privateKeys: [{ armored: pair.privateKey, passphrase: 'lock' }] },
		}),
	},
];

describe.each(CODECS)('an archive with codec $name', ({ name, extension }) => {
	it.each(ENCRYPTIONS)('and $what reads back as it was written, whole and in parts', async ({ keys }) => {
		const { storage, files } = temporaryStorage();
		const { encryption, decryption } = keys();
		const startedAt = new Date('2026-01-31T02:00:00Z');
		const written = await writeSample(storage, { codec: { name }, startedAt, ...(encryption ? { encryption } : {}) });
		const file = `shop_20260131_020000${extension}${encryption ? '.gpg' : ''}`;
		expect(files()).toEqual([`postgres/${file}`, `postgres/${file}.manifest.json`, 'postgres/shop_latest']);
		expect(await storage.readLatest('postgres/shop_latest')).toBe(`postgres/${file}`);

		const reader = await openArchive(storage, `postgres/${file}.manifest.json`, decryption);
		expect(reader.manifest).toEqual(written.manifest);
		await reader.verifyStored();
		await reader.checkKeys();
		expect((await collect(reader.raw())).equals(written.raw)).toBe(true);
		const found = [];
		for await (const { index, part, raw } of reader.parts((_part, i) => i !== 1)) {
			found.push([index, part.type, Buffer.isBuffer(raw) ? raw : await collect(raw)]);
		}
		expect(found).toEqual([
			[0, 'pre-data', written.pieces[0]],
			[2, 'post-data', written.pieces[2]],
		]);
	});

	it('without any part is an empty archive that reads back as nothing', async () => {
		const { storage } = temporaryStorage();
		const writer = await createArchive(archiveOptions(storage, { codec: { name } }));
		await writer.commit(DETAILS);
		const reader = await openArchive(storage, `${writer.key}.manifest.json`);
		await reader.verifyStored();
		expect(await collect(reader.raw())).toHaveLength(0);
	});

	it.each([false, true])(
		'keeps the order of one caller, whatever the sizes of its frames, given away: %s',
		async (isGiven) => {
			const { storage } = temporaryStorage();
			const writer = await createArchive(archiveOptions(storage, { codec: { name } }));
			const frames = Array.from({ length: 12 }, (_, i) => random(i % 2 === 0 ? 4_000_000 : 10));
			for (const frame of frames) await writer.frame({ type: 'data' }, Buffer.from(frame), { isGiven });
			const manifest = await writer.commit(DETAILS);
			const reader = await openArchive(storage, { manifest, folder: 'postgres' });
			expect((await collect(reader.raw())).equals(Buffer.concat(frames))).toBe(true);
		},
	);

	it('gives back memory that was lent to it, when its content is safe', async () => {
		const { storage } = temporaryStorage();
		const writer = await createArchive(archiveOptions(storage, { codec: { name } }));
		const content = random(30 << 20);
		const spare: Buffer[] = [];
		let blocks = 0;
		for (let offset = 0; offset < content.length; offset += 1 << 20) {
			// Whoever still read a block that has come back would read something else.
			const block = spare.pop() ?? (blocks++, Buffer.alloc(1 << 20));
			content.copy(block, 0, offset);
			await writer.frame({ type: 'data' }, [lend(block, () => spare.push(block.fill(0xee)))], { isGiven: true });
		}
		const manifest = await writer.commit(DETAILS);
		expect(blocks).toBeLessThan(20);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		expect((await collect(reader.raw())).equals(content)).toBe(true);
	});

	it('takes frames from many callers at once, whole', async () => {
		const { storage } = temporaryStorage();
		const writer = await createArchive(archiveOptions(storage, { codec: { name } }));
		const frames = Array.from({ length: 20 }, (_, i) => random(1000 + 5000 * (i % 4)));
		await Promise.all(frames.map((frame, table) => writer.frame({ type: 'data', table }, frame)));
		const tables = frames.map(({ length }, i) => ({ schema: 'public', name: `t${i}`, rows: 1, bytes: length }));
		const manifest = await writer.commit({ ...DETAILS, tables });
		expect(manifest.parts.map((part) => part.table).sort((a = 0, b = 0) => a - b)).toEqual(frames.map((_, i) => i));
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		for await (const { part, raw } of reader.parts(() => true)) expect(raw).toEqual(frames[part.table!]);
	});
});

it.each([{ name: 'zstd' }, { name: 'none' }, { name: 'zstd', keys: { passphrase: 'p' } }] as const)(
	'a large part streams out of the parts: %j',
	async ({ name, ...rest }) => {
		const keys = 'keys' in rest ? rest.keys : undefined;
		const { storage } = temporaryStorage();
		const options = archiveOptions(storage, {
			codec: { name, level: 1 },
			...(keys ? { encryption: keys } : {}),
		});
		const writer = await createArchive(options);
		const piece = random(1 << 20);
		const large = async function* () {
			for (let i = 0; i < 66; i++) yield piece;
		};
		await writer.stream({ type: 'stream' }, large());
		await writer.frame({ type: 'data' }, Buffer.from('tail'));
		const manifest = await writer.commit(DETAILS);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' }, keys);
		const seen: string[] = [];
		for await (const { raw } of reader.parts(() => true)) {
			if (raw instanceof Readable) {
				let bytes = 0;
				for await (const chunk of raw) bytes += (chunk as Buffer).length;
				seen.push(String(bytes));
			} else seen.push(raw.toString());
		}
		expect(seen).toEqual([String(66 << 20), 'tail']);
		// A reader that leaves a part alone, or half-read, still gets the next one.
		const tails: string[] = [];
		for await (const { raw } of reader.parts(() => true)) if (Buffer.isBuffer(raw)) tails.push(raw.toString());
		for await (const { raw } of reader.parts(() => true)) {
			if (Buffer.isBuffer(raw)) tails.push(raw.toString());
			else for await (const chunk of raw) if (chunk) break;
		}
		expect(tails).toEqual(['tail', 'tail']);
	},
);

describe('a reader', () => {
	it('can be left in the middle, by a break or by destroying the stream', async () => {
		const { storage } = temporaryStorage();
		const { manifest } = await writeSample(storage, { encryption: { passphrase: 'p' } });
		const reader = await openArchive(storage, { manifest, folder: 'postgres' }, { passphrase: 'p' });
		for await (const { index } of reader.parts(() => true)) if (index === 0) break;
		const raw = reader.raw();
		raw.destroy();
		await new Promise((resolve) => raw.once('close', resolve));
		expect(raw.readableEnded).toBe(false);
	});

	it('ends with CANCELLED when its signal fires', async () => {
		const { storage } = temporaryStorage();
		const { manifest } = await writeSample(storage);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		const signal = AbortSignal.abort();
		await expect(reader.verifyStored(signal)).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(collect(reader.raw(signal))).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(reader.parts(() => true, signal).next()).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it('reports progress in bytes while it verifies', async () => {
		const { storage } = temporaryStorage();
		const { manifest } = await writeSample(storage);
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		const seen: number[][] = [];
		await reader.verifyStored(undefined, (bytes, total) => seen.push([bytes, total]));
		expect(seen.at(-1)).toEqual([manifest.size.stored, manifest.size.stored]);
	});

	it('tells how a stream of chunks became one frame', async () => {
		const { storage } = temporaryStorage();
		const writer = await createArchive(archiveOptions(storage));
		const part = await writer.stream({ type: 'stream' }, inChunks(Buffer.alloc(100_000, 'x'), 512));
		part.rows = 7;
		const manifest = await writer.commit(DETAILS);
		expect(manifest.parts).toEqual([part]);
		expect(part).toMatchObject({ offset: 0, rawLength: 100_000, length: manifest.size.stored, rows: 7 });
	});
});
