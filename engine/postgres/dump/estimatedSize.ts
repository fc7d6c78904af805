import type { Client } from 'pg';

import type { CodecOptions } from '../../archive';

/**
 * Text is larger than the files of a database where these hold compressed or binary values (bytea doubles); what compresses
 * the text makes up for that, but for the two digits that gzip takes for a byte.
 */
const AT_MOST = { none: 3, compressed: 1.25 };

/**
 * Bytes that the archive of the whole connected database may come to, rather too many than too few: its files hold indexes
 * and room to be used again as well. Undefined where the server does not tell.
 * @param client outside of a transaction, which a refusal would end
 */
export async function estimatedSize(client: Client, codec: CodecOptions): Promise<number | undefined> {
	try {
		const { rows } = await client.query<{ bytes: string }>(
			'SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes',
		);
		const bytes = Number(rows[0]?.bytes);
		return bytes > 0 ? bytes * (codec.name === 'none' ? AT_MOST.none : AT_MOST.compressed) : undefined;
	} catch {
		return undefined;
	}
}
