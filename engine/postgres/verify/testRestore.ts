/**
 * How bytes move through a test restore of a database: the source hands out steps (statements, rows, large objects) in the order of
 * the archive, and reads the archive once for them. A TappedSource digests rows as they pass. The restore loads the steps into
 * PostgreSQL in memory (inProcess/) or into a scratch database on a server, with the code of every other restore. Then the
 * restored tables are read back and digested, and the digests are compared; then the user's assertions are asked. At last the
 * process in memory ends, or the scratch database is dropped, whatever happened before.
 */
import type { ArchiveReader, Manifest } from '../../archive';
import { BackupError, throwIfCancelled } from '../../errors';
import type { Counts } from '../../verify/system';
import type { CheckContext, Finding } from '../../verify/types';
import { type PostgresConnection, withClient } from '../connection';
import { ArchiveSource, Maintenance, restoreDatabase, type RestoreSource, type SourceFacts } from '../restore';
import { runAssertions } from './assertions';
import { compareRestored } from './compare';
import { abortOnSignal } from './abortOnSignal';
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

/** What a test restore needs, whoever made the dump. */
export interface RestoreTest {
	source: RestoreSource;
	/** Raw bytes of the dump. */
	rawBytes: number;
	/** `server_version_num` of the source; undefined where nobody knows. */
	version?: number;
	session: SourceSession;
}

/**
 * Restores a dump of ours for a test, in memory or into a scratch database, compares the result with the archive, and removes it
 * again. Answers `{ tables, rows, sequences, largeObjects, assertions }`, as far as there are any.
 * @param knowledge what the check of the content has gathered; without it, the archive is read and checked first
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
			severity: 'inconclusive',
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

/** Does the same for any dump that can be restored. Throws what testRestore throws. */
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
			// The scratch server does not have the roles of the source.
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
		abortOnSignal(client, signal, () => compareRestored(client, expected, context)),
	);
	if (assertions.length === 0) return counts;
	const asserted = await withClient(connection, 'target', options, (client) =>
		abortOnSignal(client, signal, () => runAssertions(client, assertions, context)),
	);
	return { ...counts, assertions: asserted };
}

/** The major version in a `server_version_num`; 0 where that is unknown. */
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

/** The settings of the session that the backup was read in. Older manifests do not have them. */
function sessionOf({ source }: Manifest): SourceSession {
	const { session } = source as { session?: unknown };
	if (typeof session !== 'object' || session === null) return {};
	return Object.fromEntries(
		Object.entries(session).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
	);
}
