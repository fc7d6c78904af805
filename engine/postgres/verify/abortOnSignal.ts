import type { Client } from 'pg';

import { cancelled } from '../../errors';

/** Runs `use` and destroys the client's connection when the signal fires, because a query that runs for hours does not see it. */
export async function abortOnSignal<T>(
	client: Client,
	signal: AbortSignal | undefined,
	use: () => Promise<T>,
): Promise<T> {
	const abort = () => client.connection.stream.destroy(cancelled());
	signal?.addEventListener('abort', abort, { once: true });
	try {
		return await use();
	} finally {
		signal?.removeEventListener('abort', abort);
	}
}
