/**
 * That all was stored: a small object for each cluster, `.stack-backup/wal/<system identifier>.json`. A server that writes nothing makes no
 * WAL, so WAL alone does not tell an idle server from an archiving that stands still. Whoever archives notes here at which moment the log ended
 * where the stored WAL ends; so the window reaches to that moment, although nothing was written. Whoever can write to the storage can
 * write it: it makes no backup better than it is, for WAL that is missing is missing whatever it says.
 */
import { z } from 'zod';

import { HOUSEKEEPING, LIMITS, parseJson, readSmall } from '../../../archive';
import type { Storage } from '../../../storage';
import { formatLsn, parseLsn, type Lsn } from '../lsn';
import type { Coverage, Window } from './coverage';

/** At this moment, by the server's clock, its log ended here or before, and all of it was stored. */
export interface Reached {
	timeline: number;
	lsn: Lsn;
	/** ISO 8601, UTC. */
	at: string;
}

const noteSchema = z.object({
	formatVersion: z.literal(1),
	systemIdentifier: z.string(),
	timeline: z.number().int().positive().max(0xffff_ffff),
	lsn: z.string().max(20),
	at: z.string().datetime(),
});

function keyOf(systemIdentifier: string): string {
	return `${HOUSEKEEPING}wal/${systemIdentifier}.json`;
}

/** Notes it in the place of what was noted before. @throws BackupError CANCELLED, STORAGE_* */
export async function noteReached(
	storage: Storage,
	systemIdentifier: string,
	{ timeline, lsn, at }: Reached,
	signal?: AbortSignal,
): Promise<void> {
	const note = { formatVersion: 1, systemIdentifier, timeline, lsn: formatLsn(lsn), at };
	const bytes = Buffer.from(`${JSON.stringify(note, null, 2)}\n`);
	await storage.replace(keyOf(systemIdentifier), bytes, { isPassing: true, ...(signal && { signal }) });
}

/**
 * What was noted last of a cluster.
 * @returns undefined where nothing was, or nothing that can be understood
 * @throws BackupError CANCELLED, STORAGE_*
 */
export async function readReached(
	storage: Storage,
	systemIdentifier: string,
	signal?: AbortSignal,
): Promise<Reached | undefined> {
	const { data } = noteSchema.safeParse(
		parseJson(await readSmall(storage, keyOf(systemIdentifier), LIMITS.lock, signal)),
	);
	if (data?.systemIdentifier !== systemIdentifier) return undefined;
	try {
		return { timeline: data.timeline, lsn: parseLsn(data.lsn), at: data.at };
	} catch {
		return undefined;
	}
}

/** The same coverage, with the windows that hold all of the log of some moments reaching to the latest of these. */
export function reachingTo(coverage: Coverage, moments: readonly (Reached | undefined)[]): Coverage {
	const windows = coverage.windows.map((window) =>
		moments.reduce<Window>((one, moment) => {
			if (!moment || moment.timeline !== one.timeline || moment.lsn > one.endLsn) return one;
			const isLater = Date.parse(moment.at) > Date.parse(one.endTime ?? one.startTime);
			return isLater ? { ...one, endTime: moment.at } : one;
		}, window),
	);
	return { ...coverage, windows };
}
