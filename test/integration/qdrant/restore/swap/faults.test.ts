import { beforeEach, describe, expect, it } from 'vitest';

import { archiveSource, restoreCollection, type QdrantRestoreSource } from '../../../../../engine/qdrant';
import { ask, at, contentHash, countPoints, createPlain, fill, plainShape } from '../../../../services/qdrant-data';
import { type Treatment } from '../../interceptor';
import {
	aliasesOn,
	backUp,
	everythingOn,
	failure,
	giveAlias,
	removeCollections,
	restore,
	type Backup,
} from '../../support';
import { backup, proxy, safeSwapOf, server, setUpStage, treatAt, wanted } from './stage';

// Faults in the last step of a safe swap by the collection's own name: whatever happens, the old data is in place, or whole under a name that is told.

/** So long that a cancel during its upload comes before all of it is sent. */
let long: Backup;

setUpStage(1100, {
	dimensions: 64,
	prepare: async () => {
		await createPlain(server, 'long', 8000, 64);
		long = await backUp(server, 'long');
		await removeCollections(server);
	},
});

let before: Awaited<ReturnType<typeof everythingOn>>;
let old: string;
beforeEach(async () => {
	await createPlain(server, 'target', 70, 64);
	await giveAlias(server, 'live', 'target');
	// Two shards, so the backup does not fit.
	await ask(server, 'PUT', at('unlike'), { vectors: { size: 3, distance: 'Dot' }, shard_number: 2 });
	await fill(server, 'unlike', { vector: () => [1, 2, 3] }, { count: 10 });
	await giveAlias(server, 'other', 'unlike');
	before = await everythingOn(server);
	old = before.hashes['target']!;
});

const swap = safeSwapOf('target');
const unlikeSwap = safeSwapOf('unlike');

const uploadTo = (collection: string) => `POST ${at(collection)}/snapshots/upload`;

/** What was restored over the old collection in half: some points are the backup's, some are the old ones. */
async function halfRestored(): Promise<void> {
	await fill(server, 'target', plainShape(64), { from: 40, count: 1000 });
	await ask(server, 'POST', at('target', '/points/payload?wait=true'), {
		payload: { is: 'broken' },
		points: [1, 2, 3],
	});
}

/** The name that an error tells for the old collection. */
function keptName({ message }: Error, name = 'target'): string {
	const [, kept] = new RegExp(`(?:whole, as|copy) (${name}_before_\\d{8}_\\d{6})`).exec(message) ?? [];
	return kept!;
}

/** The long backup, with something that happens while its bytes are sent in the last step (trial: 1, last step: 2). */
async function sourceWith(happens: (chunk: number) => Promise<void>, opening = 2): Promise<QdrantRestoreSource> {
	const source = archiveSource(await long.open());
	let opened = 0;
	const [piece] = source.pieces;
	const open = async function* (signal?: AbortSignal) {
		const isIt = ++opened === opening;
		let number = 0;
		for await (const chunk of piece!.open(signal)) {
			yield chunk;
			if (isIt) await happens(++number);
		}
	};
	return { ...source, pieces: [{ ...piece!, open }] };
}

