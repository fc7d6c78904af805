import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { OwnFiles, Place } from '../../../../engine/minio/mirror/place';
import type { StateRecord } from '../../../../engine/minio/mirror/state';
import { StateStore } from '../../../../engine/minio/mirror/stateStore';
import { compareNames } from '../../../../engine/tree';

const signal = new AbortController().signal;

class Files implements OwnFiles {
	readonly files = new Map<string, Buffer>();
	written: string[] = [];
	async *list(folder: string) {
		for (const name of [...this.files.keys()].sort()) {
			if (name.startsWith(folder)) yield await Promise.resolve({ name, modifiedAt: new Date() });
		}
	}
	read(name: string) {
		return Promise.resolve(this.files.get(name));
	}
	write(name: string, content: Buffer) {
		this.written.push(name);
		this.files.set(name, content);
		return Promise.resolve();
	}
	create(): Promise<boolean> {
		throw new Error('The record has no file that is written only once.');
	}
}

function storeOn(files: Files): StateStore {
	return new StateStore({ identity: 'source/' } as Place, { own: files } as unknown as Place);
}

type Records = Map<string, string>;

async function read(files: Files): Promise<Records> {
	const store = storeOn(files);
	await store.open(signal);
	const found: Records = new Map();
	for await (const chunk of store.records(signal)) for (const { name, source } of chunk) found.set(name, source);
	expect(store.isDamaged).toBe(false);
	return found;
}

/** A run that brings the records to what they should be, and may stop after some names, with a checkpoint. */
async function update(files: Files, wanted: Records, { stopAfter = Infinity, checkpointAfter = Infinity } = {}) {
	const store = storeOn(files);
	await store.open(signal);
	const old = new Map<string, StateRecord>();
	for await (const chunk of store.records(signal)) for (const record of chunk) old.set(record.name, record);
	let count = 0;
	for (const name of [...new Set([...old.keys(), ...wanted.keys()])].sort(compareNames)) {
		if (count === checkpointAfter) await store.checkpoint(signal);
		if (count++ >= stopAfter) return await store.checkpoint(signal);
		const source = wanted.get(name);
		await store.put(old.get(name), source === undefined ? undefined : { name, size: 1, source, target: 't' }, signal);
	}
	await store.finish(signal);
	for await (const name of store.stale(signal)) files.files.delete(name);
}

function many(count: number, value = 'v'): Records {
	return new Map(Array.from({ length: count }, (_, index) => [`name${String(index).padStart(6, '0')}`, value]));
}

describe('what a mirror remembers', () => {
	it('is written in chunks, and only those in which something changed again', async () => {
		const files = new Files();
		const records = many(20_000);
		await update(files, records);
		expect(await read(files)).toEqual(records);
		expect(files.files.size).toBe(4);
		files.written = [];
		await update(files, records);
		expect(files.written).toEqual([]);
		records.set('name010000', 'other');
		records.delete('name010001');
		await update(files, records);
		expect(files.written).toHaveLength(2);
		expect(await read(files)).toEqual(records);
	});

	it('is what the last head says, whenever a run ends', async () => {
		const name = fc.constantFrom(...'abcdefghij');
		const records = fc.dictionary(name, fc.constantFrom('1', '2'), { maxKeys: 10 });
		const run = fc.record({ records, stopAfter: fc.nat({ max: 12 }), checkpointAfter: fc.nat({ max: 12 }) });
		await fc.assert(
			fc.asyncProperty(fc.array(run, { maxLength: 6 }), records, async (runs, last) => {
				const files = new Files();
				for (const { records: wanted, ...stops } of runs) {
					const before = await read(files);
					const target = new Map(Object.entries(wanted));
					await update(files, target, stops);
					const after = await read(files);
					// Each name has what it had before or what it has now.
					for (const each of new Set([...before.keys(), ...after.keys(), ...target.keys()])) {
						expect([before.get(each), target.get(each)]).toContain(after.get(each));
					}
				}
				const target = new Map(Object.entries(last));
				await update(files, target);
				expect(await read(files)).toEqual(target);
				files.written = [];
				await update(files, target);
				expect(files.written).toEqual([]);
			}),
		);
	});
});
