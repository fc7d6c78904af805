import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { SealedLayout, PIECES } from '../../../../engine/archive/encryption/layout';
import { passphrasePacket } from '../../../../engine/archive/encryption/passphrase';
import { RefusedMessage } from '../../../../engine/archive/encryption/packets';
import { seal } from '../../../../engine/archive/encryption/seal';
import { NoSessionKey } from '../../../../engine/archive/encryption/session-keys';
import {
	type OpenedSeal,
	openSeal,
	type ReadRange,
	unsealRange,
} from '../../../../engine/archive/encryption/unseal-range';
import { noise } from '../../../random/bytes';

const random = noise('archive/unseal-range');
const KEY = random(32);
let packet: Buffer;
const FACTS = { passphrase: true, recipients: [] };
const KEYS = { passphrase: 'p', privateKeys: [] };

beforeAll(async () => {
	packet = await passphrasePacket('p', KEY);
});

async function* inChunks(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const all: Buffer[] = [];
	for await (const chunk of chunks) all.push(Buffer.from(chunk));
	return Buffer.concat(all);
}

/** A message, and how its ranges are read. */
async function messageOf(content: Uint8Array) {
	const file = Buffer.concat([packet, await collect(seal(inChunks(content, 70_000), KEY))]);
	const layout = new SealedLayout(PIECES, { compressed: content.length, stored: file.length });
	const seals: OpenedSeal = { layout, sessionKey: { algorithm: 'aes256', data: KEY } };
	return { file, layout, seals };
}

const reading = (file: Buffer): ReadRange => {
	return (start, end) => inChunks(file.subarray(start, end), 50_000);
};

describe('a range of an encrypted message', () => {
	const MIB = PIECES.outer;
	/** Around the borders of inner and outer pieces, and of the forms of known lengths. */
	const length = fc.oneof(
		fc.nat({ max: 3000 }),
		fc.nat({ max: 3 * MIB }),
		fc
			.tuple(fc.constantFrom(192, 8384, 65_536, 131_072, MIB, 2 * MIB), fc.integer({ min: -60, max: 60 }))
			.map(([at, by]) => at + by),
	);

	it('is what was encrypted, wherever it begins and ends, whatever the length of all', async () => {
		await fc.assert(
			fc.asyncProperty(length, fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 5 }), async (size, places) => {
				const content = random(size);
				const { file, layout, seals } = await messageOf(content);
				expect(layout.offset).toBe(packet.length);
				const borders = [65_530, 131_066, MIB - 30, MIB - 16, MIB - 1, MIB].flatMap((at) => [at, at + 20] as const);
				const ends = [...places.flat(), ...borders].map((place) => place % (size + 1));
				for (const from of ends.slice(0, -1)) {
					const to = ends[(ends.indexOf(from) + 7) % ends.length] as number;
					const [start, end] = from < to ? [from, to] : [to, from];
					const range = await collect(unsealRange(reading(file), seals, start, end));
					expect(range.equals(content.subarray(start, end))).toBe(true);
				}
			}),
			{ numRuns: 40 },
		);
	});

	it('takes no more of the file than its own bytes, the lengths among them, and two blocks of AES in front', async () => {
		const content = random(3 * MIB);
		const { file, seals } = await messageOf(content);
		let bytes = 0;
		const counted: ReadRange = (start, end) => {
			bytes += end - start;
			return reading(file)(start, end);
		};
		for (const [start, end] of [
			[0, 1],
			[100, 50_000],
			[MIB - 100, MIB + 100],
			[content.length - 1, content.length],
		] as const) {
			bytes = 0;
			await collect(unsealRange(counted, seals, start, end));
			expect(bytes).toBeLessThanOrEqual(end - start + 40);
		}
		bytes = 0;
		expect(await collect(unsealRange(counted, seals, 5, 5))).toHaveLength(0);
		expect(bytes).toBe(0);
	});
});

describe('the beginning of an encrypted message', () => {
	const open = async (file: Buffer, layout: SealedLayout, passphrase = 'p') =>
		await openSeal(reading(file), layout, { ...KEYS, passphrase }, FACTS, undefined);

	it.each([0, 1, 500, 65_529, 65_530, 2_000_000])('yields the session key of one of %i bytes', async (size) => {
		const { file, layout } = await messageOf(random(size));
		expect((await open(file, layout)).sessionKey.data).toEqual(KEY);
		await expect(open(file, layout, 'another')).rejects.toBeInstanceOf(NoSessionKey);
	});

	it('is refused where the layout is another one', async () => {
		const { file } = await messageOf(random(200_000));
		const compressed = 200_000;
		for (const by of [-300, -1, 1, 48, 300]) {
			const layout = new SealedLayout(PIECES, { compressed, stored: file.length + by });
			await expect(open(file, layout)).rejects.toBeInstanceOf(RefusedMessage);
		}
		for (const inner of [512, 32_768, 131_072]) {
			const layout = new SealedLayout({ ...PIECES, inner }, { compressed, stored: file.length });
			await expect(open(file, layout)).rejects.toBeInstanceOf(RefusedMessage);
		}
		// The same number of lengths: only their values differ.
		const small = await messageOf(random(1000));
		const layout = new SealedLayout(
			{ outer: 2 ** 21, inner: 2 ** 17 },
			{ compressed: 1000, stored: small.file.length },
		);
		expect((await open(small.file, layout)).sessionKey.data).toEqual(KEY);
	});
});
