import type { DatabaseProperties } from '../dump/databaseProperties';
import type { SourceFacts } from '../restore';

/** Settings that have nothing to do with what is in a database, and could keep a test from looking at it. */
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

/** A source's facts for a database that nobody but the test uses: who may log in to it and where it lies does not matter. */
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
