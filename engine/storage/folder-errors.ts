import { BackupError, messageOf, type ErrorCode } from '../errors';

/** The `code` of a system error (`ENOENT`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
	const code = (error as { code?: unknown } | null)?.code;
	return error instanceof Error && typeof code === 'string' ? code : undefined;
}

interface Explanation {
	code: ErrorCode;
	message: (what: string) => string;
	hint: string;
}

const FULL: Explanation = {
	code: 'STORAGE_FULL',
	message: (what) => `The disk is full: ${what} could not be written.`,
	hint: 'Free some space, prune old backups, or choose a folder on a larger disk.',
};
const DENIED: Explanation = {
	code: 'STORAGE_DENIED',
	message: (what) => `The system does not allow access to ${what}.`,
	hint: 'Give the user that n8n runs as the right to read and write this folder (in a container usually uid 1000).',
};

const TOO_MANY: Explanation = {
	code: 'STORAGE_FAILED',
	message: (what) => `Too many files are open to open ${what}.`,
	hint: 'Raise the limit of open files of the n8n process, or of the system.',
};
const GONE: Explanation = {
	code: 'STORAGE_UNREACHABLE',
	message: (what) => `The disk or network share that ${what} lies on is gone.`,
	hint: 'Check that its server or the disk runs and is connected, and mount it again; then run it again.',
};

const EXPLANATIONS: Record<string, Explanation> = {
	ESTALE: GONE,
	ENOTCONN: GONE,
	ENODEV: GONE,
	ENXIO: GONE,
	EHOSTDOWN: GONE,
	EHOSTUNREACH: GONE,
	ECONNRESET: GONE,
	ETIMEDOUT: {
		...GONE,
		message: (what) => `The network share that ${what} lies on does not answer.`,
		hint: 'Check its server and the network between; then run it again.',
	},
	EIO: {
		code: 'STORAGE_FAILED',
		message: (what) => `The disk or network share failed to read or write ${what} (EIO).`,
		hint: 'A disk that does so may be dying: look at the system log (dmesg) and check it before anything else is written. A network share may have lost its server.',
	},
	EBUSY: {
		code: 'STORAGE_FAILED',
		message: (what) => `Something else is using ${what}.`,
		hint: 'A virus scanner, an indexer or a sync program may hold it; keep it away from the storage folder.',
	},
	ENOSPC: FULL,
	EDQUOT: { ...FULL, message: (what) => `The disk quota is used up: ${what} could not be written.` },
	EFBIG: { ...FULL, message: (what) => `The file system does not take a file as large as ${what}.` },
	EACCES: DENIED,
	EPERM: DENIED,
	EROFS: {
		code: 'STORAGE_DENIED',
		message: (what) => `${what} is on a file system that is mounted read-only.`,
		hint: 'Mount it writable, or choose another folder.',
	},
	ENOENT: {
		code: 'STORAGE_MISSING',
		message: (what) => `${what} does not exist.`,
		hint: 'It may have been pruned or moved. List the backups to see what there is.',
	},
	EEXIST: {
		code: 'STORAGE_EXISTS',
		message: (what) => `${what} exists already, or is being written at this moment; nothing was overwritten.`,
		hint: 'Choose another name, or wait for the other run to end.',
	},
	ENAMETOOLONG: {
		code: 'INVALID_INPUT',
		message: (what) => `The name of ${what} is too long for this file system.`,
		hint: 'Choose a shorter name.',
	},
	ENOTDIR: {
		code: 'STORAGE_FAILED',
		message: (what) => `A file stands where a folder is needed for ${what}.`,
		hint: 'Rename that file, or choose another folder.',
	},
	EISDIR: {
		code: 'STORAGE_FAILED',
		message: (what) => `A folder stands where ${what} has to be.`,
		hint: 'Rename that folder, or choose another name.',
	},
	ELOOP: {
		code: 'STORAGE_DENIED',
		message: (what) => `The symbolic links on the way to ${what} lead in a circle.`,
		hint: 'Replace them by folders.',
	},
	EMFILE: TOO_MANY,
	ENFILE: TOO_MANY,
};

/**
 * Turns what the file system threw into a BackupError; a BackupError passes through.
 * @param what the file or folder, for the message: `postgres/shop.sql.zst in folder backups`
 */
export function folderError(error: unknown, what: string, details?: Record<string, unknown>): BackupError {
	if (error instanceof BackupError) return error;
	const explanation = EXPLANATIONS[systemCode(error) ?? ''];
	if (!explanation) {
		return new BackupError(
			'STORAGE_FAILED',
			`The file system failed on ${what}: ${systemCode(error) ?? messageOf(error)}.`,
			{
				cause: error,
				hint: 'Check the disk and its file system; the system log may say more.',
				details,
			},
		);
	}
	return new BackupError(explanation.code, explanation.message(what), {
		cause: error,
		hint: explanation.hint,
		details,
	});
}
