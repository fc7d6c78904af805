import type { ManifestSummary } from '../../engine';

const SOME_TABLES = /^--(?:exclude-)?(?:schema|table|extension)(?:-and-children)?=/;

/** What a backup lacks, in a few words: `schema only`, `some tables`. None for a whole one. */
export function partialWords({ partial }: ManifestSummary): string[] {
	if (!partial) return [];
	const { content, selection } = partial;
	const tables = selection.some((argument) => SOME_TABLES.test(argument));
	return [
		...(content === 'schema' ? ['schema only'] : content === 'data' ? ['data only'] : []),
		...(tables ? ['some tables'] : selection.length > 0 ? ['without some data'] : []),
	];
}

/** Whether a backup goes on from earlier ones. The other archives that a backup of an instance needs are its parts. */
export function isIncremental({ kind, needs = [] }: ManifestSummary): boolean {
	return needs.length > 0 && kind !== 'n8n-instance';
}
