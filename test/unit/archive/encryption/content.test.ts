import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { describe, expect, it } from 'vitest';

import { ByteCursor } from '../../../../engine/archive/cursor';
import {
	isPassphrasePacket,
	openPassphrasePacket,
	passphrasePacket,
} from '../../../../engine/archive/encryption/passphrase';
import { CfbDecipher } from '../../../../engine/archive/encryption/cfb-decipher';
import { release } from '../../../../engine/storage/lent';
import { seal } from '../../../../engine/archive/encryption/seal';
import { NoSessionKey, readHead } from '../../../../engine/archive/encryption/session-keys';
import { unseal } from '../../../../engine/archive/encryption/unseal';
import { giveBack, lend } from '../../../../engine/storage/lent';
import { noise } from '../../../random/bytes';

const random = noise('archive/openpgp-content');
const KEY = random(32);

/** A piece of the outer packet, and what comes before the content in it: version, random bytes, header of the literal packet. */
const BLOCK = 1024 * 1024;
const HEAD = 1 + 18 + 2 + 6;

async function* inChunks(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const all: Buffer[] = [];
	for await (const chunk of chunks) all.push(Buffer.from(chunk));
	return Buffer.concat(all);
}

const sealed = async (content: Uint8Array, chunk = 65_536) => await collect(seal(inChunks(content, chunk), KEY));

/** Undefined where the message is left to openpgp.js. */
async function open(source: AsyncIterable<Uint8Array>, keys: Uint8Array[] = [KEY]) {
	const cursor = new ByteCursor(source);
	const { data } = await readHead(cursor, { passphrases: 1, recipients: 0 });
	const sessionKeys = keys.map((key) => ({ algorithm: 'aes256' as const, data: key }));
	return await unseal(cursor, data, sessionKeys);
}

async function unsealed(message: Uint8Array, keys: Uint8Array[] = [KEY], chunk = 65_536): Promise<Buffer | undefined> {
	const content = await open(inChunks(message, chunk), keys);
	return content && (await collect(content));
}

async function byOpenpgp(message: Uint8Array): Promise<Buffer> {
	const { data } = await openpgp.decrypt({
		message: await openpgp.readMessage({ binaryMessage: message }),
		sessionKeys: [{ algorithm: 'aes256', data: KEY }],
		format: 'binary',
	});
	return Buffer.from(data as Uint8Array);
}

/** Lengths around the borders of pieces, inner and outer, of the two forms of short lengths, and any. */
const length = fc.oneof(
	fc.nat({ max: 3000 }),
	fc.nat({ max: 3 * BLOCK }),
	fc
		.tuple(fc.constantFrom(192, 512, 8384, 65_536, BLOCK, 2 * BLOCK), fc.integer({ min: -60, max: 60 }))
		.map(([at, by]) => at + by),
);

describe('the session key of an OpenPGP message', () => {
	it.each(['p', 'a long passphrase with ümläuts and 🔑', 'x'.repeat(300_000)])(
		'opens with its passphrase',
		async (text) => {
			const message = await openpgp.readMessage({ binaryMessage: await passphrasePacket(text, KEY) });
			const [found] = await openpgp.decryptSessionKeys({ message, passwords: [text] });
			expect(found?.algorithm).toBe('aes256');
			expect(Buffer.from(found!.data).equals(KEY)).toBe(true);
		},
	);

	it.each(['p', 'a long passphrase with ümläuts and 🔑', 'x'.repeat(300_000)])(
		'is found by its passphrase, as openpgp.js and we have written it',
		async (text) => {
			const options = { data: KEY, algorithm: 'aes256', passwords: text, format: 'binary' } as const;
			const config = { aeadProtect: false, s2kIterationCountByte: 96 };
			const theirs = Buffer.from(await openpgp.encryptSessionKey({ ...options, config }));
			for (const packet of [await passphrasePacket(text, KEY), theirs]) {
				expect(isPassphrasePacket(packet)).toBe(true);
				expect((await openPassphrasePacket(packet, text))?.equals(KEY)).toBe(true);
				expect((await openPassphrasePacket(packet, `${text}?`))?.equals(KEY) ?? false).toBe(false);
			}
		},
	);

	it('is found by us in the old form of headers, which GnuPG writes', async () => {
		const packet = await passphrasePacket('a long passphrase', KEY);
		packet[0] = 0x8c;
		expect(isPassphrasePacket(packet)).toBe(true);
		expect((await openPassphrasePacket(packet, 'a long passphrase'))?.equals(KEY)).toBe(true);
	});

	it('is left to openpgp.js where a packet has another form', async () => {
		const packet = await passphrasePacket('a long passphrase', KEY);
		for (let at = 0; at < 6; at++) expect(isPassphrasePacket(Buffer.from(packet.with(at, 5)))).toBe(false);
		expect(isPassphrasePacket(packet.subarray(0, -1))).toBe(false);
		expect(isPassphrasePacket(Buffer.concat([packet, Buffer.of(0)]))).toBe(false);
		expect(isPassphrasePacket(Buffer.alloc(0))).toBe(false);
	});
});

