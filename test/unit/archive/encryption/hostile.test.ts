/** What somebody who holds the storage can do to a message without any key costs neither memory nor time worth mentioning. */
import fc from 'fast-check';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';

import { decryptMessage } from '../../../../engine/archive';
import { prepareEncryption } from '../../../../engine/archive/encryption/encryption';
import { type BackupError, throwIfCancelled } from '../../../../engine/errors';
import { noise } from '../../../random/bytes';

const random = noise('archive/openpgp-hostile');
const KIB = 1024;

let publicKey: string;
let privateKeys: { armored: string }[];

beforeAll(async () => {
	const pair = await openpgp.generateKey({ userIDs: [{ name: 'Backup' }] });
	publicKey = pair.publicKey;
	privateKeys = [{ armored: pair.privateKey }];
});

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const all: Buffer[] = [];
	for await (const chunk of chunks) all.push(Buffer.from(chunk));
	return Buffer.concat(all);
}

/** A source in chunks of 64 KiB that counts what is read of it. */
function counted(bytes: Uint8Array, size = 64 * KIB) {
	const count = { bytes: 0, chunks: 0 };
	const source = async function* () {
		for (let at = 0; at < bytes.length; at += size) {
			const chunk = bytes.subarray(at, at + size);
			count.bytes += chunk.length;
			count.chunks++;
			yield chunk;
		}
	};
	return { count, source };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
	yield content;
}

async function byUs(content: Buffer): Promise<Buffer> {
	return await collect((await prepareEncryption({ publicKeys: [publicKey] }))!.encrypt(once(content)));
}

/** By openpgp.js, compressed: a form that we leave to it. */
async function compressed(content: Buffer): Promise<Buffer> {
	const message = await openpgp.encrypt({
		message: await openpgp.createMessage({ binary: content }),
		encryptionKeys: await openpgp.readKey({ armoredKey: publicKey }),
		format: 'binary',
		config: { aeadProtect: false, preferredCompressionAlgorithm: openpgp.enums.compression.zlib },
	});
	return Buffer.from(message as Uint8Array);
}

interface Packet {
	tag: number;
	body: Buffer;
}

/** Reads packets of the new form: a second parser, so that the one that is tested does not judge itself. */
function packetsOf(message: Buffer): Packet[] {
	const packets: Packet[] = [];
	for (let at = 0; at < message.length;) {
		const tag = message[at++]! & 0x3f;
		const body: Buffer[] = [];
		for (let isPartial = true; isPartial;) {
			const octet = message[at++]!;
			let length = octet;
			isPartial = octet >= 224 && octet < 255;
			if (isPartial) length = 2 ** (octet & 31);
			else if (octet === 255) {
				length = message.readUInt32BE(at);
				at += 4;
			} else if (octet >= 192) length = ((octet - 192) << 8) + message[at++]! + 192;
			body.push(message.subarray(at, at + length));
			at += length;
		}
		packets.push({ tag, body: Buffer.concat(body) });
	}
	return packets;
}

const lengthOctets = (length: number): Buffer => {
	const octets = Buffer.alloc(5, 0xff);
	octets.writeUInt32BE(length, 1);
	return octets;
};

/** The message with its encrypted data cut into pieces of these powers of two, over and over, and a last one. */
function cut(message: Buffer, powers: number[], first: number[] = []): Buffer {
	const packets = packetsOf(message);
	const { tag, body } = packets.pop()!;
	const all = packets.flatMap((packet) => [
		Buffer.of(0xc0 | packet.tag),
		lengthOctets(packet.body.length),
		packet.body,
	]);
	all.push(Buffer.of(0xc0 | tag));
	let at = 0;
	for (let i = 0; ; i++) {
		const power = first[i] ?? powers[(i - first.length) % powers.length]!;
		if (body.length - at <= 2 ** power) break;
		all.push(Buffer.of(0xe0 + power), body.subarray(at, at + 2 ** power));
		at += 2 ** power;
	}
	all.push(lengthOctets(body.length - at), body.subarray(at));
	return Buffer.concat(all);
}

