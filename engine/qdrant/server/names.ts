import { BackupError } from '../../errors';

/** A collection gets a folder of its name, and most file systems allow no longer one. */
const MAX_BYTES = 255;
/** What Qdrant refuses (1.16.3: status 422), and the other control characters, which no message could show. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[<>:"/\\|?*\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;

/**
 * The name of a collection or an alias as it came in, checked before anything is sent. A number or an array has to be
 * refused, not made a string of: it would pass every comparison with the names that the server tells as a name that is
 * free, and arrive there as one that is not. `.` and `..` are worse: they end a path in the folder of all collections, and
 * a server that restores into them deletes that folder (1.16.3).
 * @param what Begins the message: `The name of the collection to restore into`.
 * @throws BackupError INVALID_INPUT
 */
export function collectionName(value: unknown, what = "A collection's name"): string {
	const name = text(value, what);
	const problem = problemOf(name);
	if (problem === undefined) return name;
	throw new BackupError('INVALID_INPUT', `${what} ${problem}; nothing was sent.`, {
		hint: 'Qdrant takes names of up to 255 bytes without < > : " / \\ | ? * and control characters.',
	});
}

/**
 * A string as it came in.
 * @throws BackupError INVALID_INPUT, which tells what came instead
 */
export function text(value: unknown, what: string): string {
	if (typeof value === 'string') return value;
	throw new BackupError('INVALID_INPUT', `${what} is ${kindOf(value)}, not a text; nothing was sent.`, {
		hint: 'Give it as a text. In an expression, {{ String(...) }} makes one of a number.',
	});
}

function kindOf(value: unknown): string {
	if (value === undefined || value === null) return 'missing';
	if (Array.isArray(value)) return 'an array';
	if (typeof value === 'object') return 'an object';
	return typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`;
}

function problemOf(name: string): string | undefined {
	if (name === '') return 'is empty';
	if (name === '.' || name === '..') return `is ${name}, which stands for a folder`;
	const [found] = FORBIDDEN.exec(name) ?? [];
	if (found !== undefined) return `(${JSON.stringify(name.slice(0, MAX_BYTES))}) holds ${JSON.stringify(found)}`;
	const bytes = Buffer.byteLength(name);
	return bytes > MAX_BYTES ? `has ${bytes} bytes, more than ${MAX_BYTES}` : undefined;
}
