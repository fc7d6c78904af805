import { isDeepStrictEqual } from 'node:util';

import { throwIfCancelled } from '../../errors';
import type { CheckContext } from '../../verify/types';
import type { PointId } from '../client/types';
import { findWarning } from './findings';
import { isRefusal, readPoint } from './samples';
import type { Scratch as AnyScratch } from './scratch';

type Scratch = Required<AnyScratch>;

/**
 * Compares sampled points with the collection that was backed up, where that is still on the same server and has as many points.
 * Clients may write to it at any time, so differences are only warnings.
 * @returns how many points were compared
 */
export async function compareWithLive(scratch: Scratch, ids: PointId[], context: CheckContext): Promise<number> {
	const { client, name, manifest } = scratch;
	const { signal } = context;
	try {
		if (!(await isUntouched(scratch, signal))) return 0;
		let compared = 0;
		let different = 0;
		for (const id of ids) {
			throwIfCancelled(signal);
			const [restored, live] = await Promise.all([
				readPoint(client, name, id, signal),
				readPoint(client, manifest.name, id, signal),
			]);
			compared++;
			if (!isDeepStrictEqual(restored, live)) different++;
		}
		if (different > 0) {
			const message = `Of ${compared} restored points, ${different} are not as the collection ${manifest.name} now holds them.`;
			findWarning(context, '', `${message} Unless it was written to since the backup, look into that.`);
		}
		return compared;
	} catch (error) {
		// The collection's strict mode may forbid the search, or somebody may delete it at this moment.
		if (isRefusal(error)) return 0;
		throw error;
	}
}

async function isUntouched({ client, facts, manifest, report }: Scratch, signal?: AbortSignal): Promise<boolean> {
	if (facts.server !== client.server) return false;
	if (!(await client.collections(signal)).includes(manifest.name)) return false;
	return (await client.count(manifest.name, signal)) === report.points;
}
