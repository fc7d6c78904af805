import { describe, expect, it } from 'vitest';

import type { Listed } from '../../../../engine/minio/mirror/place';
import { settled } from '../../settled';
import { broken } from './broken-place';
import { filesIn, fill, folder, folderPlace, run } from './support';

const CONTENTS = Object.fromEntries(
	Array.from({ length: 40 }, (_, index) => [`file${index + 10}`, `content ${index}`]),
);

async function* cutAfter(listing: AsyncIterable<Listed>, most: number): AsyncGenerator<Listed> {
	let count = 0;
	for await (const listed of listing) {
		if (count++ >= most) return;
		yield listed;
	}
}

/** The first page comes twice. */
async function* repeated(listing: AsyncIterable<Listed>): AsyncGenerator<Listed> {
	const page: Listed[] = [];
	for await (const listed of listing) {
		yield listed;
		if (page.push(listed) === 10) yield* page;
	}
}

const removal = { ceilingPercent: 60 };

describe('a listing that is wrong', () => {
	it('removes nothing when that of the source ends early, and copies what it left out', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		await settled(root);
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		fill(root, { file45: 'changed' });
		const source = broken(folderPlace(root, 'source'), { list: (listing) => cutAfter(listing, 15) });
		const report = await run(source, folderPlace(copy, 'target'), { removal });
		expect(report).toMatchObject({ unlisted: { count: 25 }, changed: { names: ['file45'] }, removed: { count: 0 } });
		expect(report.warnings.join()).toMatch(/25 objects are at the source although its listing leaves them out/);
		expect(filesIn(copy)).toEqual({ ...CONTENTS, file45: 'changed' });
	});

	it('finds what it left out without removal, too, where it was mirrored before', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		await settled(root);
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		fill(root, { file45: 'changed' });
		const source = broken(folderPlace(root, 'source'), { list: (listing) => cutAfter(listing, 0) });
		expect(await run(source, folderPlace(copy, 'target'))).toMatchObject({ unlisted: { count: 40 } });
		expect(filesIn(copy)).toEqual({ ...CONTENTS, file45: 'changed' });
	});

	it('loses nothing when that of the target ends early', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		await settled(root);
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		const target = broken(folderPlace(copy, 'target'), { list: (listing) => cutAfter(listing, 15) });
		expect(await run(folderPlace(root, 'source'), target, { removal })).toMatchObject({
			unchanged: { count: 40 },
			added: { count: 0 },
		});
		expect(filesIn(copy)).toEqual(CONTENTS);
	});

	it('ends the mirror when a page comes twice', async () => {
		const root = folder(CONTENTS);
		const copy = folder({ extra: 'stays' });
		const source = broken(folderPlace(root, 'source'), { list: repeated });
		const stopped = run(source, folderPlace(copy, 'target'), { removal });
		await expect(stopped).rejects.toMatchObject({
			code: 'SOURCE_FAILED',
			message: expect.stringMatching(/out of order/),
		});
		expect(filesIn(copy)).toMatchObject({ extra: 'stays' });
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		expect(filesIn(copy)).toEqual({ ...CONTENTS, extra: 'stays' });
	});

	it('keeps the copy of a key that is listed and not there', async () => {
		const root = folder(CONTENTS);
		const copy = folder();
		await settled(root);
		await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		fill(root, { file20: 'changed', file21: 'changed', new: 'new' });
		await settled(root);
		const missing = (name: string) => ['file20', 'new'].includes(name);
		const report = await run(broken(folderPlace(root, 'source'), { missing }), folderPlace(copy, 'target'), {
			removal,
		});
		expect(report).toMatchObject({ vanished: { count: 2 }, changed: { count: 1 }, removed: { count: 0 } });
		expect(filesIn(copy)).toEqual({ ...CONTENTS, file21: 'changed' });
		expect(await run(folderPlace(root, 'source'), folderPlace(copy, 'target'))).toMatchObject({
			added: { count: 1 },
			changed: { count: 1 },
		});
	});

	it('ends the mirror when it fails, with nothing removed', async () => {
		const root = folder(CONTENTS);
		const copy = folder({ extra: 'x' });
		const failing = async function* (listing: AsyncIterable<Listed>) {
			yield* cutAfter(listing, 20);
			throw new Error('the connection broke');
		};
		const source = broken(folderPlace(root, 'source'), { list: failing });
		await expect(run(source, folderPlace(copy, 'target'), { removal })).rejects.toThrow('the connection broke');
		expect(filesIn(copy)).toMatchObject({ extra: 'x' });
	});
});
