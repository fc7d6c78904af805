/** Why a folder cannot be restored into. */
import { BackupError } from '../../errors';
import { shownName } from '../name';
import { isErrno } from './walk';

/** Something that is no folder stands where one has to be. */
export function notADirectory(name: string): BackupError {
	return new BackupError('TARGET_EXISTS', `A link or a file stands where the folder ${shownName(name)} has to be.`, {
		hint: 'Nothing is written through links. Move it away, or restore into an empty place.',
	});
}

/** What is found under a name has another one. */
export function namesFallTogether(name: string): BackupError {
	const message = `Another name stands where ${shownName(name)} has to be, and the file system there takes the two for one (upper and lower case, or two forms of an accent). Nothing was overwritten.`;
	return new BackupError('TARGET_EXISTS', message, {
		hint: 'Restore into a folder on a file system that tells them apart, leave one of the two out by a pattern, or choose to skip what is there. If the backup has but one of them, rename what is there.',
	});
}

/** @param bytes what is to be written; `free` what there is room for */
export function noRoom(root: string, bytes: number, free: number): BackupError {
	const inMegabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
	return new BackupError(
		'TARGET_FAILED',
		`What is restored has ${inMegabytes(bytes)}, and ${root} has room for ${inMegabytes(free)}; nothing was written.`,
		{ hint: 'Free some space, restore a part, or choose a folder on a larger disk.' },
	);
}

/** What file systems say of names that they cannot have. */
const OF_NAMES = new Set(['ENAMETOOLONG', 'EINVAL', 'EILSEQ']);

/** What the file system answered, as an error of the target; everything else stays as it is. */
export function targetError(error: unknown, what: string): unknown {
	if (error instanceof BackupError || !isErrno(error)) return error;
	const { code = '' } = error;
	if (code === 'ENOSPC' || code === 'EDQUOT') {
		return new BackupError('TARGET_FAILED', `The disk is full: ${what} could not be written.`, {
			cause: error,
			hint: 'Free some space and run the restore again; it goes on where it was.',
		});
	}
	if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
		return new BackupError('ACCESS_DENIED', `The system does not allow writing ${what} (${code}).`, {
			cause: error,
			hint: 'Give the user that n8n runs as the right to write there (in a container usually uid 1000).',
		});
	}
	if (code === 'EEXIST') {
		return new BackupError('TARGET_EXISTS', `${what} came to be while the restore ran; it was not overwritten.`, {
			cause: error,
			hint: 'Something else writes into this folder. Stop that, then run the restore again.',
		});
	}
	if (OF_NAMES.has(code)) {
		return new BackupError('INVALID_INPUT', `The file system there can have nothing of the name ${what} (${code}).`, {
			cause: error,
			hint: 'It is too long for it, or has characters that it does not allow, such as : and ? on those of Windows. Choose a folder on another one, or leave it out by a pattern.',
		});
	}
	if (code === 'ENOTDIR') {
		return new BackupError('TARGET_EXISTS', `A link or a file stands where a folder above ${what} has to be.`, {
			cause: error,
			hint: 'Nothing is written through links. Move it away, or restore into an empty place.',
		});
	}
	return new BackupError('TARGET_FAILED', `Writing ${what} failed: ${code}.`, {
		cause: error,
		hint: 'Check the disk or the network share that it lies on, then run the restore again; it goes on where it was.',
	});
}
