/**
 * How entries come to the writer. The source is listed and compared with the backup before; what is small is opened and read
 * whole, many at once, for each costs a trip to the disk or to the server; what is large waits until it is its turn. Steps
 * come out in the order of the list. In memory: 8 MiB of content, 4 where the source reads files whole, or one small file where
 * the others are slow, and 512 steps.
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
const AHEAD_BYTES = 8 * 1024 * 1024;
/** Where the source reads files whole: it gathers those that it is asked for, and answers soon. */
const READ_AT_ONCE = 128;
const READ_AHEAD_BYTES = 4 * 1024 * 1024;
const AHEAD_STEPS = 512;
/** How often what changes while it is read is read again. */
export const TRIES = 3;
export const NEVER_WHOLE = 'it was replaced, or broke off, each time while it was read';

/** What the writer does next. */
export type Step =
	/** The entry goes into the index; its content, if it has any, lies in an archive already. */
	| { kind: 'known'; entry: TreeEntry }
	/** It has no content. */
	| { kind: 'bare'; facts: EntryFacts }
	| { kind: 'small'; facts: EntryFacts; content: Uint8Array; sha256: string; changed: boolean }
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
	const state = {
		bytes: 0,
		open: 0,
		isFull: false,
		isListed: false,
		failure: undefined as { error: unknown } | undefined,
	};
	let wake = () => {};
	const mostOpen = source.readWhole ? READ_AT_ONCE : OPEN_AT_ONCE;
	const mostBytes = source.readWhole ? READ_AHEAD_BYTES : AHEAD_BYTES;
	const change = () => new Promise<void>((resolve) => (wake = resolve));
	const hasRoom = (each: Compared) => {
		// Once it was full, half of it has to go first: what is asked for together costs less.
		const share = state.isFull ? 0.5 : 1;
		const isSmall = isSmallFile(each);
		const bytes = state.bytes + (isSmall ? each.facts.size : 0);
		state.isFull = queue.length >= share * AHEAD_STEPS || (state.bytes > 0 && bytes > share * mostBytes);
		return !state.isFull && (!isSmall || state.open < mostOpen);
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
		const { content, isUnchanged, sha256 = hash('sha256', content, 'hex') } = read;
		if (isUnchanged && content.length === facts.size) {
			return { kind: 'small', facts, content, sha256, changed: false };
		}
		// Memory that is lent goes back only as it is.
		const last = Buffer.from(content.subarray(0, facts.size));
		giveBack(content);
		// It has grown: too large to be held.
		if (facts.size > SMALL_BYTES) return { kind: 'large', facts };
		if (tries < TRIES) continue;
		if (source.isAtomic) return { kind: 'leftOut', facts, reason: NEVER_WHOLE };
		// What changes all the time is stored as it was read last, and said to be so.
		facts = { ...facts, size: last.length };
		return { kind: 'small', facts, content: last, sha256: hash('sha256', last, 'hex'), changed: true };
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
