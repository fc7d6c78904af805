import type { IDataObject, IExecuteFunctions, INodeParameterResourceLocator, INodeProperties } from 'n8n-workflow';

import { stateOf } from '../../shared/backupColumns';
import { BackupError, type BackupReference, type PinnedBackup, setPinned } from '../../../engine';
import { requestedByOption } from '../../shared/descriptions/requestedBy';
import { simplifyField } from '../../shared/descriptions/simplify';
import { backupField } from '../../shared/descriptions/source';
import { showWarnings } from '../../shared/hints';
import { readableSize } from '../../shared/listSearch/size';
import { eventOf } from '../../shared/journal';
import { type Operation, shownFor } from '../../shared/operation';
import { isSimplified, itemOf } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { lockOwner } from '../../shared/lockOwner';

const OPERATIONS = ['pinBackup', 'unpinBackup'];

const backup: INodeProperties = {
	...backupField(OPERATIONS, {
		latest: 'shop',
		latestHint: 'The name of the database, collection or bucket: its newest backup',
		file: 'postgres/shop_20260131_020000.sql.zst',
	}),
	description: 'With its weekly copies; by file, that file alone',
	displayOptions: shownFor(OPERATIONS),
};

const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: shownFor(OPERATIONS),
	options: [requestedByOption],
};

function referenceOf(context: IExecuteFunctions, item: number): BackupReference {
	const { mode, value } = context.getNodeParameter('backup', item) as INodeParameterResourceLocator;
	const text = String(value ?? '').trim();
	if (text === '') throw new BackupError('INVALID_INPUT', 'No backup is chosen.', { hint: 'Fill in Backup.' });
	if (mode === 'latest') return { latest: text };
	return mode === 'file' ? { file: text } : { id: text };
}

function pinnedItem({ manifest, key, changed, complete }: PinnedBackup, isSimple: boolean): IDataObject {
	const { id, kind, name, file, startedAt, size, tags, pinned = false } = manifest;
	const columns = {
		name,
		pinned,
		changed,
		kind,
		startedAt,
		size: readableSize(size.stored),
		state: stateOf(manifest, complete ? [] : ['archive missing or of another size']),
		file,
		key,
		id,
	};
	return itemOf(columns, { storedBytes: size.stored, tags, complete }, isSimple);
}

async function apply(context: IExecuteFunctions, item: number, pinned: boolean) {
	const reference = referenceOf(context, item);
	const event = eventOf(context, item);
	event.tell({ file: Object.values(reference).join(' ') });
	const isSimple = isSimplified(context, item);
	const storage = await openStorage(context, item);
	const signal = context.getExecutionCancelSignal();
	const backups = await setPinned({
		storage,
		reference,
		pinned,
		owner: lockOwner(context),
		...(signal && { signal }),
	});
	for (const { manifest, key } of backups) {
		event.succeeded({ kind: manifest.kind, name: manifest.name, backupId: manifest.id, file: key });
	}
	const damaged = pinned ? backups.filter(({ complete }) => !complete) : [];
	showWarnings(
		context,
		damaged.map(({ key }) => `${key} is missing, or has another size than its manifest states.`),
	);
	return backups.map((one) => ({ json: pinnedItem(one, isSimple) }));
}

/** Keeps a backup from every prune: one item for it, and for each of its weekly copies. */
export const pinBackup: Operation = {
	description: [backup, simplifyField(shownFor(OPERATIONS)), options],
	journal: { action: 'pin' },
	execute: async (context, item) => await apply(context, item, true),
};

const unpinNotice: INodeProperties = {
	displayName:
		'Nothing is deleted now, but the next Prune deletes the backup for good where the policy does not keep it.',
	name: 'unpinNotice',
	type: 'notice',
	default: '',
	displayOptions: shownFor(['unpinBackup']),
};

/** Gives it back to the policy; it has the field of Pin Backup, which describes it. */
export const unpinBackup: Operation = {
	description: [unpinNotice],
	journal: { action: 'unpin' },
	execute: async (context, item) => await apply(context, item, false),
};
