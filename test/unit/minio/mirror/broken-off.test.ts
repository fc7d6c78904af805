import { expect, it } from 'vitest';

import { mirror } from '../../../../engine/minio/mirror/mirror';
import { CHUNK_RECORDS } from '../../../../engine/minio/mirror/state';
import { simulated } from './simulated';

it('closes both places, however it ends', async () => {
	const places = { source: simulated('source/', 3), target: simulated('target/', 0) };
	const closed: string[] = [];
	for (const [end, place] of Object.entries(places)) place.close = () => void closed.push(end);
	await mirror(places);
	expect(closed.splice(0).sort()).toEqual(['source', 'target']);
	places.target.own.read = () => Promise.reject(new Error('away'));
	await expect(mirror(places)).rejects.toThrow('away');
	expect(closed.sort()).toEqual(['source', 'target']);
});

it('remembers each copy once where the record of them could not be written for a moment', async () => {
	const objects = CHUNK_RECORDS + 500;
	const source = simulated('source/', objects);
	const target = simulated('target/', 0);
	const { write } = target.own;
	let failures = 0;
	target.own.write = async (name, content, signal) => {
		if (failures++ === 0) throw new Error('away for a moment');
		await write(name, content, signal);
	};
	await expect(mirror({ source, target })).rejects.toThrow('away for a moment');
	target.objects = objects;
	const report = await mirror({ source, target });
	expect(report.warnings).toEqual([]);
	expect(report.unchanged.count).toBeGreaterThanOrEqual(CHUNK_RECORDS - 1);
	expect(report.unchanged.count + report.changed.count).toBe(objects);
});
