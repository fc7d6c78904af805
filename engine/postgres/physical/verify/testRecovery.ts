/**
 * The test restore of a base backup: a data directory is made of it and of the WAL that followed, and a server is started on it, which
 * recovers to a moment that is drawn at random between the end of the base backup and the end of the WAL. So each test tries another one.
 */
import { chmod, chown, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ArchiveReader } from '../../../archive';
import { BackupError } from '../../../errors';
import { withScratchFolder } from '../../../verify/scratchFolder';
import type { Counts } from '../../../verify/system';
import type { CheckContext } from '../../../verify/types';
import { parseLsn, type Lsn } from '../lsn';
import { planRecovery, recoverCluster, targetText, type Owner, type RecoveryTarget } from '../recover';
import { programVersion } from './program';
import { runServer } from './runServer';

/** How base backups are restored for a test. */
export interface PhysicalScratch {
	/** The path of a `postgres` of the same major version. */
	program: string;
	/** Where the data directory is made, for a while; by default in the system's folder for temporary files. */
	folder?: string | undefined;
	/** From 0 to 1, without 1: where between the two ends the test recovers to. By default another number each time. */
	draw?: (() => number) | undefined;
}

/** @throws BackupError as recoverCluster and programVersion do; CANCELLED */
export async function testRecovery(
	{ manifest }: ArchiveReader,
	scratch: PhysicalScratch,
	context: CheckContext,
): Promise<Counts> {
	const { needed, signal, found, log, restoreTook } = context;
	if (!needed) throw new BackupError('INVALID_INPUT', 'The backup came without the storage that it lies in.');
	const { program } = scratch;
	const account = await serverAccount();
	const version = await programVersion(program, account, signal);
	const major = majorOf(manifest.source.version);
	if (majorOf(version) !== major) {
		found({
			severity: 'inconclusive',
			message: `The backup is of PostgreSQL ${manifest.source.version}, and ${program} is ${version}: it cannot start from it.`,
			hint: `Name a postgres of version ${major}.`,
		});
		return {};
	}
	const cluster = String(manifest.source['systemIdentifier']);
	const from = { ...needed, cluster, base: manifest.id, action: 'shutdown', signal } as const;
	const target = await drawTarget(from, scratch.draw ?? Math.random);
	log(`recovers to ${targetText(target)}`);
	const warn = (message: string) => found({ severity: 'warning', message });
	return await withScratchFolder(
		scratch.folder ?? tmpdir(),
		async (root) => {
			// Whoever the server runs as has to come through.
			if (account) await chown(root, account.uid, account.gid);
			await chmod(root, 0o700);
			const folder = path.join(root, 'data');
			const begun = performance.now();
			const { plan, segments } = await recoverCluster({
				...from,
				target,
				into: { type: 'folder', folder },
				owner: account,
			});
			const { isReached, problems } = await runServer(program, folder, account, signal);
			restoreTook?.(Math.round(performance.now() - begun));
			if (!isReached) {
				found({
					severity: 'error',
					message: `A server did not recover from it to ${targetText(target)}: ${problems.join(' ') || 'it ended without a word'}`,
					hint: 'Make a new base backup, and verify the WAL.',
				});
			}
			return { increments: plan.bases.length - 1, segments, recovered: isReached ? 1 : 0 };
		},
		warn,
	);
}

function majorOf(version: string): string {
	return /^\d+/.exec(version)?.[0] ?? version;
}

/** A position in the log; the end of it where there is nothing between. */
async function drawTarget(
	from: Omit<Parameters<typeof planRecovery>[0], 'target'>,
	draw: () => number,
): Promise<RecoveryTarget> {
	const last = await planRecovery({ ...from, target: { type: 'end' } });
	const first = endOf(last.bases.at(-1)!);
	const length = last.toLsn - first;
	if (last.target.type !== 'lsn' || length <= 0n) return { type: 'end' };
	const lsn = first + BigInt(Math.floor(draw() * Number(length)));
	return lsn > last.target.lsn ? { type: 'end' } : { type: 'lsn', lsn, inclusive: true };
}

function endOf({ manifest }: ArchiveReader): Lsn {
	return parseLsn(String(manifest.source['endLsn']));
}

/** Undefined where this is not root, as whom no server starts. @throws BackupError TARGET_FAILED where there is no other user */
async function serverAccount(): Promise<Owner | undefined> {
	if (process.getuid?.() !== 0) return undefined;
	const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
	const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
	if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
	throw new BackupError('TARGET_FAILED', 'PostgreSQL does not run as root, and this system has no other user for it.', {
		hint: 'Run n8n as another user than root, or make a user postgres.',
	});
}