describe('a message cut into pieces otherwise', () => {
	const powers = fc.array(fc.oneof(fc.integer({ min: 9, max: 20 }), fc.nat({ max: 20 })), {
		minLength: 1,
		maxLength: 6,
	});

	it.each<[string, (content: Buffer) => Promise<Buffer>]>([
		['by us', byUs],
		['compressed, by openpgp.js', compressed],
	])('has the same content, written %s', async (_what, write) => {
		const content = random(300_000);
		const message = await write(content);
		await fc.assert(
			fc.asyncProperty(
				powers.filter((list) => Math.max(...list) > 5),
				fc.constantFrom(1000, 65_536, 500_000),
				async (list, size) => {
					const { source } = counted(cut(message, list, [9]), size);
					expect((await collect(decryptMessage(source(), { privateKeys }))).equals(content)).toBe(true);
				},
			),
			{ numRuns: 30 },
		);
	});

	it.each([0, 1, 3])('of 2 to the power of %i bytes is read in as few steps as any', async (power) => {
		const content = random(512 * KIB);
		const { source, count } = counted(cut(await byUs(content), [power], [9]));
		const handedOut: Buffer[] = [];
		for await (const chunk of decryptMessage(source(), { privateKeys })) handedOut.push(Buffer.from(chunk));
		expect(Buffer.concat(handedOut).equals(content)).toBe(true);
		expect(handedOut.length).toBeLessThan(count.chunks * 4);
	});

	it('is cancelled at the next chunk of its source, whatever the pieces', async () => {
		const { source, count } = counted(cut(await byUs(random(512 * KIB)), [0], [9]));
		const controller = new AbortController();
		const cancellable = async function* () {
			for await (const chunk of source()) {
				await new Promise((resolve) => setImmediate(resolve));
				throwIfCancelled(controller.signal);
				yield chunk;
			}
		};
		let handedOut = 0;
		const reading = (async () => {
			for await (const chunk of decryptMessage(cancellable(), { privateKeys })) {
				void chunk;
				handedOut++;
				controller.abort();
			}
		})();
		await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(count.chunks).toBeLessThan(4);
		expect(handedOut).toBeLessThan(8);
	});
});

