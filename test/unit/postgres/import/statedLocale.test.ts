import { expect, it } from 'vitest';

import { statedLocale } from '../../../../engine/postgres/import/statedLocale';

const LIBC = { encoding: 'UTF8', collate: 'de_DE.utf8', ctype: 'de_DE.utf8', localeProvider: 'libc' };

it.each<[string, string, object | undefined]>([
	['up to 12', "LC_COLLATE = 'de_DE.utf8' LC_CTYPE = 'de_DE.utf8'", LIBC],
	['from 13 on', "LOCALE = 'de_DE.utf8'", LIBC],
	['from 15 on', "LOCALE_PROVIDER = libc LOCALE = 'de_DE.utf8'", LIBC],
	[
		'with ICU',
		"LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de-DE' ICU_RULES = '&a < ''b'''",
		{ encoding: 'UTF8', collate: 'C', ctype: 'C', localeProvider: 'icu', locale: 'de-DE', icuRules: "&a < 'b'" },
	],
	[
		'with the builtin provider',
		"LOCALE_PROVIDER = builtin LOCALE = 'C' BUILTIN_LOCALE = 'C.UTF-8'",
		{ encoding: 'UTF8', collate: 'C', ctype: 'C', localeProvider: 'builtin', locale: 'C.UTF-8' },
	],
	['with a provider of the future', "LOCALE_PROVIDER = other LOCALE = 'C'", undefined],
	['without a locale', '', undefined],
])('the locale of a CREATE DATABASE %s is read', (_, clauses, expected) => {
	const statement = `CREATE DATABASE "a = 'b'" WITH TEMPLATE = template0 ENCODING = 'UTF8' ${clauses}`;
	expect(statedLocale(statement)).toEqual(expected);
});

it('an encoding that is no word is not taken', () => {
	expect(statedLocale("CREATE DATABASE a ENCODING = 'UTF8'' x' LOCALE = 'C'")).toBeUndefined();
});
