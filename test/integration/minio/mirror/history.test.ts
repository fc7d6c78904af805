/** Random trees, changes and runs that break off: a mirror that ends makes the target equal to its source, and keeps what it removed. */
import { rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { settled } from '../../settled';
import { broken } from './broken-place';
import { filesIn, fill, folder, folderPlace, run, type Contents } from './support';

const NAMES = ['a', 'b/c', 'b/d', 'b-e', 'c/d/e', 'ä', 'z', '😀', '\uffee'];
const content = fc.constantFrom('', 'one', 'two', 'three');
const step = fc.oneof(
	fc.record({ kind: fc.constant('write' as const), name: fc.constantFrom(...NAMES), content }),
	fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom(...NAMES) }),
	fc.record({ kind: fc.constant('spoil' as const), name: fc.constantFrom(...NAMES), content }),
	fc.record({ kind: fc.constant('lose' as const), name: fc.constantFrom(...NAMES) }),
	fc.record({ kind: fc.constant('break' as const), after: fc.nat({ max: 12 }) }),
	fc.record({ kind: fc.constant('mirror' as const) }),
);

/** Times as an object store has them: each write gets another one. */
let clock = 1_700_000_000;

function write(root: string, name: string, text: string): void {
	fill(root, { [name]: text });
	clock++;
	utimesSync(path.join(root, name), clock, clock);
}

describe('any history of a mirror', () => {
	it('ends with a target that equals its source', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
				const root = folder({ always: 'there' });
				const copy = folder();
				const removal = { ceilingPercent: 100 };
				for (const each of steps) {
					if (each.kind === 'write') write(root, each.name, each.content);
					else if (each.kind === 'spoil') write(copy, each.name, each.content);
					else if (each.kind === 'remove') rmSync(path.join(root, each.name), { force: true });
					else if (each.kind === 'lose') rmSync(path.join(copy, each.name), { force: true });
					else if (each.kind === 'break') await breakOff(root, copy, each.after);
					else await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { concurrency: 2 });
				}
				await settled(root);
				// The ceiling is what stops a mirror that would remove all; here something always stays.
				await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
				await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { removal });
				expect(filesIn(copy)).toEqual(filesIn(root));
				const again = await run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { removal });
				const counts = { unchanged: { count: Object.keys(filesIn(root)).length }, added: { count: 0 } };
				expect(again).toMatchObject({ ...counts, changed: { count: 0 }, adopted: { count: 0 }, warnings: [] });
				expect(statSync(root).isDirectory()).toBe(true);
			}),
			{ numRuns: 60 },
		);
	});

	it('goes on from where a run was killed', async () => {
		const contents: Contents = Object.fromEntries(
			Array.from({ length: 60 }, (_, index) => [`f${index}`, 'x'.repeat(1000)]),
		);
		const root = folder(contents);
		const copy = folder();
		await settled(root);
		let written = 0;
		const killed = async () => {
			// Those before it may still be on their way to the disk.
			await vi.waitFor(() => expect(Object.keys(filesIn(copy))).toHaveLength(30), 60_000);
			throw new Error('killed');
		};
		const before = (what: string) => (what === 'write' && ++written > 30 ? killed() : undefined);
		const target = broken(folderPlace(copy, 'target'), { before });
		await expect(run(folderPlace(root, 'source'), target, { concurrency: 1 })).rejects.toThrow('killed');
		const report = await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		expect(report).toMatchObject({ unchanged: { count: 30 }, added: { count: 30 } });
		expect(filesIn(copy)).toEqual(contents);
	});

	it('ends at once when it is cancelled, with nothing half-written', async () => {
		const contents: Contents = Object.fromEntries(
			Array.from({ length: 60 }, (_, index) => [`f${index}`, 'x'.repeat(1000)]),
		);
		const root = folder(contents);
		const copy = folder();
		await settled(root);
		const controller = new AbortController();
		const onProgress = ({ copied }: { copied: number }) => copied === 20 && controller.abort();
		const options = {
			signal: controller.signal,
			onProgress: (progress: { copied: number }) => void onProgress(progress),
		};
		const stopped = run(folderPlace(root, 'source'), folderPlace(copy, 'target'), { ...options, concurrency: 4 });
		await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
		const left = filesIn(copy);
		for (const [name, text] of Object.entries(left)) expect(text).toBe(contents[name]);
		expect(Object.keys(left).length).toBeLessThan(60);
		const report = await run(folderPlace(root, 'source'), folderPlace(copy, 'target'));
		expect(report.unchanged.count).toBeGreaterThanOrEqual(20);
		expect(filesIn(copy)).toEqual(contents);
	});
});

/** Everything fails from some use of the target on, also what would be recorded then. */
async function breakOff(root: string, copy: string, after: number): Promise<void> {
	let uses = 0;
	const before = () => {
		if (uses++ >= after) throw new Error('killed');
	};
	const target = broken(folderPlace(copy, 'target'), { before });
	const options = { concurrency: 2, checkpointBytes: 5, removal: { ceilingPercent: 90 } };
	await run(folderPlace(root, 'source'), target, options).catch((error: { message?: string; code?: string }) => {
		if (error.message !== 'killed' && error.code !== 'NOT_CONFIRMED') throw error as Error;
	});
}
