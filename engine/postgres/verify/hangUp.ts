import type { Client } from 'pg';

import { cancelled } from '../../errors';

/** Runs `use`, and ends the client's connection when the signal fires: a query that runs for hours hears of nothing else. */
export async function hangingUp<T>(client: Client, signal: AbortSignal | undefined, use: () => Promise<T>): Promise<T> {
	const hangUp = () => client.connection.stream.destroy(cancelled());
	signal?.addEventListener('abort', hangUp, { once: true });
	try {
		return await use();
	} finally {
		signal?.removeEventListener('abort', hangUp);
	}
}
