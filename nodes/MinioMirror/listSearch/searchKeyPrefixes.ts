import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';

import { BackupError, type FoundPrefix, listPrefixes, shownName } from '../../../engine';
import { toListError } from '../../shared/errors';
import type { Fields } from '../../shared/fields';
import { splitList } from '../../shared/lists';
import { s3Connection } from '../../shared/s3Connection';

const MOST_NAMED = 3;

/**
 * What keys in the chosen buckets begin with, level by level: those that begin with what is typed, up to the next slash. The server
 * lists only these.
 */
export async function searchKeyPrefixes(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
	try {
		const options = (this.getCurrentNodeParameter('options') ?? {}) as Fields;
		const connection = await s3Connection(this, 0, options, true);
		const found = await listPrefixes({ connection, ...chosenInEditor(this), beginning: filter });
		const isOfSeveral = new Set(found.flatMap(({ buckets }) => buckets)).size > 1;
		return { results: found.map((one) => ({ name: labelOf(one, isOfSeveral), value: one.prefix })) };
	} catch (error) {
		throw toListError(this.getNode(), error);
	}
}

/** With the buckets that have it, where there are several: `documents/ · invoices, offers` */
function labelOf({ prefix, buckets }: FoundPrefix, isOfSeveral: boolean): string {
	if (!isOfSeveral) return shownName(prefix);
	const rest = buckets.length - MOST_NAMED;
	const named = [...buckets.slice(0, MOST_NAMED), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
	return `${shownName(prefix)} · ${named}`;
}

function chosenInEditor(context: ILoadOptionsFunctions): { buckets?: string[]; excludeBuckets?: string[] } {
	if (context.getCurrentNodeParameter('bucketMode') !== 'chosen') {
		const excluded = context.getCurrentNodeParameter('excludeBuckets');
		return { excludeBuckets: isExpression(excluded) ? [] : splitList(excluded, 'Exclude Buckets') };
	}
	const chosen = context.getCurrentNodeParameter('buckets');
	const buckets = isExpression(chosen) ? [] : splitList(chosen, 'Selected Buckets');
	if (buckets.length > 0) return { buckets };
	throw new BackupError('INVALID_INPUT', 'No bucket is chosen yet, or an expression chooses it.', {
		hint: 'Choose one in Selected Buckets, or type the prefix By Prefix.',
	});
}

function isExpression(value: unknown): boolean {
	return typeof value === 'string' && value.startsWith('=');
}
