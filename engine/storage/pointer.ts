import { BackupError } from '../errors';
import { folderOf, nameOf } from './keys';

/** Far more than a name and a time take up; a longer one is not read to its end, and so is none. */
export const MAX_POINTER_BYTES = 16 * 1024;

/** The text of a pointer that is a small JSON object: `{"file": "shop_20260131_020000.sql.zst", "updatedAt": "..."}`. */
export function formatPointer(targetKey: string, updatedAt: Date): string {
	return `${JSON.stringify({ file: nameOf(targetKey), updatedAt: updatedAt.toISOString() })}\n`;
}

/**
 * The key that a pointer's text names.
 * @throws BackupError STORAGE_FAILED where the text is not a pointer
 */
export function parsePointer(pointerKey: string, text: string): string {
	return targetBeside(pointerKey, fileIn(text));
}

/**
 * The key of the file that a pointer names, which must stand beside the pointer.
 * @throws BackupError STORAGE_FAILED where the file is not a plain name
 */
export function targetBeside(pointerKey: string, file: unknown): string {
	if (typeof file !== 'string' || file === '' || file === '.' || file === '..' || /[/\\\0]/.test(file)) {
		throw new BackupError('STORAGE_FAILED', `The pointer ${pointerKey} does not name a backup beside it.`, {
			hint: 'Something other than this tool changed it. Delete it; the next backup writes it anew.',
		});
	}
	return folderOf(pointerKey) + file;
}

function fileIn(text: string): unknown {
	try {
		return (JSON.parse(text) as { file?: unknown } | null)?.file;
	} catch {
		return undefined;
	}
}
