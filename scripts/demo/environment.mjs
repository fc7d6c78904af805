import { join } from 'node:path';
import { startN8n } from '../../test/services/n8n.ts';
import { startPostgres } from '../../test/services/postgres.ts';
import { startQdrant } from '../../test/services/qdrant.ts';
import { startS3rver } from '../../test/services/s3/s3rver.ts';
import { startMailReceiver } from '../../test/services/smtp.ts';
import { root } from '../setup/paths.mjs';
import { createShop } from './sample-data.mjs';
import { createDocuments } from './sample-documents.mjs';
import { createObjects } from './sample-objects.mjs';
import { createArticles } from './sample-vectors.mjs';

/**
 * Starts PostgreSQL (the sample database, and n8n's own), Qdrant (a sample collection), an S3 server (buckets with sample documents), a
 * receiver of mail and n8n with our package. What comes back is what a scenario gets: `postgres`, `shop` (the sample database's name),
 * `qdrant`, `objects` (the S3 server), `documents` (the folder of the sample documents), `mail`, `n8n`, `backups` (the folder for archives),
 * `offsite` (what a storage of the second copies logs in with) and `stop()`.
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
		const objects = keep(await startS3rver());
		await createObjects(objects);
		const mail = keep(await startMailReceiver());
		const { host, port, user, password } = postgres;
		const database = { host, port, user, password, database: await postgres.createDatabase('n8n') };
		const env = { N8N_STACK_BACKUP_ALLOW_INSTANCE: 'true' };
		const n8n = keep(await startN8n({ packageFolder: root, database, env, editor: true }));
		const { filesFolder } = n8n.connection;
		const documents = createDocuments(join(filesFolder, 'documents'));
		const backups = join(filesFolder, 'backups');
		const { endpoint, region, accessKeyId, secretAccessKey } = objects;
		const access = { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true };
		const offsite = { type: 's3', bucket: 'offsite', ...access };
		return { postgres, shop, qdrant, objects, documents, mail, n8n, backups, offsite, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
