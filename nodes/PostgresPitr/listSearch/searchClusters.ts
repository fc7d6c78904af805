import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { type ClusterCoverage, findCoverage } from '../../../engine';
import { decryptionKeysInEditor } from '../../shared/encryption';
import { toListError } from '../../shared/errors';
import { listLabel } from '../../shared/listSearch/label';
import { matching } from '../../shared/listSearch/matching';
import { readableMinute } from '../../shared/listSearch/size';
import { openStorageForList } from '../../shared/storage';

/** The clusters that the storage has base backups of, each with what can be recovered of it, by PostgreSQL's system identifier. */
export async function searchClusters(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const storage = await openStorageForList(this);
		const found = await findCoverage(storage, '', { trust: await decryptionKeysInEditor(this) });
		const entries = found.flatMap((one) => {
			const name = labelOf(one);
			return name === undefined ? [] : [{ name, value: one.coverage.systemIdentifier }];
		});
		return matching(entries, filter);
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}

/**
 * `2026-11-28 20:36 to 2026-12-01 12:41 UTC · main · 7714311881604817656`, by the newest window; undefined where there is only WAL, from
 * which nothing can be recovered.
 */
function labelOf({ name, coverage: { windows, useless, systemIdentifier } }: ClusterCoverage): string | undefined {
	const window = windows.at(-1);
	if (window) {
		const { startTime, endTime = startTime } = window;
		const from = readableMinute(new Date(startTime)).replace(' UTC', '');
		return [`${from} to ${readableMinute(new Date(endTime))}`, name, systemIdentifier].join(' · ');
	}
	const last = useless.at(-1);
	return last && listLabel(new Date(last.base.finishedAt), ['WAL missing', name, systemIdentifier]);
}
