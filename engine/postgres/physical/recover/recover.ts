/**
 * Recovers a cluster to a moment of the past: makes a data directory from which a stock server starts, reads its log and stops there. The
 * server does that by itself; here all is put in its place, and proved to be what PostgreSQL has sent, before the folder gets its name.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { RestoreCheck } from '../../../archive';
import { type BackupError, throwIfCancelled } from '../../../errors';
import { combine, writeManifest } from './combine';
import { configure } from './configuration';
import type { DraftFolder } from './draftFolder';
import { planRecovery, type PlanRecoveryOptions, type RecoveryPlan } from './plan';
import { assertFolderUsable, fillFolder, type Owner } from './targetFolder';
import { assertTarUsable, fillTar } from './targetTar';
import { writeLog } from './walFolder';
import { warningsOf } from './warnings';

/** What a data directory comes to be. */
export type RecoverInto =
	/** @member folder absolute; empty, or not there yet */
	| { type: 'folder'; folder: string }
	/** @member file absolute, nothing has this name yet; compressed as its end says: .tar, .tar.gz, .tgz, .tar.zst */
	| { type: 'tar'; file: string };

export interface RecoverOptions extends PlanRecoveryOptions {
	into: RecoverInto;
	/** Whom the data directory belongs to, by default who runs this; in a tar it may be anybody. */
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
	/** Of the tar; undefined for a folder. */
	tarBytes: number | undefined;
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
	await check.ask(() => assertUsable(options, plan?.bytes ?? 0));
	for (const reader of plan ? [...plan.bases, ...plan.log.map((one) => one.reader)] : []) {
		await check.ask(async () => {
			await reader.assertStoredSize(signal);
			await reader.assertOpens(signal);
		});
	}
	return { plan, problems: check.problems };
}

/** @throws BackupError as planRecovery does; TARGET_EXISTS, TARGET_FAILED, ACCESS_DENIED; nothing is left of it then */
export async function recoverCluster(options: RecoverOptions): Promise<RecoveredCluster> {
	const { port, keepsArchiving = false, action, signal, onProgress } = options;
	throwIfCancelled(signal);
	const plan = await planRecovery(options);
	const { bases, log, histories, systemIdentifier, timeline, target, toLsn } = plan;
	const { version, blockBytes, settings } = baseSource.parse(bases.at(-1)!.manifest.source);
	const totalBytes = [...bases, ...log.map(({ reader }) => reader)].reduce(
		(sum, { manifest }) => sum + manifest.size.raw,
		0,
	);
	let bytes = 0;
	const onBytes = (more: number) => onProgress?.({ bytes: (bytes += more), totalBytes });
	const warnings: string[] = [];
	let segments = 0;
	const tarBytes = await fillPlace(options, plan.bytes, async (container) => {
		const combined = await combine({ readers: bases, folder: container, blockBytes, signal, onBytes });
		const { draft } = combined;
		segments = await writeLog(draft, { log, histories, systemIdentifier, toLsn, signal, onBytes });
		const tablespaces = await tablespacesIn(draft.path);
		const ofServer = { target, action, timeline, port, keepsArchiving, tablespacesInPlace: tablespaces > 0 };
		const configured = await configure(combined, ofServer, settings);
		await writeManifest(combined, bases.at(-1)!, signal);
		warnings.push(...warningsOf({ ...configured, tablespaces, keepsArchiving }));
		return draft;
	});
	return { plan, segments, serverVersion: /^\d+/.exec(version)?.[0] ?? version, tarBytes, warnings };
}

async function assertUsable({ into, owner, signal }: RecoverOptions, bytes: number): Promise<void> {
	if (into.type === 'tar') await assertTarUsable({ file: into.file, owner, signal }, bytes);
	else await assertFolderUsable({ folder: into.folder, owner, signal }, bytes);
}

/** @returns the bytes of the tar, where it is one */
async function fillPlace(
	{ into, owner, signal }: RecoverOptions,
	bytes: number,
	fill: (folder: string) => Promise<DraftFolder>,
): Promise<number | undefined> {
	if (into.type === 'tar') return await fillTar({ file: into.file, owner, signal }, bytes, fill);
	await fillFolder({ folder: into.folder, owner, signal }, bytes, fill);
	return undefined;
}

/** They are folders where a server has links, so nothing outside of the data directory is needed. */
async function tablespacesIn(dataDirectory: string): Promise<number> {
	const names = await readdir(path.join(dataDirectory, 'pg_tblspc')).catch(() => []);
	return names.length;
}
