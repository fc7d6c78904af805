import type { ArchiveReader, Manifest } from '../../archive';
import { BackupError, throwIfCancelled } from '../../errors';
import type { Counts } from '../../verify/system';
import type { CheckContext, Finding } from '../../verify/types';
import { type PostgresConnection, withClient } from '../connection';
import { ArchiveSource, Maintenance, restoreDatabase, type RestoreSource, type SourceFacts } from '../restore';
import { runAssertions } from './assertions';
import { compareRestored } from './compare';
import { hangingUp } from './hangUp';
import { findingOfFailure, type TargetKind } from './failures';
import { memoryNeeded } from './inProcess/memoryNeeded';
import { MAJOR_VERSION } from './inProcess/pglite';
import { restoreInProcess } from './inProcess/restore';
import type { SourceSession } from './restoredRows';
import type { PostgresScratch, ServerTarget } from './scratch';
import { warningOfRights } from './scratchRole';
import { dropAbandoned, markScratch, withScratchDatabase } from './scratchDatabase';
import { forScratch } from './scratchFacts';
import { TappedSource } from './tappedSource';

/** What a test restore takes, whoever made the dump. */
export interface RestoreTest {
	source: RestoreSource;
	/** Bytes of the dump as it is restored. */
	rawBytes: number;
	/** `server_version_num` of the source; undefined where nobody knows. */
	version?: number;
	session: SourceSession;
}

/**
 * Restores a dump of ours for a test, in memory or into a scratch database, compares what came out with what is in the
 * archive, and removes it again. Answers `{ tables, rows, sequences, largeObjects, assertions }`, as far as there are any.
 * @throws BackupError those of the archive, TARGET_UNREACHABLE, CANCELLED
 */
export async function testRestore(
	reader: ArchiveReader,
	scratch: PostgresScratch,
	context: CheckContext,
): Promise<Counts> {
	const { manifest } = reader;
	if (manifest.partial?.content === 'data') {
		context.found({
			severity: 'obstacle',
			message: 'The backup holds rows without definitions, so there is nothing that they could be restored into.',
			hint: 'Verify its content, and test the restore of a backup that has the definitions.',
		});
		return {};
	}
	const { versionNumber } = manifest.source;
	return await testRestoreOf(
		{
			source: new ArchiveSource(reader),
			rawBytes: manifest.size.raw,
			...(typeof versionNumber === 'number' && { version: versionNumber }),
			session: sessionOf(manifest),
		},
		scratch,
		context,
	);
}

/** As testRestore, for any dump that can be restored. */
export async function testRestoreOf(
	test: RestoreTest,
	scratch: PostgresScratch,
	context: CheckContext,
): Promise<Counts> {
	const target: TargetKind = { isOlder: false, hasExtensions: false };
	const source = new TappedSource(test.source, (facts) => {
		target.hasExtensions = facts.extensions.length > 0;
		return forScratch(facts);
	});
	const compare = (connection: PostgresConnection, facts: SourceFacts) =>
		compareAt(connection, { source, facts, session: test.session }, scratch.assertions ?? [], context);
	try {
		if (scratch.type === 'server') return await onServer(test, source, scratch, target, context, compare);
		const { maxRawBytes, available, idleTimeout } = scratch;
		checkSize(test.rawBytes, maxRawBytes);
		target.isOlder = MAJOR_VERSION < majorOf(test.version);
		return await restoreInProcess({ available, idleTimeout, source, rawBytes: test.rawBytes }, context, compare);
	} catch (error) {
		throwIfCancelled(context.signal);
		const finding = findingOfFailure(error, target);
		if (!finding) throw error;
		context.found(finding);
		return {};
	}
}

type Compare = (connection: PostgresConnection, facts: SourceFacts) => Promise<Counts>;

async function onServer(
	{ version }: RestoreTest,
	source: TappedSource,
	{ connection }: ServerTarget,
	target: TargetKind,
	context: CheckContext,
	compare: Compare,
): Promise<Counts> {
	const { log, signal, restoreTook } = context;
	let warning: Omit<Finding, 'level'> | undefined;
	const maintenance = await Maintenance.open(connection, undefined, signal);
	try {
		target.isOlder = majorOf(maintenance.version) < majorOf(version);
		await dropAbandoned(maintenance, context);
		warning = await warningOfRights(maintenance.client, maintenance.version);
	} finally {
		await maintenance.close();
	}
	return await withScratchDatabase(connection, context, async (database) => {
		const report = await restoreDatabase({
			connection,
			source,
			target: { type: 'newDatabase', database },
			// The roles of the source are not the scratch server's.
			owner: { type: 'none' },
			privileges: false,
			log,
			...(signal && { signal }),
		});
		restoreTook?.(report.duration);
		await markScratch(connection, database, signal);
		for (const warning of report.warnings) context.found({ severity: 'warning', message: warning });
		context.found({
			severity: 'warning',
			message: 'Owners and privileges were left out of the test restore: the scratch server has roles of its own.',
		});
		if (warning) context.found(warning);
		return await compare({ ...connection, database }, source.facts);
	});
}

async function compareAt(
	connection: PostgresConnection,
	expected: Parameters<typeof compareRestored>[1],
	assertions: readonly string[],
	context: CheckContext,
): Promise<Counts> {
	const { log, signal } = context;
	const options = signal ? { signal } : {};
	log('comparing what was restored with the backup');
	const counts = await withClient(connection, 'target', options, (client) =>
		hangingUp(client, signal, () => compareRestored(client, expected, context)),
	);
	if (assertions.length === 0) return counts;
	const asserted = await withClient(connection, 'target', options, (client) =>
		hangingUp(client, signal, () => runAssertions(client, assertions, context)),
	);
	return { ...counts, assertions: asserted };
}

/** Of a `server_version_num`; 0 where nobody knows. */
function majorOf(version = 0): number {
	return Math.floor(version / 10_000);
}

function checkSize(rawBytes: number, maxRawBytes: number): void {
	if (rawBytes <= maxRawBytes) return;
	throw new BackupError(
		'INVALID_INPUT',
		`The backup holds ${megabytes(rawBytes)}; for a test restore in memory the limit is ${megabytes(maxRawBytes)}.`,
		{
			hint: `Give a scratch database on a server, or raise the limit: it would take ${megabytes(memoryNeeded(rawBytes))} of memory.`,
		},
	);
}

function megabytes(bytes: number): string {
	return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Manifests of before it was taken down tell no session. */
function sessionOf({ source }: Manifest): SourceSession {
	const { session } = source as { session?: unknown };
	if (typeof session !== 'object' || session === null) return {};
	return Object.fromEntries(
		Object.entries(session).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
	);
}
