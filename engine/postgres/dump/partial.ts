import type { PartialBackup } from '../../archive';

import type { DumpSelection } from './arguments';

/**
 * pg_dump's options that leave out tables, rows or large objects. Others leave out things without rows (comments,
 * policies, a managed extension): a backup without these still holds all that was entered.
 */
const LEAVES_OUT = new Set([
	'--schema',
	'--exclude-schema',
	'--table',
	'--table-and-children',
	'--exclude-table',
	'--exclude-table-and-children',
	'--exclude-table-data',
	'--exclude-table-data-and-children',
	'--extension',
	'--no-large-objects',
	'--no-unlogged-table-data',
	'--enable-row-security',
]);

/** What the manifest says of a dump that is made with these arguments; undefined for one of the whole database. */
export function partialBackup(
	content: DumpSelection['content'] = 'all',
	dumpArguments: string[],
): PartialBackup | undefined {
	const selection = dumpArguments.filter((argument) => LEAVES_OUT.has(argument.split('=')[0] ?? ''));
	return content === 'all' && selection.length === 0 ? undefined : { content, selection };
}