describe('the content of an OpenPGP message', () => {
	it('is read by openpgp.js and by us as it was written, whatever its length and its chunks', async () => {
		await fc.assert(
			fc.asyncProperty(length, fc.constantFrom(1, 511, 512, 1000, 65_536, 1_000_000, 4 * BLOCK), async (size, by) => {
				const chunk = Math.max(by, Math.ceil(size / 2000));
				const content = random(size);
				const message = await sealed(content, chunk);
				expect((await byOpenpgp(message)).equals(content)).toBe(true);
				expect((await unsealed(message, [KEY], chunk))?.equals(content)).toBe(true);
			}),
			{ numRuns: 60 },
		);
	});

	it.each([
		0,
		1,
		185,
		186,
		8377,
		8378,
		65_529,
		65_530,
		65_531,
		131_066,
		BLOCK - HEAD - 46,
		BLOCK - HEAD - 30,
		BLOCK - HEAD - 22,
		BLOCK - HEAD,
		2 * BLOCK,
	])('of %i bytes is read as it was written', async (size) => {
		const content = random(size);
		const message = await sealed(content);
		expect((await byOpenpgp(message)).equals(content)).toBe(true);
		expect((await unsealed(message))?.equals(content)).toBe(true);
	});

	it('is written and read without memory that waits for the garbage collector', async () => {
		const chunk = random(BLOCK);
		const before = process.memoryUsage().arrayBuffers;
		let most = 0;
		const look = () => (most = Math.max(most, process.memoryUsage().arrayBuffers - before));
		const content = async function* () {
			for (let count = 0; count < 64; count++) yield chunk;
		};
		const decipher = new CfbDecipher(KEY);
		for await (const piece of seal(content(), KEY)) {
			look();
			// What it gives belongs to whoever has asked for it.
			release(Buffer.from(decipher.update(piece).buffer));
			giveBack(piece);
		}
		expect(most).toBeLessThan(10 * BLOCK);
	});

	it.each([100, 600, 3_000_000])('of %i bytes, written by openpgp.js, is read by us', async (size) => {
		const content = random(size);
		for (const binary of [content, ReadableStream.from(inChunks(content, 70_000))]) {
			const message = await openpgp.encrypt({
				message: await openpgp.createMessage({ binary: binary as Uint8Array }),
				sessionKey: { algorithm: 'aes256', data: KEY },
				passwords: ['p'],
				format: 'binary',
				config: { s2kIterationCountByte: 0, aeadProtect: false },
			});
			expect(
				(
					await unsealed(await collect(ReadableStream.from(message instanceof Uint8Array ? [message] : message)))
				)?.equals(content),
			).toBe(true);
		}
	});

	it('is found by the key that fits', async () => {
		const content = random(1000);
		expect((await unsealed(await sealed(content), [random(32), KEY]))?.equals(content)).toBe(true);
		await expect(unsealed(await sealed(content), [random(32), random(32)])).rejects.toBeInstanceOf(NoSessionKey);
	});

	it('is left to openpgp.js where it is compressed, has another kind of integrity protection, or is none', async () => {
		const others = [
			{ aeadProtect: true },
			{ aeadProtect: false, preferredCompressionAlgorithm: openpgp.enums.compression.zlib },
		];
		for (const config of others) {
			const message = await openpgp.encrypt({
				message: await openpgp.createMessage({ binary: Buffer.alloc(5000) }),
				sessionKey: { algorithm: 'aes256', data: KEY, aeadAlgorithm: 'gcm' },
				passwords: ['p'],
				format: 'binary',
				config: { s2kIterationCountByte: 0, ...config },
			});
			expect(await unsealed(message as Uint8Array)).toBeUndefined();
		}
		for (const nothing of [Buffer.alloc(0), Buffer.of(0xd2), Buffer.from('hello'), random(5000)]) {
			await expect(unsealed(nothing)).rejects.toThrow(/too early|no OpenPGP packet|a packet of/);
		}
	});

	it('never passes with a bit flipped', async () => {
		for (const size of [10, 700, BLOCK + 5000]) {
			const content = random(size);
			const message = await sealed(content);
			const flip = fc.tuple(
				fc.oneof(fc.nat({ max: Math.min(120, message.length - 1) }), fc.nat({ max: message.length - 1 })),
				fc.nat({ max: 7 }),
			);
			const atEnd = fc.tuple(fc.integer({ min: message.length - 30, max: message.length - 1 }), fc.nat({ max: 7 }));
			await fc.assert(
				fc.asyncProperty(fc.oneof(flip, atEnd), async ([at, bit]) => {
					const damaged = Buffer.from(message);
					damaged[at]! ^= 1 << bit;
					const read = await unsealed(damaged).catch(() => undefined);
					expect(read).toBeUndefined();
				}),
				{ numRuns: size > BLOCK ? 40 : 150 },
			);
		}
	});

	it('never passes cut off, or with something after its end', async () => {
		for (const size of [10, 700, BLOCK + 5000]) {
			const message = await sealed(random(size));
			for (const cut of [1, 19, 20, 21, 22, 23, 40]) {
				const read = await unsealed(message.subarray(0, message.length - cut)).catch(() => undefined);
				expect(read).toBeUndefined();
			}
			await expect(unsealed(Buffer.concat([message, Buffer.of(0)]))).rejects.toThrow('after its end');
		}
	});

	it('fails with what its source fails with', async () => {
		const failing = async function* () {
			yield* inChunks(random(5 * BLOCK), 65_536);
			throw new Error('The source has failed.');
		};
		await expect(collect(seal(failing(), KEY))).rejects.toThrow('The source has failed.');
		const message = await sealed(random(3 * BLOCK));
		const broken = async function* () {
			yield* inChunks(message.subarray(0, 2 * BLOCK), 65_536);
			throw new Error('The source has failed.');
		};
		const content = await open(broken());
		await expect(collect(content!)).rejects.toThrow('The source has failed.');
	});

	it('gives back chunks that were lent, and lends its own blocks', async () => {
		const content = random(20 * BLOCK);
		let lent = 0;
		const lending = async function* () {
			for (let at = 0; at < content.length; at += 100_000) {
				const chunk = Buffer.from(content.subarray(at, at + 100_000));
				lent++;
				yield lend(chunk, () => {
					lent--;
					chunk.fill(0xee);
				});
			}
		};
		const message: Buffer[] = [];
		const blocks = new Set<ArrayBufferLike>();
		for await (const chunk of seal(lending(), KEY)) {
			message.push(Buffer.from(chunk));
			if (chunk.length > BLOCK) blocks.add(chunk.buffer);
			giveBack(chunk);
		}
		expect(lent).toBe(0);
		expect(message.filter(({ length }) => length > BLOCK)).toHaveLength(20);
		// One is written to while the other is read.
		expect(blocks.size).toBe(2);
		expect((await unsealed(Buffer.concat(message)))?.equals(content)).toBe(true);
	});
});
