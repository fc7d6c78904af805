import { BackupError } from '../../errors';

/** The error for packed data that ends in the middle. @param name what the data is: `its gzip data` */
export function endsEarly(name: string): BackupError {
	return new BackupError('ARCHIVE_INCOMPLETE', `The archive ends in ${name}.`, {
		hint: 'The file was cut off. Fetch it again, or choose another one.',
	});
}

/** The error for packed data whose bytes make no sense. @param what is wrong: `its gzip data has bytes after its end` */
export function damaged(what: string, cause?: unknown): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The archive is damaged: ${what}.`, {
		...(cause === undefined ? {} : { cause }),
		hint: 'Fetch the file again, or choose another one.',
	});
}
