import type { INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';

/** Those of a list whose name holds what was typed into its search box. */
export function matching(entries: INodeListSearchItems[], typed: string): INodeListSearchResult {
	return { results: entries.filter(({ name }) => name.toLowerCase().includes(typed.toLowerCase())) };
}
