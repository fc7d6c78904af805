import type { ClientBase } from 'pg';

/** SQLSTATEs: character_not_in_repertoire, untranslatable_character. */
const NOT_CONVERTIBLE = new Set(['22021', '22P05']);

/** True for text that a server could not bring from the encoding of a database into that of the connection. */
export function isNotConvertible(error: unknown): boolean {
	return NOT_CONVERTIBLE.has((error as { code?: string }).code ?? '');
}

/** What stands in place of bytes that are no UTF-8. */
export const NOT_UTF8 = '\uFFFD';

async function inEncoding<T>(client: ClientBase, encoding: string, read: () => Promise<T>): Promise<T> {
	const { rows } = await client.query<{ before: string }>(
		"SELECT pg_catalog.current_setting('client_encoding') AS before",
	);
	const set = (name = '') => client.query("SELECT pg_catalog.set_config('client_encoding', $1, false)", [name]);
	await set(encoding);
	const result = await read();
	await set(rows[0]?.before);
	return result;
}

/**
 * Reads texts of the catalogs that all databases of a server share: names of roles, databases and tablespaces, comments on
 * them, settings. Nobody notes in which encoding they are; what was made in a database of UTF-8 is UTF-8 in every other one as
 * well, where the server takes it for text in that one's encoding, and converts it wrongly or fails. So it is asked for the
 * bytes as they are (client encoding SQL_ASCII: no conversion), and for converted ones only where they are not UTF-8.
 * @param client in no transaction; of no more use once this has thrown
 * @param read asks by way of the client; in what it sends there may be nothing but ASCII
 */
export async function readShared<T>(client: ClientBase, read: () => Promise<T>): Promise<T> {
	const stored = await inEncoding(client, 'SQL_ASCII', read);
	if (!JSON.stringify(stored).includes(NOT_UTF8)) return stored;
	return await read().catch((error: unknown) => {
		if (!isNotConvertible(error)) throw error;
		return stored;
	});
}
