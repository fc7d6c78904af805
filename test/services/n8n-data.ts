import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from './guard';
import { runN8n } from './n8n-cli';
import { assertInstalled, N8N_MODULES } from './n8n-install';
import { startPostgres } from './postgres';
import { keepData } from './postgres-data';

const CACHE = join(__dirname, '..', '..', '.cache');
const VARIABLE = 'STACK_BACKUP_N8N_DATA';

/** The prepared data folder of PostgreSQL 18 with n8n's empty tables, where `prepareN8nData` has run. */
export const preparedN8nData = (): string | undefined => process.env[VARIABLE];

/**
 * Makes, once for a version of n8n and before any test, the data of a PostgreSQL 18 in which n8n's tables stand, empty: some
 * 280 migrations, which each start with a new database would run, take longer than the rest of the start. It has no
 * owner yet, and nothing that an encryption key has written.
 */
export default async function prepareN8nData(): Promise<void> {
	assertInstalled();
	const { version } = JSON.parse(readFileSync(join(N8N_MODULES, 'n8n', 'package.json'), 'utf8')) as { version: string };
	const kept = join(CACHE, 'n8n-data', version);
	if (!existsSync(kept)) await make(kept);
	process.env[VARIABLE] = kept;
}

async function make(kept: string): Promise<void> {
	mkdirSync(join(kept, '..'), { recursive: true });
	const draft = mkdtempSync(`${kept}-draft-`);
	const userFolder = temporaryFolder('n8n-data');
	const postgres = await startPostgres({ version: 18 });
	try {
		const { host, port, user, password } = postgres;
		// Any command of n8n's brings the tables up to its version.
		await runN8n({ userFolder, database: { host, port, user, password, database: 'postgres' } }, 'list:workflow');
		await postgres.kill('SIGINT');
		await keepData(postgres, draft);
		// Another run may have been quicker: its data are as good.
		if (!existsSync(kept)) renameSync(draft, kept);
	} finally {
		rmSync(draft, { recursive: true, force: true });
		await postgres.stop();
		removeFolder(userFolder);
	}
}
