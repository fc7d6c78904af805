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
