import { BackupError } from '../../errors';
import { allEnded } from '../../parallel';
import { type PgDumpResult, runPgDump } from '../pgdump/bridge';
import { PgDumpThread } from '../pgdump/thread';
import { assertOwnSession } from '../pooler';
import { checkServerVersion } from '../serverVersion';
import { terminateSessions } from '../sessions';
import { systemIdentifier } from '../systemIdentifier';

import { argumentValue } from './arguments';
import { type DatabaseProperties, databaseProperties, type StoredProperties } from './databaseProperties';
import { namelessRoles } from './namelessRoles';
import type { BackUpDatabaseOptions } from './options';
import { estimatedSize } from './estimatedSize';
import { type Owned, ownedSequences } from './ownedSequences';
import { dumpEncoding, type ServerFacts, type SessionChoices, SnapshotSession } from './snapshotSession';

/** What a dump knows once pg_dump has written its script, and before any row is read. */
export interface Start {
	facts: ServerFacts;
	/** See systemIdentifier. */
	system: string | undefined;
	settings: DatabaseProperties['settings'];
	properties: StoredProperties;
	/** See SnapshotSession.writingSettings. */
	session: Record<string, string>;
	/** By table key; empty where the script has definitions, which say it: ALTER SEQUENCE ... OWNED BY. */
	sequences: Map<string, Owned>;
	result: PgDumpResult;
}

interface Beginning {
	/** pg_dump's arguments. */
	args: string[];
	/** Connections that read rows at once. */
	parallel: number;
	/** Takes up the connections: pg_dump's own, the one that exports the snapshot, and more for reading rows. */
	sessions: SnapshotSession[];
}

/** @param estimated Bytes that the archive may come to: see estimatedSize */
type Connected = (estimated: number | undefined) => Promise<void>;

/**
 * SQLSTATEs of what went away between the look into the catalogs and the lock: a table, a schema; and XX000, by which the
 * server says that an object of a number is not there any more ("could not open relation with OID", "cache lookup failed").
 */
const GONE = ['42P01', '3F000', 'XX000'];

/** Opens the connections: pg_dump's own, the one that exports the snapshot, and more for reading rows. */
async function openSessions(options: BackUpDatabaseOptions, { args, parallel, sessions }: Beginning) {
	const choices: SessionChoices = {
		rowSecurity: args.includes('--enable-row-security'),
		role: argumentValue(args, '--role'),
	};
	const open = async () => {
		const session = await SnapshotSession.open(options.connection, options.signal);
		sessions.push(session);
		return session;
	};
	// A login that is refused is tried once, not by several connections.
	const forPgDump = await open();
	const facts = await forPgDump.serverFacts();
	checkServerVersion(facts.version, facts.versionText, 'source');
	await assertOwnSession(forPgDump.client, options.connection, 'source', { signal: options.signal });
	const exported = async () => {
		const exporter = await open();
		const shared = await sharedFacts(exporter, facts);
		return {
			...shared,
			snapshot: await exporter.exportSnapshot(facts, options.serializableDeferrable ?? false, choices),
		};
	};
	const [server, shared] = await allEnded([serverFactsOf(forPgDump, options), exported()]);
	const more = Array.from({ length: Math.max(0, parallel - 2) }, async () =>
		(await open()).importSnapshot(facts, shared.snapshot, choices),
	);
	await allEnded(more);
	return { facts, ...server, ...shared };
}

/** What a connection on which nothing has begun is asked about the server and the size of the database. */
async function serverFactsOf({ client }: SnapshotSession, { codec }: BackUpDatabaseOptions) {
	const system = await systemIdentifier(client);
	return { system, estimated: await estimatedSize(client, codec) };
}

/** What the server says of the database and of its roles, which all its databases share. */
async function sharedFacts(
	{ client }: SnapshotSession,
	facts: ServerFacts,
): Promise<{ properties: DatabaseProperties; nameless: number[] }> {
	await client.query(`SET client_encoding = '${dumpEncoding(facts)}'`);
	const properties = await databaseProperties(client, facts.version);
	return { properties, nameless: await namelessRoles(client, facts.encoding) };
}

/** pgDump decodes the script as UTF-8; in a database without encoding that may have lost bytes. */
function checkDecoded(result: PgDumpResult, facts: ServerFacts): void {
	if (facts.encoding === 'SQL_ASCII' && result.script.includes('\uFFFD')) {
		throw new BackupError(
			'SOURCE_FAILED',
			'The database has the encoding SQL_ASCII, and a name, comment or function in it is not UTF-8.',
			{
				hint: 'Rename it, or dump this database with its own pg_dump. Rows of any encoding are no problem.',
			},
		);
	}
}

async function startOnce(
	options: BackUpDatabaseOptions,
	beginning: Beginning,
	connected: Connected,
	thread: PgDumpThread,
): Promise<Start> {
	const opened = await openSessions(options, beginning);
	const { facts, system, snapshot, estimated, properties: all, nameless } = opened;
	const [forPgDump, exporter] = beginning.sessions as [SnapshotSession, SnapshotSession];
	const { settings, ...properties } = all;
	if (beginning.args.includes('--no-tablespaces')) delete properties.tablespace;
	const refusal = new AbortController();
	const storing = connected(estimated);
	storing.catch(() => {
		refusal.abort();
		// It may wait for a lock, and would then go on waiting.
		void terminateSessions(options.connection, [forPgDump.processId]);
	});
	const asking = async () => ({
		session: await exporter.writingSettings(),
		sequences: options.selection?.content === 'data' ? await ownedSequences(exporter.client) : new Map<string, Owned>(),
	});
	const dumping = runPgDump(thread, {
		socket: forPgDump.socket,
		parameters: forPgDump.parameters,
		namelessRoles: nameless,
		args: [...beginning.args, `--snapshot=${snapshot}`, `--encoding=${dumpEncoding(facts)}`],
		signal: AbortSignal.any([refusal.signal, ...(options.signal ? [options.signal] : [])]),
	});
	const [, asked, result] = await allEnded([storing, asking(), dumping]);
	checkDecoded(result, facts);
	return { facts, system, settings, properties, ...asked, result };
}

async function startInThread(
	options: BackUpDatabaseOptions,
	beginning: Beginning,
	connected: Connected,
): Promise<Start> {
	const thread = new PgDumpThread();
	try {
		return await startOnce(options, beginning, connected, thread);
	} finally {
		// It has nothing more to say, and takes some time to end.
		void thread.close();
	}
}

/**
 * Connects and lets pg_dump write its script. Where tables come and go all the time, one may go between pg_dump's look into
 * the catalogs and its lock, which ends pg_dump: then all of it once more, on a new snapshot.
 * @param connected Called once the server has let us in, again in a second try; pg_dump is at work meanwhile. What it throws
 * is thrown before any failure of pg_dump's.
 */
export async function start(
	options: BackUpDatabaseOptions,
	beginning: Beginning,
	connected: Connected,
): Promise<Start> {
	try {
		return await startInThread(options, beginning, connected);
	} catch (error) {
		const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
		if (options.signal?.aborted || !(error instanceof BackupError) || !GONE.includes(code)) throw error;
		options.log?.(`something was dropped while pg_dump began, which begins again: ${error.message}`);
		await Promise.all(beginning.sessions.splice(0).map((session) => session.close()));
		return await startInThread(options, beginning, connected);
	}
}
