import { join } from 'node:path';
import { startN8n } from '../../test/services/n8n.ts';
import { startPostgres } from '../../test/services/postgres.ts';
import { startQdrant } from '../../test/services/qdrant.ts';
import { startMailReceiver } from '../../test/services/smtp.ts';
import { root } from '../setup/paths.mjs';
import { createShop } from './sample-data.mjs';
import { createDocuments } from './sample-documents.mjs';
import { createArticles } from './sample-vectors.mjs';

/**
 * Starts PostgreSQL (the sample database, and n8n's own), Qdrant (a sample collection), a receiver of mail and n8n with our package. What comes
 * back is what a scenario gets: `postgres`, `shop` (the sample database's name), `qdrant`, `documents` (the folder of the sample documents), `mail`, `n8n`, `backups` (the folder for
 * archives) and `stop()`.
 */
export async function startEnvironment() {
	const started = [];
	const stop = async () => {
		for (const service of started.reverse()) await service.stop();
	};
	const keep = (service) => {
		started.push(service);
		return service;
	};
	try {
		const postgres = keep(await startPostgres({ version: 18 }));
		const shop = await createShop(postgres);
		const qdrant = keep(await startQdrant({ apiKey: 'demo', onDisk: true }));
		await createArticles(qdrant);
		const mail = keep(await startMailReceiver());
		const { host, port, user, password } = postgres;
		const database = { host, port, user, password, database: await postgres.createDatabase('n8n') };
		const n8n = keep(await startN8n({ packageFolder: root, database }));
		const { filesFolder } = n8n.connection;
		const documents = createDocuments(join(filesFolder, 'documents'));
		return { postgres, shop, qdrant, documents, mail, n8n, backups: join(filesFolder, 'backups'), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
