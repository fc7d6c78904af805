import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';

import { readIndex, Selection, type TreeEntry } from '../../../engine';
import type { WantedBackup } from '../archiveSource';
import { limitOf } from '../descriptions/limit';
import { collectionOf, locatedText } from '../fields';
import { folderOf } from '../folder';
import { showWarnings } from '../hints';
import type { Operation } from '../operation';
import { patternChoices } from '../patterns';
import { isSimplified } from '../simplify';
import { withHeldBackup } from './heldBackup';

/** What a node lists of its backups, and how. */
export interface ListedEntries {
	description: Operation['description'];
	wanted: Omit<WantedBackup, 'folder'> & { ownFolder: string };
	/** The field with what names begin with, and how what it holds is read. */
	prefix: { name: string; label: string; nameOf: (typed: string) => string };
	describe: Described;
	/** Where it depends on other fields what is listed, and how. */
	ofRun?: (context: IExecuteFunctions, item: number) => ListedOfRun;
	/** Files of others, which have no index and are read from their beginning. */
	foreign?: ForeignEntries;
}

export interface ForeignEntries {
	/** Whether the Source fields name one. */
	isNamed: (context: IExecuteFunctions, item: number) => boolean;
	/** Calls back with each entry, until that answers false. */
	list: (
		context: IExecuteFunctions,
		item: number,
		visit: (entry: TreeEntry) => boolean,
	) => Promise<{ warnings: string[] }>;
}

type Described = (entry: TreeEntry, isSimple: boolean) => IDataObject;

export interface ListedOfRun {
	/** By what name an entry is selected; undefined for one that is not listed. */
	selectedBy: (name: string) => string | undefined;
	describe: Described;
}

/** The operation that lists what a backup holds, in the order of names: one item for each entry. Its content is not read. */
export function listEntriesOperation(listed: ListedEntries): Operation {
	const { description, wanted, prefix, foreign } = listed;
	return {
		description,
		async execute(context, item) {
			const isSimple = isSimplified(context, item);
			const beginning = prefix.nameOf(locatedText(context, prefix.name, item, prefix.label));
			const selection = new Selection({ prefix: beginning, ...patternChoices(context, item) });
			const limit = limitOf(context, item);
			const { selectedBy = (name: string) => name, describe = listed.describe } = listed.ofRun?.(context, item) ?? {};
			const items: INodeExecutionData[] = [];
			/** Whether there is room for more. */
			const take = (entry: TreeEntry): boolean => {
				const name = selectedBy(entry.name);
				if (name !== undefined && selection.takes(name)) items.push({ json: describe(entry, isSimple) });
				return items.length < limit;
			};
			/** What a list that is short or empty is to be told with. */
			const ofChoice = (): string[] => {
				if (items.length > 0) return items.length < limit ? selection.warnings : [];
				return [selection.isWhole ? 'The backup is empty.' : 'The backup holds nothing of what was chosen.'];
			};
			if (foreign?.isNamed(context, item)) {
				const { warnings } = await foreign.list(context, item, take);
				showWarnings(context, [...warnings, ...ofChoice()]);
				return items;
			}
			const { ownFolder, ...others } = wanted;
			const folder = folderOf(collectionOf(context, 'options', item, 'Options'), ownFolder);
			return await withHeldBackup(context, item, { ...others, folder }, async ({ reader, place: { remark } }) => {
				for await (const entry of readIndex(reader, context.getExecutionCancelSignal())) {
					if (!take(entry)) break;
				}
				showWarnings(context, [...(remark === undefined ? [] : [remark]), ...ofChoice()]);
				return items;
			});
		},
	};
}
