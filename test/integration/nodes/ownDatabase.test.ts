import type { IExecuteFunctions } from 'n8n-workflow';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { checkOwnDatabase } from '../../../nodes/PostgresDump/ownDatabase';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { connectionTo, databaseWith, failureOf } from '../postgres/engine/support';

let server: PostgresServer;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});

afterAll(async () => {
	await server?.stop();
});

const context = {
	getExecutionId: () => '7',
	getWorkflow: () => ({ id: 'w' }),
	getExecutionCancelSignal: () => undefined,
} as unknown as IExecuteFunctions;

it('finds the execution beside tables that are only called like n8n\u2019s', async () => {
	const database = await databaseWith(
		server,
		'CREATE TABLE a_execution_entity (id int)',
		'CREATE TABLE execution_entity (id int, "workflowId" text, "stoppedAt" timestamptz, status text)',
		'CREATE TABLE z_execution_entity (id int)',
	);
	const check = () =>
		checkOwnDatabase(
			context,
			connectionTo(server, 'postgres'),
			{ type: 'replace', database, confirmation: database },
			false,
		);
	await expect(check()).resolves.toBeUndefined();
	await server.query(database, `INSERT INTO execution_entity VALUES (7, 'w', NULL, 'running')`);
	await failureOf(check(), 'NOT_CONFIRMED');
});
