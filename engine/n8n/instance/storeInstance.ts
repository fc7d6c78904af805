/** Writes the archive of an instance. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';

import {
	makeArchive,
	writeFrames,
	type ArchiveChoices,
	type ArchiveWriter,
	type CommitDetails,
	type Manifest,
} from '../../archive';
import { BackupError, listed } from '../../errors';
import { tarEnd, tarHeader, tarPadding } from '../../tar';
import {
	canBeInstalled,
	END_PART,
	INSTANCE_FORMAT,
	MEMBERS,
	packagesFile,
	type InstanceDocument,
	type InstanceSource,
} from './content';
import { tryKey, type DatabaseFacts, type KeyVerdict } from './facts';
import { fingerprintOf } from './fingerprint';
import type { InstanceSettings } from './settings';
import type { DatabaseCopy } from './databaseCopy';
import { UNKNOWN_VERSION } from './version';

/** n8n's database, as the archive has it: in it, or beside it in the same storage. */
export type StoredDatabase =
	| { type: 'sqlite'; facts: DatabaseFacts; copy: DatabaseCopy }
	| { type: 'postgresdb'; facts: DatabaseFacts; backup: Manifest };

export interface StoreInstanceOptions extends ArchiveChoices {
	/** What the backups are called. */
	name: string;
	startedAt: Date;
	settings: InstanceSettings;
	/** Of n8n. */
	version: string;
	database: StoredDatabase;
	/** The backup of the folder with binary data; undefined where none was made. */
	binaryData?: Manifest | undefined;
}

/** What n8n takes from its environment and keeps nowhere else: without it, sessions, links and licences of the instance end. */
const ONLY_IN_ENVIRONMENT = [
	'N8N_INSTANCE_ID',
	'N8N_HMAC_SIGNATURE_SECRET',
	'N8N_BINARY_DATA_SIGNING_SECRET',
	'N8N_USER_MANAGEMENT_JWT_SECRET',
	'N8N_LICENSE_CERT',
	'CREDENTIALS_OVERWRITE_DATA',
	'N8N_CUSTOM_EXTENSIONS',
];

/** The key goes nowhere in the clear. @throws BackupError INVALID_INPUT */
export function assertEncrypted({ encryption }: Pick<ArchiveChoices, 'encryption'>): void {
	if (encryption) return;
	throw new BackupError(
		'INVALID_INPUT',
		'A backup of the instance holds its encryption key, so it is only made encrypted.',
		{
			hint: 'Select a Backup Encryption credential with a passphrase or a public key, and keep a copy of it outside of n8n: it is not in any backup that can be read without it.',
		},
	);
}

/**
 * @throws BackupError INVALID_INPUT (no encryption), KEY_WRONG (n8n's key does not open its own credentials), CANCELLED, and what makeArchive
 * throws
 */
export async function storeInstance(options: StoreInstanceOptions): Promise<Manifest> {
	assertEncrypted(options);
	const { name, startedAt, settings, database } = options;
	const { facts } = database;
	const verdict = assertKeyOpens(settings, facts);
	const source = await describe(options, facts);
	const document: InstanceDocument = {
		format: 'n8n-instance',
		formatVersion: INSTANCE_FORMAT,
		source,
		probe: database.type === 'sqlite' ? null : facts.probe,
	};
	const size = database.type === 'sqlite' ? (await stat(database.copy.file)).size : 0;
	const archive = { name, startedAt, extension: 'tar', kind: 'n8n-instance', estimatedSize: size } as const;
	return await makeArchive(options, archive, async (writer) => {
		const put = async (type: 'instance' | 'config' | 'packages', text: string) => {
			const content = Buffer.from(text);
			const header = tarHeader(MEMBERS[type], content.length, startedAt);
			await writer.frame({ type }, Buffer.concat([header, content, tarPadding(content.length)]));
			await writer.drain();
		};
		await put('instance', `${JSON.stringify(document, null, 2)}\n`);
		await put('config', JSON.stringify(settings.config, null, '\t'));
		await put('packages', packagesFile(facts.packages));
		if (database.type === 'sqlite') await putDatabase(writer, database.copy.file, size, startedAt);
		await writer.frame({ type: END_PART }, tarEnd());
		return {
			source,
			...contentOf(database, facts),
			needs: needsOf(options),
			warnings: warningsOf(options, verdict),
		};
	});
}

/** All archives, those that the others need as well: nobody follows a chain. */
function needsOf({ database, binaryData }: StoreInstanceOptions): string[] {
	const others = [database.type === 'postgresdb' ? [database.backup] : [], binaryData ?? []].flat();
	return others.flatMap(({ id, needs = [] }) => [id, ...needs]);
}

