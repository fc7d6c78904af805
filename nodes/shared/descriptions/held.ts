import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

import { shownFor } from '../operation';

import { limitFields } from './limit';
import { optionsField } from './options';
import { patternFields } from './patterns';
import { simplifyField } from './simplify';
import {
	backupField,
	type BackupExamples,
	fileField,
	folderOption,
	manifestField,
	requireEncryptionOption,
	sourceFields,
} from './source';

/** Files of others that a node reads beside its own backups: from the storage by a source of its own, and as binary data. */
export interface ForeignFiles {
	/** What comes as binary data, in the place of archives alone. */
	binary: string;
	/** What is done with binary data that has no manifest, as a sentence. */
	withoutManifest: string;
	/** The choice in Source. */
	source: INodePropertyOptions & { value: string };
	/** The field that names the file. */
	field: { name: string; description: string; placeholder: string };
}

/** Which backup of a set of entries is read: to restore it, or to list what it holds. */
export function heldFields(operations: string[], examples: BackupExamples, foreign?: ForeignFiles): INodeProperties[] {
	const nouns = {
		storage: 'A backup in a folder or an S3 bucket',
		binary: foreign?.binary ?? 'An archive of Back Up that another node put out, such as a download',
	};
	return [
		...sourceFields(operations, nouns, foreign && [foreign.source]),
		backupField(operations, examples),
		manifestField(operations, foreign?.withoutManifest ?? 'Without it the archive cannot be read.'),
		...(foreign ? [foreignField(operations, foreign)] : []),
	];
}

function foreignField(operations: string[], { source, field }: ForeignFiles): INodeProperties {
	const shown = shownFor(operations, { source: [source.value] });
	return fileField(field.name, field.description, field.placeholder, shown);
}

/** Entries of Options: where such a backup lies, and whether it may be read. */
export function heldOptions(ownFolder: string): INodeProperties[] {
	return [
		{ ...folderOption(ownFolder), displayOptions: { show: { '/source': ['storage'] } } },
		requireEncryptionOption,
	];
}

/** What a field calls a prefix, and where its list comes from. */
export type PrefixField = Pick<INodeProperties, 'displayName' | 'name' | 'description' | 'displayOptions'> & {
	required?: boolean;
	searchListMethod: string;
	placeholder: string;
	hint?: string;
};

/** What names begin with: chosen from a list of folders, or typed. Before there was the list, it was stored as a text, and may be still. */
export function prefixField({ searchListMethod, placeholder, hint, ...field }: PrefixField): INodeProperties {
	return {
		...field,
		type: 'resourceLocator',
		default: { mode: 'list', value: '' },
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a prefix...',
				typeOptions: { searchListMethod, searchable: true },
			},
			{ displayName: 'By Prefix', name: 'prefix', type: 'string', placeholder, ...(hint && { hint }) },
		],
	};
}

/** How a node says which entries are meant. */
export interface SelectionWords {
	/** `All paths that begin alike, such as those in a folder`. */
	alike: string;
	/** What a prefix is the beginning of, as a sentence. */
	prefix: string;
	prefixPlaceholder: string;
	/** One entry: what it is called as a choice, and as the field that names it. */
	entry: {
		choice: string;
		field: string;
		description?: string;
		/** How it is typed: `path`, `key`. */
		typed: { name: string; placeholder: string; hint?: string };
	};
}

/** What of a backup is restored. */
export function selectionFields(operation: string, words: SelectionWords): INodeProperties[] {
	const { alike, prefix, prefixPlaceholder, entry } = words;
	return [
		{
			displayName: 'Restore',
			name: 'what',
			type: 'options',
			noDataExpression: true,
			options: [
				{ name: 'By Pattern', value: 'patterns', description: 'What fits patterns, and does not fit others' },
				{ name: 'By Prefix', value: 'prefix', description: alike },
				{ name: 'Everything', value: 'all', description: 'All that the backup holds' },
				{
					name: entry.choice,
					value: 'entry',
					description: `From the list of what the backup holds, or by ${entry.typed.name}`,
				},
			],
			default: 'all',
			displayOptions: shownFor([operation]),
		},
		prefixField({
			displayName: 'Prefix',
			name: 'prefix',
			required: true,
			description: prefix,
			searchListMethod: 'searchPrefixes',
			placeholder: prefixPlaceholder,
			displayOptions: shownFor([operation], { what: ['prefix'] }),
		}),
		...patternFields(shownFor([operation], { what: ['patterns'] })),
		{
			displayName: entry.field,
			name: 'entry',
			type: 'resourceLocator',
			required: true,
			default: { mode: 'list', value: '' },
			...(entry.description && { description: entry.description }),
			displayOptions: shownFor([operation], { what: ['entry'] }),
			modes: [
				{
					displayName: 'From List',
					name: 'list',
					type: 'list',
					placeholder: `Select ${entry.field.toLowerCase()}...`,
					typeOptions: { searchListMethod: 'searchEntries', searchable: true },
				},
				{ displayName: `By ${titleCase(entry.typed.name)}`, type: 'string', ...entry.typed },
			],
		},
	];
}

function titleCase(word: string): string {
	return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The fields of an operation that lists what a backup holds. */
export function listEntriesFields(
	operation: string,
	{
		examples,
		foreign,
		prefix,
		ownFolder,
		more = [],
	}: {
		examples: BackupExamples;
		foreign?: ForeignFiles;
		prefix: Omit<PrefixField, 'searchListMethod' | 'displayOptions'>;
		ownFolder: string;
		/** What else says which entries are meant. */
		more?: INodeProperties[];
	},
): INodeProperties[] {
	const displayOptions = shownFor([operation]);
	return [
		...heldFields([operation], examples, foreign),
		prefixField({ ...prefix, searchListMethod: 'searchPrefixes', displayOptions }),
		...patternFields(displayOptions),
		...more,
		...limitFields(operation),
		simplifyField(displayOptions),
		optionsField(operation, heldOptions(ownFolder)),
	];
}
