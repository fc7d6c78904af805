/** What a backup needs of each kind of object, by the name that the server's messages give it. */
const RIGHTS: Array<[kind: string, grant: string]> = [
	['materialized view', 'SELECT ON TABLE'],
	['foreign table', 'SELECT ON TABLE'],
	['large object', 'SELECT ON LARGE OBJECT'],
	['sequence', 'SELECT ON SEQUENCE'],
	['schema', 'USAGE ON SCHEMA'],
	['table', 'SELECT ON TABLE'],
	['view', 'SELECT ON TABLE'],
];

const DENIED = new RegExp(`permission denied for (${RIGHTS.map(([kind]) => kind).join('|')}) (.+)`);

/** What pg_dump says where a sequence shows no value (since PostgreSQL 18, instead of the server's own error). */
const SEQUENCE = /failed to get data for sequence "(.+?)"; user may lack SELECT privilege/;

const FOR_ALL =
	'GRANT pg_read_all_data TO the user lets it read all schemas, tables and sequences (PostgreSQL 14 and later); or use the owner or a superuser, or exclude those schemas and tables.';

/** The predefined role that reads everything does not read these. */
const FOR_LARGE_OBJECTS =
	'GRANT pg_read_all_data does not cover large objects: use their owner or a superuser, or leave them out (Large Objects: Never).';

/** True for an error that more rights would have prevented, as far as its message tells. */
export function isDenied(message: string): boolean {
	return /permission denied|must be (?:owner|superuser)/i.test(message) || SEQUENCE.test(message);
}

/**
 * The right that a message of the server's or pg_dump's asks for, to be shown to whoever may grant it. `qualified` are
 * names with their schemas, as SQL spells them, among which the object may be found.
 */
export function grantHint(message: string, qualified: string[] = []): string {
	const [, kind, name = ''] = DENIED.exec(message) ?? [undefined, 'sequence', SEQUENCE.exec(message)?.[1]];
	const grant = RIGHTS.find(([of]) => of === kind)?.[1];
	if (!grant || !name) return `Grant the user the missing privilege. ${FOR_ALL}`;
	const found = qualified.filter((full) => full.endsWith(`.${name}`) || full.endsWith(`.${quoted(name)}`));
	const object = found.length === 1 ? found[0] : name;
	return `Run GRANT ${grant} ${object} TO the user. ${kind === 'large object' ? FOR_LARGE_OBJECTS : FOR_ALL}`;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
