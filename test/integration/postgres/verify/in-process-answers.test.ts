import { Client } from 'pg';
import { expect, it } from 'vitest';

import { runOne } from '../../../../engine/postgres/runOne';
import { InProcessServer } from '../../../../engine/postgres/verify/inProcess/pglite';
import { InProcessStream } from '../../../../engine/postgres/verify/inProcess/stream';

it('PostgreSQL in memory answers each query once, also after one that it refused', async () => {
	const server = await InProcessServer.start({ extensions: [], rawBytes: 0 });
	const stream = () => new InProcessStream(server, []) as never;
	const client = new Client({ user: 'postgres', database: 'postgres', ssl: false, stream });
	try {
		await client.connect();
		let answers = 0;
		client.connection.on('readyForQuery', () => answers++);
		for (let number = 0; number < 3; number++) {
			// The next one waits while this is answered.
			const refused = runOne(client, 'SELECT nothing FROM nowhere').catch((error: Error) => error.message);
			const next = client.query<{ number: number }>(`SELECT ${number} AS number`);
			expect(await refused).toMatch(/nowhere/);
			expect((await next).rows).toEqual([{ number }]);
		}
		expect(answers).toBe(6);
	} finally {
		await client.end();
		await server.stop();
	}
});
