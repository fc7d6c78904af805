import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import {
	backUpCollections,
	BackupError,
	backUpStorage,
	type CollectionsBackup,
	type EncryptionKeys,
	type QdrantConnection,
	type Storage,
} from '../../../engine';
import { madeOutput } from '../../shared/backupOutput';
import { limitedStorage } from '../../shared/bandwidth';
import { BinaryOutput } from '../../shared/binaryOutput';
import { encryptionKeys } from '../../shared/encryption';
import { errorItem, toNodeError } from '../../shared/errors';
import { failedBackups } from '../../shared/failedBackups';
import { showWarnings } from '../../shared/hints';
import { eventOf } from '../../shared/journal';
import type { Operation } from '../../shared/operation';
import { progressLog } from '../../shared/progress';
import { qdrantConnection } from '../../shared/qdrantConnection';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { backupContent } from '../backupContent';
import { backUpSettings, type BackUpSettings } from '../backUpSettings';
import { backUpFields } from '../descriptions/backUp';

/** What the archives of one incoming item share. */
interface Run {
	context: IExecuteFunctions;
	item: number;
	settings: BackUpSettings;
	connection: QdrantConnection;
	encryption: EncryptionKeys | undefined;
	/** Undefined where the archives go to a storage. */
	output: BinaryOutput | undefined;
	storage: Storage;
	isSimple: boolean;
}

type Result = Pick<CollectionsBackup, 'backups' | 'failures' | 'warnings'>;

async function store({ context, settings, connection, encryption, storage }: Run): Promise<Result> {
	const { logger } = context;
	const { selection, archive } = settings;
	const progress = progressLog((line) => logger.info(`Qdrant Snapshot: ${line}`));
	const common = {
		...archive,
		connection,
		storage,
		encryption,
		signal: context.getExecutionCancelSignal(),
		log: (line: string) => logger.debug(`Qdrant Snapshot: ${line}`),
		onProgress: ({ collection, bytes, totalBytes }: { collection?: string; bytes: number; totalBytes: number }) => {
			progress(`backing up ${collection ?? 'the whole storage'}`, bytes, totalBytes);
		},
	};
	if (!selection) return { backups: [await backUpStorage(common)], failures: [], warnings: [] };
	return await backUpCollections({ ...common, selection });
}

async function archiveAll(run: Run): Promise<INodeExecutionData[]> {
	const { context, item, settings, output, isSimple } = run;
	const { backups, failures, warnings } = await store(run);
	if (backups.length + failures.length === 0) {
		throw new BackupError('INVALID_INPUT', 'There is no collection to back up.', {
			hint: 'The server has none, or Exclude Patterns leaves out all of them.',
		});
	}
	for (const warning of warnings) context.logger.warn(`Qdrant Snapshot: ${warning}`);
	const { folder } = settings.archive;
	const common = { title: 'Qdrant Snapshot', folder, contentOf: backupContent, output, isSimple };
	const items = backups.map((manifest) =>
		madeOutput(context, item, { ...common, manifest, warnings: [...manifest.warnings, ...warnings] }),
	);
	showWarnings(context, [...warnings, ...backups.flatMap((manifest) => manifest.warnings)]);
	for (const { collection, error } of failures) eventOf(context, item).failed({ name: collection }, error);
	if (failures.length === 0) return items;
	if (!context.continueOnFail()) {
		const named = failures.map(({ collection, error }) => ({ name: collection, error }));
		const error = failedBackups(named, items.length + failures.length, output === undefined);
		throw toNodeError(context.getNode(), error, item);
	}
	return [...items, ...failures.map(({ collection, error }) => errorItem(error, item, { collection }))];
}

/** Backs collections, or the whole storage, up: one item for each archive. */
export const backUp: Operation = {
	description: backUpFields,
	journal: { action: 'backUp', kind: 'qdrant' },
	async execute(context, item) {
		const settings = backUpSettings(context, item);
		const isSimple = isSimplified(context, item);
		const encryption = context.getNodeParameter('encrypt', item) ? await encryptionKeys(context, item) : undefined;
		const toStorage = context.getNodeParameter('destination', item) === 'storage';
		const output = toStorage ? undefined : new BinaryOutput(context.helpers);
		const storage = output ? limitedStorage(context, item, output) : await openStorage(context, item);
		const connection = await qdrantConnection(context, item, settings.connection);
		return await archiveAll({ context, item, settings, connection, encryption, output, storage, isSimple });
	},
};
