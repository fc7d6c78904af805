/**
 * A base backup: the server's data directory, as it sends it, in one archive. The server is asked twice: first who it is, for the series and
 * its lock; then for the backup. The slot comes first of all, so that no WAL that the backup needs can go. An archive is begun once the
 * server has begun, so a server that refuses leaves nothing behind; and its manifest is stored only when the server has said where
 * the backup ends, and PostgreSQL's own manifest agrees with every file.
 */
import {
	asBackUp,
	type ArchiveWriter,
	type CommitDetails,
	makeArchive,
	type Manifest,
	wholeNumber,
} from '../../../archive';
import { BackupError, throwIfCancelled } from '../../../errors';
import { formatLsn, type Lsn } from '../lsn';
import { WalSender, withWalSender } from '../protocol';
import { BaseBackupAnswer, type BaseBackupStart } from './answer';
import { type ClusterFacts, FIRST_INCREMENTAL_MAJOR, readClusterFacts } from './clusterFacts';
import { baseBackupCommand, FIRST_WITH_MANIFEST } from './command';
import { DataFiles } from './dataFiles';
import { type BackUpClusterOptions, BASE_BACKUP_RATE } from './options';
import { backupManifestOf, choosePrevious, type PreviousBackup } from './previous';
import { dropNewSlot, ensureSlot } from './slot';
import { serverTime } from './serverTime';
import { storeArchives } from './store';

const KIND = 'postgres-base';

/**
 * Stores a base backup of a cluster: `<name>_<time>.tar.zst`, in `postgres/base`.
 * @returns its manifest
 * @throws BackupError SOURCE_UNREACHABLE, ACCESS_DENIED, UNSUPPORTED_VERSION, SOURCE_FAILED, INVALID_INPUT, CANCELLED, and what
 * createArchive and the storage throw
 */
export async function backUpCluster(options: BackUpClusterOptions): Promise<Manifest> {
	const { connection, signal, maxRate } = options;
	if (maxRate !== undefined) wholeNumber(maxRate, 'The rate limit in kB/s', BASE_BACKUP_RATE);
	const facts = await withWalSender(connection, { signal }, (sender) => readClusterFacts(sender, connection));
	assertIncrementalPossible(options, facts);
	const name = options.name || facts.name;
	const series = { kind: KIND, name, origin: facts.systemIdentifier, isWhole: !options.incremental } as const;
	return await asBackUp(options, series, async (choices) => await new ClusterBackUp(choices, facts, name).run());
}

/** @throws BackupError INVALID_INPUT with what is lacking */
function assertIncrementalPossible(
	{ incremental }: BackUpClusterOptions,
	{ major, version, summarizesWal }: ClusterFacts,
): void {
	if (!incremental || summarizesWal) return;
	if (major < FIRST_INCREMENTAL_MAJOR) {
		throw new BackupError(
			'INVALID_INPUT',
			`The server is PostgreSQL ${version}, and incremental base backups exist from ${FIRST_INCREMENTAL_MAJOR} on.`,
			{ hint: 'Make full base backups of this server, or upgrade it.' },
		);
	}
	throw new BackupError(
		'INVALID_INPUT',
		'The server does not note which blocks change, so it makes no incremental backups.',
		{
			hint: 'Switch it on there (ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf();), or make full base backups.',
		},
	);
}

/** What an archive is filled from. */
interface Filling {
	writer: ArchiveWriter;
	sender: WalSender;
	answer: BaseBackupAnswer;
	start: BaseBackupStart;
	previous: PreviousBackup | undefined;
}

class ClusterBackUp {
	readonly #options: BackUpClusterOptions;
	readonly #facts: ClusterFacts;
	readonly #name: string;
	readonly #warnings: string[] = [];

	constructor(options: BackUpClusterOptions, facts: ClusterFacts, name: string) {
		this.#options = options;
		this.#facts = facts;
		this.#name = name;
	}