describe('where the backup goes over the collection', () => {
	it('leaves the collection alone when it is cancelled during the upload, with what clients write meanwhile', async () => {
		const controller = new AbortController();
		const source = await sourceWith(async (chunk) => {
			if (chunk !== 1) return;
			// Points that the backup lacks: those of its own would look as if some of it had been restored.
			await fill(server, 'target', plainShape(64), { from: 9000, count: 10 });
			controller.abort();
		});
		const run = restoreCollection({ connection: proxy, source, target: swap, signal: controller.signal });
		await failure(run, 'CANCELLED');
		expect(await countPoints(server, 'target')).toBe(80);
		expect(proxy.requests.filter((line) => line === `DELETE ${at('target')}`)).toEqual([]);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
		expect(Object.keys((await everythingOn(server)).hashes)).toEqual(Object.keys(before.hashes));
	});

	it('leaves the collection alone when the source fails', async () => {
		const source = await sourceWith(() => Promise.reject(new Error('the disk is gone')));
		const run = restoreCollection({ connection: proxy, source, target: swap });
		await expect(run).rejects.toThrow('the disk is gone');
		await expect.poll(() => everythingOn(server)).toEqual(before);
	});

	it('leaves the collection alone when the server refuses the snapshot', async () => {
		treatAt(uploadTo('target'), { instead: 400 });
		await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(await everythingOn(server)).toEqual(before);
	});

	it('keeps the copy when the server refuses the snapshot, but the collection is not as it was', async () => {
		treatAt(uploadTo('target'), { instead: 400, after: halfRestored });
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(await contentHash(server, keptName(error))).toBe(old);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
	});

	it('puts the old points back when the server fails half way, and never deletes the collection or its aliases', async () => {
		treatAt(uploadTo('target'), { instead: 500, after: halfRestored });
		const asked = proxy.requests.length;
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('was put back as it was');
		expect(await everythingOn(server)).toEqual(before);
		expect(proxy.requests.slice(asked)).not.toContain(`DELETE ${at('target')}`);
	});

	it('keeps the aliases while a client writes into what is put back, and the copy as well', async () => {
		const write = () => fill(server, 'target', plainShape(64), { from: 9000, count: 1 });
		treatAt(uploadTo('target'), { instead: 500, after: halfRestored }, { after: write });
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('was put back');
		expect(await aliasesOn(server)).toEqual(before['aliases']);
		expect(await countPoints(server, 'target')).toBe(71);
		expect(await contentHash(server, keptName(error))).toBe(old);
	});

	it('leaves the collection and keeps the copy when the server fails without having changed anything', async () => {
		treatAt(uploadTo('target'), { instead: 500 });
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('target holds its old points');
		const { hashes, aliases } = await everythingOn(server);
		expect(hashes).toEqual({ ...before.hashes, [keptName(error)]: old });
		expect(aliases).toEqual(before['aliases']);
	});

	it.each([
		['the server fails after it has restored all', 500],
		['the answer is lost', undefined],
	])('has succeeded, with a warning, when %s', async (_what, status) => {
		// For the status, what the server does is done past the proxy.
		const pass: Treatment = { lose: true };
		const restoreDirectly = async () => {
			const file = await snapshotBytes();
			const body = new FormData();
			body.append('snapshot', new Blob([file]), 'x.snapshot');
			await fetch(`${server.url}${at('target')}/snapshots/upload?priority=snapshot`, { method: 'POST', body });
		};
		treatAt(uploadTo('target'), status === undefined ? pass : { instead: status, after: restoreDirectly });
		const report = await restore(server, backup, swap, { connection: proxy });
		expect(report.warnings).toContainEqual(
			expect.stringContaining('The server did not say that the restore had worked'),
		);
		expect(await contentHash(server, 'target')).toBe(wanted);
		expect(await contentHash(server, report.previous!)).toBe(old);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
	});

	it('has succeeded when it is cancelled while the server is at the last step', async () => {
		const controller = new AbortController();
		treatAt(uploadTo('target'), { after: () => controller.abort() });
		const report = await restore(server, backup, swap, { connection: proxy, signal: controller.signal });
		expect(report).toMatchObject({ collection: 'target', points: 1100 });
		expect(await contentHash(server, report.previous!)).toBe(old);
	});

	it('says where the old collection is when it cannot be put back either', async () => {
		treatAt(uploadTo('target'), { instead: 500, after: halfRestored }, { instead: 500 });
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('could not be put back');
		expect(await contentHash(server, keptName(error))).toBe(old);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
	});

	it('puts the old points back when the server cannot read what it has left', async () => {
		let uploads = 0;
		proxy.treat = (line) => {
			if (line === uploadTo('target') && ++uploads === 1) return { instead: 500, after: halfRestored };
			return uploads === 1 && line === `POST ${at('target')}/points/count` ? { instead: 500 } : undefined;
		};
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('was put back as it was');
		expect(await everythingOn(server)).toEqual(before);
	});

	it('keeps the copy when the server cannot be asked any more', async () => {
		let isGone = false;
		proxy.treat = (line) => {
			if (line === uploadTo('target')) return { instead: 500, after: () => void (isGone = true) };
			return isGone ? { instead: 503 } : undefined;
		};
		const error = await failure(restore(server, backup, swap, { connection: proxy }), 'TARGET_FAILED');
		expect(error.message).toContain('could not be looked at');
		expect(await contentHash(server, keptName(error))).toBe(old);
		expect(await contentHash(server, 'target')).toBe(old);
	});
});

