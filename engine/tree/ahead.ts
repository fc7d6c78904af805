/**
 * How entries come to the writer. The source is listed and compared with the backup before; what is small is opened and read
 * whole, many at once, for each costs a trip to the disk or to the server; what is large waits until it is its turn. Steps
 * come out in the order of the list. In memory: 32 MiB of content, or one small file where the others are slow, and 4,096 steps.
 */
import { hash } from 'node:crypto';

import { throwIfCancelled } from '../errors';
import { giveBack } from '../storage/lent';
import type { EntryFacts, TreeEntry } from './entry';
import { isSame, type Compared } from './compare';
import type { LeftOut, OpenEntry, TreeSource, WholeEntry } from './source';

/** Up to so many bytes a file is read whole before it is written, so that one that changes meanwhile can be read again. */
export const SMALL_BYTES = 1024 * 1024;
const OPEN_AT_ONCE = 16;
const AHEAD_BYTES = 32 * 1024 * 1024;
const AHEAD_STEPS = 4096;
/** How often what changes while it is read is read again. */
export const TRIES = 3;

/** What the writer does next. */
export type Step =
	/** The entry goes into the index; its content, if it has any, lies in an archive already. */
	| { kind: 'known'; entry: TreeEntry }
	/** It has no content. */
	| { kind: 'bare'; facts: EntryFacts }
	| { kind: 'small'; facts: EntryFacts; content: Uint8Array[]; sha256: string; changed: boolean }
	/** To be opened by the writer. */
	| { kind: 'large'; facts: EntryFacts }
	| { kind: 'leftOut'; facts: EntryFacts; reason: string };

/** A small file's content takes room until it was written. */
interface Waiting {
	step: Promise<Step>;
	bytes: number;
}

/** @throws what listing and opening throw, in its turn */
export async function* stepsAhead(
	compared: AsyncIterable<Compared>,
	source: TreeSource,
	signal: AbortSignal,
): AsyncGenerator<Step> {
	const controller = new AbortController();
	const either = AbortSignal.any([signal, controller.signal]);
	const queue: Waiting[] = [];
	const state = { bytes: 0, open: 0, isListed: false, failure: undefined as { error: unknown } | undefined };
	let wake = () => {};
	const change = () => new Promise<void>((resolve) => (wake = resolve));
	const hasRoom = (each: Compared) => {
		if (queue.length >= AHEAD_STEPS) return false;
		if (!isSmallFile(each)) return true;
		return state.open < OPEN_AT_ONCE && (state.bytes === 0 || state.bytes + each.facts.size <= AHEAD_BYTES);
	};
	let roomMade = () => {};
	const list = async () => {
		try {
			for await (const each of compared) {
				while (!hasRoom(each) && !either.aborted) {
					await new Promise<void>((resolve) => (roomMade = resolve));
				}
				throwIfCancelled(either);
				queue.push(begin(each));
				wake();
			}
		} catch (error) {
			state.failure = { error };
		}
		state.isListed = true;
		wake();
	};
	const begin = (each: Compared): Waiting => {
		if (!isSmallFile(each)) return { step: Promise.resolve(stepOf(each)), bytes: 0 };
		const { size } = each.facts;
		state.open++;
		state.bytes += size;
		const waiting: Waiting = { bytes: size, step: readSmall(source, each.facts, either) };
		waiting.step
			.then((step) => {
				// It may have grown or shrunk since it was listed.
				const bytes = step.kind === 'small' ? step.facts.size : 0;
				state.bytes += bytes - waiting.bytes;
				waiting.bytes = bytes;
			})
			// Whoever takes the step meets the error.
			.catch(() => {})
			.finally(() => {
				state.open--;
				roomMade();
			});
		return waiting;
	};
	either.addEventListener('abort', () => roomMade(), { once: true });
	const listing = list();
	try {
		for (;;) {
			const next = queue[0];
			if (next) {
				yield await next.step;
				queue.shift();
				state.bytes -= next.bytes;
				next.bytes = 0;
				roomMade();
			} else if (state.failure) throw state.failure.error;
			else if (state.isListed) return;
			else await change();
		}
	} finally {
		controller.abort();
		await listing;
		await Promise.allSettled(queue.map(({ step }) => step));
	}
}

function isSmallFile({ facts, known }: Compared): boolean {
	return facts.type === 'file' && facts.size <= SMALL_BYTES && !isSame(facts, known);
}

function stepOf({ facts, known }: Compared): Step {
	if (facts.type !== 'file') return { kind: 'bare', facts };
	if (!isSame(facts, known)) return { kind: 'large', facts };
	const { attributes = facts.attributes, sha256, content } = known;
	return { kind: 'known', entry: { ...facts, ...(attributes && { attributes }), sha256, content } };
}

async function readSmall(source: TreeSource, listed: EntryFacts, signal: AbortSignal): Promise<Step> {
	let facts = listed;
	for (let tries = 1; ; tries++) {
		const read = source.readWhole ? await source.readWhole(facts, signal) : await openWhole(source, facts, signal);
		if (isLeftOut(read)) return { kind: 'leftOut', facts, reason: read.leftOut };
		({ facts } = read);
		// It has grown: too large to be held.
		if (facts.size > SMALL_BYTES) return { kind: 'large', facts };
		const isWhole = read.isUnchanged && read.content.length === facts.size;
		if (!isWhole && tries < TRIES) continue;
		// What changes all the time is stored as it was read last, and said to be so.
		const content = read.content.subarray(0, facts.size);
		facts = { ...facts, size: content.length };
		return { kind: 'small', facts, content: [content], sha256: hash('sha256', content, 'hex'), changed: !isWhole };
	}
}

async function openWhole(source: TreeSource, listed: EntryFacts, signal: AbortSignal): Promise<WholeEntry | LeftOut> {
	const opened = await source.open(listed, signal);
	if (isLeftOut(opened)) return opened;
	const { facts } = opened;
	try {
		if (facts.size > SMALL_BYTES) return { facts, content: new Uint8Array(), isUnchanged: false };
		const content = await gather(opened);
		return { facts, content, isUnchanged: await opened.isUnchanged() };
	} finally {
		await opened.close();
	}
}

/** All bytes, or one more than the file should have where there are more. */
async function gather({ bytes, facts }: OpenEntry): Promise<Buffer> {
	const pieces: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of bytes) {
		pieces.push(chunk);
		length += chunk.length;
		if (length > facts.size) break;
	}
	const all = Buffer.concat(pieces);
	for (const piece of pieces) giveBack(piece);
	return all;
}

export function isLeftOut(opened: OpenEntry | WholeEntry | LeftOut): opened is LeftOut {
	return 'leftOut' in opened;
}