	async run(): Promise<Manifest> {
		const { connection, slot, signal } = this.#options;
		const { major } = this.#facts;
		let isNewSlot = false;
		try {
			if (slot !== undefined) {
				isNewSlot = await withWalSender(connection, { signal }, (sender) => ensureSlot(sender, slot, major));
			}
			const previous = await this.#previous();
			return await this.#backUp(previous);
		} catch (error) {
			if (isNewSlot && slot !== undefined) await dropNewSlot(connection, slot);
			throw error;
		}
	}

	/** What an incremental backup goes on from; undefined for a full one. */
	async #previous(): Promise<PreviousBackup | undefined> {
		const { incremental, storage, folder, keys, encryption, signal } = this.#options;
		if (!incremental) return undefined;
		const { systemIdentifier, major } = this.#facts;
		const where = { storage, folder, keys, encryption, signal };
		const choice = await choosePrevious({ ...incremental, ...where, systemIdentifier, major });
		const { warning } = choice as { warning?: string };
		if (warning !== undefined) this.#warnings.push(warning);
		if ('previous' in choice) {
			this.#log(`goes on from ${choice.previous.reader.key}`);
			return choice.previous;
		}
		this.#log(`makes a full base backup: ${choice.reason}`);
		return undefined;
	}

	/** A server that refuses to go on from the backup before has said so before it sent anything: then a full one is made. */
	async #backUp(previous: PreviousBackup | undefined): Promise<Manifest> {
		const { connection, signal } = this.#options;
		const sender = await WalSender.connect(connection, { signal });
		try {
			const answer = new BaseBackupAnswer(await this.#command(sender, previous), this.#facts.major);
			const start = await answer.start();
			return await this.#store(sender, answer, start, previous);
		} catch (error) {
			throwIfCancelled(signal);
			if (!(error instanceof NotBegun)) throw error;
			this.#warnings.push(
				`A full base backup was made, for the server refused an incremental one: ${error.reason.message}`,
			);
		} finally {
			await sender.close();
		}
		return await this.#backUp(undefined);
	}

	/** Gives the command; of an incremental one waits for the first event, to know whether the server takes it. */
	async #command(sender: WalSender, previous: PreviousBackup | undefined) {
		const { connection, checkpoint = 'fast', maxRate, signal } = this.#options;
		const doing = `Could not make a base backup of ${connection.host}:${connection.port}`;
		const choices = { label: `n8n-nodes-stack-backup ${this.#name}`, checkpoint, maxRate };
		const command = baseBackupCommand(this.#facts.major, { ...choices, incremental: previous !== undefined });
		if (!previous) return sender.answer(command, doing);
		const { reader } = previous;
		try {
			await sender.copyIn('UPLOAD_MANIFEST', backupManifestOf(reader, signal), `${doing}, going on from ${reader.key}`);
			const events = sender.answer(command, doing);
			const first = await events.next();
			return (async function* () {
				if (!first.done) yield first.value;
				yield* events;
			})();
		} catch (error) {
			throw error instanceof BackupError && isRefusal(error) ? new NotBegun(error) : error;
		}
	}

	async #store(
		sender: WalSender,
		answer: BaseBackupAnswer,
		start: BaseBackupStart,
		previous: PreviousBackup | undefined,
	): Promise<Manifest> {
		const sizes = [start.bytes, ...start.tablespaces.map(({ bytes }) => bytes)];
		// The server counts whole files, of which an incremental backup holds the changed blocks alone.
		const isKnown = !previous && sizes.every((bytes) => bytes !== undefined);
		const estimatedSize = isKnown ? sizes.reduce((sum, bytes) => sum + bytes, 0) : undefined;
		const archive = { name: this.#name, extension: 'tar', kind: KIND, startedAt: new Date() } as const;
		const fill = async (writer: ArchiveWriter) => await this.#fill({ writer, sender, answer, start, previous });
		return await makeArchive(
			this.#options,
			{ ...archive, ...(estimatedSize !== undefined && { estimatedSize }) },
			fill,
		);
	}

	async #fill({ writer, sender, answer, start, previous }: Filling): Promise<CommitDetails> {
		const { hasChecksums, blockBytes, relationFileBytes, major } = this.#facts;
		const { startLsn } = start;
		const files = new DataFiles({ hasChecksums, blockBytes, relationFileBytes, startLsn });
		const { startTime, hasManifest } = await storeArchives(answer.archives(), writer, files);
		const endLsn = await answer.end();
		const endTime = await serverTime(sender, endLsn, start.timeline);
		if (!hasManifest) this.#assertWithout(major);
		this.#tellDamage(files);
		const { checkpoint = 'fast', slot } = this.#options;
		return {
			source: this.#source(start, { endLsn, startTime, endTime }, previous),
			counts: {
				files: files.files,
				bytes: files.bytes,
				tablespaces: start.tablespaces.length,
				pages: files.pages?.checked ?? 0,
				damagedPages: files.pages?.damaged ?? 0,
				increment: previous?.increment ?? 0,
			},
			options: { checkpoint, ...(slot !== undefined && { slot }) },
			warnings: this.#warnings,
			needs: previous?.needs ?? [],
		};
	}

	#source(
		{ startLsn, timeline, tablespaces }: BaseBackupStart,
		{ endLsn, startTime, endTime }: { endLsn: Lsn; startTime: Date | undefined; endTime: Date | undefined },
		previous: PreviousBackup | undefined,
	): Manifest['source'] {
		const { host, port } = this.#options.connection;
		const { systemIdentifier, version, versionNumber, hasChecksums, segmentBytes, blockBytes } = this.#facts;
		return {
			system: 'postgresql',
			version,
			versionNumber,
			host,
			port,
			systemIdentifier,
			timeline,
			startLsn: formatLsn(startLsn),
			endLsn: formatLsn(endLsn),
			startTime: startTime?.toISOString() ?? null,
			endTime: endTime?.toISOString() ?? null,
			segmentBytes,
			blockBytes,
			relationFileBytes: this.#facts.relationFileBytes,
			checksums: hasChecksums,
			incremental: previous !== undefined,
			previous: previous?.needs[0] ?? null,
			settings: this.#facts.settings,
			tablespaces: tablespaces.map(({ oid, location }) => ({ oid, location })),
		};
	}

	/** @throws BackupError SOURCE_FAILED where a manifest was to come */
	#assertWithout(major: number): void {
		if (major >= FIRST_WITH_MANIFEST)
			throw new BackupError('SOURCE_FAILED', 'The server sent a base backup without its manifest.', {
				hint: 'Run it again; where it happens again, look at what stands between n8n and the server.',
			});
		this.#warnings.push('PostgreSQL 12 makes no manifest of a base backup: its files were compared with nothing.');
	}

	/** @throws BackupError SOURCE_FAILED where damaged pages are to fail the backup */
	#tellDamage({ pages }: DataFiles): void {
		if (!pages) {
			this.#warnings.push(
				'The cluster keeps no checksums of its pages, so damage to them cannot be seen (pg_checksums --enable switches them on, while the server is down).',
			);
			return;
		}
		if (pages.damaged === 0) return;
		const named = pages.pages.map(({ file, block }) => `block ${block} of ${file}`).join(', ');
		const more = pages.damaged > pages.pages.length ? ` and ${pages.damaged - pages.pages.length} more` : '';
		const what = `${pages.damaged === 1 ? 'A page does' : `${pages.damaged} pages do`} not fit ${pages.damaged === 1 ? 'its' : 'their'} checksum: ${named}${more}.`;
		if (this.#options.failOnDamage) {
			throw new BackupError('SOURCE_FAILED', what, { hint: DAMAGE_HINT });
		}
		this.#warnings.push(`${what} ${DAMAGE_HINT}`);
	}

	#log(line: string): void {
		this.#options.log?.(line);
	}
}

const DAMAGE_HINT =
	'The server’s disk has damaged them, or they were being written just then; keep older backups, look with pg_amcheck or pg_checksums, and restore the tables from before.';

/** The server has refused to make an incremental backup, and sent nothing. */
class NotBegun extends Error {
	constructor(readonly reason: BackupError) {
		super(reason.message);
	}
}

/** Whether a server has refused what it was asked for, rather than that a connection broke or rights lack. */
function isRefusal({ code, cause }: BackupError): boolean {
	return code === 'SOURCE_FAILED' && (cause as { code?: string } | undefined)?.code !== undefined;
}