async function snapshotBytes(): Promise<Buffer<ArrayBuffer>> {
	const chunks: Uint8Array[] = [];
	const [piece] = archiveSource(await backup.open()).pieces;
	for await (const chunk of piece!.open()) chunks.push(chunk);
	return Buffer.concat(chunks);
}

describe('where the collection is made anew', () => {
	it('puts the old one back with its aliases when the upload fails', async () => {
		treatAt(uploadTo('unlike'), { instead: 500 });
		await failure(restore(server, backup, unlikeSwap, { connection: proxy }), 'TARGET_FAILED');
		expect(await everythingOn(server)).toEqual(before);
	});

	it('puts the old one back with its aliases when it is cancelled', async () => {
		const controller = new AbortController();
		const source = await sourceWith((chunk) => Promise.resolve(chunk === 1 ? controller.abort() : undefined));
		const run = restoreCollection({ connection: proxy, source, target: unlikeSwap, signal: controller.signal });
		await failure(run, 'CANCELLED');
		expect(await everythingOn(server)).toEqual(before);
	});

	it('leaves everything as it was when the old one cannot be deleted', async () => {
		treatAt(`DELETE ${at('unlike')}`, { instead: 500 });
		await failure(restore(server, backup, unlikeSwap, { connection: proxy }), 'TARGET_FAILED');
		expect(await everythingOn(server)).toEqual(before);
	});

	it('goes on when the answer to the deletion is lost', async () => {
		treatAt(`DELETE ${at('unlike')}`, { lose: true });
		const report = await restore(server, backup, unlikeSwap, { connection: proxy });
		expect(await contentHash(server, 'unlike')).toBe(wanted);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
		expect(await contentHash(server, report.previous!)).toBe(before.hashes['unlike']);
	});

	it('has succeeded, with a warning, when the answer to the upload is lost', async () => {
		treatAt(uploadTo('unlike'), { lose: true });
		const report = await restore(server, backup, unlikeSwap, { connection: proxy });
		expect(report.warnings).toContainEqual(
			expect.stringContaining('The server did not say that the restore had worked'),
		);
		expect(await contentHash(server, 'unlike')).toBe(wanted);
		expect(await aliasesOn(server)).toEqual(before['aliases']);
	});

	it('leaves the aliases with the copy when the old one cannot be put back either', async () => {
		treatAt(uploadTo('unlike'), { instead: 500 }, { instead: 500 });
		const error = await failure(restore(server, backup, unlikeSwap, { connection: proxy }), 'TARGET_FAILED');
		const kept = keptName(error, 'unlike');
		expect(await contentHash(server, kept)).toBe(before.hashes['unlike']);
		expect(await aliasesOn(server)).toEqual({ live: 'target', other: kept });
	});

	it('does not touch what somebody else makes in the place of the old one', async () => {
		treatAt(`DELETE ${at('unlike')}`, { after: () => createPlain(server, 'unlike', 3) });
		const error = await failure(restore(server, backup, unlikeSwap, { connection: proxy }), 'TARGET_FAILED');
		const kept = keptName(error, 'unlike');
		expect(await countPoints(server, 'unlike')).toBe(3);
		expect(await contentHash(server, kept)).toBe(before.hashes['unlike']);
		expect(await aliasesOn(server)).toEqual({ live: 'target', other: kept });
	});
});
