import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PostgresConnection } from '../../../../engine/postgres/connection';
import { formatLsn, segmentName } from '../../../../engine/postgres/physical/lsn';
import {
	createPhysicalSlot,
	dropSlot,
	identifySystem,
	readSlot,
	showBytes,
	showSetting,
	textOf,
	withWalSender,
	type WalSender,
} from '../../../../engine/postgres/physical/protocol';
import { startPostgres, type PostgresServer } from '../../../services/postgres';

let server: PostgresServer;
const connectionOf = (more: Partial<PostgresConnection> = {}): PostgresConnection => {
	const { host, port, user, password } = server;
	return { host, port, user, password, database: 'postgres', ...more };
};
const asWalSender = <T>(use: (sender: WalSender) => Promise<T>, signal?: AbortSignal) =>
	withWalSender(connectionOf(), { signal }, use);

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
});
afterAll(() => server.stop());

describe('a walsender', () => {
	it('says which system it is, what its settings are and where its log is', async () => {
		const { rows } = await server.query<{ system: string; segment: string }>(
			'postgres',
			'SELECT system_identifier::text AS system, pg_walfile_name(pg_current_wal_flush_lsn()) AS segment FROM pg_control_system()',
		);
		await asWalSender(async (sender) => {
			const { systemIdentifier, timeline, position } = await identifySystem(sender);
			expect({ systemIdentifier, timeline }).toEqual({ systemIdentifier: rows[0]!.system, timeline: 1 });
			const segmentBytes = await showBytes(sender, 'wal_segment_size');
			expect(segmentName(timeline, position, segmentBytes)).toBe(rows[0]!.segment);
			expect(await showSetting(sender, 'wal_level')).toBe('replica');
		});
	});

	it('makes, shows and drops a slot; what it refuses ends the command, not the connection', async () => {
		await asWalSender(async (sender) => {
			expect(await readSlot(sender, 'n8n_test')).toBeUndefined();
			await createPhysicalSlot(sender, 'n8n_test');
			await expect(createPhysicalSlot(sender, 'n8n_test')).rejects.toMatchObject({
				code: 'SOURCE_FAILED',
				message: expect.stringContaining('Could not create the replication slot n8n_test: '),
			});
			const slot = await readSlot(sender, 'n8n_test');
			expect(slot?.restartTimeline).toBe(1);
			expect(slot?.restartLsn).toBeGreaterThan(0n);
			await dropSlot(sender, 'n8n_test');
			await expect(dropSlot(sender, 'n8n_test')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
		});
		await expect(asWalSender((sender) => createPhysicalSlot(sender, 'Not-a-slot'))).rejects.toThrow(
			'"Not-a-slot" cannot be the name of a replication slot.',
		);
	});

	it('streams WAL both ways, and takes commands again after that', async () => {
		await asWalSender(async (sender) => {
			const { position } = await identifySystem(sender);
			const stream = await sender.copyBoth(
				`START_REPLICATION PHYSICAL ${formatLsn(position)} TIMELINE 1`,
				'Could not stream WAL',
			);
			await server.query(
				'postgres',
				"SELECT pg_logical_emit_message(false, 'test', repeat('x', 300000)), pg_switch_wal()",
			);
			let next = position;
			while (next < position + 300_000n) {
				const message = (await stream.next())!;
				if (message[0] !== 0x77) continue;
				expect(message.readBigUInt64BE(1)).toBe(next);
				next += BigInt(message.length - 25);
			}
			const status = Buffer.alloc(34);
			status[0] = 0x72;
			for (const at of [1, 9, 17]) status.writeBigUInt64BE(next, at);
			await stream.send(status);
			expect(await stream.finish()).toEqual([]);
			expect((await identifySystem(sender)).position).toBeGreaterThanOrEqual(next);
		});
	});

	it('says why it does not stream', async () => {
		const start = async (sender: WalSender) => {
			const stream = await sender.copyBoth('START_REPLICATION PHYSICAL 0/0 TIMELINE 1', 'Could not read WAL');
			return await stream.next();
		};
		await expect(asWalSender(start)).rejects.toMatchObject({
			code: 'SOURCE_FAILED',
			hint: expect.stringContaining('The server has removed WAL'),
		});
	});

	it('ends at once when the run is cancelled, and whoever waits is told so', async () => {
		const cancel = new AbortController();
		const streaming = asWalSender(async (sender) => {
			const { position } = await identifySystem(sender);
			const stream = await sender.copyBoth(
				`START_REPLICATION PHYSICAL ${formatLsn(position)} TIMELINE 1`,
				'Could not stream WAL',
			);
			setImmediate(() => cancel.abort());
			for (;;) await stream.next();
		}, cancel.signal);
		await expect(streaming).rejects.toMatchObject({ code: 'CANCELLED' });
		await expect(asWalSender(identifySystem, cancel.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
	});

	it('hands out the data of a command piece by piece, with the rows around it', async () => {
		await asWalSender(async (sender) => {
			const seen: string[] = [];
			const kinds = new Set<string>();
			const command = "BASE_BACKUP (LABEL 'test', CHECKPOINT 'fast', WAL false, MANIFEST 'yes')";
			for await (const event of sender.answer(command, 'Could not back up')) {
				if (event.type === 'data') kinds.add(String.fromCharCode(event.bytes[0] as number));
				else seen.push(event.type === 'rows' ? `rows:${event.rows.length}` : event.type);
			}
			expect(seen).toEqual(['rows:1', 'rows:1', 'copy', 'copyEnd', 'rows:1']);
			expect([...kinds].sort()).toEqual(['d', 'm', 'n', 'p']);
			const [row] = await sender.query('IDENTIFY_SYSTEM', 'Could not ask');
			expect(textOf(row, 'timeline')).toBe('1');
		});
	});

	it('says what a role lacks to log in as one', async () => {
		await server.query('postgres', "CREATE ROLE plain LOGIN PASSWORD 'secret'");
		const plain = connectionOf({ user: 'plain', password: 'secret' });
		await expect(withWalSender(plain, {}, identifySystem)).rejects.toMatchObject({
			code: 'ACCESS_DENIED',
			hint: expect.stringContaining('ALTER ROLE <user> REPLICATION'),
		});
	});
});
