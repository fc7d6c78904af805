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

	it('fails where the check fails, be it before it has read all', async () => {
		const failing = async (bytes: AsyncIterable<Uint8Array>) => {
			for await (const chunk of bytes) throw new Error(`at ${Buffer.from(chunk).toString()}`);
		};
		const all = async () => {
			for await (const chunk of checkedStream(chunks(), failing, () => {})) void chunk;
		};
		await expect(all()).rejects.toThrow('at one');
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
