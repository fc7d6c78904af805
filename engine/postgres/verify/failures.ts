import { BackupError } from '../../errors';
import type { Finding } from '../../verify/types';

/**
 * SQLSTATE classes that mean that the server cannot, not that the statement is wrong: a feature that it was built without, memory
 * and disk, limits, an administrator, its files, its own faults, other servers.
 */
const OF_THE_SERVER = new Set(['0A', '53', '54', '55', '57', '58', 'F0', 'HV', 'XX', '08', '28', '3D']);

/**
 * Single codes with the same meaning: rights that the user lacks; an object that a server may lack by name (a locale, a language,
 * a role, an access method); characters that another encoding cannot hold; values that a setting of this server does not take.
 */
const OF_THE_TARGET = new Set(['42501', '42704', '22P05', '22021', '22023']);

/** A function is missing. Where the dump makes extensions, the server may have other versions of them. */
const UNKNOWN_FUNCTION = '42883';

const SYNTAX = '42601';

/** Begins the message where not even an empty database could be created. */
const NO_DATABASE = 'Could not create the database';

/** What is known of the target of a test restore. */
export interface TargetKind {
	/** Whether it is of an older version than the source, so that it may not know what the dump asks for. */
	isOlder: boolean;
	/** Whether the dump creates extensions. */
	hasExtensions: boolean;
}

/**
 * What the failure of a test restore means for the backup. The backup is bad only where the dump itself is refused, so that it
 * would be refused everywhere. A failure that may be due to the target is inconclusive. Undefined for an error that is neither.
 */
export function findingOfFailure(error: unknown, target: TargetKind): Omit<Finding, 'level'> | undefined {
	if (!(error instanceof BackupError)) return undefined;
	const { code, message, hint } = error;
	if (code !== 'TARGET_FAILED' && code !== 'ACCESS_DENIED' && code !== 'INVALID_INPUT') return undefined;
	const cause = (error.cause ?? {}) as { code?: string; severity?: string };
	const refused = cause.severity === 'ERROR' && !mayBeTheTarget(cause.code ?? '', target);
	const lacksRows = error.details?.['shortTables'] !== undefined;
	// A locale or an encoding that the server lacks is reported with many codes.
	const isBad = code === 'TARGET_FAILED' && (lacksRows || (refused && !message.startsWith(NO_DATABASE)));
	// Another backup of the same source would not be any better.
	const ofSource = error.details?.['ofSource'] === true ? hint : undefined;
	return {
		severity: isBad ? 'error' : 'inconclusive',
		message,
		code,
		hint: isBad
			? (ofSource ??
				'This backup cannot be restored as it is. Make a new one and verify it; if that fails too, look at what the message names.')
			: (hint ?? 'Give another scratch server, one like the source.'),
	};
}

function mayBeTheTarget(sqlState: string, { isOlder, hasExtensions }: TargetKind): boolean {
	if (OF_THE_SERVER.has(sqlState.slice(0, 2)) || OF_THE_TARGET.has(sqlState)) return true;
	if (sqlState === UNKNOWN_FUNCTION && hasExtensions) return true;
	return isOlder && sqlState.startsWith('42') && (sqlState === SYNTAX || sqlState === UNKNOWN_FUNCTION);
}
