import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { type DecryptionKeys, listManifests, type Manifest, type Storage } from '../../engine';

import { stateOf } from './backupColumns';
import { prefixOf } from './folder';
import { readableSize } from './listSearch/size';

/** So many that a person reads them. */
const MOST = 5;
/** A backup may have weekly copies, which have its id. */
const WITH_COPIES = 4 * MOST;

/** The newest backups of what a backup is of, newest first: what there is to choose from in its place. */
export async function newestOfItsName(
	context: IExecuteFunctions,
	{ storage, folder, keys }: { storage: Storage; folder: string; keys: DecryptionKeys | undefined },
	{ kind, name }: Pick<Manifest, 'kind' | 'name'>,
): Promise<IDataObject[]> {
	const filter = { kind, name, limit: WITH_COPIES };
	const { backups } = await listManifests(storage, prefixOf(folder), filter, context.getExecutionCancelSignal(), keys);
	const once = new Map(backups.toReversed().map((backup) => [backup.manifest.id, backup]));
	return [...once.values()]
		.toReversed()
		.slice(0, MOST)
		.map(({ manifest, foundSize }) => {
			const { id, startedAt, finishedAt, size } = manifest;
			const problems = foundSize === size.stored ? [] : ['archive missing or of another size'];
			return {
				id,
				startedAt,
				endedAt: finishedAt,
				size: readableSize(size.stored),
				state: stateOf(manifest, problems),
			};
		});
}
