import { join } from 'node:path';
import { startN8n } from '../../test/services/n8n.ts';
import { startPostgres } from '../../test/services/postgres.ts';
import { root } from '../setup/paths.mjs';
import { createShop } from './sample-data.mjs';

/**
 * Starts PostgreSQL (the sample database, and n8n's own) and n8n with our package. What comes back is what a scenario gets:
 * `postgres`, `shop` (the sample database's name), `n8n` and `stop()`.
 */
export async function startEnvironment() {
	const postgres = await startPostgres({ version: 18 });
	try {
		const shop = await createShop(postgres);
		const { host, port, user, password } = postgres;
		const database = { host, port, user, password, database: await postgres.createDatabase('n8n') };
		const n8n = await startN8n({ packageFolder: root, database });
		return {
			postgres,
			shop,
			n8n,
			backups: join(n8n.connection.filesFolder, 'backups'),
			async stop() {
				await n8n.stop();
				await postgres.stop();
			},
		};
	} catch (error) {
		await postgres.stop();
		throw error;
	}
}
