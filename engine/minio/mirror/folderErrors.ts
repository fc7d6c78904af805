/** What goes wrong with a folder that is mirrored, as an error that says what to do. */
import { BackupError } from '../../errors';
import { shownName } from '../../tree';
import { isErrno } from '../../tree/folder';
import { KeyNotTaken } from '../client';

/** @param name of the file that it is about; empty for the folder */
export function folderError(
	error: unknown,
	{ root, role }: { root: string; role: 'source' | 'target' },
	name: string,
): unknown {
	if (!isErrno(error)) return error;
	const what = name === '' ? root : `${shownName(name)} in ${root}`;
	const { code = '' } = error;
	if (code === 'ENOENT') {
		return new BackupError('INVALID_INPUT', `${what} does not exist.`, {
			cause: error,
			hint: 'Check the path. In a container, the folder must be mounted into it.',
		});
	}
	if (code === 'EACCES' || code === 'EPERM') {
		return new BackupError('ACCESS_DENIED', `The system does not allow the use of ${what}.`, {
			cause: error,
			hint: 'Give the user that n8n runs as the right to it (in a container usually uid 1000), or exclude it.',
		});
	}
	return new BackupError(role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED', `${what} cannot be used: ${code}.`, {
		cause: error,
		hint: 'Check the disk or the network share that it lies on; the system log may say more.',
	});
}

/** Something stands where a new file has to be, and the folder did not list it under this name. */
export function placeTaken(name: string, cause?: BackupError): BackupError {
	return new BackupError(
		'TARGET_EXISTS',
		`Something stands where ${shownName(name)} has to be, and was not overwritten.`,
		{
			cause,
			hint: 'It is a link or a folder, it came to be while the mirror ran, or the file system takes two names for one (a and A, two forms of an accent): then give one of them another name at the source, or remove what stands there if the source has it no more.',
		},
	);
}

/** A folder stands where a new file has to be: the bucket has an object beside those below it, or had those before. */
export function folderStands(name: string, cause: BackupError): KeyNotTaken {
	return new KeyNotTaken(`A folder stands where the file ${shownName(name)} has to be.`, {
		cause,
		hint: 'A folder cannot hold a beside a/b. Give one of them another key at the source, or remove the folder if the source has nothing of it any more.',
	});
}

/** The file system of the folder has no such names. */
export function nameNotTaken({ message, hint = '', cause }: BackupError): KeyNotTaken {
	return new KeyNotTaken(message, { hint, cause });
}
