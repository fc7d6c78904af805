import { isVersionName, keyOfVersion } from '../../../engine';
import { listEntriesFields } from '../../shared/descriptions/held';
import { listEntriesOperation } from '../../shared/tree/listEntries';
import { OWN_FOLDER, WANTED } from '../backupContent';
import { BACKUP_EXAMPLES } from '../descriptions/examples';
import { versionsField } from '../descriptions/versions';
import { describeObject, describeVersion } from '../objectItem';

const PREFIX = { name: 'objectPrefix', displayName: 'Object Prefix' };

/** Lists the objects of a backup. */
export const listObjects = listEntriesOperation({
	description: listEntriesFields('listObjects', {
		examples: BACKUP_EXAMPLES,
		prefix: {
			...PREFIX,
			placeholder: 'e.g. documents/2026/',
			description: 'Only objects whose keys begin so. Leave empty for all.',
		},
		ownFolder: OWN_FOLDER,
		more: [versionsField('listObjects', 'Older versions and delete markers, too, after the current objects')],
	}),
	wanted: { ...WANTED, ownFolder: OWN_FOLDER },
	prefix: { name: PREFIX.name, label: PREFIX.displayName, nameOf: (typed) => typed },
	describe: describeObject,
	ofRun: (context, item) => {
		const listsAll = context.getNodeParameter('versions', item, 'current') === 'all';
		return {
			selectedBy: (name) => (listsAll || !isVersionName(name) ? keyOfVersion(name) : undefined),
			describe: listsAll ? describeVersion : describeObject,
		};
	},
});
