import type { Manifest, PartialBackup } from '../../../archive';
import { listed } from '../../../errors';
import { dumpArguments, type DumpSelection } from '../../dump/arguments';
import { partialBackup } from '../../dump/partial';

/** What the manifest itself says, or in those of before the options of the backup. */
function partOf({ partial, options }: Pick<Manifest, 'partial' | 'options'>): PartialBackup | undefined {
	if (partial) return partial;
	const selection = options as DumpSelection;
	try {
		return partialBackup(selection.content, dumpArguments({ ...selection, lockTimeout: undefined }));
	} catch {
		return { content: 'all', selection: ['options that this version does not know'] };
	}
}

/** What a backup of ours lacks of its database, for messages; undefined where it is complete. */
export function lackingByManifest(manifest: Pick<Manifest, 'partial' | 'options'>): string | undefined {
	const { content = 'all', selection = [] } = partOf(manifest) ?? {};
	// Without its policies a table shows everybody all rows.
	const open = /--no-policies\b/.test(String(manifest.options.extraArguments)) ? ['--no-policies'] : [];
	const left = [...selection, ...open];
	const lacking = [
		...(content === 'schema' ? ['all rows (it was made with Schema Only)'] : []),
		...(content === 'data' ? ['all definitions (it was made with Data Only)'] : []),
		...(left.length > 0 ? [`what ${left.length > 1 ? 'these leave' : 'this leaves'} out: ${listed(left)}`] : []),
	];
	return lacking.length > 0 ? lacking.join('; ') : undefined;
}

/** What the statements of a dump say of its completeness. Keys of tables. */
export interface DumpContents {
	/** Tables that it creates and that have rows of their own. */
	made: ReadonlySet<string>;
	/** Tables whose rows it brings, even if there are none. */
	filled: ReadonlySet<string>;
	/** What partitions are parts of. */
	parents: ReadonlyMap<string, string>;
	/** True where rows come as INSERTs, so that a table without rows leaves no trace. */
	rowsAsInserts: boolean;
	/** All tables, views and sequences that it makes. */
	relations: ReadonlySet<string>;
	createdSchemas: ReadonlySet<string>;
	extensions: readonly string[];
}

/**
 * What a dump made by another tool lacks of its database, as far as that shows: pg_dump writes a COPY for every table, even an empty one, and
 * makes the schemas of its tables. Undefined where nothing seems to be missing.
 */
export function lackingByContent(contents: DumpContents): string | undefined {
	const { made, filled, parents, rowsAsInserts, relations, createdSchemas, extensions } = contents;
	if (made.size > 0 && filled.size === 0)
		return 'all rows (it was made with --schema-only, or all its tables were empty)';
	// --load-via-partition-root writes the rows of partitions as their root's.
	const isFilled = (table: string): boolean => {
		const seen = new Set<string>();
		for (let at: string | undefined = table; at !== undefined && !seen.has(at); at = parents.get(at)) {
			if (filled.has(at)) return true;
			seen.add(at);
		}
		return false;
	};
	const bare = rowsAsInserts ? [] : [...made].filter((table) => !isFilled(table));
	if (bare.length > 0) return `the rows of ${listed(bare.map((key) => key.replace('\0', '.')))}`;
	// Tables and schemas of extensions come with those.
	if (extensions.length > 0) return undefined;
	if (filled.size > 0 && relations.size === 0) return 'all definitions (it was made with --data-only)';
	const schemas = new Set([...relations].map((key) => key.split('\0')[0] ?? ''));
	const strange = [...schemas].filter((schema) => schema !== 'public' && !createdSchemas.has(schema));
	return strange.length > 0
		? `everything but some tables (it does not make the schemas ${listed(strange)})`
		: undefined;
}
