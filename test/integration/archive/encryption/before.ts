/** Encrypted archives as they were written before their packets had pieces of one size. */
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Manifest } from '../../../../engine/archive';
import { decryptArchive, unlockKeys } from '../../../../engine/archive/encryption/encryption';
import { knownLength, partialLength } from '../../../../engine/archive/encryption/packets';
import { passphrasePacket } from '../../../../engine/archive/encryption/passphrase';
import { noise } from '../../../random/bytes';
import { collect, inChunks } from '../support';

const noisy = noise('archive/encryption/before');

const FIRST_PIECE = 512;
const LARGEST_BITS = 20;

/** Encrypts a stored archive anew in the old layout. Answers its manifest, which carries no proof. */
export async function asBefore(root: string, key: string, manifest: Manifest, passphrase: string): Promise<Manifest> {
	const { pieces: _pieces, ...encryption } = manifest.encryption!;
	const file = path.join(root, key);
	const keys = await unlockKeys(encryption, { passphrase });
	const content = await collect(decryptArchive(inChunks(readFileSync(file), 65_536), keys, encryption));
	const sessionKey = noisy(32);
	const stored = Buffer.concat([await passphrasePacket(passphrase, sessionKey), sealBefore(content, sessionKey)]);
	writeFileSync(file, stored);
	const { proof: _proof, ...rest } = manifest;
	return {
		...rest,
		encryption,
		size: { ...manifest.size, stored: stored.length },
		sha256: createHash('sha256').update(stored).digest('hex'),
	};
}

function sealBefore(content: Buffer, sessionKey: Buffer): Buffer {
	const random = noisy(16);
	const literal = inPieces(Buffer.concat([Buffer.from('b\0\0\0\0\0', 'latin1'), content]), 70_001);
	const text = Buffer.concat([random, random.subarray(14), Buffer.of(0xcb), literal, Buffer.of(0xd3, 20)]);
	const mdc = createHash('sha1').update(text).digest();
	const cipher = createCipheriv('aes-256-cfb', sessionKey, Buffer.alloc(16));
	const body = Buffer.concat([Buffer.of(1), cipher.update(Buffer.concat([text, mdc]))]);
	return Buffer.concat([Buffer.of(0xd2), inPieces(body, 2 ** LARGEST_BITS)]);
}

/** Each chunk in the largest pieces that it holds, with what was left of the one before. */
function inPieces(body: Buffer, chunk: number): Buffer {
	const pieces: Buffer[] = [];
	let at = 0;
	for (let end = chunk; at + FIRST_PIECE <= body.length; end = Math.min(end + chunk, body.length)) {
		for (let left = Math.min(end, body.length) - at; left >= FIRST_PIECE; left = Math.min(end, body.length) - at) {
			const bits = Math.min(Math.floor(Math.log2(left)), LARGEST_BITS);
			pieces.push(Buffer.of(partialLength(bits)), body.subarray(at, at + 2 ** bits));
			at += 2 ** bits;
		}
	}
	return Buffer.concat([...pieces, knownLength(body.length - at), body.subarray(at)]);
}
