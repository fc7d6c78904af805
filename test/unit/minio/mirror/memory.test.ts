import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it } from 'vitest';

import { mirror } from '../../../../engine/minio/mirror/mirror';
import type { Listed, Place } from '../../../../engine/minio/mirror/place';

const MIB = 1024 * 1024;
const OBJECTS = 100_000;
const PAGE = 1000;

/** A bucket of very many objects, of which only the listing is real. */
function simulated(identity: string, objects: number, files = new Map<string, Buffer>()): Place & { copied: number } {
	const listed = (index: number): Listed => ({
		name: `documents/${String(index).padStart(9, '0')}/a name that is as long as names are.pdf`,
		size: 1000,
		version: `etag-of-object-${index} 1700000000`,
		writtenVersion: `etag-of-object-${index}`,
		modified: 1_700_000_000_000_000_000n,
	});
	const place = {
		description: identity,
		server: 'server',
		identity,
		copied: 0,
		objects,
		async *list() {
			for (let index = 0; index < place.objects; index++) {
				// As pages come from a server: later.
				if (index % PAGE === 0) await new Promise((resolve) => setImmediate(resolve));
				yield listed(index);
			}
		},
		refuses: () => undefined,
		ask: () => Promise.resolve(undefined),
		open: () => Promise.resolve(undefined),
		write: () => Promise.reject(new Error('not written')),
		copyFrom: (_source: Place, { writtenVersion }: Listed) => {
			place.copied++;
			return new Promise<string>((resolve) => setImmediate(() => resolve(writtenVersion)));
		},
		memoryFor: (size: number) => size,
		isCopy: () => Promise.resolve(false),
		keepsVersions: () => Promise.resolve(true),
		move: () => Promise.resolve(),
		remove: (name: string) => {
			files.delete(name);
			return Promise.resolve();
		},
		own: {
			async *list() {
				yield* await Promise.resolve([...files.keys()].sort());
			},
			read: (name: string) => Promise.resolve(files.get(name)),
			write: (name: string, content: Buffer) => {
				files.set(name, content);
				return Promise.resolve();
			},
		},
		warnings: () => [],
		close: () => {},
	};
	return place;
}

it('needs no more memory for many objects than for few', async () => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	collect();
	const before = process.memoryUsage().heapUsed;
	let highest = 0;
	const source = simulated('source/', OBJECTS);
	const list = source.list.bind(source);
	let listed = 0;
	source.list = async function* (signal) {
		for await (const each of list(signal)) {
			if (++listed % 10_000 === 0) {
				collect();
				highest = Math.max(highest, process.memoryUsage().heapUsed - before);
			}
			yield each;
		}
	};
	const files = new Map<string, Buffer>();
	const target = simulated('target/', 0, files);
	expect(await mirror({ source, target })).toMatchObject({ added: { count: OBJECTS }, warnings: [] });
	Object.assign(target, { objects: OBJECTS });
	const report = await mirror({ source, target, removal: {} });
	expect(report).toMatchObject({ unchanged: { count: OBJECTS }, added: { count: 0 }, extra: { count: 0 } });
	expect(target.copied).toBe(OBJECTS);
	// All removed at once: their names are what is held.
	Object.assign(source, { list: simulated('source/', OBJECTS / 2).list });
	await expect(mirror({ source, target, removal: {} })).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
	expect(highest).toBeGreaterThan(0);
	expect(highest).toBeLessThan(12 * MIB);
}, 120_000);
