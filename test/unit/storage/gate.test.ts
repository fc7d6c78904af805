import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { gatedBytes, gatedStorage, type Gate } from '../../../engine/storage/gate';
import { giveBack, lend } from '../../../engine/storage/lent';
import { S3Storage } from '../../../engine/storage/s3';
import type { Storage } from '../../../engine/storage/storage';

/** One that lets nothing through until told, and breaks off as a gate does. */
class ClosedGate implements Gate {
	asked = 0;
	open = () => {};

	async pass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
		this.asked += bytes;
		await new Promise<void>((resolve, reject) => {
			this.open = resolve;
			signal?.addEventListener('abort', () => reject(new BackupError('CANCELLED', 'stopped')));
		});
	}
}

const counting = () => {
	const gate = { bytes: 0, pass: (bytes: number) => Promise.resolve(void (gate.bytes += bytes)) };
	return gate;
};

/** A storage of one object. */
function storageOf(chunks: Uint8Array[]) {
	const written: Uint8Array[] = [];
	let inner: Readable | undefined;
	const storage = {
		description: 'folder test',
		read: () => Promise.resolve((inner = Readable.from(chunks))),
		async write(key: string, source: AsyncIterable<Uint8Array>) {
			for await (const chunk of source) written.push(chunk);
			return { key, size: Buffer.concat(written).length, modifiedAt: new Date() };
		},
		freeBytes(this: Storage) {
			return Promise.resolve(this.description.length);
		},
	} as unknown as Storage;
	return { storage, written, inner: () => inner };
}

describe('a storage behind a gate', () => {
	it('reads and writes the same bytes, and counts them', async () => {
		const gate = counting();
		const chunks = [Buffer.from('abc'), Buffer.alloc(0), Buffer.from('defgh')];
		const { storage, written } = storageOf(chunks);
		const gated = gatedStorage(storage, gate);
		expect(await buffer(await gated.read('a'))).toEqual(Buffer.from('abcdefgh'));
		expect(gate.bytes).toBe(8);
		await gated.write('b', Readable.from(chunks));
		expect(Buffer.concat(written).toString()).toBe('abcdefgh');
		expect(gate.bytes).toBe(16);
	});

	it('stays what it is: a bucket, with what it can do and what it lacks', async () => {
		const options = { endpoint: 'http://localhost:1', bucket: 'backups', accessKeyId: 'a', secretAccessKey: 's' };
		const gated = gatedStorage(new S3Storage(options), counting());
		expect(gated).toBeInstanceOf(S3Storage);
		expect(await (gated as S3Storage).presignedUrl('k', 60)).toContain('localhost:1');
		const { storage } = storageOf([]);
		expect(gatedStorage(storage, counting()).copy).toBeUndefined();
		expect(await gatedStorage(storage, counting()).freeBytes()).toBe('folder test'.length);
	});

	it('hands on lent chunks as they are, so that they can be given back', async () => {
		let back = 0;
		const chunk = lend(Buffer.from('lent'), () => back++);
		const { storage } = storageOf([chunk]);
		for await (const got of await gatedStorage(storage, counting()).read('a')) giveBack(got as Uint8Array);
		expect(back).toBe(1);
	});

	it('asks for no further chunk while one waits, and lets go at once when its reader does', async () => {
		const gate = new ClosedGate();
		const { storage, inner } = storageOf(Array.from({ length: 100 }, () => Buffer.alloc(1000)));
		const stream = await gatedStorage(storage, gate).read('a');
		stream.read();
		await new Promise((resolve) => setImmediate(resolve));
		expect(gate.asked).toBe(1000);
		const closed = new Promise((resolve) => stream.once('close', resolve));
		stream.destroy();
		await closed;
		expect(inner()?.destroyed).toBe(true);
	});

	it('ends with the error of the storage, and with the cancel', async () => {
		const { storage } = storageOf([]);
		const failing = {
			...storage,
			read: () =>
				Promise.resolve(
					Readable.from(
						(async function* () {
							yield await Promise.resolve(Buffer.from('a'));
							throw new BackupError('STORAGE_FAILED', 'broken');
						})(),
					),
				),
		} as Storage;
		await expect(buffer(await gatedStorage(failing, counting()).read('a'))).rejects.toMatchObject({
			message: 'broken',
		});
		const cancel = new AbortController();
		const gate = new ClosedGate();
		const read = buffer(
			await gatedStorage(storageOf([Buffer.alloc(9)]).storage, gate).read('a', { signal: cancel.signal }),
		);
		await new Promise((resolve) => setImmediate(resolve));
		cancel.abort();
		await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it('closes what is written when the storage stops taking it', async () => {
		const gate = new ClosedGate();
		let isClosed = false;
		const source = (async function* () {
			try {
				for (;;) yield await Promise.resolve(Buffer.alloc(10));
			} finally {
				isClosed = true;
			}
		})();
		const iterator = gatedBytes(source, gate, undefined)[Symbol.asyncIterator]();
		const pending = iterator.next();
		pending.catch(() => {});
		await new Promise((resolve) => setImmediate(resolve));
		await iterator.return?.();
		await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(isClosed).toBe(true);
	});

	it('cuts large chunks where that is asked for', async () => {
		const lengths: number[] = [];
		for await (const piece of gatedBytes(
			Readable.from([Buffer.alloc(250), Buffer.alloc(100)]),
			counting(),
			undefined,
			100,
		))
			lengths.push(piece.length);
		expect(lengths).toEqual([100, 100, 50, 100]);
	});
});
