import type { DatabaseLocale } from '../dump/databaseProperties';

const OPTION = /([A-Z_]+)\s*=\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([\w.-]+))/gi;

const PROVIDERS = ['libc', 'icu', 'builtin'] as const;

/**
 * Encoding and locale of a `CREATE DATABASE` as pg_dump writes it (dumpDatabase in src/bin/pg_dump/pg_dump.c); undefined
 * where it does not state all of them.
 */
export function statedLocale(statement: string): DatabaseLocale | undefined {
	const options = new Map<string, string>();
	for (const [, name = '', text, quoted, bare] of statement.matchAll(OPTION)) {
		options.set(name.toUpperCase(), text?.replaceAll("''", "'") ?? quoted?.replaceAll('""', '"') ?? bare ?? '');
	}
	const encoding = options.get('ENCODING');
	const collate = options.get('LC_COLLATE') ?? options.get('LOCALE');
	const ctype = options.get('LC_CTYPE') ?? options.get('LOCALE');
	const provider = options.get('LOCALE_PROVIDER')?.toLowerCase() ?? 'libc';
	const localeProvider = PROVIDERS.find((known) => known === provider);
	if (!encoding || !/^[A-Za-z0-9_]+$/.test(encoding) || !collate || !ctype || !localeProvider) return undefined;
	const locale = options.get(localeProvider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE') ?? options.get('LOCALE');
	const icuRules = options.get('ICU_RULES');
	return {
		encoding,
		collate,
		ctype,
		localeProvider,
		...(localeProvider !== 'libc' && locale !== undefined && { locale }),
		...(icuRules !== undefined && { icuRules }),
	};
}
