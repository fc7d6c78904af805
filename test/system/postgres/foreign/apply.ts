import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CustomArchive, LargeObject, RestorePlan } from '../../../../engine/postgres/foreign';
import { lexScript } from '../../../../engine/postgres/script';
import type { PostgresServer } from '../../../services/postgres';

/** Runs what the readers deliver in the plainest way, so that a test sees the readers and nothing else. */
async function connected<T>(
	server: PostgresServer,
	database: string,
	work: (client: Client) => Promise<T>,
): Promise<T> {
	const client = new Client(server.clientConfig(database));
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

async function run(client: Client, sql: string): Promise<void> {
	await client.query(sql).catch((cause: unknown) => {
		throw new Error(`${String(cause)} in: ${sql.slice(0, 500)}`, { cause });
	});
}

async function copy(client: Client, statement: string, rows: AsyncIterable<Buffer>): Promise<void> {
	await pipeline(Readable.from(rows), client.query(copyFrom(statement)));
}

/** Runs a script as the lexer delivers it: each statement by itself. Answers how many there were. */
export async function applyScript(
	server: PostgresServer,
	database: string,
	source: AsyncIterable<Uint8Array>,
): Promise<{ statements: number; rows: number }> {
	return connected(server, database, async (client) => {
		const done = { statements: 0, rows: 0 };
		for await (const item of lexScript(source)) {
			if (item.type === 'meta') continue;
			done.statements++;
			if (item.type === 'statement') await run(client, item.text);
			else {
				await copy(client, item.statement, item.rows);
				done.rows += item.counts().lines;
			}
		}
		return done;
	});
}

/** Restores an archive as planned, its data in the order of the file. */
export async function applyPlan(
	server: PostgresServer,
	database: string,
	archive: CustomArchive,
	plan: RestorePlan,
): Promise<void> {
	const session = async (client: Client) => {
		for (const sql of plan.setup) await run(client, sql);
	};
	await connected(server, database, async (client) => {
		await session(client);
		for (const { sql } of plan.preData) await run(client, sql);
	});
	const planned = new Map(plan.data.map((data) => [data.entry, data]));
	await connected(server, database, async (client) => {
		await session(client);
		for await (const block of archive.blocks((entry) => planned.has(entry))) {
			for (const sql of planned.get(block.entry)!.session) await run(client, sql);
			if (block.type === 'copy') await copy(client, block.statement, block.rows);
			else if (block.type === 'large-objects') await putObjects(client, block.objects);
			else for await (const item of lexScript(block.sql)) if (item.type === 'statement') await run(client, item.text);
		}
	});
	await connected(server, database, async (client) => {
		await session(client);
		for (const { sql } of plan.postData) await run(client, sql);
	});
}

async function putObjects(client: Client, objects: AsyncIterable<LargeObject>): Promise<void> {
	for await (const { oid, data } of objects) {
		let offset = 0;
		for await (const chunk of data) {
			await client.query('SELECT pg_catalog.lo_put($1, $2, $3)', [oid, offset, chunk]);
			offset += chunk.length;
		}
	}
}
