/** What keeps a server from being backed up physically, each with the statements that mend it. */
import { finder, type SetupFinding } from '../../../preflight';
import { FIRST_INCREMENTAL_MAJOR } from '../base/clusterFacts';
import { OLDEST_MAJOR } from '../cluster';
import { FIRST_WITH_MANIFEST } from '../base/command';
import type { PhysicalView, SlotView } from './facts';

/** Walsenders that physical backups take at once: a base backup, and the archiving of WAL beside it. */
const SENDERS = 2;
const RESTART = '-- This takes a restart of the server.';
const RELOAD = 'SELECT pg_reload_conf();';
const GIGABYTE = 1_000_000_000;

/** @param about `db:5432` */
export function settingFindings(view: PhysicalView, about: string, incremental: boolean): SetupFinding[] {
	return [
		...versionFindings(view, about),
		...levelFindings(view, about),
		...senderFindings(view, about),
		...roleFindings(view),
		...summaryFindings(view, about, incremental),
		...checksumFindings(view, about),
		...tablespaceFindings(view, about),
	];
}

function versionFindings({ version }: PhysicalView, about: string): SetupFinding[] {
	const { ok, warning, problem } = finder('Version', about, 'backup');
	const major = Math.floor(version / 10_000);
	if (major < OLDEST_MAJOR)
		return [
			problem(
				`Physical backups are made of PostgreSQL ${OLDEST_MAJOR} and later; this is ${major}.`,
				'Upgrade the server, or back up its databases with Postgres Dump.',
			),
		];
	if (major < FIRST_WITH_MANIFEST)
		return [
			warning(
				`PostgreSQL ${major} makes no manifest of a base backup, so its files are compared with nothing.`,
				'Upgrade the server, or verify each backup by a recovery.',
			),
		];
	return [ok(`PostgreSQL ${major} can be backed up physically.`)];
}

function levelFindings({ walLevel }: PhysicalView, about: string): SetupFinding[] {
	const { ok, problem } = finder('WAL Level', about, 'backup');
	if (walLevel !== 'minimal') return [ok(`wal_level is ${walLevel}: the WAL holds what a recovery needs.`)];
	return [
		problem(
			'wal_level is minimal: the WAL does not hold what a recovery needs.',
			`ALTER SYSTEM SET wal_level = replica;\n${RESTART}`,
		),
	];
}

function senderFindings({ maxSenders, usedSenders, maxSlots, usedSlots }: PhysicalView, about: string): SetupFinding[] {
	const senders = finder('WAL Senders', about, 'backup');
	const slots = finder('Replication Slots', about, 'backup');
	const [freeSenders, freeSlots] = [maxSenders - usedSenders, maxSlots - usedSlots];
	return [
		freeSenders >= SENDERS
			? senders.ok(`${freeSenders} of ${maxSenders} walsenders are free.`)
			: senders.problem(
					`${Math.max(0, freeSenders)} of ${maxSenders} walsenders are free, and physical backups take ${SENDERS}.`,
					`ALTER SYSTEM SET max_wal_senders = ${usedSenders + SENDERS + 1};\n${RESTART}`,
				),
		freeSlots >= 1
			? slots.ok(`${freeSlots} of ${maxSlots} replication slots are free.`)
			: slots.warning(
					`All ${maxSlots} replication slots are taken: no new one can be made.`,
					`ALTER SYSTEM SET max_replication_slots = ${usedSlots + 2};\n${RESTART}`,
				),
	];
}

function roleFindings({ user, hasReplication }: PhysicalView): SetupFinding[] {
	const { ok, problem } = finder('REPLICATION', user, 'backup');
	if (hasReplication) return [ok(`${user} may read the server as a standby does.`)];
	return [problem(`${user} lacks the attribute REPLICATION.`, `ALTER ROLE ${user} REPLICATION;`)];
}

function summaryFindings({ summarizesWal }: PhysicalView, about: string, incremental: boolean): SetupFinding[] {
	const { ok, problem } = finder('WAL Summaries', about, 'backup');
	if (summarizesWal) return [ok('summarize_wal is on: base backups can be incremental.')];
	if (!incremental) return [];
	if (summarizesWal === undefined)
		return [
			problem(
				`Incremental base backups exist from PostgreSQL ${FIRST_INCREMENTAL_MAJOR} on.`,
				'Set Backup Type to Full, or upgrade the server.',
			),
		];
	return [
		problem(
			'summarize_wal is off, so the server makes no incremental backups.',
			`ALTER SYSTEM SET summarize_wal = on;\n${RELOAD}`,
		),
	];
}

function checksumFindings({ hasChecksums }: PhysicalView, about: string): SetupFinding[] {
	const { ok, warning } = finder('Page Checksums', about, 'backup');
	if (hasChecksums) return [ok('The pages have checksums: each backup compares them.')];
	return [
		warning(
			'The cluster keeps no checksums of its pages, so damage by a disk gets into the backups unseen.',
			'With the server stopped, on its machine, as the user that runs it: pg_checksums --enable --pgdata=<data directory>',
		),
	];
}

function tablespaceFindings({ tablespaces }: PhysicalView, about: string): SetupFinding[] {
	if (tablespaces === 0) return [];
	const { ok } = finder('Tablespaces', about, 'restore');
	const count = tablespaces === 1 ? '1 tablespace is' : `${tablespaces} tablespaces are`;
	return [ok(`${count} backed up with the server, and recovered into folders below pg_tblspc.`)];
}

/** @param slot the name that was chosen; @param found the slot, where there is one */
export function slotFindings(
	slot: string,
	found: SlotView | undefined,
	{ maxKeptMb }: PhysicalView,
	about: string,
): SetupFinding[] {
	const { ok, warning, problem } = finder('Replication Slot', slot, 'backup');
	const room = finder('Room of Slots', about, 'backup');
	const drop = `SELECT pg_drop_replication_slot('${slot}');\n-- Then make a base backup: it makes a new slot.`;
	const state = () => {
		if (!found) return ok('There is none of this name: the first base backup makes it.');
		const { isPhysical, isActive, walStatus, keptBytes } = found;
		if (!isPhysical)
			return problem(
				'A slot of this name exists, and it is a logical one.',
				'Choose another name in Replication Slot.',
			);
		if (walStatus === 'lost' || keptBytes === undefined)
			return problem('The server has given the slot up, or it was never used: it keeps no WAL.', drop);
		const kept = `keeps ${(keptBytes / GIGABYTE).toFixed(1)} GB of WAL`;
		if (walStatus === 'unreserved')
			return problem(
				`The slot ${kept}, more than it may: the server is about to remove WAL that was not archived.`,
				'Run Archive WAL now, and raise max_slot_wal_keep_size.',
			);
		if (!isActive && keptBytes > 10 * GIGABYTE)
			return warning(
				`The slot ${kept}, and nobody reads it.`,
				`Run Archive WAL. If nobody wants its WAL any more:\nSELECT pg_drop_replication_slot('${slot}');`,
			);
		return ok(`The slot ${kept}.`);
	};
	return [
		state(),
		...(maxKeptMb === undefined
			? []
			: [
					maxKeptMb >= 0
						? room.ok(`A slot may keep ${maxKeptMb} MB of WAL; a base backup is due where it falls behind more.`)
						: room.warning(
								'A slot that nobody reads keeps WAL until the server’s disk is full.',
								`ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';\n${RELOAD}\n-- Less than the disk of pg_wal has room for.`,
							),
				]),
	];
}
