import type { DatabaseProperties } from '../dump/databaseProperties';
import type { SourceFacts } from '../restore';

/** Settings that have nothing to do with the content of a database and could keep a test from reading it. */
const LEFT_OUT = new Set([
	'default_transaction_read_only',
	'local_preload_libraries',
	'restrict_nonsystem_relation_kind',
	'role',
	'session_authorization',
	'session_preload_libraries',
	'statement_timeout',
	'transaction_read_only',
	'transaction_timeout',
]);

/** Adapts the facts of a source to a database that only the test uses: its privileges and its tablespace do not matter. */
export function forScratch(facts: SourceFacts): SourceFacts {
	return { ...facts, ...(facts.properties && { properties: scratchProperties(facts.properties) }) };
}

function scratchProperties(all: DatabaseProperties): DatabaseProperties {
	const { comment, privileges, tablespace, ...properties } = all;
	void comment;
	void privileges;
	void tablespace;
	const settings = properties.settings.filter(
		({ role, name }) => role === undefined && !LEFT_OUT.has(name.toLowerCase()),
	);
	return { ...properties, connectionLimit: -1, settings };
}
