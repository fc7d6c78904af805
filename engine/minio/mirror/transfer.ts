/** Moves one object from the source to the target. */
import { setTimeout as sleep } from 'node:timers/promises';

import { throwIfCancelled } from '../../errors';
import { ObjectChanged, type Listed } from './place';
import { markOf, type Ends } from './settle';
import type { StateRecord } from './state';

/** How often what changes while it is read is read again. */
const TRIES = 3;
const WAIT_MS = 200;

export type Transferred =
	| { kind: 'copied'; record: StateRecord }
	/** It was listed, and is not there. What the target has of it stays. */
	| { kind: 'vanished' }
	/** It changed each time while it was read. What the target has of it stays. */
	| { kind: 'changing' };

/** @throws BackupError; what was under way has left nothing then */
export async function transfer(
	{ source: listed, isNew }: { source: Listed; isNew: boolean },
	ends: Ends,
	signal: AbortSignal,
): Promise<Transferred> {
	let object: Listed | undefined = listed;
	for (let tries = 1; ; tries++) {
		throwIfCancelled(signal);
		try {
			const record = await once({ source: object, isNew }, ends, signal);
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
	{ source: object, isNew }: { source: Listed; isNew: boolean },
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
		const written = await target.copyFrom(source, object, signal);
		if (written !== undefined) return recordOf(object, written);
	}
	const opened = await source.open(object, signal);
	if (!opened) return undefined;
	try {
		return recordOf(opened.facts, await target.write(opened, { mark: markOf(ends.id, opened.facts), isNew, signal }));
	} finally {
		await opened.close();
	}
}
