import { BackupError } from '../../errors';
import { type PgDumpResult, runPgDump } from '../pgdump/bridge';
import { checkServerVersion } from '../serverVersion';
import { systemIdentifier } from '../systemIdentifier';

import { argumentValue } from './arguments';
import { type DatabaseProperties, databaseProperties, type StoredProperties } from './databaseProperties';
import { namelessRoles } from './namelessRoles';
import type { BackUpDatabaseOptions } from './options';
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
	const forPgDump = await open();
	const facts = await forPgDump.serverFacts();
	checkServerVersion(facts.version, facts.versionText, 'source');
	const system = await systemIdentifier(forPgDump.client);
	const exporter = await open();
	const shared = await sharedFacts(exporter, facts);
	const snapshot = await exporter.exportSnapshot(facts, options.serializableDeferrable ?? false, choices);
	for (let more = 2; more < parallel; more++) await (await open()).importSnapshot(facts, snapshot, choices);
	return { facts, system, snapshot, ...shared };
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
	connected: (session: SnapshotSession) => Promise<void>,
): Promise<Start> {
	const { facts, system, snapshot, properties: all, nameless } = await openSessions(options, beginning);
	const [forPgDump, exporter] = beginning.sessions as [SnapshotSession, SnapshotSession];
	await connected(forPgDump);
	const { settings, ...properties } = all;
	if (beginning.args.includes('--no-tablespaces')) delete properties.tablespace;
	const session = await exporter.writingSettings();
	const sequences =
		options.selection?.content === 'data' ? await ownedSequences(exporter.client) : new Map<string, Owned>();
	const result = await runPgDump({
		socket: forPgDump.socket,
		parameters: forPgDump.parameters,
		namelessRoles: nameless,
		args: [...beginning.args, `--snapshot=${snapshot}`, `--encoding=${dumpEncoding(facts)}`],
		signal: options.signal,
	});
	checkDecoded(result, facts);
	return { facts, system, settings, properties, session, sequences, result };
}

/**
 * Connects and lets pg_dump write its script. Where tables come and go all the time, one may go between pg_dump's look into
 * the catalogs and its lock, which ends pg_dump: then all of it once more, on a new snapshot.
 * @param connected Called once the server has let us in, again in a second try, with pg_dump's connection, on which nothing has begun.
 */
export async function start(
	options: BackUpDatabaseOptions,
	beginning: Beginning,
	connected: (session: SnapshotSession) => Promise<void>,
): Promise<Start> {
	try {
		return await startOnce(options, beginning, connected);
	} catch (error) {
		const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
		if (options.signal?.aborted || !(error instanceof BackupError) || !GONE.includes(code)) throw error;
		options.log?.(`something was dropped while pg_dump began, which begins again: ${error.message}`);
		await Promise.all(beginning.sessions.splice(0).map((session) => session.close()));
		return await startOnce(options, beginning, connected);
	}
}
