/**
 * Starts PostgreSQL in memory, in a process of its own: `in-memory.ts busy` keeps it at work for ever and prints the id of
 * the process that it runs in; `in-memory.ts full` starts it where no more files can be opened and prints what came of it.
 */
import { openSync } from 'node:fs';

import { BackupError } from '../../../../engine/errors';
import { encodeQuery } from '../../../../engine/postgres/protocol';
import { InProcessServer } from '../../../../engine/postgres/verify/inProcess/pglite';

const START = { extensions: [], rawBytes: 0 };

async function busy(): Promise<void> {
	const server = await InProcessServer.start(START);
	const answered = server.exchange(encodeQuery(Buffer.from('DO $$ BEGIN LOOP END LOOP; END $$')), () => {});
	console.log(server.processId);
	await answered;
}

function takeAllFiles(): void {
	try {
		for (;;) openSync('/dev/null', 'r');
	} catch {
		// That was the last one.
	}
}

async function full(): Promise<void> {
	takeAllFiles();
	const result = await InProcessServer.start(START).catch((error: unknown) => error);
	console.log(result instanceof BackupError ? `${result.code} ${result.message}` : result);
}

void (process.argv[2] === 'busy' ? busy() : full());
