import { describe, expect, it } from 'vitest';

import { checkedStream } from '../../../../../engine/postgres/restore/source/checkedStream';

const CHUNKS = ['one', 'two', 'three'].map((text) => Buffer.from(text));

async function* chunks(): AsyncGenerator<Buffer> {
	for (const chunk of CHUNKS) yield await Promise.resolve(chunk);
}

/** Reads all, and takes down what it has read. */
function reading(seen: string[]) {
	return async (bytes: AsyncIterable<Uint8Array>) => {
		for await (const chunk of bytes) seen.push(Buffer.from(chunk).toString());
		seen.push('end');
	};
}

describe('a stream that is checked as it passes', () => {
	it('hands on what it gets, each chunk after the check has seen it, and the last after its end', async () => {
		const seen: string[] = [];
		const passed: string[] = [];
		for await (const chunk of checkedStream(chunks(), reading(seen), () => {})) {
			passed.push(chunk.toString());
			expect(seen).toContain(chunk.toString());
			if (chunk.toString() === 'three') expect(seen).toContain('end');
		}
		expect(passed).toEqual(['one', 'two', 'three']);
		expect(seen).toEqual(['one', 'two', 'three', 'end']);
	});

	it('hands on nothing in which the check has found something', async () => {
		const seen: string[] = [];
		const passed: string[] = [];
		const assertGood = () => {
			if (seen.includes('two')) throw new Error('bad');
		};
		const all = async () => {
			for await (const chunk of checkedStream(chunks(), reading(seen), assertGood)) passed.push(chunk.toString());
		};
		await expect(all()).rejects.toThrow('bad');
		expect(passed).not.toContain('two');
	});

	/** What was handed on of five chunks before it failed, and the error. */
	async function passedOn(check: (bytes: AsyncIterable<Uint8Array>) => Promise<void>, assertGood = () => {}) {
		const five = async function* () {
			for (const text of ['one', 'two', 'three', 'four', 'five']) yield await Promise.resolve(Buffer.from(text));
		};
		const passed: string[] = [];
		const all = async () => {
			for await (const chunk of checkedStream(five(), check, assertGood)) passed.push(chunk.toString());
		};
		const error = await all().then(
			() => undefined,
			(reason: unknown) => (reason as Error).message,
		);
		return { passed, error };
	}

	it('hands on nothing more once the check has thrown', async () => {
		const throwing = async (bytes: AsyncIterable<Uint8Array>) => {
			for await (const chunk of bytes) if (Buffer.from(chunk).toString() === 'two') throw new Error('at two');
		};
		expect(await passedOn(throwing)).toEqual({ passed: [], error: 'at two' });
	});

	it('hands on nothing of what a check that throws at once has not read', async () => {
		const throwing = () => Promise.reject(new Error('at once'));
		expect(await passedOn(throwing)).toEqual({ passed: [], error: 'at once' });
	});

	it('hands on nothing more once the check has ended before the stream', async () => {
		const leaving = async (bytes: AsyncIterable<Uint8Array>) => {
			for await (const chunk of bytes) if (Buffer.from(chunk).toString() === 'two') return;
		};
		const { passed, error } = await passedOn(leaving);
		expect(passed).toEqual([]);
		expect(error).toMatch(/ended before/);
	});

	it('takes a check that has not asked for the end of the stream for one that ended before it', async () => {
		const counting = async (bytes: AsyncIterable<Uint8Array>) => {
			const iterator = bytes[Symbol.asyncIterator]();
			for (let chunk = 0; chunk < 5; chunk++) await iterator.next();
		};
		const { passed, error } = await passedOn(counting);
		expect(passed).not.toContain('five');
		expect(error).toMatch(/ended before/);
	});

	it('fails with what the check has found rather than with its early end', async () => {
		let found = false;
		const finding = async (bytes: AsyncIterable<Uint8Array>) => {
			for await (const chunk of bytes) if ((found = Buffer.from(chunk).toString() === 'two')) return;
		};
		const assertGood = () => {
			if (found) throw new Error('found in two');
		};
		expect(await passedOn(finding, assertGood)).toEqual({ passed: [], error: 'found in two' });
	});

	it('fails with the error of the stream', async () => {
		const broken = async function* () {
			yield await Promise.resolve(CHUNKS[0] as Buffer);
			throw new Error('gone');
		};
		const all = async () => {
			for await (const chunk of checkedStream(broken(), reading([]), () => {})) void chunk;
		};
		await expect(all()).rejects.toThrow('gone');
	});

	it('tells the check that it was left early', async () => {
		let verdict: unknown;
		const check = async (bytes: AsyncIterable<Uint8Array>) => {
			await reading([])(bytes).catch((error: unknown) => (verdict = error));
		};
		for await (const chunk of checkedStream(chunks(), check, () => {})) {
			void chunk;
			break;
		}
		await new Promise((resolve) => setImmediate(resolve));
		expect(verdict).toBeInstanceOf(Error);
	});
});
