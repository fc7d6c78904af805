/** Moves one object from the source to the target. */
import { setTimeout as sleep } from 'node:timers/promises';

import { throwIfCancelled } from '../../errors';
import { gatedBytes, type Gate } from '../../storage/gate';
import { ObjectChanged, type Listed, type OpenObject, type WriteOptions } from './place';
import { markOf, type Ends } from './settle';
import type { StateRecord } from './state';

/** How often what changes while it is read is read again. */
const TRIES = 3;
const WAIT_MS = 200;
/** Many objects are under way at once: each goes on in small pieces, so that none stands still for long enough to be given up. */
const GATED_BYTES = 64 * 1024;

export type Transferred =
	| { kind: 'copied'; record: StateRecord }
	/** It was listed, and is not there. What the target has of it stays. */
	| { kind: 'vanished' }
	/** It changed each time while it was read. What the target has of it stays. */
	| { kind: 'changing' };

interface Copied extends Pick<WriteOptions, 'isNew' | 'below' | 'onRead'> {
	source: Listed;
}

/** @throws BackupError; what was under way has left nothing then */
export async function transfer(
	{ source: listed, ...how }: Copied,
	ends: Ends,
	signal: AbortSignal,
): Promise<Transferred> {
	let object: Listed | undefined = listed;
	for (let tries = 1; ; tries++) {
		throwIfCancelled(signal);
		try {
			const record = await once({ source: object, ...how }, ends, signal);
			if (record) return { kind: 'copied', record };
		} catch (error) {
			if (!(error instanceof ObjectChanged)) throw error;
		}
		object = await ends.source.ask(listed.name, signal);
		if (!object) return { kind: 'vanished' };
		if (tries === TRIES) return { kind: 'changing' };
		await sleep(tries * WAIT_MS, undefined, { signal }).catch(() => {});
	}
}

/** Undefined where the source does not have it. */
async function once(
	{ source: object, isNew, below, onRead }: Copied,
	ends: Ends,
	signal: AbortSignal,
): Promise<StateRecord | undefined> {
	const { source, target } = ends;
	const recordOf = ({ name, size, version }: Listed, written: string) => ({
		name,
		size,
		source: version,
		target: written,
	});
	if (target.copyFrom && target.server !== undefined && target.server === source.server) {
		const written = await target.copyFrom(source, object, { below, signal });
		if (written !== undefined) return recordOf(object, written);
	}
	const opened = await source.open(object, signal);
	if (!opened) return undefined;
	try {
		const content = ends.gate ? gated(opened, ends.gate, signal) : opened;
		const mark = markOf(ends.id, opened.facts);
		return recordOf(opened.facts, await target.write(content, { mark, isNew, below, signal, onRead }));
	} finally {
		await opened.close();
	}
}

/** Its content, however it is read, through a gate. */
function gated(object: OpenObject, gate: Gate, signal: AbortSignal): OpenObject {
	const { bytes, ranges } = object;
	const through = (source: AsyncIterable<Uint8Array>) => gatedBytes(source, gate, signal, GATED_BYTES);
	return {
		...object,
		bytes: through(bytes),
		...(ranges && { ranges: { ...ranges, read: (start, end) => through(ranges.read(start, end)) } }),
		confirm: async () => await object.confirm(),
		close: async () => await object.close(),
	};
}
