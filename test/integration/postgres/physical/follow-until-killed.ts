import { followWal } from '../../../../engine/postgres/physical/wal';
import { FolderStorage } from '../../../../engine/storage';

// Follows the WAL of a server into a folder until somebody kills it.
const [root = '', connection = '', slot = ''] = process.argv.slice(2);
followWal({
	storage: new FolderStorage({ root }),
	codec: { name: 'zstd', level: 1 },
	connection: JSON.parse(connection),
	slot,
	interval: 50,
	signal: new AbortController().signal,
	events: {
		onStored: ({ endLsn }) => void process.stdout.write(`${endLsn}\n`),
		onGap: () => void process.stdout.write('gap\n'),
		onTrouble: ({ message }) => void process.stderr.write(`${message}\n`),
		notice: () => {},
	},
}).catch((error: unknown) => {
	process.stderr.write(String(error));
	process.exitCode = 1;
});
