import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, it } from 'vitest';

import { mirror } from '../../../../engine/minio/mirror/mirror';
import { simulated } from './simulated';

const MIB = 1024 * 1024;
const OBJECTS = 100_000;

it('needs no more memory for many objects than for few', async () => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	collect();
	const before = process.memoryUsage().heapUsed;
	// Less than before, where what earlier tests of the process left is collected meanwhile.
	let highest = -Infinity;
	const source = simulated('source/', OBJECTS);
	const list = source.list.bind(source);
	let listed = 0;
	source.list = async function* (signal) {
		for await (const page of list(signal)) {
			if (++listed % 10 === 0) {
				collect();
				highest = Math.max(highest, process.memoryUsage().heapUsed - before);
			}
			yield page;
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
	expect(highest).toBeGreaterThan(-Infinity);
	expect(highest).toBeLessThan(12 * MIB);
}, 120_000);
