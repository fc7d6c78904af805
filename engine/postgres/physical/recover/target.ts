/** The moment that a recovery ends at, and how PostgreSQL is told. */
import { BackupError } from '../../../errors';
import { formatLsn, type Lsn } from '../lsn';

/** What happens when the moment is reached; as PostgreSQL calls it (`recovery_target_action`). */
export const RECOVERY_ACTIONS = ['promote', 'pause', 'shutdown'] as const;
export type RecoveryAction = (typeof RECOVERY_ACTIONS)[number];

/**
 * Where recovery ends. `inclusive`: whether what happened just there is in, by default so, as with PostgreSQL. `end` is all that the log
 * has, `immediate` the end of the base backup.
 */
export type RecoveryTarget =
	/** @member time microseconds since 1970, by the server's clock */
	| { type: 'time'; time: number; inclusive: boolean }
	| { type: 'lsn'; lsn: Lsn; inclusive: boolean }
	/** @member transaction its number, without the epoch */
	| { type: 'transaction'; transaction: number; inclusive: boolean }
	| { type: 'restorePoint'; name: string }
	| { type: 'immediate' }
	| { type: 'end' };

/** As long as a restore point's name may be (MAXFNAMELEN, with a NUL). */
const LONGEST_NAME = 63;
/** Lower ones are of PostgreSQL itself (FirstNormalTransactionId). */
const FIRST_TRANSACTION = 3;
const LAST_TRANSACTION = 0xffff_ffff;
const ZONE = /(?:Z|[+-]\d\d(?::?\d\d)?)$/i;
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})\d*)?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)$/i;
const MICROSECONDS = 1_000_000;

/**
 * Reads a time with its zone: ISO 8601, or as PostgreSQL writes it (`2026-11-28 20:36:07.123456+01`).
 * @returns microseconds since 1970
 * @throws BackupError INVALID_INPUT, also where the zone is missing, for a recovery to another hour looks as if it had worked
 */
export function parseTime(text: string): number {
	const given = text.trim();
	const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] =
		TIME.exec(given) ?? [];
	if (year !== undefined) {
		const offset = /^z$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`;
		const date = `${year}-${month}-${day}`;
		const seconds = Date.parse(`${date}T${hour}:${minute}:${second}${offset}`) / 1000;
		// A day that no month has is taken for one of the next month.
		const midnight = Date.parse(`${date}T00:00:00Z`);
		if (Number.isFinite(seconds) && new Date(midnight).toISOString().startsWith(date))
			return seconds * MICROSECONDS + Number(fraction.padEnd(6, '0'));
	}
	const lacksZone = year === undefined && TIME.test(`${given}Z`) && !ZONE.test(given.slice(10));
	throw new BackupError('INVALID_INPUT', `"${given.slice(0, 60)}" is no time${lacksZone ? ' with a zone' : ''}.`, {
		hint: 'Give it with its zone, such as 2026-11-28T20:36:07Z or 2026-11-28 21:36:07.5+01:00.',
	});
}

/** As PostgreSQL reads it without a doubt: `2026-11-28 20:36:07.123456+00`. @param time microseconds since 1970 */
export function formatTime(time: number): string {
	const seconds = Math.floor(time / MICROSECONDS);
	const fraction = String(time - seconds * MICROSECONDS).padStart(6, '0');
	return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')}.${fraction}+00`;
}

/** For people, who may give it to parseTime again, to the microsecond where it has any: `2026-11-28T20:36:07Z`. @param time microseconds since 1970 */
export function readableTime(time: number): string {
	return `${formatTime(time)
		.replace(' ', 'T')
		.replace(/\.?0*\+00$/, '')}Z`;
}

/** @throws BackupError INVALID_INPUT */
export function parseTransaction(text: string): number {
	const number = /^\d{1,10}$/.test(text.trim()) ? Number(text) : Number.NaN;
	if (number >= FIRST_TRANSACTION && number <= LAST_TRANSACTION) return number;
	throw new BackupError('INVALID_INPUT', `"${text.trim().slice(0, 40)}" is no number of a transaction.`, {
		hint: 'Give the number as PostgreSQL writes it in its log (%x) or in xmin, from 3 to 4294967295. Of what txid_current() answers, take the remainder by 4294967296.',
	});
}

/** @throws BackupError INVALID_INPUT */
export function parseRestorePoint(text: string): string {
	const name = text.trim();
	if (name !== '' && Buffer.byteLength(name) <= LONGEST_NAME && !/[\0\n\r]/.test(name)) return name;
	throw new BackupError('INVALID_INPUT', `"${name.slice(0, 80)}" is no name of a restore point.`, {
		hint: `Give the name that it was made with, at most ${LONGEST_NAME} bytes.`,
	});
}

/** For messages: `the time 2026-11-28T20:36:07Z`. */
export function targetText(target: RecoveryTarget): string {
	switch (target.type) {
		case 'time':
			return `the time ${readableTime(target.time)}`;
		case 'lsn':
			return `the LSN ${formatLsn(target.lsn)}`;
		case 'transaction':
			return `the transaction ${target.transaction}`;
		case 'restorePoint':
			return `the restore point ${JSON.stringify(target.name)}`;
		case 'immediate':
			return 'the end of the base backup';
		case 'end':
			return 'the end of the log';
	}
}
