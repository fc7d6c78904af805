import { tmpdir } from 'node:os';

import type { IExecuteFunctions } from 'n8n-workflow';

import {
	BackupError,
	type BackupKind,
	type FilesScratch,
	type ManifestSummary,
	type MinioScratch,
	type PostgresScratch,
	type QdrantScratch,
	type ScratchTargets,
	trustedProgram,
} from '../../engine';
import { collectionOf, type Fields, locatedText, numberOf, textOf } from '../shared/fields';
import { guardedByN8n } from '../shared/fileAccess';
import { connectTimeoutIn, withPostgres } from '../shared/postgresConnection';
import { qdrantConnection } from '../shared/qdrantConnection';
import { s3Connection } from '../shared/s3Connection';

import { oneOf } from '../shared/choice';

const MB = 1_000_000;

/** SQL Assertions are about databases. */
const ASSERTED: BackupKind = 'postgres';

/** What must be true in restored databases; without a database in all of them. */
export interface Assertion {
	database: string;
	sql: string;
}

/** The fields of descriptions/scratch.ts. */
export interface ScratchSettings {
	/** The systems of which backups have a place to be restored, by name. */
	places: readonly string[];
	/** Bytes of the largest database that is restored in memory; undefined where a server is taken. */
	maxRawBytes: number | undefined;
	/** A folder as it was typed; undefined for the system's own for temporary files. */
	filesFolder: string | undefined;
	/** The bucket in which a prefix is made; undefined where a bucket is. */
	bucket: string | undefined;
	assertions: Assertion[];
}

/** Where test restores go. */
export interface Scratch {
	/** @param manifest undefined for a file that others made, whose database has no name */
	targetsFor(manifest: ManifestSummary | undefined): ScratchTargets;
	/** The databases that assertions name and of which no backup came up. */
	unasked(): string[];
}

/** @throws BackupError INVALID_INPUT */
export function scratchSettings(context: IExecuteFunctions, item: number): ScratchSettings {
	const postgres = oneOf(context.getNodeParameter('postgresTarget', item), ['inProcess', 'server'], 'PostgreSQL Into');
	const qdrant = oneOf(context.getNodeParameter('qdrantTarget', item), ['none', 'server'], 'Qdrant Into');
	const files = oneOf(context.getNodeParameter('filesTarget', item), ['temporary', 'folder', 'none'], 'Files Into');
	const minio = oneOf(context.getNodeParameter('minioTarget', item), ['none', 'prefix', 'bucket'], 'Buckets Into');
	// An instance of n8n is restored into a folder, as files are.
	const others = { qdrant, files, n8n: files, minio };
	const chosen = Object.entries(others).filter(([, target]) => target !== 'none');
	return {
		places: ['postgres', ...chosen.map(([name]) => name)],
		maxRawBytes: postgres === 'inProcess' ? maxSize(context, item) : undefined,
		filesFolder: files === 'folder' ? scratchFolder(context, item) : undefined,
		bucket: minio === 'prefix' ? scratchBucket(context, item) : undefined,
		assertions: assertionsOf(context, item),
	};
}

function scratchFolder(context: IExecuteFunctions, item: number): string {
	const folder = textOf(context.getNodeParameter('scratchFolder', item), 'Scratch Folder').trim();
	if (folder !== '') return folder;
	throw new BackupError('INVALID_INPUT', 'No folder for test restores is named.', { hint: 'Fill in Scratch Folder.' });
}

function scratchBucket(context: IExecuteFunctions, item: number): string {
	const bucket = locatedText(context, 'scratchBucket', item, 'Scratch Bucket').trim();
	if (bucket !== '') return bucket;
	throw new BackupError('INVALID_INPUT', 'No bucket for test restores is named.', { hint: 'Fill in Scratch Bucket.' });
}

function maxSize(context: IExecuteFunctions, item: number): number {
	return MB * numberOf(context.getNodeParameter('maxSize', item), 'Max Size (MB)', { min: 1, max: 100_000 });
}

function assertionsOf(context: IExecuteFunctions, item: number): Assertion[] {
	const { assertion = [] } = collectionOf(context, 'assertions', item, 'SQL Assertions');
	const list: unknown[] = Array.isArray(assertion) ? assertion : [assertion];
	return list.map((one, index) => {
		const { database, sql } = (one ?? {}) as Fields;
		const text = textOf(sql, `SQL of assertion ${index + 1}`).trim();
		if (text !== '') return { database: textOf(database, `Database of assertion ${index + 1}`).trim(), sql: text };
		throw new BackupError('INVALID_INPUT', `Assertion ${index + 1} is empty.`, {
			hint: 'Fill in its SQL, or take it out of SQL Assertions.',
		});
	});
}

/** Runs `use` with the places that the fields and the credentials name; nothing is connected yet, except an SSH tunnel. */
export async function withScratch<T>(
	context: IExecuteFunctions,
	item: number,
	settings: ScratchSettings,
	connection: Fields,
	use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
	const { maxRawBytes, filesFolder, bucket, places, assertions } = settings;
	const qdrant: QdrantScratch | undefined = places.includes('qdrant')
		? { connection: await qdrantConnection(context, item, connection) }
		: undefined;
	const files: FilesScratch | undefined = places.includes('files')
		? { folder: filesFolder ? await guardedByN8n(context.helpers).allowedFolder(filesFolder) : tmpdir() }
		: undefined;
	const minio: MinioScratch | undefined = places.includes('minio')
		? { connection: await s3Connection(context, item, connection), ...(bucket !== undefined && { bucket }) }
		: undefined;
	const folders = files && { files, n8n: files };
	const others = { ...(qdrant && { qdrant }), ...folders, ...(minio && { minio }) };
	const program = textOf(connection['postgresProgram'], 'Postgres Program').trim();
	const guard = guardedByN8n(context.helpers);
	const letsWrite = async (folder: string) =>
		await guard.allowedFolder(folder).then(
			() => true,
			() => false,
		);
	const physical =
		program === '' ? undefined : { program: await trustedProgram(program, letsWrite), folder: files?.folder };
	const scratchWith = (postgres: PostgresScratch) => scratchOf({ ...postgres, physical }, others, assertions);
	if (maxRawBytes !== undefined) return await use(scratchWith({ type: 'inProcess', maxRawBytes }));
	const connectTimeout = connectTimeoutIn(connection);
	return await withPostgres(context, item, { connectTimeout }, async (server) => {
		return await use(scratchWith({ type: 'server', connection: server }));
	});
}

function scratchOf(postgres: PostgresScratch, others: ScratchTargets, assertions: Assertion[]): Scratch {
	const asked = new Set<string>();
	return {
		targetsFor(manifest) {
			if (manifest && manifest.kind !== ASSERTED) return { postgres, ...others };
			const name = manifest?.name;
			if (name !== undefined) asked.add(name);
			const own = assertions.filter(({ database }) => database === '' || database === name);
			const asserted: PostgresScratch = { ...postgres, assertions: own.map(({ sql }) => sql) };
			return { postgres: asserted, ...others };
		},
		unasked: () => [...new Set(assertions.map(({ database }) => database))].filter((name) => name && !asked.has(name)),
	};
}

/** The warnings for assertions that were made of nothing: a name that was mistyped must not look like one that holds. */
export function unaskedWarnings(scratch: Scratch | undefined): string[] {
	const names = scratch?.unasked() ?? [];
	return names.map(
		(name) => `The assertions for ${name} were not run: no backup of a database of that name was restored.`,
	);
}
