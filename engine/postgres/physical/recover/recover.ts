/**
 * Recovers a cluster to a moment of the past: makes a data directory from which a stock server starts, reads its log and stops there. The
 * server does that by itself; here all is put in its place, and proved to be what PostgreSQL has sent, before the folder gets its name.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { RestoreCheck } from '../../../archive';
import { type BackupError, throwIfCancelled } from '../../../errors';
import { combine } from './combine';
import { configure } from './configuration';
import { planRecovery, type PlanRecoveryOptions, type RecoveryPlan } from './plan';
import { WAL_FOLDER } from './settings';
import { assertFolderUsable, fillFolder, type Owner } from './targetFolder';
import { writeLog } from './walFolder';

export interface RecoverOptions extends PlanRecoveryOptions {
	/** Absolute; empty, or not there yet. It becomes the data directory. */
	folder: string;
	/** By default who runs this. */
	owner?: Owner | undefined;
	/** What the server listens on; by default what the one that was backed up has. */
	port?: number | undefined;
	/** Whether the server archives its log as the one that was backed up did; by default it does not. */
	keepsArchiving?: boolean | undefined;
	/** From the first byte that is read on. */
	onProgress?: ((progress: { bytes: number; totalBytes: number }) => void) | undefined;
}

export interface RecoveredCluster {
	plan: RecoveryPlan;
	/** Of the log, that were put in their place. */
	segments: number;
	/** The major version of the server that starts from it. */
	serverVersion: string;
	warnings: string[];
}

/** What a manifest of a base backup says that is needed here. */
const baseSource = z.object({
	version: z.string(),
	blockBytes: z.number().int().positive().max(65_536).default(8192),
	settings: z.record(z.number().int().nonnegative()).default({}),
});

/** What a recovery would do, for a dry run. */
export interface RecoveryPreview {
	/** Undefined where the moment cannot be reached. */
	plan: RecoveryPlan | undefined;
	/** What keeps it from that, all of it. */
	problems: BackupError[];
}

/** Writes nothing. @throws BackupError CANCELLED, and whatever is no BackupError */
export async function previewRecovery(options: RecoverOptions): Promise<RecoveryPreview> {
	const { signal } = options;
	const check = new RestoreCheck();
	const plan = await check.ask(() => planRecovery(options));
	await check.ask(() => assertFolderUsable(options, plan?.bytes ?? 0));
	for (const reader of plan ? [...plan.bases, ...plan.log.map((one) => one.reader)] : []) {
		await check.ask(async () => {
			await reader.assertStoredSize(signal);
			await reader.assertOpens(signal);
		});
	}
	return { plan, problems: check.problems };
}

/** @throws BackupError as planRecovery does; TARGET_EXISTS, TARGET_FAILED, ACCESS_DENIED; nothing is left in the folder then */
export async function recoverCluster(options: RecoverOptions): Promise<RecoveredCluster> {
	const { folder, owner, port, keepsArchiving = false, action, signal, onProgress } = options;
	throwIfCancelled(signal);
	const plan = await planRecovery(options);
	const { bases, log, systemIdentifier, timeline, target, toLsn } = plan;
	const { version, blockBytes, settings } = baseSource.parse(bases.at(-1)!.manifest.source);
	const totalBytes = [...bases, ...log.map(({ reader }) => reader)].reduce(
		(sum, { manifest }) => sum + manifest.size.raw,
		0,
	);
	let bytes = 0;
	const onBytes = (more: number) => onProgress?.({ bytes: (bytes += more), totalBytes });
	const warnings: string[] = [];
	let segments = 0;
	await fillFolder({ folder, owner, signal }, plan.bytes, async (container) => {
		const draft = await combine({ readers: bases, folder: container, blockBytes, signal, onBytes });
		segments = await writeLog(draft, { log, systemIdentifier, toLsn, signal, onBytes });
		const tablespaces = await tablespacesIn(draft.path);
		const ofServer = { target, action, timeline, port, keepsArchiving, tablespacesInPlace: tablespaces > 0 };
		const made = await configure(draft, ofServer, settings);
		warnings.push(...warningsOf({ made, tablespaces, keepsArchiving }));
		return draft;
	});
	return { plan, segments, serverVersion: /^\d+/.exec(version)?.[0] ?? version, warnings };
}

/** They are folders where a server has links, so nothing outside of the data directory is needed. */
async function tablespacesIn(dataDirectory: string): Promise<number> {
	const names = await readdir(path.join(dataDirectory, 'pg_tblspc')).catch(() => []);
	return names.length;
}

function warningsOf(facts: { made: readonly string[]; tablespaces: number; keepsArchiving: boolean }): string[] {
	const { made, tablespaces, keepsArchiving } = facts;
	return [
		...(made.length > 0
			? [
					`The server that was backed up keeps its configuration outside of its data directory, so no base backup has it. ${made.join(', ')} were written with the least that is needed: put your own in their place, or start the server with its config_file.`,
				]
			: []),
		...(tablespaces > 0
			? [
					`${tablespaces === 1 ? 'The tablespace lies' : `${tablespaces} tablespaces lie`} below pg_tblspc in the data directory itself, which allow_in_place_tablespaces lets the server use.`,
				]
			: []),
		...(keepsArchiving
			? []
			: [
					'archive_mode is off, so that this server does not mix its WAL with that of the other one: reset it when it takes over.',
				]),
		`When the server has recovered, the folder ${WAL_FOLDER} in its data directory is needed no more.`,
	];
}