describe('in front of the encrypted data', () => {
	/** Version 4, AES-256, iterated and salted S2K with SHA-256: the cheapest count, so that a failure of the test is quick. */
	const forPassphrase = () => Buffer.concat([Buffer.of(0xc3, 13, 4, 9, 3, 8), random(8), Buffer.of(0)]);
	const forRecipient = () => Buffer.concat([Buffer.of(0xc1, 84, 3), random(8), Buffer.of(18), random(74)]);
	const data = () => Buffer.concat([Buffer.of(0xd2, 30, 1), random(29)]);

	const refused = (message: RegExp) => ({
		code: 'ARCHIVE_CORRUPT',
		message: expect.stringMatching(message) as string,
		hint: expect.any(String) as string,
	});

	it.each<[string, () => Buffer, object]>([
		['passphrases', forPassphrase, { passphrase: 'a wrong one' }],
		[
			'recipients',
			forRecipient,
			{
				get privateKeys() {
					return privateKeys;
				},
			},
		],
	])('packets for %s are not tried any more once it is cancelled', async (_what, packet, keys) => {
		const message = Buffer.concat([packet(), packet(), data()]);
		const read = async (abort: boolean) => {
			const controller = new AbortController();
			// The source ends without an error: only the search for the session key can notice it.
			const source = async function* () {
				if (abort) controller.abort();
				yield message;
			};
			await collect(decryptMessage(source(), keys, controller.signal));
		};
		await expect(read(false)).rejects.toMatchObject({ code: 'KEY_WRONG' });
		await expect(read(true)).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it.each([
		['for passphrases', () => Buffer.of(0xc3, 0)],
		['for recipients', () => Buffer.of(0xc1, 0)],
		['that mean nothing', () => Buffer.of(0xca, 0)],
	])('empty packets %s are not collected', async (_what, packet) => {
		const { source, count } = counted(Buffer.alloc(KIB * KIB, packet()));
		const keys = { passphrase: 'p', privateKeys };
		await expect(collect(decryptMessage(source(), keys))).rejects.toMatchObject(refused(/more packets/));
		expect(count.bytes).toBeLessThanOrEqual(64 * KIB);
	});

	it.each([
		['for passphrases', forPassphrase, 5],
		['for recipients', forRecipient, 65],
		['without a meaning', () => Buffer.concat([Buffer.of(0xca, 3), Buffer.from('PGP')]), 9],
	])('no more packets %s are taken than somebody writes', async (what, packet, count) => {
		const message = (packets: number) => Buffer.concat([...Array.from({ length: packets }, packet), data()]);
		const keys = { passphrase: 'p', privateKeys };
		await expect(collect(decryptMessage(once(message(count)), keys))).rejects.toMatchObject(
			refused(new RegExp(`more packets ${what} .* allowed \\(${count - 1}\\)`)),
		);
		await expect(collect(decryptMessage(once(message(count - 1)), keys))).rejects.toMatchObject({ code: 'KEY_WRONG' });
	});

	it.each([4, 5, 6])(
		'a key is not derived with Argon2 where it costs too much (packet of version %i)',
		async (version) => {
			const message = (passes: number, exponent: number) => {
				const s2k = Buffer.concat([Buffer.of(4), random(16), Buffer.of(passes, 4, exponent)]);
				const head = { 4: [4, 9], 5: [5, 9, 2], 6: [6, 23, 9, 2, 20] }[version]!;
				const body = Buffer.concat([Buffer.of(...head), s2k, random(40)]);
				return Buffer.concat([Buffer.of(0xc3, body.length), body, data()]);
			};
			const attempt = async (bytes: Buffer) => await collect(decryptMessage(once(bytes), { passphrase: 'p' }));
			await expect(attempt(message(1, 21))).rejects.toMatchObject(refused(/2048 MiB of memory, and 256 are allowed/));
			await expect(attempt(message(255, 16))).rejects.toMatchObject(refused(/16320 MiB/));
			await expect(attempt(message(1, 10))).rejects.toMatchObject({ code: 'KEY_WRONG' });
		},
	);

	it('a wrong passphrase is never taken for damage, though noise may look like a content', async () => {
		const header = Buffer.of(0xd2, 0xff, 0, 0, 16, 1, 1);
		const codes = new Set<string>();
		for (let round = 0; round < 1000; round++) {
			const message = Buffer.concat([forPassphrase(), header, random(4096)]);
			const error = await collect(decryptMessage(once(message), { passphrase: 'p' })).catch((cause: unknown) => cause);
			codes.add((error as BackupError).code);
		}
		expect([...codes]).toEqual(['KEY_WRONG']);
	});

	it('garbage ends in an error that tells so, and little of it is read', async () => {
		const piece = fc.oneof(
			fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
			fc.constantFrom(0xc1, 0xc3, 0xca, 0xd5, 0x84, 0x8c, 0xcb, 0xd2).map((octet) => Buffer.of(octet)),
			fc.constantFrom(0, 1, 13, 84, 200, 0xe0, 0xe9, 0xf4, 0xff).map((octet) => Buffer.of(octet)),
			fc.constant(null).map(() => forPassphrase()),
			fc.constant(null).map(() => forRecipient()),
		);
		const rest = Buffer.concat([await byUs(random(100)), random(2 * KIB * KIB)]);
		await fc.assert(
			fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 200 }), async (pieces) => {
				const garbage = Buffer.concat(pieces);
				fc.pre(garbage.length > 0);
				const { source, count } = counted(Buffer.concat([garbage, rest]), 16 * KIB);
				const reading = collect(decryptMessage(source(), { passphrase: 'p', privateKeys }));
				await expect(reading).rejects.toMatchObject({
					code: expect.stringMatching(/^(ARCHIVE_CORRUPT|KEY_WRONG|UNSUPPORTED_VERSION)$/) as string,
				});
				expect(count.bytes).toBeLessThan(KIB * KIB);
			}),
			{ numRuns: 200 },
		);
	});
});
