/**
 * Restores a backup of a collection into a scratch collection on a server, checks that, and removes it again. What is wrong with
 * the backup is reported as a finding. An error is thrown only for trouble that says nothing of the backup: the server is away, too
 * old or full.
 */
import type { ArchiveReader } from '../../archive';
import { BackupError, cancelled, throwIfCancelled } from '../../errors';
import type { Counts } from '../../verify/system';
import type { CheckContext } from '../../verify/types';
import { QdrantClient } from '../client/client';
import type { QdrantConnection } from '../client/connection';
import { isOutcomeUnknown } from '../client/failure';
import { collectionSource } from '../manifestSource';
import { type CollectionRestoreReport, restoreCollection } from '../restore/restoreCollection';
import { archiveSource, type RestoreSource } from '../restore/source';
import { findError, findWarning } from './findings';
import { inspect } from './inspect';
import { scratchName } from '../../verify/scratchName';
import { removeScratch, type Scratch, sweep } from './scratch';
import { ShardPass } from './shardPass';
import { UploadWatch } from './uploadWatch';

/** The server on which collections are restored for a test. */
export interface QdrantScratch {
	connection: QdrantConnection;
}

/** How long a server may need to restore a snapshot that it has received; the wait for it never lasts longer. */
const BYTES_PER_MS = 50_000;
const MOST_WATCH_MS = 120_000;

/** These beginnings of messages stand for trouble of the server itself, such as a full disk. */
const SERVER_TROUBLE = 'the server reports a failure';

/**
 * Restores the archive of a collection into a scratch collection and compares. The collection is removed in every case.
 * @returns `{ points, shards, sampled, searched, filtered, compared }`: how many points were read, how many searches and filters by
 * their content were tried, and how many points were compared with the live collection
 * @throws BackupError CANCELLED, TARGET_*, ACCESS_DENIED, UNSUPPORTED_VERSION, INVALID_INPUT (a single server's snapshot
 * and a cluster), and those of the archive and the storage
 */
export async function testRestore(
	reader: ArchiveReader,
	scratch: QdrantScratch,
	context: CheckContext,
): Promise<Counts> {
	const { manifest } = reader;
	const pass = new ShardPass(reader);
	try {
		const known = { facts: collectionSource(manifest), manifest };
		return await testRestoreOf(pass.over(archiveSource(reader)), scratch, context, known);
	} finally {
		await pass.close();
	}
}

/**
 * Restores any source of a collection into a scratch collection and checks it, as testRestore does. Without `known`, it checks only
 * what the collection itself holds.
 * @throws BackupError as testRestore
 */
export async function testRestoreOf(
	source: RestoreSource,
	{ connection }: QdrantScratch,
	context: CheckContext,
	known: Pick<Scratch, 'facts' | 'manifest'> = {},
): Promise<Counts> {
	const { signal, log } = context;
	throwIfCancelled(signal);
	const client = new QdrantClient(connection, 'target');
	const { removed, warnings } = await sweep(client, signal);
	for (const name of removed) log(`Removed ${name}, which an earlier test restore had left on ${client.server}`);
	for (const warning of warnings) findWarning(context, '', warning);
	return await withScratch(client, context, async (name, watch) => {
		const report = await restored(source, connection, name, watch, context);
		if (!report) return {};
		return await inspect({ connection, client, name, ...known, report }, context);
	});
}

/** Lets `use` restore into a collection of that name, and removes the collection in every case. */
async function withScratch<T>(
	client: QdrantClient,
	context: CheckContext,
	use: (name: string, watch: UploadWatch) => Promise<T>,
): Promise<T> {
	const name = scratchName(new Date());
	const watch = new UploadWatch(context.signal);
	try {
		return await use(name, watch);
	} catch (error) {
		throw context.signal?.aborted ? cancelled() : error;
	} finally {
		watch.close();
		const left = await removeScratch(client, name, watch.isInDoubt ? watchTime(watch.bytes, client) : 0);
		if (left !== undefined) {
			context.log(left);
			findWarning(context, '', left);
		}
	}
}

function watchTime(bytes: number, { timeouts }: QdrantClient): number {
	return Math.min(MOST_WATCH_MS, timeouts.settle / 2 + bytes / BYTES_PER_MS);
}

/** Restores. Where the restore shows that the backup is not what its manifest says, reports that and returns undefined. */
async function restored(
	source: RestoreSource,
	connection: QdrantConnection,
	collection: string,
	watch: UploadWatch,
	context: CheckContext,
): Promise<CollectionRestoreReport | undefined> {
	const begun = performance.now();
	try {
		const report = await restoreCollection({
			connection,
			// A scratch collection may be filled without checking the archive first: damage shows while it is read.
			source: { ...source, prove: undefined },
			target: { type: 'newCollection', collection },
			aliases: 'leave',
			check: { sampleSearch: false },
			log: context.log,
			onProgress: (progress) => watch.progress(progress),
			signal: watch.signal,
		});
		watch.settled();
		context.restoreTook?.(Math.round(performance.now() - begun));
		return report;
	} catch (error) {
		const problems = problemsOf(error);
		if (problems.length > 0 || !isOutcomeUnknown(error)) watch.settled();
		if (problems.length === 0) throw error;
		for (const problem of problems) findError(context, '', `Once restored, ${problem}.`);
		return undefined;
	}
}

/** Whether a restore failed because of the collection that it restored, and not because of trouble of the server itself. */
function problemsOf(error: unknown): string[] {
	if (!(error instanceof BackupError) || error.code !== 'TARGET_FAILED') return [];
	const problems = error.details?.['problems'];
	if (!Array.isArray(problems)) return [];
	return problems.map(String).filter((problem) => !problem.startsWith(SERVER_TROUBLE));
}
