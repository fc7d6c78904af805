import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as SshClient } from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
	ArchiveSource,
	backUpDatabase,
	checkConnection,
	FolderStorage,
	openArchive,
	restoreDatabase,
} from '../../../../engine';
import type { PostgresConnection } from '../../../../engine';
import { SshTunnelStream } from '../../../../nodes/shared/sshTunnelStream';
import { removeFolder, temporaryFolder } from '../../../services/guard';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { type SshServer, startSsh } from '../../../services/ssh';

let server: PostgresServer;
let ssh: SshServer;
let client: SshClient;
const folder = temporaryFolder('ssh-tunnel');

beforeAll(async () => {
	[server, ssh] = await Promise.all([startPostgres({ version: 18, ssl: true }), startSsh()]);
	client = await connectedClient();
});

afterAll(async () => {
	client.end();
	await Promise.all([server.stop(), ssh.stop()]);
	removeFolder(folder);
});

async function connectedClient(): Promise<SshClient> {
	const made = new SshClient();
	made.on('error', () => undefined);
	made.connect({ host: ssh.host, port: ssh.port, username: ssh.username, password: ssh.password });
	await once(made, 'ready');
	return made;
}

function through(tunnel: SshClient, more: Partial<PostgresConnection> = {}): PostgresConnection {
	const { host, port, user, password } = server;
	return { host, port, user, password, database: 'postgres', openStream: () => new SshTunnelStream(tunnel), ...more };
}

it('carries several connections of a backup and a restore, with and without TLS inside', async () => {
	await server.query(
		'postgres',
		`CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 30000) n`,
	);
	const storage = new FolderStorage({ root: folder });
	for (const ssl of [false, { rejectUnauthorized: false }]) {
		const connection = through(client, { ssl });
		const manifest = await backUpDatabase({ connection, storage, codec: { name: 'none' }, parallel: 3 });
		const reader = await openArchive(storage, { manifest, folder: 'postgres' });
		const database = `copy_${ssl ? 'tls' : 'plain'}`;
		const source = new ArchiveSource(reader);
		const report = await restoreDatabase({ connection, source, target: { type: 'newDatabase', database } });
		expect(report).toMatchObject({ rows: 30000, failures: [] });
	}
});

it('reports a server that cannot be reached from the other end', async () => {
	await expect(checkConnection(through(client, { port: 1 }))).rejects.toMatchObject({
		message: expect.stringMatching(/Could not connect/),
	});
});

it('ends with an error when the SSH connection is lost, and leaves the next one to others', async () => {
	const lost = await connectedClient();
	const stream = new SshTunnelStream(lost);
	stream.connect(server.port, server.host);
	await once(stream, 'connect');
	const failure = once(stream, 'error');
	lost.destroy();
	expect((await failure)[0]).toMatchObject({ code: 'ECONNRESET' });
	await expect(checkConnection(through(lost))).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
	await checkConnection(through(client));
});

it('closes its channel when it is destroyed, at whatever moment', async () => {
	const stream = new SshTunnelStream(client);
	stream.connect(server.port, server.host);
	stream.destroy();
	const other = new SshTunnelStream(client);
	other.connect(server.port, server.host);
	await once(other, 'connect');
	other.destroy();
	for (let count = -1; count !== 0; await sleep(20)) {
		const { rows } = await server.query<{ count: number }>(
			'postgres',
			`SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
		);
		count = rows[0]!.count;
	}
});