async function putDatabase(writer: ArchiveWriter, file: string, size: number, modifiedAt: Date): Promise<void> {
	const bytes = async function* (): AsyncGenerator<Uint8Array> {
		yield tarHeader(MEMBERS.database, size, modifiedAt);
		yield* createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
		const padding = tarPadding(size);
		if (padding.length > 0) yield padding;
	};
	await writeFrames(writer, 'database', bytes());
}

async function describe(options: StoreInstanceOptions, facts: DatabaseFacts): Promise<InstanceSource> {
	const { settings, version, database, binaryData } = options;
	const { url, mode, tablePrefix, variables, config, binaryData: files } = settings;
	const at = settings.database;
	return {
		system: 'n8n',
		version,
		server: url,
		mode,
		database:
			database.type === 'postgresdb' && at.type === 'postgresdb'
				? {
						type: 'postgresdb',
						host: at.host,
						port: at.port,
						database: at.database,
						schema: at.schema,
						backup: database.backup.id,
					}
				: { type: 'sqlite' },
		tablePrefix,
		lastMigration: facts.lastMigration,
		packages: facts.packages,
		variables,
		binaryData: {
			mode: files.mode,
			inFolder: files.inFolder,
			folder: files.folder === path.join(settings.folder, 'binaryData') ? 'binaryData' : 'storage',
			backup: binaryData?.id ?? null,
		},
		key: await fingerprintOf(config.encryptionKey),
	};
}

function contentOf(database: StoredDatabase, { packages }: DatabaseFacts): Pick<CommitDetails, 'counts' | 'tables'> {
	if (database.type === 'postgresdb') {
		const { tables = 0, rows = 0 } = database.backup.counts;
		return { counts: { tables, rows, packages: packages.length } };
	}
	const tables = database.copy.tables.map(({ name, rows }) => ({ schema: 'main', name, rows, bytes: 0 }));
	const rows = tables.reduce((sum, table) => sum + table.rows, 0);
	return { counts: { tables: tables.length, rows, packages: packages.length }, tables };
}

function warningsOf(
	{ settings, version, binaryData, database: { facts } }: StoreInstanceOptions,
	verdict: KeyVerdict,
): string[] {
	const { mode, inFolder, folder, executions } = settings.binaryData;
	const buckets = [...new Set([mode, executions])].filter((one) => one === 's3' || one === 'azure');
	const others = facts.packages.filter((one) => !canBeInstalled(one)).map(({ name, version: of }) => `${name} ${of}`);
	const kept = ONLY_IN_ENVIRONMENT.filter((name) =>
		settings.variables.some((one) => one === name || one === `${name}_FILE`),
	);
	return [
		...(verdict === 'unproven'
			? ['There is no credential in this n8n yet, so nothing proved that its encryption key is the right one.']
			: []),
		...(version === UNKNOWN_VERSION ? ['The version of n8n could not be found: note it beside the backup.'] : []),
		...(inFolder && !binaryData
			? [`Binary data of executions lies in ${folder} and is not in this backup: switch Binary Data on to have it.`]
			: []),
		...(inFolder && binaryData && settings.mode === 'queue'
			? [
					`n8n runs in queue mode: of the binary data of executions, what lies in ${folder} where this ran is in this backup, and nothing that other processes keep on disks of their own.`,
				]
			: []),
		...((binaryData?.counts['symlinks'] ?? 0) > 0
			? [`Symbolic links in ${folder} are not followed: what they lead to is not in this backup.`]
			: []),
		...(buckets.length > 0
			? [
					`Data of executions lies in a bucket (${buckets.join(', ')}) and is not in this backup: mirror the bucket with MinIO Mirror.`,
				]
			: []),
		...(others.length > 0
			? [`Community packages that n8n cannot install by their name and version again: ${listed(others)}.`]
			: []),
		...(kept.length > 0
			? [
					`Values that n8n takes from its environment alone are not in this backup: ${kept.join(', ')}. Keep them beside it.`,
				]
			: []),
	];
}

/** A backup with another key could not restore its credentials. @throws BackupError KEY_WRONG */
export function assertKeyOpens({ config }: InstanceSettings, { probe }: DatabaseFacts): KeyVerdict {
	const verdict = tryKey(config.encryptionKey, probe);
	if (verdict !== 'wrong') return verdict;
	throw new BackupError('KEY_WRONG', 'n8n’s encryption key opens none of the credentials in its database.', {
		hint: 'They were saved with another key: N8N_ENCRYPTION_KEY, or the file config, was exchanged. A backup with this key could not restore them.',
	});
}
