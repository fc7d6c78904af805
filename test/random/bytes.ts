import { createCipheriv, createHash, type Cipheriv } from 'node:crypto';
import { seed } from './seed';

/** Bytes that nothing can compress, the same at every run with the same seed; each call gives the next ones. */
export type Noise = (length: number) => Buffer;

/** A stream of such bytes; streams of different names have nothing in common. */
export function noise(name: string): Noise {
	const key = createHash('sha256').update(`${seed} ${name}`).digest();
	const cipher: Cipheriv = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
	return (length) => cipher.update(Buffer.alloc(length));
}
