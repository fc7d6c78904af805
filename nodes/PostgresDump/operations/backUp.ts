import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import {
	backUpDatabase,
	backUpGlobals,
	checkConnection,
	type EncryptionKeys,
	type Manifest,
	type PostgresConnection,
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
import { withPostgres } from '../../shared/postgresConnection';
import { isSimplified } from '../../shared/simplify';
import { openStorage } from '../../shared/storage';
import { backupContent } from '../backupContent';
import { backUpSettings, type BackUpSettings } from '../backUpSettings';
import { chosenDatabases } from '../chosenDatabases';
import { backUpFields } from '../descriptions/backUp';

/** What the archives of one incoming item share. */
interface Run {
	context: IExecuteFunctions;
	item: number;
	settings: BackUpSettings;
	connection: PostgresConnection;
	encryption: EncryptionKeys | undefined;
	/** Undefined where each archive goes out as binary data. */
	storage: Storage | undefined;
	/** Those of the archives made so far. */
	warnings: string[];
	isSimple: boolean;
}

/** One archive to make: of a database, or of the roles and globals of the server. */
type Part = { database: string } | 'globals';

/** As the manifest of a whole backup names it. */
const factsOf = (part: Part) =>
	part === 'globals' ? { kind: 'postgres-globals', name: 'globals' } : { kind: 'postgres', name: part.database };

const nameOf = (part: Part): string => (part === 'globals' ? 'roles and globals' : part.database);

async function partsOf({ context, item, connection }: Run): Promise<Part[]> {
	const globals: Part[] = context.getNodeParameter('globals', item) ? ['globals'] : [];
	const names = await chosenDatabases(context, item, connection);
	if (names.length === 1 && globals.length === 0) eventOf(context, item).tell({ name: names[0]! });
	return [...globals, ...names.map((database) => ({ database }))];
}

async function store(run: Run, part: Part, storage: Storage): Promise<Manifest> {
	const { context, settings, encryption } = run;
	const { codec, folder, timeZone, runId, tags, run: control } = settings;
	const signal = context.getExecutionCancelSignal();
	const common = { storage, codec, folder, timeZone, runId, tags, run: control, encryption, signal };
	if (part === 'globals') {
		return await backUpGlobals({ ...common, connection: run.connection, passwords: settings.passwords });
	}
	return await backUpDatabase({
		...common,
		connection: { ...run.connection, database: part.database },
		selection: settings.selection,
		parallel: settings.parallel,
		serializableDeferrable: settings.serializableDeferrable,
		log: (message) => context.logger.debug(`Postgres Dump: ${part.database}: ${message}`),
	});
}

async function archive(run: Run, part: Part): Promise<INodeExecutionData> {
	const { context, item, settings } = run;
	const output = run.storage ? undefined : new BinaryOutput(context.helpers);
	const manifest = await store(run, part, run.storage ?? limitedStorage(context, item, output as BinaryOutput));
	const { warnings } = manifest;
	run.warnings.push(...warnings);
	const { folder } = settings;
	const made = { title: 'Postgres Dump', manifest, folder, warnings, contentOf: backupContent, output };
	return madeOutput(context, item, { ...made, isSimple: run.isSimple });
}

async function archiveAll(run: Run): Promise<INodeExecutionData[]> {
	const { context, item } = run;
	const parts = await partsOf(run);
	// What is wrong with the server would fail each of them, one after another.
	if (parts.length > 1) await checkConnection(run.connection, context.getExecutionCancelSignal());
	const items: INodeExecutionData[] = [];
	const failures: { part: Part; name: string; error: unknown }[] = [];
	for (const part of parts) {
		try {
			items.push(await archive(run, part));
		} catch (error) {
			// One database that fails must not cost the others their backup; a cancelled run ends at once.
			if (context.getExecutionCancelSignal()?.aborted) throw toNodeError(context.getNode(), error, item);
			failures.push({ part, name: nameOf(part), error });
			eventOf(context, item).failed(factsOf(part), error);
		}
	}
	if (failures.length === 0) return items;
	if (!context.continueOnFail()) {
		throw toNodeError(context.getNode(), failedBackups(failures, parts.length, run.storage !== undefined), item);
	}
	const errorItems = failures.map(({ part, error }) => {
		return errorItem(error, item, { database: part === 'globals' ? null : part.database });
	});
	return [...items, ...errorItems];
}

/** Backs databases, and roles and globals, up: one item for each archive. */
export const backUp: Operation = {
	description: backUpFields,
	journal: { action: 'backUp', kind: 'postgres' },
	async execute(context, item) {
		const settings = backUpSettings(context, item);
		const isSimple = isSimplified(context, item);
		const encryption = context.getNodeParameter('encrypt', item) ? await encryptionKeys(context, item) : undefined;
		const toStorage = context.getNodeParameter('destination', item) === 'storage';
		const storage = toStorage ? await openStorage(context, item) : undefined;
		const { connectTimeout } = settings;
		return await withPostgres(context, item, { connectTimeout }, async (connection) => {
			const warnings: string[] = [];
			const run = { context, item, settings, connection, encryption, storage, warnings, isSimple };
			const items = await archiveAll(run);
			showWarnings(context, warnings);
			return items;
		});
	},
};
